// Carries out what a target's walk needs: round trips, waiting for others, pauses.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../module/change.js";
import type { Failure, Probe } from "../module/probe.js";
import type { TreeSession } from "../target/session.js";
import { applyInParts } from "./apply-parts.js";
import { carryOut } from "./effects.js";
import { positionOf } from "./frame.js";
import { noteBeginning, noteDoing, noteFailure, noteIgnoredLoss, noteTogether } from "./journal/steps.js";
import { glance } from "./look/glance.js";
import { resetConnection } from "./reach.js";
import type { Need } from "./need.js";
import { isSaid } from "./task/item-keywords.js";
import { LONGEST_MS, timeLeft, withTimeLeft } from "./task/limit.js";
import { isDone, troubleOf } from "./task/outcome.js";
import type { TargetPlay } from "./target-play.js";
import { hidesLog, titleFor, titleOf, unreachableEvent } from "./task/task-event.js";
import { TaskWork, type Venue } from "./work.js";

/** How often a task is planned again because something else changed the tree meanwhile. */
const conflictLimit = 3;

/** Runs a target through its play. Never rejects but for bugs. */
export async function drive(on: TargetPlay): Promise<void> {
  try {
    for (;;) {
      const need = on.advance();
      if (need.kind === "done") return;
      try {
        await satisfy(on, need);
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        if (refuse(on, error, need)) continue;
        if (!lose(on, error, venueOf(on, need))) return;
      }
    }
  } finally {
    on.permit?.();
    on.play.run.journal?.over(on.state.target.name, on.play.number, endOf(on));
    await on.state.leaveHost();
    await on.play.run.holds?.giveBack(on);
    on.play.leave(on);
    on.window.clear();
    on.play.run.venues.leave(on.venue);
  }
}

function endOf(on: TargetPlay): "done" | "failed" | "unreachable" | "cut" {
  if (on.state.isUnreachable) return "unreachable";
  if (on.state.isFailed || on.hasFailed) return "failed";
  return on.wasCutOff || on.play.run.isInterrupted ? "cut" : "done";
}

async function satisfy(on: TargetPlay, need: Exclude<Need, { kind: "done" }>): Promise<void> {
  switch (need.kind) {
    case "connect":
      await atWork(on, need.venue, (session) => Promise.resolve(session));
      return;
    case "observe":
      await observe(on, need.venue, need.probes);
      return;
    case "facts":
      on.play.wantsFacts = true;
      await observe(on, on.venue, likelyProbes(on));
      return;
    case "flush":
      await flush(on);
      return;
    case "job":
      await begin(on, need);
      return;
    case "meet":
      on.met = await on.play.rendezvous.arrive(on.index, positionOf(on.frame, on.pc));
      return;
    case "follow":
      await on.play.follow(on);
      return;
    case "permit":
      on.permit = await on.play.permitFor(on);
      return;
    case "load":
      for (const wish of need.wishes) await on.play.load(need.include, wish);
      return;
    case "effects":
      await carryOut(on);
      return;
    case "refresh":
      await on.play.refreshInventory(need.met);
      on.scopes.forget();
      return;
    case "reset":
      await resetConnection(on);
      return;
    case "sleep":
      await on.play.run.sleep(need.ms);
      return;
    case "ask":
      await on.play.steps.ask(on, need.title);
  }
}

async function begin(on: TargetPlay, { venue, changes, seconds }: Extract<Need, { kind: "job" }>): Promise<void> {
  const { current: work } = on;
  if (!work?.plan) return;
  const { jobs } = on.play.run;
  const { plan, op } = work;
  try {
    if (await on.play.run.holds?.take(on, venue)) {
      // What was seen while somebody else was at work is looked at anew.
      work.phase = "plan";
      work.plan = undefined;
      on.forget(venue);
      return;
    }
  } catch (error) {
    if (!(error instanceof CrunError) || error.exitStatus === 4) throw error;
    refuseItem(work, error);
    return;
  }
  await keepTrack(on, venue);
  venue.touch(changes, () => hidesLog(work));
  await noteBeginning(on, work, venue);
  const order = { target: venue.base.target.name, title: titleFor(work), place: op.task.place, plan, changes, seconds };
  work.job = await atWork(on, venue, (session) => jobs.start(order, session));
  work.jobIds.push(work.job.ansible_job_id);
  work.phase = "finish";
  on.forget(venue);
}

/** Before a tree is changed for the first time: what the play wants to be kept of it. A tree that is worked on from outside is none yet, or another one. */
async function keepTrack(on: TargetPlay, venue: Venue): Promise<void> {
  const { run, play } = on.play;
  const state = venue.concerns ? undefined : run.state(venue.base.target.name);
  if (!run.tracking || !state) return;
  const begin = run.tracking.begin.bind(run.tracking, state, play.track, () => on.scopes.of([], undefined));
  await begin(() => venue.open());
}

/** What the task at hand, which waits for facts, will look at then. */
function likelyProbes(on: TargetPlay): readonly Probe[] {
  const work = on.current;
  if (!work || work.op.task.delegateTo) return [];
  return glance(work.op.info, work.itemScope ?? work.scope, on.prepareWith(on.venue));
}

