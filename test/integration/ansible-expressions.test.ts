// Expressions of Ansible's: rendered by Ansible itself, and by crun as what its messages say to write instead, in templates and in conditions.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { celOfJinja } from "../../src/playbook/jinja/jinja-to-cel.js";
import { handlebarsOfJinja } from "../../src/playbook/jinja/jinja-to-handlebars.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { plainOf, readYaml } from "../../src/playbook/yaml/yaml.js";
import { requireOrSkip } from "../lab/needs.js";

const folder = join(process.cwd(), "test/integration/ansible-expressions");

/**
 * A line is an expression of Jinja; behind `=>` what to write instead where crun's messages do not say it; behind `!=` what crun gives where
 * it differs on purpose; `!!` where both refuse.
 */
interface Case {
  readonly jinja: string;
  readonly handlebars: string | undefined;
  readonly differs: unknown;
  readonly fails: boolean;
}

function casesOf(file: string): Case[] {
  return readFileSync(join(folder, file), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, jinja = "", own, other, fails] = /^(.*?)(?: => (.*?))?(?: != (\S.*))?( !!)?$/.exec(line) ?? [];
      const isComparison = other !== undefined && !/^["[{\dfnt-]/.test(other);
      return {
        jinja: isComparison ? line : jinja,
        handlebars: own,
        differs: other === undefined || isComparison ? undefined : JSON.parse(other),
        fails: fails !== undefined,
      };
    });
}

type Answer = { readonly value: unknown } | { readonly error: string };

function ansible(variables: unknown, expressions: readonly string[]): Answer[] {
  // Debian's own, for which its Ansible is installed.
  const done = spawnSync("/usr/bin/python3", [join(folder, "render.py")], {
    input: JSON.stringify({ directory: folder, variables, expressions }),
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
  });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout) as Answer[];
}

function answerOf(work: () => unknown): Answer {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof CrunError) return { error: error.message };
    throw error;
  }
}

describe("expressions as Ansible has them", () => {
  const files = readdirSync(folder).filter((one) => one.endsWith(".txt"));
  const variables = plainOf(
    readYaml("variables.yml", readFileSync(join(folder, "variables.yml"), "utf8")) ?? assert.fail(),
  );
  const scope = createScope([rawLayer("vars", { ...(variables as Record<string, unknown>), playbook_dir: folder })]);
  const answers = new Map<string, Answer>();

  before(function () {
    requireOrSkip(this, { tools: ["ansible-playbook"] });
    this.timeout(60_000);
    process.env["CRUN_TEST_VALUE"] = "some value";
    const all = files.flatMap(casesOf);
    ansible(
      variables,
      all.map((one) => one.jinja),
    ).forEach((answer, index) => answers.set(all[index]?.jinja ?? "", answer));
  });
  after(() => delete process.env["CRUN_TEST_VALUE"]);

  for (const file of files) {
    describe(file.replace(".txt", ""), () => {
      for (const { jinja, handlebars, differs, fails } of casesOf(file)) {
        it(jinja, () => {
          const theirs = answers.get(jinja);
          assert.ok(theirs);
          assert.equal("error" in theirs, fails && differs === undefined, JSON.stringify(theirs));
          const expected = differs === undefined && "value" in theirs ? theirs.value : differs;
          const template = handlebars === undefined ? handlebarsOfJinja(jinja) : `{{${handlebars}}}`;
          assert.ok(template !== undefined, "crun has no words for it");
          const cel = handlebars === undefined ? celOfJinja(jinja) : undefined;
          const ours: [string, Answer][] = [
            [template, answerOf(() => templateOfText("template", template).render(scope))],
          ];
          if (cel !== undefined) ours.push([cel, answerOf(() => conditionOf("condition", cel).evaluate(scope))]);
          for (const [text, answer] of ours) {
            if (fails) assert.ok("error" in answer, `${text} gives ${JSON.stringify(answer)}`);
            else assert.deepEqual("value" in answer ? answer.value : answer, expected, text);
          }
        });
      }
    });
  }
});
