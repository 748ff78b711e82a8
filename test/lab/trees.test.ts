// The trees are what they say: pristine bases, writes that stay in the overlay, snapshots of their own, a tree of two files.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "./btrfs.js";
import { mountPointsBelow, mountTable } from "./mounts.js";
import { requireOrSkip } from "./needs.js";
import { must, run } from "./process.js";
import { Scope, testScope } from "./scope.js";
import { bootableTree, debianTree, emptyTree, overlayTree, rootOverlay } from "./trees.js";

describe("lab: trees", function () {
  this.timeout(300_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "btrfs"], paths: ["/dev/loop-control"] });
  });

  it("debianTree() is a bookworm whose own dpkg says that it is whole", async () => {
    const tree = await debianTree();
    assert.match(readFileSync(join(tree, "etc/os-release"), "utf8"), /VERSION_CODENAME=bookworm/);
    assert.equal((await must(["chroot", tree, "dpkg", "--audit"])).trim(), "");
  });

  it("debianTree() asked for by several processes at once is built once and the same for all", async () => {
    const [one, other] = await Promise.all([debianTree(), debianTree()]);
    assert.equal(one, other);
  });

  it("bootableTree() has an init", async () => {
    assert.ok(existsSync(join(await bootableTree(), "lib/systemd/systemd")));
  });

  it("overlayTree() keeps writes and removals away from its base", async () => {
    const base = await debianTree();
    const tree = await overlayTree(scope, base);
    writeFileSync(join(tree, "etc/motd"), "changed\n");
    rmSync(join(tree, "etc/os-release"));
    assert.notEqual(readFileSync(join(base, "etc/motd"), "utf8"), "changed\n");
    assert.ok(existsSync(join(base, "etc/os-release")));
  });

  it("overlayTree() is unmounted and removed when its scope ends", async () => {
    const inner = new Scope();
    const tree = await overlayTree(inner, await debianTree());
    assert.equal(mountPointsBelow(tree).length, 1);
    await inner.end();
    assert.equal(mountPointsBelow(tree).length, 0);
    assert.ok(!existsSync(tree));
  });

  it("a scope refuses to end in silence when something is still mounted in it, and harms nothing through the mount", async () => {
    const inner = new Scope();
    const precious = scope.tempDir("precious");
    writeFileSync(join(precious, "file"), "kept");
    const directory = inner.tempDir("leak");
    await must(["mount", "--bind", precious, directory]);
    await assert.rejects(inner.end(), /still mounted/);
    assert.equal(readFileSync(join(precious, "file"), "utf8"), "kept");
    assert.ok(!existsSync(directory));
  });

  it("rootOverlay() runs the machine's own programs and leaves its files alone", async () => {
    const tree = await rootOverlay(scope);
    await must(["chroot", tree, "sh", "-c", "echo demo > /etc/crun-lab-demo"]);
    assert.equal(readFileSync(join(tree, "etc/crun-lab-demo"), "utf8"), "demo\n");
    assert.ok(!existsSync("/etc/crun-lab-demo"));
  });

  it("emptyTree() holds passwd and group and nothing that could run", () => {
    const tree = emptyTree(scope);
    assert.deepEqual(readdirSync(tree), ["etc"]);
    assert.deepEqual(readdirSync(join(tree, "etc")), ["group", "passwd"]);
  });

  it("btrfsPool() gives subvolumes that do not see each other's writes, and goes with its loop device", async () => {
    const inner = new Scope();
    const pool = await btrfsPool(inner);
    const one = await pool.snapshot("one");
    const other = await pool.snapshot("other", one);
    await must(["btrfs", "subvolume", "show", one]);
    writeFileSync(join(one, "etc/motd"), "one\n");
    assert.notEqual(readFileSync(join(other, "etc/motd"), "utf8"), "one\n");
    assert.equal((await run(["chroot", one, "true"])).status, 0);
    await pool.remove("other");
    assert.ok(!existsSync(other));
    const device = mountTable().find((mount) => mount.mountPoint === pool.directory)?.source ?? "";
    assert.match(device, /^\/dev\/loop/);
    await inner.end();
    assert.ok(!(await must(["losetup", "--list", "--output", "BACK-FILE"])).includes(pool.directory));
  });
});
