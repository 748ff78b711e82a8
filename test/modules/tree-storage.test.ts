// The module tree on file systems of many kinds: which backend stores a tree, and what it has done for that.

import tree from "../../modules/tree.js";
import { recipeHash } from "../../src/tree/recipe.js";
import { recordText, type TreeRecord } from "../../src/tree/record.js";
import { contextOf, testFixtures, type Fixture } from "../module/harness.js";

const trees = "/var/lib/machines";
const kept = {
  [`${trees}/.crun`]: { type: "directory" },
  [`${trees}/.crun/making`]: { type: "directory" },
} as const;
const making = `${trees}/.crun/making/web1.mjwaid1k-3mv`;
const overlay = `${trees}/.crun/overlay`;
const ofBase = { source: "clone", params: { base: "base", reset_identity: true } };

function record(backend: TreeRecord["backend"], more: Partial<TreeRecord> = {}): string {
  const recipe = more.recipe ?? { source: "scratch", params: {} };
  const madeAt = "2026-01-01T00:00:00.000Z";
  return recordText({ version: 1, backend, recipe, recipeHash: recipeHash(recipe), madeAt, run: "x-1", ...more });
}

const at = (backend: string): NonNullable<Fixture["context"]> => ({ target: { ...contextOf().target, backend } });
const zfsList = `zfs list -H -t filesystem -o name,mountpoint,mounted,origin -r -d 1 ${trees}`;
const pool = `tank/trees\t${trees}\tyes\t-\ntank/trees/base.r1\t${trees}/base\tyes\t-\n`;

