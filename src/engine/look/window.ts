// Looks ahead of a target's walk: prepares the tasks that can be rendered already, so that one round trip answers them all.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Probes } from "../../module/contract.js";
import type { Observation, Probe } from "../../module/probe.js";
import { seenFrom } from "../../module/run-plan.js";
import { PendingVariable, type Scope } from "../../module/value.js";
import type { Include, IncludeWish } from "../../playbook/play.js";
import { withLoops, type Frame, type IncludeWork } from "../frame.js";
import { itemsOf, loopLayer } from "../task/loop.js";
import { holds, lookAt, nothingSeen } from "../task/plan-item.js";
import { NeedsConnection, prepare, prepareMore, type Prepared } from "../task/prepared.js";
import { glance } from "./glance.js";
import type { Part, ProbeBatch } from "./probe-batch.js";
import type { IncludeOp, TaskOp } from "../program.js";
import { includeFrame, itemsFor } from "../task/step-include.js";
import type { TargetPlay } from "../target-play.js";
import { rawLayer } from "../../playbook/scope/scope.js";
import type { TargetScopes } from "../variables.js";

/** A task (or an item of its loop) that lies ahead. Without `prepared` it depends on something that is not known yet. */
interface Ahead {
  readonly op: TaskOp;
  readonly index: number;
  readonly items: readonly unknown[] | undefined;
  readonly layers: Frame["layers"];
  isWanted: boolean | undefined;
  prepared: Prepared | undefined;
  /** Probes that it will probably ask, where it waits for facts. */
  likely: readonly Probe[];
  /** It surely runs a command of unknown effect: what comes after it must be looked at afterwards. */
  isOpaque: boolean;
  /** What variables will have been set behind it. */
  supposes: readonly Supposition[];
}

type Supposition = readonly [name: string, value: { readonly raw: unknown } | "pending"];

const nothing: readonly Probe[] = [];

/** Stands for a task as a whole that cannot be looked at ahead. */
const marker = -1;

/** How many items are looked at again after everything became unknown; doubles with each look. */
const smallReach = 32;

export class Window {
  readonly #on: TargetPlay;
  /** As the target's own, with what is supposed on top. */
  readonly #scopes: TargetScopes;
  #queue: (Ahead | undefined)[] = [];
  #head = 0;
  /** Where looking ahead goes on; undefined: from where the walk stands. */
  #frame: Frame | undefined;
  #pc = 0;
  #reach = Infinity;
  /** Who asked which probes of the look that is under way; undefined: nobody yet. */
  #asked: { readonly prepared: readonly (Prepared | undefined)[]; readonly batch: ProbeBatch } | undefined;
  /** An include whose file was not read yet: looking ahead can go on when it is. */
  blockedOn: { readonly include: Include; readonly wishes: readonly IncludeWish[] } | undefined;

  constructor(on: TargetPlay, scopes: TargetScopes) {
    this.#on = on;
    this.#scopes = scopes;
  }

  /** What was prepared for this item, once. */
  take(op: TaskOp, index: number): Ahead | undefined {
    const at = this.#find(op, index);
    if (at < 0) return undefined;
    const ahead = this.#queue[at];
    this.#queue.fill(undefined, this.#head, at + 1);
    this.#head = at + 1;
    return ahead;
  }

  /** The items of the task's loop, if they were rendered ahead. */
  itemsFor(op: TaskOp): readonly unknown[] | undefined {
    return this.#queue[this.#find(op, 0)]?.items;
  }