/** Opens the venue's session and works with it, while its host holds a slot. */
function atWork<T>(on: TargetPlay, venue: Venue, work: (session: TreeSession) => Promise<T>): Promise<T> {
  const { slots, treeLimits } = on.play.run;
  const { host } = venue.base.target;
  return slots.while(host, async () => {
    const session = await venue.open();
    return treeLimits.of(host, venue).run(() => work(session));
  });
}

async function observe(on: TargetPlay, venue: Venue, first: readonly Probe[]): Promise<void> {
  const isOwn = venue === on.venue;
  // What a job changes meanwhile must not be looked at beforehand.
  const looksAhead = isOwn && !on.play.run.jobs.isAtWork(on.state.target.name);
  await atWork(on, venue, async (session) => {
    let probes = looksAhead ? on.window.extend(first) : first;
    let blocked = looksAhead ? on.window.blockedOn : undefined;
    while (blocked) {
      for (const wish of blocked.wishes) await on.play.load(blocked.include, wish);
      probes = on.window.extend(probes);
      blocked = on.window.blockedOn;
    }
    const { state, play } = on;
    const wantsFacts = isOwn && play.wantsFacts && !state.facts && state.session !== undefined;
    const question =
      wantsFacts && state.session
        ? play.run.facts?.ask(state.target.host, state.session.info, state.location.path)
        : undefined;
    const all = question ? play.batches.join(probes, question.probes) : probes;
    if (all.length === 0) return;
    try {
      const answers = await session.observe(all);
      venue.remember(probes, answers);
      if (looksAhead) on.window.deliver(answers);
      if (question) state.facts = await question.answer(answers.slice(probes.length));
    } catch (error) {
      question?.fail();
      throw error;
    }
  });
}

async function flush(on: TargetPlay): Promise<void> {
  const { books } = on;
  const venue = books.venue ?? on.venue;
  const changes = [...books.changes];
  const outcomes: Outcome[] = [];
  if (on.play.run.isInterrupted) {
    books.discard();
    on.isOver = true;
    on.notified.clear();
    return;
  }
  let lost: CrunError | undefined;
  if (await mustWait(on, venue, changes)) return;
  // With its session its lock goes too. Whoever takes it in this moment is seen by that the tree is in use.
  if (changes.some((_, index) => books.planAt(index)?.unmounts === true)) await venue.concerns?.leaveTree();
  await keepTrack(on, venue);
  venue.touch(changes, (index) => {
    const work = books.workAt(index);
    return work !== undefined && hidesLog(work);
  });
  await noteDoing(on, venue);
  try {
    await atWork(on, venue, (session) => applyAll(on, session, changes, outcomes));
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    lost = error;
  }
  if (lost && outcomes.length === changes.length) lost = undefined;
  if (!lost) await cleanUp(on, venue, changes, outcomes);
  settle(on, venue, changes, outcomes);
  on.play.run.journal?.flush();
  if (lost) throw lost;
}

/** Takes the tree's lock. True: the batch is not to be sent, because the tree was somebody else's meanwhile or is not to be had. */
async function mustWait(on: TargetPlay, venue: Venue, changes: readonly Change[]): Promise<boolean> {
  try {
    if (!(await on.play.run.holds?.take(on, venue))) return false;
    settle(on, venue, changes, [{ failure: { ...noHold, code: "conflict" } }]);
  } catch (error) {
    if (!(error instanceof CrunError) || error.exitStatus === 4) throw error;
    settle(on, venue, changes, [{ failure: noHold }]);
    if (on.current) refuseItem(on.current, error);
  }
  return true;
}

const noHold: Failure = { errno: 0, code: "refused", step: "hold", path: "", message: "" };

function refuseItem(work: TaskWork, error: CrunError): void {
  const [first] = error.diagnostics;
  work.fault = { message: first?.summary ?? error.message, remedy: first?.remedy, isFinal: true };
  work.outcomes = undefined;
  work.phase = "finish";
}

/** What the change that failed has half made is taken away again. That this fails too is told by what is left. */
async function cleanUp(
  on: TargetPlay,
  venue: Venue,
  changes: readonly Change[],
  outcomes: readonly Outcome[],
): Promise<void> {
  const failedAt = changes.findIndex((change, index) => !outcomes[index] || !isDone(change, outcomes[index]));
  const last = failedAt < 0 ? undefined : on.books.planAt(failedAt)?.onFailure;
  if (!last) return;
  try {
    await atWork(on, venue, async (session) => {
      // Each by itself: one that finds nothing to take away does not keep the next from it.
      for (const change of last) await session.apply([change]);
    });
  } catch (error) {
    // The first failure is the one to tell; that the host is lost shows with the next need.
    if (!(error instanceof CrunError)) throw error;
  }
}

