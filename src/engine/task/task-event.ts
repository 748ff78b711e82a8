// A task's result as the event that reports read.

import type { TaskResultEvent, TaskStatus } from "../events.js";
import type { Scope } from "../../module/value.js";
import { keyword } from "./plan-item.js";
import type { TargetPlay } from "../target-play.js";
import type { ItemResult, TaskWork } from "../work.js";

const censored = {
  censored: "the output has been hidden due to the fact that 'no_log: true' was specified for this result",
};

/** The task's name on this target. */
export function titleFor(work: TaskWork): string {
  return titleOf(work.op.info, work.scope);
}

/** As reports show it: a role's task bears the role's name, too. */
export function shownTitle(work: TaskWork): string {
  const { role } = work.op.task;
  const title = titleFor(work);
  return role ? `${role.name} : ${title}` : title;
}

/** A name that is a template is shown as it is rendered, or empty where that is not possible. */
export function titleOf(info: TaskWork["op"]["info"], scope: Scope): string {
  if (info.hasStaticTitle || !info.task.name) return info.title;
  try {
    return String(info.task.name.render(scope));
  } catch {
    // A name is decoration: where a variable of it is missing the module's name must do.
    return info.task.module.name;
  }
}

/** Without the fields that only a real run can tell: reading them throws. */
function told(result: ItemResult["result"]): ItemResult["result"] {
  return Object.getOwnPropertyNames(result).length === Object.keys(result).length ? result : { ...result };
}

/** Whether no_log holds for the item at hand, or for the task as a whole where there is none. What cannot be told is hidden. */
export function hidesLog(work: TaskWork): boolean {
  const { noLog } = work.op.task;
  if (!noLog) return false;
  try {
    return keyword(noLog, work.itemScope ?? work.scope) ?? true;
  } catch {
    // By the items, which are through: one that was hidden hides the list of them.
    return work.items && !work.itemScope && work.results.length > 0 ? work.hasHidden : true;
  }
}

export function taskEvent(
  on: TargetPlay,
  work: TaskWork,
  item: ItemResult,
  label: string | undefined,
  isRescued = false,
): TaskResultEvent {
  const { task, isHandler } = work.op;
  const isHidden = hidesLog(work);
  if (isHidden) work.hasHidden = true;
  const status: TaskStatus = item.isFailed ? "failed" : item.isSkipped ? "skipped" : item.isChanged ? "changed" : "ok";
  const event: Mutable<TaskResultEvent> = {
    event: "result",
    play: on.play.title,
    task: shownTitle(work),
    module: task.module.name,
    place: task.place,
    target: on.state.target.name,
    status,
    isHandler,
    isIgnored: item.isIgnored,
    isRescued,
    mayChange: item.mayChange,
    result: isHidden ? { ...censored, changed: item.isChanged } : told(item.result),
    diffs: isHidden ? [] : item.diffs,
    warnings: item.warnings,
    durationMs: performance.now() - work.startedAt,
  };
  if (item.delegate !== undefined) event.delegate = item.delegate;
  if (label !== undefined) event.item = isHidden ? "(censored)" : label;
  if (isHidden) return event;
  if (item.message !== undefined && item.message !== "") event.message = item.message;
  if (item.remedy !== undefined) event.remedy = item.remedy;
  if (item.diagnostics !== undefined) event.diagnostics = item.diagnostics;
  return event;
}

/** A target that could not be reached where ignore_unreachable says to go on. */
export function unreachableEvent(on: TargetPlay, work: TaskWork, message: string): TaskResultEvent {
  const result = { changed: false, failed: false, skipped: false, unreachable: true, msg: message };
  const item: ItemResult = {
    result,
    isChanged: false,
    isFailed: false,
    isSkipped: false,
    isIgnored: true,
    mayChange: false,
    message,
    remedy: undefined,
    diagnostics: undefined,
    diffs: [],
    warnings: [],
    ...(work.delegate === undefined ? {} : { delegate: work.delegate }),
  };
  return { ...taskEvent(on, work, item, undefined), status: "unreachable" };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
