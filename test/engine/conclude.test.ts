// What of a plan counts as a change, and what of it when it was broken off.

import assert from "node:assert/strict";
import { isCounted } from "../../src/engine/task/conclude.js";
import type { Change, Outcome } from "../../src/module/change.js";

const directory: Change = { kind: "makeDirectory", path: "/d", expect: {} };
const lock: Change = { kind: "lock", path: "/etc/.pwd.lock", timeoutMs: 1000, expect: {} };
const program: Change = { kind: "exec", exec: { argv: ["p"] } };
const full: Outcome = { failure: { errno: 28, code: "system", step: "open", path: "/d", message: "" } };

function ended(kind: "exited" | "not-started", value: number): Outcome {
  return { exit: { kind, value, wallMs: 0, cpuMs: 0 } };
}

describe("what counts as a change", () => {
  const cases: readonly (readonly [string, readonly Change[], readonly Outcome[] | undefined, boolean])[] = [
    ["what is planned", [directory], undefined, true],
    ["what was made", [directory], [{}], true],
    ["not what could not be made", [directory, directory], [full], false],
    ["what was made before something could not be", [directory, directory], [{}, full], true],
    ["not a lock", [lock, directory], [{}, full], false],
    ["not a lock alone", [lock], undefined, false],
    ["a program that failed: what it did nobody knows", [program], [ended("exited", 1)], true],
    ["not a program that never began", [program], [ended("not-started", 0)], false],
    ["not a program that only looks", [{ ...program, isUncounted: true }], [ended("exited", 0)], false],
    ["not what was not come to", [program, directory], [], false],
  ];
  for (const [name, changes, outcomes, isChange] of cases) {
    it(name, () => {
      assert.equal(isCounted({ changes }, outcomes), isChange);
    });
  }
});
