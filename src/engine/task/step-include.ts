// include_tasks and include_role on a target: item by item, each in a frame of its own.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { PendingVariable, type Scope } from "../../module/value.js";
import type { Include, IncludeWish, RolePart } from "../../playbook/play.js";
import { positionOf, type Frame, type IncludeItem, type IncludeWork } from "../frame.js";
import { failNode, nodeEvent, nodeTitle } from "./fail-node.js";
import { itemsOf, loopLayer } from "./loop.js";
import type { Need } from "../need.js";
import { holds } from "./plan-item.js";
import type { Code, IncludeOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import { OMIT } from "../../playbook/scope/values.js";

/** Goes into the next item's tasks, or past the include when all are done. */
export function stepInclude(on: TargetPlay, op: IncludeOp): Need | undefined {
  const gate = on.include ? undefined : on.play.steps.gate(on, () => nodeTitle(on, op.include));
  if (gate) return gate;
  const work = on.include ?? begin(on, op);
  if (!("items" in work)) return work.need;
  const item = work.items[work.index];
  const loaded = item && on.play.loaded(op.include, item.wish);
  if (!item || !loaded || loaded instanceof CrunError) return leave(on);
  // What it shows to all must not be seen by those that have still to decide whether they include it.
  if (on.play.showsToAll(loaded) && !on.met) return on.books.isPending ? { kind: "flush" } : { kind: "meet" };
  on.met = undefined;
  on.play.show(on, loaded);
  on.frame = includeFrame(on.frame, on.pc, op, work, loaded.code);
  on.pc = 0;
  on.include = undefined;
  return undefined;
}

/** The frame of the item at hand. */
export function includeFrame(frame: Frame, pc: number, op: IncludeOp, work: IncludeWork, code: Code): Frame {
  const item = work.items[work.index];
  return {
    code,
    kind: "include",
    parent: { frame, pc, include: { items: work.items, index: work.index + 1 } },
    prefix: [...positionOf(frame, pc), work.index],
    items:
      op.include.action === "include_role" && item?.text !== undefined ? `${frame.items}${item.text};` : frame.items,
    layers: [...frame.layers, ...(item?.layers ?? [])],
    waiting: new Map(),
    region: op.region,
  };
}

/** Decides about all items before the first of them runs, as Ansible does. */
function begin(on: TargetPlay, op: IncludeOp): IncludeWork | { readonly need: Need | undefined } {
  const { include } = op;
  const isShared = include.runOnce && (on.met !== undefined || on.waitsForOthers);
  // In step with the others nobody includes anything while what another one's task came to may end the play.
  const isMet = include.runOnce || on.mustMeet || on.play.isLockstep;
  if (isMet && !on.met && on.waitsForOthers) return { need: on.books.isPending ? { kind: "flush" } : { kind: "meet" } };
  // What it includes runs once, on the first target: the others go through it with its results, and say nothing.
  const isTold = !isShared || on.met?.[0] === on.index;
  try {
    const items = itemsFor(include, on.scopeFor(include), on.frame);
    const wishes = items.map((one) => one.wish);
    if (wishes.some((wish) => !on.play.loaded(include, wish))) return { need: { kind: "load", include, wishes } };
    on.takeUp(op);
    on.met = undefined;
    if (items.length === 0 && isTold) on.emit(nodeEvent(on, include, "skipped", undefined));
    for (const { wish } of items) {
      const loaded = on.play.loaded(include, wish);
      if (loaded instanceof CrunError) return { need: unread(on, op, loaded) };
      on.roles.note(include.role, on.frame.items);
      // Like Ansible, a role's inclusion itself counts as no task.
      if (include.action === "include_tasks" && isTold) on.emit(nodeEvent(on, include, "ok", wish.file));
    }
    return (on.include = { items, index: 0 });
  } catch (error) {
    return { need: includeTrouble(on, op, error) };
  }
}

/** As in Ansible, ignore_errors does not hold for what cannot be read. */
function unread(on: TargetPlay, op: IncludeOp, error: CrunError): Need | undefined {
  if (on.books.isPending) return { kind: "flush" };
  failNode(on, op, error, false);
  return undefined;
}

/** Includes within includes: more is a circle that no condition ends. */
const DEEPEST = 500;

function tooDeep({ action, place }: Include): CrunError {
  return new CrunError(
    {
      severity: "error",
      summary: `${action}: includes lie ${DEEPEST} deep in each other`,
      place,
      remedy: "What includes itself needs a condition that ends it: when: …",
    },
    2,
  );
}

/** What the include reads for each item whose condition holds. */
export function itemsFor(include: Include, scope: Scope, frame: Frame): readonly IncludeItem[] {
  if (frame.prefix.length > 2 * DEEPEST) throw tooDeep(include);
  const values = loopItems(include, scope);
  if (!values) return holds(include.when, scope) ? [{ wish: wishOf(include, scope), layers: [], text: undefined }] : [];
  return values.flatMap((value, index) => {
    const loop = rawLayer("include's loop", loopLayer(include.loopControl, values, index));
    const layer = { ...loop, below: include.vars };
    const itemScope = scope.with(layer);
    if (!holds(include.when, itemScope)) return [];
    return [{ wish: wishOf(include, itemScope), layers: [layer], text: JSON.stringify(value) }];
  });
}

function wishOf(include: Include, scope: Scope): IncludeWish {
  const from: Partial<Record<RolePart, string>> = {};
  for (const part of ["tasks", "vars", "defaults", "handlers"] as const) {
    const value = include.from[part]?.render(scope);
    if (value !== undefined && value !== OMIT) from[part] = String(value);
  }
  return { file: String(include.file.render(scope)), from };
}

/** A loop that cannot be rendered is no error where the include would be skipped anyway. */
function loopItems(include: Include, scope: Scope): readonly unknown[] | undefined {
  if (!include.loop) return undefined;
  try {
    return itemsOf(include.loop.render(scope), include.place);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    try {
      if (!holds(include.when, scope)) return [];
    } catch (inner) {
      if (inner instanceof PendingVariable) throw inner;
      // The condition needs the loop's variable: the loop's own error is the one to tell.
    }
    throw error;
  }
}

function leave(on: TargetPlay): undefined {
  on.include = undefined;
  on.pc++;
}

function includeTrouble(on: TargetPlay, op: IncludeOp, error: unknown): Need | undefined {
  if (error instanceof PendingVariable && error.variable === "facts") return { kind: "facts" };
  if (on.books.isPending) return { kind: "flush" };
  if (error instanceof PendingVariable) {
    on.emit({
      ...nodeEvent(on, op.include, "ok", undefined),
      mayChange: true,
      message: `may change: ${error.variable} is known only after a real run`,
    });
    return leave(on);
  }
  if (!(error instanceof CrunError)) throw error;
  failNode(on, op, error);
  return undefined;
}
