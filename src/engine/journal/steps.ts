// What a target's walk tells the journal: steps that are done, changes that are about to be sent, failures.

import type { Effect } from "../../module/effect.js";
import type { Frame } from "../frame.js";
import { positionOf } from "../frame.js";
import type { IncludeOp, MetaOp, TaskOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { hidesLog, shownTitle } from "../task/task-event.js";
import type { ItemResult, TaskWork, Venue } from "../work.js";
import type { Journal } from "./journal.js";
import { keepable } from "./keepable.js";
import type { ItemRecord, StepRecord, StepStatus } from "./records.js";

type NodeOp = TaskOp | IncludeOp | MetaOp;

export function nodeOf(op: NodeOp): TaskOp["task"] | IncludeOp["include"] | MetaOp["meta"] {
  return op.kind === "task" ? op.task : op.kind === "include" ? op.include : op.meta;
}

/** Where an operation stands in the run, the same when it is played again. */
export function keyOf(on: TargetPlay, op: NodeOp, frame: Frame = on.frame, pc = on.pc): string {
  const { file, line = 0, column = 0 } = nodeOf(op).place;
  // Handlers come in the order in which their files are read, which may be another one each time.
  const position =
    frame.kind === "handlers"
      ? `${frame.prefix.join(".")}.h${twinsBefore(frame, pc, op)}`
      : positionOf(frame, pc).join(".");
  return `${on.play.number}:${position}@${file}:${line}:${column}`;
}

/** Handlers of a role that is used several times stand in one place. */
function twinsBefore({ code }: Frame, pc: number, op: NodeOp): number {
  const { place } = nodeOf(op);
  let count = 0;
  for (const one of code.ops.slice(0, pc))
    if ((one.kind === "task" || one.kind === "include" || one.kind === "meta") && nodeOf(one).place === place) count++;
  return count;
}

/** Its number in the journal. Of the play's own code it is looked up once for all targets. */
function opNumber(on: TargetPlay, op: NodeOp, title: () => string, frame: Frame = on.frame, pc = on.pc): number {
  const { journal } = on.play.run;
  if (!journal) return 0;
  if (frame.kind !== "play") return journal.opOf(keyOf(on, op, frame, pc), title);
  const known = on.play.opNumbers.get(op);
  if (known !== undefined) return known;
  const number = journal.opOf(keyOf(on, op, frame, pc), title);
  on.play.opNumbers.set(op, number);
  return number;
}

/** The task at hand is done, once all that it was planned upon is. */
export function noteStep(on: TargetPlay, work: TaskWork, item: ItemResult, notified: readonly string[]): void {
  const { journal } = on.play.run;
  if (!journal) return;
  const { op } = work;
  const number = opNumber(on, op, () => shownTitle(work));
  const { quiet } = on.state;
  const target = on.state.target.name;
  const play = on.play.number;
  const status = statusOf(item);
  const isPlain =
    op.task.register === undefined &&
    !op.isHandler &&
    !item.isFailed &&
    notified.length === 0 &&
    !op.task.module.effects &&
    work.journalEffects.length === 0 &&
    work.jobIds.length === 0 &&
    isEmpty(work.facts);
  if (isPlain) {
    if (on.books.isPending) on.books.later(() => quiet.step(journal, target, play, number, status));
    else quiet.step(journal, target, play, number, status);
    return;
  }
  // It is told as it is now: what the task looked like later does not count.
  const makeRecord = recordOf(journal, on, work, item, notified, number, status);
  on.books.later(() => quiet.full(journal, makeRecord));
}

/** An item of a loop has acted: a run that goes on does not do it again. Where items read what those before them came to, that is kept of each. */
export function noteItem(on: TargetPlay, work: TaskWork, item: ItemResult): void {
  const { journal } = on.play.run;
  if (!journal || !work.items || work.jobIds.length > 0 || work.plan?.facts) return;
  const hasActed = item.isChanged || (work.plan?.changes.length ?? 0) > 0;
  const { register } = work.op.task;
  const isRead = register !== undefined && work.op.info.names.has(register);
  if (!(hasActed || isRead) || work.hasHidden || hidesLog(work)) return;
  const op = opNumber(on, work.op, () => shownTitle(work));
  const kept = keepable(journal.masker, item.result);
  const value = keepable(journal.masker, { value: work.items[work.index] });
  // What must not be kept is done again.
  if (!kept.isWhole || !kept.value || !value.isWhole) return;
  const record: ItemRecord = {
    kind: "item",
    target: on.state.target.name,
    play: on.play.number,
    op,
    index: work.index,
    status: statusOf(item),
    value: JSON.stringify(value.value),
    result: kept.value,
    ...(item.isIgnored ? { isIgnored: true } : {}),
    ...(item.message === undefined ? {} : { message: journal.masker.text(item.message) }),
  };
  on.books.later(() => journal.record(record));
}

function statusOf(item: ItemResult): StepStatus {
  return item.isFailed ? "f" : item.isSkipped ? "s" : item.isChanged ? "c" : "o";
}

function isEmpty(map: object): boolean {
  for (const _ in map) return false;
  return true;
}

function recordOf(
  journal: Journal,
  on: TargetPlay,
  work: TaskWork,
  item: ItemResult,
  notified: readonly string[],
  op: number,
  status: StepStatus,
): () => StepRecord {
  const { masker } = journal;
  const { task, isHandler } = work.op;
  const record: Mutable<StepRecord> = { kind: "step", target: on.state.target.name, play: on.play.number, op, status };
  if (item.isIgnored) record.isIgnored = true;
  if (isHandler) record.isHandler = true;
  if (notified.length > 0) record.notified = notified.map((one) => masker.text(one));
  if (work.jobIds.length > 0) record.jobs = [...work.jobIds];
  if (work.hasHidden || hidesLog(work)) {
    record.isWithheld = true;
    masker.add(item.result);
    masker.add(work.facts);
    return () => record;
  }
  const { facts, factsOwner, journalEffects } = work;
  const given = item.isFailed ? work.givenArguments : undefined;
  return () => filled(journal, record, { task, item, facts, factsOwner, effects: journalEffects, given });
}

/** The parts of a step that have to be looked through for secrets. */
function filled(
  { masker }: Journal,
  record: Mutable<StepRecord>,
  {
    task,
    item,
    facts,
    factsOwner,
    effects,
    given,
  }: {
    readonly task: TaskWork["op"]["task"];
    readonly item: ItemResult;
    readonly facts: TaskWork["facts"];
    readonly factsOwner: string | undefined;
    readonly effects: readonly Effect[];
    readonly given: Readonly<Record<string, unknown>> | undefined;
  },
): StepRecord {
  let isWhole = true;
  const keep = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
    const kept = keepable(masker, value);
    isWhole &&= kept.isWhole;
    return kept.value ?? {};
  };
  if (task.register !== undefined || item.isFailed) record.result = keep(item.result);
  if (!isEmpty(facts)) {
    record.facts = keep(facts);
    if (task.delegateFacts && factsOwner !== undefined) record.owner = factsOwner;
  }
  if (effects.length > 0) record.effects = effects.map((one) => keep({ ...one }));
  if (given) {
    record.arguments = keep(given);
    if (item.message !== undefined) record.message = masker.text(item.message);
  }
  if (!isWhole) record.isWithheld = true;
  return record;
}

