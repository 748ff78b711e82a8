// Applies a saved plan: exactly its changes, in its order, on the targets whose trees are still as it found them.

import { setMaxListeners } from "node:events";
import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { applyInParts } from "../engine/apply-parts.js";
import type { Counts, EngineEvent, EventSink } from "../engine/events.js";
import { HostSlots, Limiter } from "../engine/slots.js";
import type { Masker } from "../engine/task/masker.js";
import type { HoldingOptions } from "../engine/trees/holds.js";
import type { Location, OpenHost } from "../engine/target-state.js";
import type { Outcome } from "../module/change.js";
import { noticingChroot, chrootHoldsNobody } from "../target/chroot-notice.js";
import type { TreeSession } from "../target/session.js";
import { goneVenue, holdVenue, type TargetRun, type VenueRun } from "./venue-run.js";
import { groupAt, stagesOf } from "./order.js";
import { refusalEvent } from "./plan-events.js";
import { Fate } from "./fate.js";
import type { PlannedPlay, PlannedStep, PlannedVenue, SavedPlan } from "./saved-plan.js";
import { isToBeRepeated, stepResult } from "./step-result.js";
import { TaskTally } from "./task-tally.js";
import { verify, type Verdict } from "./verify.js";

export interface ApplyOptions {
  readonly plan: SavedPlan;
  /** For places in messages. */
  readonly file: string;
  /** Targets to keep to. */
  readonly targets: readonly string[];
  readonly openHost: OpenHost;
  /** By the venue's name. */
  readonly locate: (venue: PlannedVenue) => Location;
  readonly sink: EventSink;
  /** Knows what secrets came up on the way here. */
  readonly masker: Masker;
  /** Who this is, for others who want the trees; and how long it waits for them. */
  readonly holding: HoldingOptions;
  /** Only look whether everything is as the plan found it. */
  readonly isCheck: boolean;
  readonly isDiff: boolean;
  readonly forks: number;
  readonly treesPerHost?: number;
}

/** When a step's work began, how many tries it took, and how long in all. */
interface Times {
  readonly startedAt: Date;
  readonly attempt: number;
  readonly durationMs: number;
}

const defaultTreesPerHost = 64;

export class Application {
  readonly #options: ApplyOptions;
  /** Tells it from others of the same plan. */
  readonly #id = `${Date.now().toString(36)}-${process.pid.toString(36)}`;
  readonly #targets: ReadonlyMap<string, TargetRun>;
  readonly #venues: ReadonlyMap<string, VenueRun>;
  readonly #steps: readonly PlannedStep[];
  readonly #slots: HostSlots;
  readonly #limiters = new Map<string, Limiter>();
  readonly #throttles = new Map<string, Limiter>();
  readonly #abort = new AbortController();
  readonly #wakers = new Set<() => void>();
  readonly #fates: ReadonlyMap<number, Fate>;
  isInterrupted = false;
  #hasNoticedChroot = false;

  constructor(options: ApplyOptions) {
    const { plan, targets } = options;
    this.#options = options;
    const chosen = new Set(targets);
    this.#targets = new Map(
      targets.map((name) => [
        name,
        { name, counts: noCounts(), isFailed: false, isUnreachable: false, tally: undefined },
      ]),
    );
    this.#steps = plan.steps.filter((step) => chosen.has(step.target));
    const acting = new Set(this.#steps.map((step) => step.venue));
    const venues = plan.venues.filter(({ name }) => acting.has(name));
    this.#venues = new Map(
      venues.map((venue) => [
        venue.name,
        { venue, tree: undefined, verdict: undefined, isRootless: false, hold: undefined, isTouched: false },
      ]),
    );
    this.#fates = new Map(plan.plays.map((play, index) => [index, new Fate(play, chosen)]));
    this.#slots = new HostSlots(options.forks);
    setMaxListeners(0, this.#abort.signal);
  }

