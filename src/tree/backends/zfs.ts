// Trees as zfs datasets; clones are zfs clones. What tells a tree's dataset is its mount point: names are never changed.

import type { Change } from "../../module/change.js";
import type { Refusal } from "../../module/contract.js";
import { baseName } from "../../module/tree-path.js";
import type { Backend, Dataset, StorageSeen } from "../backend.js";
import { hostProgram } from "../program.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import { copied } from "./directory.js";

export function zfs(seen: StorageSeen = NOTHING_SEEN): Backend {
  const datasets = seen.datasets !== undefined && "problem" in seen.datasets ? [] : (seen.datasets ?? []);
  const parent = datasets[0]?.name ?? "";
  const at = (path: string): Dataset | undefined => datasets.slice(1).find(({ mountPoint }) => mountPoint === path);
  /** Of what is there, or is made by this plan. */
  const nameAt = (path: string): string => at(path)?.name ?? `${parent}/${datasetName(baseName(path))}`;
  return {
    name: "zfs",
    summary: "a zfs dataset; clones are zfs clones, made in the time of a system call",
    cannot: zfsRefusal,
    mountsTrees: true,
    create: (path) => [
      run(["zfs", "create", "-o", `mountpoint=${path}`, nameAt(path)], {
        assumes: [{ kind: "mounted", path, fileSystem: "zfs" }],
      }),
    ],
    clone: (from, path) => {
      const base = at(from);
      const name = nameAt(path);
      if (!base) return [run(["zfs", "create", "-o", `mountpoint=${path}`, name]), copied(from, path)];
      const snapshot = `${base.name}@${datasetName(baseName(path))}`;
      return [
        run(["zfs", "snapshot", snapshot]),
        run(["zfs", "clone", "-o", `mountpoint=${path}`, snapshot, name], {
          assumes: [{ kind: "mounted", path, fileSystem: "zfs" }],
        }),
        // It goes with the clone.
        run(["zfs", "destroy", "-d", snapshot]),
      ];
    },
    publish: (made, place) => [moved(nameAt(made), place.path), leftover(made)],
    exchange: (made, place) => {
      const old = at(place.path);
      const aside = `${made}.old`;
      return [
        ...(old ? [moved(old.name, aside)] : []),
        moved(nameAt(made), place.path),
        ...(old ? [moved(old.name, made), leftover(aside)] : [leftover(made)]),
      ];
    },
    move: (from, to) => [moved(nameAt(from), to), leftover(from)],
    // Destroyed as a whole, or not at all: others may be clones of it.
    withdraw: (place) => [destroyed(parent, place.path)],
    remove: (path) => [destroyed(parent, path)],
    restore: (place) => {
      const dataset = at(place.path);
      return dataset && !dataset.isMounted ? [run(["zfs", "mount", dataset.name])] : undefined;
    },
    limit: (path, bytes) => [run(["zfs", "set", `refquota=${bytes ?? "none"}`, nameAt(path)])],
    setReadOnly: (path, isReadOnly) => [run(["zfs", "set", `readonly=${isReadOnly ? "on" : "off"}`, nameAt(path)])],
  };
}

/** The columns that parseDatasets reads. `path`: what lies on zfs there, and the datasets right beneath it. */
export function listDatasets(path: string): readonly string[] {
  return ["zfs", "list", "-H", "-t", "filesystem", "-o", "name,mountpoint,mounted,origin", "-r", "-d", "1", path];
}

/** What that says. */
export function parseDatasets(text: string): readonly Dataset[] {
  return text
    .split("\n")
    .map((line) => line.split("\t"))
    .flatMap(([name, mountPoint, mounted, origin]) =>
      name && mountPoint
        ? [{ name, mountPoint, isMounted: mounted === "yes", ...(origin && origin !== "-" ? { origin } : {}) }]
        : [],
    );
}

/** Trees beside the one at `path` that are clones of it. */
export function clonesOf(path: string, seen: StorageSeen): readonly string[] {
  if (seen.datasets === undefined || "problem" in seen.datasets) return [];
  const own = seen.datasets.slice(1).find(({ mountPoint }) => mountPoint === path);
  if (!own) return [];
  return seen.datasets
    .filter(({ origin }) => origin?.startsWith(`${own.name}@`))
    .map((one) => baseName(one.mountPoint));
}

function zfsRefusal(seen: StorageSeen): Refusal | undefined {
  const { datasets, fileSystem } = seen;
  if (datasets !== undefined && !("problem" in datasets) && datasets.length > 0) return undefined;
  const words = datasets !== undefined && "problem" in datasets ? `: ${datasets.problem}` : "";
  return {
    message: `the zfs backend needs a zfs dataset beneath the trees, and finds ${fileSystem ?? "another file system"}${words}`,
    remedy: "Say backend: auto or directory, or put the trees on zfs (crun_trees).",
  };
}

/** Of the names that trees may have, zfs takes all but these two characters. */
function datasetName(name: string): string {
  return name.replaceAll("@", ":a").replaceAll("+", ":p");
}

function run(argv: readonly string[], more: Pick<Extract<Change, { kind: "exec" }>, "assumes"> = {}): Change {
  return { ...hostProgram({ argv }), ...more };
}

function moved(name: string, path: string): Change {
  return run(["zfs", "set", `mountpoint=${path}`, name], { assumes: [{ kind: "mounted", path, fileSystem: "zfs" }] });
}

/** The directory that a dataset was mounted on, where zfs has left it. */
function leftover(path: string): Change {
  return run(["sh", "-c", '! [ -d "$1" ] || rmdir -- "$1"', "rmdir", path], {
    assumes: [{ kind: "remove", path, expect: {} }],
  });
}

/** That one which is mounted there, never the one that holds it. What was in use a moment ago may be busy for another one. */
const destroying = `
destroy() {
  for try in 1 2 3 4 5 6 7 8 9 10; do
    said=$(zfs destroy -r "$1" 2>&1) && return
    case $said in *busy*) sleep 0.3 ;; *) break ;; esac
  done
  printf '%s\\n' "$said" >&2
  return 1
}
tab=$(printf '\\t')
zfs list -H -t filesystem -o name,mountpoint -r -d 1 "$1" | while IFS=$tab read -r name path; do
  [ "$path" != "$2" ] || [ "$name" = "$1" ] || destroy "$name" || exit
done && { ! [ -d "$2" ] || rmdir -- "$2"; }`;

function destroyed(parent: string, path: string): Change {
  return run(["sh", "-c", destroying, "zfs", parent, path], { assumes: [{ kind: "remove", path, expect: {} }] });
}
