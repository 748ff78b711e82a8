// The walk of one target through one play: operation by operation, without ever waiting.

import { RoleRuns } from "./role-runs.js";
import type { Scope } from "../module/value.js";
import type { Handler, Inherited } from "../playbook/play.js";
import { Books, type Standing } from "./books.js";
import type { EngineEvent } from "./events.js";
import { fail } from "./failing.js";
import { isInHandlers, positionOf, rootFrame, type Frame, type IncludeWork, withLoops } from "./frame.js";
import { noteHandler } from "./journal/steps.js";
import type { Past } from "./journal/past.js";
import { replay } from "./journal/replay.js";
import type { Need } from "./need.js";
import type { Loaded, PlayRun } from "./play-run.js";
import type { PrepareWith } from "./task/prepared.js";
import { handlerOf, type IncludeOp, type MetaOp, type TaskOp } from "./program.js";
import { taskEvent } from "./task/task-event.js";
import type { TargetState } from "./target-state.js";
import type { TargetScopes } from "./variables.js";
import { Window } from "./look/window.js";
import { stepInclude } from "./task/step-include.js";
import { stepMeta } from "./task/step-meta.js";
import { stepTask } from "./task/step-task.js";
import type { TaskWork, ItemResult, Venue } from "./work.js";

export class TargetPlay {
  readonly play: PlayRun;
  readonly state: TargetState;
  /** Place among the play's targets. */
  readonly index: number;
  readonly scopes: TargetScopes;
  readonly #ahead: TargetScopes;
  readonly books: Books;
  readonly venue: Venue;
  readonly window: Window;
  readonly roles = new RoleRuns();
  readonly notified = new Set<Handler>();
  frame: Frame;
  pc = 0;
  current: TaskWork | undefined;
  include: IncludeWork | undefined;
  /** The other targets were waited for; who stands here, in order. */
  met: readonly number[] | undefined;
  /** The task before concerned other targets: what comes next must not begin before all are through with it. */
  mustMeet = false;
  /** --step: where the person said yes. */
  allowedAt: string | undefined;
  /** Given back when the task at hand is over. */
  permit: (() => void) | undefined;
  /** Failed, ended by a meta action, or stopped: no further task. */
  isOver = false;
  /** By meta: end_host. */
  hasEnded = false;
  /** It has failed or was lost, whatever is forgiven later. */
  hasFailed = false;
  /** What of the play is done already, where the run was broken off. */
  readonly past: Past | undefined;
  /** It did not come to its end: interrupted, or the play was ended because of others' failures. */
  wasCutOff = false;

  constructor(
    play: PlayRun,
    state: TargetState,
    index: number,
    scopes: TargetScopes,
    ahead: TargetScopes,
    venue: Venue,
  ) {
    this.play = play;
    this.state = state;
    this.index = index;
    this.scopes = scopes;
    this.#ahead = ahead;
    this.venue = venue;
    this.books = new Books((event) => play.run.tell(event));
    this.window = new Window(this, ahead);
    this.frame = rootFrame(play.code);
    this.past = play.run.pastOf(state)?.of(play.number);
  }

  /** Handlers that were notified before the run was broken off, in a play that is run anew: they run at the last flush, behind all that changes something. */
  payOwed(): void {
    const titles = this.past?.owed;
    const isLast = !this.frame.code.ops
      .slice(this.pc)
      .some((op) => op.kind === "meta" && op.meta.action === "flush_handlers");
    if (!titles || titles.size === 0 || this.frame.kind !== "play" || !isLast) return;
    const { handlers } = this.play;
    const scopeOf = (handler: Handler): Scope => this.scopes.of(handler.vars, handler.role);
    for (const handler of this.play.play.handlers)
      if (titles.has(this.play.run.masker.text(handlers.titleOf(handler, scopeOf)))) this.notified.add(handler);
  }

