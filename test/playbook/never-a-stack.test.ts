// Whatever a playbook holds, what comes out is findings, never an exception of ours.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { findingsOf } from "./memory-files.js";
import { scopeOf } from "./scopes.js";

const folder = join(process.cwd(), "test/playbook/broken");
const corpus = readdirSync(folder)
  .filter((one) => one.endsWith(".yml"))
  .map((one) => readFileSync(join(folder, one), "utf8"));

const nodes = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.constantFrom("x", "{{x}}", "", "yes", "a=1 b=2"),
    fc.array(tie("any"), { maxLength: 3 }),
    tie("map"),
  ),
  map: fc.dictionary(
    fc.constantFrom(
      ..."hosts tasks roles handlers vars vars_files pre_tasks block rescue always name debug command copy template file assert set_fact when loop loop_control register notify listen until tags become environment import_tasks include_tasks import_role include_role meta import_playbook module_defaults serial args msg that role with_items action".split(
        " ",
      ),
    ),
    tie("any"),
    { maxKeys: 5 },
  ),
})).any;

async function isCalm(text: string): Promise<void> {
  try {
    assert.doesNotMatch(await findingsOf({ "site.yml": text }), /undefined:|\bat .*\.js:|\[object Object\]|NaN/);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
  }
}

describe("whatever is written", () => {
  it("law: plays of any shape give findings", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(nodes, { maxLength: 3 }), (plays) => isCalm(JSON.stringify(plays))),
      { numRuns: 400 },
    );
  });

  it("law: playbooks with characters lost, doubled or swapped give findings", async () => {
    const change = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom("drop", "double", "newline", "brace", "cut"),
      of: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...corpus),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        async (text, changes) => {
          let broken = text;
          for (const { at, kind } of changes) {
            const index = broken.length === 0 ? 0 : at % broken.length;
            const [head, tail] = [broken.slice(0, index), broken.slice(index)];
            broken = {
              drop: head + tail.slice(1),
              double: head + tail.slice(0, 1) + tail,
              newline: `${head}\n${tail}`,
              brace: `${head}{{${tail}`,
              cut: head,
            }[kind];
          }
          await isCalm(broken);
        },
      ),
      { numRuns: 600 },
    );
  });

  it("law: templates and conditions give values or errors that say where", () => {
    const scope = scopeOf("a: 1\nb: [x, {c: d}]\ne: text");
    const piece = fc.constantFrom(
      "{{",
      "}}",
      "{",
      "}",
      "#if ",
      "/if",
      "#each b",
      "else",
      "a",
      "b",
      " ",
      "(",
      ")",
      "upper",
      ".",
      "[0]",
      "'x'",
      '"',
      "|",
      "==",
      "=",
      "~",
      "@index",
      "../",
      "\\",
      "\n",
      "!",
      "> p",
      "null",
      "default",
      "&&",
      "in",
      "is defined",
      "?",
      ":",
      ",",
      "1",
      "has(",
      "vars.",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        for (const work of [
          () => templateOfText("t", text).render(scope),
          () => conditionOf("when", text).evaluate(scope),
        ]) {
          try {
            work();
          } catch (error) {
            assert.ok(error instanceof CrunError, `${JSON.stringify(text)}: ${String(error)}`);
            assert.ok(error.diagnostics.every((one) => one.place?.line !== undefined));
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
