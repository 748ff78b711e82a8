// A tree that stands in for another while a play acts: how it is made beside it and swapped in, as changes on the host.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Change } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import { reasonOf } from "../module/failure-text.js";
import type {
  ExecObservation,
  ListObservation,
  Observation,
  Probe,
  ReadObservation,
  StatObservation,
} from "../module/probe.js";
import type { Backend, StorageSeen } from "./backend.js";
import { backendNamed, chooseBackend } from "./backends/choose.js";
import { staleChanges } from "./keep.js";
import { oldTree, oldTrees, trimmed, writeInfo, type OldInfo, type OldTree } from "./old.js";
import { treePlace, type TreePlace } from "./place.js";
import { parseRecord, type TreeRecord } from "./record.js";
import {
  dependentsRefusal,
  moreStorageProbes,
  storageProbes,
  staleLayersRemoved,
  storageSeen,
  type StorageLook,
} from "./storage.js";

/** Names in a directory beside the tree. */
const listLimit = 100_000;

/** What is seen, under the tree's lock, before it is stood in for or swapped. */
export interface StandInSeen {
  readonly storage: StorageSeen;
  /** How the tree is stored, and so what stands in for it. */
  readonly backend: Backend;
  /** What the stand-in is a copy of: the tree itself, or what it would be like. */
  readonly origin: StatObservation;
  readonly directory: StatObservation;
  readonly making: ListObservation;
  readonly hasOld: boolean;
  readonly old: readonly OldTree[];
  readonly record: TreeRecord | undefined;
}

/** Looks at a place, in one round trip or two. `observe` asks the host. */
export async function lookAtStandIn(
  place: TreePlace,
  origin: string,
  observe: (probes: readonly Probe[]) => Promise<readonly Observation[]>,
): Promise<StandInSeen> {
  const probes = {
    tree: { kind: "stat", path: place.path, withFileSystem: true },
    origin: { kind: "stat", path: origin, withFileSystem: true },
    directory: { kind: "stat", path: place.directory, follow: true, withFileSystem: true },
    making: { kind: "list", path: place.making, depth: 1, limit: listLimit },
    oldThere: { kind: "stat", path: place.old },
    old: { kind: "list", path: place.old, depth: 1, limit: listLimit },
    record: { kind: "read", path: treePlace(origin).record },
    ...storageProbes(place),
  } as const;
  const names = Object.keys(probes);
  const answers = await observe(Object.values(probes));
  const seen = Object.fromEntries(names.map((name, index) => [name, answers[index]])) as unknown as Looked;
  for (const name of ["tree", "origin", "directory", "making", "oldThere", "old", "record"] as const) {
    const { failure } = seen[name];
    if (!failure) continue;
    const summary = `${probes[name].path} cannot be looked at: ${reasonOf(failure)}`;
    throw new CrunError({ severity: "error", summary }, 2);
  }
  const record = recordIn(seen.record);
  const more = moreStorageProbes(place, seen.directory, [record?.backend]);
  const [zfs] = more["zfs"] ? await observe([more["zfs"] as Probe]) : [];
  const look = zfs?.kind === "exec" ? { ...seen, zfs } : seen;
  const storage = storageSeen(place, look, origin, seen.origin, record);
  return {
    storage,
    backend: backendFor(storage, record),
    origin: seen.origin,
    directory: seen.directory,
    making: seen.making,
    hasOld: seen.oldThere.stat !== undefined,
    old: oldTrees(seen.old, place),
    record,
  };
}

interface Looked extends StorageLook {
  readonly origin: StatObservation;
  readonly making: ListObservation;
  readonly oldThere: StatObservation;
  readonly old: ListObservation;
  readonly record: ReadObservation;
  readonly zfs?: ExecObservation;
}

function backendFor(storage: StorageSeen, record: TreeRecord | undefined): Backend {
  // An overlay's clone is one more over the same base; `auto` makes none by itself.
  if (record?.backend === "overlay") {
    const overlay = backendNamed("overlay", storage);
    if (overlay.cannot(storage, "clone") === undefined) return overlay;
  }
  const chosen = chooseBackend("auto", storage, "clone");
  if ("refusal" in chosen) throw new Error(chosen.refusal.message);
  return chosen;
}

function recordIn({ content }: ReadObservation): TreeRecord | undefined {
  if (!content) return undefined;
  const read = parseRecord(Buffer.from(content).toString("utf8"));
  return "recipe" in read ? read : undefined;
}

/** Why a tree cannot change places with another one, else undefined. */
export function swapRefusal(seen: StandInSeen, place: TreePlace): Refusal | undefined {
  const { origin, directory, backend, storage } = seen;
  const isApart = origin.stat !== undefined && origin.stat.device !== directory.stat?.device;
  if (!isApart || backend.name !== "directory") return dependentsRefusal(place, storage);
  return {
    message: `${place.path} is a mount of its own (${origin.fileSystem ?? "of some file system"}), which cannot be swapped`,
    remedy:
      "Let crun make the tree (module tree), or play it without a transaction: --rehearse shows what it would change.",
  };
}

/** Whether the copy has the origin's inodes: then two looks tell what nobody has touched. */
export function sharesInodes({ name }: Backend): boolean {
  return name === "btrfs" || name === "zfs";
}

/** Makes the stand-in at `at`. What killed runs have left goes first. */
export function standInChanges(seen: StandInSeen, place: TreePlace, origin: string, at: string): readonly Change[] {
  return [
    ...staleChanges(seen, place, seen.storage),
    ...staleLayersRemoved(place, seen.storage, true),
    ...seen.backend.clone(origin, at, place),
  ];
}

/** Where the tree lies once it is swapped out. */
export function nextOld(seen: StandInSeen, place: TreePlace): ReturnType<typeof oldTree> {
  return oldTree(place, (seen.old[0]?.number ?? 0) + 1);
}

/**
 * The first step of a swap: what stands at `at` gets the name that the old tree is to have. Whoever is killed leaves the tree as it was or as it is to be, and
 * the other one under a name that the next transaction knows.
 */
export function placed(seen: StandInSeen, place: TreePlace, at: string, info: OldInfo): readonly Change[] {
  const slot = nextOld(seen, place);
  const move = seen.backend.move?.(at, slot.path, place) ?? [
    { kind: "rename", path: at, to: slot.path, onTaken: "refuse", expect: { type: "directory" } } as const,
  ];
  return [writeInfo(slot.draftPath, info), ...move];
}

/** The second one: it changes places with the tree, at once. */
export function exchanged(seen: StandInSeen, place: TreePlace, number: number): readonly Change[] {
  const slot = oldTree(place, number);
  return [
    ...seen.backend.exchange(slot.path, place),
    { kind: "rename", path: slot.draftPath, to: slot.infoPath, onTaken: "replace", expect: { type: "file" } },
  ];
}

/** Afterwards: the oldest of those that are kept go. That one of them cannot takes nothing back. */
export function trims(seen: StandInSeen, place: TreePlace, keep: number): readonly Change[] {
  return trimmed(seen.old, keep, seen.backend, place);
}

/** Puts the old tree back, and takes away what had replaced it. */
export function swappedBack(seen: StandInSeen, place: TreePlace, number: number): readonly Change[] {
  const slot = oldTree(place, number);
  return [
    ...seen.backend.exchange(slot.path, place),
    { kind: "remove", path: slot.infoPath, expect: { type: "file" } },
    ...seen.backend.remove(slot.path, place),
  ];
}
