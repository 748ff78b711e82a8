// One step of a task on a target: from a plan and its outcomes to a result.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Conclusion, Plan } from "../../module/contract.js";
import { PendingVariable } from "../../module/value.js";
import { isSaid } from "./item-keywords.js";
import { extendedLoop, labelOf } from "./loop.js";
import type { Need } from "../need.js";
import { concludePlan, isCounted } from "./conclude.js";
import { noteItem } from "../journal/steps.js";
import { JOB_KEYS } from "../jobs.js";
import { asyncOf, faultOfLimit } from "./limit.js";
import { titleFor } from "./task-event.js";
import { holds } from "./plan-item.js";
import { record } from "./record-item.js";
import type { TargetPlay } from "../target-play.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import type { Fault, ItemResult, TaskWork } from "../work.js";

const emptyPlan: Plan = { changes: [] };

interface Draft {
  fields: Record<string, unknown>;
  isChanged: boolean;
  fault: Fault | undefined;
  message: string | undefined;
  readonly warnings: readonly string[];
  mayChange: boolean;
  /** Only a real run can tell what came of it. */
  readonly isUnknown?: boolean;
}

/** Makes the result of the item at hand, and goes on to the next. Gives what it needs first, or nothing. */
export function finishItem(on: TargetPlay, work: TaskWork): Need | undefined {
  const plan = work.plan ?? emptyPlan;
  const { shared } = work;
  const isShared = shared !== undefined && shared.plan === plan && isDecidedByPlan(work);
  if (isShared && shared.item) {
    record(on, work, shared.item, false);
    work.results.push(shared.item);
    work.nextItem();
    return undefined;
  }
  const draft = draftOf(on, work, plan);
  const rest = lookForRest(on, work, plan, draft);
  if (rest) return rest;
  if (!plan.isSkipped) {
    if (work.op.task.until) draft.fields["attempts"] = work.attempt;
    judge(work, draft);
    const again = retry(on, work, draft);
    if (again) return again;
  }
  if (draft.fault && on.books.isPending) return { kind: "flush" };
  if (work.op.task.asyncSeconds) noteAsync(on, work, plan, draft);
  const isIgnored = draft.fault !== undefined && ignoresErrors(work);
  const result = resultOf(draft, plan, work);
  const item: ItemResult = {
    result,
    isChanged: draft.isChanged && !(draft.fault?.isFinal ?? false),
    isFailed: draft.fault !== undefined,
    isSkipped: plan.isSkipped === true,
    isIgnored,
    mayChange: draft.mayChange,
    message: messageOf(draft),
    remedy: draft.fault?.remedy,
    diagnostics: draft.fault?.diagnostics,
    diffs: work.diffs,
    warnings: draft.warnings,
    ...(work.delegate === undefined || plan.isSkipped ? {} : { delegate: work.delegate }),
  };
  record(on, work, item, draft.mayChange);
  keepItem(on, work, item);
  if (isShared) shared.item = item;
  if (plan.forgetsJob !== undefined && !on.isCheck(work))
    on.play.run.jobs.forget((work.venue ?? on.venue).base.target.name, plan.forgetsJob);
  if (plan.facts && !draft.fault) on.learnFacts(plan.facts, work);
  else if (work.op.task.module.setsVariables && work.mayChange) on.learnPending(work);
  if (work.items) {
    noteItem(on, work, item);
    const label = labelOf(work.op.task.loopControl, work.items[work.index], scopeOf(work));
    on.emitItem(work, item, label);
  }
  work.nextItem();
  return undefined;
}

/** As in Ansible, the next item finds it where the loop's result will be, unless it was skipped. */
export function keepItem(on: TargetPlay, work: TaskWork, item: ItemResult): void {
  work.results.push(item);
  const { register } = work.op.task;
  if (!work.items || register === undefined || item.isSkipped) return;
  const { learned } = on.state;
  work.registeredBefore ??= { value: learned.known(register) };
  on.books.undoable(learned.set(register, { raw: item.result }));
}

/** A task with async that is over when it is told: as a job that has finished. */
function noteAsync(on: TargetPlay, work: TaskWork, plan: Plan, draft: Draft): void {
  if (work.job || plan.isSkipped || work.fault || on.isCheck(work)) return;
  const wish = asyncOf(work.op.task, scopeOf(work));
  if (!wish) return;
  const { title, place, target } = { ...work.op.task, title: titleFor(work), target: work.venue ?? on.venue };
  const fields = on.play.run.jobs.noteDone(target.base.target.name, place, title, {
    isChanged: draft.isChanged,
    isFailed: draft.fault !== undefined,
    message: messageOf(draft),
    remedy: draft.fault?.remedy,
    result: draft.fields,
  });
  Object.assign(draft.fields, fields);
  work.jobIds.push(fields.ansible_job_id);
}

/** Also where the item failed before its keywords were looked at (a condition, a loop). */
export function ignoresErrors(work: TaskWork): boolean {
  return work.keywords?.ignoresErrors ?? isSaid(work.op.task.ignoreErrors, scopeOf(work));
}

