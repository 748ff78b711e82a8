// Small trees on real storage, for plays that act in clones of them, and what is left beside them.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../lab/process.js";
import { btrfsPool } from "../lab/btrfs.js";
import type { Scope } from "../lab/scope.js";

export type Storage = "directory" | "btrfs";

/** A directory of trees on one kind of storage. */
export interface TreeYard {
  readonly directory: string;
  /** A tree of a few files. Returns its path. */
  tree(name: string): Promise<string>;
  /** An inventory of targets by their trees' names. */
  inventory(names: readonly string[]): string;
  /** Names beneath `.crun/making` and `.crun/old`. */
  kept(part: "making" | "old"): readonly string[];
}

export async function treeYard(scope: Scope, storage: Storage): Promise<TreeYard> {
  const base = scope.tempDir("small");
  mkdirSync(join(base, "etc"));
  mkdirSync(join(base, "srv/data"), { recursive: true });
  writeFileSync(join(base, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\n");
  writeFileSync(join(base, "etc/group"), "root:x:0:\nwww:x:33:\n");
  writeFileSync(join(base, "etc/motd"), "old\n");
  for (let index = 0; index < 20; index++) writeFileSync(join(base, `srv/data/${index}`), `${index}\n`.repeat(100));
  const pool = storage === "btrfs" ? await btrfsPool(scope, { tree: base, sizeMib: 512 }) : undefined;
  const directory = pool?.directory ?? join(scope.tempDir("yard"), "trees");
  if (!pool) mkdirSync(directory);
  return {
    directory,
    tree: async (name) => {
      const path = join(directory, name);
      if (pool) await pool.snapshot(name);
      else await must(["cp", "--archive", "--no-target-directory", base, path]);
      return path;
    },
    inventory: (names) => names.map((name) => `${name} crun_host=local crun_path=${join(directory, name)}\n`).join(""),
    kept: (part) => {
      const path = join(directory, ".crun", part);
      return existsSync(path) ? readdirSync(path).sort() : [];
    },
  };
}

/** An event of `--output json`. */
export type Told = Readonly<Record<string, unknown>> & { readonly event: string };

export function eventsIn(stdout: string, event: string): readonly Told[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Told)
    .filter((one) => one.event === event);
}