/** --step: the person did not want it. */
export function notePassedOver(on: TargetPlay): void {
  const op = on.frame.code.ops[on.pc];
  const { journal } = on.play.run;
  if (!journal || op?.kind !== "task" || !on.play.run.options.steps) return;
  on.state.quiet.step(
    journal,
    on.state.target.name,
    on.play.number,
    opNumber(on, op, () => op.info.title),
    "p",
  );
}

/** A handler that is no task has begun. */
export function noteHandler(on: TargetPlay, op: IncludeOp | MetaOp): void {
  on.past?.take(keyOf(on, op));
  const { journal } = on.play.run;
  if (!journal) return;
  const handler = nodeOf(op);
  const number = opNumber(on, op, () => on.play.handlers.titleOf(handler, (one) => on.scopes.of(one.vars, one.role)));
  const record: StepRecord = {
    kind: "step",
    target: on.state.target.name,
    play: on.play.number,
    op: number,
    status: "o",
    isHandler: true,
  };
  on.books.later(() => on.state.quiet.full(journal, () => record));
}

/** The connection was lost, which the task says to go on after. */
export function noteIgnoredLoss(on: TargetPlay, work: TaskWork, result: Readonly<Record<string, unknown>>): void {
  const { journal } = on.play.run;
  if (!journal) return;
  const op = opNumber(on, work.op, () => shownTitle(work));
  const kept = keepable(journal.masker, result).value;
  on.state.quiet.speak(journal, on.state.target.name);
  journal.full({
    kind: "step",
    target: on.state.target.name,
    play: on.play.number,
    op,
    status: "u",
    result: kept ?? {},
  });
}

/** Nothing takes the failure of the operation at hand (or the loss of the connection there). */
export function noteFailure(on: TargetPlay, op: NodeOp, isLost: boolean, message: string | undefined): void {
  const { journal } = on.play.run;
  if (!journal) return;
  const number = opNumber(on, op, () => (op.kind === "task" ? op.info.title : op.kind));
  on.state.quiet.speak(journal, on.state.target.name);
  journal.failure(on.state.target.name, on.play.number, number, isLost, message);
}

/** What was seen of the target, and of the one that it acts on, is not to be seen again any more. */
function speak(on: TargetPlay, journal: Journal, venue: Venue): void {
  const { facts, target, quiet } = on.state;
  quiet.speak(journal, target.name);
  if (facts) journal.facts(target.name, on.play.number, facts);
  const name = venue.base.target.name;
  if (name !== target.name) on.play.run.state(name)?.quiet.speak(journal, name);
}

/** The batch's changes are about to be sent. Resolves when that is written down. */
export async function noteDoing(on: TargetPlay, venue: Venue): Promise<void> {
  const { journal } = on.play.run;
  if (!journal) return;
  speak(on, journal, venue);
  const { target } = on.state;
  const steps = on.books.begun.map(({ work, frame, pc, index, isCommand }): [number, number, 0 | 1] => [
    opNumber(on, work.op, () => shownTitle(work), frame, pc),
    index,
    isCommand ? 1 : 0,
  ]);
  await journal.doing({ kind: "doing", target: target.name, play: on.play.number, steps });
}

/** The same of a job, or of effects, of the task at hand. */
export async function noteBeginning(on: TargetPlay, work: TaskWork, venue: Venue): Promise<void> {
  const { journal } = on.play.run;
  if (!journal) return;
  speak(on, journal, venue);
  const { target } = on.state;
  const op = opNumber(on, work.op, () => shownTitle(work));
  await journal.doing({ kind: "doing", target: target.name, play: on.play.number, steps: [[op, work.index, 1]] });
}

/** Enters what belongs together: a run that goes on knows all of it, or nothing. */
export function noteTogether<T>(on: TargetPlay, work: () => T): T {
  const { journal } = on.play.run;
  return journal ? journal.together(on.state.target.name, work) : work();
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
