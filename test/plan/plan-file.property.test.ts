// The file of a plan: it comes back as it was written, and no byte of it can be another.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { contentOf } from "../../src/module/content.js";
import { decodePlan } from "../../src/plan/plan-file.js";
import type { SavedPlan } from "../../src/plan/saved-plan.js";
import { anyPlan } from "./any-plan.js";
import { bytesOf } from "./plans.js";

describe("the file of a plan", function () {
  this.timeout(60_000);

  it("gives back the plan that was written", () => {
    fc.assert(
      fc.property(anyPlan, (plan) => assert.deepEqual(decodePlan("p", bytesOf(plan)).plan, plan)),
      { numRuns: 300 },
    );
  });

  it("holds contents of any size once, in pieces", () => {
    const big = contentOf(Buffer.alloc(2.5 * 1024 * 1024, "crun "));
    const [plan] = fc.sample(
      anyPlan.filter(({ steps }) => steps.length > 0),
      { numRuns: 1, seed: 1 },
    );
    const [step] = plan?.steps ?? [];
    assert.ok(plan && step);
    const write = { kind: "writeFile", path: "/a", content: big, expect: {} } as const;
    const large: SavedPlan = {
      ...plan,
      steps: [{ ...step, changes: [write, { ...write, path: "/b" }], texts: ["a", "b"] }],
    };
    const data = bytesOf(large);
    assert.ok(data.length < 100_000, "compressed, and once");
    assert.deepEqual(decodePlan("p", data).plan.steps, large.steps);
  });

  it("is refused with any byte changed, added or taken away", () => {
    const edit = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.integer({ min: 1, max: 255 }),
    );
    fc.assert(
      fc.property(anyPlan, edit, fc.constantFrom("change", "add", "cut", "drop"), (plan, [where, by], how) => {
        const data = bytesOf(plan);
        const index = Math.floor(where * data.length);
        const byte = Buffer.from([(data[index] ?? 0) ^ by]);
        const rest = data.subarray(index + 1);
        const start = data.subarray(0, index);
        const edited = {
          change: Buffer.concat([start, byte, rest]),
          add: Buffer.concat([start, byte, data.subarray(index)]),
          cut: start,
          drop: Buffer.concat([start, rest]),
        }[how];
        if (edited.equals(data)) return; // one of two equal neighbours was dropped and is still there
        assert.throws(() => decodePlan("p", edited), CrunError);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused in plain words where a stranger made its digest fit, whatever he wrote", () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, "", "x", 1.5, [], {}, "../../etc", "\0"));
    fc.assert(
      fc.property(anyPlan, fc.nat(), value, fc.boolean(), (plan, at, other, isGone) => {
        const lines = bytesOf(plan).toString("utf8").trimEnd().split("\n").slice(0, -1);
        const line = at % lines.length;
        const parsed: unknown = JSON.parse(lines[line] ?? "");
        const places = placesIn(parsed);
        const [holder, key] = places[at % places.length] ?? [];
        if (holder === undefined || key === undefined) return;
        if (isGone) Reflect.deleteProperty(holder, key);
        else Reflect.set(holder, key, other);
        lines[line] = JSON.stringify(parsed);
        const text = lines.map((one) => `${one}\n`).join("");
        const sha256 = createHash("sha256").update(text).digest("hex");
        try {
          decodePlan("p", Buffer.from(`${text}${JSON.stringify({ sha256 })}\n`));
        } catch (error) {
          assert.ok(error instanceof CrunError, String(error));
          assert.match(error.message, /the plan p /);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** Every key of every map and list in the value, with who holds it. */
function placesIn(value: unknown): [object, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]): [object, string][] => [[value, key], ...placesIn(one)]);
}
