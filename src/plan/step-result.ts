// What the outcomes of a planned step come to: its result, and whether it failed.

import { CrunError } from "../diagnostic/diagnostic.js";
import { troubleOf } from "../engine/task/outcome.js";
import type { Change, ExecChange, Outcome } from "../module/change.js";
import { concludeCommand } from "../module/command-result.js";
import { conditionOf } from "../playbook/condition/condition.js";
import { createScope, rawLayer } from "../playbook/scope/scope.js";
import type { Judge, PlannedStep } from "./saved-plan.js";

export interface StepResult {
  readonly isChanged: boolean;
  readonly isFailed: boolean;
  readonly message: string | undefined;
  readonly remedy: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** `startedAt`: when its first change began. */
export function stepResult(step: PlannedStep, outcomes: readonly Outcome[], startedAt: Date): StepResult {
  const { changes } = step;
  const trouble = troubleOf(changes, outcomes);
  const command = commandOf(changes, outcomes, startedAt);
  const fields = { ...trouble?.fields, ...command?.result };
  const problem = trouble ?? command?.refusal;
  const remedy = trouble?.isConflict
    ? "Something changed it while the plan was applied: find out what, and plan again."
    : problem?.remedy;
  const result = {
    isChanged: step.isChanged && command?.changed !== false,
    isFailed: problem !== undefined || outcomes.length < changes.length,
    message: problem?.message ?? (outcomes.length < changes.length ? "was not carried out" : undefined),
    remedy,
    fields,
  };
  // A change of a file that was refused is final: conditions judge results of commands.
  if (!step.judge || (trouble && changes[trouble.index]?.kind !== "exec")) return result;
  return judged(step, step.judge, result);
}

/** What became of the last program whose end nobody but its task can judge. */
function commandOf(
  changes: readonly Change[],
  outcomes: readonly Outcome[],
  startedAt: Date,
): ReturnType<typeof concludeCommand> | undefined {
  const index = changes.findLastIndex((change) => change.kind === "exec" && change.okStatuses === "any");
  const change = changes[index];
  if (change?.kind !== "exec") return undefined;
  return concludeCommand(outcomes[index], { cmd: argvOf(change), startedAt, stripsEnds: true });
}

function argvOf(change: ExecChange): readonly string[] {
  return change.exec.argv;
}

/** changed_when and failed_when have the last word, as in a run. */
function judged(step: PlannedStep, judge: Judge, result: StepResult): StepResult {
  const { register, variables } = judge;
  let { isChanged, isFailed, message, remedy } = result;
  const holds = (texts: readonly string[]): boolean => {
    const own = { ...result.fields, changed: isChanged, failed: isFailed, skipped: false };
    const scope = createScope([
      rawLayer("the plan", { ...variables, ...(register === undefined ? {} : { [register]: own }) }),
    ]);
    return texts.every((text) => conditionOf(step.task, text).test(scope));
  };
  try {
    if (judge.changedWhen) isChanged = holds(judge.changedWhen);
    if (judge.failedWhen) {
      const isToFail = holds(judge.failedWhen);
      if (isToFail && !isFailed) [message, remedy] = ["failed_when holds", undefined];
      if (!isToFail) [message, remedy] = [undefined, undefined];
      isFailed = isToFail;
    }
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const [first] = error.diagnostics;
    return { ...result, isFailed: true, message: first?.summary ?? error.message, remedy: first?.remedy };
  }
  return { isChanged, isFailed, message, remedy, fields: result.fields };
}
