// Keeps track of real trees: snapshots on btrfs and manifests elsewhere, what two runs at once and interrupted ones leave.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareTrees } from "../../src/target/compare-trees.js";
import { connect } from "../../src/target/connect.js";
import type { HostSession } from "../../src/target/session.js";
import { Snapshots } from "../../src/target/snapshots.js";
import { differenceLine } from "../../src/tree/difference-text.js";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

const local = {
  name: "local",
  kind: "local",
  address: "local",
  connectTimeoutMs: 10_000,
  connectRetries: 0,
  keepaliveIntervalMs: 0,
  acceptsNewHostKeys: false,
} as const;

/** Passwd, a secret, a link that leads out: all that a tree needs here. */
function smallTree(path: string): string {
  mkdirSync(join(path, "etc"), { recursive: true });
  mkdirSync(join(path, "root"), { mode: 0o700 });
  writeFileSync(join(path, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(path, "etc/shadow"), "root:*:1::::::\n", { mode: 0o640 });
  writeFileSync(join(path, "etc/hostname"), "one\n");
  return path;
}

describe("snapshots of trees", function () {
  this.timeout(240_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let session: HostSession;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs"] });
    pool = await btrfsPool(scope, { tree: smallTree(join(scope.tempDir("small"), "tree")), sizeMib: 256 });
    session = await connect(local, () => Promise.resolve(undefined));
    scope.defer(() => session.close());
  });

  function snapshotsOf(path: string): Snapshots {
    const snapshots = new Snapshots(session, path, `local:${path}`);
    scope.defer(() => snapshots.close());
    return snapshots;
  }

  const wish = (kind: "single" | "before" | "after", run?: string): Parameters<Snapshots["take"]>[0] => ({
    kind,
    takenAt: "2026-01-02T03:04:05.000Z",
    by: "me@here",
    ...(run === undefined ? {} : { run, playbook: "site.yml" }),
  });
  const numbers = async (one: Snapshots): Promise<number[]> => (await one.list()).map(({ number }) => number);
  const kept = (tree: string): string[] => readdirSync(join(pool.directory, ".crun/snapshots", tree)).sort();

  it("are read-only subvolumes on btrfs, numbered, with what made them", async () => {
    const tree = await pool.snapshot("web1");
    const snapshots = snapshotsOf(tree);
    assert.deepEqual(await snapshots.list(), []);
    const one = await snapshots.take({ ...wish("before", "r1"), note: "first" }, undefined);
    writeFileSync(join(tree, "etc/hostname"), "two\n");
    chmodSync(join(tree, "etc/passwd"), 0o600);
    const two = await snapshots.take(wish("after", "r1"), undefined);
    assert.deepEqual([one.number, two.number, one.storage], [1, 2, "btrfs"]);
    assert.deepEqual((await snapshots.list())[0], {
      version: 1,
      number: 1,
      storage: "btrfs",
      ...wish("before", "r1"),
      note: "first",
    });
    assert.throws(() => writeFileSync(join(pool.directory, ".crun/snapshots/web1/1/etc/x"), ""), /EROFS/);
    const found = await compareTrees(await snapshots.compared(one), await snapshots.compared(two), {
      isSuccessor: true,
    });
    assert.deepEqual(found.map(differenceLine), [
      "~ /etc/hostname  content (4 bytes)",
      "~ /etc/passwd  mode 0644 → 0600",
    ]);
    await assert.rejects(snapshots.get(9), /no snapshot 9/);
    await assert.rejects(snapshots.remove([9]), /no snapshot 9/);
    await snapshots.remove([1]);
    assert.deepEqual(kept("web1"), ["2", "2.json"]);
    assert.equal((await must(["stat", "-c", "%a", join(pool.directory, ".crun")])).trim(), "700");
  });

  it("keep what the newest runs left, and all that was taken by hand", async () => {
    const snapshots = snapshotsOf(await pool.snapshot("web2"));
    await snapshots.take(wish("single"), 2);
    for (const run of ["a", "b", "c"]) {
      await snapshots.take(wish("before", run), 2);
      await snapshots.take(wish("after", run), 2);
    }
    assert.deepEqual(await numbers(snapshots), [1, 4, 5, 6, 7]);
    assert.deepEqual(
      kept("web2").filter((name) => !name.includes(".")),
      ["1", "4", "5", "6", "7"],
    );
  });

  it("take numbers of their own when several are taken at once, and the directories are not there yet", async () => {
    const tree = await pool.snapshot("web3");
    rmSync(join(pool.directory, ".crun/snapshots"), { recursive: true, force: true });
    const all = [1, 2, 3].map(() => snapshotsOf(tree));
    const taken = await Promise.all(all.map((one) => one.take(wish("single"), undefined)));
    assert.deepEqual(taken.map(({ number }) => number).sort(), [1, 2, 3]);
  });

  it("count nothing that was interrupted, and take it away the next time", async () => {
    const tree = await pool.snapshot("web4");
    const snapshots = snapshotsOf(tree);
    await snapshots.take(wish("single"), undefined);
    const base = join(pool.directory, ".crun/snapshots/web4");
    await must(["btrfs", "subvolume", "snapshot", "-r", tree, join(base, "2")]);
    writeFileSync(join(base, "3.manifest.gz"), "half");
    assert.deepEqual(await numbers(snapshots), [1]);
    const next = await snapshots.take(wish("single"), undefined);
    assert.equal(next.number, 4);
    assert.deepEqual(kept("web4"), ["1", "1.json", "4", "4.json"]);
  });

  it("are manifests where the storage has none, which tell all but contents", async () => {
    const tree = smallTree(join(scope.tempDir("plain"), "tree"));
    const snapshots = snapshotsOf(tree);
    const one = await snapshots.take(wish("after", "r1"), undefined);
    assert.equal(one.storage, "manifest");
    writeFileSync(join(tree, "etc/hostname"), "two\n");
    const now = { kind: "session", session: snapshots.tree } as const;
    const found = await compareTrees(await snapshots.compared(one), now, { isSuccessor: true });
    assert.deepEqual(found.map(differenceLine), ["~ /etc/hostname  content (4 bytes)"]);
    // The second one reads only what was touched since.
    const two = await snapshots.take(wish("after", "r2"), undefined);
    assert.deepEqual(await compareTrees(await snapshots.compared(two), now, { isSuccessor: true }), []);
    const again = await compareTrees(await snapshots.compared(one), await snapshots.compared(two), {});
    assert.deepEqual(
      again.map(({ path }) => path),
      ["/etc/hostname"],
    );
    const file = join(tree, "../.crun/snapshots/tree/1.manifest.gz");
    writeFileSync(file, readFileSync(file).subarray(0, 40));
    await assert.rejects(snapshots.compared(one), /manifest of snapshot 1/);
  });

  it("refuse a tree that is not there, and leave nothing", async () => {
    const directory = scope.tempDir("none");
    await assert.rejects(snapshotsOf(join(directory, "nothing")).take(wish("single"), undefined), /no such tree/);
    assert.ok(!existsSync(join(directory, ".crun")));
  });
});
