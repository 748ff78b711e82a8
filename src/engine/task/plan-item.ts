// One step of a task on a target: from its arguments and what is there to a plan.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Change } from "../../module/change.js";
import type { Plan, Probes, Seen } from "../../module/contract.js";
import type { Observation, Probe } from "../../module/probe.js";
import { seenFrom } from "../../module/run-plan.js";
import { PendingVariable, type Expression, type Scope } from "../../module/value.js";
import { isSeenAgain, type Looks } from "../look/alike.js";
import type { FileDiff } from "../events.js";
import { diffsOf } from "./diffs.js";
import { keyOf } from "../journal/steps.js";
import type { Need } from "../need.js";
import { decoratePlan, isTrue, NeedsConnection, prepare, prepareMore } from "./prepared.js";
import { withinReach } from "./within-reach.js";
import { canBeJob } from "../jobs.js";
import { allowanceIn } from "./allow-of.js";
import { asyncOf, faultOfLimit, timeLeft } from "./limit.js";
import { keywordsOf } from "./item-keywords.js";
import { loopLayer } from "./loop.js";
import { foresee, missingForRecord } from "./record-item.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import { OMIT } from "../../playbook/scope/values.js";
import type { TargetPlay } from "../target-play.js";
import type { TargetState } from "../target-state.js";
import type { TaskWork, Venue } from "../work.js";

/** From so many targets on it is cheaper to learn from the first one what the others' plans depend on than from the second. */
const MANY = 3;

/** Plans the item at hand; afterwards it is in the phase `finish`. Gives what it needs first, or nothing. */
export function planItem(on: TargetPlay, work: TaskWork): Need | undefined {
  try {
    return planOrNeed(on, work);
  } catch (error) {
    return caught(on, work, error);
  }
}

function planOrNeed(on: TargetPlay, work: TaskWork): Need | undefined {
  const { task, info } = work.op;
  const scope = (work.itemScope ??= scopeOfItem(work));
  if (!work.prepared) {
    const ahead = task.delegateTo ? undefined : on.window.take(work.op, work.index);
    if (!(ahead?.isWanted ?? holds(task.when, scope))) {
      work.plan = { changes: [], isSkipped: true, result: { skip_reason: "Conditional result was False" } };
      return finishLater(on, work);
    }
    work.keywords = keywordsOf(task, scope);
    // Done maybe when the run was broken off: if there is nothing to change any more it was this that changed it.
    if (on.past && on.past.doing.size > 0 && on.past.wasDoing(keyOf(on, work.op), work.index)) work.hasChanged = true;
    if (task.delegateTo && !work.venue) delegate(on, work, task.delegateTo.render(scope));
    else if (task.module.actsOn === "host" && !work.venue) fromOutside(on, work, undefined);
    if (isWithoutTree(on, work)) return supposeChange(on, work);
    const venue = work.venue ?? on.venue;
    work.isOnlyChecked = on.play.run.rehearsal !== undefined && venue.isOfHost;
    work.prepared = ahead?.prepared ?? prepare(info, scope, on.prepareWith(venue));
  }
  const { prepared } = work;
  prepared.context.look();
  // A task that is really carried out in check mode looks at the tree as it is, not at what check mode predicted.
  if (on.play.run.isCheck && !on.isCheck(work)) work.venue ??= on.play.freshVenue(on.state);
  const venue = work.venue ?? on.venue;
  const isCheck = on.isCheck(work);
  const look =
    prepared.look && prepared.look.knowledge === venue.knowledge
      ? prepared.look
      : lookAt(venue, prepared.probes, isCheck);
  if ("missing" in look) return { kind: "observe", venue, probes: look.missing };
  let { seen, isCertain } = look;
  let looks: Looks = { first: seen, more: undefined, second: undefined };
  if (isCertain) {
    const shared = info.plans.find(prepared, seen);
    const more = shared ? shared.more : task.module.observeMore && prepareMore(info, prepared, seen);
    if (more) {
      const second = lookAt(venue, more, isCheck);
      if ("missing" in second) return { kind: "observe", venue, probes: second.missing };
      looks = { first: seen, more, second: second.seen };
      work.more = more;
      if (shared && second.isCertain && isSeenAgain(shared, second.seen)) work.shared = shared;
      seen = { ...seen, ...second.seen };
      isCertain = second.isCertain;
    } else work.shared = shared;
    if (work.shared) return takePlan(on, work, work.shared.plan, venue);
  } else if (task.module.observeMore) {
    const more = isCheck ? prepareMore(info, prepared, seen) : undefined;
    const second = more ? lookAt(venue, more, isCheck) : undefined;
    if (second && "missing" in second) return { kind: "observe", venue, probes: second.missing };
    if (second) seen = { ...seen, ...second.seen };
  }
  if (!isCertain) {
    if (!isCheck) return lookAgain(on, venue);
    work.mayChange = true;
  }
  const plan = task.module.plan(prepared.args.params, seen, prepared.context);
  if (isCertain) info.plans.note(task.module, prepared, looks, plan, on.play.targets.length >= MANY);
  if (plan.refusal && !isCheck && (on.books.isPending || venue.model.isDirty)) return lookAgain(on, venue);
  return takePlan(on, work, plan, venue);
}

