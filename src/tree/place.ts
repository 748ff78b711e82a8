// Where a tree lies on its host, and what crun keeps beside it.

import { baseName, joinPath, parentOf } from "../module/tree-path.js";

/** A tree `DIR/NAME` and the files beside it, all in `DIR/.crun`, root's alone: one file system, so that renames are whole. */
export interface TreePlace {
  readonly path: string;
  readonly name: string;
  /** That holds the tree. */
  readonly directory: string;
  /** `DIR/.crun`. */
  readonly keep: string;
  /** What the tree was made from (record.ts). */
  readonly record: string;
  /** Held while the tree is made, swapped or removed. */
  readonly lock: string;
  /** Holds trees that are not whole yet. */
  readonly making: string;
  /** Holds what a transaction has replaced. */
  readonly old: string;
  /** Holds the tree's snapshots. */
  readonly snapshots: string;
}

/** The place of a tree with this path on its host. */
export function treePlace(path: string): TreePlace {
  const directory = parentOf(path);
  const name = baseName(path);
  const keep = joinPath(directory, ".crun");
  return {
    path,
    name,
    directory,
    keep,
    record: `${keep}/${name}.json`,
    lock: `${keep}/${name}.lock`,
    making: `${keep}/making`,
    old: `${keep}/old`,
    snapshots: `${keep}/snapshots/${name}`,
  };
}

/** A name that no other run gives: what is made under it can be told from what another one left behind. */
export function runMark(context: { readonly startedAt: Date; readonly pid: number }): string {
  return `${context.startedAt.getTime().toString(36)}-${context.pid.toString(36)}`;
}

/** Where a tree is made before it gets its name. */
export function makingPath(place: TreePlace, mark: string): string {
  return `${place.making}/${place.name}.${mark}`;
}

/** Where a tree lies that has lost its name: the next run removes it. */
export function asidePath(place: TreePlace): string {
  return `${place.making}/${place.name}.gone`;
}

/** A sentence for what is wrong with a name for a tree, else undefined. */
export function treeNameProblem(name: string): string | undefined {
  const quoted = JSON.stringify(name);
  if (name.startsWith("/")) {
    const parts = name.slice(1).replace(/\/+$/, "").split("/");
    if (parts.some((part) => part === "" || part === "." || part === ".."))
      return `${quoted} is no path for a tree: it must be absolute and plain`;
    return name === "/" ? "a host's own root is no tree" : lastNameProblem(parts.at(-1) ?? "");
  }
  return name.includes("/")
    ? `${quoted}: a tree's name holds no slash, an absolute path begins with one`
    : lastNameProblem(name);
}

/** As systemd and fleet rules (`node1:web*`) know them. */
function lastNameProblem(name: string): string | undefined {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,200}$/.test(name)) return undefined;
  return `${JSON.stringify(name)} is no name for a tree: letters, digits and _ . @ + -, none of . @ + - first`;
}
