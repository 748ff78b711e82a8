// The canaries die when they should: of a mount, a process, a changed host file, a cgroup, and of nothing else.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertUnharmed, canaries, canaryChanges } from "./canaries.js";
import { requireOrSkip } from "./needs.js";
import { must } from "./process.js";
import { testScope } from "./scope.js";
import { overlayTree, rootOverlay } from "./trees.js";

function commandOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    // not there yet
    return "";
  }
}

describe("lab: canaries", function () {
  this.timeout(20_000);
  const scope = testScope();
  let tree: string;
  let file: string;

  before(async function () {
    requireOrSkip(this, { root: true });
    tree = await rootOverlay(scope);
    file = join(scope.tempDir("canary"), "file");
    writeFileSync(file, "alive");
  });

  it("live when a tree was used and left", async () => {
    const options = { trees: [tree], files: [file] };
    const before = canaries(options);
    await must(["chroot", tree, "sh", "-c", "echo x > /etc/x"]);
    await assertUnharmed(before, options);
  });

  it("die of a mount that was left in the tree", async () => {
    const options = { trees: [tree], files: [] };
    const before = canaries(options);
    await must(["mount", "-t", "tmpfs", "left", join(tree, "mnt")]);
    const changes = canaryChanges(before, canaries(options));
    await must(["umount", join(tree, "mnt")]);
    assert.deepEqual(changes, [`+ mount ${join(tree, "mnt")}: tmpfs left /`]);
  });

  it("die of a process that was left in the tree", async () => {
    const options = { trees: [await overlayTree(scope, tree)], files: [] };
    const before = canaries(options);
    const child = spawn("chroot", [options.trees[0] ?? "", "sleep", "60"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // until then it is chroot
    for (let tries = 0; tries < 250 && !/^sleep$/m.test(commandOf(child.pid)); tries++)
      await new Promise((go) => setTimeout(go, 20));
    await assert.rejects(
      async () => {
        for (let tries = 0; tries < 50; tries++) {
          await assertUnharmed(before, options, 0);
          await new Promise((go) => setTimeout(go, 20));
        }
      },
      new RegExp(`\\+ process ${child.pid} sleep: root`),
    );
    child.kill("SIGKILL");
    await ended;
    await assertUnharmed(before, options);
  });

  it("die of a changed mode of a host file", () => {
    const options = { trees: [], files: [file] };
    const before = canaries(options);
    chmodSync(file, 0o600);
    assert.equal(canaryChanges(before, canaries(options)).length, 2);
  });

  it("die of a cgroup that was left", function () {
    requireOrSkip(this, { paths: ["/sys/fs/cgroup"] });
    const options = { trees: [], files: [], cgroups: /canary-test/ };
    const before = canaries(options);
    const parent = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => {
      try {
        mkdirSync(join(path, `canary-test-${process.pid}`));
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(parent !== undefined, "no cgroup hierarchy takes a directory");
    const changes = canaryChanges(before, canaries(options));
    rmdirSync(join(parent, `canary-test-${process.pid}`));
    assert.deepEqual(changes, [`+ cgroup ${join(parent, `canary-test-${process.pid}`)}`]);
  });
});
