// Takes steps as done that the journal of the run has, without looking at any tree.

import type { Effect } from "../../module/effect.js";
import type { Need } from "../need.js";
import type { TaskOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { keepItem } from "../task/finish-item.js";
import { closeTask } from "../task/finish-task.js";
import { TaskWork, type ItemResult } from "../work.js";
import type { PastItem, PastStep } from "./history.js";
import type { Past } from "./past.js";
import { keyOf } from "./steps.js";

/** Goes past the task as it came out before. `live`: it has to be carried out. */
export function replay(on: TargetPlay, op: TaskOp, past: Past): Need | "live" | undefined {
  const { current } = on;
  if (current) return current.recalled ? recall(on, current, current.recalled) : "live";
  const key = keyOf(on, op);
  const loss = past.failures.get(key);
  if (loss === true) return lose(on, op, past, key);
  const step = past.take(key);
  if (!step) return "live";
  if (step.status === "p") {
    on.play.passOver(on);
    return undefined;
  }
  if (isToBeRedone(on, op, step, past, key)) return "live";
  const work = new TaskWork(op, on.scopeFor(op.task), undefined);
  work.recalled = step;
  on.takeUp(op);
  on.current = work;
  const effects = effectsOf(step, past);
  if (effects.length === 0) return recall(on, work, step);
  work.plan = { changes: [], effects };
  return { kind: "effects" };
}

/** Goes past the items of a loop that have acted already. */
export function recallItems(on: TargetPlay, work: TaskWork, past: Past): void {
  const items = past.items.get(keyOf(on, work.op));
  if (!items || !work.items) return;
  for (;;) {
    const item = items.get(work.index);
    if (!item || item.value !== JSON.stringify({ value: work.items[work.index] })) return;
    // What failed is tried again, as a failed task is.
    if (item.status === "f" && item.isIgnored !== true) return;
    keepItem(on, work, itemOf(item, item.result));
    work.nextItem();
  }
}

/** Those that only have to do with the run itself. */
function effectsOf(step: PastStep, past: Past): Effect[] {
  // The checksum says that they are those which were written.
  const effects = (step.effects ?? []) as unknown as readonly Effect[];
  return effects.filter(({ kind }) => {
    if (kind === "pause" || kind === "reconnect") return false;
    return kind !== "gatherFacts" || past.facts === undefined;
  });
}

function recall(on: TargetPlay, work: TaskWork, step: PastStep): undefined {
  const { register } = work.op.task;
  if (step.status === "u") {
    if (register !== undefined) on.state.learned.set(register, { raw: step.result ?? {} });
    on.state.counts.unreachable++;
    on.current = undefined;
    on.met = undefined;
    on.pc++;
    return;
  }
  const item = itemOf(step, step.result);
  if (step.arguments) work.recallArguments(step.arguments);
  if (step.facts) on.recallFacts(step.facts, step.owner, work);
  for (const id of step.jobs ?? []) {
    const job = on.play.run.history?.jobs.get(id);
    if (job?.result)
      on.play.run.jobs.recall(job.target, id, work.op.task.place, { result: job.result, remedy: job.remedy });
  }
  closeTask(on, work, item);
}

function itemOf(came: PastStep | PastItem, result: ItemResult["result"] | undefined): ItemResult {
  const flags = { changed: came.status === "c", failed: came.status === "f", skipped: came.status === "s" };
  return {
    result: result ?? flags,
    // What failed may have changed something before: the summary of a loop counts it.
    isChanged: (result ?? flags)["changed"] === true,
    isFailed: flags.failed,
    isSkipped: flags.skipped,
    isIgnored: came.isIgnored === true,
    mayChange: false,
    message: came.message,
    remedy: undefined,
    diagnostics: undefined,
    diffs: [],
    warnings: [],
  };
}

/** What it gave is not kept, and something reads it. */
function isToBeRedone(on: TargetPlay, op: TaskOp, step: PastStep, past: Past, key: string): boolean {
  if (step.isWithheld !== true) return false;
  const { task } = op;
  // It concerns the run alone, which has to know it.
  if (task.module.effects) return true;
  if (task.module.setsVariables && step.facts) {
    past.expected.set(key, JSON.stringify(step.facts));
    return true;
  }
  const { readers } = on.play.run;
  const names = [
    ...(task.register === undefined ? [] : [task.register]),
    ...Object.keys(step.facts ?? {}),
    ...(task.module.setsVariables ? op.info.argNames : []),
    ...(step.status === "f" ? ["ansible_failed_result", "ansible_failed_task"] : []),
  ];
  if (!names.some((name) => readers.has(name, task))) return false;
  beginHere(on, op, past, step, key);
  return true;
}

/** The target goes on from here: what came after it was made of something else, maybe. */
function beginHere(on: TargetPlay, op: TaskOp, past: Past, step: PastStep, key: string): void {
  const { journal } = on.play.run;
  // It may have changed something before, which now finds nothing to change.
  past.steps.set(key, step);
  past.cut();
  const number = journal?.opOf(key, () => op.info.title);
  if (number !== undefined)
    journal?.record({ kind: "cut", target: on.state.target.name, play: on.play.number, op: number });
  const summary = `${on.state.target.name}: goes on at the task ${JSON.stringify(op.info.title)}, whose result holds secrets that are not kept: it and what came after it are done again`;
  on.play.run.tell({ event: "warning", diagnostic: { severity: "warning", summary, place: op.task.place } });
}

/** A variable was set once more whose secrets are not kept: something else came of it, and so all that follows is done again. */
export function compareRedone(on: TargetPlay, work: TaskWork, past: Past): void {
  const key = keyOf(on, work.op);
  const expected = past.expected.get(key);
  if (expected === undefined) return;
  past.expected.delete(key);
  const { masker } = on.play.run.journal ?? on.play.run;
  if (JSON.stringify(masker.map(work.facts)) === expected) return;
  beginHere(on, work.op, past, { status: "o" }, key);
}

/** It was lost here, and forgiven later in the play. */
function lose(on: TargetPlay, op: TaskOp, past: Past, key: string): undefined {
  past.failures.delete(key);
  on.state.isUnreachable = true;
  on.state.counts.unreachable++;
  on.hasFailed = true;
  on.isOver = true;
  on.play.noteFailure(on, op.task);
  on.play.shareLoss(on, op, "the connection was lost");
}
