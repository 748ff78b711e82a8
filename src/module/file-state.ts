// What the states of the module file have in common: the situation that was seen, and how a step's plan is made from it.

import type { Change, TimeSpec } from "./change.js";
import type { Context, Plan, ResultFields } from "./contract.js";
import type { FileParams, Node } from "./file-params.js";
import { attributeChange, differenceOf, pathInfo, withDifference } from "./file-params.js";
import { timesToSet } from "./file-times.js";
import type { Accounts } from "./ownership.js";
import { defaultOwnership } from "./ownership.js";
import type { ListObservation, Stat, StatObservation } from "./probe.js";
import { parentsOf } from "./tree-path.js";

export interface FileStateParams extends FileParams {
  readonly path: string;
  readonly src: string | undefined;
  readonly recurse: boolean;
  readonly force: boolean;
  readonly follow: boolean;
}

/** Everything that a state's plan may look at. */
export interface Situation {
  readonly params: FileStateParams;
  /** The path, without a slash at its end. */
  readonly path: string;
  /** The thing at the path itself, and what it leads to. */
  readonly self: StatObservation;
  readonly target: StatObservation;
  readonly parents: readonly StatObservation[];
  /** What `src` leads to, and `src` itself. */
  readonly source: StatObservation | undefined;
  readonly sourceSelf: StatObservation | undefined;
  readonly entries: ListObservation | undefined;
  /** Where a link that leads nowhere points to, and the directories above that. */
  readonly dangling:
    | {
        readonly path: string;
        readonly self: StatObservation | undefined;
        readonly parents: readonly StatObservation[];
      }
    | undefined;
  /** For recursion through links: what they lead to, with what is in it, in the order of the links among `entries`. */
  readonly linked: readonly { readonly target: StatObservation; readonly entries: ListObservation }[];
  readonly times: { readonly atime: TimeSpec | undefined; readonly mtime: TimeSpec | undefined };
  readonly accounts: Accounts;
  readonly context: Context;
}

export function refuse(message: string, result?: ResultFields, remedy?: string): Plan {
  return {
    changes: [],
    refusal: { message, ...(remedy === undefined ? {} : { remedy }), ...(result === undefined ? {} : { result }) },
  };
}

/** Whether the directory above the path is there. */
export function hasParent(situation: Situation): boolean {
  const parents = parentsOf(situation.path);
  return parents.length === 0 || situation.parents[parents.length - 1]?.stat?.type === "directory";
}

/** What a task makes and gives to nobody. */
export function freshNode(situation: Situation, type: Node["type"], mode: number, size = 0): Node {
  return { type, mode, ...defaultOwnership(situation.context.becomeUser, situation.accounts), links: 1, size };
}

/** Brings attributes and times of something that is there into line, with the result's fields about it. */
export function planAttributes(
  situation: Situation,
  path: string,
  stat: Stat,
  result: ResultFields,
  options: { readonly allowHardLinks?: boolean } = {},
): Plan {
  const { params, accounts } = situation;
  const difference = differenceOf(params, stat, accounts);
  if (difference.refusal) return { changes: [], refusal: difference.refusal };
  const change = attributeChange(path, stat, difference, { times: timesToSet(situation.times, stat), ...options });
  return {
    changes: change ? [change] : [],
    result: { ...result, ...pathInfo(withDifference(stat, difference), accounts) },
  };
}

/** Several plans' changes one after the other; the first refusal wins. The result is the last one's. */
export function inTurn(before: readonly Change[], plan: Plan): Plan {
  return plan.refusal ? plan : { ...plan, changes: [...before, ...plan.changes] };
}
