// A task's result as the event that reports read.

import type { TaskResultEvent, TaskStatus } from "./events.js";
import type { Scope } from "../module/value.js";
import { keyword } from "./plan-item.js";
import type { TargetPlay } from "./target-play.js";
import type { ItemResult, TaskWork } from "./work.js";

const censored = {
  censored: "the output has been hidden due to the fact that 'no_log: true' was specified for this result",
};

/** The task's name on this target. */
export function titleFor(work: TaskWork): string {
  return titleOf(work.op.info, work.scope);
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

export function taskEvent(
  on: TargetPlay,
  work: TaskWork,
  item: ItemResult,
  label: string | undefined,
  isRescued = false,
): TaskResultEvent {
  const { task, info, isHandler } = work.op;
  const { masker } = on.play.run;
  const isHidden = task.noLog ? (keyword(task.noLog, work.scope) ?? true) : false;
  const status: TaskStatus = item.isFailed ? "failed" : item.isSkipped ? "skipped" : item.isChanged ? "changed" : "ok";
  const hide = (text: string): string => masker.text(text);
  return {
    event: "result",
    play: on.play.title,
    task: hide(titleOf(info, work.scope)),
    module: task.module.name,
    place: task.place,
    target: on.state.target.name,
    status,
    isHandler,
    isIgnored: item.isIgnored,
    isRescued,
    mayChange: item.mayChange,
    ...(label === undefined ? {} : { item: isHidden ? "(censored)" : hide(label) }),
    result: isHidden
      ? { ...censored, changed: item.isChanged }
      : (masker.value(item.result) as Readonly<Record<string, unknown>>),
    ...(item.message === undefined || isHidden ? {} : { message: hide(item.message) }),
    ...(item.remedy === undefined || isHidden ? {} : { remedy: hide(item.remedy) }),
    ...(item.diagnostics === undefined || isHidden ? {} : { diagnostics: item.diagnostics }),
    diffs: isHidden ? [] : masker.isEmpty ? item.diffs : item.diffs.map((one) => masker.value(one) as typeof one),
    warnings: item.warnings.map(hide),
    durationMs: performance.now() - work.startedAt,
  };
}
