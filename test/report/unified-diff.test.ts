// Unified diffs: they make the one text of the other, and end in bounded time where everything is different.

import assert from "node:assert/strict";
import { applyPatch } from "diff";
import fc from "fast-check";
import { paintOf } from "../../src/report/paint.js";
import { unifiedDiff } from "../../src/report/unified-diff.js";

const paint = paintOf(false);
const difference = (before: string, after: string): string => unifiedDiff({ title: "/f", before, after }, paint);
const lines = (count: number, word: string): string =>
  Array.from({ length: count }, (_, index) => `${word}${index}\n`).join("");

describe("unified diffs", () => {
  it("make the one text of the other, the nearest way or not", () => {
    const line = fc.constantFrom("a\n", "b\n", "c\n", "\n");
    const text = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom("", "end"))
      .map((one) => one.flat().join(""));
    // What lies between is long enough that no nearest way is looked for.
    const long = fc.constantFrom("", lines(1200, "x"), lines(1300, "y"));
    fc.assert(
      fc.property(text, text, text, text, long, long, (head, one, other, tail, before, after) => {
        const [old, fresh] = [head + one + before + tail, head + other + after + tail];
        if (old !== fresh) assert.equal(applyPatch(old, difference(old, fresh)), fresh);
      }),
      { numRuns: 60 },
    );
  });

  it("say how many lines stand where, as diff does", () => {
    const [old, fresh] = [`a\nb\nc\nd\n${lines(2000, "x")}e\nf\ng\nh\n`, `a\nb\nc\nd\n${lines(1500, "y")}e\nf\ng\nh\n`];
    const shown = difference(old, fresh).split("\n");
    assert.deepEqual(shown.slice(0, 7), ["--- /f", "+++ /f", "@@ -2,2006 +2,1506 @@", " b", " c", " d", "-x0"]);
    assert.deepEqual(shown.slice(-5), ["+y1499", " e", " f", " g", ""]);
  });

  it("of texts that a tree made up against it take no time by the square of their lines", () => {
    const started = process.cpuUsage();
    difference(lines(40_000, "x"), lines(40_000, "y"));
    difference("a\nb\n".repeat(130_000), lines(3000, "z"));
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1e6 < 8, `${(user + system) / 1e6} s of the processor`);
  });
});