testFixtures(tree, [
  {
    name: "makes a subvolume where the trees lie on btrfs (partial)",
    fileSystem: "btrfs",
    tree: kept,
    params: { scratch: true },
    expect: { kinds: ["lock", "subvolume", "writeFile", "rename"], result: { backend: "btrfs" } },
  },
  {
    name: "makes a directory there where that is asked for, or the inventory says so",
    fileSystem: "btrfs",
    tree: kept,
    context: at("directory"),
    params: { scratch: true },
    expect: { kinds: ["lock", "makeDirectory", "writeFile", "rename"], result: { backend: "directory" } },
  },
  {
    name: "lets the task say otherwise than the inventory",
    fileSystem: "btrfs",
    tree: kept,
    context: at("directory"),
    params: { scratch: true, backend: "btrfs" },
    expect: { result: { backend: "btrfs" } },
  },
  {
    name: "fills a subvolume with a base that is a plain directory",
    fileSystem: "btrfs",
    tree: { ...kept, [`${trees}/base`]: { type: "directory" } },
    params: { clone: "base" },
    expect: { kinds: ["lock", "subvolume", "exec", "writeFile", "rename"], result: { backend: "btrfs" } },
  },
  {
    name: "limits what a new subvolume holds, and makes it read-only last",
    fileSystem: "btrfs",
    tree: kept,
    params: { scratch: true, size: "1.5G", read_only: true },
    expect: {
      kinds: ["lock", "subvolume", "exec", "exec", "writeFile", "rename", "setSubvolume"],
      argv: [
        ["btrfs", "quota", "enable", making],
        ["btrfs", "qgroup", "limit", "1610612736", making],
      ],
    },
  },
  {
    name: "changes the limit of a tree that is there, and remembers that",
    fileSystem: "btrfs",
    tree: {
      ...kept,
      [`${trees}/web1`]: { type: "directory" },
      [`${trees}/.crun/web1.json`]: record("btrfs", { size: 1024 }),
    },
    params: { scratch: true, size: "none" },
    expect: { kinds: ["lock", "exec", "exec", "writeFile"] },
  },
  {
    name: "finds the limit as it is to be (converged)",
    fileSystem: "btrfs",
    tree: {
      ...kept,
      [`${trees}/web1`]: { type: "directory" },
      [`${trees}/.crun/web1.json`]: record("btrfs", { size: 1024 }),
    },
    params: { scratch: true, size: "1K" },
    expect: { changed: false },
  },
  {
    name: "refuses limits that a directory does not have (error)",
    tree: kept,
    params: { scratch: true, size: "5G" },
    expect: { refusal: /stored as directory has no limit of size.*btrfs or zfs/ },
  },
  ...["5 apples", "-1G", "0", "1e9"].map((size) => ({
    name: `refuses ${JSON.stringify(size)} as a size`,
    params: { scratch: true, size },
    expect: { problem: /is no size: write 512M, 5G/ },
  })),
  {
    name: "refuses a backend of the inventory that there is not",
    tree: kept,
    context: at("floppy"),
    params: { scratch: true },
    expect: { refusal: /"floppy" is no way to store trees.*auto, directory, btrfs, overlay, zfs/ },
  },
  {
    name: "mounts an overlay at the tree's name last, and writes into its own layer before",
    fileSystem: "ext4",
    tree: { ...kept, [`${trees}/base/etc/machine-id`]: "0123456789abcdef0123456789abcdef\n" },
    params: { clone: "base", backend: "overlay" },
    expect: {
      kinds: ["lock", "exec", "exec", "writeFile", "makeDirectory", "writeFile", "rename", "exec", "mountOverlay"],
      result: { backend: "overlay" },
    },
  },
  {
    name: "mounts an overlay again whose layers are there",
    fileSystem: "ext4",
    tree: {
      ...kept,
      [`${trees}/base`]: { type: "directory" },
      [`${trees}/web1`]: { type: "directory" },
      [`${trees}/.crun/web1.json`]: record("overlay", { recipe: ofBase, base: { path: `${trees}/base` } }),
      [`${overlay}/base/web1/upper`]: { type: "directory" },
    },
    params: { clone: "base", backend: "overlay" },
    expect: { kinds: ["lock", "exec", "mountOverlay"] },
  },
  {
    name: "does not remove the base of overlays, those that a transaction has kept among them",
    fileSystem: "ext4",
    tree: {
      ...kept,
      [`${trees}/base`]: { type: "directory" },
      [`${overlay}/base/web2/upper`]: { type: "directory" },
      [`${overlay}/base/.web3.1/upper`]: { type: "directory" },
      [`${overlay}/base/.web4.abc-1/upper`]: { type: "directory" },
    },
    params: { name: "base", state: "absent" },
    expect: { refusal: /is the base of web2, web3 \(kept as 1\), which share its storage/ },
  },
  {
    name: "refuses an overlay on an overlay",
    fileSystem: "overlayfs",
    tree: { ...kept, [`${trees}/base`]: { type: "directory" } },
    params: { clone: "base", backend: "overlay" },
    expect: { refusal: /lies on an overlay itself/ },
  },
  {
    name: "clones a dataset where the trees lie on zfs",
    fileSystem: "zfs",
    tree: { ...kept, [`${trees}/base`]: { type: "directory" } },
    programs: { [zfsList]: { stdout: pool } },
    params: { clone: "base" },
    expect: {
      argv: [
        ["zfs", "snapshot", "tank/trees/base.r1@web1.mjwaid1k-3mv"],
        [
          "zfs",
          "clone",
          "-o",
          `mountpoint=${making}`,
          "tank/trees/base.r1@web1.mjwaid1k-3mv",
          "tank/trees/web1.mjwaid1k-3mv",
        ],
        ["zfs", "destroy", "-d", "tank/trees/base.r1@web1.mjwaid1k-3mv"],
        ["zfs", "set", `mountpoint=${trees}/web1`, "tank/trees/web1.mjwaid1k-3mv"],
        ["sh", "-c", '! [ -d "$1" ] || rmdir -- "$1"', "rmdir", making],
      ],
      result: { backend: "zfs" },
    },
  },
  {
    name: "says in zfs' own words why a tree cannot be stored there",
    fileSystem: "ext4",
    tree: kept,
    programs: { [zfsList]: { status: 1, stderr: "cannot open '/var/lib/machines': not a ZFS filesystem\n" } },
    params: { scratch: true, backend: "zfs" },
    expect: { refusal: /needs a zfs dataset .* finds ext4: cannot open .* not a ZFS filesystem/ },
  },
  {
    name: "makes a directory on FUSE where that is no zfs",
    fileSystem: "fuse",
    tree: kept,
    programs: { [zfsList]: { status: 1, stderr: "no datasets available\n" } },
    params: { scratch: true },
    expect: { result: { backend: "directory" } },
  },
  {
    name: "does not remove a dataset that others are clones of",
    fileSystem: "zfs",
    tree: { ...kept, [`${trees}/base`]: { type: "directory" }, [`${trees}/.crun/base.json`]: record("zfs") },
    programs: { [zfsList]: { stdout: `${pool}tank/trees/web2.r2\t${trees}/web2\tyes\ttank/trees/base.r1@web2.r2\n` } },
    params: { name: "base", state: "absent" },
    expect: { refusal: /is the base of web2, which shares its storage/ },
  },
]);
