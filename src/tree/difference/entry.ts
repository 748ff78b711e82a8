// What lies in a tree, name by name, as far as it counts when trees are compared.

import type { FileType, ListEntry, ListObservation, Stat, Timestamp } from "../../module/probe.js";

/** One name in a tree. */
export interface TreeEntry {
  /** From the tree's root: `/` itself, `/etc/motd`. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** A device's numbers. */
  readonly rdev: number;
  /** A link's target, else empty. */
  readonly target: string;
  readonly inode: number;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  /** Of a regular file, where it was asked for. */
  readonly sha256?: string;
  /** Digest of the extended attributes (ACLs and capabilities among them), where they were asked for. */
  readonly xattrs?: string;
}

/** One entry of what a stat says. */
export function entryOf(path: string, stat: Stat, digests: ListEntry["digests"] = {}): TreeEntry {
  const { type, mode, uid, gid, size, rdev, target, inode, mtime, ctime } = stat;
  const entry = { path, type, mode, uid, gid, size, rdev, target, inode, mtime, ctime };
  const { sha256, xattrs } = digests;
  if (sha256 === undefined && xattrs === undefined) return entry;
  return { ...entry, ...(sha256 === undefined ? {} : { sha256 }), ...(xattrs === undefined ? {} : { xattrs }) };
}

/** What a listing of `directory` (a path from the tree's root) holds, the directory itself first. */
export function entriesOf(listing: ListObservation, directory = "/"): TreeEntry[] {
  const prefix = directory === "/" ? "/" : `${directory}/`;
  const beneath = listing.entries.map(({ name, stat, digests }) => entryOf(prefix + name, stat, digests));
  return listing.stat ? [entryOf(directory, listing.stat), ...beneath] : beneath;
}