  #find(op: TaskOp, index: number): number {
    for (let at = this.#head; at < this.#queue.length; at++) {
      const ahead = this.#queue[at];
      if (ahead?.op === op && ahead.index === index) return at;
    }
    return -1;
  }

  clear(): void {
    this.#queue = [];
    this.#head = 0;
    this.#frame = undefined;
    this.blockedOn = undefined;
  }

  /** After a command of unknown effect: look a few tasks ahead only, more with each look. */
  shrink(): void {
    this.#reach = smallReach;
  }

  /** Adds the probes of what lies ahead to the ones that are needed now. */
  extend(first: readonly Probe[]): readonly Probe[] {
    const parts: Part[] = [];
    const asking: (Prepared | undefined)[] = [];
    const { learned } = this.#on.state;
    this.#scopes.forget();
    try {
      let reach = this.#reach;
      // What the task at hand will register is not known yet, though the queue holds only what comes after it.
      const { current } = this.#on;
      if (current) for (const name of namesSetBy(current.op)) this.#supposeOne(name, "pending");
      for (let at = this.#head; at < this.#queue.length; at++) {
        const ahead = this.#queue[at];
        if (!ahead) continue;
        if (!ahead.prepared && ahead.isWanted !== false) this.#prepare(ahead);
        this.#suppose(ahead);
      }
      this.#walk();
      const isFresh = this.#on.venue.knowsNothing;
      for (let at = this.#head; at < this.#queue.length && reach-- > 0; at++) {
        const ahead = this.#queue[at];
        if (ahead && ahead.isWanted !== false) {
          const { prepared, likely } = ahead;
          if (prepared) parts.push(isFresh ? prepared.probes : this.#missing(ahead, prepared));
          else if (isFresh) parts.push(likely);
          if (prepared || isFresh) asking.push(isFresh ? prepared : undefined);
        }
        if (ahead?.isOpaque) break;
      }
    } finally {
      learned.forgetSuppositions();
    }
    this.#reach *= 2;
    const batch = this.#on.play.batches.of(first, parts);
    this.#asked = { prepared: asking, batch };
    return batch.probes;
  }

  /** Hands the answers to the probes of `extend` to those that asked. */
  deliver(answers: readonly Observation[]): void {
    const { knowledge } = this.#on.venue;
    const { prepared: asking, batch } = this.#asked ?? { prepared: [] };
    this.#asked = undefined;
    if (!knowledge) return;
    for (const [index, prepared] of asking.entries()) {
      if (!prepared) continue;
      const slots = batch?.slots[index] ?? [];
      let next = 0;
      let isComplete = true;
      const seen = seenFrom(prepared.probes, () => {
        const answer = answers[slots[next++] ?? -1];
        if (!answer) isComplete = false;
        return answer ?? nothingSeen;
      });
      if (isComplete) prepared.look = { seen, isCertain: true, knowledge };
    }
  }

  #missing(ahead: Ahead, prepared: Prepared): readonly Probe[] {
    const { venue } = this.#on;
    const look = lookAt(venue, prepared.probes);
    if ("missing" in look) return look.missing;
    const { info } = ahead.op;
    if (!info.task.module.observeMore) return [];
    let more: Probes | undefined;
    try {
      more = prepareMore(info, prepared, look.seen);
    } catch {
      // Only supposed: if it is a real fault, it shows when the task is reached.
      return [];
    }
    const second = more ? lookAt(venue, more) : undefined;
    return second && "missing" in second ? second.missing : [];
  }

  /** Goes on collecting where it stopped. */
  #walk(): void {
    const on = this.#on;
    if (!this.#frame) {
      this.#frame = on.frame;
      this.#pc = on.pc;
      const work = on.current;
      if (work) {
        for (let index = work.index + 1; index < work.count; index++) this.#push(work.op, on.frame, index, work.items);
        this.#mark(work.op, on.frame);
        this.#pc++;
      }
    }
    this.blockedOn = undefined;
    for (;;) {
      const frame: Frame = this.#frame;
      const op = frame.code.ops[this.#pc];
      if (op === undefined || op.kind === "end") {
        if (!frame.parent || frame.kind === "handlers") return;
        if (!this.#leave(frame.parent)) return;
        continue;
      }
      if (op.kind === "task") {
        // What an effect does to the run shows when it was done.
        const { effects, actsOn } = op.task.module;
        const isOfRun = effects !== undefined && effects !== "variables";
        // So does what a module does to the tree as a whole.
        const isOfTree = actsOn === "host" && !this.#on.state.location.isHostRoot;
        if ((isOfRun || isOfTree) && !this.#isUnwanted(op, frame)) return;
        this.#aheadTask(op, frame);
      } else if (op.kind === "include") {
        if (!this.#aheadInclude(op, frame)) return;
        continue;
      } else if (op.kind === "jump") {
        this.#pc = op.to;
        continue;
      }
      this.#pc++;
    }
  }

  /** Whether a task will surely be skipped. */
  #isUnwanted(op: TaskOp, frame: Frame): boolean {
    if (op.isHandler && !this.#on.notified.has(op.task)) return true;
    if (op.task.loop) return false;
    try {
      return !holds(op.task.when, this.#scope(op, frame));
    } catch {
      // Not known yet, or wrong: shows when the task is reached.
      return false;
    }
  }

  #aheadTask(op: TaskOp, frame: Frame): void {
    const { task, info } = op;
    if (op.isHandler && !this.#on.notified.has(task)) return;
    if (task.delegateTo || info.usesOthers || task.runOnce) {
      this.#mark(op, frame);
      return;
    }
    if (!task.loop) {
      this.#push(op, frame, 0, undefined);
      return;
    }
    try {
      const items = itemsOf(task.loop.render(this.#scope(op, frame)), task.place);
      for (let index = 0; index < items.length; index++) this.#push(op, frame, index, items);
    } catch {
      // Not known yet, or wrong: shows when the task is reached.
    }
    this.#mark(op, frame);
  }

  /** Behind a task that is not looked at item by item nothing is known of what it sets. */
  #mark(op: TaskOp, frame: Frame): void {
    const names = namesSetBy(op);
    if (names.length === 0) return;
    const ahead: Ahead = {
      op,
      index: marker,
      items: undefined,
      layers: frame.layers,
      isWanted: false,
      prepared: undefined,
      likely: nothing,
      isOpaque: false,
      supposes: names.map((name) => [name, "pending"]),
    };
    this.#queue.push(ahead);
    this.#suppose(ahead);
  }

  #push(op: TaskOp, frame: Frame, index: number, items: readonly unknown[] | undefined): void {
    const ahead: Ahead = {
      op,
      index,
      items,
      layers: frame.layers,
      isWanted: undefined,
      prepared: undefined,
      likely: nothing,
      isOpaque: false,
      supposes: [],
    };
    this.#queue.push(ahead);
    this.#prepare(ahead);
    // An item finds what the one before it has set.
    if (items) ahead.supposes = namesSetBy(op).map((name) => [name, "pending"]);
    else ahead.supposes = this.#suppositions(ahead);
    this.#suppose(ahead);
  }

  #suppose({ supposes }: Ahead): void {
    for (const [name, value] of supposes) this.#supposeOne(name, value);
  }

  #supposeOne(...[name, value]: Supposition): void {
    this.#on.state.learned.suppose(name, value);
    this.#scopes.forget(name);
  }

  /** Renders what can be rendered; what cannot stays for later. */
  #prepare(ahead: Ahead): void {
    const { op, items, index } = ahead;
    const { task, info } = op;
    const base = withLoops(this.#scopes.of(task.vars, task.role), ahead.layers, task.vars);
    const scope = items ? base.with(rawLayer("loop", loopLayer(task.loopControl, items, index))) : base;
    try {
      ahead.isWanted = holds(task.when, scope);
    } catch (error) {
      if (!(error instanceof PendingVariable)) return;
    }
    if (ahead.isWanted === false) return;
    try {
      ahead.prepared = prepare(info, scope, this.#on.prepareWith(this.#on.venue));
    } catch (error) {
      if (error instanceof NeedsConnection) throw error;
      // Not known yet, or wrong: shows when the task is reached.
      if (error instanceof PendingVariable && error.variable === "facts")
        ahead.likely = glance(info, scope, this.#on.prepareWith(this.#on.venue));
    }
  }

  /** What the task will have registered; where no probe is needed to know it, its facts already. */
  #suppositions(ahead: Ahead): readonly Supposition[] {
    const { task } = ahead.op;
    if (ahead.prepared && ahead.isWanted && isEmpty(ahead.prepared.probes)) {
      try {
        const plan = task.module.plan(ahead.prepared.args.params, {}, ahead.prepared.context);
        ahead.isOpaque = plan.changes.some((change) => change.kind === "exec" && !change.isContained);
        if (plan.changes.length === 0 && !plan.refusal && task.register === undefined) {
          return Object.entries(plan.facts ?? {}).map(([name, raw]) => [name, { raw }]);
        }
      } catch (error) {
        if (error instanceof NeedsConnection) throw error;
        // Only supposed: a real fault shows when the task is reached.
      }
    }
    if (ahead.isWanted === false && task.register === undefined) return [];
    return namesSetBy(ahead.op).map((name) => [name, "pending"]);
  }

  /** Into what was read already for the first item of an include. False: looking ahead ends here. */
  #aheadInclude(op: IncludeOp, frame: Frame): boolean {
    const { include } = op;
    if (op.isHandler && !this.#on.notified.has(include)) {
      this.#pc++;
      return true;
    }
    try {
      const scope = withLoops(this.#scopes.of(include.vars, include.role), frame.layers, include.vars);
      const items = itemsFor(include, scope, frame);
      const wishes = items.map((one) => one.wish);
      const all = wishes.map((wish) => this.#on.play.loaded(include, wish));
      if (all.includes(undefined)) this.blockedOn = { include, wishes };
      // What a public role shows changes what is looked up behind it.
      const isPlain = all.every(
        (one) => one && !(one instanceof CrunError) && one.defaults.length + one.vars.length === 0,
      );
      return isPlain && this.#enter(op, frame, this.#pc, { items, index: 0 });
    } catch (error) {
      if (error instanceof CrunError || error instanceof PendingVariable) return false;
      throw error;
    }
  }

  /** Behind the end of an included file: its next item, or what comes after the include. */
  #leave({ frame, pc, include: work }: NonNullable<Frame["parent"]>): boolean {
    const op = frame.code.ops[pc];
    if (work && op?.kind === "include") return this.#enter(op, frame, pc, work);
    this.#frame = frame;
    this.#pc = pc;
    return true;
  }

  #enter(op: IncludeOp, frame: Frame, pc: number, work: IncludeWork): boolean {
    const item = work.items[work.index];
    const loaded = item && this.#on.play.loaded(op.include, item.wish);
    if (loaded instanceof CrunError) return false;
    this.#frame = loaded ? includeFrame(frame, pc, op, work, loaded.code) : frame;
    this.#pc = loaded ? 0 : pc + 1;
    return true;
  }

  #scope(op: TaskOp, frame: Frame): Scope {
    return withLoops(this.#scopes.of(op.task.vars, op.task.role), frame.layers, op.task.vars);
  }
}

/** Variables that a task will have set: what it registers, and its facts. */
function namesSetBy({ task, info }: TaskOp): readonly string[] {
  return [...(task.register === undefined ? [] : [task.register]), ...(task.module.setsVariables ? info.argNames : [])];
}

function isEmpty(probes: Probes): boolean {
  for (const _ in probes) return false;
  return true;
}
