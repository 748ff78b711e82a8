// Keeps track of real trees: snapshots on btrfs and manifests elsewhere, what two runs at once and interrupted ones leave.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareTrees } from "../../src/target/compare-trees.js";
import { connect } from "../../src/target/connect.js";
import type { HostSession } from "../../src/target/session.js";
import { Snapshots } from "../../src/target/snapshots.js";
import { differenceLine } from "../../src/tree/difference/difference-text.js";
import { btrfsPool, type BtrfsPool } from "../lab/btrfs.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { Workplace, type Ran } from "./cli.js";

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
    mkdirSync(join(pool.directory, "apart"));
    const tree = await pool.snapshot("apart/web3");
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

  it("are whole or not there, whenever the run that takes them is killed", async () => {
    const tree = await pool.snapshot("web5");
    const work = new Workplace(scope);
    const args = ["tree", "snapshot", "local:web5", "-e", `crun_trees=${pool.directory}`];
    const startedAt = performance.now();
    assert.equal((await work.crun(args)).status, 0);
    const wholeMs = performance.now() - startedAt;
    for (let round = 1; round <= 12; round++) {
      const started = work.start(args);
      await new Promise((resolve) => void setTimeout(resolve, (wholeMs * round) / 13));
      started.kill("SIGKILL");
      await started.ended;
    }
    const snapshots = snapshotsOf(tree);
    // The helper of the last one may still be at its end.
    for (let tries = 0; tries < 40; tries++) {
      await snapshots.take(wish("single"), undefined);
      const names = kept("web5");
      const whole = (await snapshots.list()).flatMap(({ number }) => [String(number), `${number}.json`]);
      if (names.join() === whole.sort().join()) return;
      await new Promise((resolve) => void setTimeout(resolve, 100));
    }
    assert.fail(kept("web5").join());
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

describe("crun tree looks at trees", function () {
  this.timeout(240_000);
  const scope = testScope();
  let pool: BtrfsPool;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs"] });
    pool = await btrfsPool(scope, { tree: smallTree(join(scope.tempDir("small"), "tree")), sizeMib: 256 });
    work = new Workplace(scope);
    work.write("hosts", `local:web*\n[all:vars]\ncrun_trees=${pool.directory}\nsecret=hush-hush\n`);
    await must(["btrfs", "subvolume", "snapshot", pool.base, join(pool.directory, "base")]);
    for (const name of ["web1", "web2"]) await tree(["clone", "local:base", name]);
  });

  async function tree(args: readonly string[], status = 0): Promise<Ran> {
    const done = await work.crun(["tree", ...args, "-e", `crun_trees=${pool.directory}`]);
    assert.equal(done.status, status, done.all);
    return done;
  }
  const rows = (text: string): Record<string, unknown>[] =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const at = (name: string, path: string): string => join(pool.directory, name, path);

  it("list what there is, what it was made from and its snapshots", async () => {
    mkdirSync(join(pool.directory, "stranger"));
    await tree(["snapshot", "local:web1", "-m", "before lunch"]);
    const { stdout } = await tree(["list"]);
    const lines = stdout.split("\n").map((line) => line.replace(/ {2,}/g, " | ").trim());
    assert.match(lines[0] ?? "", /^TREE \| STORED \| MADE FROM/);
    assert.ok(
      lines.some((line) => line.startsWith("local:stranger | not by crun")),
      stdout,
    );
    assert.ok(
      lines.some((line) => /^local:web1 \| btrfs \| clone of base \| 20\d\d-.* \| 1$/.test(line)),
      stdout,
    );
    const data = rows((await tree(["list", "local:web2", "--output", "json"])).stdout);
    assert.equal(data.length, 1);
    assert.deepEqual(
      [data[0]?.["tree"], data[0]?.["backend"], data[0]?.["base"], data[0]?.["machine"]],
      ["local:web2", "btrfs", join(pool.directory, "base"), null],
    );
  });

  it("show what differs between trees, as lines, as content and as data", async () => {
    await tree(["diff", "local:base", "local:web2"]);
    writeFileSync(at("web2", "etc/hostname"), "web2\n");
    writeFileSync(at("web2", "etc/\u001b[31mred"), "x");
    const lines = (await tree(["diff", "local:base", "local:web2", "-D"], 2)).stdout;
    assert.match(lines, /^~ \/etc\/hostname {2}content \(4 → 5 bytes\)$/m);
    assert.match(lines, /^-one\n\+web2$/m);
    assert.match(lines, /^\+ \/etc\/\\x1b\[31mred/m);
    assert.match(lines, /^local:base → local:web2: 1 added, 1 changed$/m);
    const data = rows((await tree(["diff", "local:base", "local:web2", "--output", "json"], 2)).stdout);
    assert.deepEqual(data.at(-1), {
      event: "comparison",
      before: "local:base",
      after: "local:web2",
      added: 1,
      removed: 0,
      changed: 1,
    });
    await tree(["diff", "local:base", "local:web2", "--exclude", "/etc"]);
    const missing = await tree(["diff", "local:base", "local:nothing"], 4);
    assert.match(missing.stderr, /local:.*nothing/);
  });

  it("show what changed since a snapshot, and say so when there is none of a run", async () => {
    writeFileSync(at("web1", "etc/motd"), "hello\n");
    const since = await tree(["diff", "local:web1@1", "local:web1"], 2);
    assert.match(
      since.stdout,
      /^\+ \/etc\/motd {2}file, 0644, owner 0:0, 6 bytes\nlocal:web1@1 → local:web1: 1 added$/m,
    );
    const none = await tree(["diff", "local:web1"], 1);
    assert.match(none.stderr, /no run of crun has kept/);
    assert.match(none.stderr, /crun tree diff local:web1@1 local:web1/);
    assert.match((await tree(["diff", "local:web1@7", "local:web1"], 1)).stderr, /no snapshot 7.*\n.*There are 1/);
    const listed = (await tree(["snapshots", "local:web1"])).stdout;
    assert.match(listed, /^1 +single +20\d\d-.*@.* +btrfs +before lunch$/m);
    await tree(["snapshots", "local:web1", "--remove", "1"]);
    assert.match((await tree(["snapshots", "local:web1"])).stdout, /has no snapshots/);
    assert.match((await tree(["snapshots", "local:web1", "--remove", "x"], 1)).stderr, /"x" is no number/);
  });

  it("verify that a tree is whole and as its record says", async () => {
    await tree(["snapshot", "local:web2"]);
    assert.match(
      (await tree(["verify", "local:web*", "-i", "hosts"])).stdout,
      /well {2}local:web1[^]*well {2}local:web2/,
    );
    chmodSync(at("web2", "etc/shadow"), 0o644);
    const changed = await tree(["verify", "local:web2"], 2);
    assert.match(changed.stdout, /^not well {2}local:web2$/m);
    assert.match(changed.stdout, /~ \/etc\/shadow {2}mode 0640 → 0644/);
    const record = join(pool.directory, ".crun/web1.json");
    writeFileSync(record, readFileSync(record, "utf8").replace('"base": "base"', '"base": "other"'));
    assert.match((await tree(["verify", "local:web1"], 2)).stdout, /does not have the hash/);
    assert.match((await tree(["verify", "local:nothing"], 2)).stdout, /it is not there/);
  });
});