/** Applies the batch; after a command that failed nothing further is begun. */
async function applyAll(
  on: TargetPlay,
  session: TreeSession,
  changes: readonly Change[],
  outcomes: Outcome[],
): Promise<void> {
  const { run } = on.play;
  await applyInParts(session, changes, outcomes, {
    signal: run.abort.signal,
    limited: (part, from) => inTime(on, part, from),
    // Whoever interrupts the run lets a task come to its end, and no other one begin.
    mayBegin: (from) => !run.isInterrupted || !on.books.isFirst(from),
    onPart: (from, last) => {
      const work = on.books.workAt(from);
      const target = on.state.target.name;
      run.tell({ event: "start", play: on.play.title, task: work ? titleFor(work) : "", target });
      const speaker = on.books.workAt(last);
      if (!speaker || hidesLog(speaker)) return undefined;
      const task = titleFor(speaker);
      return (stream, data) => run.tell({ event: "output", target, task, stream, data });
    },
  });
}

/** Programs of tasks that may take only so long, with what is left of it. */
function inTime(on: TargetPlay, part: readonly Change[], from: number): readonly Change[] {
  return part.map((change, index) => {
    const work = change.kind === "exec" ? on.books.workAt(from + index) : undefined;
    const leftMs = work && timeLeft(work);
    return leftMs === undefined ? change : withTimeLeft(change, Math.min(leftMs, LONGEST_MS));
  });
}

/** Enters what came of the batch: goes on, goes back to the task that failed, or plans it again. */
function settle(on: TargetPlay, venue: Venue, changes: readonly Change[], outcomes: readonly Outcome[]): void {
  const settlement = noteTogether(on, () => on.books.settle(outcomes));
  if (venue !== on.venue) {
    const other = on.play.venueOf(venue.base.target.name);
    if (on.play.run.isCheck) other?.forgetSeen();
    else other?.forget();
  }
  void venue.concerns?.reopen();
  if (settlement.kind === "done") {
    if (changes.some((change) => change.kind === "exec" && !change.isContained)) on.forget(venue);
    return;
  }
  const { work, frame, pc } = settlement.standing;
  on.frame = frame;
  on.pc = pc;
  on.include = undefined;
  on.current = work;
  on.isOver = false;
  on.window.clear();
  on.forget(venue);
  if (settlement.outcomes.length === 0 && on.play.run.isInterrupted && !on.play.run.abort.signal.aborted) {
    on.current = undefined;
    on.wasCutOff = true;
    on.end();
    return;
  }
  const trouble = troubleOf(work.plan?.changes ?? [], settlement.outcomes);
  if (trouble?.isConflict && work.conflicts < conflictLimit) {
    work.conflicts++;
    work.hasChanged = settlement.hasChanged;
    work.phase = "plan";
    work.plan = undefined;
    work.outcomes = undefined;
    return;
  }
  work.phase = "finish";
  work.outcomes = settlement.outcomes;
}

/** Where the need has to be met. */
function venueOf(on: TargetPlay, need: Need): Venue {
  if (need.kind === "connect" || need.kind === "observe") return need.venue;
  return (need.kind === "flush" ? on.books.venue : undefined) ?? on.venue;
}

/** The task at hand cannot be begun where it is to act, though the host is reached. False: it is something else. */
function refuse(on: TargetPlay, error: CrunError, need: Need): boolean {
  const { current: work } = on;
  if (error.exitStatus === 4 || !work || (need.kind !== "connect" && need.kind !== "observe" && need.kind !== "facts"))
    return false;
  refuseItem(work, error);
  return true;
}

/** The host is not reachable (any more). True where the play goes on all the same. */
function lose(on: TargetPlay, error: CrunError, venue: Venue): boolean {
  const { run } = on.play;
  const op = on.frame.code.ops[on.pc];
  const node = op?.kind === "task" ? op.task : op?.kind === "include" ? op.include : undefined;
  const isIgnored = node !== undefined && isSaid(node.ignoreUnreachable, on.scopeFor(node));
  on.books.discard();
  on.window.clear();
  on.play.run.state(venue.base.target.name)?.drop();
  const message = error.diagnostics[0]?.summary ?? error.message;
  if (isIgnored && op?.kind === "task") {
    const work = on.current ?? new TaskWork(op, on.scopeFor(op.task), undefined);
    const event = unreachableEvent(on, work, message);
    if (op.task.register !== undefined) on.state.learned.set(op.task.register, { raw: event.result });
    run.tell(event);
    noteIgnoredLoss(on, work, event.result);
    on.current = undefined;
    on.met = undefined;
    on.pc++;
    return true;
  }
  const { diagnostics } = error;
  const title = op?.kind === "task" ? titleOf(op.info, on.scopeFor(op.task)) : undefined;
  const delegate = on.current?.delegate;
  run.tell({
    event: "unreachable",
    target: on.state.target.name,
    ...(title === undefined ? {} : { task: title }),
    ...(delegate === undefined ? {} : { delegate: delegate }),
    message,
    diagnostics,
  });
  if (op?.kind === "task" || op?.kind === "include" || op?.kind === "meta") noteFailure(on, op, true, message);
  on.state.isUnreachable = true;
  on.hasFailed = true;
  on.isOver = true;
  on.play.noteFailure(on, op?.kind === "task" ? op.task : undefined);
  if (op?.kind === "task") on.play.shareLoss(on, op, message);
  return false;
}
