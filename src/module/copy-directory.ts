// Copies a directory of the controller into a tree: what has to lie where, and the changes for it.

import type { Change } from "./change.js";
import type { Context, LocalSource, Plan, Refusal } from "./contract.js";
import { attributeChange, differenceOf } from "./file-params.js";
import { directoryMaker, planDirectory, type Above } from "./make-parents.js";
import type { Accounts } from "./ownership.js";
import { resolveOwnership } from "./ownership.js";
import type { Placement, PlaceParams } from "./place-file.js";
import { planPlacements } from "./place-file.js";
import type { GoalsSeen } from "./place-probes.js";
import type { StatObservation, StatProbe } from "./probe.js";
import { baseName, joinPath, parentOf, parentsOf, tidyPath } from "./tree-path.js";

type LocalDirectory = Extract<LocalSource, { kind: "directory" }>;

export interface DirectoryParams extends PlaceParams {
  readonly src: string | undefined;
  readonly dest: string;
  readonly directory_mode: string | undefined;
}

/** The files beneath `source` and where they go. */
export function directoryPlacements(params: DirectoryParams, source: LocalDirectory): readonly Placement[] {
  const top = topOf(params, source);
  return source.entries.flatMap(({ kind, name, mode, content }) =>
    kind === "file" && content ? [{ path: joinPath(top, name), mode, content }] : [],
  );
}

/** Looks at each directory and each link that the copy needs. */
export function directoryProbes(
  params: DirectoryParams,
  source: LocalDirectory | undefined,
): {
  readonly folders: readonly StatProbe[];
  readonly links: readonly StatProbe[];
} {
  if (!source) return { folders: [], links: [] };
  const withFlags = params.attributes === undefined ? {} : { withFlags: true };
  return {
    folders: foldersOf(params, source).map((path) => ({ kind: "stat", path, follow: true, ...withFlags })),
    links: linksOf(params, source).map(({ path }) => ({ kind: "stat", path })),
  };
}

/** Directories first, then files, then links. Directories beneath the copied one get `directory_mode` even if they are there, as Ansible does it. */
export function planDirectoryCopy(
  params: DirectoryParams,
  source: LocalDirectory,
  seen: GoalsSeen & { readonly folders: readonly StatObservation[]; readonly links: readonly StatObservation[] },
  accounts: Accounts,
  context: Context,
): Plan {
  const folders = planFolders(params, source, seen.folders, accounts, context);
  if (folders.refusal) return { changes: [], refusal: folders.refusal };
  const files = planPlacements(params, directoryPlacements(params, source), seen, { accounts, context, parents: [] });
  if (files.refusal) return files;
  const links = planLinks(params, source, seen.links, accounts);
  if (links.refusal) return { changes: [], refusal: links.refusal };
  return {
    changes: [...folders.changes, ...files.changes, ...links.changes],
    result: { dest: `${tidyPath(params.dest)}/`, src: source.path },
    ...(files.conclude ? { conclude: files.conclude } : {}),
  };
}

/** A source that ends with a slash gives what it holds, any other itself. */
function topOf(params: DirectoryParams, source: LocalDirectory): string {
  const dest = tidyPath(params.dest);
  return params.src?.endsWith("/") === true ? dest : joinPath(dest, baseName(source.path));
}

function foldersOf(params: DirectoryParams, source: LocalDirectory): readonly string[] {
  const top = topOf(params, source);
  const paths = source.entries.map(({ kind, name }) => joinPath(top, kind === "directory" ? `${name}/.` : name));
  return [...new Set(paths.flatMap((path) => parentsOf(path)))];
}

function linksOf(
  params: DirectoryParams,
  source: LocalDirectory,
): readonly { readonly path: string; readonly target: string }[] {
  const top = topOf(params, source);
  return source.entries.flatMap(({ kind, name, target }) =>
    kind === "link" ? [{ path: joinPath(top, name), target: target ?? "" }] : [],
  );
}

interface Step {
  readonly changes: readonly Change[];
  readonly refusal?: Refusal;
}

function planFolders(
  params: DirectoryParams,
  source: LocalDirectory,
  seen: readonly StatObservation[],
  accounts: Accounts,
  context: Context,
): Step {
  const top = topOf(params, source);
  const own = new Set(source.entries.flatMap(({ kind, name }) => (kind === "directory" ? [joinPath(top, name)] : [])));
  const wanted = { ...params, mode: params.directory_mode };
  const maker = directoryMaker(wanted, accounts, context);
  const changes: Change[] = [];
  const known = new Map<string, Above>();
  for (const [index, path] of foldersOf(params, source).entries()) {
    const stat = seen[index]?.stat;
    if (stat) known.set(path, stat);
    if (stat && stat.type !== "directory")
      return { changes: [], refusal: { message: `${path} is in the way: it is no directory` } };
    if (!stat) {
      const made = planDirectory(path, maker, known.get(parentOf(path)));
      if (made.refusal) return { changes: [], refusal: made.refusal };
      changes.push(...made.changes);
      known.set(path, made.node);
    } else if (own.has(path)) {
      const difference = differenceOf(wanted, stat, accounts);
      if (difference.refusal) return { changes: [], refusal: difference.refusal };
      const change = attributeChange(seen[index]?.real || path, stat, difference);
      if (change) changes.push(change);
    }
  }
  return { changes };
}

function planLinks(
  params: DirectoryParams,
  source: LocalDirectory,
  seen: readonly StatObservation[],
  accounts: Accounts,
): Step {
  const { refusal, ...owner } = resolveOwnership(params, accounts);
  if (refusal) return { changes: [], refusal };
  const changes: Change[] = [];
  for (const [index, { path, target }] of linksOf(params, source).entries()) {
    const stat = seen[index]?.stat;
    if (stat?.type === "directory")
      return { changes: [], refusal: { message: `${path} is a directory, refusing to convert it to a link` } };
    if (stat?.type === "link" && stat.target === target) {
      const change = attributeChange(path, stat, differenceOf({ ...params, mode: undefined }, stat, accounts));
      if (change) changes.push(change);
    } else {
      const expect = stat ? { type: stat.type } : ({ type: "absent" } as const);
      changes.push({ kind: "makeLink", path, target, ...owner, expect });
    }
  }
  return { changes };
}
