// Copies within a tree (`remote_src`): one file, or a directory with all beneath it.

import type { Change, Expect } from "./change.js";
import type { Context, Plan, Refusal } from "./contract.js";
import type { FileParams, Node } from "./file-params.js";
import { attributeChange, differenceOf, pathInfo, withDifference } from "./file-params.js";
import { directoryMaker, planDirectory, planParents } from "./make-parents.js";
import { defaultDirectoryMode, formatMode } from "./mode.js";
import type { Accounts } from "./ownership.js";
import { defaultOwnership, resolveOwnership } from "./ownership.js";
import type { Placement } from "./place-file.js";
import type {
  FileType,
  HashObservation,
  HashProbe,
  ListObservation,
  ListProbe,
  StatObservation,
  StatProbe,
} from "./probe.js";
import { baseName, joinPath, parentOf, parentsOf, tidyPath } from "./tree-path.js";
import { reasonOf } from "./failure-text.js";

export interface InTreeParams extends FileParams {
  readonly src: string | undefined;
  readonly dest: string;
  readonly directory_mode: string | undefined;
  readonly remote_src: boolean;
  readonly local_follow: boolean | undefined;
}

/** First look: the source with all beneath it, and `dest`. */
export function inTreeProbes(params: InTreeParams): {
  readonly from: readonly HashProbe[];
  readonly fromTree: readonly ListProbe[];
  readonly to: readonly StatProbe[];
} {
  if (!params.remote_src || params.src === undefined) return { from: [], fromTree: [], to: [] };
  const path = tidyPath(params.src);
  return {
    from: [{ kind: "hash", path, follow: true, algorithms: ["md5", "sha1", "sha256"] }],
    fromTree: [{ kind: "list", path, depth: 0, algorithms: ["sha256"] }],
    to: [{ kind: "stat", path: tidyPath(params.dest), follow: true }],
  };
}

interface FirstSeen {
  readonly from: readonly HashObservation[];
  readonly fromTree: readonly ListObservation[];
  readonly to: readonly StatObservation[];
}

/** Second look for a directory: what lies where it goes, and what its links lead to if they are followed. */
export function inTreeMoreProbes(
  params: InTreeParams,
  seen: FirstSeen,
): {
  readonly above: readonly StatProbe[];
  readonly toTree: readonly ListProbe[];
  readonly linked: readonly HashProbe[];
  readonly linkedTrees: readonly ListProbe[];
} {
  if (seen.from[0]?.stat?.type !== "directory") return { above: [], toTree: [], linked: [], linkedTrees: [] };
  const top = topOf(params);
  const links = params.local_follow === true ? linksOf(params, seen) : [];
  return {
    above: [...parentsOf(top), top].map((path) => ({ kind: "stat", path, follow: true })),
    toTree: [{ kind: "list", path: top, depth: 0, algorithms: ["sha256"] }],
    linked: links.map((path) => ({ kind: "hash", path, follow: true, algorithms: ["sha256"] })),
    linkedTrees: links.map((path) => ({ kind: "list", path, depth: 0, algorithms: ["sha256"] })),
  };
}

interface AllSeen extends FirstSeen {
  readonly above: readonly StatObservation[];
  readonly toTree: readonly ListObservation[];
  readonly linked: readonly HashObservation[];
  readonly linkedTrees: readonly ListObservation[];
}

/** The file as a placement, if the source is one; else undefined. */
export function inTreePlacement(params: InTreeParams, seen: FirstSeen): Placement | undefined {
  const [from] = seen.from;
  const sha256 = from?.digests.sha256;
  if (!from?.stat || from.stat.type !== "file" || sha256 === undefined || params.src === undefined) return undefined;
  const isInside = params.dest.endsWith("/") || seen.to[0]?.stat?.type === "directory";
  const path = isInside ? joinPath(tidyPath(params.dest), baseName(params.src)) : tidyPath(params.dest);
  return { path, mode: from.stat.mode, content: { sha256, size: from.stat.size }, from: tidyPath(params.src) };
}

/** Why the source cannot be copied, if so. */
export function refuseSource(params: InTreeParams, seen: FirstSeen): Refusal | undefined {
  const [from] = seen.from;
  if (from?.failure) return { message: `Source ${params.src} not readable: ${reasonOf(from.failure)}` };
  if (!from?.stat)
    return {
      message: `Source ${params.src} not found`,
      remedy: "With remote_src the source is a path in the tree, not on the controller.",
    };
  if (from.stat.type === "file" || from.stat.type === "directory") return undefined;
  return { message: `Cannot copy invalid source '${params.src}': not a file` };
}

