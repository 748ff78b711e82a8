// What has to be done that a tree is there, made from its recipe; or that it is not.

import type { Change } from "../module/change.js";
import { contentOf } from "../module/content.js";
import type { Plan, Probes, Refusal, Seen } from "../module/contract.js";
import { reasonOf } from "../module/failure-text.js";
import type { ReadObservation } from "../module/probe.js";
import type { Backend, StorageSeen } from "./backend.js";
import { chooseBackend } from "./backends/choose.js";
import { concludeNew, concludePrograms } from "./conclude-tree.js";
import { keepChanges, staleChanges, treeLock } from "./keep.js";
import { baseName, joinPath } from "../module/tree-path.js";
import { oldTrees, trimmed } from "./old.js";
import { asidePath, makingPath, runMark, treePlace, type TreePlace } from "./place.js";
import { recipeDifference, recipeHash, recipeOf, type Recipe } from "./recipe.js";
import { parseRecord, recordText, type BackendName, type TreeRecord } from "./record.js";
import { settingsOf } from "./settings.js";
import type { AnySource, Site } from "./source.js";
import {
  backendOf,
  dependentsRefusal,
  looksLike,
  moreStorageProbes,
  staleLayersRemoved,
  storageSeen,
} from "./storage.js";
import { treeLookIn, treeOwnProbes, type TreeLook } from "./tree-look.js";
import { backendRefusal, foreignCheck, newTreeRefusal } from "./without-root.js";

