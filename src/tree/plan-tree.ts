// What has to be done that a tree is there, made from its recipe; or that it is not.

import type { Change, Outcome } from "../module/change.js";
import { contentOf } from "../module/content.js";
import type { Conclusion, Plan, Probes, Refusal, Seen } from "../module/contract.js";
import type { ListObservation, Observation, ReadObservation, StatObservation } from "../module/probe.js";
import type { Backend, StorageSeen } from "./backend.js";
import { backendNamed, chooseBackend } from "./backends/choose.js";
import { joinPath } from "../module/tree-path.js";
import { makingPath, runMark, treePlace, type TreePlace } from "./place.js";
import { programName, programRefusal } from "./program.js";
import { recipeDifference, recipeHash, recipeOf, type Recipe } from "./recipe.js";
import { parseRecord, recordText, type BackendName, type TreeRecord } from "./record.js";
import type { AnySource, Filling, Site } from "./source.js";

/** How long another run that makes or removes the same tree is waited for. */
const lockMs = 600_000;

/** What is wanted of a tree. */
export interface TreeWish {
  readonly state: "present" | "absent";
  readonly backend: BackendName | "auto";
  readonly recreate: boolean;
  readonly adopt: boolean;
  readonly source: AnySource | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

const prefix = "source:";

/** Probes on the host. */
export function treeProbes(wish: TreeWish, site: Site): Probes {
  const { place } = site;
  const own = {
    tree: { kind: "stat", path: place.path, withFileSystem: true },
    directory: { kind: "stat", path: place.directory, follow: true, withFileSystem: true },
    keep: { kind: "stat", path: place.keep },
    makingThere: { kind: "stat", path: place.making },
    record: { kind: "read", path: place.record },
    making: { kind: "list", path: place.making, depth: 1, limit: 10_000 },
    running: { kind: "read", path: `/run/systemd/machines/${place.name}` },
  } as const;
  const { source } = wish;
  if (!source || wish.state === "absent") return own;
  const asked = Object.entries(source.observe(wish.params, site));
  return { ...own, ...Object.fromEntries(asked.map(([name, probe]) => [prefix + name, probe])) };
}

interface Look {
  readonly tree: StatObservation;
  readonly directory: StatObservation;
  readonly keep: StatObservation;
  readonly makingThere: StatObservation;
  readonly record: ReadObservation;
  readonly making: ListObservation;
  readonly running: ReadObservation;
}

export function planTree(wish: TreeWish, seen: Seen<Probes>, asked: Site): Plan {
  const look = seen as unknown as Look;
  // Where the directory of trees really lies: what is written into a new tree must not leave it over a link.
  const place = treePlace(joinPath(look.directory.real || asked.place.directory, asked.place.name));
  const site = { ...asked, place };
  const failure = look.tree.failure ?? look.directory.failure;
  if (failure) return refused({ message: `${place.path} cannot be looked at: ${failure.message}` });
  const record = recordOf(look);
  if (record && "problem" in record)
    return refused({
      message: `${place.record} cannot be read: ${record.problem}`,
      remedy: "Look at what wrote it; without it crun does not know what the tree was made from.",
    });
  if (wish.state === "absent") return planAbsent(look, place, record);
  const { source } = wish;
  if (!source) return refused({ message: "it is not said what the tree is to be made from" });
  const recipe = recipeOf(source, wish.params, source.identity?.(wish.params, site));
  const { stat } = look.tree;
  if (stat === undefined) return planNew(wish, source, recipe, seen, site, look, undefined);
  if (stat.type !== "directory")
    return refused({
      message: `${place.path} is taken: it is a ${stat.type}, no directory`,
      remedy: "Move it away, or give the tree another name.",
    });
  if (!record) return planAdopted(wish, recipe, look, site);
  const result = resultOf(place, record);
  if (record.recipeHash === recipeHash(recipe)) return { changes: [], result, message: "is there" };
  const difference = recipeDifference(record.recipe, recipe);
  if (!wish.recreate)
    return {
      changes: [],
      result: { ...result, recipe_changed: true },
      message: "is there, made from another recipe",
      warnings: [
        `${place.name}: its recipe has changed since it was made (${difference}); recreate: true makes it anew`,
      ],
    };
  const running = runningRefusal(look, place);
  if (running) return refused(running);
  return planNew(wish, source, recipe, seen, site, look, record);
}

function planNew(
  wish: TreeWish,
  source: AnySource,
  recipe: Recipe,
  seen: Seen<Probes>,
  site: Site,
  look: Look,
  before: TreeRecord | undefined,
): Plan {
  const { place, context } = site;
  if (look.directory.stat?.type !== "directory")
    return refused({
      message: `${place.directory}, where the tree is to lie, ${look.directory.stat ? "is no directory" : "is not there"}`,
      remedy: "Make it first, or set crun_trees.",
    });
  const asked = Object.entries(seen).filter(([name]) => name.startsWith(prefix));
  const own = Object.fromEntries(asked.map(([name, answer]) => [name.slice(prefix.length), answer]));
  const into = makingPath(place, runMark(context));
  const filling = source.fill(wish.params, own as Seen<Probes>, into, site);
  if (filling.refusal) return refused(filling.refusal);
  const backend = chooseBackend(wish.backend, storageOf(look, own), filling.cloneOf === undefined ? "create" : "clone");
  if ("refusal" in backend) return refused(backend.refusal);
  const record: TreeRecord = {
    version: 1,
    backend: backend.name,
    recipe,
    recipeHash: recipeHash(recipe),
    madeAt: context.startedAt.toISOString(),
    run: runMark(context),
    ...(filling.base ? { base: filling.base } : {}),
    ...(filling.found ? { found: filling.found } : {}),
  };
  const made =
    filling.cloneOf === undefined ? backend.create(into, place) : backend.clone(filling.cloneOf, into, place);
  const head = [...keepChanges(look, place), lock(place), ...staleChanges(look, place, backend)];
  const changes = [
    ...head,
    ...made,
    ...filling.changes,
    // The record of a new tree comes first: without a tree it stands for nothing. That of a tree made anew comes when it has its name: with the
    // old record the next run makes it once more.
    ...(before
      ? [
          ...backend.exchange(into, place),
          writeRecord(place, record, look.record),
          ...backendNamed(before.backend).remove(into, place),
        ]
      : [writeRecord(place, record, look.record), ...backend.publish(into, place)]),
  ];
  return {
    changes,
    result: resultOf(place, record),
    message: before ? "is made anew" : "is made",
    warnings: filling.warnings ?? [],
    leaves: filling.cloneOf === undefined || filling.changes.length > 1 ? "unknown" : { likeTree: filling.cloneOf },
    onFailure: backend.remove(into, place),
    conclude: (outcomes) => concludeNew(changes, outcomes, filling, head.length + made.length),
  };
}

/** The tree's own words of why it was not made. */
function concludeNew(
  changes: readonly Change[],
  outcomes: readonly Outcome[],
  filling: Filling,
  first: number,
): Conclusion {
  const at = outcomes.length - 1;
  const outcome = outcomes[at];
  const change = changes[at];
  if (outcome && outcomes.length === changes.length && !outcome.failure) {
    const warnings = filling.tell?.(outcomes.slice(first, first + filling.changes.length)) ?? [];
    return warnings.length === 0 ? {} : { warnings };
  }
  if (!outcome || change?.kind !== "exec") return {};
  const isOwn = at >= first && at < first + filling.changes.length;
  const refusal =
    (isOwn ? filling.explain?.(at - first, outcome) : undefined) ?? programRefusal(programName(change), outcome);
  return refusal ? { refusal } : {};
}

/** A tree that crun did not make: it is somebody's, until somebody says otherwise. */
function planAdopted(wish: TreeWish, recipe: Recipe, look: Look, { place, context }: Site): Plan {
  if (!wish.adopt)
    return refused({
      message: `${place.path} is taken: a directory is there that crun did not make`,
      remedy: "Give the tree another name, or say adopt: true to take it for what the recipe makes.",
    });
  const isSubvolume = look.tree.fileSystem === "btrfs" && look.tree.stat?.inode === 256;
  const record: TreeRecord = {
    version: 1,
    backend: isSubvolume ? "btrfs" : "directory",
    recipe,
    recipeHash: recipeHash(recipe),
    madeAt: context.startedAt.toISOString(),
    run: runMark(context),
  };
  return {
    changes: [...keepChanges(look, place).slice(0, 1), lock(place), writeRecord(place, record, look.record)],
    result: resultOf(place, record),
    message: "is taken for what the recipe makes",
  };
}

function planAbsent(look: Look, place: TreePlace, record: TreeRecord | undefined): Plan {
  const result = { path: place.path, name: place.name, state: "absent" };
  const { stat } = look.tree;
  const hasRecord = look.record.stat !== undefined;
  if (stat === undefined && !hasRecord) return { changes: [], result, message: "is not there" };
  if (stat !== undefined && stat.type !== "directory")
    return refused({ message: `${place.path} is a ${stat.type}, no tree`, remedy: "Remove it by other means." });
  const running = runningRefusal(look, place);
  if (running) return refused(running);
  const isSubvolume = look.tree.fileSystem === "btrfs" && stat?.inode === 256;
  const backend = backendNamed(record?.backend ?? (isSubvolume ? "btrfs" : "directory"));
  const away = `${place.making}/${place.name}.gone`;
  const changes: Change[] = [
    ...keepChanges(look, place),
    lock(place),
    // Out of the way at once: whoever is killed meanwhile leaves no half tree under its name.
    ...staleChanges(look, place, backend),
    ...(stat
      ? [{ kind: "rename", path: place.path, to: away, onTaken: "refuse", expect: { type: "directory" } } as const]
      : []),
    ...(hasRecord ? [{ kind: "remove", path: place.record, expect: { type: "file" } } as const] : []),
    ...(stat ? backend.remove(away, place) : []),
  ];
  return { changes, result, message: "is removed", leaves: "unknown" };
}

function runningRefusal(look: Look, place: TreePlace): Refusal | undefined {
  const text = look.running.content ? Buffer.from(look.running.content).toString("utf8") : "";
  const root = /^ROOT=(.*)$/m.exec(text)?.[1];
  if (root === undefined || root.replaceAll('"', "") !== place.path) return undefined;
  return {
    message: `the machine ${place.name} runs from ${place.path}`,
    remedy: `Stop it first (crun machine stop, or the machine module with state: stopped).`,
  };
}

function recordOf(look: Look): TreeRecord | { readonly problem: string } | undefined {
  const { content, stat } = look.record;
  if (stat === undefined) return undefined;
  if (!content) return { problem: stat.type === "file" ? "it is too large" : `it is a ${stat.type}` };
  return parseRecord(Buffer.from(content).toString("utf8"));
}

/** The directories beside the tree, those that are missing. */
function keepChanges(look: Look, place: TreePlace): readonly Change[] {
  const own = { mode: 0o700, uid: 0, gid: 0, expect: { type: "absent" } } as const;
  return [
    ...(look.keep.stat ? [] : [{ kind: "makeDirectory", path: place.keep, ...own } as const]),
    ...(look.makingThere.stat ? [] : [{ kind: "makeDirectory", path: place.making, ...own } as const]),
  ];
}

function lock(place: TreePlace): Change {
  return { kind: "lock", path: place.lock, timeoutMs: lockMs, expect: {} };
}

/** What runs that were killed left behind. Whoever still makes the tree holds the lock, and is waited for. */
function staleChanges(look: Look, place: TreePlace, backend: Backend): readonly Change[] {
  const isOwn = (name: string): boolean =>
    name.startsWith(`${place.name}.`) && /^[a-z0-9]+(-[a-z0-9]+)?$/.test(name.slice(place.name.length + 1));
  return look.making.entries
    .filter(({ name, stat }) => isOwn(name) && stat.type === "directory")
    .flatMap(({ name }) => backend.remove(`${place.making}/${name}`, place));
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

function storageOf(look: Look, own: Readonly<Record<string, Observation | readonly Observation[]>>): StorageSeen {
  const base = own["base"];
  const stat = base && "kind" in base && base.kind === "stat" ? base.stat : undefined;
  const fileSystem = look.directory.fileSystem;
  return {
    fileSystem,
    isBaseSubvolume: fileSystem === "btrfs" && stat?.inode === 256,
    isBaseNear: true,
  };
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
