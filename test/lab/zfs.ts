// A zfs pool without a kernel module: the Debian package zfs-fuse, its daemon alone in this test.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unmount } from "./mounts.js";
import { must, run } from "./process.js";
import type { Scope } from "./scope.js";

/** Where the daemon listens, and where it remembers pools: nobody else shall see either. */
const ownDirectories = ["/run/zfs", "/var/lib/zfs"];

/** Why no pool can be made here; undefined: it can. The mounts over the daemon's directories must be the test run's own. */
export function zfsMissing(): string | undefined {
  if (process.env["CRUN_TEST_ISOLATED"] === undefined) return "needs a mount namespace of its own (npm test makes it)";
  return existsSync("/dev/fuse") ? undefined : "needs /dev/fuse";
}

/** Makes and mounts a pool and gives its directory. Needs root, /dev/fuse and zfs-fuse. */
export async function zfsPool(scope: Scope, name: string, sizeMib = 256): Promise<string> {
  const work = scope.tempDir("zfs");
  const directory = join(work, "trees");
  for (const path of ownDirectories) {
    mkdirSync(path, { recursive: true });
    await must(["mount", "-t", "tmpfs", "zfs", path]);
    scope.defer(async () => await unmount(path));
  }
  const daemon = spawn("zfs-fuse", ["--no-daemon", "--no-kstat-mount"], { stdio: "ignore" });
  const ended = new Promise((resolve) => daemon.once("close", resolve));
  scope.defer(async () => {
    daemon.kill();
    await ended;
  });
  await must(["truncate", "-s", `${sizeMib}M`, join(work, "disk")]);
  await until(async () => (await run(["zpool", "list"])).status === 0);
  await must(["zpool", "create", "-o", "cachefile=none", "-m", directory, name, join(work, "disk")]);
  scope.defer(async () => await until(async () => (await run(["zpool", "destroy", "-f", name])).status === 0));
  return directory;
}

/** The daemon needs a moment to listen, and to let go of what was unmounted. */
async function until(isThere: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isThere()) return;
    await sleep(100);
  }
  throw new Error("zfs-fuse did not come to it in ten seconds");
}