/** Whether the result would be the same for every target that has this plan, which changes nothing. */
function isDecidedByPlan(work: TaskWork): boolean {
  const { task } = work.op;
  return (
    !work.items &&
    work.delegate === undefined &&
    !work.fault &&
    !task.asyncSeconds &&
    !work.outcomes &&
    !work.effects &&
    !work.hasChanged &&
    !work.mayChange &&
    !work.isUndecided &&
    work.diffs.length === 0 &&
    !task.until &&
    !task.changedWhen &&
    !task.failedWhen
  );
}

function scopeOf(work: TaskWork): NonNullable<TaskWork["itemScope"]> {
  return work.itemScope ?? work.scope;
}

function draftOf(on: TargetPlay, work: TaskWork, plan: Plan): Draft {
  const { outcomes, job } = work;
  if (job) {
    const warnings = plan.warnings ?? [];
    return { fields: { ...job }, isChanged: true, fault: work.fault, message: undefined, mayChange: false, warnings };
  }
  let conclusion: Conclusion = {};
  let fault = work.fault;
  // With their places from the start: keys that are added later cost more than all the rest of a result.
  let fields: Record<string, unknown> = { changed: false, failed: false, skipped: false, ...plan.result };
  let isOverdue = false;
  if (outcomes && plan.changes.length > 0) {
    const concluded = concludePlan(plan, outcomes);
    ({ conclusion } = concluded);
    fields = { ...concluded.fields };
    isOverdue = work.timedFrom !== undefined && outcomes.some(({ exit }) => exit?.kind === "timed-out");
    const overdue = isOverdue ? faultOfLimit(work) : undefined;
    if (concluded.fault && on.play.run.abort.signal.aborted)
      fault = { message: "was stopped: the run was interrupted", isFinal: true };
    else if (overdue) {
      fault = overdue;
      fields = {};
    } else if (concluded.fault) ({ fault } = concluded);
    else if (outcomes.length < plan.changes.length) fault = { message: "was not carried out: the run was interrupted" };
  }
  if (work.effects) {
    conclusion = plan.concludeEffects?.(work.effects) ?? {};
    fields = { ...fields, ...conclusion.result, ...conclusion.refusal?.result };
    if (conclusion.refusal) fault ??= { message: conclusion.refusal.message, remedy: conclusion.refusal.remedy };
  }
  if (work.fault?.result) fields = { ...fields, ...work.fault.result };
  const isDoneHere = isCounted(plan, outcomes) && !work.fault && !isOverdue && conclusion.changed !== false;
  const hasActed = work.effects?.some((one) => one.isChanged) ?? false;
  const isChanged = work.hasChanged || hasActed || work.isUndecided || isDoneHere || plan.isChangedByJob === true;
  // What was not even planned has told nothing.
  const isBlind = work.mayChange && plan.result === undefined && !plan.refusal;
  const isUnknown =
    isBlind || work.isUndecided || (on.isCheck(work) && plan.changes.some((change) => change.kind === "exec"));
  return {
    fields: isUnknown ? withPending(fields, plan, work) : fields,
    isChanged,
    fault,
    message: conclusion.message ?? plan.message,
    warnings: conclusion.warnings ?? plan.warnings ?? [],
    mayChange: work.mayChange,
    isUnknown,
  };
}

/** Keys that only a real run can tell throw PendingVariable when something reads them; they are in no output. */
function withPending(known: Record<string, unknown>, plan: Plan, work: TaskWork): Record<string, unknown> {
  const { task } = work.op;
  const name = task.register ?? task.module.name;
  const keys = new Set([...Object.keys(task.module.returns ?? {}), ...(plan.conclude ? Object.keys(known) : [])]);
  if (task.asyncSeconds) for (const key of JOB_KEYS) keys.add(key);
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(known)) if (key === "cmd" || !keys.has(key)) fields[key] = known[key];
  for (const key of keys) {
    if (key === "changed" || key === "failed" || key === "skipped" || key === "msg" || key === "cmd") continue;
    Object.defineProperty(fields, key, {
      enumerable: false,
      configurable: true,
      get: () => {
        throw new PendingVariable(`${name}.${key}`);
      },
    });
  }
  return fields;
}

/** changed_when and failed_when have the last word. */
function judge(work: TaskWork, draft: Draft): void {
  const { task } = work.op;
  if (!task.changedWhen && !task.failedWhen) return;
  if (draft.fault?.isFinal) return;
  try {
    if (task.changedWhen) {
      draft.isChanged = holds(task.changedWhen, resultScope(work, draft));
    }
    if (task.failedWhen) {
      const isFailed = holds(task.failedWhen, resultScope(work, draft));
      if (!isFailed) {
        // What is no failure now keeps its words: they tell what happened.
        draft.message = draft.fault?.message ?? draft.message;
        draft.fault = undefined;
      } else draft.fault ??= { message: draft.message ?? "failed_when holds", result: { failed_when_result: true } };
      draft.fields["failed_when_result"] = isFailed;
    }
  } catch (error) {
    judgeError(draft, error);
  }
}