  /** Walks until something is needed. */
  advance(): Need {
    for (;;) {
      const mustStop = this.play.run.isInterrupted || (this.play.isStopping && !this.met && !this.#hasToClean());
      if (mustStop && !this.current && !this.isOver) {
        if (this.books.isPending) return { kind: "flush" };
        this.wasCutOff = this.play.run.isInterrupted || this.play.isBroken;
        this.end();
      }
      if (this.isOver && !isInHandlers(this.frame)) return this.books.isPending ? { kind: "flush" } : { kind: "done" };
      const op = this.frame.code.ops[this.pc];
      const need = op === undefined || op.kind === "end" ? this.#return() : this.#step(op);
      if (need) return need;
    }
  }

  #step(op: Exclude<Frame["code"]["ops"][number], { kind: "end" }>): Need | undefined {
    switch (op.kind) {
      case "jump":
        this.pc = op.to;
        return undefined;
      case "close": {
        const failed = this.frame.waiting.get(op.region.block);
        if (!failed) {
          this.pc++;
          return undefined;
        }
        if (this.books.isPending) return { kind: "flush" };
        this.frame.waiting.delete(op.region.block);
        fail(this, failed, this.frame, op.region.parent);
        return undefined;
      }
      case "task":
      case "include":
      case "meta":
        return this.#stepNode(op);
    }
  }

