// A task on a target: waits for whom it must, then item by item plans and finishes, then closes.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { PendingVariable, type Renderable } from "../../module/value.js";
import { recallItems } from "../journal/replay.js";
import type { Need } from "../need.js";
import type { TaskOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { TaskWork } from "../work.js";
import { finishItem } from "./finish-item.js";
import { finishTask } from "./finish-task.js";
import { itemsOf } from "./loop.js";
import { titleOf } from "./task-event.js";
import { caught, holds, planItem } from "./plan-item.js";

/** Goes on with the task, or past it. Gives what it needs first, or nothing. */
export function stepTask(on: TargetPlay, op: TaskOp): Need | undefined {
  if (!on.current && on.play.run.jobs.isAtWork(on.state.target.name) && on.books.isPending) return { kind: "flush" };
  const gate = on.current
    ? undefined
    : (gateOf(on, op) ?? on.play.steps.gate(on, () => titleOf(op.info, on.scopeFor(op.task))));
  if (gate) return gate;
  const work = on.current ?? begin(on, op);
  if (!(work instanceof TaskWork)) return work;
  const pause = work.op.task.loopControl.pauseSeconds;
  for (;;) {
    if (on.past && on.past.items.size > 0 && work.phase === "plan" && !work.prepared) recallItems(on, work, on.past);
    if (work.index >= work.count) break;
    if (pause && work.index > 0 && work.phase === "plan" && !work.hasPaused) {
      if (on.books.isPending) return { kind: "flush" };
      work.hasPaused = true;
      const need = pauseOf(on, work, pause);
      if (need) return need;
    }
    const need = work.phase === "plan" ? planItem(on, work) : finishItem(on, work);
    if (need) return need;
  }
  return finishTask(on, work);
}

/** The time between two items. A pause that cannot be told fails the item. */
function pauseOf(on: TargetPlay, work: TaskWork, pause: Renderable): Need | undefined {
  try {
    const seconds = Number(pause.render(work.scope));
    return { kind: "sleep", ms: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0 };
  } catch (error) {
    return caught(on, work, error);
  }
}

/** Where several targets are concerned all are waited for. */
function gateOf(on: TargetPlay, op: TaskOp): Need | undefined {
  const { task } = op;
  if (task.runOnce && !on.play.isStopping && on.play.wasDoneOnce(on)) return { kind: "follow" };
  const isShared =
    on.mustMeet ||
    task.runOnce ||
    task.delegateTo !== undefined ||
    op.info.usesOthers ||
    task.anyErrorsFatal ||
    on.play.isLockstep;
  if (isShared && !on.met && on.waitsForOthers) return on.books.isPending ? { kind: "flush" } : { kind: "meet" };
  if (task.runOnce && on.met && on.met[0] !== on.index) return { kind: "follow" };
  // If the other one cannot be reached, what came before must have been done.
  if ((task.delegateTo !== undefined || task.module.actsOn === "host") && on.books.isPending && !on.current)
    return { kind: "flush" };
  if ((task.throttle || task.throttlePerHost) && !task.runOnce && !on.permit)
    return on.books.isPending ? { kind: "flush" } : { kind: "permit" };
  return undefined;
}

function begin(on: TargetPlay, op: TaskOp): TaskWork | Need | undefined {
  const { task } = op;
  if (on.play.run.jobs.takesSight(on.state.target.name) && !on.books.isPending) on.forget(on.venue);
  const scope = on.scopeFor(task);
  let items: readonly unknown[] | undefined;
  if (task.loop) {
    try {
      items = on.window.itemsFor(op) ?? itemsOf(task.loop.render(scope), task.loop.place ?? task.place);
    } catch (error) {
      const work = new TaskWork(op, scope, undefined);
      const need = loopTrouble(on, work, error);
      if (need) return need;
      return (on.current = work);
    }
  }
  const work = new TaskWork(op, scope, items);
  on.takeUp(op);
  on.current = work;
  return work;
}

/** A loop that cannot be rendered is no error where the task would be skipped anyway. */
function loopTrouble(on: TargetPlay, work: TaskWork, error: unknown): Need | undefined {
  if (error instanceof CrunError && !(error instanceof PendingVariable)) {
    try {
      if (!holds(work.op.task.when, work.scope)) {
        work.plan = { changes: [], isSkipped: true, result: { skip_reason: "Conditional result was False" } };
        work.phase = "finish";
        if (on.books.isPending) on.books.enter(on.standing(work), []);
        return undefined;
      }
    } catch (inner) {
      if (inner instanceof PendingVariable) return caught(on, work, inner);
      // The condition cannot be judged without the loop's variables: the loop's own error is the one to tell.
    }
  }
  return caught(on, work, error);
}