interface Wanted {
  readonly name: string;
  readonly type: FileType;
  readonly mode: number;
  readonly from: string;
  readonly sha256: string | undefined;
  readonly target: string;
}

/** Merges the source directory into its place: what is missing or has other content is copied, the rest stays. */
export function planInTreeDirectory(params: InTreeParams, seen: AllSeen, accounts: Accounts, context: Context): Plan {
  const { refusal, ...owner } = resolveOwnership(params, accounts);
  if (refusal) return { changes: [], refusal };
  const [source] = seen.fromTree;
  const [there] = seen.toTree;
  if (source?.isTruncated || there?.isTruncated)
    return {
      changes: [],
      refusal: { message: `${params.src} or its place holds too many entries to copy them in one task` },
    };
  const top = topOf(params);
  const above = planAbove(params, seen, accounts, context);
  if (above.refusal) return { changes: [], refusal: above.refusal };
  const changes: Change[] = [...above.changes];
  const existing = new Map(there?.entries.map((entry) => [entry.name, entry]));
  const copied = new Set<string>();
  for (const wanted of wantedOf(params, seen)) {
    const path = joinPath(top, wanted.name);
    const old = existing.get(wanted.name);
    if (old && old.stat.type !== wanted.type) {
      return {
        changes: [],
        refusal: { message: `${path} is a ${old.stat.type} there, and a ${wanted.type} in ${params.src}` },
      };
    }
    const change = copyEntry(wanted, path, old, owner);
    if (change) {
      changes.push(change);
      copied.add(wanted.name);
    }
  }
  for (const [name, { stat }] of existing) {
    if (copied.has(name)) continue;
    const difference = differenceOf({ ...params, mode: undefined, attributes: undefined }, stat, accounts);
    const change = attributeChange(joinPath(top, name), stat, difference);
    if (change) changes.push(change);
  }
  const node = above.node;
  const wantedMode =
    params.mode === "preserve" ? formatMode(seen.from[0]?.stat?.mode ?? defaultDirectoryMode) : params.mode;
  const difference = differenceOf({ ...params, mode: wantedMode }, node, accounts);
  if (difference.refusal) return { changes: [], refusal: difference.refusal };
  const attributes = attributeChange(above.path, node, difference);
  if (attributes) changes.push(attributes);
  return {
    changes,
    result: {
      dest: nameOfPlace(params, above.path, seen),
      src: params.src,
      ...pathInfo(withDifference(node, difference), accounts),
    },
  };
}

/** `dest` as Ansible names it: with a slash behind the directory that is there already. */
function nameOfPlace(params: InTreeParams, path: string, seen: FirstSeen): string {
  const isInto = params.src?.endsWith("/") === true && (params.dest.endsWith("/") || seen.to[0]?.stat !== undefined);
  return isInto && !path.endsWith("/") ? `${path}/` : path;
}

/** A source that ends with a slash gives what it holds, any other itself. */
function topOf(params: InTreeParams): string {
  const dest = tidyPath(params.dest);
  return params.src?.endsWith("/") === true ? dest : joinPath(dest, baseName(params.src ?? ""));
}

function linksOf(params: InTreeParams, seen: FirstSeen): readonly string[] {
  const source = tidyPath(params.src ?? "");
  return (seen.fromTree[0]?.entries ?? []).flatMap(({ name, stat }) =>
    stat.type === "link" ? [joinPath(source, name)] : [],
  );
}

/** What has to lie beneath the top, links replaced by what they lead to where they are followed (and lead somewhere). */
function wantedOf(params: InTreeParams, seen: AllSeen): readonly Wanted[] {
  const source = tidyPath(params.src ?? "");
  const links = linksOf(params, seen);
  // Where the source is a link to a directory, what is known of its files is known under their real paths.
  const real = seen.fromTree[0]?.real || source;
  return (seen.fromTree[0]?.entries ?? []).flatMap(({ name, stat, digests }): readonly Wanted[] => {
    const from = joinPath(real, name);
    const index = stat.type === "link" ? links.indexOf(joinPath(source, name)) : -1;
    const linked = seen.linked[index];
    const own = { name, type: stat.type, mode: stat.mode, from, sha256: digests.sha256, target: stat.target };
    if (!linked?.stat) return [own];
    const followed = {
      ...own,
      type: linked.stat.type,
      mode: linked.stat.mode,
      sha256: linked.digests.sha256,
      target: "",
    };
    const beneath = linked.stat.type === "directory" ? (seen.linkedTrees[index]?.entries ?? []) : [];
    return [
      followed,
      ...beneath.map((entry) => ({
        name: `${name}/${entry.name}`,
        type: entry.stat.type,
        mode: entry.stat.mode,
        from: joinPath(from, entry.name),
        sha256: entry.digests.sha256,
        target: entry.stat.target,
      })),
    ];
  });
}

