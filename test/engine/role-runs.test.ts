// A role that is used twice with the same arguments runs once on a target.

import assert from "node:assert/strict";
import { RoleRuns } from "../../src/engine/role-runs.js";
import type { RoleInfo } from "../../src/playbook/play.js";

const role = (key: string, isRepeatable = false): RoleInfo => ({
  name: "web",
  path: "/roles/web",
  defaults: [],
  parents: [],
  key,
  isIncluded: false,
  isRepeatable,
});

describe("roles that run once", () => {
  it("passes over the next use when the first was come through, and a task of it carried out", () => {
    const runs = new RoleRuns();
    runs.note(role("web"));
    assert.equal(runs.isDone(role("web")), false);
    runs.complete(role("web"));
    assert.equal(runs.isDone(role("web")), true);
  });

  it("runs it again where all of it was skipped", () => {
    const runs = new RoleRuns();
    runs.complete(role("web"));
    assert.equal(runs.isDone(role("web")), false);
  });

  it("keeps uses with other arguments, and those that allow duplicates", () => {
    const runs = new RoleRuns();
    runs.note(role("web"));
    runs.complete(role("web"));
    assert.equal(runs.isDone(role('web {"port":80}')), false);
    assert.equal(runs.isDone(role("web", true)), false);
    assert.equal(runs.isDone(undefined), false);
  });

  it("takes back an end that was reached on supposition, but not one that was reached before", () => {
    const runs = new RoleRuns();
    runs.note(role("web"));
    const undo = runs.complete(role("web"));
    const undoAgain = runs.complete(role("web"));
    undoAgain();
    assert.equal(runs.isDone(role("web")), true);
    undo();
    assert.equal(runs.isDone(role("web")), false);
  });
});
