// What was seen of a tree and beside it, by the names of its probes.

import type { Probes } from "../module/contract.js";
import type { ListObservation, Observation, Probe, ReadObservation, StatObservation } from "../module/probe.js";
import type { TreePlace } from "./place.js";
import { storageProbes, type StorageLook } from "./storage.js";

/** What `treeOwnProbes` are answered. */
export interface TreeLook extends StorageLook {
  /** Of a clone: what it is made from. */
  readonly base?: StatObservation;
  readonly tree: StatObservation;
  readonly directory: StatObservation;
  readonly keep: StatObservation;
  readonly makingThere: StatObservation;
  readonly record: ReadObservation;
  readonly making: ListObservation;
  readonly old: ListObservation;
  readonly running: ReadObservation;
}

/** What is looked at whatever the tree is made from. */
export function treeOwnProbes(place: TreePlace) {
  return {
    tree: { kind: "stat", path: place.path, withFileSystem: true },
    directory: { kind: "stat", path: place.directory, follow: true, withFileSystem: true },
    keep: { kind: "stat", path: place.keep },
    makingThere: { kind: "stat", path: place.making },
    record: { kind: "read", path: place.record },
    making: { kind: "list", path: place.making, depth: 1, limit: 10_000 },
    old: { kind: "list", path: place.old, depth: 1, limit: 10_000 },
    running: { kind: "read", path: `/run/systemd/machines/${place.name}` },
    ...storageProbes(place),
  } as const satisfies Probes;
}

/** By name, out of what was seen for these and other probes. Throws where one of these was not asked: a bug. */
export function treeLookIn(seen: Readonly<Record<string, unknown>>): TreeLook {
  const { base, zfs } = seen;
  return {
    tree: answerIn(seen, "tree", "stat"),
    directory: answerIn(seen, "directory", "stat"),
    keep: answerIn(seen, "keep", "stat"),
    makingThere: answerIn(seen, "makingThere", "stat"),
    record: answerIn(seen, "record", "read"),
    making: answerIn(seen, "making", "list"),
    old: answerIn(seen, "old", "list"),
    running: answerIn(seen, "running", "read"),
    layers: answerIn(seen, "layers", "glob"),
    unfinishedLayers: answerIn(seen, "unfinishedLayers", "glob"),
    overlaidBy: answerIn(seen, "overlaidBy", "glob"),
    overlaidByKept: answerIn(seen, "overlaidByKept", "glob"),
    systemd: answerIn(seen, "systemd", "stat"),
    ...(isAnswer(base, "stat") ? { base } : {}),
    ...(isAnswer(zfs, "exec") ? { zfs } : {}),
  };
}

type Kind = Probe["kind"];
type Answer<K extends Kind> = Extract<Observation, { readonly kind: K }>;

function answerIn<K extends Kind>(seen: Readonly<Record<string, unknown>>, name: string, kind: K): Answer<K> {
  const answer = seen[name];
  if (!isAnswer(answer, kind)) throw new Error(`the probe ${name} of a tree was not answered as a ${kind}`);
  return answer;
}

function isAnswer<K extends Kind>(answer: unknown, kind: K): answer is Answer<K> {
  return typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === kind;
}
