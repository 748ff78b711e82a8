// SIGKILL at fifty moments of making and cloning trees, of crun and of its helper by turns: no half tree, no process, no mount stays, and the next run converges.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { hashTree } from "../lab/hash.js";
import { runKilled, seeded, type Left } from "../lab/killed.js";
import { requireOrSkip } from "../lab/needs.js";
import { ociLayout } from "../lab/oci-image.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { assertNoStack, brief, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const seed = Number(process.env["CRUN_KILL_SEED"] ?? 20_261);
const look = { without: ["mtime", "xattrs"] } as const;

/** What is made, and how often it is killed meanwhile. */
interface Case {
  readonly name: string;
  /** On which of the file systems. */
  readonly on: "btrfs" | "plain";
  readonly trees: number;
  readonly moments: number;
  /** The task's params; IMAGES stands for the directory with images of the base. */
  readonly tree: object;
}

const cases: readonly Case[] = [
  { name: "empty trees", on: "plain", trees: 6, moments: 8, tree: { scratch: true } },
  { name: "copies of a directory", on: "plain", trees: 3, moments: 12, tree: { clone: "base" } },
  { name: "subvolumes", on: "btrfs", trees: 6, moments: 6, tree: { scratch: true } },
  { name: "snapshots", on: "btrfs", trees: 6, moments: 12, tree: { clone: "base" } },
  { name: "from an archive", on: "plain", trees: 2, moments: 4, tree: { tarball: { path: "IMAGES/root.tgz" } } },
  { name: "from a container image", on: "plain", trees: 2, moments: 4, tree: { oci: "oci:IMAGES/layout:x" } },
  { name: "from a disk image", on: "plain", trees: 2, moments: 4, tree: { raw: { path: "IMAGES/disk.ext4" } } },
];

/** A tree of a few hundred files with what copies may lose: links, modes, owners, times. */
async function fill(tree: string): Promise<void> {
  for (let directory = 0; directory < 5; directory++) {
    const path = join(tree, `srv/d${directory}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < 40; file++) writeFileSync(join(path, `f${file}`), `${directory} ${file}\n`.repeat(100));
  }
  mkdirSync(join(tree, "etc"));
  writeFileSync(join(tree, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
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

describe("trees: killed while they are made", function () {
  this.timeout(180_000);
  const scope = testScope();
  const work = new Workplace(scope);
  const directories = { btrfs: "", plain: "" };
  let images: string;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["btrfs", "mkfs.btrfs", "unshare", "skopeo", "tar", "mke2fs", "losetup"],
      paths: [crunPath, "/dev/loop-control"],
    });
    directories.plain = scope.tempDir("kills");
    mkdirSync(join(directories.plain, "base"));
    await fill(join(directories.plain, "base"));
    const pool = await btrfsPool(scope, { tree: join(directories.plain, "base"), sizeMib: 1024 });
    await pool.snapshot("base");
    directories.btrfs = pool.directory;
    images = scope.tempDir("images");
    await makeImages(join(directories.plain, "base"), images);
    process.stderr.write(`moments of kills: CRUN_KILL_SEED=${seed}\n`);
  });

  for (const [index, one] of cases.entries()) {
    it(`${one.name}: ${one.moments} moments`, async () => {
      const directory = directories[one.on];
      const names = Array.from({ length: one.trees }, (_, at) => `web${index}${at}`);
      const inventory = work.write(
        "hosts",
        `${names.map((name) => `local:${name}\n`).join("")}[all:vars]\ncrun_trees=${directory}\n`,
      );
      const site = work.write(
        "site.yml",
        JSON.stringify([{ hosts: "all", gather_facts: false, tasks: [{ tree: one.tree }] }]).replaceAll(
          "IMAGES",
          images,
        ),
      );
      const args = ["-i", inventory, site];
      const argv = [process.execPath, crunPath, "play", ...args];
      const options = { cwd: work.directory, env: work.environment };
      const made = (): string[] => readdirSync(directory).filter((name) => names.includes(name));
      const hashes = async (): Promise<string[]> =>
        await Promise.all(made().map(async (name) => await hashTree(join(directory, name), look)));
      const reset = async (): Promise<void> => {
        const paths = made().map((name) => join(directory, name));
        if (one.on === "btrfs" && paths.length > 0) await must(["btrfs", "subvolume", "delete", ...paths]);
        else for (const path of paths) rmSync(path, { recursive: true });
        for (const name of names) rmSync(join(directory, ".crun", `${name}.json`), { force: true });
      };
      const others = [...readdirSync(directory), ".crun"];

      // Nobody is killed: how long it takes, and what comes out.
      await reset();
      const whole = await runKilled(argv, "nobody", 0, options);
      assert.equal(whole.end, "0", whole.output);
      const [right = ""] = await hashes();
      assert.deepEqual(await hashes(), Array(one.trees).fill(right));

      const random = seeded(seed + index);
      let hit = 0;
      for (let moment = 0; moment < one.moments; moment++) {
        await reset();
        const victim = moment % 2 === 0 ? "controller" : "helper";
        const afterMs = ((moment + random()) / one.moments) * whole.ranMs;
        const left = await runKilled(argv, victim, afterMs, options);
        const what = `${victim} killed after ${afterMs.toFixed(1)} of ${whole.ranMs.toFixed(1)} ms`;
        if (left.end !== "0") hit++;
        assertGone(left, what);
        assert.deepEqual(await loops(), [], what);
        const strangers = readdirSync(directory).filter((name) => !names.includes(name) && !others.includes(name));
        assert.deepEqual(strangers, [], what);
        for (const hash of await hashes()) assert.equal(hash, right, `${what}: a half tree has its name`);
        const next: Told = await work.play(args);
        assert.equal(next.status, 0, `${what}\n${brief(next)}`);
        assert.deepEqual(await hashes(), Array(one.trees).fill(right), what);
        assert.deepEqual(readdirSync(join(directory, ".crun/making")), [], what);
      }
      assert.ok(hit >= one.moments / 3, `only ${hit} runs of ${one.moments} were hit`);
      const last = await work.play(args);
      assert.ok(
        Object.values(last.recap).every(({ changed }) => changed === 0),
        brief(last),
      );
    });
  }

  /** Loop devices whose files are images, or lie in trees that are made. */
  async function loops(): Promise<string[]> {
    const lines = await must(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]);
    return lines.split("\n").filter((line) => line.includes(images) || line.includes(directories.plain));
  }

  function assertGone(left: Left, what: string): void {
    assertNoStack(left.output);
    assert.deepEqual(left.processes, [], `${what}: still runs`);
    assert.deepEqual(left.mounts, [], `${what}: still mounted`);
    if (left.end !== "0" && left.end !== "SIGKILL") assert.match(left.output, /helper|connection/, what);
  }
});