function copyEntry(
  wanted: Wanted,
  path: string,
  old: { readonly stat: { readonly target: string }; readonly digests: { readonly sha256?: string } } | undefined,
  owner: { readonly uid?: number; readonly gid?: number },
): Change | undefined {
  const absent: Expect = { type: "absent" };
  if (wanted.type === "directory")
    return old ? undefined : { kind: "makeDirectory", path, mode: wanted.mode, ...owner, expect: absent };
  if (wanted.type === "link") {
    if (old?.stat.target === wanted.target) return undefined;
    return {
      kind: "makeLink",
      path,
      target: wanted.target,
      ...owner,
      expect: old ? { type: "link", target: old.stat.target } : absent,
    };
  }
  if (wanted.type !== "file" || (old && old.digests.sha256 === wanted.sha256)) return undefined;
  const expect: Expect =
    old?.digests.sha256 === undefined
      ? old
        ? { type: "file" }
        : absent
      : { type: "file", sha256: old.digests.sha256 };
  return {
    kind: "copyFile",
    path,
    from: wanted.from,
    follow: true,
    mode: wanted.mode,
    ...owner,
    ...(old ? {} : { keepTimes: true }),
    expect,
  };
}

/** The directories above the copied entries, and the one that mode, owner and group are for. */
function planAbove(
  params: InTreeParams,
  seen: AllSeen,
  accounts: Accounts,
  context: Context,
): { readonly changes: readonly Change[]; readonly path: string; readonly node: Node; readonly refusal?: Refusal } {
  const dest = tidyPath(params.dest);
  const top = topOf(params);
  const to = seen.to[0]?.stat;
  const hasSlash = params.dest.endsWith("/");
  const isContent = params.src?.endsWith("/") === true;
  const node: Node = {
    type: "directory",
    mode: defaultDirectoryMode,
    ...defaultOwnership(context.becomeUser, accounts),
    links: 2,
    size: 0,
  };
  const maker = directoryMaker({ ...params, mode: hasSlash ? params.directory_mode : undefined }, accounts, context);
  const paths = [...parentsOf(top), top];
  const fail = (message: string) => ({ changes: [], path: top, node, refusal: { message } });
  if (to && to.type !== "directory") return fail(`${dest} is no directory, and ${params.src} is one`);
  const parentIndex = paths.indexOf(parentOf(dest));
  if (!to && !hasSlash && parentIndex >= 0 && seen.above[parentIndex]?.stat?.type !== "directory") {
    return fail(`Destination directory ${parentOf(dest)} does not exist`);
  }
  const parents = planParents(paths.slice(0, -1), seen.above.slice(0, -1), maker);
  if (parents.refusal) return { changes: [], path: top, node, refusal: parents.refusal };
  const there = seen.above.at(-1)?.stat;
  if (there && there.type !== "directory") return fail(`${top} is no directory, and ${params.src} is one`);
  const isWhole = to ? top !== dest : isContent !== hasSlash;
  const topMaker = isWhole
    ? { ...maker, params: { ...params, mode: formatMode(seen.from[0]?.stat?.mode ?? defaultDirectoryMode) } }
    : maker;
  const made: ReturnType<typeof planDirectory> = there
    ? { changes: [], node: there }
    : planDirectory(top, topMaker, parents.last);
  if (made.refusal) return { changes: [], path: top, node, refusal: made.refusal };
  const target = to || hasSlash ? top : dest;
  const ownNode = target === top ? made.node : { ...node, ...resolvedOwner(params, accounts, node) };
  return { changes: [...parents.changes, ...made.changes], path: target, node: ownNode };
}

function resolvedOwner(
  params: InTreeParams,
  accounts: Accounts,
  node: Node,
): { readonly uid: number; readonly gid: number } {
  const owner = resolveOwnership(params, accounts);
  return { uid: owner.uid ?? node.uid, gid: owner.gid ?? node.gid };
}
