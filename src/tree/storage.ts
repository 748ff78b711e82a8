// What has to be seen of a host's storage to make, swap or remove a tree there.

import type { Probe, GlobObservation, Observation, StatObservation } from "../module/probe.js";
import { baseName, parentOf } from "../module/tree-path.js";
import type { Backend, StorageSeen } from "./backend.js";
import { backendNamed } from "./backends/choose.js";
import { layerPatterns, layersAmong, overlaidPatterns, overlayName } from "./backends/layers.js";
import { clonesOf, listDatasets, parseDatasets } from "./backends/zfs.js";
import type { Change } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import type { TreePlace } from "./place.js";
import { lastWords } from "./program.js";
import type { BackendName, TreeRecord } from "./record.js";

/** Probes on the host; `tree` and `directory` are looked at by all, with their file system. */
export function storageProbes(place: TreePlace) {
  const [layers = "", making = ""] = layerPatterns(place);
  const [overlaid = "", overlaidKept = ""] = overlaidPatterns(place);
  return {
    layers: { kind: "glob", path: layers },
    unfinishedLayers: { kind: "glob", path: making },
    overlaidBy: { kind: "glob", path: overlaid },
    overlaidByKept: { kind: "glob", path: overlaidKept },
    systemd: { kind: "stat", path: "/run/systemd/system" },
  } as const satisfies Readonly<Record<string, Probe>>;
}

/** What else has to be asked, by what was seen: programs that only some hosts have. */
export function moreStorageProbes(
  place: TreePlace,
  directory: StatObservation,
  backends: readonly (string | undefined)[],
): Readonly<Record<string, Probe>> {
  // zfs on FUSE bears FUSE's number.
  const mayBeZfs = directory.fileSystem === "zfs" || directory.fileSystem === "fuse" || backends.includes("zfs");
  if (!mayBeZfs) return {};
  return { zfs: { kind: "exec", exec: { argv: listDatasets(directory.real || place.directory), user: "root" } } };
}

export interface StorageLook {
  readonly tree: StatObservation;
  readonly directory: StatObservation;
  readonly layers: GlobObservation;
  readonly unfinishedLayers: GlobObservation;
  readonly overlaidBy: GlobObservation;
  readonly overlaidByKept: GlobObservation;
  readonly systemd: StatObservation;
  readonly zfs?: Observation;
}

/** Of a clone: the path of its base, what was seen there (with its file system), and the record beside it. */
export function storageSeen(
  place: TreePlace,
  look: StorageLook,
  cloneOf?: string,
  base?: StatObservation,
  baseRecord?: TreeRecord,
): StorageSeen {
  const { tree, directory } = look;
  return {
    place,
    fileSystem: directory.fileSystem,
    isBaseSubvolume: base?.subvolume !== undefined,
    isBaseNear: cloneOf !== undefined && parentOf(base?.real ?? cloneOf) === directory.real,
    ...(cloneOf !== undefined
      ? {
          base: {
            path: base?.real ?? cloneOf,
            ...(base?.fileSystem === undefined ? {} : { fileSystem: base.fileSystem }),
            ...(baseRecord ? { record: baseRecord } : {}),
          },
        }
      : {}),
    ...(tree.subvolume ? { subvolume: tree.subvolume } : {}),
    isOverlayMounted: tree.fileSystem === "overlayfs" && directory.fileSystem !== "overlayfs",
    layers: [...look.layers.paths, ...look.unfinishedLayers.paths],
    overlaidBy: [...look.overlaidBy.paths, ...look.overlaidByKept.paths].flatMap((path) => overlayName(path) ?? []),
    runsSystemd: look.systemd.stat?.type === "directory",
    ...(look.zfs?.kind === "exec" ? { datasets: datasetsOf(look.zfs) } : {}),
  };
}

function datasetsOf(answer: Extract<Observation, { kind: "exec" }>): NonNullable<StorageSeen["datasets"]> {
  if (answer.exit.kind === "exited" && answer.exit.value === 0)
    return parseDatasets(Buffer.from(answer.stdout).toString("utf8"));
  return { problem: lastWords(answer) || "the program zfs could not be run" };
}

/** How a tree is stored that is there: as its record says, or as it looks. */
export function backendOf(record: TreeRecord | undefined, seen: StorageSeen, path: string): Backend {
  return backendNamed(record?.backend ?? looksLike(seen, path), seen);
}

export function looksLike(seen: StorageSeen, path: string): BackendName {
  if (seen.subvolume !== undefined) return "btrfs";
  const { datasets } = seen;
  const isDataset =
    datasets !== undefined && !("problem" in datasets) && datasets.slice(1).some((one) => one.mountPoint === path);
  return isDataset ? "zfs" : "directory";
}

/** Removes what a killed run has left at `at`, however that was stored; an overlay's goes with its layers. */
export function staleRemoved(at: string, place: TreePlace, seen: StorageSeen): readonly Change[] {
  if (layersAmong(seen.layers ?? [], at, place).length > 0) return [];
  return backendNamed(looksLike(seen, at) === "zfs" ? "zfs" : "directory", seen).remove(at, place);
}

/** Layers without a tree: of one that was removed, or never finished. */
export function staleLayersRemoved(place: TreePlace, seen: StorageSeen, isTreeThere: boolean): readonly Change[] {
  const overlay = backendNamed("overlay", { ...seen, base: undefined });
  const names = new Set((seen.layers ?? []).map(baseName));
  const unfinished = [...names].filter((name) => isUnfinished(name, place));
  return [
    ...unfinished.flatMap((name) => overlay.remove(`${place.making}/${name.slice(1)}`, place)),
    ...(names.has(place.name) && !isTreeThere ? overlay.remove(place.path, place) : []),
  ];
}

/** As makingPath names them; what a transaction has kept ends with a number. */
function isUnfinished(name: string, place: TreePlace): boolean {
  const prefix = `.${place.name}.`;
  return name.startsWith(prefix) && /^([a-z0-9]+-[a-z0-9]+|gone)$/.test(name.slice(prefix.length));
}

/** Why a tree must stay as it is: others are made of it. */
export function dependentsRefusal(place: TreePlace, seen: StorageSeen): Refusal | undefined {
  const names = [...(seen.overlaidBy ?? []), ...clonesOf(place.path, seen)];
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
  return {
    message: `${place.path} is the base of ${shown}, which ${names.length === 1 ? "shares" : "share"} its storage`,
    remedy: "Remove those first, or make them anew from another base.",
  };
}
