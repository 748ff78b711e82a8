// What must not change on the machine whatever a tree does: its mounts, loop devices, cgroups, files, and who is in a tree.
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { holders, mountTable } from "./mounts.js";

/** Where to look. The machine is shared: only what lies at or below `trees` and the named files is watched. */
export interface CanaryOptions {
  /** Directories whose mounts and processes are watched, e.g. a tree or a scope's directory. */
  readonly trees: readonly string[];
  /** Files of the host whose content, inode, mode, owner and mtime must stay. Default: HOST_FILES. */
  readonly files?: readonly string[];
  /** Cgroups whose path matches are watched. Default: none, for other tests make and remove theirs beside this one. */
  readonly cgroups?: RegExp;
}

/** Files that an escape from a tree would like to change. */
export const HOST_FILES = [
  "/etc/passwd",
  "/etc/shadow",
  "/etc/group",
  "/etc/hosts",
  "/etc/hostname",
  "/etc/resolv.conf",
  "/etc/ld.so.cache",
  "/etc/machine-id",
  "/usr/bin/env",
  "/usr/sbin/policy-rc.d",
  "/proc/sys/kernel/core_pattern",
  "/proc/sys/kernel/hostname",
] as const;

/** A look at the machine, as sorted lines. */
export type CanaryState = readonly string[];

function fileLine(path: string): string {
  try {
    const stat = lstatSync(path, { bigint: true });
    const digest = stat.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
    // proc files have the time of the look
    const mtime = path.startsWith("/proc/") ? "" : stat.mtimeNs;
    const inode = path.startsWith("/proc/") ? "" : stat.ino;
    return `file ${path}: ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} inode ${inode} mtime ${mtime} ${digest}`;
  } catch (error) {
    return `file ${path}: ${error instanceof Error && "code" in error ? String(error.code) : String(error)}`;
  }
}

function cgroupLines(pattern: RegExp, directory = "/sys/fs/cgroup"): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch {
    // removed meanwhile, or no cgroups here
    return [];
  }
  return names.flatMap((name) => [...(pattern.test(name) ? [`cgroup ${name}`] : []), ...cgroupLines(pattern, name)]);
}

/** Looks at the machine now. */
export function canaries(options: CanaryOptions): CanaryState {
  const isWatched = (path: string): boolean =>
    options.trees.some((tree) => path === tree || path.startsWith(`${tree}/`));
  const mounts = mountTable()
    .filter((mount) => isWatched(mount.mountPoint) || isWatched(mount.root))
    .map((mount) => `mount ${mount.mountPoint}: ${mount.type} ${mount.source} ${mount.root}`);
  const processes = options.trees.flatMap(holders).map((holder) => `process ${holder}`);
  const files = (options.files ?? HOST_FILES).map(fileLine);
  return [...mounts, ...processes, ...files, ...(options.cgroups ? cgroupLines(options.cgroups) : [])].sort();
}

/** What was lost ("-") and what came ("+") between two looks; empty when nothing changed. */
export function canaryChanges(before: CanaryState, after: CanaryState): string[] {
  const [was, is] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !is.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !was.has(line)).map((line) => `+ ${line}`),
  ];
}

/**
 * Throws, with the list, unless the machine looks as it did. What a killed run leaves to the kernel may take a moment:
 * looks again until `withinMs` (default 2000) have passed.
 */
export async function assertUnharmed(before: CanaryState, options: CanaryOptions, withinMs = 2000): Promise<void> {
  const deadline = Date.now() + withinMs;
  let changes = canaryChanges(before, canaries(options));
  while (changes.length > 0 && Date.now() < deadline) {
    await sleep(50);
    changes = canaryChanges(before, canaries(options));
  }
  if (changes.length > 0) {
    throw new Error(`the machine is not as it was:\n${changes.join("\n")}`);
  }
}
