// Trees that transactions have replaced, kept beside the one that took their place: `old/NAME.N` and what is noted of each.

import type { Change } from "../module/change.js";
import { contentOf } from "../module/content.js";
import type { ListObservation } from "../module/probe.js";
import type { Backend } from "./backend.js";
import type { TreePlace } from "./place.js";
import { parseRecord, type TreeRecord } from "./record.js";

/** The JSON of `old/NAME.N.json`. It is written when the tree was swapped out: without it `old/NAME.N` is what a killed run has left. */
export interface OldInfo {
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly replacedAt: string;
  readonly run: string;
  readonly why: "transaction" | "rollback";
  /** The play whose transaction it was. */
  readonly play?: string;
  /** What the tree was made from. */
  readonly record?: TreeRecord;
}

/** One that is kept. */
export interface OldTree {
  readonly number: number;
  readonly path: string;
  readonly infoPath: string;
  /** Whether the tree itself is there, and what is noted of it. */
  readonly isThere: boolean;
  readonly isNoted: boolean;
  /** A note that a killed run has left before the tree was swapped out. */
  readonly isDrafted: boolean;
}

/** Where the parts of an old tree lie. */
export function oldTree(
  place: TreePlace,
  number: number,
): Pick<OldTree, "number" | "path" | "infoPath"> & { readonly draftPath: string } {
  const path = `${place.old}/${place.name}.${number}`;
  return { number, path, infoPath: `${path}.json`, draftPath: `${path}.json.new` };
}

/** Those of the tree among what the directory of old trees holds, the latest first. */
export function oldTrees(listing: ListObservation, place: TreePlace): readonly OldTree[] {
  const found = new Map<number, { isThere: boolean; isNoted: boolean; isDrafted: boolean }>();
  for (const { name, stat } of listing.entries) {
    if (!name.startsWith(`${place.name}.`)) continue;
    const [, digits, end] = /^([1-9]\d{0,8})(\.json|\.json\.new)?$/.exec(name.slice(place.name.length + 1)) ?? [];
    if (digits === undefined) continue;
    const one = found.get(Number(digits)) ?? { isThere: false, isNoted: false, isDrafted: false };
    found.set(Number(digits), one);
    if (end === undefined) one.isThere = stat.type === "directory";
    else if (end === ".json") one.isNoted = stat.type === "file";
    else one.isDrafted = stat.type === "file";
  }
  return [...found]
    .map(([number, one]) => ({ ...oldTree(place, number), ...one }))
    .sort((one, other) => other.number - one.number);
}

/** Removes all but the `keep` latest, and what killed runs have left half done. */
export function trimmed(old: readonly OldTree[], keep: number, backend: Backend, place: TreePlace): readonly Change[] {
  const whole = old.filter(({ isThere, isNoted }) => isThere && isNoted).slice(0, Math.max(0, keep));
  return old
    .filter((one) => !whole.includes(one))
    .flatMap((one) => [
      ...(one.isNoted ? [removedFile(one.infoPath)] : []),
      // An overlay's layers may be there without it.
      ...(one.isThere || backend.mountsTrees === true ? backend.remove(one.path, place) : []),
      // Last: while it is there the next run knows that something is to be taken away.
      ...(one.isDrafted ? [removedFile(oldTree(place, one.number).draftPath)] : []),
    ]);
}

function removedFile(path: string): Change {
  return { kind: "remove", path, expect: { type: "file" } };
}

export function writeInfo(path: string, info: OldInfo): Change {
  return {
    kind: "writeFile",
    path,
    content: contentOf(`${JSON.stringify(info, undefined, 2)}\n`),
    mode: 0o600,
    uid: 0,
    gid: 0,
    expect: {},
  };
}

/** Reads what is noted of an old tree; undefined: it is no such text. */
export function parseInfo(text: string): OldInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { version, replacedAt, run, why, play, record } = value as Partial<Record<keyof OldInfo, unknown>>;
  if (version !== 1 || typeof replacedAt !== "string" || typeof run !== "string") return undefined;
  if (why !== "transaction" && why !== "rollback") return undefined;
  const read = record === undefined ? undefined : parseRecord(JSON.stringify(record));
  return {
    version,
    replacedAt,
    run,
    why,
    ...(typeof play === "string" ? { play } : {}),
    ...(read && "recipe" in read ? { record: read } : {}),
  };
}
