// How trees are stored, on real file systems: what a clone keeps and shares, limits, and what a file system cannot do.

import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileSystem } from "../lab/file-systems.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { Workplace, type Told } from "./cli.js";

const scope = testScope();

/** Plays one task of the module tree on the local host, whose trees lie in `trees`. */
async function playTree(trees: string, params: Readonly<Record<string, unknown>>, variables = ""): Promise<Told> {
  const work = new Workplace(scope, {
    hosts: `local crun_trees=${trees} ${variables}\n`,
    "site.yml": `- hosts: local\n  tasks:\n    - tree: ${JSON.stringify(params)}\n`,
  });
  return await work.play(["site.yml", "-i", "hosts"]);
}

/** The same; it must do well and tell whether something changed. */
async function mustTree(trees: string, params: Readonly<Record<string, unknown>>, isChanged = true, variables = "") {
  const told = await playTree(trees, params, variables);
  assert.equal(told.status, 0, told.all);
  assert.equal(told.results[0]?.status, isChanged ? "changed" : "ok", told.all);
  return told.results[0]?.result ?? {};
}

/** The same; it must fail with these words, and leave the names and what lies beside them as they were. */
async function refused(trees: string, params: Readonly<Record<string, unknown>>, words: RegExp, variables = "") {
  const before = readdirSync(trees);
  const told = await playTree(trees, params, variables);
  assert.equal(told.status, 2, told.all);
  assert.match(`${told.results[0]?.message} ${told.results[0]?.remedy}`, words);
  assert.deepEqual(
    readdirSync(trees).filter((name) => name !== ".crun"),
    before.filter((name) => name !== ".crun"),
  );
  const making = join(trees, ".crun/making");
  assert.deepEqual(existsSync(making) ? readdirSync(making) : [], []);
  return told;
}

/** A small tree with all that a copy can lose. */
async function richTree(path: string): Promise<void> {
  mkdirSync(join(path, "etc"), { recursive: true });
  writeFileSync(join(path, "etc/plain"), "x".repeat(300_000), { mode: 0o640 });
  linkSync(join(path, "etc/plain"), join(path, "etc/other-name"));
  writeFileSync(join(path, "etc/sparse"), "begin");
  truncateSync(join(path, "etc/sparse"), 64 * 1024 * 1024);
  await must(["setfattr", "-n", "user.note", "-v", "kept", join(path, "etc/plain")]);
  await must(["setfattr", "-n", "trusted.note", "-v", "kept", join(path, "etc")]);
  await must(["setfacl", "-m", "u:1234:r", join(path, "etc/plain")]);
  await must(["mknod", join(path, "fifo"), "p"]);
  await must(["mknod", join(path, "null"), "c", "1", "3"]);
  await must(["ln", "-s", "../../../../etc/shadow", join(path, "etc/link")]);
  await must(["chown", "-R", "12:34", join(path, "etc")]);
  await must(["chmod", "6755", path]);
}

async function assertSame(base: string, clone: string): Promise<void> {
  const differences = await diffTrees(base, clone);
  assert.deepEqual(differences, [], describeDifferences(differences));
  const [plain, other] = [join(clone, "etc/plain"), join(clone, "etc/other-name")].map((path) => statSync(path));
  assert.equal(plain?.ino, other?.ino);
  assert.ok(statSync(join(clone, "etc/sparse")).blocks < 1000, "the holes are kept");
  assert.match(
    await must(["getfattr", "--absolute-names", "-m", "-", "-d", join(clone, "etc")]),
    /trusted\.note="kept"/,
  );
  assert.match(await must(["getfacl", "--absolute-names", join(clone, "etc/plain")]), /user:1234:r--/);
}

