// How trees are stored, on real file systems: what a clone keeps and shares, limits, and what a file system cannot do.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileSystem } from "../lab/file-systems.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { copied } from "../../src/tree/backends/directory.js";
import { assertSame, richTree, TreePlays } from "./tree-plays.js";

const scope = testScope();

describe("trees stored as directories", function () {
  this.timeout(120_000);

  before(function () {
    requireOrSkip(this, { root: true, tools: ["mkfs.xfs", "mkfs.ext4", "setfacl", "setfattr", "filefrag"] });
  });

  for (const kind of ["xfs", "ext4"] as const) {
    it(`are copied whole on ${kind}${kind === "xfs" ? ", and share their blocks" : ""}`, async () => {
      const trees = await fileSystem(scope, kind);
      const plays = new TreePlays(scope, trees);
      await richTree(join(trees, "base"));
      const result = await plays.makes({ name: "web1", clone: { base: "base" } });
      assert.equal(result["backend"], "directory");
      await assertSame(join(trees, "base"), join(trees, "web1"));
      await must(["sync", "-f", trees]);
      const extents = await must(["filefrag", "-v", join(trees, "web1/etc/plain")]);
      assert.equal(/shared/.test(extents), kind === "xfs", extents);
      await plays.finds({ name: "web1", clone: { base: "base" } });
      await plays.makes({ name: "web1", state: "absent" });
      assert.deepEqual(
        readdirSync(trees)
          .filter((name) => name !== "lost+found")
          .toSorted(),
        [".crun", "base"],
      );
    });
  }

  it("hold nothing of the host's that a process in the base puts a link to in the copy's way", async () => {
    const trees = await fileSystem(scope, "ext4", 64);
    const plays = new TreePlays(scope, trees);
    const secret = join(scope.tempDir("secret"), "d");
    for (const path of [secret, plays.path("base/d"), plays.path("base/other")]) mkdirSync(path, { recursive: true });
    for (let file = 0; file < 2000; file++) {
      writeFileSync(join(secret, `f${file}`), "secret");
      writeFileSync(plays.path(`base/d/f${file}`), "base");
    }
    await must(["ln", "-s", secret, plays.path("base/link")]);
    const swap =
      'chdir shift; while (1) { rename "d", "aside"; rename "link", "d"; rename "d", "link"; rename "aside", "d" }';
    const hostile = spawn("perl", ["-e", swap, plays.path("base")], { stdio: "ignore" });
    try {
      for (let round = 0; round < 20; round++) {
        // cp fails where things move beneath it; what it has copied until then is the tree's.
        const copy = join(trees, `copy${round}`);
        const { exec } = copied(plays.path("base"), copy);
        await run(exec.argv);
        for (const path of [join(copy, "d"), join(copy, "aside")])
          if (existsSync(path) && lstatSync(path).isDirectory())
            for (const name of readdirSync(path)) assert.notEqual(readFileSync(join(path, name), "utf8"), "secret");
        await must(["rm", "-rf", copy]);
      }
    } finally {
      hostile.kill("SIGKILL");
    }
  });

  it("are refused in the tool's words where the file system is full, with nothing half left", async () => {
    const trees = await fileSystem(scope, "ext4");
    const plays = new TreePlays(scope, trees);
    mkdirSync(join(trees, "base"));
    await must(["dd", "if=/dev/urandom", `of=${join(trees, "base/big")}`, "bs=1M", "count=4", "status=none"]);
    await plays.refuses({ name: "web1", clone: "base" }, /No space left on device/);
    assert.equal(existsSync(join(trees, ".crun/web1.json")), false);
    await plays.makes({ name: "bare", scratch: true });
  });

  it("are refused where the file system is read-only, or cannot do what was asked", async () => {
    const trees = await fileSystem(scope, "ext4");
    const plays = new TreePlays(scope, trees);
    mkdirSync(join(trees, "base"));
    await must(["mount", "-o", "remount,ro", trees]);
    await plays.refuses({ name: "web1", clone: "base" }, /read-only file system \(EROFS\)/);
    await must(["mount", "-o", "remount,rw", trees]);
    await plays.refuses({ name: "web1", scratch: true, backend: "btrfs" }, /needs btrfs .* finds ext4/);
    await plays.refuses({ name: "web1", scratch: true, backend: "zfs" }, /needs a zfs dataset .* finds ext4/);
    await plays.refuses({ name: "web1", scratch: true, size: "5G" }, /stored as directory has no limit of size/);
    await plays.refuses({ name: "web1", scratch: true, read_only: true }, /cannot be made read-only/);
    await new TreePlays(scope, trees, "crun_backend=floppy").refuses(
      { name: "web1", scratch: true },
      /"floppy" is no way to store trees/,
    );
    await new TreePlays(scope, trees, "crun_backend=btrfs").refuses({ name: "web1", scratch: true }, /needs btrfs/);
  });

  it("are refused where the name is taken by something else, which stays", async () => {
    const trees = await fileSystem(scope, "ext4");
    const plays = new TreePlays(scope, trees);
    writeFileSync(join(trees, "web1"), "mine");
    mkdirSync(join(trees, "web2"));
    await plays.refuses({ name: "web1", scratch: true }, /web1 is taken: it is a file/);
    await plays.refuses({ name: "web2", scratch: true }, /is taken: a directory is there that crun did not make/);
    assert.equal(readFileSync(join(trees, "web1"), "utf8"), "mine");
  });
});

