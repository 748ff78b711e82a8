// The walk of one target through one play: operation by operation, without ever waiting.

import { RoleRuns } from "./role-runs.js";
import { CrunError } from "../diagnostic/diagnostic.js";
import { PendingVariable, type Scope, type VarLayer } from "../module/value.js";
import type { Inherited, Task } from "../playbook/play.js";
import { Books, type Standing } from "./books.js";
import type { EngineEvent } from "./events.js";
import { finishItem } from "./task/finish-item.js";
import { positionOf, rootFrame, type Failed, type Frame, type IncludeWork } from "./frame.js";
import { itemsOf } from "./task/loop.js";
import type { Need } from "./need.js";
import { caught, holds, keyword, planItem } from "./task/plan-item.js";
import type { PlayRun } from "./play-run.js";
import type { PrepareWith } from "./task/prepared.js";
import type { IncludeOp, MetaOp, TaskOp } from "./program.js";
import { taskEvent, titleFor } from "./task/task-event.js";
import type { TargetState } from "./target-state.js";
import { rawLayer } from "../playbook/scope/scope.js";
import type { TargetScopes } from "./variables.js";
import { Window } from "./look/window.js";
import { stepInclude } from "./task/step-include.js";
import { TaskWork, type ItemResult, type Venue } from "./work.js";
import { finishTask } from "./task/finish-task.js";

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
  readonly notified = new Set<Task>();
  frame: Frame;
  pc = 0;
  current: TaskWork | undefined;
  include: IncludeWork | undefined;
  /** The other targets were waited for; who stands here, in order. */
  met: readonly number[] | undefined;
  /** The task before acted on another target: what comes next must not begin before all are through with it. */
  mustMeet = false;
  /** Given back when the task at hand is over. */
  permit: (() => void) | undefined;
  /** Failed, ended by a meta action, or stopped: no further task. */
  isOver = false;
  /** Interrupted or cut off: not even handlers. */
  isStopped = false;

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
  }

  /** Walks until something is needed. */
  advance(): Need {
    for (;;) {
      const mustStop = this.play.run.isInterrupted || (this.play.isStopping && !this.met);
      if (mustStop && !this.current && !this.isOver) {
        if (this.books.isPending) return { kind: "flush" };
        this.#end();
      }
      if (this.isOver && this.frame.kind !== "handlers")
        return this.books.isPending ? { kind: "flush" } : { kind: "done" };
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
        this.fail(failed, this.frame, op.region.parent);
        return undefined;
      }
      case "task":
        return this.#stepTask(op);
      case "include":
        return this.#stepInclude(op);
      case "meta":
        return this.#stepMeta(op);
    }
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

  #stepTask(op: TaskOp): Need | undefined {
    if (op.isHandler && !this.current && !this.notified.has(op.task)) {
      this.pc++;
      return undefined;
    }
    if (!this.current && this.roles.hasRun(op.task.role)) {
      this.pc++;
      return undefined;
    }
    const gate = this.current ? undefined : this.#gate(op);
    if (gate) return gate;
    const work = this.current ?? this.#begin(op);
    if (!(work instanceof TaskWork)) return work;
    const pause = work.op.task.loopControl.pauseSeconds;
    while (work.index < work.count) {
      if (pause && work.index > 0 && work.phase === "plan" && !work.hasPaused) {
        if (this.books.isPending) return { kind: "flush" };
        work.hasPaused = true;
        return { kind: "sleep", ms: Number(pause.render(work.scope)) * 1000 || 0 };
      }
      const need = work.phase === "plan" ? planItem(this, work) : finishItem(this, work);
      if (need) return need;
    }
    return finishTask(this, work);
  }

  /** Where several targets are concerned all are waited for. */
  #gate(op: TaskOp): Need | undefined {
    const { task } = op;
    const isShared =
      this.mustMeet ||
      task.runOnce ||
      task.delegateTo !== undefined ||
      op.info.usesHostvars ||
      task.anyErrorsFatal ||
      this.play.isLockstep;
    if (isShared && !this.met && this.play.targets.length > 1)
      return this.books.isPending ? { kind: "flush" } : { kind: "meet" };
    if (task.runOnce && this.met && this.met[0] !== this.index) return { kind: "follow" };
    if (task.throttle && task.throttle > 0 && !this.permit)
      return this.books.isPending ? { kind: "flush" } : { kind: "permit", limit: task.throttle };
    return undefined;
  }

  #begin(op: TaskOp): TaskWork | Need | undefined {
    const { task } = op;
    const scope = this.scopeFor(task);
    let items: readonly unknown[] | undefined;
    if (task.loop) {
      try {
        items = this.window.itemsFor(op) ?? itemsOf(task.loop.render(scope), task.loop.place ?? task.place);
      } catch (error) {
        const work = new TaskWork(op, scope, undefined);
        const need = this.#loopTrouble(work, error);
        if (need) return need;
        return (this.current = work);
      }
    }
    const work = new TaskWork(op, scope, items);
    if (op.isHandler) {
      this.notified.delete(task);
      this.books.undoable(() => this.notified.add(task));
    }
    this.current = work;
    return work;
  }

  /** A loop that cannot be rendered is no error where the task would be skipped anyway. */
  #loopTrouble(work: TaskWork, error: unknown): Need | undefined {
    if (error instanceof CrunError && !(error instanceof PendingVariable)) {
      try {
        if (!holds(work.op.task.when, work.scope)) {
          work.plan = { changes: [], isSkipped: true, result: { skip_reason: "Conditional result was False" } };
          work.phase = "finish";
          if (this.books.isPending) this.books.enter(this.standing(work), []);
          return undefined;
        }
      } catch (inner) {
        if (inner instanceof PendingVariable) return caught(this, work, inner);
        // The condition cannot be judged without the loop's variables: the loop's own error is the one to tell.
      }
    }
    return caught(this, work, error);
  }

  #stepInclude(op: IncludeOp): Need | undefined {
    if (!this.include && this.roles.hasRun(op.include.role)) {
      this.pc++;
      return undefined;
    }
    return stepInclude(this, op);
  }

  #stepMeta(op: MetaOp): Need | undefined {
    const { meta } = op;
    const { action } = meta;
    if (action === "flush_handlers") {
      this.pc++;
      if (this.notified.size > 0) this.#enterHandlers(op);
      return undefined;
    }
    if (action === "end_play" && !this.met && this.play.targets.length > 1)
      return this.books.isPending ? { kind: "flush" } : { kind: "meet" };
    this.met = undefined;
    try {
      if (!holds(meta.when, this.scopeFor(meta))) {
        this.pc++;
        return undefined;
      }
    } catch (error) {
      if (error instanceof PendingVariable) {
        if (error.variable === "facts") return { kind: "facts" };
        if (this.books.isPending) return { kind: "flush" };
        this.pc++;
        return undefined;
      }
      throw error;
    }
    if (action === "end_host" || action === "end_play") {
      if (this.books.isPending) return { kind: "flush" };
      if (action === "end_play") this.play.isStopping = true;
      this.#end();
      return undefined;
    }
    if (action === "clear_facts") this.state.facts = undefined;
    if (action === "clear_host_errors") this.play.run.clearErrors();
    this.pc++;
    return undefined;
  }

  /** `flush` undefined: the target has failed and only its handlers are left. */
  #enterHandlers(flush: MetaOp | undefined): void {
    const { frame, pc, include } = this;
    this.frame = {
      code: this.play.handlerCode(this),
      kind: "handlers",
      parent: flush ? { frame, pc, include } : undefined,
      prefix: positionOf(frame, pc - 1),
      layers: [],
      waiting: new Map(),
      region: flush?.region,
    };
    this.pc = 0;
    this.include = undefined;
  }

  #end(): void {
    this.isOver = true;
    this.notified.clear();
  }

  /** A failure goes to the nearest rescue or always; where there is none the target is out. */
  fail(failed: Failed, frame: Frame, from: Frame["region"]): void {
    this.window.clear();
    this.current = undefined;
    let region = from;
    let here: Frame | undefined = frame;
    while (here) {
      for (; region; region = region.parent) {
        const { block, part, layout } = region;
        if (part === "block" && layout.rescueAt >= 0) {
          this.#rescue(failed);
          this.#goto(here, layout.rescueAt);
          return;
        }
        if (part !== "always" && layout.alwaysAt >= 0) {
          here.waiting.set(block, failed);
          this.#goto(here, layout.alwaysAt);
          return;
        }
      }
      region = here.region;
      here = here.parent?.frame;
    }
    this.state.isFailed = true;
    this.play.noteFailure(this, failed.work.op.task);
    this.isOver = true;
    if (this.play.play.forceHandlers && this.frame.kind !== "handlers" && this.notified.size > 0) {
      this.pc++;
      this.#enterHandlers(undefined);
    } else this.frame = rootFrame(this.play.code);
  }

  /** Whether a rescue waits above this operation. A handler's failure counts, rescued or not. */
  isRescued(op: TaskOp): boolean {
    if (op.isHandler) return false;
    let region = op.region;
    for (let frame: Frame | undefined = this.frame; frame; frame = frame.parent?.frame) {
      for (; region; region = region.parent) if (region.part === "block" && region.layout.rescueAt >= 0) return true;
      region = frame.region;
    }
    return false;
  }

  #rescue({ work, result }: Failed): void {
    const { task } = work.op;
    this.state.learned.set("ansible_failed_task", {
      raw: { name: titleFor(work), action: task.module.name, args: work.prepared?.args.params ?? {} },
    });
    this.state.learned.set("ansible_failed_result", { raw: result.result });
  }

  #goto(frame: Frame, pc: number): void {
    this.frame = frame;
    this.pc = pc;
    this.include = undefined;
  }

  scopeFor(node: Inherited): Scope {
    const scope = this.scopes.of(node.vars, node.role);
    return this.frame.layers.reduce((above: Scope, layer: VarLayer) => above.with(layer), scope);
  }

  /** Defaults of a role that was included are visible from now on. */
  addDefaults(layers: readonly VarLayer[]): void {
    this.scopes.addDefaults(layers);
    this.#ahead.addDefaults(layers);
  }

  standing(work: TaskWork): Standing {
    return { work, frame: this.frame, pc: this.pc };
  }

  prepareWith(venue: Venue): PrepareWith {
    const { sources, masker, becomesByDefault, verbosity } = this.play.run;
    return { sources, masker, base: venue.base, becomesByDefault, verbosity };
  }

  /** Whether the task is not to be carried out. */
  isCheck(work: TaskWork): boolean {
    const { checkMode } = work.op.task;
    return checkMode ? (keyword(checkMode, work.scope) ?? false) : this.play.run.isCheck;
  }

  isDiff(work: TaskWork): boolean {
    const { diff } = work.op.task;
    return diff ? (keyword(diff, work.scope) ?? false) : this.play.run.isDiff;
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
    this.books.undoable((owner ?? this.state).learned.set(name, value));
  }

  emitItem(work: TaskWork, item: ItemResult, label: string): void {
    const event = taskEvent(this, work, item, label);
    if (event) this.emit({ event: "item", of: event });
  }

  emit(event: EngineEvent): void {
    this.books.emit(event);
  }

  /** Adds the loop variables of an include to what lies beneath it. */
  layersWith(values: Record<string, unknown> | undefined): readonly VarLayer[] {
    return values ? [...this.frame.layers, rawLayer("include's loop", values)] : this.frame.layers;
  }
}
