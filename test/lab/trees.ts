// Trees to work on: a cached Debian, one that boots, throwaway overlays over them, and one with nothing but passwd and group.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { labScript, must } from "./process.js";
import { unmount } from "./mounts.js";
import type { Scope } from "./scope.js";

const builds = new Map<string, Promise<string>>();

async function cachedTree(kind: "base" | "boot"): Promise<string> {
  const started =
    builds.get(kind) ??
    must(["bash", labScript("tree.sh"), kind], { timeoutMs: 300_000 }).then((output) => output.trim());
  builds.set(kind, started);
  return await started;
}

/**
 * The pristine minbase Debian bookworm tree, shared by all tests: look, never write. Built in about 20 s on first use
 * and cached ($CRUN_TEST_CACHE, /var/cache/crun-test or ~/.cache/crun-test). Needs root and mmdebstrap.
 */
export async function debianTree(): Promise<string> {
  return await cachedTree("base");
}

/** Like debianTree(), with systemd, dbus and iproute2: boots under systemd-nspawn. Look, never write. */
export async function bootableTree(): Promise<string> {
  return await cachedTree("boot");
}

/**
 * A throwaway overlay over `lower` in a directory of its own; writes go nowhere else. Instant. Needs root.
 * `prepare` puts into the upper directory what is to be there before it is mounted. Renaming a lower directory gives EXDEV and a lower hard link breaks on write: where that matters take a btrfsPool() snapshot.
 */
export async function overlayTree(
  scope: Scope,
  lower: string,
  prepare?: (upper: string) => Promise<unknown>,
): Promise<string> {
  const directory = scope.tempDir("overlay");
  const upper = join(directory, "upper");
  const work = join(directory, "work");
  const merged = join(directory, "merged");
  for (const path of [upper, work, merged]) {
    mkdirSync(path);
  }
  await prepare?.(upper);
  await must([
    "mount",
    "-t",
    "overlay",
    "overlay",
    "-o",
    `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
    merged,
  ]);
  scope.defer(async () => {
    await unmount(merged);
  });
  return merged;
}

/** A throwaway overlay over the machine's own root: a whole Debian at no cost, without /proc, /sys and /dev. */
export async function rootOverlay(scope: Scope): Promise<string> {
  return await overlayTree(scope, "/", async (upper) => {
    // What crun holds on this machine is not the tree's. A whiteout from the start: other runs come and go beneath while it would be removed.
    mkdirSync(join(upper, "run"));
    await must(["mknod", join(upper, "run/crun"), "c", "0", "0"]);
  });
}

/** A directory with etc/passwd and etc/group (root, and user `app` 1000:1000) and nothing else: no shell, no libc. */
export function emptyTree(scope: Scope): string {
  const tree = join(scope.tempDir("empty"), "tree");
  mkdirSync(join(tree, "etc"), { recursive: true });
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\nadm:x:4:\napp:x:1000:\n");
  return tree;
}