  #stepNode(op: TaskOp | IncludeOp | MetaOp): Need | undefined {
    if (!this.current && !this.include && this.#isPassedOver(op)) {
      this.pc++;
      return undefined;
    }
    if (op.kind === "task") {
      const replayed = this.past ? replay(this, op, this.past) : "live";
      return replayed === "live" ? stepTask(this, op) : replayed;
    }
    return op.kind === "include" ? stepInclude(this, op) : stepMeta(this, op);
  }

  /** A handler that nobody notified; a node of a role that ran already. */
  #isPassedOver(op: TaskOp | IncludeOp | MetaOp): boolean {
    const handler = handlerOf(op);
    if (handler) return !this.notified.has(handler);
    return (
      op.kind !== "meta" && this.roles.isDone(op.kind === "task" ? op.task.role : op.include.role, this.frame.items)
    );
  }

  /** A handler begins: it is notified no more. */
  takeUp(op: TaskOp | IncludeOp | MetaOp): void {
    const handler = handlerOf(op);
    if (!handler || !this.notified.delete(handler)) return;
    if (op.kind !== "task") noteHandler(this, op);
    this.books.undoable(() => this.notified.add(handler));
  }

  #return(): Need | undefined {
    const { parent, kind } = this.frame;
    if (this.isOver && kind === "handlers") {
      if (this.books.isPending) return { kind: "flush" };
      this.frame = rootFrame(this.play.code);
      return undefined;
    }
    if (!parent) {
      if (this.books.isPending) return { kind: "flush" };
      return { kind: "done" };
    }
    this.frame = parent.frame;
    this.pc = parent.pc;
    this.include = parent.include;
    return undefined;
  }

  /** `flush` undefined: the target has failed and only its handlers are left. */
  enterHandlers(flush: MetaOp | undefined): void {
    const { frame, pc, include } = this;
    this.frame = {
      code: this.play.handlers.code,
      kind: "handlers",
      parent: flush ? { frame, pc, include } : undefined,
      prefix: positionOf(frame, pc - 1),
      items: "",
      layers: [],
      waiting: new Map(),
      region: flush?.region,
    };
    this.pc = 0;
    this.include = undefined;
  }

  /** Whether the other targets are to be waited for where a step concerns them: not once the play ends, nor behind the target's own end. */
  get waitsForOthers(): boolean {
    return this.play.targets.length > 1 && !this.isOver && !this.play.isStopping;
  }

  /** Who has failed comes to the end of its `always`, whatever the others' failures mean for the play. */
  #hasToClean(): boolean {
    if (!this.play.isBroken) return false;
    for (let frame: Frame | undefined = this.frame; frame; frame = frame.parent?.frame)
      if (frame.waiting.size > 0) return true;
    return false;
  }

  /** Failures that wait for the end of an `always` are forgotten. */
  forgive(): void {
    for (let frame: Frame | undefined = this.frame; frame; frame = frame.parent?.frame) frame.waiting.clear();
  }

  /** No further task, nor handler. */
  end(): void {
    this.isOver = true;
    this.notified.clear();
  }

  scopeFor(node: Inherited): Scope {
    const scope = this.scopes.of(node.vars, node.role);
    return withLoops(scope, this.frame.layers, node.vars);
  }

  /** What a public role shows is visible from now on. */
  show({ defaults, vars }: Pick<Loaded, "defaults" | "vars">): void {
    this.scopes.show(defaults, vars);
    this.#ahead.show(defaults, vars);
  }

  standing(work: TaskWork): Standing {
    return { work, frame: this.frame, pc: this.pc };
  }

  prepareWith(venue: Venue): PrepareWith {
    const { sources, masker, becomesByDefault, verbosity, jobs, options } = this.play.run;
    const jobOf: PrepareWith["jobOf"] = (target, id) => jobs.stateOf(target, id);
    return { sources, masker, base: venue.base, becomesByDefault, becomeUser: options.becomeUser, verbosity, jobOf };
  }

  /** Whether the task is not to be carried out. */
  isCheck(work: TaskWork): boolean {
    return work.isOnlyChecked || (work.keywords?.checkMode ?? this.play.run.isCheck);
  }

  /** Whether what is not carried out in the venue is supposed to be there later. */
  predictsIn(venue: Venue): boolean {
    return this.play.run.isCheck || (this.play.run.rehearsal !== undefined && venue.isOfHost);
  }

  isDiff(work: TaskWork): boolean {
    return work.keywords?.diff ?? this.play.run.isDiff;
  }

  /** What is known of the tree no longer holds. */
  forget(venue: Venue): void {
    venue.forget();
    if (venue === this.venue) this.window.shrink();
  }

  learnFacts(facts: Readonly<Record<string, unknown>>, work: TaskWork): void {
    work.facts = { ...work.facts, ...facts };
    for (const [name, raw] of Object.entries(facts)) {
      if (!Object.hasOwn(work.op.task.args, name)) this.window.clear();
      this.#learn(name, { raw }, work);
    }
  }

  /** Facts that only a real run could tell: what reads them is not known either. */
  learnPending(work: TaskWork): void {
    const { module } = work.op.task;
    for (const name of work.op.info.argNames)
      if (!Object.hasOwn(module.params, name)) this.#learn(name, "pending", work);
  }

  #learn(name: string, value: { readonly raw: unknown } | "pending", work: TaskWork): void {
    const { delegateFacts } = work.op.task;
    const owner = delegateFacts && work.venue ? this.play.run.state(work.venue.base.target.name) : this.state;
    if (delegateFacts && owner) work.factsOwner = owner.target.name;
    this.books.undoable((owner ?? this.state).learned.set(name, value));
  }

  /** What a task had set before the run was broken off. */
  recallFacts(facts: Readonly<Record<string, unknown>>, owner: string | undefined, work: TaskWork): void {
    work.facts = facts;
    const state = (owner === undefined ? undefined : this.play.run.state(owner)) ?? this.state;
    for (const [name, raw] of Object.entries(facts)) state.learned.set(name, { raw });
  }

  emitItem(work: TaskWork, item: ItemResult, label: string): void {
    const event = taskEvent(this, work, item, label);
    if (event) this.emit({ event: "item", of: event });
  }

  /** What was told before the run was broken off is counted alone. */
  emit(event: EngineEvent): void {
    if (this.past?.isAhead) this.play.run.count(event);
    else this.books.emit(event);
  }
}