describe("trees stored on btrfs", function () {
  this.timeout(120_000);
  let trees: string;
  let plays: TreePlays;
  const nested = ["base/home", "base/home/deep"];

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs", "mkfs.btrfs", "setfacl", "setfattr"] });
    trees = await fileSystem(scope, "btrfs", 512);
    plays = new TreePlays(scope, trees);
    await plays.makes({ name: "base", scratch: true });
    await richTree(join(trees, "base"));
    for (const path of nested) await must(["btrfs", "subvolume", "create", join(trees, path)]);
    writeFileSync(join(trees, "base/home/deep/file"), "nested");
  });

  const isSubvolume = (name: string): boolean => statSync(join(trees, name)).ino === 256;

  it("are snapshots of their base, subvolumes in it included; read-only ones are removed like others", async () => {
    assert.ok(isSubvolume("base"));
    const wish = { name: "web1", clone: { base: "base" }, read_only: true };
    assert.equal((await plays.makes(wish))["backend"], "btrfs");
    await assertSame(join(trees, "base"), join(trees, "web1"));
    assert.equal(readFileSync(join(trees, "web1/home/deep/file"), "utf8"), "nested");
    assert.throws(() => writeFileSync(join(trees, "web1/new"), ""), { code: "EROFS" });
    await plays.finds(wish);
    await plays.makes({ ...wish, read_only: false });
    writeFileSync(join(trees, "web1/new"), "");
    await plays.makes(wish);
    await plays.makes({ ...wish, clone: { base: "base", reset_identity: false }, recreate: true });
    assert.equal(existsSync(join(trees, "web1/new")), false);
    assert.throws(() => writeFileSync(join(trees, "web1/new"), ""), { code: "EROFS" });
    await plays.makes({ name: "web1", state: "absent" });
    const left = await must(["btrfs", "subvolume", "list", trees]);
    assert.deepEqual([...left.matchAll(/ path (.*)$/gm)].map((match) => match[1]).toSorted(), ["base", ...nested]);
  });

  it("hold no more than their size, which a later play changes", async () => {
    const wish = { name: "small", scratch: true, size: "20M" };
    await plays.makes(wish);
    await plays.finds(wish);
    const fill = ["dd", "if=/dev/urandom", `of=${join(trees, "small/big")}`, "bs=1M", "count=40", "conv=fsync"];
    const full = await run(fill);
    assert.match(full.stderr, /Disk quota exceeded/);
    await plays.makes({ ...wish, size: "100M" });
    await must(fill);
    await plays.makes({ ...wish, size: "none" });
    await plays.makes({ name: "small", state: "absent" });
  });

  it("are copies of a base that is a plain directory, and subvolumes themselves", async () => {
    await richTree(join(trees, "plain"));
    await plays.makes({ name: "web2", clone: { base: "plain" } });
    assert.ok(isSubvolume("web2"));
    await assertSame(join(trees, "plain"), join(trees, "web2"));
  });

  it("are copied as directories where that is asked for, with what lies in subvolumes", async () => {
    await plays.makes({ name: "web3", clone: { base: "base" }, backend: "directory" });
    assert.equal(isSubvolume("web3"), false);
    await assertSame(join(trees, "base"), join(trees, "web3"));
    assert.equal(readFileSync(join(trees, "web3/home/deep/file"), "utf8"), "nested");
    // Another backend makes it anew: the old one goes as it was stored.
    await plays.makes({ name: "web3", scratch: true, backend: "btrfs", recreate: true });
    assert.ok(isSubvolume("web3"));
    assert.deepEqual(plays.unfinished(), []);
  });
});