describe("trees stored as directories", function () {
  this.timeout(120_000);

  before(function () {
    requireOrSkip(this, { root: true, tools: ["mkfs.xfs", "mkfs.ext4", "setfacl", "setfattr", "filefrag"] });
  });

  for (const kind of ["xfs", "ext4"] as const) {
    it(`are copied whole on ${kind}${kind === "xfs" ? ", and share their blocks" : ""}`, async () => {
      const trees = await fileSystem(scope, kind);
      await richTree(join(trees, "base"));
      const result = await mustTree(trees, { name: "web1", clone: { base: "base" } });
      assert.equal(result["backend"], "directory");
      await assertSame(join(trees, "base"), join(trees, "web1"));
      await must(["sync", "-f", trees]);
      const extents = await must(["filefrag", "-v", join(trees, "web1/etc/plain")]);
      assert.equal(/shared/.test(extents), kind === "xfs", extents);
      await mustTree(trees, { name: "web1", clone: { base: "base" } }, false);
      await mustTree(trees, { name: "web1", state: "absent" });
      assert.deepEqual(
        readdirSync(trees)
          .filter((name) => name !== "lost+found")
          .toSorted(),
        [".crun", "base"],
      );
    });
  }

  it("are refused in the tool's words where the file system is full, with nothing half left", async () => {
    const trees = await fileSystem(scope, "ext4");
    mkdirSync(join(trees, "base"));
    await must(["dd", "if=/dev/urandom", `of=${join(trees, "base/big")}`, "bs=1M", "count=4", "status=none"]);
    await refused(trees, { name: "web1", clone: "base" }, /No space left on device/);
    assert.equal(existsSync(join(trees, ".crun/web1.json")), false);
    await mustTree(trees, { name: "bare", scratch: true });
  });

  it("are refused where the file system is read-only, or cannot do what was asked", async () => {
    const trees = await fileSystem(scope, "ext4");
    mkdirSync(join(trees, "base"));
    await must(["mount", "-o", "remount,ro", trees]);
    await refused(trees, { name: "web1", clone: "base" }, /read-only file system \(EROFS\)/);
    await must(["mount", "-o", "remount,rw", trees]);
    await refused(trees, { name: "web1", scratch: true, backend: "btrfs" }, /needs btrfs .* finds ext4/);
    await refused(trees, { name: "web1", scratch: true, backend: "zfs" }, /needs a zfs dataset .* finds ext4/);
    await refused(trees, { name: "web1", scratch: true, size: "5G" }, /stored as directory has no limit of size/);
    await refused(trees, { name: "web1", scratch: true, read_only: true }, /cannot be made read-only/);
    await refused(trees, { name: "web1", scratch: true }, /"floppy" is no way to store trees/, "crun_backend=floppy");
    await refused(trees, { name: "web1", scratch: true }, /needs btrfs/, "crun_backend=btrfs");
  });

  it("are refused where the name is taken by something else, which stays", async () => {
    const trees = await fileSystem(scope, "ext4");
    writeFileSync(join(trees, "web1"), "mine");
    mkdirSync(join(trees, "web2"));
    await refused(trees, { name: "web1", scratch: true }, /web1 is taken: it is a file/);
    await refused(trees, { name: "web2", scratch: true }, /is taken: a directory is there that crun did not make/);
    assert.equal(readFileSync(join(trees, "web1"), "utf8"), "mine");
  });
});

describe("trees stored on btrfs", function () {
  this.timeout(120_000);
  let trees: string;
  const nested = ["base/home", "base/home/deep"];

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs", "mkfs.btrfs", "setfacl", "setfattr"] });
    trees = await fileSystem(scope, "btrfs", 512);
    await mustTree(trees, { name: "base", scratch: true });
    await richTree(join(trees, "base"));
    for (const path of nested) await must(["btrfs", "subvolume", "create", join(trees, path)]);
    writeFileSync(join(trees, "base/home/deep/file"), "nested");
  });

  const isSubvolume = (name: string): boolean => statSync(join(trees, name)).ino === 256;

  it("are snapshots of their base, subvolumes in it included; read-only ones are removed like others", async () => {
    assert.ok(isSubvolume("base"));
    const wish = { name: "web1", clone: { base: "base" }, read_only: true };
    assert.equal((await mustTree(trees, wish))["backend"], "btrfs");
    await assertSame(join(trees, "base"), join(trees, "web1"));
    assert.equal(readFileSync(join(trees, "web1/home/deep/file"), "utf8"), "nested");
    assert.throws(() => writeFileSync(join(trees, "web1/new"), ""), { code: "EROFS" });
    await mustTree(trees, wish, false);
    await mustTree(trees, { ...wish, read_only: false });
    writeFileSync(join(trees, "web1/new"), "");
    await mustTree(trees, wish);
    await mustTree(trees, { ...wish, clone: { base: "base", reset_identity: false }, recreate: true });
    assert.equal(existsSync(join(trees, "web1/new")), false);
    assert.throws(() => writeFileSync(join(trees, "web1/new"), ""), { code: "EROFS" });
    await mustTree(trees, { name: "web1", state: "absent" });
    const left = await must(["btrfs", "subvolume", "list", trees]);
    assert.deepEqual([...left.matchAll(/ path (.*)$/gm)].map((match) => match[1]).toSorted(), ["base", ...nested]);
  });

  it("hold no more than their size, which a later play changes", async () => {
    const wish = { name: "small", scratch: true, size: "20M" };
    await mustTree(trees, wish);
    await mustTree(trees, wish, false);
    const fill = ["dd", "if=/dev/urandom", `of=${join(trees, "small/big")}`, "bs=1M", "count=40", "conv=fsync"];
    const full = await run(fill);
    assert.match(full.stderr, /Disk quota exceeded/);
    await mustTree(trees, { ...wish, size: "100M" });
    await must(fill);
    await mustTree(trees, { ...wish, size: "none" });
    await mustTree(trees, { name: "small", state: "absent" });
  });

  it("are copies of a base that is a plain directory, and subvolumes themselves", async () => {
    await richTree(join(trees, "plain"));
    await mustTree(trees, { name: "web2", clone: { base: "plain" } });
    assert.ok(isSubvolume("web2"));
    await assertSame(join(trees, "plain"), join(trees, "web2"));
  });

  it("are copied as directories where that is asked for, with what lies in subvolumes", async () => {
    await mustTree(trees, { name: "web3", clone: { base: "base" }, backend: "directory" });
    assert.equal(isSubvolume("web3"), false);
    await assertSame(join(trees, "base"), join(trees, "web3"));
    assert.equal(readFileSync(join(trees, "web3/home/deep/file"), "utf8"), "nested");
    // Another backend makes it anew: the old one goes as it was stored.
    await mustTree(trees, { name: "web3", scratch: true, backend: "btrfs", recreate: true });
    assert.ok(isSubvolume("web3"));
    assert.deepEqual(readdirSync(join(trees, ".crun/making")), []);
  });
});