/** delegate_to: chooses where the item acts. `omit` is the target itself. */
function delegate(on: TargetPlay, work: TaskWork, where: unknown): void {
  const name = where === OMIT ? undefined : String(where);
  if (work.op.task.module.actsOn === "host") return fromOutside(on, work, name);
  if (name === undefined) return;
  work.venue = on.play.venueFor(name, on, work.op.task);
  if (work.venue !== on.venue) work.delegate = name;
}

/** The item concerns a tree (the target's, or the one it is delegated to) from its host. */
function fromOutside(on: TargetPlay, work: TaskWork, name: string | undefined): void {
  const venue = on.play.hostVenueFor(name, on, work.op.task);
  if (name !== undefined && venue.base.target.name !== on.state.target.name) work.delegate = name;
  if (venue === on.venue) return;
  work.venue = venue;
  // What lies behind it is looked at afterwards.
  on.window.clear();
  if (on.state.location.isHostRoot) on.venue.forget();
}

/** Check mode: the item would act in a tree that is not there yet. */
function isWithoutTree(on: TargetPlay, work: TaskWork): boolean {
  return on.state.isTreeUnknown && work.venue === undefined && work.op.task.module.neverChanges !== true;
}

function supposeChange(on: TargetPlay, work: TaskWork): undefined {
  work.mayChange = true;
  work.isUndecided = true;
  work.plan = { changes: [], message: "may change: the tree is not there yet" };
  return finishLater(on, work);
}

/** Real work looks at the tree again where a prediction will not do. */
function lookAgain(on: TargetPlay, venue: Venue): Need | undefined {
  if (on.books.isPending) return { kind: "flush" };
  venue.forget();
  return undefined;
}

/** What acts on a tree from its host is not meant by what the tree's programs are allowed. */
function noticeAllow(on: TargetPlay, work: TaskWork, plan: Plan, venue: Venue): void {
  const { task } = work.op;
  if (task.module.actsOn === "host" || !plan.changes.some(({ kind }) => kind === "exec")) return;
  const { by, place } = allowanceIn(task, work.itemScope ?? work.scope);
  on.play.run.notices.allowOnHost(venue.base.target.name, by, place);
}

