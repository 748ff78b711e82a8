// meta: actions of the engine itself, on one target or on all of the play.

import { PendingVariable } from "../../module/value.js";
import type { Need } from "../need.js";
import type { MetaOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { holds } from "./plan-item.js";

/** Carries the action out and goes past it. Gives what it needs first, or nothing. */
export function stepMeta(on: TargetPlay, op: MetaOp): Need | undefined {
  const { meta } = op;
  const { action } = meta;
  if (action === "flush_handlers") {
    on.pc++;
    if (on.notified.size > 0) on.enterHandlers(op);
    return undefined;
  }
  if (action === "role_complete") {
    on.books.undoable(on.roles.complete(meta.role, on.frame.items));
    on.pc++;
    return undefined;
  }
  const concernsAll = action === "end_play" || action === "refresh_inventory";
  if (concernsAll && !on.met && on.play.targets.length > 1)
    return on.books.isPending ? { kind: "flush" } : { kind: "meet" };
  const { met } = on;
  on.met = undefined;
  try {
    if (!holds(meta.when, on.scopeFor(meta))) {
      on.pc++;
      return undefined;
    }
  } catch (error) {
    if (error instanceof PendingVariable) {
      if (error.variable === "facts") return { kind: "facts" };
      if (on.books.isPending) return { kind: "flush" };
      on.pc++;
      return undefined;
    }
    throw error;
  }
  if (action === "end_host" || action === "end_play") {
    if (on.books.isPending) return { kind: "flush" };
    if (action === "end_play") on.play.isStopping = true;
    on.end();
    return undefined;
  }
  if (action === "refresh_inventory") {
    on.pc++;
    on.window.clear();
    return { kind: "refresh", met };
  }
  if (action === "reset_connection") {
    if (on.books.isPending) return { kind: "flush" };
    on.pc++;
    on.forget(on.venue);
    return { kind: "reset" };
  }
  if (action === "clear_facts") on.state.facts = undefined;
  if (action === "clear_host_errors") on.play.run.clearErrors();
  on.pc++;
  return undefined;
}
