// Groups that a play before makes are known before the run, as far as they are written out; others are refused by name.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modules } from "../../modules/index.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { loadPlaybook } from "../../src/playbook/load/load.js";
import { preflight } from "../../src/playbook/preflight/preflight.js";

/** What is wrong with the patterns of these plays: each a pattern and tasks. */
async function wrongIn(plays: readonly (readonly [hosts: string, ...tasks: string[]])[]): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "crun-made-"));
  try {
    const text = plays.map(([hosts, ...tasks]) => [
      `- hosts: ${hosts}`,
      "  tasks:",
      ...tasks.map((one) => `    - ${one}`),
    ]);
    const file = join(directory, "site.yml");
    writeFileSync(file, `${text.flat().join("\n")}\n`);
    const loaded = await loadPlaybook(file, { modules });
    const known = new Set(["all", "web"]);
    const found = await preflight([loaded], {
      layers: undefined,
      checkPattern: (pattern, mayCome) => {
        const unknown = pattern.split(",").filter((name) => !known.has(name) && !mayCome(name));
        if (unknown.length > 0) throw new CrunError({ severity: "error", summary: `unknown ${unknown.join()}` });
      },
    });
    return found.flatMap(({ severity, summary, place, remedy }) =>
      severity === "error" ? [`${place?.line}: ${summary}${remedy === undefined ? "" : `; ${remedy}`}`] : [],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ping = "ping:";

describe("names that tasks make", () => {
  const known: readonly (readonly [string, string, string])[] = [
    ["a name of add_host", "add_host: {name: fresh}", "fresh"],
    ["a group of add_host", "add_host: {name: x, groups: [a, fresh]}", "fresh"],
    ["groups as text with commas", 'add_host: {name: x, groups: "a, fresh"}', "a,fresh"],
    ["a key of group_by", "group_by: {key: fresh}", "fresh"],
    ["a key with blanks", "group_by: {key: very fresh}", "very-fresh"],
    ["a parent of group_by", "group_by: {key: a, parents: [b, fresh]}", "fresh"],
    ["what a template can become", 'group_by: {key: "os_{{facts.os}}"}', "os_debian"],
    ["what a template in a list can become", 'add_host: {name: x, groups: ["a_{{n}}", b]}', "a_5,b"],
    ["each item of a loop that is written out", '{add_host: {name: "h{{item}}"}, loop: [1, 2]}', "h1,h2"],
    ["each key of maps in a loop", '{add_host: {name: "{{item.n}}"}, loop: [{n: p}, {n: q}]}', "p,q"],
  ];
  for (const [what, task, pattern] of known)
    it(`are known: ${what}`, async () =>
      assert.deepEqual(
        await wrongIn([
          ["all", task],
          [pattern, ping],
        ]),
        [],
      ));

  it("are not what a template cannot become", async () => {
    assert.deepEqual(
      await wrongIn([
        ["all", 'group_by: {key: "os_{{facts.os}}"}'],
        ["arch_x86", ping],
      ]),
      ["4: unknown arch_x86"],
    );
    assert.deepEqual(
      await wrongIn([
        ["all", '{add_host: {name: "h{{item}}"}, loop: [1, 2]}'],
        ["h3", ping],
      ]),
      ['4: unknown h3; Did you mean "h1"?'],
    );
  });

  it("are not known in the play that makes them, nor before it", async () => {
    assert.deepEqual(await wrongIn([["fresh", "add_host: {name: x, groups: fresh}"]]), ["1: unknown fresh"]);
    assert.deepEqual(
      await wrongIn([
        ["fresh", ping],
        ["all", "group_by: {key: fresh}"],
      ]),
      ["1: unknown fresh"],
    );
  });

  it("are named where a pattern is nearly one of them", async () => {
    assert.deepEqual(
      await wrongIn([
        ["all", "add_host: {name: x, groups: frontends}"],
        ["frontend", ping],
      ]),
      ['4: unknown frontend; Did you mean "frontends"?'],
    );
  });

  it("may be any where a file is included by a name that is a template", async () => {
    assert.deepEqual(
      await wrongIn([
        ["all", 'include_tasks: "{{x}}.yml"'],
        ["whatever", ping],
      ]),
      [],
    );
  });
});
