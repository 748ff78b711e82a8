// The schemas that `crun schema` prints, as an editor uses them: by the validator of the YAML language server.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TextDocument } from "vscode-languageserver-textdocument";
import { getLanguageService, type LanguageService } from "yaml-language-server";
import { modules } from "../../modules/index.js";
import { schemaOf, type SchemaKind } from "../../src/cli/schema.js";
import * as keywords from "../../src/playbook/load/keywords.js";
import { keywordSchemas } from "../../src/playbook/schema/keyword-schema.js";
import { repositoryRoot } from "../lab/process.js";

const kinds = ["playbook", "tasks", "inventory"] as const;
const uri = (kind: SchemaKind): string => `file:///${kind}.json`;
let service: LanguageService;
/** The service remembers documents by name and version. */
let version = 0;

/** What the editor underlines: `line: message`. */
async function underlined(kind: SchemaKind, text: string): Promise<string[]> {
  const document = TextDocument.create(`file:///${kind}.yml`, "yaml", ++version, text);
  const found = await service.doValidation(document, false);
  return found.map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}

function yamlFiles(folder: string): string[] {
  return readdirSync(join(repositoryRoot(), folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yml"))
    .map((name) => join(folder, name));
}

function kindOf(path: string): SchemaKind | undefined {
  if (/\/(?:tasks|handlers)\//.test(path)) return "tasks";
  if (path.endsWith("hosts.yml")) return "inventory";
  if (path.endsWith("release.yml")) return "tasks";
  return /\/(?:group_vars|host_vars|defaults|vars|meta)\//.test(path) ? undefined : "playbook";
}

describe("the schemas for editors", () => {
  before(async () => {
    const texts = new Map<string, string>();
    for (const kind of kinds) texts.set(uri(kind), JSON.stringify(await schemaOf(kind)));
    service = getLanguageService({
      schemaRequestService: (asked) => Promise.resolve(texts.get(asked) ?? ""),
      workspaceContext: { resolveRelativePath: (path) => path },
    });
    const schemas = kinds.map((kind) => ({
      uri: uri(kind),
      fileMatch: [`${kind}.yml`],
    }));
    service.configure({ validate: true, schemas, customTags: ["!vault scalar", "!unsafe scalar"], yamlVersion: "1.2" });
  });

  it("know every keyword that crun takes", () => {
    const tables = Object.entries(keywords).flatMap(([name, table]) =>
      name.endsWith("_KEYWORDS") && typeof table === "object" && !(table instanceof Set) ? [table] : [],
    );
    assert.ok(tables.length >= 6);
    const taken = tables.flatMap((table) =>
      Object.entries(table).flatMap(([key, state]) => (state === true ? [key] : [])),
    );
    const loopControl = Object.entries(keywords.LOOP_CONTROL_KEYWORDS).flatMap(([key, state]) =>
      state === true ? [key] : [],
    );
    const missing = [...new Set(taken)].filter((key) => !(key in keywordSchemas) && !loopControl.includes(key));
    assert.deepEqual(missing, []);
    assert.deepEqual(Object.keys(Object(keywordSchemas["loop_control"]?.["properties"])).sort(), loopControl.sort());
  });

  for (const path of ["playbooks", "test/bench", "test/integration/whole-run"].flatMap(yamlFiles)) {
    const kind = kindOf(path);
    if (kind)
      it(`find nothing wrong with ${path}`, async () => {
        assert.deepEqual(await underlined(kind, readFileSync(join(repositoryRoot(), path), "utf8")), []);
      });
  }

  it("find nothing wrong with any module's examples", async () => {
    for (const name of modules.names) {
      const module = await modules.load(name);
      for (const { title, yaml } of module?.examples ?? []) {
        const task = yaml.trimStart().startsWith("-") ? yaml : `- ${yaml.trimEnd().replaceAll("\n", "\n  ")}\n`;
        assert.deepEqual(await underlined("tasks", task), [], `${name}: ${title}`);
      }
    }
  });

  const wrong: readonly (readonly [why: string, kind: SchemaKind, text: string, expected: readonly RegExp[]])[] = [
    ["a misspelt keyword", "tasks", "- copy: {dest: /a, content: x}\n  whne: x\n", [/^2: .*whne/]],
    ["a misspelt parameter", "tasks", "- copy:\n    dest: /a\n    contnet: x\n", [/^3: .*contnet/]],
    ["a misspelt module", "tasks", "- cpoy: {dest: /a}\n", [/^1: .*cpoy/]],
    ["a task without a module", "tasks", "- name: nothing\n", [/^1: /]],
    ["a parameter that is missing", "tasks", "- file:\n    state: directory\n", [/^1: .*"path"/]],
    ["a choice that there is not", "tasks", "- file:\n    path: /a\n    state: dir\n", [/^3: .*absent.*directory/]],
    ["a list for a boolean", "tasks", "- copy:\n    dest: /a\n    content: x\n    backup: [1]\n", [/^4: /]],
    ["text for a number", "tasks", "- user:\n    name: x\n    uid: many\n", [/^3: /]],
    ["an unknown word for meta", "tasks", "- meta: flush\n", [/^1: .*flush_handlers/]],
    ["a play without hosts", "playbook", "- tasks: []\n", [/^1: .*hosts/]],
    ["a misspelt keyword of a play", "playbook", "- hosts: all\n  taks: []\n", [/^2: .*taks/]],
    ["a map for tasks", "playbook", "- hosts: all\n  tasks:\n    copy: {dest: /a}\n", [/^3: /]],
    ["a variable that is no name", "playbook", "- hosts: all\n  vars:\n    my-port: 1\n", [/^3: /]],
    ["an unknown key of loop_control", "tasks", "- debug:\n  loop: [1]\n  loop_control: {lable: x}\n", [/^3: .*lable/]],
    ["a keyword inside a block", "tasks", "- block:\n    - debug:\n  registre: x\n", [/^3: .*registre/]],
    ["a group's misspelt key", "inventory", "web:\n  host:\n    a:\n", [/^2: .*host/]],
    ["a list of hosts", "inventory", "web:\n  hosts: [a, b]\n", [/^2: /]],
  ];
  for (const [why, kind, text, expected] of wrong) {
    it(`underline ${why}`, async () => {
      const found = await underlined(kind, text);
      for (const one of expected)
        assert.ok(
          found.some((line) => one.test(line)),
          `${String(one)} in ${found.join("\n")}`,
        );
    });
  }

  it("take templates, aliases, free text, full names and Ansible's words for booleans", async () => {
    const text = [
      "- ansible.builtin.copy: { src: a, dest: /a, backup: yes, mode: u=rw }",
      '- file: { name: /a, state: "{{state}}", recurse: "{{x}}" }',
      "- command: ls -l",
      "- shell: ls | wc",
      "- apt: { pkg: a, update_cache: on }",
      '- user: { name: x, uid: "{{uid}}", groups: a }',
      "- copy: { src: a }",
      "  args: { dest: /a }",
      "- set_fact: { anything: [1, 2] }",
      "- block: [{ debug: }]",
      "  rescue: [{ meta: noop }]",
      "  when: x",
    ].join("\n");
    assert.deepEqual(await underlined("tasks", text), []);
  });
});
