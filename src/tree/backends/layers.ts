// Where the layers of overlays lie: `DIR/.crun/overlay/BASE/NAME/{upper,work}`, and `BASE/.NAME.RUN` of those that are not whole.

import { baseName, joinPath, parentOf } from "../../module/tree-path.js";
import type { TreePlace } from "../place.js";

/** In the place of a base's name: the host's own root. No tree is called so. */
const hostGroup = "@host";

/** Layers over a base. */
export interface Layers {
  /** Holds `upper` and `work`. */
  readonly path: string;
  /** The directory of all overlays over the base. */
  readonly group: string;
  /** The base's path. */
  readonly lower: string;
  /** Exists while the base is held read-only by crun. */
  readonly mark: string;
}

/** The layers of what is at `at`, over the tree at `lower`, or over the host's root. */
export function layersOver(lower: string, at: string, place: TreePlace): Layers {
  return inGroup(lower === "/" ? hostGroup : baseName(lower), nameOf(at, place), place);
}

/** Those that were found (`glob`), of what is at `at`. */
export function layersAmong(found: readonly string[], at: string, place: TreePlace): Layers[] {
  const name = nameOf(at, place);
  return found.filter((path) => baseName(path) === name).map((path) => inGroup(baseName(parentOf(path)), name, place));
}

function inGroup(group: string, name: string, place: TreePlace): Layers {
  const all = `${place.keep}/overlay`;
  return {
    path: `${all}/${group}/${name}`,
    group: `${all}/${group}`,
    lower: group === hostGroup ? "/" : joinPath(place.directory, group),
    mark: `${all}/@held.${group}`,
  };
}

/** No tree's name begins with a dot: what is not whole is never taken for a tree's. */
function nameOf(at: string, place: TreePlace): string {
  return at === place.path ? place.name : `.${baseName(at)}`;
}

/** The mount options. */
export function overlayOptions({ lower, path }: Layers): string {
  return `lowerdir=${lower},upperdir=${path}/upper,workdir=${path}/work`;
}

/** The pattern of all layers with the tree's name, and of those that were never finished. */
export function layerPatterns(place: TreePlace): readonly string[] {
  const all = `${globQuoted(place.keep)}/overlay/*`;
  return [`${all}/${place.name}`, `${all}/.${place.name}.*`];
}

/** The patterns of the overlays over the tree: of trees, and of what is none (yet, or any more). */
export function overlaidPatterns(place: TreePlace): readonly string[] {
  const group = `${globQuoted(place.keep)}/overlay/${place.name}`;
  return [`${group}/*`, `${group}/.*`];
}

/** The tree of layers, as a message names it; undefined: it was never whole. */
export function overlayName(path: string): string | undefined {
  const name = baseName(path);
  if (!name.startsWith(".")) return name;
  const [, tree, number] = /^\.(.+)\.(\d+)$/.exec(name) ?? [];
  return tree === undefined ? undefined : `${tree} (kept as ${number})`;
}

function globQuoted(path: string): string {
  return path.replace(/[*?[]/g, "[$&]");
}