function takePlan(on: TargetPlay, work: TaskWork, bare: Plan, venue: Venue): Need | undefined {
  const whole = work.prepared ? decoratePlan(bare, work.prepared, venue) : bare;
  if ("missing" in whole) return { kind: "observe", venue, probes: whole.missing };
  // What can be had there is known once somebody is there.
  const isUnknown = venue.base.reach !== undefined && venue.base.reach() === undefined;
  if (isUnknown && whole.changes.length > 0 && !on.isCheck(work)) return { kind: "connect", venue };
  const { become, module } = work.op.task;
  const isToBecome = (): boolean => become !== undefined && isTrue(become.render(work.itemScope ?? work.scope));
  const plan = withinReach(whole, module, { becomeUser: work.prepared?.becomeUser, isToBecome }, venue.base);
  work.plan = plan;
  if (work.prepared?.allow !== undefined && venue.isOfHost) noticeAllow(on, work, plan, venue);
  // With changes it is waited for them: they are done first.
  if (plan.again && plan.changes.length === 0) return planAgain(on, work, plan.again.afterMs);
  if (plan.refusal) {
    work.isUndecided = on.isCheck(work) && work.mayChange;
    if (work.isUndecided) work.plan = { changes: [], message: `may change: ${plan.refusal.message}` };
    else
      work.fault = {
        message: plan.refusal.message,
        remedy: plan.refusal.remedy,
        result: { ...plan.result, ...plan.refusal.result },
      };
    return finishLater(on, work);
  }
  const { changes } = plan;
  if (changes.some(holdsNul)) {
    const message = "a word or a variable of the command holds a NUL character, which no program can be given";
    work.plan = { changes: [] };
    work.fault = { message, remedy: "Take it out; binary input goes through stdin." };
    return finishLater(on, work);
  }
  let shown: readonly FileDiff[] = [];
  if (on.isDiff(work) || on.play.run.recorder) {
    const { diffs, missing } = diffsOf(changes, venue.model);
    if (missing.length > 0) return { kind: "observe", venue, probes: missing };
    const more = missingForRecord(on, venue, changes);
    if (more.length > 0) return { kind: "observe", venue, probes: more };
    shown = [...diffs, ...(plan.diff ?? [])];
    if (on.isDiff(work)) work.diffs = [...work.earlierDiffs, ...shown];
  }
  if (venue.concerns?.standIn?.isMade && changes.length > 0 && !on.isCheck(work)) {
    work.plan = { changes: [] };
    work.fault = { ...amidTransaction(venue.concerns.target.name), isFinal: true };
    return finishLater(on, work);
  }
  if (plan.effects && !work.effects) return on.books.isPending ? { kind: "flush" } : { kind: "effects" };
  if (changes.length === 0) return finishLater(on, work);
  // Of the host there is no clone to act in.
  if (on.play.run.rehearsal && changes.some((change) => change.at === "host")) work.isOnlyChecked = true;
  if (work.isOnlyChecked) on.play.run.rehearsal?.noteChecked(on, work);
  if (on.isCheck(work)) {
    const predicts = on.predictsIn(venue);
    if (predicts && venue.concerns) return foreseeTree(on, work, venue, changes);
    if (predicts) foresee(on, work, venue, changes, shown);
    return finishLater(on, work);
  }
  const wish = work.op.task.asyncSeconds && asyncOf(work.op.task, work.itemScope ?? work.scope);
  if (wish?.isInBackground === true && canBeJob(plan)) {
    // What was planned before must be done before.
    if (on.books.isPending) return { kind: "flush" };
    return { kind: "job", venue, changes: venue.model.guard(changes), seconds: wish.seconds };
  }
  if (work.op.task.module.actsOn === "host") on.play.run.hasMovedTrees = true;
  if (on.books.isPending && on.books.venue !== venue) return { kind: "flush" };
  on.books.venue = venue;
  on.books.enter(on.standing(work), venue.model.guard(changes));
  work.phase = "finish";
  const isAwaited =
    plan.conclude !== undefined || venue !== on.venue || changes.some((change) => change.kind === "exec");
  return isAwaited ? { kind: "flush" } : undefined;
}

/** What stands in for a tree would be of another tree behind it. */
function amidTransaction(name: string): { readonly message: string; readonly remedy: string } {
  return {
    message: `it would change ${name} itself while the play's transaction acts in a clone of it`,
    remedy: "Put it before the play's first task in the tree, or into a play of its own.",
  };
}

/** Check mode: the tree that the changes would make is not there. A saved plan, whose changes are of the target's own tree, ends here. */
function foreseeTree(on: TargetPlay, work: TaskWork, venue: Venue, changes: readonly Change[]): undefined {
  const { recorder } = on.play.run;
  const leaves = work.plan?.leaves;
  venue.model.predict(changes);
  const state = venue.concerns;
  if (state && leaves && !isLeftAsIs(on, state, changes)) {
    const made = leaves === "unknown" ? undefined : leaves.likeTree;
    // Nobody copies a host to rehearse on.
    const like = made === "/" && on.play.run.rehearsal ? undefined : made;
    const seen = like === undefined ? undefined : venue.model.observed({ kind: "stat", path: like })?.observation;
    // A base that is only predicted cannot be looked at.
    state.likeTree = seen?.kind === "stat" && seen.stat ? like : undefined;
    state.isTreeUnknown = state.likeTree === undefined;
    void state.reopen();
    if (venue.base.target.name === on.venue.base.target.name) on.forget(on.venue);
  }
  if (recorder) {
    work.mayChange = true;
    work.isUndecided = true;
    work.plan = { changes: [], message: "may change: what concerns a tree from its host is done by a play" };
  }
  return finishLater(on, work);
}

/** Rehearsed is what the tree's files become: that a machine starts from it makes it no other tree. */
function isLeftAsIs(on: TargetPlay, { location: { path } }: TargetState, changes: readonly Change[]): boolean {
  return (
    on.play.run.rehearsal !== undefined &&
    !changes.some((change) => change.kind === "rename" && (change.path === path || change.to === path))
  );
}

