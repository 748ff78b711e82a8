// The events that an application tells: the same kinds as a play's.

import type { TaskResultEvent } from "../engine/events.js";
import type { Masker } from "../engine/task/masker.js";
import type { Moved } from "./moved.js";
import type { PlannedStep } from "./saved-plan.js";
import type { StepResult } from "./step-result.js";
import type { Verdict } from "./verify.js";

const censored = {
  censored: "the output has been hidden due to the fact that 'no_log: true' was specified for this result",
};

/** How results are told. */
export interface Telling {
  readonly isDiff: boolean;
  readonly masker: Masker;
}

/** What came of a step. */
export function stepEvent(
  play: string,
  step: PlannedStep,
  result: StepResult,
  { isDiff, masker, durationMs }: Telling & { readonly durationMs: number },
): TaskResultEvent {
  const flags = { changed: result.isChanged, failed: result.isFailed, skipped: false };
  const isTold = !step.isHidden;
  const { message, remedy } = result;
  return {
    event: "result",
    play,
    task: step.task,
    module: step.module,
    place: step.place,
    target: step.target,
    ...(step.item === undefined ? {} : { item: step.item }),
    status: result.isFailed ? "failed" : result.isChanged ? "changed" : "ok",
    isHandler: step.isHandler,
    isIgnored: result.isFailed && step.isIgnored,
    isRescued: false,
    mayChange: false,
    result: isTold ? masker.map({ ...result.fields, ...flags }) : { ...censored, changed: result.isChanged },
    ...(isTold && message ? { message: masker.text(message) } : {}),
    ...(isTold && remedy ? { remedy } : {}),
    diffs: isDiff ? step.diffs : [],
    warnings: [],
    durationMs,
  };
}

/** A target whose tree is not as the plan found it: nothing of it was changed. */
export function refusalEvent(
  file: string,
  target: string,
  venue: string,
  { moved, isLeft }: Exclude<Verdict, { kind: "asPlanned" }>,
): TaskResultEvent {
  const where = venue === target ? "the tree" : `${venue}, where a task of it acts,`;
  const isApplied = isLeft === "all";
  const message = isApplied
    ? `this plan was applied already: ${where} is as the plan leaves it`
    : [`${where} is not as it was when the plan was made`, ...moved.map(lineOf)].join("\n");
  const remedy = isApplied
    ? "There is nothing left to do; crun play or a new plan shows whether that is still so."
    : isLeft === "some"
      ? "Some of it is as the plan leaves it: it was applied in part. Nothing was changed now. Plan again for the rest."
      : "Nothing was changed there. Plan again, and look at what has become different.";
  return {
    event: "result",
    play: "",
    task: "refused",
    module: "apply",
    place: { file },
    target,
    status: "failed",
    isHandler: false,
    isIgnored: false,
    isRescued: false,
    mayChange: false,
    result: {
      changed: false,
      failed: true,
      skipped: false,
      applied: isLeft,
      moved: moved.map(({ path, text }) => ({ path, text })),
      msg: message,
    },
    message,
    remedy,
    diffs: isApplied ? [] : moved.flatMap(({ diff }) => diff ?? []),
    warnings: [],
    durationMs: 0,
  };
}

/** One line, whatever a host calls its files. */
function lineOf({ path, text }: Moved): string {
  return (path === "" ? text : `${path}: ${text}`).replaceAll("\n", "\\n");
}
