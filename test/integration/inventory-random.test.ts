// Random inventories of several sources: crun and ansible-inventory must see the same groups, order and values in each.

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import fc from "fast-check";
import { ansible } from "../lab/ansible.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { shownByAnsible, shownByCrun, type Shown } from "./beside-ansible.js";
import { Workplace } from "./cli.js";

const groupNames = Array.from({ length: 12 }, (_, index) => `g${String.fromCharCode(97 + ((index * 7) % 12))}`);
const hostNames = Array.from({ length: 10 }, (_, index) => `h${index}`);
const variableNames = ["x", "y", "z"];

type Vars = Readonly<Record<string, unknown>>;

interface Group {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly children: readonly string[];
  readonly vars: Vars;
}

interface Source {
  readonly form: "ini" | "yaml" | "program";
  readonly groups: readonly Group[];
  readonly hostVars: Readonly<Record<string, Vars>>;
  readonly files: Readonly<Record<string, Vars>>;
}

const value = fc.oneof(
  fc.integer({ min: -99, max: 99 }),
  fc.constantFrom(true, false, null),
  fc.stringMatching(/^[a-z]{1,6}$/),
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
);
const vars = fc.dictionary(fc.constantFrom(...variableNames), value, { maxKeys: 2, noNullPrototype: true });
/** Children come later in the list of names, so that no circle can be. */
const group = (index: number): fc.Arbitrary<Group> =>
  fc.record({
    name: fc.constant(groupNames[index] ?? ""),
    hosts: fc.subarray(hostNames, { maxLength: 4 }),
    children: fc.subarray(groupNames.slice(index + 1), { maxLength: Math.min(3, groupNames.length - index - 1) }),
    vars: fc
      .tuple(vars, fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }))
      .map(([own, priority]) => (priority === undefined ? own : { ...own, ansible_group_priority: priority })),
  });
const source: fc.Arbitrary<Source> = fc.record({
  form: fc.constantFrom("ini" as const, "yaml" as const, "program" as const),
  groups: fc.tuple(...groupNames.map((_, index) => group(index))),
  hostVars: fc.dictionary(fc.constantFrom(...hostNames), vars, { maxKeys: 6, noNullPrototype: true }),
  files: fc.dictionary(
    fc.oneof(
      fc.constantFrom("all", ...groupNames).map((name) => `group_vars/${name}.yml`),
      fc.constantFrom(...hostNames).map((name) => `host_vars/${name}.yml`),
    ),
    vars,
    { maxKeys: 5, noNullPrototype: true },
  ),
});

function python(one: unknown): string {
  return JSON.stringify(one).replace(
    /\b(?:true|false|null)\b/g,
    (word) => ({ true: "True", false: "False", null: "None" })[word] ?? word,
  );
}

function iniText({ groups, hostVars }: Source): string {
  const inline = (host: string): string =>
    Object.entries(hostVars[host] ?? {})
      .map(([name, one]) => ` ${name}='${python(one)}'`)
      .join("");
  return groups
    .map(({ name, hosts, children, vars: own }) =>
      [
        `[${name}]`,
        ...hosts.map((host) => `${host}${inline(host)}`),
        `[${name}:children]`,
        ...children,
        `[${name}:vars]`,
        ...Object.entries(own).map(([key, one]) => `${key} = ${python(one)}`),
      ].join("\n"),
    )
    .join("\n\n");
}

function yamlText({ groups, hostVars }: Source): string {
  const all = groups.map(({ name, hosts, children, vars: own }) => [
    name,
    {
      hosts: Object.fromEntries(hosts.map((host) => [host, hostVars[host] ?? null])),
      children: Object.fromEntries(children.map((child) => [child, null])),
      vars: own,
    },
  ]);
  return JSON.stringify(Object.fromEntries(all), undefined, 1);
}

function programText({ groups, hostVars }: Source): string {
  const all = groups.map(({ name, ...rest }) => [name, rest]);
  return `#!/bin/sh\ncat <<'END'\n${JSON.stringify({ ...Object.fromEntries(all), _meta: { hostvars: hostVars } })}\nEND\n`;
}

const suffixes = { ini: "hosts", yaml: "hosts.yml", program: "hosts.sh" };

