// What differs between two trees, or between a tree and what it was.

import type { Timestamp } from "../../module/probe.js";
import type { TreeEntry } from "./entry.js";

/** What of a thing is another. `mtime` only where it was asked for. */
export type DifferentField = "type" | "content" | "mode" | "owner" | "target" | "device" | "xattrs" | "mtime";

/** A name that is not the same in both. */
export interface Difference {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** Of what changed; of a thing that is of another type now only `type` and what both have. */
  readonly fields: readonly DifferentField[];
  readonly before?: TreeEntry;
  readonly after?: TreeEntry;
}

export interface CompareOptions {
  /**
   * A file with the same inode, size and times that was last touched before this moment is the same. Only of a tree and what it came from (see
   * `settledBefore`): two clones that went through the same may give the same inode at the same moment to different files.
   */
  readonly sharedUntil?: Timestamp | undefined;
  /** The times of modification count. */
  readonly withTimes?: boolean;
  /** Paths to pass over, with all beneath them: `/var/cache`, `/etc/*.bak` (`*` crosses no slash). */
  readonly exclude?: readonly string[];
}

export interface Comparison {
  /** In order of the paths. */
  readonly differences: readonly Difference[];
  /** Files and directories of which it is not known whether they hold the same, or have the same attributes: digests of both sides tell. */
  readonly undecided: readonly string[];
}

/** Compares what lies in two trees. */
export function differences(
  before: readonly TreeEntry[],
  after: readonly TreeEntry[],
  options: CompareOptions = {},
): Comparison {
  const isPassedOver = excluder(options.exclude ?? []);
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const found: Difference[] = [];
  const undecided: string[] = [];
  for (const entry of after) {
    const { path } = entry;
    const was = old.get(path);
    old.delete(path);
    if (isPassedOver(path)) continue;
    if (!was) {
      found.push({ path, kind: "added", fields: [], after: entry });
      continue;
    }
    if (isUntouched(was, entry, options.sharedUntil)) continue;
    const { fields, isUndecided } = fieldsOf(was, entry, options.withTimes === true);
    if (isUndecided) undecided.push(path);
    if (fields.length > 0) found.push({ path, kind: "changed", fields, before: was, after: entry });
  }
  for (const entry of old.values()) {
    if (!isPassedOver(entry.path)) found.push({ path: entry.path, kind: "removed", fields: [], before: entry });
  }
  return { differences: found.sort((one, other) => (one.path < other.path ? -1 : 1)), undecided };
}

/**
 * The latest touch: the clock had gone on as far when all this was looked at. Whoever changed something afterwards gave it a ctime of then or later, so what has an
 * earlier one is still the same.
 */
export function settledBefore(entries: readonly TreeEntry[]): Timestamp {
  let latest: Timestamp = { seconds: 0, nanoseconds: 0 };
  for (const { ctime } of entries) if (isBefore(latest, ctime)) latest = ctime;
  return latest;
}

/** The entries with digests that were found out since. */
export function withDigests(entries: readonly TreeEntry[], digests: ReadonlyMap<string, Digests>): TreeEntry[] {
  return entries.map((entry) => {
    const known = digests.get(entry.path);
    return known ? { ...entry, ...known } : entry;
  });
}

/** What a second look tells of a file. */
export interface Digests {
  readonly sha256?: string;
  readonly xattrs?: string;
}

function fieldsOf(
  was: TreeEntry,
  is: TreeEntry,
  withTimes: boolean,
): { readonly fields: DifferentField[]; readonly isUndecided: boolean } {
  const fields: DifferentField[] = [];
  let isUndecided = false;
  if (was.type !== is.type) fields.push("type");
  else if (is.type === "file") {
    const isKnown = was.sha256 !== undefined && is.sha256 !== undefined;
    if (was.size !== is.size || (isKnown && was.sha256 !== is.sha256)) fields.push("content");
    else isUndecided = !isKnown && is.size > 0;
    isUndecided ||= hasUnknownXattrs(was, is);
  } else if (is.type === "link" && was.target !== is.target) fields.push("target");
  else if ((is.type === "block" || is.type === "char") && was.rdev !== is.rdev) fields.push("device");
  else if (is.type === "directory") isUndecided = hasUnknownXattrs(was, is);
  // A link has no mode of its own.
  if (was.mode !== is.mode && was.type !== "link" && is.type !== "link") fields.push("mode");
  if (was.uid !== is.uid || was.gid !== is.gid) fields.push("owner");
  if (was.xattrs !== undefined && is.xattrs !== undefined && was.xattrs !== is.xattrs) fields.push("xattrs");
  if (withTimes && !isSameTime(was.mtime, is.mtime)) fields.push("mtime");
  return { fields, isUndecided };
}

function hasUnknownXattrs(was: TreeEntry, is: TreeEntry): boolean {
  return was.xattrs === undefined || is.xattrs === undefined;
}

/** Whether nobody touched it: every change of a thing moves its ctime, which nobody can set. */
export function isUntouched(was: TreeEntry | undefined, is: TreeEntry, sharedUntil: Timestamp | undefined): boolean {
  return (
    was !== undefined &&
    sharedUntil !== undefined &&
    was.inode === is.inode &&
    was.type === is.type &&
    was.size === is.size &&
    isSameTime(was.ctime, is.ctime) &&
    isSameTime(was.mtime, is.mtime) &&
    isBefore(is.ctime, sharedUntil)
  );
}

function isSameTime(one: Timestamp, other: Timestamp): boolean {
  return one.seconds === other.seconds && one.nanoseconds === other.nanoseconds;
}

/** Whether `one` is earlier than `other`. */
export function isBefore(one: Timestamp, other: Timestamp): boolean {
  return one.seconds < other.seconds || (one.seconds === other.seconds && one.nanoseconds < other.nanoseconds);
}

/** Tells paths that lie at or beneath one of the patterns. */
function excluder(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const one = patterns.map((pattern) => {
    const escaped = pattern.replace(/\/+$/, "").replace(/[.+^${}()|[\]\\]/g, "\\$&");
    return escaped.replaceAll("*", "[^/]*").replaceAll("?", "[^/]");
  });
  const expression = new RegExp(`^(?:${one.join("|")})(?:/|$)`);
  return (path) => expression.test(path);
}
