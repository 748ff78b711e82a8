// meta: actions of the engine itself, on one target or on all of the play.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { PendingVariable } from "../../module/value.js";
import type { Meta } from "../../playbook/play.js";
import { positionOf } from "../frame.js";
import type { Need } from "../need.js";
import type { MetaOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { failNode } from "./fail-node.js";
import { holds } from "./plan-item.js";

/** As in Ansible, their condition is judged on the first target alone, for all that stand there. */
const forAll: ReadonlySet<Meta["action"]> = new Set(["end_play", "end_batch", "clear_host_errors"]);

/** Carries the action out and goes past it. Gives what it needs first, or nothing. */
export function stepMeta(on: TargetPlay, op: MetaOp): Need | undefined {
  const { meta } = op;
  const { action } = meta;
  if (action === "role_complete") {
    on.books.undoable(on.roles.complete(meta.role, on.frame.items));
    on.pc++;
    return undefined;
  }
  if (action === "noop") {
    // As in Ansible, which does not look at its condition.
    on.pc++;
    return undefined;
  }
  const isShared = forAll.has(action) && (on.met !== undefined || on.waitsForOthers);
  const waitsForAll = isShared || action === "refresh_inventory";
  if (waitsForAll && !on.met && on.waitsForOthers) return on.books.isPending ? { kind: "flush" } : { kind: "meet" };
  if (isShared && on.met?.[0] !== on.index) return { kind: "follow" };
  let isWanted: boolean;
  try {
    isWanted = holds(op.meta.when, on.scopeFor(op.meta));
  } catch (error) {
    if (error instanceof PendingVariable && error.variable === "facts") return { kind: "facts" };
    if (on.books.isPending) return { kind: "flush" };
    if (error instanceof CrunError) {
      begin(on, op, isShared);
      failNode(on, op, error);
      return undefined;
    }
    if (!(error instanceof PendingVariable)) throw error;
    // What only a real run can tell is taken not to hold.
    isWanted = false;
  }
  if (isWanted && action !== "flush_handlers" && on.books.isPending) return { kind: "flush" };
  const { met } = on;
  if (isWanted) act(on, action);
  pass(on, op, isShared);
  if (isWanted && action === "refresh_inventory") {
    on.window.clear();
    return { kind: "refresh", met };
  }
  if (isWanted && action === "reset_connection") {
    on.forget(on.venue);
    return { kind: "reset" };
  }
  if (isWanted && action === "flush_handlers") on.payOwed();
  if (isWanted && action === "flush_handlers" && on.notified.size > 0) on.enterHandlers(op);
  return undefined;
}

function pass(on: TargetPlay, op: MetaOp, isShared: boolean): void {
  begin(on, op, isShared);
  on.pc++;
}

function begin(on: TargetPlay, op: MetaOp, isShared: boolean): void {
  on.takeUp(op);
  if (isShared) on.play.letPass(positionOf(on.frame, on.pc));
  on.met = undefined;
}

function act(on: TargetPlay, action: Meta["action"]): void {
  switch (action) {
    case "end_host":
      on.hasEnded = true;
      on.end();
      return;
    case "end_play":
    case "end_batch":
      on.play.isStopping = true;
      on.play.endsAllBatches ||= action === "end_play";
      on.end();
      return;
    case "clear_facts":
      on.state.facts = undefined;
      return;
    case "clear_host_errors":
      on.play.clearErrors();
      return;
    case "flush_handlers":
    case "noop":
    case "reset_connection":
    case "refresh_inventory":
  }
}
