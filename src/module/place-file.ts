// Brings files to their places in a tree: what copy and template have in common.

import { backupChange, backupName } from "./backup.js";
import type { Change, Expect } from "./change.js";
import type { Context, Plan, Refusal } from "./contract.js";
import type { FileParams, Node } from "./file-params.js";
import { attributeChange, differenceOf, nodeOf, pathInfo, withDifference } from "./file-params.js";
import type { DirectoryMaker } from "./make-parents.js";
import { directoryMaker, planParents } from "./make-parents.js";
import { defaultFileMode, formatMode } from "./mode.js";
import type { Accounts } from "./ownership.js";
import { defaultOwnership } from "./ownership.js";
import type { GoalsSeen } from "./place-probes.js";
import { allParents } from "./place-probes.js";
import type { Content } from "./probe.js";
import { parentOf } from "./tree-path.js";
import { concludeValidation, validateChange } from "./validate-command.js";
import { reasonOf } from "./failure-text.js";

/** The params of copy and template that say how a file gets to its place. */
export interface PlaceParams extends FileParams {
  readonly force: boolean;
  readonly follow: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
}

/** One file and where it goes. */
export interface Placement {
  readonly path: string;
  /** Of the source: what `mode: preserve` takes. */
  readonly mode: number;
  readonly content: Content;
  /** A path in the tree that holds the content: copied there instead of sent. */
  readonly from?: string;
}

/** The goal that a placement is, for its probes. */
export function goalOf(place: Placement): { readonly path: string; readonly sha256: string } {
  return { path: place.path, sha256: place.content.sha256 };
}

/** Changes for all files, in order, and the last one's fields for the result. `parents`: changes that make missing parents; without them those must be there. */
export function planPlacements(
  params: PlaceParams,
  places: readonly Placement[],
  seen: GoalsSeen,
  options: { readonly accounts: Accounts; readonly context: Context; readonly parents: readonly Change[] | undefined },
): Plan {
  const missing = options.parents === undefined ? missingParent(places, seen) : undefined;
  if (missing) return { changes: [], refusal: missing };
  const changes: Change[] = [...(options.parents ?? [])];
  let last: Plan = { changes: [] };
  for (const [index, place] of places.entries()) {
    last = planPlacement(params, place, index, seen, options);
    if (last.refusal) return last;
    changes.push(...last.changes);
  }
  const { validate } = params;
  return {
    ...last,
    changes,
    ...(validate === undefined ? {} : { conclude: (outcomes) => concludeValidation(outcomes, validate) }),
  };
}

/** One file, whose missing parents are made if `dest` ends with a slash. */
export function planOnePlacement(
  params: PlaceParams & { readonly dest: string; readonly directory_mode?: string | undefined },
  place: Placement,
  seen: GoalsSeen,
  accounts: Accounts,
  context: Context,
): Plan {
  const maker: DirectoryMaker = directoryMaker({ ...params, mode: params.directory_mode }, accounts, context);
  const parents = params.dest.endsWith("/") ? planParents(allParents([goalOf(place)]), seen.parents, maker) : undefined;
  if (parents?.refusal) return { changes: [], refusal: parents.refusal };
  return planPlacements(params, [place], seen, { accounts, context, parents: parents?.changes });
}

function planPlacement(
  params: PlaceParams,
  place: Placement,
  index: number,
  seen: GoalsSeen,
  { accounts, context }: { readonly accounts: Accounts; readonly context: Context },
): Plan {
  const self = seen.selves[index];
  const target = seen.targets[index];
  const existing = target?.stat;
  const failure = target?.failure ?? self?.failure;
  if (failure) return refuse(`cannot look at ${place.path}: ${reasonOf(failure)}`);
  if (existing && existing.type !== "file") return refuse(`${place.path} is no regular file but a ${existing.type}`);
  const link = self?.stat?.type === "link" ? self.stat : undefined;
  // A link that leads nowhere is something, too, but to a copy within the tree: as in Ansible.
  const isThere = existing !== undefined || (link !== undefined && !params.follow && place.from === undefined);
  if (isThere && !params.force) {
    const about = self?.stat ?? existing;
    const result = { dest: place.path, ...(about ? pathInfo(about, accounts) : {}) };
    return { changes: [], message: "file already exists", result };
  }
  const isReplacedLink = link !== undefined && !(params.follow && existing);
  const kept = isReplacedLink ? undefined : existing;
  const path = link && !isReplacedLink ? target?.real || place.path : place.path;
  const wanted = params.mode === "preserve" ? { ...params, mode: formatMode(place.mode) } : params;
  const fresh = { mode: defaultFileMode, ...defaultOwnership(context.becomeUser, accounts) };
  const flags = seen.flags[index]?.stat?.flags;
  const before: Node = kept
    ? nodeOf(kept, flags ?? kept.flags)
    : { type: "file", ...fresh, links: 1, size: place.content.size };
  const difference = differenceOf(wanted, before, accounts);
  if (difference.refusal) return { changes: [], refusal: difference.refusal };
  const isSame = kept !== undefined && target?.sha256 === place.content.sha256;
  const after = { ...withDifference(before, difference), size: place.content.size, links: isSame ? before.links : 1 };
  const result = { dest: path, ...pathInfo(after, accounts) };
  if (isSame) {
    const change = attributeChange(path, before, difference);
    return { changes: change ? [change] : [], result };
  }
  const changes: Change[] = [];
  const taken = seen.backups[index];
  const backup = existing && taken ? backupName(place.path, context, taken) : undefined;
  if (existing && backup !== undefined) changes.push(backupChange(place.path, backup, existing));
  if (params.validate !== undefined) changes.push(validateChange(params.validate, place, difference.mode, context));
  const { setFlags, clearFlags, ...fields } = difference;
  const attributes = { ...(isReplacedLink ? fresh : {}), ...fields };
  const expect: Expect =
    link && isReplacedLink
      ? { type: "link", target: link.target }
      : existing
        ? expectFile(target?.sha256)
        : { type: "absent" };
  if (place.from !== undefined) {
    changes.push({
      kind: "copyFile",
      path,
      from: place.from,
      follow: true,
      keepTimes: true,
      keepXattrs: true,
      ...attributes,
      expect,
    });
  } else {
    const inPlace = params.unsafe_writes && kept ? { inPlace: true } : {};
    changes.push({ kind: "writeFile", path, content: place.content, ...attributes, ...inPlace, expect });
  }
  const flagChange = attributeChange(path, after, {
    ...(setFlags ? { setFlags } : {}),
    ...(clearFlags ? { clearFlags } : {}),
  });
  if (flagChange) changes.push(flagChange);
  return { changes, result: backup === undefined ? result : { ...result, backup_file: backup } };
}

function expectFile(sha256: string | undefined): Expect {
  return sha256 === undefined ? { type: "file" } : { type: "file", sha256 };
}

function missingParent(places: readonly Placement[], seen: GoalsSeen): Refusal | undefined {
  const paths = allParents(places.map((place) => goalOf(place)));
  for (const { path } of places) {
    const parent = parentOf(path);
    if (parent === "/" || seen.parents[paths.indexOf(parent)]?.stat?.type === "directory") continue;
    return {
      message: `Destination directory ${parent} does not exist`,
      remedy:
        "Make it in an earlier task (module file, state: directory); or, if dest is the directory to copy into, end it with a slash.",
    };
  }
  return undefined;
}

function refuse(message: string): Plan {
  return { changes: [], refusal: { message } };
}