  /** Resolves to the exit status: 0, 2 (failed or refused), 4 (unreachable) or 130 (interrupted). */
  async run(): Promise<number> {
    const startedAt = performance.now();
    const { isCheck, file } = this.#options;
    this.tell({ event: "run", runId: file, isCheck, targets: this.#targets.size });
    await this.#verify(this.#steps);
    let announced: Fate | undefined;
    for (const stage of stagesOf(this.#steps)) {
      const index = stage[0]?.play ?? 0;
      const fate = this.#fates.get(index);
      if (this.isInterrupted || !fate || this.#hasEnded(announced)) break;
      const isNew = fate !== announced;
      // The batch before may have taken its time.
      if (isNew && announced) await this.#verify(this.#steps.filter((step) => step.play === index));
      if (this.isInterrupted || this.#hasEnded(fate)) break;
      if (isNew) this.#announce(fate.play);
      announced = fate;
      await this.#runStage(stage, fate);
    }
    const targets = Object.fromEntries([...this.#targets.values()].map(({ name, counts }) => [name, counts]));
    this.tell({ event: "recap", targets, durationMs: performance.now() - startedAt });
    return this.#exitStatus();
  }

  /** No step begins any more, those at hand end; the second time programs are cancelled. */
  interrupt(): void {
    if (this.isInterrupted) this.#abort.abort();
    this.isInterrupted = true;
    for (const wake of this.#wakers) wake();
  }

  tell(event: EngineEvent): void {
    this.#options.sink(event);
  }

  #exitStatus(): number {
    if (this.isInterrupted) return 130;
    const all = [...this.#targets.values()];
    if (all.some((one) => one.isUnreachable)) return 4;
    return all.some((one) => one.isFailed) ? 2 : 0;
  }

  #announce(play: PlannedPlay): void {
    const targets = play.targets.filter((name) => this.#isAlive(name));
    this.tell({ event: "play", play: play.title, place: { file: this.#options.file }, targets });
  }

  /** Whether a play has lost so many targets that nothing further may be done. */
  #hasEnded(fate: Fate | undefined): boolean {
    if (!fate?.isOver) return false;
    const summary = `nothing further is done: ${fate.why}`;
    this.tell({ event: "warning", diagnostic: { severity: "warning", summary } });
    return true;
  }

  /** All trees that the steps act in are looked at before anything of them is changed. */
  async #verify(steps: readonly PlannedStep[]): Promise<void> {
    const names = new Set(steps.map((step) => step.venue));
    const pristine = [...this.#venues.values()].filter((one) => names.has(one.venue.name) && !one.isTouched);
    await Promise.all(pristine.map((one) => this.#verifyVenue(one)));
    if (this.isInterrupted) return;
    const acting = new Map<string, Set<string>>();
    for (const { target, venue } of steps) acting.set(target, (acting.get(target) ?? new Set()).add(venue));
    for (const target of this.#targets.values()) {
      for (const name of acting.get(target.name) ?? []) {
        const verdict = this.#venues.get(name)?.verdict;
        if (!this.#isAlive(target.name) || !verdict || ("kind" in verdict && verdict.kind === "asPlanned")) continue;
        if (verdict instanceof CrunError) this.#lose(target, verdict);
        else this.#refuse(target, name, verdict);
      }
    }
  }

  async #verifyVenue(one: VenueRun): Promise<void> {
    try {
      one.verdict = await this.#atWork(one, (tree) => verify(one.venue, tree));
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      one.verdict = error;
    }
  }

  #refuse(target: TargetRun, venue: string, verdict: Exclude<Verdict, { kind: "asPlanned" }>): void {
    target.isFailed = true;
    target.counts.failed++;
    this.#noteLoss(target);
    this.tell(refusalEvent(this.#options.file, target.name, venue, verdict));
  }

  #lose(target: TargetRun, error: CrunError): void {
    const message = error.diagnostics[0]?.summary ?? error.message;
    target.isUnreachable = true;
    target.counts.unreachable++;
    this.#noteLoss(target);
    this.tell({ event: "unreachable", target: target.name, message, diagnostics: error.diagnostics });
  }

  #noteLoss({ name }: TargetRun): void {
    for (const fate of this.#fates.values()) fate.lose(name);
  }

  #isAlive(name: string): boolean {
    const target = this.#targets.get(name);
    return target !== undefined && !target.isFailed && !target.isUnreachable;
  }

  async #runStage(stage: readonly PlannedStep[], fate: Fate): Promise<void> {
    const byTarget = new Map<string, PlannedStep[]>();
    for (const step of stage) {
      const known = byTarget.get(step.target);
      if (known) known.push(step);
      else byTarget.set(step.target, [step]);
    }
    await Promise.all([...byTarget].map(([name, steps]) => this.#runTarget(name, steps, fate)));
  }

  async #runTarget(name: string, steps: readonly PlannedStep[], fate: Fate): Promise<void> {
    const target = this.#targets.get(name);
    if (!target) return;
    for (let from = 0; from < steps.length;) {
      // Of a loop in which an item failed the others are done, and nothing else.
      const loop = target.tally?.isLost ? target.tally.loop : undefined;
      if (loop !== undefined && steps[from]?.loop !== loop) break;
      if (!this.#isAlive(name) || this.isInterrupted || fate.isOver) break;
      const group = groupAt(steps, from, loop);
      from += await this.#throttled(group, () => this.#runGroup(target, group));
    }
    this.#closeTask(target);
  }

  /** The task at hand has no further item: its result is counted and told. */
  #closeTask(target: TargetRun): void {
    const { tally } = target;
    target.tally = undefined;
    const event = tally?.close(target.counts);
    if (event) this.tell(event);
    if (!tally?.isLost) return;
    target.isFailed = true;
    if (tally.step.isFatal) this.#fates.get(tally.step.play)?.end(tally.step.task);
    this.#noteLoss(target);
  }

  /** An interruption wakes it. */
  #sleep(ms: number): Promise<void> {
    if (ms === 0 || this.isInterrupted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wakers.add(wake);
    });
  }

  /** throttle: so many targets in this task at once; throttle_per_host: so many on one host. */
  #throttled<T>(group: readonly PlannedStep[], work: () => Promise<T>): Promise<T> {
    const [step] = group;
    const host = step && this.#venues.get(step.venue)?.venue.host;
    if (!step || host === undefined) return work();
    const limited = (limit: number | undefined, key: string, inner: () => Promise<T>): Promise<T> => {
      if (!limit) return inner();
      const limiter = this.#throttles.get(key) ?? new Limiter(limit);
      this.#throttles.set(key, limiter);
      return limiter.run(inner);
    };
    const key = placeKey(step.place);
    return limited(step.throttle, key, () => limited(step.throttlePerHost, `${key} ${host}`, work));
  }

  /** Steps that go to the helper at once. Gives how many came to an end, good or bad. */
  async #runGroup(target: TargetRun, group: readonly PlannedStep[]): Promise<number> {
    const [first] = group;
    const one = first && this.#venues.get(first.venue);
    if (!first || !one) return group.length;
    const startedAt = new Date();
    const began = performance.now();
    const outcomes: Outcome[] = [];
    let lost: CrunError | undefined;
    let attempt = 1;
    if (!this.#options.isCheck) {
      try {
        await this.#sleep(first.pauseMs ?? 0);
        if (group.some((step) => step.changes.length > 0) && !(await this.#hold(one))) {
          const { verdict } = one;
          if (verdict && !(verdict instanceof CrunError) && verdict.kind !== "asPlanned")
            this.#refuse(target, first.venue, verdict);
          else this.#lose(target, verdict instanceof CrunError ? verdict : goneVenue(one));
          return group.length;
        }
        while (group.some((step) => step.changes.length > 0)) {
          one.isTouched = true;
          await this.#atWork(one, (tree) => this.#apply(tree, target, group, outcomes));
          if (this.isInterrupted || !isToBeRepeated(first, outcomes, attempt)) break;
          await this.#sleep(first.judge?.until?.delayMs ?? 0);
          if (this.isInterrupted) break;
          attempt++;
          outcomes.length = 0;
        }
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        lost = error;
      }
    }
    let from = 0;
    for (const [index, step] of group.entries()) {
      const own = outcomes.slice(from, from + step.changes.length);
      from += step.changes.length;
      // What a lost connection left open is told as that, not as a failure of the step.
      if (lost && own.length < step.changes.length) {
        this.#lose(target, lost);
        return index;
      }
      const times = { startedAt, attempt, durationMs: performance.now() - began };
      if (!this.#finish(target, step, own, times)) return index + 1;
    }
    return group.length;
  }

  /** Takes the tree's lock before its first change. False: somebody else had it, and has changed what the plan rests on. Rejects with a CrunError. */
  #hold(one: VenueRun): Promise<boolean> {
    return (one.hold ??= this.#takeHold(one));
  }

  async #takeHold(one: VenueRun): Promise<boolean> {
    const { holding } = this.#options;
    const notice = (message: string): void => this.tell({ event: "notice", message });
    const wish = { holding, run: this.#id, notice, isInterrupted: () => this.isInterrupted };
    const held = await this.#atWork(one, (tree) => holdVenue(one, tree, wish));
    if (held.kind === "moved") return false;
    if (held.kind === "impossible") {
      const summary = `${one.venue.name}: its tree cannot be locked: ${held.why}`;
      this.tell({ event: "warning", diagnostic: { severity: "warning", summary } });
    }
    if (held.kind !== "held" || !held.hasWaited || one.isTouched) return true;
    await this.#verifyVenue(one);
    return one.verdict !== undefined && "kind" in one.verdict && one.verdict.kind === "asPlanned";
  }

  async #apply(
    tree: TreeSession,
    target: TargetRun,
    group: readonly PlannedStep[],
    outcomes: Outcome[],
  ): Promise<void> {
    const owners = group.flatMap((step) => step.changes.map(() => step));
    await applyInParts(
      tree,
      group.flatMap((step) => step.changes),
      outcomes,
      {
        signal: this.#abort.signal,
        onPart: (from, last) => {
          const step = owners[from];
          const play = this.#options.plan.plays[step?.play ?? 0]?.title ?? "";
          this.tell({ event: "start", play, task: step?.task ?? "", target: target.name });
          const speaker = owners[last];
          if (!speaker || speaker.isHidden) return undefined;
          return (stream, data) =>
            this.tell({ event: "output", target: target.name, task: speaker.task, stream, data });
        },
      },
    );
  }

  /** Enters what came of a step. False: what came behind it in its group was not begun. */
  #finish(
    target: TargetRun,
    step: PlannedStep,
    outcomes: readonly Outcome[],
    { startedAt, attempt, durationMs }: Times,
  ): boolean {
    const { plan, isCheck, isDiff, masker } = this.#options;
    const result = isCheck
      ? { isChanged: step.isChanged, isFailed: false, message: undefined, remedy: undefined, fields: {} }
      : stepResult(step, outcomes, startedAt, attempt);
    if (target.tally && target.tally.loop !== step.loop) this.#closeTask(target);
    target.tally ??= new TaskTally(plan.plays[step.play]?.title ?? "", step, { isDiff, masker });
    const event = target.tally.add(step, result, durationMs);
    if (event) this.tell(event);
    if (step.loop === undefined) this.#closeTask(target);
    return !result.isFailed || step.isIgnored;
  }

  /** Once, as a run tells it. */
  #noticeChroot(tree: string): void {
    if (this.#hasNoticedChroot) return;
    this.#hasNoticedChroot = true;
    this.tell({ event: "warning", diagnostic: chrootHoldsNobody(tree) });
  }

  /** Works in the tree while its host holds a slot. */
  #atWork<T>(one: VenueRun, work: (tree: TreeSession) => Promise<T>): Promise<T> {
    const { venue } = one;
    return this.#slots.while(venue.host, async () => {
      if (!one.tree) {
        const session = await this.#slots.awaiting(venue.host, this.#options.openHost(venue.host));
        const { path, entry, isHostRoot } = this.#options.locate(venue);
        one.isRootless = session.info.isRootless;
        one.tree ??= noticingChroot(session.openTree(path, { entry, isHostRoot }), { entry, isHostRoot }, () =>
          this.#noticeChroot(venue.name),
        );
      }
      const { tree } = one;
      const limiter = this.#limiters.get(venue.host) ?? new Limiter(this.#options.treesPerHost ?? defaultTreesPerHost);
      this.#limiters.set(venue.host, limiter);
      return limiter.run(() => work(tree));
    });
  }
}

function noCounts(): Counts {
  return { ok: 0, changed: 0, failed: 0, skipped: 0, unreachable: 0, rescued: 0, ignored: 0 };
}

function placeKey({ file, line, column }: Place): string {
  return `${file}:${line ?? 0}:${column ?? 0}`;
}