function judgeError(draft: Draft, error: unknown): void {
  if (error instanceof PendingVariable) {
    draft.mayChange = true;
    return;
  }
  if (!(error instanceof CrunError)) throw error;
  const [first] = error.diagnostics;
  draft.fault = { message: first?.summary ?? error.message, remedy: first?.remedy, diagnostics: error.diagnostics };
}

function resultScope(work: TaskWork, draft: Draft): NonNullable<TaskWork["itemScope"]> {
  const { register } = work.op.task;
  const facts = work.plan?.facts;
  const scope = facts ? scopeOf(work).with(rawLayer("what the task sets", facts)) : scopeOf(work);
  if (register === undefined) return scope;
  const result = flagged(draft.fields, draft.isChanged, draft.fault !== undefined, false);
  return scope.with(rawLayer("the task's result", { [register]: withMessage(result, draft, register) }));
}

/** The message of a result as it is so far. */
function messageOf(draft: Draft): string | undefined {
  return draft.fault?.message ?? draft.message;
}

/** The result with its message as `msg`. */
function withMessage(result: Record<string, unknown>, draft: Draft, register: string): Record<string, unknown> {
  const message = messageOf(draft);
  if (message === undefined || "msg" in result) return result;
  const isPending = draft.isUnknown === true && draft.fault === undefined;
  const msg: PropertyDescriptor = isPending
    ? {
        get: () => {
          throw new PendingVariable(`${register}.msg`);
        },
      }
    : { value: message, enumerable: true };
  return Object.defineProperties<Record<string, unknown>>({}, { ...Object.getOwnPropertyDescriptors(result), msg });
}

/** What the changes have begun is waited for: it is looked and planned again. */
function lookForRest(on: TargetPlay, work: TaskWork, plan: Plan, draft: Draft): Need | undefined {
  if (!plan.again || plan.changes.length === 0 || draft.fault || work.job || on.isCheck(work)) return undefined;
  if (on.books.isPending) return { kind: "flush" };
  work.hasChanged ||= draft.isChanged;
  work.earlierDiffs = work.diffs;
  work.phase = "plan";
  work.outcomes = undefined;
  work.prepared?.context.wait();
  on.forget(on.venue);
  if (work.venue) on.forget(work.venue);
  return { kind: "sleep", ms: plan.again.afterMs };
}

/** until: waits and tries again, or gives up. */
function retry(on: TargetPlay, work: TaskWork, draft: Draft): Need | undefined {
  const { task } = work.op;
  if (!task.until || draft.fault?.isFinal) return undefined;
  const { tries, delayMs } = work.keywords ?? { tries: 1, delayMs: 0 };
  if (tries === 1) return undefined;
  let isDone = true;
  try {
    isDone = holds(task.until, resultScope(work, draft));
  } catch (error) {
    judgeError(draft, error);
    if (draft.mayChange) return undefined;
  }
  if (isDone || on.isCheck(work)) return undefined;
  if (on.books.isPending) return { kind: "flush" };
  if (work.attempt >= tries) {
    // As in Ansible, what is told at the end are the retries.
    draft.fields["attempts"] = tries - 1;
    // As in Ansible, failed_when has the last word.
    if (!task.failedWhen)
      draft.fault ??= { message: draft.message || `until did not come true in ${work.attempt} attempts` };
    return undefined;
  }
  work.attempt++;
  work.hasChanged ||= draft.isChanged;
  work.phase = "plan";
  work.fault = undefined;
  work.outcomes = undefined;
  work.effects = undefined;
  work.job = undefined;
  work.timedFrom = undefined;
  on.forget(work.venue ?? on.venue);
  return { kind: "sleep", ms: delayMs };
}

function resultOf(draft: Draft, plan: Plan, work: TaskWork): Readonly<Record<string, unknown>> {
  const result = flagged(draft.fields, draft.isChanged, draft.fault !== undefined, plan.isSkipped === true);
  const message = messageOf(draft);
  // A module whose message is no text (a list of lines) has put it there itself.
  if (message !== undefined && !("msg" in draft.fields)) result["msg"] = message;
  if (work.items) {
    const { loopControl } = work.op.task;
    const { loopVar, indexVar } = loopControl;
    // Templates reach it; in the output each item would list all items.
    if (loopControl.isExtended)
      Object.defineProperty(result, "ansible_loop", {
        enumerable: false,
        value: extendedLoop(loopControl, work.items, work.index),
      });
    result[loopVar] = work.items[work.index];
    result["ansible_loop_var"] = loopVar;
    if (indexVar !== undefined) {
      result[indexVar] = work.index;
      result["ansible_index_var"] = indexVar;
    }
    if (loopVar === "item") result["item"] = work.items[work.index];
  }
  return result;
}

function flagged(
  fields: Record<string, unknown>,
  changed: boolean,
  failed: boolean,
  skipped: boolean,
): Record<string, unknown> {
  fields["changed"] = changed;
  fields["failed"] = failed;
  fields["skipped"] = skipped;
  return fields;
}
