// A btrfs file system in a file, holding a Debian tree as a subvolume: real copy-on-write clones in milliseconds.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { must } from "./process.js";
import { unmount } from "./mounts.js";
import type { Scope } from "./scope.js";
import { debianTree } from "./trees.js";

/** A mounted pool. Trees lie directly below `directory`, so it can serve as a host's `crun_trees`. */
export interface BtrfsPool {
  readonly directory: string;
  /** The subvolume that snapshots are taken of: pristine, look but never write. */
  readonly base: string;
  /** A writable snapshot of `base` (or of another tree of this pool) under `directory`/`name`. Returns its path. */
  snapshot(name: string, of?: string): Promise<string>;
  /** Removes a snapshot. */
  remove(name: string): Promise<void>;
}

/**
 * Makes and mounts a pool whose `base` is a copy of `tree` (default: the cached minbase Debian); about 3 s.
 * Needs root, loop devices and btrfs-progs. `sizeMib` is sparse: only what is written takes space.
 */
export async function btrfsPool(
  scope: Scope,
  options: { readonly tree?: string; readonly sizeMib?: number } = {},
): Promise<BtrfsPool> {
  const source = options.tree ?? (await debianTree());
  const work = scope.tempDir("btrfs");
  const image = join(work, "pool.btrfs");
  const directory = join(work, "trees");
  mkdirSync(directory);
  await must(["truncate", "-s", `${options.sizeMib ?? 4096}M`, image]);
  await must(["mkfs.btrfs", "--quiet", image]);
  // autoclear: the loop device goes with the mount
  await must(["mount", "-o", "loop,noatime", image, directory]);
  scope.defer(async () => await unmount(directory));
  const base = join(directory, ".base");
  await must(["btrfs", "subvolume", "create", base]);
  await must(["cp", "--archive", `${source}/.`, base]);
  return {
    directory,
    base,
    snapshot: async (name, of = base) => {
      const path = join(directory, name);
      await must(["btrfs", "subvolume", "snapshot", of, path]);
      return path;
    },
    remove: async (name) => {
      await must(["btrfs", "subvolume", "delete", join(directory, name)]);
    },
  };
}