function filesOf(sources: readonly Source[]): {
  readonly files: Record<string, string>;
  readonly names: readonly string[];
} {
  const files: Record<string, string> = {};
  const names = sources.map((one, index) => {
    const name = `s${index}/${suffixes[one.form]}`;
    files[name] = one.form === "ini" ? iniText(one) : one.form === "yaml" ? yamlText(one) : programText(one);
    for (const [path, own] of Object.entries(one.files)) files[`s${index}/${path}`] = JSON.stringify(own);
    return name;
  });
  return { files, names };
}

describe("random inventories", function () {
  this.timeout(300_000);
  let held = 0;
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { tools: ["ansible-inventory"] });
  });

  for (const [index, sources] of fc
    .sample(fc.array(source, { minLength: 1, maxLength: 3 }), { numRuns: 12, seed: 214 })
    .entries())
    it(`number ${index + 1}, of ${sources.map(({ form }) => form).join(", ")}, are what ansible-inventory says`, async () => {
      const { files, names } = filesOf(sources);
      const place = new Workplace(scope, files);
      for (const name of names) if (name.endsWith(".sh")) chmodSync(`${place.directory}/${name}`, 0o755);
      const args = [...names.flatMap((name) => ["-i", name]), "--list"];
      const own = await place.crun(["inventory", ...args]);
      assert.equal(own.status, 0, own.stderr);
      const theirs = await ansible("ansible-inventory", args, { cwd: place.directory, env: place.environment });
      assert.equal(theirs.status, 0, theirs.stderr);
      assert.deepEqual(JSON.parse(own.stdout), JSON.parse(theirs.stdout));
      held += own.stdout.split("\n").length;
    });

  it("and they hold something", () => assert.ok(held > 500, `${held} lines`));
});

/** Only one group has children: where several have, Ansible's order is that of a hash. */
const inventory = `[web]
w[1:6]
[db]
d1
d2
w2
[app]
a-[a:d]
[prod:children]
app
web
[stage]
w4
d1
a-c
[all:vars]
ansible_connection=local
`;

/** `*[1:]` is left out: Ansible counts targets of several groups several times there. One part of a pattern: names of groups and targets, globs, regular expressions, positions. */
const part = fc
  .tuple(
    fc.constantFrom("", "", "!", "&"),
    fc.constantFrom(
      "all",
      "web",
      "db",
      "app",
      "prod",
      "stage",
      "w1",
      "d2",
      "a-b",
      "w*",
      "*1",
      "a-?",
      "w[!2]",
      "?2",
      "pr*",
      "~w[1-3]",
      "~.*[ac]$",
      "~st|d",
      "*",
    ),
    fc.constantFrom("", "", "", "[0]", "[-1]", "[0:1]", "[1:]"),
  )
  .map(
    ([sign, name, slice]) => `${sign}${name}${name.startsWith("~") || name.includes("[") || name === "*" ? "" : slice}`,
  );

describe("random patterns", function () {
  this.timeout(120_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { tools: ["ansible-playbook"] });
  });

  it("stand for what Ansible takes them for, in its order", async () => {
    const patterns = fc
      .sample(fc.array(part, { minLength: 1, maxLength: 4 }), { numRuns: 120, seed: 7 })
      .map((all) => all.join(","));
    const plays = patterns.map((hosts, index) => ({
      hosts,
      gather_facts: false,
      tasks: [{ name: `in ${index}`, debug: { msg: { all: "{{ ansible_play_hosts_all }}" } }, run_once: true }],
    }));
    const place = new Workplace(scope, { hosts: inventory, "site.yml": JSON.stringify(plays) });
    const byPattern = (shown: Shown): Record<string, unknown> =>
      Object.fromEntries(Object.entries(shown).map(([key, msg]) => [key.replace(/^.*: in /, ""), msg]));
    const own = byPattern(await shownByCrun(place, ["-i", "hosts", "site.yml"]));
    const theirs = byPattern(await shownByAnsible(place, ["-i", "hosts", "site.yml"]));
    assert.ok(Object.keys(own).length > 60);
    for (const [index, pattern] of patterns.entries()) assert.deepEqual(own[index], theirs[index], pattern);
  });
});
