// Trees stored as zfs datasets, by the real zfs of the package zfs-fuse.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { zfsMissing, zfsPool } from "../lab/zfs.js";
import { Workplace } from "./cli.js";
import { TreePlays } from "./tree-plays.js";

describe("trees stored on zfs", function () {
  this.timeout(120_000);
  const scope = testScope();
  const pool = `crun${process.pid}`;
  let plays: TreePlays;

  /** Mount points of datasets by the trees' names, and snapshots. */
  const datasets = async (): Promise<string[]> => {
    const text = await must(["zfs", "list", "-H", "-t", "filesystem", "-o", "mountpoint", "-r", "-d", "1", pool]);
    return text
      .split("\n")
      .filter((path) => path.startsWith(`${plays.trees}/`))
      .map((path) => path.slice(plays.trees.length + 1))
      .toSorted();
  };
  const snapshots = async (): Promise<number> =>
    (await must(["zfs", "list", "-H", "-t", "snapshot", "-o", "name"])).split("\n").filter((line) => line !== "")
      .length;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["zfs", "zpool", "zfs-fuse"] });
    const missing = zfsMissing();
    if (missing !== undefined) {
      if (process.env["CI"] === "true") throw new Error(missing);
      this.skip();
    }
    plays = new TreePlays(scope, await zfsPool(scope, pool));
    mkdirSync(join(plays.trees, "plain/etc"), { recursive: true });
    writeFileSync(plays.path("plain/etc/file"), "base");
    await plays.makes({ name: "base", clone: "plain" });
  });

  it("are datasets of their own, which a copy of a directory fills", async () => {
    assert.deepEqual(await datasets(), ["base"]);
    assert.equal(readFileSync(plays.path("base/etc/file"), "utf8"), "base");
    await plays.makes({ name: "bare@1+2", scratch: true });
    assert.deepEqual(await datasets(), ["bare@1+2", "base"]);
    await plays.finds({ name: "bare@1+2", scratch: true });
    await plays.makes({ name: "bare@1+2", state: "absent" });
    assert.deepEqual(plays.names(), ["base", "plain"]);
  });

  it("are zfs clones of a base that is a dataset, which stays while there are any", async () => {
    for (const name of ["web1", "web2"]) {
      assert.equal((await plays.makes({ name, clone: "base" }))["backend"], "zfs");
      await plays.finds({ name, clone: "base" });
    }
    assert.equal(readFileSync(plays.path("web1/etc/file"), "utf8"), "base");
    writeFileSync(plays.path("web1/etc/file"), "web1");
    assert.equal(readFileSync(plays.path("base/etc/file"), "utf8"), "base");
    assert.deepEqual(plays.unfinished(), []);
    await plays.refuses({ name: "base", state: "absent" }, /is the base of web1, web2, which share its storage/);
  });

  it("are made anew in their place, and go with their snapshots", async () => {
    await plays.makes({ name: "web1", scratch: true, recreate: true });
    assert.equal(existsSync(plays.path("web1/etc")), false);
    assert.deepEqual(await datasets(), ["base", "web1", "web2"]);
    assert.equal(await snapshots(), 1);
    await plays.makes({ name: "web2", state: "absent" });
    assert.equal(await snapshots(), 0);
    await plays.makes({ name: "web1", state: "absent" });
    assert.deepEqual(await datasets(), ["base"]);
    assert.deepEqual(readdirSync(plays.path(".crun/making")), []);
  });

  it("hold no more than their size, and are read-only where that is asked for", async () => {
    const wish = { name: "small", scratch: true, size: "8M" };
    await plays.makes(wish);
    const full = await run(["dd", "if=/dev/urandom", `of=${plays.path("small/big")}`, "bs=1M", "count=20"]);
    assert.match(full.stderr, /Disk quota exceeded/);
    await plays.makes({ ...wish, read_only: true });
    assert.throws(() => writeFileSync(plays.path("small/new"), ""), { code: "EROFS" });
    await plays.finds({ ...wish, read_only: true });
    await plays.makes({ ...wish, read_only: false, size: "none" });
    writeFileSync(plays.path("small/new"), "");
    await plays.makes({ name: "small", state: "absent" });
  });

  it("are mounted again where they are not, and not removed while something runs in them", async () => {
    await plays.makes({ name: "web1", clone: "base" });
    const [name = ""] = (await must(["zfs", "list", "-H", "-o", "name", plays.path("web1")])).split("\n");
    await must(["zfs", "unmount", name]);
    await plays.makes({ name: "web1", clone: "base" });
    assert.equal(readFileSync(plays.path("web1/etc/file"), "utf8"), "base");
    const inside = spawn("sleep", ["300"], { cwd: plays.path("web1") });
    await plays.refuses({ name: "web1", state: "absent" }, /busy/);
    await new Promise((resolve) => inside.once("close", resolve).kill());
    await plays.makes({ name: "web1", state: "absent" });
    assert.deepEqual(await datasets(), ["base"]);
  });

  it("are removed and made anew by runs whose target they are, and which hold their lock", async () => {
    const hosts = `local:own crun_trees=${plays.trees}\n`;
    const site = (wish: object): string =>
      JSON.stringify([{ hosts: "all", gather_facts: false, tasks: [{ tree: wish }] }]);
    const work = new Workplace(scope, {
      hosts,
      "made.yml": site({ clone: "base" }),
      "anew.yml": site({ clone: "base", recreate: true, read_only: true }),
      "gone.yml": site({ state: "absent" }),
    });
    for (const file of ["made.yml", "anew.yml", "gone.yml"]) {
      const told = await work.play([file, "-i", "hosts"]);
      assert.equal(told.status, 0, told.all);
      assert.equal(told.results[0]?.status, "changed", told.all);
    }
    assert.deepEqual(await datasets(), ["base"]);
  });
});
