// The state directory of the module file: the directory, those above it, and, if asked, all beneath it.

import type { Change } from "./change.js";
import type { Plan } from "./contract.js";
import { attributeChange, differenceOf, pathInfo, stateName, type Node } from "./file-params.js";
import type { Situation } from "./file-state.js";
import { inTurn, planAttributes, refuse } from "./file-state.js";
import { timesToSet } from "./file-times.js";
import { directoryMaker, planDirectory, type Above } from "./make-parents.js";
import type { ListObservation, Stat, StatObservation } from "./probe.js";
import { joinPath, parentsOf } from "./tree-path.js";
import { reasonOf } from "./failure-text.js";

/** Missing directories are made from the top down, each with the attributes asked for; an existing one gets them. */
export function planDirectoryState(situation: Situation): Plan {
  const { self, target, params, path, dangling } = situation;
  const isFollowed = params.follow && self.stat?.type === "link";
  if (isFollowed && !target.stat) {
    if (!dangling || dangling.self?.stat)
      return refuse(
        `${path} is a link to a link that leads nowhere`,
        { path },
        "Remove it in an earlier task, or make its target.",
      );
    return planNewDirectories(situation, dangling.path, dangling.parents);
  }
  const stat = isFollowed ? target.stat : self.stat;
  const real = isFollowed ? target.real || path : path;
  if (!stat) return planNewDirectories(situation, path, situation.parents);
  if (stat.type !== "directory") return refuse(`${real} already exists as a ${stateName(stat)}`, { path: real });
  const own = planAttributes(situation, real, stat, { path: real });
  if (own.refusal || !params.recurse) return own;
  return planBeneath(situation, real, own);
}

function planNewDirectories(situation: Situation, path: string, parents: readonly StatObservation[]): Plan {
  const { params, accounts, context, times } = situation;
  const maker = directoryMaker(params, accounts, context);
  const changes: Change[] = [];
  let node: Node | undefined;
  let above: Above | undefined;
  for (const [index, one] of [...parentsOf(path), path].entries()) {
    const stat = one === path ? undefined : parents[index]?.stat;
    if (stat?.type === "directory") {
      above = stat;
      continue;
    }
    if (stat) return refuse(`There was an issue creating ${one} as requested: it is there and no directory`, { path });
    const made = planDirectory(one, maker, above);
    if (made.refusal) return { changes: [], refusal: made.refusal };
    changes.push(...made.changes);
    above = node = made.node;
  }
  const atime = times.atime === "now" ? undefined : times.atime;
  const mtime = times.mtime === "now" ? undefined : times.mtime;
  const set =
    node && attributeChange(path, node, {}, { times: { ...(atime ? { atime } : {}), ...(mtime ? { mtime } : {}) } });
  return { changes: [...changes, ...(set ? [set] : [])], result: { path, ...(node ? pathInfo(node, accounts) : {}) } };
}

/** Attributes of all that is beneath; links themselves, and with `follow` what they lead to. */
function planBeneath(situation: Situation, real: string, own: Plan): Plan {
  const { entries, params, path } = situation;
  if (!entries || entries.failure || entries.isTruncated) {
    return refuse(
      `Could not recursively set attributes on ${path}: ${entries?.failure ? reasonOf(entries.failure) : "there are too many entries"}`,
      { path },
    );
  }
  const changes: Change[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  let links = 0;
  for (const { name, stat } of entries.entries) {
    const plan = planEntry(situation, joinPath(real, name), stat, seen);
    if (plan.refusal) return plan;
    changes.push(...plan.changes);
    if (stat.type !== "link" || !params.follow) continue;
    const linked = situation.linked[links++];
    if (!linked?.target.stat) continue;
    const followed = planEntry(situation, linked.target.real || joinPath(real, name), linked.target.stat, seen);
    const beneath =
      linked.target.stat.type === "directory"
        ? planLinked(situation, linked.entries, linked.target.real, seen)
        : followed;
    if (followed.refusal || beneath.refusal) return followed.refusal ? followed : beneath;
    if (beneath !== followed) changes.push(...beneath.changes);
    warnings.push(...(beneath.warnings ?? []));
    changes.push(...followed.changes);
  }
  return inTurn(own.changes, { ...own, changes, ...(warnings.length > 0 ? { warnings } : {}) });
}

function planLinked(situation: Situation, list: ListObservation, real: string, seen: Set<string>): Plan {
  const changes: Change[] = [];
  const warnings: string[] = [];
  for (const { name, stat } of list.entries) {
    const plan = planEntry(situation, joinPath(real || list.real, name), stat, seen);
    if (plan.refusal) return plan;
    changes.push(...plan.changes);
    if (stat.type === "link")
      warnings.push(
        `${joinPath(real || list.real, name)} lies in a directory that was reached through a link: it is not followed further`,
      );
  }
  return { changes, warnings };
}

function planEntry(situation: Situation, path: string, stat: Stat, seen: Set<string>): Plan {
  if (seen.has(path)) return { changes: [] };
  seen.add(path);
  const difference = differenceOf(situation.params, stat, situation.accounts);
  if (difference.refusal) return { changes: [], refusal: difference.refusal };
  const change = attributeChange(path, stat, difference, {
    times: stat.type === "link" ? {} : timesToSet(situation.times, stat),
  });
  return { changes: change ? [change] : [] };
}
