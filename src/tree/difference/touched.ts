// All that lies in a tree, from what was touched in it and from what lay in the one that it came from.

import type { Timestamp } from "../../module/probe.js";
import { isBefore } from "./compare.js";
import type { TreeEntry } from "./entry.js";

/** What a listing of what was touched comes to. */
export interface Completed {
  readonly entries: readonly TreeEntry[];
  /** Directories that are others than before: what lies beneath them has to be listed. */
  readonly unknown: readonly string[];
}

/**
 * `before`: all of a tree, parents before what is in them. `touched`: what of its successor has a ctime of `since` or later, and all names in directories
 * that have, the root first. What is not named in a directory that was not touched is there as it was. Undefined: nothing follows from it, since the first one
 * was touched since, too.
 */
export function completed(
  before: readonly TreeEntry[],
  touched: readonly TreeEntry[],
  since: Timestamp,
): Completed | undefined {
  if (before.some(({ ctime }) => !isBefore(ctime, since))) return undefined;
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const now = new Map(touched.map((entry) => [entry.path, entry]));
  const unknown = new Set<string>();
  const entries: TreeEntry[] = [];
  for (const entry of touched) {
    const parent = parentIn(entry.path);
    const isRoot = entry.path === "/";
    const isBeneath = !isRoot && unknown.has(parent);
    // Beneath an unknown directory everything is listed anew. The root is the root, whatever its inode.
    const isOther = !isRoot && (isBeneath || !isSameDirectory(old.get(entry.path), entry));
    if (entry.type === "directory" && isOther) unknown.add(entry.path);
    if (!isBeneath) entries.push(entry);
  }
  const fates = new Map<string, "there" | "gone">([["/", "there"]]);
  for (const entry of before) {
    const { path, type } = entry;
    if (path === "/") continue;
    const parent = parentIn(path);
    const isThere = fates.get(parent) === "there";
    const named = now.get(path);
    const isKept = isThere && !named && isBefore(now.get(parent)?.ctime ?? entry.ctime, since);
    if (isKept) entries.push(entry);
    const staysDirectory = isKept || (isThere && named?.type === "directory" && !unknown.has(path));
    if (type === "directory") fates.set(path, staysDirectory ? "there" : "gone");
  }
  const top = [...unknown].filter((path) => !unknown.has(parentIn(path)));
  return { entries, unknown: top };
}

function isSameDirectory(was: TreeEntry | undefined, is: TreeEntry): boolean {
  return was?.type === "directory" && was.inode === is.inode;
}

function parentIn(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
