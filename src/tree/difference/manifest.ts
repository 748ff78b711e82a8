// A manifest: what lies in a tree, written down with digests, where the storage has no snapshots.

import { gunzipSync, gzipSync } from "node:zlib";
import type { FileType } from "../../module/probe.js";
import type { TreeEntry } from "./entry.js";

const types = ["file", "directory", "link", "block", "char", "fifo", "socket"] as const satisfies readonly FileType[];
/** Much more than the entries of a tree that the helper lists at once. */
const largestText = 1024 * 1024 * 1024;

/** JSON lines, compressed: a head, then one array for each name. */
export function manifestBytes(entries: readonly TreeEntry[]): Uint8Array {
  const lines = [JSON.stringify({ manifest: 1, entries: entries.length }), ...entries.map(rowOf)];
  // Digests do not shrink, whatever the effort.
  return gzipSync(`${lines.join("\n")}\n`, { level: 1 });
}

/** Reads a manifest. What is none, or is not whole, gives the reason. */
export function parseManifest(bytes: Uint8Array): readonly TreeEntry[] | { readonly problem: string } {
  try {
    const [head = "", ...lines] = gunzipSync(bytes, { maxOutputLength: largestText }).toString("utf8").split("\n");
    const { manifest, entries } = JSON.parse(head) as { readonly manifest?: unknown; readonly entries?: unknown };
    if (manifest !== 1) return { problem: `it has version ${JSON.stringify(manifest)}, which this crun does not know` };
    const read = lines.filter((line) => line !== "").map(entryOfRow);
    return read.length === entries ? read : { problem: `it holds ${read.length} names of ${JSON.stringify(entries)}` };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : "it cannot be read" };
  }
}

function rowOf(entry: TreeEntry): string {
  const { path, type, mode, uid, gid, size, rdev, target, inode, mtime, ctime, sha256, xattrs } = entry;
  const times = [mtime.seconds, mtime.nanoseconds, ctime.seconds, ctime.nanoseconds];
  return JSON.stringify([
    path,
    types.indexOf(type),
    mode,
    uid,
    gid,
    size,
    rdev,
    target,
    inode,
    ...times,
    sha256 ?? "",
    xattrs ?? null,
  ]);
}

function entryOfRow(line: string): TreeEntry {
  const row: unknown = JSON.parse(line);
  if (!Array.isArray(row)) throw new Error("a line of it is no entry");
  const number = (at: number): number => {
    const value: unknown = row[at];
    if (typeof value !== "number") throw new Error("a line of it is no entry");
    return value;
  };
  const text = (at: number): string => {
    const value: unknown = row[at];
    if (typeof value !== "string") throw new Error("a line of it is no entry");
    return value;
  };
  const type = types[number(1)];
  if (!type) throw new Error("a line of it is no entry");
  const entry: TreeEntry = {
    path: text(0),
    type,
    mode: number(2),
    uid: number(3),
    gid: number(4),
    size: number(5),
    rdev: number(6),
    target: text(7),
    inode: number(8),
    mtime: { seconds: number(9), nanoseconds: number(10) },
    ctime: { seconds: number(11), nanoseconds: number(12) },
  };
  const sha256 = text(13);
  const xattrs: unknown = row[14];
  return {
    ...entry,
    ...(sha256 === "" ? {} : { sha256 }),
    ...(typeof xattrs === "string" ? { xattrs } : {}),
  };
}
