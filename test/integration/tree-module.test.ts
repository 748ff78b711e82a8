// The module tree on real file systems: fleets of clones, what is there already, hostile bases, the command line.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { describeDifferences, diffTrees, hashTree } from "../lab/hash.js";
import { unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace } from "./cli.js";

const machineId = "0123456789abcdef0123456789abcdef\n";

/** Subvolumes beneath a pool, without the base that the fixture made. */
async function subvolumes(pool: BtrfsPool): Promise<string[]> {
  const text = await must(["btrfs", "subvolume", "list", pool.directory]);
  return [...text.matchAll(/ path (.*)$/gm)].map((match) => match[1] ?? "").filter((path) => path !== ".base");
}

describe("the module tree, on btrfs", function () {
  this.timeout(120_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs"] });
    const tree = emptyTree(scope);
    writeFileSync(join(tree, "etc/machine-id"), machineId);
    pool = await btrfsPool(scope, { tree, sizeMib: 512 });
    await pool.snapshot("base");
    work = new Workplace(scope, { hosts: `local crun_trees=${pool.directory}\n` });
  });

  it("makes a fleet that a later play of the same run finds by its rule; the second run finds nothing to do", async () => {
    work.write(
      "site.yml",
      `
- hosts: local
  tasks:
    - tree: { name: "web{{item}}", clone: base }
      loop: [1, 2, 3]
- hosts: local:web*
  tasks:
    - copy: { dest: /etc/hello, content: "{{target.tree}}\\n" }
`,
    );
    const first = await work.play(["site.yml", "-i", "hosts"]);
    assert.equal(first.status, 0, first.all);
    assert.deepEqual(Object.keys(first.recap).toSorted(), ["local", "local:web1", "local:web2", "local:web3"]);
    for (const name of ["web1", "web2", "web3"]) {
      const path = join(pool.directory, name);
      assert.equal(readFileSync(join(path, "etc/hello"), "utf8"), `${name}\n`);
      const differences = await diffTrees(pool.base, path, {
        ignore: ["/etc/hello"],
        without: ["mtime"],
      });
      assert.deepEqual(
        [...new Set(differences.map(({ path: one }) => one))],
        ["/etc/machine-id"],
        describeDifferences(differences),
      );
      assert.equal(readFileSync(join(path, "etc/machine-id"), "utf8"), "");
    }
    assert.deepEqual((await subvolumes(pool)).toSorted(), ["base", "web1", "web2", "web3"]);
    const again = await work.play(["site.yml", "-i", "hosts"]);
    assert.deepEqual(
      again.results.map(({ status }) => status).filter((one) => one !== "ok"),
      [],
      again.all,
    );
  });

  it("makes the target's own tree before other tasks look at it, over SSH as well", async () => {
    const host = await sshHost(scope);
    const reach = `ansible_host=${host.host} ansible_port=${host.port} ansible_user=root ansible_ssh_private_key_file=${host.identityFile} crun_known_hosts=${host.knownHostsFile}`;
    work.write("far", `far ${reach} crun_trees=${pool.directory}\nfar:own1\nfar:own2\n`);
    work.write(
      "own.yml",
      `
- hosts: far:own1,far:own2
  tasks:
    - tree: { clone: base }
    - copy: { dest: /etc/hello, content: "{{target.tree}}\\n" }
`,
    );
    const ran = await work.play(["own.yml", "-i", "far"]);
    assert.equal(ran.status, 0, ran.all);
    assert.equal(readFileSync(join(pool.directory, "own2/etc/hello"), "utf8"), "own2\n");
  });

  it("never writes over a link that a hostile base has laid out of its tree", async () => {
    const outside = scope.tempDir("outside");
    writeFileSync(join(outside, "machine-id"), machineId);
    const evil = await pool.snapshot("evil");
    await must(["rm", "-r", join(evil, "etc")]);
    symlinkSync(outside, join(evil, "etc"));
    const ran = await work.crun(["tree", "clone", "local:evil", "e1", "-i", "hosts"]);
    assert.equal(ran.status, 0, ran.all);
    assert.equal(readFileSync(join(outside, "machine-id"), "utf8"), machineId);
  });

  it("makes clones beside a base that is named by its path, wherever the host has its trees", async () => {
    const ran = await work.crun(["tree", "clone", `local:${pool.directory}/base`, "beside", "-i", "local,"]);
    assert.equal(ran.status, 0, ran.all);
    assert.equal(existsSync(join(pool.directory, "beside/etc/passwd")), true);
  });

  it("makes anew what has another recipe, when that is asked for, in the place of the old one", async () => {
    assert.equal((await work.crun(["tree", "create", "local:again", "clone", "base", "-i", "hosts"])).status, 0);
    writeFileSync(join(pool.directory, "again/etc/mine"), "old");
    const told = await work.crun(["tree", "create", "local:again", "scratch", "-i", "hosts"]);
    assert.match(
      told.all,
      /its recipe has changed since it was made \(clone → scratch\); recreate: true makes it anew/,
    );
    assert.equal(existsSync(join(pool.directory, "again/etc/mine")), true);
    const made = await work.crun(["tree", "create", "--recreate", "local:again", "scratch", "-i", "hosts"]);
    assert.equal(made.status, 0, made.all);
    assert.deepEqual(readdirSync(join(pool.directory, "again")), []);
    assert.deepEqual(readdirSync(join(pool.directory, ".crun/making")), []);
  });

  it("refuses what is somebody else's, and leaves it as it was", async () => {
    const mine = join(pool.directory, "mine");
    mkdirSync(mine);
    writeFileSync(join(mine, "letter"), "x");
    const before = await hashTree(mine);
    const ran = await work.crun(["tree", "create", "local:mine", "clone", "base", "-i", "hosts"]);
    assert.equal(ran.status, 2);
    assert.match(ran.all, /mine is taken: a directory is there that crun did not make/);
    assert.deepEqual(await hashTree(mine), before);
  });

  it("removes trees by their pattern, subvolumes and records", async () => {
    const ran = await work.crun(["tree", "rm", "local:web*,local:again", "-i", "hosts"]);
    assert.equal(ran.status, 0, ran.all);
    assert.deepEqual(
      (await subvolumes(pool)).filter((path) => /^web|again|making/.test(path)),
      [],
    );
    assert.deepEqual(
      readdirSync(join(pool.directory, ".crun")).filter((name) => /^(web|again).*json$/.test(name)),
      [],
    );
  });

  it("without a tree of that name names the near source or parameter before anything is connected to", async () => {
    const source = await work.crun(["tree", "create", "local:x", "scrach"]);
    assert.equal(source.status, 1);
    assert.match(source.all, /there is no source "scrach"\n {2}Did you mean "scratch"\?/);
    const param = await work.crun(["tree", "create", "local:x", "clone", "bas=x"]);
    assert.equal(param.status, 1);
    assert.match(param.all, /tree\.clone has no parameter "bas"/);
  });
});

describe("the module tree, on a file system that is full", function () {
  this.timeout(60_000);
  const scope = testScope();

  it("says so in the program's words, and leaves nothing", async function () {
    requireOrSkip(this, { root: true });
    const small = scope.tempDir("small");
    await must(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
    scope.defer(async () => await unmount(small));
    const big = scope.tempDir("big");
    mkdirSync(join(big, "base"));
    writeFileSync(join(big, "base/data"), Buffer.alloc(2_000_000, 1));
    const work = new Workplace(scope);
    const ran = await work.crun(["tree", "create", `local:${small}/a`, "clone", `${big}/base`]);
    assert.equal(ran.status, 2, ran.all);
    assert.match(ran.all, /cp ended with 1: cp: .*No space left on device/);
    assert.deepEqual(readdirSync(small), [".crun"]);
    assert.deepEqual(readdirSync(join(small, ".crun/making")), []);
  });
});
