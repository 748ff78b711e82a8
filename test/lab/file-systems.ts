// File systems of a test's own, in files on loop devices: what a real one can do, and what it cannot.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { unmount } from "./mounts.js";
import { must } from "./process.js";
import type { Scope } from "./scope.js";

const makers = {
  btrfs: ["mkfs.btrfs", "--quiet"],
  ext4: ["mkfs.ext4", "-q", "-F"],
  /** With reflinks, as mkfs.xfs makes it by itself. */
  xfs: ["mkfs.xfs", "-q"],
} as const;

/** What each makes at least. */
const leastMib = { btrfs: 128, ext4: 8, xfs: 320 } as const;

/** Mounts a fresh file system and gives its directory. Needs root, loop devices and mkfs of the kind; the file is sparse. */
export async function fileSystem(
  scope: Scope,
  kind: keyof typeof makers,
  sizeMib: number = leastMib[kind],
): Promise<string> {
  const work = scope.tempDir(kind);
  const image = join(work, "disk");
  const directory = join(work, "trees");
  mkdirSync(directory);
  await must(["truncate", "-s", `${sizeMib}M`, image]);
  await must([...makers[kind], image]);
  // autoclear: the loop device goes with the mount
  await must(["mount", "-o", "loop,noatime", image, directory]);
  scope.defer(async () => await unmount(directory));
  return directory;
}
