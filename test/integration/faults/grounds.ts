// What the plays find: trees of a template, on which file system, and how their targets are reached.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mountPointsBelow } from "../../lab/mounts.js";
import { must } from "../../lab/process.js";

export interface Ground {
  /** Lines; DIRECTORY stands for the bench's. */
  readonly inventory: string;
  /** Names of trees that are there before. */
  readonly trees: readonly string[];
  /** Where trees lie; without it in the bench's own directory. */
  readonly fileSystem?: "btrfs";
  /** Trees are made and swapped as wholes: of what was told nothing counts before the end. */
  readonly isOfTrees?: boolean;
  /** The tree that is changed in a transaction. */
  readonly swapped?: string;
  /** A tree that is a mount is an empty directory where a run died between unmounting and mounting (docs/STORAGE.md). */
  readonly mayBeUnmounted?: string;
}

const one: Ground = { inventory: "local:tree crun_path=DIRECTORY/trees/tree\n", trees: ["tree"] };
const below = "[all:vars]\ncrun_trees=DIRECTORY/trees\n";
const entered = (name: string, more = ""): string => `local:${name} crun_path=DIRECTORY/trees/${name} ${more}\n`;

const grounds: Readonly<Record<string, Ground>> = {
  "files.yml": one,
  "processes.yml": one,
  "trees.yml": {
    inventory: `local:web\nlocal:tree\n${below}`,
    trees: ["base", "tree"],
    isOfTrees: true,
    swapped: "tree",
  },
  "entries.yml": {
    inventory: [
      entered("chroot", "crun_entry=chroot"),
      entered("nspawn", "crun_entry=nspawn"),
      entered("limited"),
      entered("jobs"),
    ].join(""),
    trees: ["chroot", "nspawn", "limited", "jobs"],
  },
  "resumed.yml": { inventory: `local:tree\nlocal:web\n${below}`, trees: ["tree", "web"] },
  "btrfs.yml": {
    inventory: `local:web\nlocal:tree\nlocal:gone\n${below}`,
    trees: ["base", "tree", "gone"],
    fileSystem: "btrfs",
    isOfTrees: true,
    swapped: "tree",
  },
  "overlay.yml": {
    inventory: `local:web\nlocal:gone\n${below}`,
    trees: ["base"],
    isOfTrees: true,
    swapped: "web",
    mayBeUnmounted: "web",
  },
};

export function groundOf(play: string): Ground {
  const ground = grounds[play];
  if (!ground) throw new Error(`no ground for ${play}; there are: ${Object.keys(grounds).join(" ")}`);
  return ground;
}

/** Before the first run. `directory` holds `template`. */
export async function layGround({ fileSystem }: Ground, directory: string): Promise<void> {
  const trees = join(directory, "trees");
  mkdirSync(trees);
  if (fileSystem === undefined) return;
  const image = join(directory, "pool.btrfs");
  await must(["truncate", "-s", "256M", image]);
  await must(["mkfs.btrfs", "--quiet", image]);
  // autoclear: the loop device goes with the mount
  await must(["mount", "-o", "loop,noatime", image, trees]);
  await must(["btrfs", "subvolume", "create", join(trees, ".template")]);
  await must(["cp", "--archive", `${directory}/template/.`, join(trees, ".template")]);
}

/** Before each run. */
export async function resetGround({ fileSystem, trees }: Ground, directory: string): Promise<void> {
  const top = join(directory, "trees");
  for (const mountPoint of mountPointsBelow(top).reverse())
    if (mountPoint !== top) execFileSync("umount", [mountPoint]);
  const clone =
    fileSystem === undefined
      ? 'cp -a "$1/../template" "$1/$name"'
      : 'btrfs subvolume snapshot "$1/.template" "$1/$name" >/dev/null';
  const script = `find "$1" -mindepth 1 -maxdepth 1 ! -name .template -exec rm -rf {} +; for name in ${trees.join(" ")}; do ${clone}; done`;
  await must(["sh", "-euc", script, "sh", top]);
}

/** What lies beside the trees and is not theirs, without what differs from run to run: marks of runs, numbers of what is kept. */
export function besideTrees(directory: string): readonly string[] {
  const list = (path: string, depth: number): readonly string[] =>
    existsSync(join(directory, "trees/.crun", path))
      ? readdirSync(join(directory, "trees/.crun", path), { withFileTypes: true }).flatMap((entry) => {
          const name = `${path}/${entry.name}`;
          return [name, ...(entry.isDirectory() && depth < 3 ? list(name, depth + 1) : [])];
        })
      : [];
  // A tree that is kept, or layers, are not looked into.
  const isOfTree = (name: string): boolean => /^\/(old|making)\/[^/]+\/|^\/overlay\/[^/]+\/[^/]+\//.test(name);
  return list("", 1)
    .filter((name) => !isOfTree(name))
    .map((name) => name.replace(/^(\/old\/[^/]+?|\/overlay\/[^/]+\/\.[^/]+?)\.\d+(?=$|\.json)/, "$1.N"))
    .toSorted();
}

/** What is there more often than it is to be. */
export function tooMany(now: readonly string[], wanted: readonly string[]): readonly string[] {
  const left = [...wanted];
  return now.filter((one) => {
    const index = left.indexOf(one);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
