// What crun keeps beside a tree: its directories, the lock, and what killed runs have left there.

import type { Change, Lock } from "../module/change.js";
import type { ListObservation, StatObservation } from "../module/probe.js";
import type { StorageSeen } from "./backend.js";
import type { TreePlace } from "./place.js";
import { staleRemoved } from "./storage.js";

/** How long another run that makes, swaps or removes the same tree is waited for. */
export const lockMs = 600_000;

/** The directories beside the tree, those that are missing. */
export function keepChanges(
  look: { readonly keep: StatObservation; readonly makingThere: StatObservation },
  place: TreePlace,
): readonly Change[] {
  return [
    ...(look.keep.stat ? [] : [ownDirectory(place.keep)]),
    ...(look.makingThere.stat ? [] : [ownDirectory(place.making)]),
  ];
}

/** A directory of root's alone. */
export function ownDirectory(path: string): Change {
  return { kind: "makeDirectory", path, mode: 0o700, uid: 0, gid: 0, expect: { type: "absent" } };
}

/** Held until the batch's end. */
export function treeLock(place: TreePlace, timeoutMs = lockMs): Lock {
  return { kind: "lock", path: place.lock, timeoutMs, expect: {} };
}

/** What runs that were killed left behind. Whoever still makes the tree holds the lock, and is waited for. */
export function staleChanges(
  look: { readonly making: ListObservation },
  place: TreePlace,
  storage: StorageSeen,
): readonly Change[] {
  const isOwn = (name: string): boolean =>
    name.startsWith(`${place.name}.`) && /^[a-z0-9]+(-[a-z0-9]+)?$/.test(name.slice(place.name.length + 1));
  return look.making.entries
    .filter(({ name, stat }) => isOwn(name) && stat.type === "directory")
    .flatMap(({ name }) => staleRemoved(`${place.making}/${name}`, place, storage));
}
