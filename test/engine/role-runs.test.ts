// A role that is listed twice with the same arguments runs once on a target.

import assert from "node:assert/strict";
import { RoleRuns } from "../../src/engine/role-runs.js";
import type { RoleInfo } from "../../src/playbook/play.js";

const role = (once: string | undefined): RoleInfo => ({ name: "web", path: "/roles/web", defaults: [], once });

describe("roles that run once", () => {
  it("passes over a second entry after a task of the first was carried out", () => {
    const runs = new RoleRuns();
    const [first, second] = [role("web"), role("web")];
    assert.equal(runs.hasRun(second), false);
    runs.note(first);
    assert.equal(runs.hasRun(first), false);
    assert.equal(runs.hasRun(second), true);
  });

  it("keeps entries with other arguments, and roles that allow duplicates", () => {
    const runs = new RoleRuns();
    runs.note(role("web"));
    runs.note(role(undefined));
    assert.equal(runs.hasRun(role('web {"port":80}')), false);
    assert.equal(runs.hasRun(role(undefined)), false);
    assert.equal(runs.hasRun(undefined), false);
  });
});
