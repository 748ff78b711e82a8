// SIGKILL at fifty and more moments of making and cloning trees, of rehearsals and transactions; of crun and of its helper by turns. No half tree, no process,
// no mount stays, and the next run converges.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { hashTree } from "../lab/hash.js";
import { runKilled, seeded } from "../lab/killed.js";
import { mountPointsBelow, unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { assertNoStack, brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const seed = Number(process.env["CRUN_KILL_SEED"] ?? 20_261);

/** What is done, and how often it is killed meanwhile. */
interface Case {
  readonly name: string;
  /** On which of the file systems. */
  readonly on: "btrfs" | "plain";
  readonly trees: number;
  readonly moments: number;
  /** Makes trees where none are: the params of the module. IMAGES stands for the directory with images of the base. */
  readonly makes?: Readonly<Record<string, unknown>>;
  /** Or plays on copies of the base: keys of the play, options of the command. */
  readonly play?: Readonly<Record<string, unknown>>;
  readonly options?: readonly string[];
  /** A tree that is there is a mount. */
  readonly isMounted?: boolean;
}

const tasks = [
  { copy: { dest: "/srv/d{{item}}/f0", content: "new {{item}}\n" }, loop: [0, 1, 3, 4] },
  { file: { path: "/srv/new/{{item}}", state: "directory", mode: "0700" }, loop: ["a", "b", "c"] },
  { file: { path: "/srv/d2", state: "absent" } },
  { file: { path: "/etc/current", src: "machine-id", state: "link" } },
];

const cases: readonly Case[] = [
  { name: "empty trees", on: "plain", trees: 5, moments: 4, makes: { scratch: true } },
  { name: "copies of a directory", on: "plain", trees: 3, moments: 6, makes: { clone: "base" } },
  { name: "trees from an archive", on: "plain", trees: 2, moments: 4, makes: { tarball: { path: "IMAGES/root.tgz" } } },
  { name: "from a container image", on: "plain", trees: 2, moments: 4, makes: { oci: "oci:IMAGES/layout:x" } },
  { name: "from a disk image", on: "plain", trees: 2, moments: 4, makes: { raw: { path: "IMAGES/disk.ext4" } } },
  { name: "subvolumes", on: "btrfs", trees: 5, moments: 4, makes: { scratch: true } },
  { name: "snapshots", on: "btrfs", trees: 5, moments: 6, makes: { clone: "base" } },
  { name: "transactions in copies", on: "plain", trees: 2, moments: 4, play: { transaction: true } },
  { name: "transactions in snapshots", on: "btrfs", trees: 4, moments: 7, play: { transaction: true } },
  { name: "rehearsals in copies", on: "plain", trees: 2, moments: 3, play: {}, options: ["--rehearse"] },
  { name: "rehearsals in snapshots", on: "btrfs", trees: 4, moments: 5, play: {}, options: ["--rehearse"] },
  {
    name: "overlays",
    on: "plain",
    trees: 3,
    moments: 7,
    makes: { clone: "base", backend: "overlay" },
    isMounted: true,
  },
];

/** A tree of some files with what copies may lose: links, modes, owners, times. */
async function fill(tree: string): Promise<void> {
  for (let directory = 0; directory < 5; directory++) {
    const path = join(tree, `srv/d${directory}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < 40; file++) writeFileSync(join(path, `f${file}`), `${directory} ${file}\n`.repeat(100));
  }
  mkdirSync(join(tree, "etc"));
  writeFileSync(join(tree, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
  await must(["chmod", "4750", join(tree, "srv/d0/f0")]);
  await must(["chown", "33:34", join(tree, "srv/d0/f1")]);
  await must(["ln", "-s", "/etc/machine-id", join(tree, "etc/link")]);
  await must(["ln", join(tree, "srv/d1/f0"), join(tree, "srv/d1/hard")]);
}

/** The tree at `base` as an archive, a container image and a disk. */
async function makeImages(base: string, images: string): Promise<void> {
  await must(["tar", "-C", base, "-czf", join(images, "root.tgz"), "."]);
  const layer = await must(["sh", "-c", 'tar -C "$1" -cf - . | base64 -w 0', "sh", base]);
  ociLayout(join(images, "layout"), [{ tag: "x", layers: [{ bytes: Buffer.from(layer, "base64") }] }]);
  await must(["mke2fs", "-q", "-t", "ext4", "-d", base, join(images, "disk.ext4"), "24M"]);
}

describe("trees: killed while something is done to them", function () {
  this.timeout(180_000);
  const scope = testScope();
  const work = new Workplace(scope);
  const directories = { btrfs: "", plain: "" };
  let images = "";

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["btrfs", "mkfs.btrfs", "unshare", "skopeo", "tar", "mke2fs", "losetup"],
      paths: [crunPath, "/dev/loop-control"],
    });
    directories.plain = scope.tempDir("kills");
    // shared, so that what is mounted in the namespace of a run that is killed shows here
    await must(["mount", "--bind", directories.plain, directories.plain]);
    scope.defer(async () => await unmount(directories.plain));
    await must(["mount", "--make-rshared", directories.plain]);
    mkdirSync(join(directories.plain, "base"));
    await fill(join(directories.plain, "base"));
    images = scope.tempDir("images");
    await makeImages(join(directories.plain, "base"), images);
    const pool = await btrfsPool(scope, { tree: join(directories.plain, "base"), sizeMib: 1024 });
    await pool.snapshot("base");
    directories.btrfs = pool.directory;
    await must(["mount", "--make-rshared", directories.btrfs]);
    process.stderr.write(`moments of kills: CRUN_KILL_SEED=${seed}\n`);
  });

  for (const [index, one] of cases.entries())
    it(`${one.name}: ${one.moments} moments`, async () => {
      const directory = directories[one.on];
      const names = Array.from({ length: one.trees }, (_, at) => `web${index}${at}`);
      const paths = names.map((name) => join(directory, name));
      const inventory = work.write(
        "hosts",
        `${names.map((name) => `local:${name}\n`).join("")}[all:vars]\ncrun_trees=${directory}\n`,
      );
      const play = one.makes ? { tasks: [{ tree: one.makes }] } : { ...one.play, tasks };
      const text = JSON.stringify([{ hosts: "all", gather_facts: false, ...play }]);
      const args = [...(one.options ?? []), "-i", inventory, work.write("site.yml", text.replaceAll("IMAGES", images))];
      const argv = [process.execPath, crunPath, "play", ...args];
      const options = { cwd: work.directory, env: work.environment };
      const isRehearsal = one.options?.includes("--rehearse") === true;
      const others = [...readdirSync(directory), ".crun"];

      const remove = async (found: readonly string[]): Promise<void> => {
        const there = found.filter((path) => existsSync(path));
        if (one.on === "btrfs" && there.length > 0) await must(["btrfs", "subvolume", "delete", ...there]);
        else for (const path of there) rmSync(path, { recursive: true });
      };
      /** As if nothing had been done yet. Of overlays more than a directory has to go; all others are removed at less cost. */
      const reset = async (): Promise<void> => {
        if (one.isMounted === true) {
          const ran = await work.crun(["tree", "rm", "-i", inventory, "all"]);
          assert.equal(ran.status, 0, ran.all);
          assert.deepEqual([...paths.filter((path) => existsSync(path)), ...mounts()], [], ran.all);
        }
        await remove(paths);
        for (const name of names) rmSync(join(directory, ".crun", `${name}.json`), { force: true });
        if (one.makes) return;
        for (const path of paths)
          if (one.on === "btrfs") await must(["btrfs", "subvolume", "snapshot", join(directory, "base"), path]);
          else await must(["cp", "--archive", "--no-target-directory", join(directory, "base"), path]);
      };
      const mounts = (): string[] => mountPointsBelow(directory).slice(1);
      const making = (): string[] => {
        const path = join(directory, ".crun/making");
        return existsSync(path) ? readdirSync(path).filter((name) => name.startsWith(`web${index}`)) : [];
      };
      let wanted = "";
      /** The old trees with their times; new ones have times of their own. */
      const old = await hashTree(join(directory, "base"));
      const state = async (path: string): Promise<string> => {
        if (!existsSync(path)) return one.makes ? "old" : "gone";
        if (!one.makes && (await hashTree(path)) === old) return "old";
        const hash = await hashTree(path, { without: ["mtime", "xattrs"] });
        if (wanted === "") wanted = hash;
        return hash === wanted ? "new" : "half";
      };
      const states = async (): Promise<string[]> => await Promise.all(paths.map(state));
      const end = Array<string>(one.trees).fill(isRehearsal ? "old" : "new");

      // Nobody is killed: how long it takes, and what comes out.
      await reset();
      const whole = await runKilled(argv, "nobody", 0, options);
      assert.equal(whole.end, "0", whole.output);
      assert.deepEqual(await states(), end, whole.output);

      const random = seeded(seed + index);
      let hit = 0;
      // Beside other tests one run takes longer than the next: those that were over before their kill say so.
      let ranMs = whole.ranMs;
      const isHit = (): boolean => hit >= one.moments / 3;
      for (let moment = 0; moment < one.moments || (!isHit() && moment < 4 * one.moments); moment++) {
        await reset();
        const victim = moment % 2 === 0 ? "controller" : "helper";
        const afterMs = (((moment % one.moments) + random()) / one.moments) * ranMs;
        const left = await runKilled(argv, victim, afterMs, options);
        const what = `${victim} killed after ${afterMs.toFixed(1)} of ${ranMs.toFixed(1)} ms`;
        if (left.end !== "0") hit++;
        else ranMs = Math.min(ranMs, left.ranMs);
        if (left.end !== "0" && left.end !== "SIGKILL") assert.match(left.output, /helper|connection/, what);
        assertNoStack(left.output);
        assert.deepEqual(left.processes, [], `${what}: still runs`);
        // An overlay that has its name is a mount, and whole.
        const strayMounts = mounts().filter((path) => one.isMounted !== true || dirname(path) !== directory);
        assert.deepEqual(strayMounts, [], `${what}: still mounted`);
        assert.deepEqual(await loops(), [], `${what}: a loop device is left`);
        const strangers = readdirSync(directory).filter((name) => !names.includes(name) && !others.includes(name));
        assert.deepEqual(strangers, [], what);
        const found = await states();
        const isWhole = (seen: string): boolean => seen === "old" || (seen === "new" && !isRehearsal);
        assert.ok(found.every(isWhole), `${what}: ${found.join(" ")}`);
        const next = await work.play(args);
        assert.equal(next.status, 0, `${what}\n${brief(next)}`);
        assert.deepEqual(await states(), end, what);
        assert.deepEqual(making(), [], what);
      }
      assert.ok(isHit(), `only ${hit} runs of ${one.moments} were hit`);
      if (isRehearsal) return;
      const last = await work.play(args);
      const counts = Object.values(last.recap);
      assert.ok(counts.length === one.trees && counts.every(({ changed }) => changed === 0), brief(last));
    });

  async function loops(): Promise<string[]> {
    const lines = await must(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]);
    return lines.split("\n").filter((line) => line.includes(images) || line.includes(directories.plain));
  }
});
