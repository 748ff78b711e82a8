// Check mode: what an item would change goes into the model, and to the recorder where a saved plan is made.

import type { Change } from "../../module/change.js";
import { flatProbes } from "../../module/run-plan.js";
import { PendingVariable, type Expression, type Scope } from "../../module/value.js";
import type { FileDiff } from "../events.js";
import type { RecordedJudge, RecordedLook } from "../recorder.js";
import type { TargetPlay } from "../target-play.js";
import type { ItemResult, TaskWork, Venue } from "../work.js";
import { labelOf } from "./loop.js";
import { keyword } from "./plan-item.js";
import { shownTitle } from "./task-event.js";

/** Names that stand for more than a value: what a condition reads of them cannot be stored. */
const openNames = new Set(["vars", "hostvars", "groups"]);

/** Predicts the changes. A task whose own `check_mode: true` keeps it from ever doing anything predicts nothing. */
export function foresee(
  on: TargetPlay,
  work: TaskWork,
  venue: Venue,
  changes: readonly Change[],
  diffs: readonly FileDiff[],
): void {
  if (work.op.task.checkMode) return;
  const { recorder } = on.play.run;
  if (!recorder) return venue.model.predict(changes);
  const looks = looksOf(work, venue);
  work.planned = { venue, changes: venue.model.guard(changes), diffs, looks };
}

/** Tells the recorder what came of the item. `isJudgedLater`: conditions on its result could not be tested. */
export function record(on: TargetPlay, work: TaskWork, item: ItemResult | undefined, isJudgedLater: boolean): void {
  const { recorder } = on.play.run;
  if (!recorder) return;
  const { op, planned } = work;
  const { task } = op;
  const target = on.state.target.name;
  const at = { task: shownTitle(work), place: task.place };
  if (work.mayChange) {
    if (!task.module.neverFails) recorder.stop(target, { ...at, why: reasonOf(work) });
    return;
  }
  if (!planned || !item) {
    if (task.register !== undefined && work.prepared && work.plan && !work.plan.isSkipped) {
      const venue = work.venue ?? on.venue;
      recorder.looked(venue, looksOf(work, venue));
    }
    return;
  }
  const judge = judgeOf(work, planned.changes);
  if (typeof judge === "string") return recorder.stop(target, { ...at, why: judge });
  if (task.until && judge) {
    return recorder.stop(target, {
      ...at,
      why: "it is repeated until its result is as wanted, which only a run can do",
    });
  }
  recorder.step({
    ...at,
    target,
    venue: planned.venue,
    module: task.module.name,
    item: work.items ? labelOf(task.loopControl, work.items[work.index], scopeOf(work)) : undefined,
    isHandler: op.isHandler,
    isChanged: item.isChanged,
    isIgnored: keyword(task.ignoreErrors, scopeOf(work)) === true,
    isHidden: task.noLog ? (keyword(task.noLog, work.scope) ?? true) : false,
    throttle: task.throttle,
    message: item.message,
    changes: planned.changes,
    diffs: planned.diffs,
    looks: planned.looks,
    judge: judge ?? undefined,
    isDoubtful: isJudgedLater && task.notify.length > 0,
  });
}

/** What the tree answered to the item's probes; what is predicted alone was never asked. */
function looksOf(work: TaskWork, venue: Venue): RecordedLook[] {
  const { prepared, more } = work;
  const probes = [...(prepared ? flatProbes(prepared.probes) : []), ...(more ? flatProbes(more) : [])];
  return probes.flatMap((probe) => venue.model.observed(probe) ?? []);
}

function reasonOf(work: TaskWork): string {
  const message = work.plan?.message?.replace(/^may change: /, "");
  if (work.isUndecided && message) return message;
  return "what it looks at may be changed by a command before it, which only a run can tell";
}

function scopeOf(work: TaskWork): Scope {
  return work.itemScope ?? work.scope;
}

/** The conditions on a command's result; a sentence where they cannot be stored, undefined where there are none. */
function judgeOf(work: TaskWork, changes: readonly Change[]): RecordedJudge | string | undefined {
  const { register, failedWhen, changedWhen, until } = work.op.task;
  if (!changes.some(({ kind }) => kind === "exec")) return undefined;
  if (!failedWhen && !changedWhen && !until) return undefined;
  const variables: Record<string, unknown> = {};
  for (const condition of [...(failedWhen ?? []), ...(changedWhen ?? [])]) {
    for (const name of condition.names) {
      if (name === register) continue;
      if (openNames.has(name)) return `a condition on its result reads ${name}, which a plan cannot hold`;
      const value = valueOf(name, scopeOf(work));
      if (value === "pending") return `a condition on its result reads ${name}, which is known only after a run`;
      if (value) variables[name] = value.raw;
    }
  }
  const texts = (list: readonly Expression[] | undefined): string[] | undefined => list?.map(({ text }) => text);
  return { register, failedWhen: texts(failedWhen), changedWhen: texts(changedWhen), variables };
}

function valueOf(name: string, scope: Scope): { readonly raw: unknown } | "pending" | undefined {
  if (!scope.has(name)) return undefined;
  try {
    const value: unknown = JSON.parse(JSON.stringify(scope.get(name)) ?? "null");
    return { raw: value };
  } catch (error) {
    if (error instanceof PendingVariable) return "pending";
    throw error;
  }
}
