// Where an editor's plain text lies: a private directory in memory that is gone when crun is, whatever ends it.

import { spawn } from "node:child_process";
import { accessSync, constants, lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pidNamespace, ticksOf } from "../runs/runner.js";

export interface PlainPlace {
  readonly directory: string;
  remove(): void;
}

/** Its name tells whose it is: what its processes' numbers are of, the process, when that began. */
export function makePlainPlace(): PlainPlace {
  const name = ["crun-vault", pidNamespace(), process.pid, ticksOf("self"), ""].join("-");
  const directory = mkdtempSync(join(places().find(isWritable) ?? tmpdir(), name));
  const dismiss = guard(directory);
  const remove = (): void => {
    rmSync(directory, { recursive: true, force: true });
    dismiss();
    process.off("exit", remove);
  };
  process.on("exit", remove);
  return { directory, remove };
}

/** Where plain text may lie, memory first. */
function places(): readonly string[] {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return [...(runtime ? [runtime] : []), "/dev/shm"];
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return statSync(directory).isDirectory();
  } catch {
    // It is not there, or not ours.
    return false;
  }
}

/** A process of its own session that sees its input end with crun, which may be killed, and takes the directory away. */
function guard(directory: string): () => void {
  const child = spawn("/bin/sh", ["-c", 'read -r _; rm -rf -- "$1"', "sh", directory], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Without a shell, or where it was killed along with crun, the next `crun vault` does it.
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  child.unref();
  return () => child.stdin.destroy();
}

/** Removes what was left by a crun of this user that is gone, and its guard with it. */
export function removeLeftovers(): void {
  for (const place of new Set([...places(), tmpdir()]))
    for (const name of namesIn(place)) {
      const [, namespace, pid, ticks] = /^crun-vault-(\d*)-(\d+)-(\d+)-/.exec(name) ?? [];
      if (namespace !== pidNamespace() || ticksOf(Number(pid)) === ticks) continue;
      const directory = join(place, name);
      const stat = lstatSync(directory, { throwIfNoEntry: false });
      // Everybody may make such a name there.
      if (stat?.isDirectory() === true && stat.uid === process.geteuid?.())
        rmSync(directory, { recursive: true, force: true });
    }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // It is not there, or not to be read: nothing of ours is in it.
    return [];
  }
}
