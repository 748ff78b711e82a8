// Compares real trees through the helper: a clone on btrfs, a plain copy, beside what an independent look at both finds.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allDigests, compareTrees, contentDiffs, listTree, type ComparedTree } from "../../src/target/compare-trees.js";
import { connect } from "../../src/target/connect.js";
import type { HostSession } from "../../src/target/session.js";
import type { Difference } from "../../src/tree/difference/compare.js";
import { differenceLine } from "../../src/tree/difference/difference-text.js";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { diffTrees } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

/** What a run, a person and a program may do to a tree. */
function changeAll(tree: string): void {
  const at = (path: string): string => join(tree, path);
  writeFileSync(at("etc/motd"), "welcome\n");
  writeFileSync(at("etc/issue"), "another one\n");
  const sameSize = "x".repeat(37);
  writeFileSync(at("etc/same-size"), sameSize);
  chmodSync(at("etc/passwd"), 0o600);
  chownSync(at("etc/group"), 33, 34);
  rmSync(at("etc/debian_version"));
  rmSync(at("usr/share/doc"), { recursive: true });
  mkdirSync(at("srv/new/deep"), { recursive: true });
  writeFileSync(at("srv/new/deep/file with blanks\n"), "");
  renameSync(at("etc/skel"), at("etc/skeleton"));
  rmSync(at("etc/localtime"), { force: true });
  symlinkSync("/etc/shadow", at("etc/localtime"));
  writeFileSync(at("etc/shadow"), "root:$y$secret:1::::::\n", { mode: 0o640 });
  utimesSync(at("etc/host.conf"), 1, 1);
  execFileSync("setcap", ["cap_net_raw+ep", at("usr/bin/true")]);
  execFileSync("setfacl", ["--default", "--modify", "u:1000:r", at("opt")]);
}

describe("comparing trees", function () {
  this.timeout(240_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let session: HostSession;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs", "mmdebstrap", "getfattr", "setfacl", "setcap"] });
    pool = await btrfsPool(scope);
    writeFileSync(join(pool.base, "etc/same-size"), "y".repeat(37));
    session = await connect(
      {
        name: "local",
        kind: "local",
        address: "local",
        connectTimeoutMs: 10_000,
        connectRetries: 0,
        keepaliveIntervalMs: 0,
        acceptsNewHostKeys: false,
      },
      () => Promise.resolve(undefined),
    );
    scope.defer(() => session.close());
  });

  const open = (path: string): ComparedTree => ({
    kind: "session",
    session: session.openTree(path, { entry: "chroot", isHostRoot: false }),
  });

  /** Name by name what test/lab/hash.ts finds, which shares no code with the helper. */
  async function oracle(one: string, other: string): Promise<string[]> {
    const found = await diffTrees(one, other, { without: ["mtime", "links"] });
    return [...new Set(found.map(({ path }) => path))].sort();
  }
  const paths = (found: readonly Difference[]): string[] => found.map(({ path }) => path).sort();

  it("finds nothing between a clone and its base, and exactly what was done to it", async () => {
    const clone = await pool.snapshot("clone");
    assert.deepEqual(await compareTrees(open(pool.base), open(clone), { isSuccessor: true }), []);
    changeAll(clone);
    const found = await compareTrees(open(pool.base), open(clone), { isSuccessor: true });
    assert.deepEqual(paths(found), await oracle(pool.base, clone));
    const lines = found.map(differenceLine);
    assert.ok(lines.includes("~ /etc/same-size  content (37 bytes)"), lines.join("\n"));
    assert.ok(lines.includes("~ /usr/bin/true  extended attributes"));
    assert.ok(lines.includes("~ /opt  extended attributes"));
    assert.ok(lines.includes("~ /etc/passwd  mode 0644 → 0600"));
    assert.ok(lines.includes("~ /etc/group  owner 0:0 → 33:34"));
    assert.ok(lines.some((line) => line.startsWith("+ /srv/new/deep/file with blanks\n  file")));
    assert.ok(lines.some((line) => line.startsWith("- /usr/share/doc  directory")));
    const timed = await compareTrees(open(pool.base), open(clone), { isSuccessor: true, withTimes: true });
    assert.ok(timed.some(({ path, fields }) => path === "/etc/host.conf" && fields.join() === "mtime"));
    const contents = await contentDiffs(found, open(pool.base), open(clone));
    assert.equal(contents.get("/etc/motd")?.after, "welcome\n");
    assert.equal(contents.get("/etc/shadow")?.after, "(secret content, changed)\n");
    assert.ok(!JSON.stringify([...contents.values()]).includes("$y$secret"));
    // The link leads to a file of passwords' hashes, of the tree or of the host: neither is read.
    assert.equal(contents.get("/etc/localtime")?.after, undefined);
  });

  it("finds the same between plain copies, whose inodes tell nothing", async () => {
    const directory = scope.tempDir("copies");
    const [one, copy] = [join(directory, "one"), join(directory, "copy")];
    mkdirSync(one);
    const parts = ["etc", "opt", "srv", "usr/share/doc", "usr/bin/true"];
    await must(["cp", "--archive", "--parents", ...parts, one], { cwd: pool.base });
    await must(["cp", "--archive", one, copy]);
    assert.deepEqual(await compareTrees(open(one), open(copy)), []);
    changeAll(copy);
    assert.deepEqual(paths(await compareTrees(open(one), open(copy))), await oracle(one, copy));
  });

  it("compares a tree with what was noted of it before", async () => {
    const tree = await pool.snapshot("noted");
    const handle = open(tree);
    assert.ok(handle.kind === "session");
    const entries = await listTree(handle.session, allDigests);
    const noted: ComparedTree = { kind: "noted", entries };
    assert.deepEqual(await compareTrees(noted, handle, { isSuccessor: true }), []);
    changeAll(tree);
    assert.deepEqual(paths(await compareTrees(noted, handle, { isSuccessor: true })), await oracle(pool.base, tree));
  });

  it("takes well under a second for a clone that nothing was done to", async () => {
    const [one, other] = [open(pool.base), open(join(pool.directory, "clone"))];
    await compareTrees(one, other, { isSuccessor: true });
    const startedAt = performance.now();
    await compareTrees(one, other, { isSuccessor: true });
    const ms = performance.now() - startedAt;
    assert.ok(ms < 2000, `${ms.toFixed(0)} ms`);
    process.stderr.write(`comparing a clone: ${ms.toFixed(0)} ms\n`);
  });
});
