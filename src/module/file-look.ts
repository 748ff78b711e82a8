// What the module file looks at, in two rounds, and the situation that comes of it.

import type { Context, Seen } from "./contract.js";
import type { FileParams } from "./file-params.js";
import type { FileStateParams, Situation } from "./file-state.js";
import { readTime, zoneOf, zoneProbe } from "./file-times.js";
import { parentProbes } from "./make-parents.js";
import { accountProbes, readAccounts } from "./ownership.js";
import type { ListProbe, Stat, StatProbe } from "./probe.js";
import { baseName, hasSlash, joinPath, linkTarget, parentOf, tidyPath } from "./tree-path.js";

/** All params of the module that decide what is looked at. */
export interface FileWish extends FileStateParams {
  readonly path: string;
  readonly state: string | undefined;
  readonly access_time: string | undefined;
  readonly access_time_format: string;
  readonly modification_time: string | undefined;
  readonly modification_time_format: string;
}

/** States that may make something, and so look at the directories above. */
const makes = new Set(["touch", "directory", "link", "hard"]);

/** The thing and what it leads to; what `src` names; what is beneath, for recursion and for a directory that gives way to a link. */
export function fileProbes(params: FileWish) {
  const path = tidyPath(params.path);
  const depth = params.recurse ? 0 : 1;
  const isListed = params.recurse || (params.state === "link" && params.force);
  const lists: readonly ListProbe[] = isListed ? [{ kind: "list", path, depth }] : [];
  const hasDate = [params.access_time, params.modification_time].some(
    (one) => one !== undefined && one !== "now" && one !== "preserve",
  );
  return {
    ...accountProbes,
    ...atPath(path, params),
    parents: params.recurse || (params.state !== undefined && makes.has(params.state)) ? parentProbes(path) : [],
    sources: sourceProbes(path, params.src),
    lists,
    zone: hasDate ? [zoneProbe] : [],
  };
}

type First = Seen<ReturnType<typeof fileProbes>>;

/** Second look: inside a directory that a hard link goes to, where a broken link points, what links beneath lead to. */
export function fileMoreProbes(params: FileWish, seen: First) {
  const path = tidyPath(params.path);
  const isInside = params.state === "hard" && seen.target.stat?.type === "directory";
  const inside = isInside ? atPath(joinPath(path, baseName(params.src ?? "")), params) : undefined;
  const goal = seen.target.stat ? undefined : goalOfLink(path, seen);
  const list = seen.lists[0];
  const links = params.recurse && params.follow && list ? linksAmong(list.entries, list.real || path) : [];
  return {
    insides: inside ? [inside.self, inside.target] : [],
    goal: goal === undefined ? [] : [statOf(goal, false)],
    goalParents: goal === undefined ? [] : parentProbes(goal),
    linkTargets: links.map((one): StatProbe => ({ ...statOf(one, true), ...flagsWish(params) })),
    linkLists: links.map((one): ListProbe => ({ kind: "list", path: one, depth: 0 })),
  };
}

type Second = Seen<ReturnType<typeof fileMoreProbes>>;

/** What a state's plan is made from; or a sentence for times that cannot be read. `fallback`: what times are without their params. */
export function situationOf(
  params: FileWish,
  seen: First & Second,
  context: Context,
  fallback: "now" | "preserve",
): Situation | { readonly problem: string } {
  const path = tidyPath(params.path);
  const [insideSelf, insideTarget] = seen.insides;
  const isThrough = isThroughLink(params, seen);
  const goal = goalOfLink(path, seen);
  const zone = zoneOf(seen.zone[0]);
  const atime = readTime(params.access_time ?? fallback, params.access_time_format, zone);
  const mtime = readTime(params.modification_time ?? fallback, params.modification_time_format, zone);
  if ("problem" in atime) return atime;
  if ("problem" in mtime) return mtime;
  return {
    params,
    path: insideSelf ? joinPath(path, baseName(params.src ?? "")) : isThrough ? seen.target.real || path : path,
    self: insideSelf ?? (isThrough ? seen.target : seen.self),
    target: insideTarget ?? seen.target,
    parents: insideSelf ? [...seen.parents, seen.target] : seen.parents,
    source: seen.sources[0],
    sourceSelf: seen.sources[1],
    entries: seen.lists[0],
    dangling: goal === undefined ? undefined : { path: goal, self: seen.goal[0], parents: seen.goalParents },
    linked: seen.linkTargets.flatMap((target, index) => {
      const entries = seen.linkLists[index];
      return entries ? [{ target, entries }] : [];
    }),
    times: { atime: atime.time, mtime: mtime.time },
    accounts: readAccounts(seen),
    context,
  };
}

/** A link to a directory whose name has a slash at the end is that directory, but where the link itself is made or removed. */
function isThroughLink(params: FileWish, seen: First): boolean {
  const isLinks = params.state === "link" || params.state === "hard" || params.state === "absent";
  return hasSlash(params.path) && !isLinks && seen.self.stat?.type === "link" && seen.target.stat?.type === "directory";
}

function statOf(path: string, follow: boolean): StatProbe {
  return { kind: "stat", path, ...(follow ? { follow } : {}) };
}

function flagsWish(params: Pick<FileParams, "attributes">): { readonly withFlags?: true } {
  return params.attributes === undefined ? {} : { withFlags: true };
}

function atPath(path: string, params: FileWish): { readonly self: StatProbe; readonly target: StatProbe } {
  const flags = flagsWish(params);
  return { self: { ...statOf(path, false), ...flags }, target: { ...statOf(path, true), ...flags } };
}

/** What `src` leads to, and `src` itself. */
function sourceProbes(path: string, src: string | undefined): readonly StatProbe[] {
  if (src === undefined) return [];
  const source = joinPath(parentOf(path), src);
  return [statOf(source, true), statOf(source, false)];
}

function goalOfLink(path: string, seen: First): string | undefined {
  return seen.self.stat?.type === "link" ? linkTarget(seen.self.real || path, seen.self.stat.target) : undefined;
}

function linksAmong(entries: readonly { readonly name: string; readonly stat: Stat }[], directory: string): string[] {
  return entries.flatMap(({ name, stat }) => (stat.type === "link" ? [joinPath(directory, name)] : []));
}
