// Homes that are given to another owner.

import assert from "node:assert/strict";
import { changeOwner } from "../../src/facts/home.js";
import { AccountProblem } from "../../src/facts/user-account.js";
import type { ListObservation } from "../../src/module/probe.js";
import { modelOf, statAt } from "../module/harness.js";

const home = "/home/ann";

function listOf(isTruncated: boolean): ListObservation {
  const stat = statAt(modelOf({ [home]: { type: "directory", mode: 0o755, uid: 1000, gid: 1000 } }), home);
  assert.ok(stat);
  return { kind: "list", real: home, stat, isTruncated, entries: [] };
}

describe("a home with more files than one look shows", () => {
  it("is not given to another owner in part: the account would say that it was", () => {
    const [before, after] = [
      { uid: 1000, gid: 1000 },
      { uid: 1000, gid: 2000 },
    ];
    assert.throws(() => changeOwner(home, listOf(true), before, after), AccountProblem);
    assert.equal(changeOwner(home, listOf(false), before, after).length, 1);
  });

  it("may be moved, where nobody else gets it", () => {
    const owner = { uid: 1000, gid: 1000 };
    assert.deepEqual(changeOwner(home, listOf(true), owner, owner), []);
  });
});
