// Writes trees out with the real tar and ostree, here and over SSH, and takes them in again.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace, type Ran } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const crun = [process.execPath, crunPath];

describe("crun tree export", function () {
  this.timeout(240_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["btrfs", "tar", "zstd", "xz", "ostree", "setfacl", "setfattr", "setcap", "sshd"],
    });
    const tree = emptyTree(scope);
    const at = (path: string): string => join(tree, path);
    writeFileSync(at("etc/shadow"), "root:*:1::::::\n", { mode: 0o640 });
    symlinkSync("/etc/shadow", at("etc/link out"));
    mkdirSync(at("dev"));
    await must(["mknod", at("dev/null"), "c", "1", "3"]);
    await must(["mkfifo", at("etc/pipe")]);
    writeFileSync(at("etc/new\nline"), "x");
    writeFileSync(at("ping"), "#!");
    await must(["setcap", "cap_net_raw+ep", at("ping")]);
    await must(["chown", "--no-dereference", "1234:5678", at("etc/passwd"), at("etc/link out")]);
    await must(["setfacl", "--modify", "u:1000:r", at("etc/shadow")]);
    await must(["setfattr", "--name", "user.color", "--value", "blue", at("etc/group")]);
    pool = await btrfsPool(scope, { tree, sizeMib: 256 });
    await pool.snapshot("web1");
    work = new Workplace(scope);
  });

  async function tree(args: readonly string[], status = 0): Promise<Ran> {
    const done = await work.crun(["tree", ...args, "-e", `crun_trees=${pool.directory}`], { timeoutMs: 20_000 });
    assert.equal(done.status, status, done.all);
    return done;
  }
  const file = (name: string): string => join(work.directory, name);

  async function unpacked(archive: string): Promise<string> {
    const directory = scope.tempDir("unpacked");
    await must([
      "tar",
      "--extract",
      "--xattrs",
      "--xattrs-include=*",
      "--acls",
      "--numeric-owner",
      "-f",
      archive,
      "-C",
      directory,
    ]);
    return directory;
  }
  async function assertSame(one: string, other: string, ignore: readonly string[] = []): Promise<void> {
    const found = await diffTrees(one, other, { without: ["links"], ignore });
    assert.equal(describeDifferences(found), "");
  }
  const unfinished = (): string[] => readdirSync(join(pool.directory, ".crun/making"));

  it("writes all there is of a tree into a file, whole or not at all, the same bytes for the same tree", async () => {
    await tree(["export", "local:web1", "web1.tar.zst"]);
    await assertSame(join(pool.directory, "web1"), await unpacked(file("web1.tar.zst")));
    assert.equal(statSync(file("web1.tar.zst")).mode & 0o777, 0o600);
    await tree(["export", "local:web1", "again.tar.zst"]);
    assert.ok(readFileSync(file("again.tar.zst")).equals(readFileSync(file("web1.tar.zst"))));
    for (const name of ["web1.tar.gz", "web1.txz"]) await tree(["export", "local:web1", name]);
    await must(["gzip", "--test", file("web1.tar.gz")]);
    await must(["xz", "--test", "--format=xz", file("web1.txz")]);
    assert.deepEqual(unfinished(), []);
    assert.ok(!readdirSync(work.directory).some((name) => name.includes(".part-")));
  });

  it("is what a tree can be made from", async () => {
    await tree(["export", "local:web1", "base.tar"]);
    await tree(["create", "local:again", "tarball", `path=${file("base.tar")}`, "devices=true"]);
    const same = await tree(["diff", "local:web1", "local:again"]);
    assert.match(same.stdout, /no difference/);
  });

  it("exports a snapshot as it was, and refuses what cannot be written", async () => {
    await tree(["snapshot", "local:web1"]);
    writeFileSync(join(pool.directory, "web1/etc/later"), "");
    await tree(["export", "local:web1@1", "old.tar"]);
    assert.doesNotMatch(await must(["tar", "--list", "-f", file("old.tar")]), /later/);
    assert.match((await tree(["export", "local:web1", "x.zip"], 1)).stderr, /does not say how it is to be compressed/);
    assert.match(
      (await tree(["export", "local:web1", "/nowhere/x.tar"], 2)).stderr,
      /\/nowhere\/x\.tar cannot be written/,
    );
    assert.match((await tree(["export", "local:nothing", "x.tar"], 4)).stderr, /no such tree/);
    const argv = [...crun, "tree", "export", "local:web1", "-", "-e", `crun_trees=${pool.directory}`];
    const full = await run(["sh", "-c", 'exec "$@" >/dev/full', "sh", ...argv], { env: work.environment });
    assert.equal(full.status, 2, full.stderr);
    assert.match(full.stderr, /standard output cannot be written: the disk is full/);
    assert.deepEqual(unfinished(), []);
  });

  it("streams over SSH to standard output, from a plain directory too", async () => {
    const host = await sshHost(scope);
    const plain = emptyTree(scope);
    work.write(
      "hosts",
      `node1 crun_host=${host.host} crun_port=${host.port} crun_known_hosts=${host.knownHostsFile} crun_identity=${host.identityFile}\n` +
        `node1:web1\nnode1:plain crun_path=${plain}\n[all:vars]\ncrun_trees=${pool.directory}\n`,
    );
    for (const [name, path] of [
      ["web1", join(pool.directory, "web1")],
      ["plain", plain],
    ] as const) {
      const archive = file(`${name}-ssh.tar.gz`);
      const argv = [...crun, "tree", "export", `node1:${name}`, "-", "--compress", "gzip", "-i", file("hosts")];
      await must(["sh", "-c", 'out=$1; shift; exec "$@" >"$out"', "sh", archive, ...argv], { env: work.environment });
      await assertSame(path, await unpacked(archive));
    }
  });

  it("is of a tree that can be compared with one of another host", async () => {
    const inventory = ["-i", file("hosts")];
    const same = await tree(["diff", "node1:web1", "local:web1", ...inventory]);
    assert.match(same.stdout, /^node1:web1 → local:web1: no difference$/m);
    const other = await tree(["diff", "node1:plain", "local:web1", ...inventory], 2);
    assert.match(other.stdout, /^\+ \/ping {2}file/m);
    assert.match((await tree(["list", "node1:web1", ...inventory])).stdout, /^node1:web1 /m);
  });

  it("commits into an ostree repository of the host, and nothing twice", async () => {
    const repo = join(scope.tempDir("ostree"), "repo");
    const first = await tree(["export", "local:web1", "trees/web1", "--ostree", repo, "-m", "as it is"]);
    assert.match(first.stderr, /2 devices, pipes or sockets left out/);
    const [checksum = ""] = first.stdout.split(" ");
    assert.match(await must(["ostree", `--repo=${repo}`, "log", "trees/web1"]), /^commit [^]*as it is/m);
    const out = join(scope.tempDir("checkout"), "tree");
    await must(["ostree", `--repo=${repo}`, "checkout", "--fsync=no", checksum, out]);
    const left = ["/dev/null", "/etc/pipe"];
    // ostree keeps no times.
    const found = await diffTrees(join(pool.directory, "web1"), out, { without: ["links", "mtime"], ignore: left });
    assert.equal(describeDifferences(found), "");
    const again = await tree(["export", "local:web1", "trees/web1", "--ostree", repo]);
    assert.equal(
      (await must(["ostree", `--repo=${repo}`, "log", "trees/web1"])).split("\ncommit ").length,
      1,
      again.stdout,
    );
    assert.match((await tree(["export", "local:web1", "x", "--ostree", "repo"], 1)).stderr, /lies on the host/);
    assert.match(
      (await tree(["export", "local:web1", "bad..//ref", "--ostree", repo], 2)).stderr,
      /ostree ended with 1/,
    );
    assert.deepEqual(unfinished(), []);
  });
});
