// The end of a task on a target: one result of its items, register, notify, and what a failure does.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { isRescued, raise } from "../failing.js";
import { compareRedone } from "../journal/replay.js";
import { noteStep, noteTogether } from "../journal/steps.js";
import type { Need } from "../need.js";
import type { Scope } from "../../module/value.js";
import type { Handler } from "../../playbook/play.js";
import type { TargetPlay } from "../target-play.js";
import { taskEvent } from "./task-event.js";
import type { ItemResult, TaskWork } from "../work.js";

/** Closes the task and moves the walk on. Gives what it needs first, or nothing. */
export function finishTask(on: TargetPlay, work: TaskWork): Need | undefined {
  const item = work.items ? summary(work.results) : (work.results[0] ?? summary([]));
  if ((item.isFailed || on.permit) && on.books.isPending) return { kind: "flush" };
  return closeTask(on, work, item);
}

/** The same once it is known what came of the task: now, or before the run was broken off. */
export function closeTask(on: TargetPlay, work: TaskWork, came: ItemResult): Need | undefined {
  const { op } = work;
  const { task } = op;
  const titles: string[] = [];
  let item = came;
  if (came.isChanged && !came.isFailed && task.notify.length > 0) {
    item = notified(on, work, came, titles);
    // What could be notified then was notified then.
    if (work.recalled) item = came;
  }
  if (item.isFailed && on.books.isPending) return { kind: "flush" };
  if (!item.isSkipped) on.roles.note(task.role, on.frame.items);
  if (task.register !== undefined) on.books.undoable(on.state.learned.set(task.register, { raw: item.result }));
  const isLost = item.isFailed && !item.isIgnored;
  if (!isLost) {
    enter(on, work, item, titles, false);
    on.pc++;
    return undefined;
  }
  // A failed step alone says to a run that goes on that something takes the failure.
  noteTogether(on, () => {
    enter(on, work, item, titles, isRescued(on, op));
    raise(on, { work, result: item }, op);
  });
  return undefined;
}

/** Tells what came of the task to everybody whom it concerns. */
function enter(on: TargetPlay, work: TaskWork, item: ItemResult, titles: readonly string[], isTaken: boolean): void {
  const { op } = work;
  const { task } = op;
  const event = taskEvent(on, work, item, undefined, isTaken);
  if (work.recalled) on.play.run.count(event);
  else {
    on.emit(event);
    noteStep(on, work, item, titles);
    if (on.past) compareRedone(on, work, on.past);
  }
  on.permit?.();
  on.permit = undefined;
  on.play.shareResult(on, work, item);
  on.met = undefined;
  on.mustMeet =
    task.delegateTo !== undefined || task.anyErrorsFatal || op.info.usesOthers || task.module.effects === "run";
  if (task.module.effects) on.window.clear();
  on.current = undefined;
}

/** A loop's result: changed or failed if one item is, skipped if all are. */
function summary(items: readonly ItemResult[]): ItemResult {
  const isChanged = items.some((one) => one.isChanged);
  const failed = items.filter((one) => one.isFailed);
  const isFailed = failed.length > 0;
  const isSkipped = items.every((one) => one.isSkipped);
  const msg = isFailed
    ? "One or more items failed"
    : isSkipped
      ? items.length === 0
        ? "No items in the list"
        : "All items skipped"
      : "All items completed";
  const first = failed[0];
  return {
    result: { results: items.map((one) => one.result), changed: isChanged, failed: isFailed, skipped: isSkipped, msg },
    isChanged,
    isFailed,
    isSkipped,
    isIgnored: isFailed && failed.every((one) => one.isIgnored),
    mayChange: items.some((one) => one.mayChange),
    message: isFailed
      ? failed.length === 1
        ? first?.message
        : `${failed.length} items failed; the first: ${first?.message ?? ""}`
      : items.length === 0
        ? msg
        : undefined,
    remedy: first?.remedy,
    diagnostics: first?.diagnostics,
    diffs: [],
    warnings: [],
  };
}

/** Marks the handlers; a name that no handler bears makes the task fail. */
function notified(on: TargetPlay, work: TaskWork, item: ItemResult, titles: string[]): ItemResult {
  const { register } = work.op.task;
  // As in Ansible, which looks for handlers' names before it does anything.
  if (work.registeredBefore && register !== undefined)
    on.books.undoable(on.state.learned.set(register, work.registeredBefore.value));
  try {
    const scopeOf = (handler: Handler): Scope => on.scopes.of(handler.vars, handler.role);
    for (const one of work.op.task.notify) {
      const value = one.render(on.scopeFor(work.op.task));
      for (const name of Array.isArray(value) ? value : [value]) {
        for (const handler of on.play.handlers.named(String(name), scopeOf, one.place ?? work.op.task.place)) {
          titles.push(on.play.handlers.titleOf(handler, scopeOf));
          // A handler that notifies itself is at work already.
          if (on.notified.has(handler) || handler === work.op.task) continue;
          on.notified.add(handler);
          on.books.undoable(() => on.notified.delete(handler));
        }
      }
    }
    return item;
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const message = error.diagnostics[0]?.summary ?? error.message;
    return {
      ...item,
      isFailed: true,
      message,
      diagnostics: error.diagnostics,
      result: { ...item.result, failed: true, msg: message },
    };
  }
}
