// Differences of trees as lines for people and as data for programs.

import type { Difference, DifferentField } from "./compare.js";
import type { TreeEntry } from "./entry.js";

/** `+ /etc/motd  file, 0644, owner 0:0, 12 bytes`: one line, names as they are (the caller makes them safe to show). */
export function differenceLine(difference: Difference): string {
  const { path, before, after } = difference;
  if (after && !before) return `+ ${path}  ${described(after)}`;
  if (before && !after) return `- ${path}  ${described(before)}`;
  if (!before || !after) return `~ ${path}`;
  return `~ ${path}  ${difference.fields.map((field) => fieldText(field, before, after)).join(", ")}`;
}

/** `2 added, 1 removed, 3 changed`; `no difference`. */
export function summaryOf(differences: readonly Difference[]): string {
  const parts = (["added", "removed", "changed"] as const).flatMap((kind) => {
    const count = differences.filter((one) => one.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return parts.length === 0 ? "no difference" : parts.join(", ");
}

/** For `--output json`: the same in a stable shape. */
export function differenceData(difference: Difference): Readonly<Record<string, unknown>> {
  const { path, kind, fields, before, after } = difference;
  return {
    path,
    kind,
    ...(kind === "changed" ? { fields } : {}),
    ...(before ? { before: entryData(before) } : {}),
    ...(after ? { after: entryData(after) } : {}),
  };
}

function entryData(entry: TreeEntry): Readonly<Record<string, unknown>> {
  const { type, mode, uid, gid, size, target, sha256 } = entry;
  return {
    type,
    mode: octal(mode),
    uid,
    gid,
    ...(type === "file" ? { size } : {}),
    ...(type === "link" ? { target } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

function described(entry: TreeEntry): string {
  const owner = `owner ${entry.uid}:${entry.gid}`;
  if (entry.type === "link") return `link to ${entry.target}`;
  const size = entry.type === "file" ? [bytes(entry.size)] : [];
  return [entry.type, octal(entry.mode), owner, ...size].join(", ");
}

function fieldText(field: DifferentField, before: TreeEntry, after: TreeEntry): string {
  switch (field) {
    case "type":
      return `${before.type} → ${after.type}`;
    case "content":
      return before.size === after.size
        ? `content (${bytes(after.size)})`
        : `content (${before.size} → ${bytes(after.size)})`;
    case "mode":
      return `mode ${octal(before.mode)} → ${octal(after.mode)}`;
    case "owner":
      return `owner ${before.uid}:${before.gid} → ${after.uid}:${after.gid}`;
    case "target":
      return `target ${before.target} → ${after.target}`;
    case "device":
      return `device ${device(before.rdev)} → ${device(after.rdev)}`;
    case "xattrs":
      return "extended attributes";
    case "mtime":
      return `mtime ${time(before)} → ${time(after)}`;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function bytes(size: number): string {
  return `${size} byte${size === 1 ? "" : "s"}`;
}

function time({ mtime }: TreeEntry): string {
  const date = new Date(mtime.seconds * 1000);
  // Some file systems hold times that no calendar has.
  return Number.isNaN(date.getTime()) ? `${mtime.seconds} s` : date.toISOString().replace(/\.000Z$/, "Z");
}

/** Linux's numbers: the low eight bits of the minor one lie beneath the major one. */
function device(rdev: number): string {
  const number = BigInt(rdev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
