// What to look at where files of the controller (or of the tree) go in a tree.

import { backupProbe } from "./backup.js";
import type { Context } from "./contract.js";
import type { GlobObservation, GlobProbe, ReadObservation, ReadProbe, StatObservation, StatProbe } from "./probe.js";
import { joinPath, parentsOf, tidyPath } from "./tree-path.js";

/** Where a file goes, and the digest that it will have. */
export interface Goal {
  readonly path: string;
  readonly sha256: string;
}

/** Probes for a list of goals, one each: the thing itself, the file it leads to, flags where they matter, backups of this run; and all parents. */
export interface GoalProbes {
  readonly selves: readonly StatProbe[];
  readonly targets: readonly ReadProbe[];
  readonly flags: readonly StatProbe[];
  readonly backups: readonly GlobProbe[];
  readonly parents: readonly StatProbe[];
}

/** What `GoalProbes` saw. */
export interface GoalsSeen {
  readonly selves: readonly StatObservation[];
  readonly targets: readonly ReadObservation[];
  readonly flags: readonly StatObservation[];
  readonly backups: readonly GlobObservation[];
  readonly parents: readonly StatObservation[];
}

/** `dest` itself, or the file of that name in it where it is (or is written as) a directory. */
export function placePath(dest: string, name: string, isDirectory = false): string {
  return isDirectory || dest.endsWith("/") ? joinPath(tidyPath(dest), name) : tidyPath(dest);
}

/** Content is only sent back where it is not the wanted one. */
export function goalProbes(
  goals: readonly Goal[],
  params: { readonly backup: boolean; readonly attributes: string | undefined },
  context: Context,
): GoalProbes {
  const hasFlags = params.attributes !== undefined;
  return {
    selves: goals.map(({ path }) => ({ kind: "stat", path })),
    targets: goals.map(({ path, sha256 }) => ({ kind: "read", path, unlessSha256: sha256 })),
    flags: hasFlags ? goals.map(({ path }) => ({ kind: "stat", path, follow: true, withFlags: true })) : [],
    backups: params.backup ? goals.map(({ path }) => backupProbe(path, context)) : [],
    parents: allParents(goals).map((path) => ({ kind: "stat", path, follow: true })),
  };
}

/** Every directory above the goals once, from the top down: the order of `parents`. */
export function allParents(goals: readonly Goal[]): readonly string[] {
  const [only] = goals;
  if (goals.length === 1 && only) return parentsOf(only.path);
  return [...new Set(goals.flatMap(({ path }) => parentsOf(path)))];
}

/** The same probes under other names, for a second look: in the directory that `dest` turned out to be. */
export function insideProbes(probes: GoalProbes | undefined) {
  return {
    insideSelves: probes?.selves ?? [],
    insideTargets: probes?.targets ?? [],
    insideFlags: probes?.flags ?? [],
    insideBackups: probes?.backups ?? [],
    insideParents: probes?.parents ?? [],
  };
}

/** What the second look saw, under the usual names. */
export function insideSeen(seen: {
  readonly insideSelves: readonly StatObservation[];
  readonly insideTargets: readonly ReadObservation[];
  readonly insideFlags: readonly StatObservation[];
  readonly insideBackups: readonly GlobObservation[];
  readonly insideParents: readonly StatObservation[];
}): GoalsSeen {
  return {
    selves: seen.insideSelves,
    targets: seen.insideTargets,
    flags: seen.insideFlags,
    backups: seen.insideBackups,
    parents: seen.insideParents,
  };
}
