// Where journals of runs lie, who may write there, and how many are kept.

import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { whyUnreadable } from "../../diagnostic/unreadable.js";

/** How many runs are kept where nothing else is said. */
export const KEPT_RUNS = 50;

const idPattern = /^[0-9a-z]+-[0-9a-z]+$/;

/** Whether the word can be the id of a run. */
export function isRunId(word: string): boolean {
  return idPattern.test(word);
}

export function newRunId(): string {
  return `${Date.now().toString(36)}-${process.pid.toString(36)}`;
}

/** `$XDG_STATE_HOME/crun/runs`; without it /var/lib/crun/runs for root, ~/.local/state/crun/runs for others. */
export function defaultRunsDirectory(): string {
  const state = process.env["XDG_STATE_HOME"];
  if (state?.startsWith("/")) return join(state, "crun", "runs");
  if (process.getuid?.() === 0) return "/var/lib/crun/runs";
  return join(homedir(), ".local", "state", "crun", "runs");
}

/** Those above, too. Node's own way never ends where the kernel makes no directories, as in /proc: it takes ENOENT for a missing parent. */
function makeDirectories(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) return;
  if (dirname(path) !== path) makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another run was faster.
    if (!statSync(path, { throwIfNoEntry: false })) throw error;
  }
}

/** Makes the directory where it is not there. Throws a CrunError where others could put journals there. */
export function ownDirectory(path: string): void {
  makeDirectories(resolve(path));
  const stat = lstatSync(path);
  const who = process.getuid?.();
  if (stat.isDirectory() && stat.uid === who && (stat.mode & 0o022) === 0) return;
  throw new CrunError({
    severity: "error",
    summary: `${path} is no directory that only you can write to: a journal in it could be somebody else's`,
    remedy: "Give it to yourself with mode 0700, or name another place: crun.yml runs: {directory: …}, or --runs DIR.",
  });
}

/** Ids of the runs that are kept, the newest first. */
export function runIds(directory: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    const { reason, remedy } = whyUnreadable(error);
    throw new CrunError({
      severity: "error",
      summary: `what runs did cannot be read in ${directory}: ${reason}`,
      remedy: remedy ?? "Name the directory in which they lie: --runs DIR, or crun.yml runs: {directory: …}.",
    });
  }
  return names
    .filter(isRunId)
    .toSorted((one, other) => (timeOf(one) === timeOf(other) ? (one < other ? 1 : -1) : timeOf(other) - timeOf(one)));
}

/** When a run with this id began, ms. */
function timeOf(id: string): number {
  return Number.parseInt(id.split("-")[0] ?? "", 36);
}

export function runDirectory(directory: string, id: string): string {
  return join(resolve(directory), id);
}

export function removeRun(directory: string, id: string): void {
  const own = runDirectory(directory, id);
  try {
    // Each run begins by removing an old one: rmSync asks much more of the file system, and of Node.
    for (const name of readdirSync(own)) unlinkSync(join(own, name));
    rmdirSync(own);
  } catch {
    // There is more in it, or somebody else removes it just now.
    rmSync(own, { recursive: true, force: true });
  }
}
