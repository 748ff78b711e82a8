// Whatever stands in an inventory, a pattern or -e: it is read, or refused with a CrunError that says where.

import assert from "node:assert/strict";
import fc from "fast-check";
import { extraVars } from "../../src/cli/extra-vars.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { buildGraph } from "../../src/inventory/graph.js";
import { readIni } from "../../src/inventory/ini.js";
import { parseJson } from "../../src/inventory/json.js";
import { matchPattern, splitPattern } from "../../src/inventory/pattern.js";
import { expandRanges } from "../../src/inventory/ranges.js";
import { readScriptInventory, withHostvars } from "../../src/inventory/script-form.js";
import { readYamlInventory } from "../../src/inventory/yaml-form.js";
import { language } from "../../src/playbook/language.js";

function refusesOrReads(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    assert.ok(error.diagnostics.length > 0);
    for (const { summary } of error.diagnostics) assert.notEqual(summary, "");
  }
}

const words = [
  "[",
  "]",
  "[web]",
  "[web:vars]",
  "[web:children]",
  "[all:vars]",
  ":",
  "=",
  "#",
  ";",
  "'",
  '"',
  "\\",
  "{{",
  "}}",
  "\t",
  "\r",
  " ",
  "\n",
  "web",
  "db",
  "node[1:3]",
  "x=1",
  "x='",
  "- ",
  "---",
  "hosts:",
  "children:",
  "vars:",
  "{",
  "}",
  ",",
  "*",
  "?",
  "!",
  "&",
  "~",
  "[0]",
  "[1:]",
  "(",
  ")",
  "null",
  "1",
  "\u0000",
  "\u001b[2J",
  "ä",
  "\uFEFF",
  "__proto__",
  "constructor",
  "_meta",
  "hostvars",
];
const text = fc.oneof(
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
);

describe("anything as an inventory", () => {
  it("in INI form", () => {
    fc.assert(
      fc.property(text, (one) => refusesOrReads(() => buildGraph([readIni(one, "hosts")], language))),
      { numRuns: 1000 },
    );
  });

  it("in YAML form", () => {
    const read = (one: string): unknown => {
      const root = language.readYaml("hosts.yml", one);
      return root && buildGraph([readYamlInventory(root, "hosts.yml", language)], language);
    };
    fc.assert(
      fc.property(text, (one) => refusesOrReads(() => read(one))),
      { numRuns: 1000 },
    );
    const shape = fc.object({
      key: fc.constantFrom("all", "web", "hosts", "children", "vars", "a", "__proto__", "x y", "1"),
      maxDepth: 5,
    });
    fc.assert(
      fc.property(shape, (one) => refusesOrReads(() => read(JSON.stringify(one)))),
      { numRuns: 2000 },
    );
  });

  it("printed by a program", () => {
    const shape = fc.object({
      key: fc.constantFrom("all", "web", "hosts", "children", "vars", "_meta", "hostvars", "a", "__proto__"),
      maxDepth: 4,
    });
    fc.assert(
      fc.property(shape, (one) =>
        refusesOrReads(() => {
          const read = readScriptInventory(JSON.parse(JSON.stringify(one)), "hosts.sh", { file: "its output" });
          return buildGraph([withHostvars(read, read.hostvars ?? {}, "hosts.sh")], language);
        }),
      ),
      { numRuns: 1000 },
    );
  });

  it("as JSON, whose fault is always found within it", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.json().chain((json) => fc.nat(json.length).map((at) => json.slice(0, at) + json.slice(at + 1))),
        ),
        (one) => {
          try {
            parseJson(one, "it");
          } catch (error) {
            assert.ok(error instanceof CrunError);
            const { line = 0, column = 0 } = error.diagnostics[0]?.place ?? {};
            const lines = one.split("\n");
            assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${JSON.stringify(one)}`);
            assert.ok(
              column >= 1 && column <= (lines[line - 1] ?? "").length + 1,
              `column ${column} of ${JSON.stringify(one)}`,
            );
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("as a pattern", () => {
    const names = {
      targets: new Map([
        ["a", 1],
        ["n:web", 1],
      ]),
      groups: new Map([
        ["all", ["a", "n:web"]],
        ["web", ["n:web"]],
        ["none", []],
      ]),
      hosts: new Set(["a", "n"]),
      implicit: () => undefined,
      mayCome: () => false,
    };
    fc.assert(
      fc.property(text, (one) => {
        splitPattern(one);
        refusesOrReads(() => matchPattern(one, names));
      }),
      { numRuns: 2000 },
    );
  });

  it("as a range or as -e", () => {
    fc.assert(
      fc.property(text, (one) => void expandRanges(one)),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(text, (one) => {
        if (!one.startsWith("@")) refusesOrReads(() => extraVars([one]));
      }),
      { numRuns: 2000 },
    );
  });
});