/** What is wanted of a tree. */
export interface TreeWish {
  readonly state: "present" | "absent";
  readonly backend: BackendName | "auto";
  readonly recreate: boolean;
  readonly adopt: boolean;
  /** Most bytes that it may hold; `none`: no limit; undefined: as it is. */
  readonly size?: number | "none" | undefined;
  readonly readOnly?: boolean | undefined;
  readonly source: AnySource | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

const prefix = "source:";

/** Probes on the host. */
export function treeProbes(wish: TreeWish, site: Site): Probes {
  const { place } = site;
  const own = treeOwnProbes(place);
  const { source } = wish;
  if (!source || wish.state === "absent") return own;
  const probes = source.observe(wish.params, site);
  const asked = Object.entries(probes);
  const base = probes["base"];
  const isOfOne = base !== undefined && "kind" in base && base.kind === "stat";
  return {
    ...own,
    ...(isOfOne ? { base: { ...base, withFileSystem: true } } : {}),
    ...Object.fromEntries(asked.map(([name, probe]) => [prefix + name, probe])),
  };
}

/** Probes that depend on the file system. */
export function moreTreeProbes(wish: TreeWish, seen: Seen<Probes>, { place }: Site): Probes {
  const look = treeLookIn(seen);
  const record = recordOf(look);
  return moreStorageProbes(place, look.directory, [wish.backend, record && "recipe" in record ? record.backend : ""]);
}

export function planTree(wish: TreeWish, seen: Seen<Probes>, asked: Site): Plan {
  const look = treeLookIn(seen);
  // Where the directory of trees really lies: what is written into a new tree must not leave it over a link.
  const place = treePlace(joinPath(look.directory.real || asked.place.directory, asked.place.name));
  const site = { ...asked, place };
  const { context } = site;
  // What cannot be looked at is not absent.
  const { tree, directory, keep, makingThere, record: noted, making, old, running } = look;
  const failure = [tree, directory, keep, makingThere, noted, making, old, running].find((one) => one.failure)?.failure;
  if (failure)
    return refused({
      message: `${place.path} cannot be looked at: ${reasonOf(failure)}`,
      remedy: context.reach.isRootless
        ? "Set crun_trees to a directory of the login's, name the tree by its path, or become root (crun_become)."
        : "Look at its directory on the host.",
    });
  const record = recordOf(look);
  if (record && "problem" in record)
    return refused({
      message: `${place.record} cannot be read: ${record.problem}`,
      remedy: "Look at what wrote it; without it crun does not know what the tree was made from.",
    });
  const storage = storageOf(look, place);
  if (wish.state === "absent") return planAbsent(look, site, record, storage);
  const { source } = wish;
  if (!source) return refused({ message: "it is not said what the tree is to be made from" });
  const recipe = recipeOf(source, wish.params, source.identity?.(wish.params, site));
  const { stat } = look.tree;
  if (stat !== undefined && stat.type !== "directory")
    return refused({
      message: `${place.path} is taken: it is a ${stat.type}, no directory`,
      remedy: "Move it away, or give the tree another name.",
    });
  const isSame = record?.recipeHash === recipeHash(recipe);
  if (record && (isSame || !wish.recreate)) {
    const changes = backendOf(record, storage, place.path).restore?.(place);
    if (changes)
      return {
        changes: [...keepChanges(look, place), treeLock(place), ...changes],
        result: resultOf(place, record),
        message: "is mounted again",
        leaves: "unknown",
      };
  }
  if (stat === undefined) return planNew(wish, source, recipe, seen, site, look, undefined);
  if (!record) return planAdopted(wish, recipe, look, site, storage);
  const result = resultOf(place, record);
  const moved = isSame ? source.moved?.(wish.params, ownSeen(seen), record) : undefined;
  const isStoredSo = wish.backend === "auto" || wish.backend === record.backend;
  if (isSame && (!moved || "problem" in moved) && (isStoredSo || !wish.recreate)) {
    const plan = planSettings(wish, record, look, place, storage);
    const warnings = [
      ...(moved ? [`${place.name}: ${moved.problem}`] : []),
      ...(isStoredSo
        ? []
        : [`${place.name}: it is stored as ${record.backend}; recreate: true makes it anew as ${wish.backend}`]),
      ...(plan.warnings ?? []),
    ];
    return warnings.length > 0 ? { ...plan, warnings } : plan;
  }
  const difference = moved && "difference" in moved ? moved.difference : recipeDifference(record.recipe, recipe);
  if (!wish.recreate)
    return {
      changes: [],
      result: { ...result, recipe_changed: true },
      message: "is there, made from another recipe",
      warnings: [
        `${place.name}: its recipe has changed since it was made (${difference}); recreate: true makes it anew`,
      ],
    };
  const inTheWay = runningRefusal(look, place) ?? dependentsRefusal(place, storage);
  if (inTheWay) return refused(inTheWay);
  return planNew(wish, source, recipe, seen, site, look, record);
}

/** What the source has asked for, under its own names. */
function ownSeen(seen: Seen<Probes>): Seen<Probes> {
  const asked = Object.entries(seen).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(asked.map(([name, answer]) => [name.slice(prefix.length), answer]));
}

function planNew(
  wish: TreeWish,
  source: AnySource,
  recipe: Recipe,
  seen: Seen<Probes>,
  site: Site,
  look: TreeLook,
  before: TreeRecord | undefined,
): Plan {
  const { place, context } = site;
  if (look.directory.stat?.type !== "directory")
    return refused({
      message: `${place.directory}, where the tree is to lie, ${look.directory.stat ? "is no directory" : "is not there"}`,
      remedy: "Make it first, or set crun_trees.",
    });
  const beyond = newTreeRefusal(source, wish, context.reach);
  if (beyond) return refused(beyond);
  const own = ownSeen(seen);
  const into = makingPath(place, runMark(context));
  const filling = source.fill(wish.params, own, into, site);
  if (filling.refusal) return refused(filling.refusal);
  const storage = storageOf(look, place, filling.cloneOf, own);
  const { storedAs } = filling;
  if (storedAs !== undefined && wish.backend !== "auto" && wish.backend !== storedAs)
    return refused({
      message: `${source.name} makes trees with the backend ${storedAs}, not ${wish.backend}`,
      remedy: `Say backend: ${storedAs}, or auto.`,
    });
  const backend = chooseBackend(storedAs ?? wish.backend, storage, filling.cloneOf === undefined ? "create" : "clone");
  if ("refusal" in backend) return refused(backend.refusal);
  const settings = settingsOf(wish, undefined, backend);
  if ("refusal" in settings) return refused(settings.refusal);
  const record: TreeRecord = {
    version: 1,
    backend: backend.name,
    recipe,
    recipeHash: recipeHash(recipe),
    madeAt: context.startedAt.toISOString(),
    run: runMark(context),
    ...(filling.base ? { base: filling.base } : {}),
    ...(filling.found ? { found: filling.found } : {}),
    ...(wish.size === undefined ? {} : { size: wish.size }),
    ...(wish.readOnly === undefined ? {} : { readOnly: wish.readOnly }),
  };
  const { cloneOf } = filling;
  const written = cloneOf === undefined ? undefined : backend.cloneWritten?.(cloneOf, into, place, filling.changes);
  const made = written ?? (cloneOf === undefined ? backend.create(into, place) : backend.clone(cloneOf, into, place));
  const afterwards = written ? { ...filling, changes: [] } : filling;
  const head = [
    ...keepChanges(look, place),
    treeLock(place),
    ...staleChanges(look, place, storage),
    ...staleLayersRemoved(place, storage, before !== undefined),
  ];
  const changes = [
    ...head,
    ...made,
    ...afterwards.changes,
    // What is written into the tree from here on counts against its limit, and what is read-only can still be renamed no more.
    ...settings.limit(into),
    // The record of a new tree comes first: without a tree it stands for nothing. That of a tree made anew comes when it has its name: with the
    // old record the next run makes it once more.
    ...(before
      ? [
          ...replaced(before, backend, storage, into, place),
          writeRecord(place, record, look.record),
          ...gone(before, backend, storage, into, place),
        ]
      : [writeRecord(place, record, look.record), ...backend.publish(into, place)]),
    ...settings.readOnly(place.path),
  ];
  return {
    changes,
    result: resultOf(place, record),
    message: before ? "is made anew" : "is made",
    warnings: filling.warnings ?? [],
    leaves: filling.cloneOf === undefined || filling.changes.length > 1 ? "unknown" : { likeTree: filling.cloneOf },
    unmounts: before !== undefined && backendOf(before, storage, place.path).mountsTrees === true,
    onFailure: backend.remove(into, place),
    conclude: (outcomes) => concludeNew(changes, outcomes, afterwards, head.length + made.length),
  };
}

/** What was made takes the tree's place. Storage of another kind cannot change places: the old tree goes aside first. */
function replaced(
  before: TreeRecord,
  backend: Backend,
  storage: StorageSeen,
  into: string,
  place: TreePlace,
): readonly Change[] {
  if (before.backend === backend.name) return backend.exchange(into, place);
  return [...backendOf(before, storage, place.path).withdraw(place, asidePath(place)), ...backend.publish(into, place)];
}

function gone(
  before: TreeRecord,
  backend: Backend,
  storage: StorageSeen,
  into: string,
  place: TreePlace,
): readonly Change[] {
  const old = backendOf(before, storage, place.path);
  return old.remove(before.backend === backend.name ? into : asidePath(place), place);
}

/** The tree is there: its limit and whether it is read-only may be others. */
function planSettings(
  wish: TreeWish,
  record: TreeRecord,
  look: TreeLook,
  place: TreePlace,
  storage: StorageSeen,
): Plan {
  const backend = backendOf(record, storage, place.path);
  const isReadOnly = storage.subvolume === undefined ? record.readOnly : storage.subvolume === "read-only";
  const settings = settingsOf(wish, { size: record.size, readOnly: isReadOnly }, backend);
  if ("refusal" in settings) return refused(settings.refusal);
  const made = [...settings.limit(place.path), ...settings.readOnly(place.path)];
  const result = resultOf(place, record);
  if (made.length === 0) return { changes: [], result, message: "is there" };
  const { size = record.size, readOnly = record.readOnly } = wish;
  const now: TreeRecord = {
    ...record,
    ...(size === undefined ? {} : { size }),
    ...(readOnly === undefined ? {} : { readOnly }),
  };
  const changes = [...keepChanges(look, place), treeLock(place), ...made, writeRecord(place, now, look.record)];
  return { changes, result, message: "is there, with other limits", conclude: (all) => concludePrograms(changes, all) };
}

/** A tree that crun did not make: it is somebody's, until somebody says otherwise. */
function planAdopted(
  wish: TreeWish,
  recipe: Recipe,
  look: TreeLook,
  { place, context }: Site,
  storage: StorageSeen,
): Plan {
  if (!wish.adopt)
    return refused({
      message: `${place.path} is taken: a directory is there that crun did not make`,
      remedy: "Give the tree another name, or say adopt: true to take it for what the recipe makes.",
    });
  const record: TreeRecord = {
    version: 1,
    backend: looksLike(storage, place.path),
    recipe,
    recipeHash: recipeHash(recipe),
    madeAt: context.startedAt.toISOString(),
    run: runMark(context),
  };
  return {
    changes: [...keepChanges(look, place).slice(0, 1), treeLock(place), writeRecord(place, record, look.record)],
    result: resultOf(place, record),
    message: "is taken for what the recipe makes",
  };
}

function planAbsent(
  look: TreeLook,
  { place, context }: Site,
  record: TreeRecord | undefined,
  storage: StorageSeen,
): Plan {
  const result = { path: place.path, name: place.name, state: "absent" };
  const { stat } = look.tree;
  const hasRecord = look.record.stat !== undefined;
  const aside = asidePath(place);
  // A removal that was broken off: of a tree without a record nothing else tells of it.
  const isHalfGone = look.making.entries.some(({ name }) => name === baseName(aside));
  if (stat === undefined && !hasRecord && !isHalfGone) return { changes: [], result, message: "is not there" };
  if (stat !== undefined && stat.type !== "directory")
    return refused({ message: `${place.path} is a ${stat.type}, no tree`, remedy: "Remove it by other means." });
  const inTheWay = runningRefusal(look, place) ?? dependentsRefusal(place, storage);
  if (inTheWay) return refused(inTheWay);
  const backend = backendOf(record, storage, place.path);
  const beyond = backendRefusal(backend.name, context.reach);
  if (beyond) return refused(beyond);
  const changes: Change[] = [
    ...keepChanges(look, place),
    treeLock(place),
    ...(stat && context.reach.isRootless ? [foreignCheck(place.path)] : []),
    // Out of the way at once: whoever is killed meanwhile leaves no half tree under its name.
    ...staleChanges(look, place, storage),
    ...staleLayersRemoved(place, storage, stat !== undefined),
    ...(stat ? backend.withdraw(place, aside) : []),
    ...(stat ? backend.remove(aside, place) : []),
    ...trimmed(oldTrees(look.old, place), 0, backend, place),
    // Last: while it is there, the next run knows that something is to be taken away.
    ...(hasRecord ? [{ kind: "remove", path: place.record, expect: { type: "file" } } as const] : []),
  ];
  return {
    changes,
    result,
    message: "is removed",
    leaves: "unknown",
    unmounts: backend.mountsTrees === true,
    conclude: (outcomes) => concludePrograms(changes, outcomes),
  };
}

function runningRefusal(look: TreeLook, place: TreePlace): Refusal | undefined {
  const text = look.running.content ? Buffer.from(look.running.content).toString("utf8") : "";
  const root = /^ROOT=(.*)$/m.exec(text)?.[1];
  if (root === undefined || root.replaceAll('"', "") !== place.path) return undefined;
  return {
    message: `the machine ${place.name} runs from ${place.path}`,
    remedy: `Stop it first (crun machine stop, or the machine module with state: stopped).`,
  };
}

function recordOf(look: TreeLook): TreeRecord | { readonly problem: string } | undefined {
  const { content, stat } = look.record;
  if (stat === undefined) return undefined;
  if (!content) return { problem: stat.type === "file" ? "it is too large" : `it is a ${stat.type}` };
  return parseRecord(Buffer.from(content).toString("utf8"));
}

function writeRecord(place: TreePlace, record: TreeRecord, seen: ReadObservation): Change {
  return {
    kind: "writeFile",
    path: place.record,
    content: contentOf(recordText(record)),
    mode: 0o600,
    uid: 0,
    gid: 0,
    expect:
      seen.stat === undefined ? { type: "absent" } : { type: "file", ...(seen.sha256 ? { sha256: seen.sha256 } : {}) },
  };
}

/** Of a clone: the base that the source has named, and what it has seen of that. */
function storageOf(
  look: TreeLook,
  place: TreePlace,
  cloneOf?: string,
  own: Readonly<Record<string, unknown>> = {},
): StorageSeen {
  if (cloneOf === undefined) return storageSeen(place, look);
  const read = own["record"] as ReadObservation | undefined;
  const text = read?.kind === "read" && read.content ? Buffer.from(read.content).toString("utf8") : undefined;
  const record = text === undefined ? undefined : parseRecord(text);
  return storageSeen(place, look, cloneOf, look.base, record && "recipe" in record ? record : undefined);
}

function resultOf(place: TreePlace, record: TreeRecord): Readonly<Record<string, unknown>> {
  return {
    path: place.path,
    name: place.name,
    state: "present",
    backend: record.backend,
    source: record.recipe.source,
    recipe_hash: record.recipeHash,
    recipe_changed: false,
  };
}

function refused(refusal: Refusal): Plan {
  return { changes: [], refusal };
}
