// A tree that is the host's own root: it sees all and changes nothing of it.

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries } from "../lab/canaries.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { assertStates, runTasks } from "./crun-tasks.js";

describe("a tree over the host's own root", function () {
  this.timeout(60_000);
  const scope = testScope();
  let trees: string;
  let name: string;
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mount", "umount"] });
    trees = scope.tempDir("trees");
    name = join(trees, "trial");
    scope.defer(() => void run(["umount", "-q", name]));
  });

  it("takes what is changed for itself, and goes away without a trace of it", async () => {
    const options = { trees: [trees], files: ["/etc/passwd", "/etc/hosts", "/etc/machine-id", "/etc/crun-trial"] };
    const before = canaries(options);
    const task = { tree: { name, host: true } };
    assertStates(await runTasks(scope, "local", [task, task]), ["changed", "ok"]);
    const [wrote, told] = await runTasks(scope, name, [
      { copy: { dest: "/etc/crun-trial", content: "only here\n" } },
      { command: { argv: ["sh", "-c", "cat /etc/crun-trial; rm /etc/hosts; wc -c </etc/machine-id"] } },
    ]);
    assert.equal(wrote?.status, "changed", wrote?.message);
    assert.equal(told?.result["stdout"], "only here\n0");
    assert(!existsSync("/etc/crun-trial"));
    assert(existsSync("/etc/hosts"));
    const record = JSON.parse(readFileSync(join(trees, ".crun/trial.json"), "utf8")) as Readonly<
      Record<string, unknown>
    >;
    assert.deepEqual([record["backend"], record["base"]], ["overlay", { path: "/" }]);
    const gone = { tree: { name, state: "absent" } };
    assertStates(await runTasks(scope, "local", [gone, gone]), ["changed", "ok"]);
    assert(!existsSync(name));
    await assertUnharmed(before, options);
  });

  it("is an overlay, or refused where another storage is asked for", async () => {
    const [told] = await runTasks(scope, "local", [{ tree: { name, host: true, backend: "directory" } }]);
    assert.equal(told?.status, "failed");
    assert.match(told?.message ?? "", /host makes trees with the backend overlay, not directory/);
    assert.throws(() => rmdirSync(name));
  });
});
