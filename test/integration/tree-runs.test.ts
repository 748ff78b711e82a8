// What a run keeps of its trees (`track`): snapshots before and after, drift since, and /etc committed by the tree's own etckeeper.

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree, rootOverlay } from "../lab/trees.js";
import { Workplace, type Ran } from "./cli.js";

const site = (track: string, content: string): string => `
- hosts: all
  ${track}
  tasks:
    - copy: {content: "${content}\\n", dest: /etc/color}
    - copy: {content: "2\\n", dest: /etc/second}
- hosts: all
  tasks:
    - copy: {content: "late\\n", dest: /etc/late}
`;

describe("what runs keep of trees", function () {
  this.timeout(240_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs"] });
    pool = await btrfsPool(scope, { tree: emptyTree(scope), sizeMib: 256 });
    work = new Workplace(scope);
  });

  async function crun(args: readonly string[], status = 0): Promise<Ran> {
    const done = await work.crun([...args, "-e", `crun_trees=${pool.directory}`]);
    assert.equal(done.status, status, done.all);
    return done;
  }
  async function play(hosts: string, text: string, more: readonly string[] = [], status = 0): Promise<Ran> {
    work.write("site.yml", text);
    return crun(["play", "site.yml", "-i", `${hosts},`, ...more], status);
  }
  const kept = (name: string): string[] => {
    const directory = join(pool.directory, ".crun/snapshots", name);
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  };

  it("are a snapshot before its first change and one after its end, and none where nothing changes", async () => {
    await pool.snapshot("web1");
    await play("local:web1", site("track: snapshot", "blue"), ["-C"]);
    assert.deepEqual(kept("web1"), []);
    const shown = await play("local:web1", site("track: snapshot", "blue"), ["-v"]);
    assert.match(shown.stdout, /^local:web1: before the run: snapshot 1$[^]*^local:web1: after the run: snapshot 2$/m);
    assert.deepEqual(kept("web1"), ["1", "1.json", "2", "2.json"]);
    const snapshot = (number: number, path: string): string =>
      join(pool.directory, ".crun/snapshots/web1", String(number), path);
    assert.ok(!existsSync(snapshot(1, "etc/color")));
    assert.equal(readFileSync(snapshot(2, "etc/late"), "utf8"), "late\n");
    await play("local:web1", site("track: [snapshot]", "blue"));
    assert.deepEqual(kept("web1"), ["1", "1.json", "2", "2.json"]);
    const listed = (await crun(["tree", "snapshots", "local:web1"])).stdout;
    assert.match(listed, /^1 +before .* site\.yml +\S+@\S+ +btrfs$/m);
    assert.match(listed, /^2 +after /m);
  });

  it("tell what changed since crun last ran there", async () => {
    assert.match(
      (await crun(["tree", "diff", "local:web1"])).stdout,
      /^local:web1@2 \(after run .*\) → local:web1: no difference$/m,
    );
    await crun(["tree", "verify", "local:web1"]);
    writeFileSync(join(pool.directory, "web1/etc/color"), "pink\n");
    const drift = await crun(["tree", "diff", "local:web1", "-D"], 2);
    assert.match(drift.stdout, /^~ \/etc\/color {2}content \(5 bytes\)$/m);
    assert.match(drift.stdout, /^-blue\n\+pink$/m);
    await crun(["tree", "verify", "local:web1"], 2);
    // The next run mends it, and what it found is in the snapshot before.
    await play("local:web1", site("track: snapshot", "blue"));
    await crun(["tree", "diff", "local:web1"]);
    assert.match((await crun(["tree", "diff", "local:web1@2", "local:web1@3"], 2)).stdout, /^~ \/etc\/color/m);
  });

  it("stay for as many runs as was said, and may be asked for on the command line", async () => {
    await pool.snapshot("web2");
    for (const color of ["a", "b", "c"])
      await play("local:web2", site("", color), ["--track", "snapshot", "-e", "crun_keep_snapshots=2"]);
    assert.deepEqual(
      kept("web2").filter((name) => name.endsWith(".json")),
      ["3.json", "4.json", "5.json", "6.json"],
    );
    assert.doesNotMatch((await crun(["tree", "snapshots", "local:web2", "--keep", "1"])).stdout, /^4 /m);
    assert.deepEqual(kept("web2"), ["5", "5.json", "6", "6.json"]);
    await crun(["tree", "snapshots", "local:web2", "--keep", "0"], 1);
    const wrong = await play("local:web2", site("", "d"), ["--track", "snapshot", "-e", "crun_keep_snapshots=none"], 4);
    assert.match(wrong.all, /crun_keep_snapshots must be/);
    assert.equal(readFileSync(join(pool.directory, "web2/etc/color"), "utf8"), "c\n");
  });

  it("are of the tree itself in a transaction, and none in a rehearsal", async () => {
    await pool.snapshot("web3");
    await play("local:web3", site("track: snapshot", "blue"), ["--rehearse"]);
    assert.deepEqual(kept("web3"), []);
    await play("local:web3", site("track: snapshot\n  transaction: true", "blue"));
    assert.deepEqual(kept("web3"), ["1", "1.json", "2", "2.json"]);
    const what = await crun(["tree", "diff", "local:web3@1", "local:web3@2"], 2);
    assert.match(what.stdout, /: 3 added/);
    await crun(["tree", "diff", "local:web3"]);
    // A snapshot is a base as good as any.
    await crun(["tree", "clone", `local:${pool.directory}/.crun/snapshots/web3/1`, "back"]);
    await crun(["tree", "diff", "local:web3@1", "local:back"]);
    writeFileSync(join(pool.directory, "back/etc/color"), "writable");
  });

  it("are manifests where the storage has no snapshots", async () => {
    mkdirSync(join(pool.directory, "plain"));
    cpSync(pool.base, join(pool.directory, "plain"), { recursive: true });
    const shown = await play("local:plain", site("track: snapshot", "blue"), ["-v"]);
    assert.match(shown.stdout, /snapshot 1 \(a manifest/);
    assert.deepEqual(kept("plain"), ["1.json", "1.manifest.gz", "2.json", "2.manifest.gz"]);
    await crun(["tree", "diff", "local:plain"]);
    writeFileSync(join(pool.directory, "plain/etc/color"), "pink\n");
    assert.match((await crun(["tree", "diff", "local:plain"], 2)).stdout, /^~ \/etc\/color {2}content/m);
  });

  it("change nothing where what was wanted cannot be kept", async () => {
    const apart = join(scope.tempDir("apart"), "trees");
    mkdirSync(join(apart, ".crun"), { recursive: true });
    cpSync(pool.base, join(apart, "web"), { recursive: true });
    writeFileSync(join(apart, ".crun/snapshots"), "in the way");
    work.write("site.yml", site("track: snapshot", "blue"));
    const done = await work.crun(["play", "site.yml", "-i", "local:web,", "-e", `crun_trees=${apart}`]);
    assert.equal(done.status, 4, done.all);
    assert.match(done.all, /snapshot/);
    assert.ok(!existsSync(join(apart, "web/etc/color")));
  });

  it("are named rightly, or the playbook is refused", async () => {
    const wrong = await play("local:web1", site("track: snapshots", "blue"), [], 1);
    assert.match(wrong.stderr, /track cannot be "snapshots"[^]*snapshot/);
    assert.match(
      (await play("local:web1", site("", "blue"), ["--track", "etckeper"], 1)).stderr,
      /--track cannot be "etckeper"[^]*etckeeper/,
    );
  });

  describe("with etckeeper in the tree", () => {
    let tree: string;
    let log: () => Promise<string>;

    before(async function () {
      requireOrSkip(this, { root: true, tools: ["git", "dpkg-deb", "apt-get"] });
      tree = await rootOverlay(scope);
      const packages = scope.tempDir("etckeeper");
      // In the machine itself it would take its /etc under control.
      await must(["apt-get", "download", "-o", "APT::Sandbox::User=root", "etckeeper"], { cwd: packages });
      const [file = ""] = readdirSync(packages);
      const unpacked = join(packages, "unpacked");
      await must(["dpkg-deb", "--extract", join(packages, file), unpacked]);
      for (const part of ["etc", "usr"]) cpSync(join(unpacked, part), join(tree, part), { recursive: true });
      log = async () =>
        must(["git", "-c", "safe.directory=*", "-C", join(tree, "etc"), "log", "--format=%s", "--name-only"]);
    });

    const playThere = async (text: string): Promise<Ran> => {
      work.write("site.yml", text);
      const done = await work.crun(["play", "site.yml", "-i", `local:${tree},`]);
      assert.equal(done.status, 0, done.all);
      return done;
    };

    it("commit /etc before the run where somebody changed it, and after it", async () => {
      writeFileSync(join(tree, "etc/by-hand"), "x\n");
      const first = await playThere(site("track: etckeeper", "blue"));
      assert.equal(first.stderr, "");
      const commits = (await log()).split("\n").filter((line) => line.startsWith("crun:"));
      assert.equal(commits.length, 2);
      assert.match(commits[0] ?? "", /^crun: run \S+ of site\.yml by \S+@\S+$/);
      assert.match(commits[1] ?? "", /^crun: changed outside of crun, before the run \S+ of site\.yml by /);
      const [after = "", before = ""] = (await log()).split(/^crun:.*$/m).slice(1);
      assert.match(after, /^color$/m);
      assert.match(before, /^by-hand$/m);
      assert.doesNotMatch(before, /^color$/m);
    });

    it("commit nothing where nothing changed, and only the run where nobody else changed anything", async () => {
      const count = async (): Promise<number> =>
        (await log()).split("\n").filter((line) => line.startsWith("crun:")).length;
      const was = await count();
      await playThere(site("track: etckeeper", "blue"));
      assert.equal(await count(), was);
      await playThere(site("track: etckeeper", "red"));
      assert.equal(await count(), was + 1);
    });

    it("say so where a tree has none", async () => {
      const bare = emptyTree(scope);
      work.write("site.yml", site("track: etckeeper", "blue"));
      const done = await work.crun(["play", "site.yml", "-i", `local:${bare},`]);
      assert.equal(done.status, 0, done.all);
      assert.match(done.all, /the tree has no etckeeper/);
    });
  });
});