/** What is waited for is not there yet. Check mode does not wait: nobody does what others wait for. */
function planAgain(on: TargetPlay, work: TaskWork, afterMs: number): Need | undefined {
  if (on.books.isPending) return { kind: "flush" };
  if (on.isCheck(work)) {
    work.mayChange = true;
    work.plan = { changes: [], message: "may change: what it waits for is not there yet" };
    return finishLater(on, work);
  }
  if (on.play.run.isInterrupted) {
    work.fault = { message: "was stopped: the run was interrupted", isFinal: true };
    return finishLater(on, work);
  }
  work.prepared?.context.wait();
  work.plan = undefined;
  on.forget(on.venue);
  if (work.venue) on.forget(work.venue);
  const leftMs = timeLeft(work);
  if (leftMs === undefined || leftMs > 0) return { kind: "sleep", ms: Math.min(afterMs, leftMs ?? afterMs) };
  work.plan = { changes: [] };
  work.fault = faultOfLimit(work);
  return finishLater(on, work);
}

/** Without changes of its own the item only waits for those before it. */
function finishLater(on: TargetPlay, work: TaskWork): undefined {
  if (on.books.isPending) on.books.enter(on.standing(work), []);
  work.phase = "finish";
}

type Look = { readonly seen: Seen<Probes>; readonly isCertain: boolean } | { readonly missing: readonly Probe[] };

/** Stands where an answer is missing. */
export const nothingSeen: Observation = { kind: "glob", paths: [] };

/** What the model says to the probes, or which of them must be sent. */
export function lookAt(venue: Venue, probes: Probes, isCheck = false): Look {
  let missing: Probe[] | undefined;
  let isCertain = true;
  const seen = seenFrom(probes, (probe) => {
    const answer = venue.model.answer(probe);
    if (answer.kind === "ask") {
      (missing ??= []).push(answer.probe);
      return nothingSeen;
    }
    if (!answer.isCertain && !(isCheck && answer.isForetold)) isCertain = false;
    return answer.observation;
  });
  return missing ? { missing } : { seen, isCertain };
}

/** Whether all conditions hold. */
export function holds(conditions: readonly Expression[], scope: Scope): boolean {
  for (const condition of conditions) if (!condition.test(scope)) return false;
  return true;
}

function scopeOfItem(work: TaskWork): Scope {
  const { items, op } = work;
  if (!items) return work.scope;
  return work.scope.with(rawLayer("loop", loopLayer(op.task.loopControl, items, work.index)));
}

/** Turns what was thrown into what is needed, or into the item's fault. */
export function caught(on: TargetPlay, work: TaskWork, error: unknown): Need | undefined {
  if (error instanceof NeedsConnection) return { kind: "connect", venue: work.venue ?? on.venue };
  if (error instanceof PendingVariable) {
    if (error.variable === "facts" && !on.state.isTreeUnknown) return { kind: "facts" };
    if (on.books.isPending) return { kind: "flush" };
    work.mayChange = true;
    work.isUndecided = work.op.task.module.neverChanges !== true;
    work.plan = { changes: [], message: `may change: ${error.variable} is known only after a real run` };
    work.phase = "finish";
    return undefined;
  }
  if (on.books.isPending) return { kind: "flush" };
  if (error instanceof CrunError) {
    if (error.exitStatus === 4) throw error;
    const [first] = error.diagnostics;
    work.fault = {
      message: first?.summary ?? error.message,
      remedy: first?.remedy,
      diagnostics: error.diagnostics,
      isFinal: true,
    };
  } else {
    const text = error instanceof Error ? error.message : String(error);
    work.fault = {
      message: `the module ${work.op.task.module.name} broke: ${text}. This is a bug in crun.`,
      result: { exception: error instanceof Error ? error.stack : text },
      isFinal: true,
    };
  }
  work.phase = "finish";
  return undefined;
}

/** ignore_errors and the like: a keyword's boolean, rendered. */
export function keyword(value: { render(scope: Scope): unknown } | undefined, scope: Scope): boolean | undefined {
  return value === undefined ? undefined : isTrue(value.render(scope));
}

function holdsNul(change: Change): boolean {
  if (change.kind !== "exec") return false;
  const { argv, environment = {} } = change.exec;
  return [...argv, ...Object.entries(environment).flat()].some((text) => text.includes("\0"));
}
