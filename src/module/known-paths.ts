// What observations told of where paths really lead, so that a change goes there or nowhere.

import type { Observation, Probe } from "./probe.js";
import { parentOf } from "./tree-path.js";

/** Canonical paths by path asked for. Knows only what was observed: a guess would refuse what is right. */
export class KnownPaths {
  /** Of directories, by root and path: what the parent of something observed is. */
  readonly #parents = new Map<string, string>();
  /** Of things whose last link was followed. */
  readonly #followed = new Map<string, string>();
  /** Directories that were listed: beneath them no link was followed. */
  readonly #listed = new Set<string>();

  remember(probe: Probe, observation: Observation): void {
    if (!("real" in observation) || !("path" in probe) || observation.failure !== undefined) return;
    const root = rootOf(probe);
    const { real } = observation;
    if (!isTidy(probe.path)) return;
    if (observation.kind === "list") this.#listed.add(`${root}${real === "/" ? "" : real}/`);
    const follows =
      observation.kind === "list" || (probe.kind === "read" ? probe.follow !== false : isFollowing(probe));
    if (follows) this.#followed.set(root + probe.path, real);
    if (!follows || real === probe.path) this.#parents.set(root + parentOf(probe.path), parentOf(real));
  }

  clear(): void {
    this.#parents.clear();
    this.#followed.clear();
    this.#listed.clear();
  }

  /** Where something at `path` lies, its own last link not followed; undefined where nothing tells. */
  placeOf(at: "tree" | "host" | undefined, path: string): string | undefined {
    if (!isTidy(path)) return undefined;
    const root = at === "host" ? "h" : "t";
    const parent = this.#parents.get(root + parentOf(path));
    if (parent !== undefined) return joined(parent, path);
    for (const listed of this.#listed) if (`${root}${path}`.startsWith(listed)) return path;
    return undefined;
  }

  /** Where `path` leads, its last link followed; undefined where nothing tells. */
  targetOf(at: "tree" | "host" | undefined, path: string): string | undefined {
    return this.#followed.get((at === "host" ? "h" : "t") + path);
  }
}

/** Without `.`, `..` and empty names. */
function isTidy(path: string): boolean {
  return !/\/(\.{0,2}\/|\.{0,2}$)/.test(path);
}

function rootOf(probe: { readonly at?: "tree" | "host" }): string {
  return probe.at === "host" ? "h" : "t";
}

function isFollowing(probe: Probe): boolean {
  return (probe.kind === "stat" || probe.kind === "hash") && probe.follow === true;
}

/** The last name of `path` in another directory. */
export function joined(directory: string, path: string): string {
  return `${directory === "/" ? "" : directory}${path.slice(path.lastIndexOf("/"))}`;
}
