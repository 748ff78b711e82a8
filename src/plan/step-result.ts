// What the outcomes of a planned step come to: its result, and whether it failed.

import { CrunError } from "../diagnostic/diagnostic.js";
import { limitReached, troubleOf, withReached } from "../engine/task/outcome.js";
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

/** Whether a step with `until` is to be tried again. `attempt`: the tries so far. */
export function isToBeRepeated(step: PlannedStep, outcomes: readonly Outcome[], attempt: number): boolean {
  const { judge } = step;
  if (!judge?.until || attempt >= judge.until.tries || outcomes.length < step.changes.length) return false;
  const result = judged(step, judge, withAttempts(judge, plainResult(step, outcomes, new Date()), attempt));
  try {
    return !holdsOf(judge, step, result)(judge.until.conditions);
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    // What is wrong with the condition is told with the result.
    return false;
  }
}

/** `startedAt`: when its first change began; `attempt`: the tries that it took. */
export function stepResult(
  step: PlannedStep,
  outcomes: readonly Outcome[],
  startedAt: Date,
  attempt: number,
): StepResult {
  const { changes, judge } = step;
  const plain = plainResult(step, outcomes, startedAt);
  const trouble = troubleOf(changes, outcomes);
  // A change of a file that was refused is final: conditions judge results of commands.
  if (!judge || (trouble && changes[trouble.index]?.kind !== "exec")) return plain;
  const result = judged(step, judge, withAttempts(judge, plain, attempt));
  return judge.until ? awaited(step, judge, judge.until, result, attempt) : result;
}

function withAttempts({ until }: Judge, result: StepResult, attempt: number): StepResult {
  return until ? { ...result, fields: { ...result.fields, attempts: attempt } } : result;
}

/** What until makes of the last try. */
function awaited(
  step: PlannedStep,
  judge: Judge,
  { conditions, tries }: NonNullable<Judge["until"]>,
  result: StepResult,
  attempt: number,
): StepResult {
  if (tries === 1) return result;
  try {
    if (holdsOf(judge, step, result)(conditions)) return result;
  } catch (error) {
    return broken(result, error);
  }
  // As in a run: what is told at the end are the retries, and failed_when has the last word.
  const fields = { ...result.fields, attempts: tries - 1 };
  if (judge.failedWhen || result.isFailed) return { ...result, fields };
  return { ...result, fields, isFailed: true, message: `until did not come true in ${attempt} attempts` };
}

/** A condition that cannot be judged fails the task. */
function broken(result: StepResult, error: unknown): StepResult {
  if (!(error instanceof CrunError)) throw error;
  const [first] = error.diagnostics;
  return { ...result, isFailed: true, message: first?.summary ?? error.message, remedy: first?.remedy };
}

function plainResult(step: PlannedStep, outcomes: readonly Outcome[], startedAt: Date): StepResult {
  const { changes } = step;
  const trouble = troubleOf(changes, outcomes);
  const command = commandOf(changes, outcomes, startedAt);
  const reached = limitReached(outcomes);
  const fields = { ...trouble?.fields, ...command?.result, ...reached };
  const problem = trouble ?? command?.refusal;
  const remedy = trouble?.isConflict
    ? "Something changed it while the plan was applied: find out what, and plan again."
    : problem?.remedy;
  return {
    isChanged: step.isChanged && command?.changed !== false,
    isFailed: problem !== undefined || outcomes.length < changes.length,
    message: problem
      ? withReached(problem.message, reached)
      : outcomes.length < changes.length
        ? "was not carried out"
        : undefined,
    remedy,
    fields,
  };
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

/** Tests conditions of the step on its result. */
function holdsOf(
  { register, variables }: Judge,
  step: PlannedStep,
  { fields, isChanged, isFailed }: Pick<StepResult, "fields" | "isChanged" | "isFailed">,
): (texts: readonly string[]) => boolean {
  const own = { ...fields, changed: isChanged, failed: isFailed, skipped: false };
  const scope = createScope([
    rawLayer("the plan", { ...variables, ...(register === undefined ? {} : { [register]: own }) }),
  ]);
  return (texts) => texts.every((text) => conditionOf(step.task, text).test(scope));
}

/** changed_when and failed_when have the last word, as in a run. */
function judged(step: PlannedStep, judge: Judge, result: StepResult): StepResult {
  let { isChanged, isFailed, message, remedy } = result;
  const { fields } = result;
  const holds = (texts: readonly string[]): boolean => holdsOf(judge, step, { fields, isChanged, isFailed })(texts);
  try {
    if (judge.changedWhen) isChanged = holds(judge.changedWhen);
    if (judge.failedWhen) {
      const isToFail = holds(judge.failedWhen);
      if (isToFail && !isFailed) [message, remedy] = ["failed_when holds", undefined];
      if (!isToFail) [message, remedy] = [undefined, undefined];
      isFailed = isToFail;
    }
  } catch (error) {
    return broken(result, error);
  }
  return { isChanged, isFailed, message, remedy, fields };
}
