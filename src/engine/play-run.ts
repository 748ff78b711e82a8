// One play on one batch of targets: what they share while they run.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Scope, VarLayer } from "../module/value.js";
import type { Include, IncludeWish, Play, Task } from "../playbook/play.js";
import { inventoryMagic } from "./magic.js";
import { positionOf } from "./frame.js";
import { reachFrom } from "./reach.js";
import { drive } from "./drive.js";
import { fail } from "./failing.js";
import { Handlers } from "./handlers.js";
import { OnceResults } from "./once.js";
import type { Code, TaskOp } from "./program.js";
import { ProbeBatches } from "./look/probe-batch.js";
import { Rendezvous } from "./rendezvous.js";
import type { Run } from "./run.js";
import { Steps } from "./steps.js";
import { Limiter } from "./slots.js";
import { TargetPlay } from "./target-play.js";
import type { TargetState } from "./target-state.js";
import { readsFacts } from "./look/reads-facts.js";
import { hostvarsOf, magicLayer } from "./variables.js";
import type { ItemResult, TaskWork, Venue } from "./work.js";

/** An included file (or role), compiled. */
export interface Loaded {
  readonly code: Code;
  /** What it shows to what comes after it. */
  readonly defaults: readonly VarLayer[];
  readonly vars: readonly VarLayer[];
}

function keyOf({ file, from }: IncludeWish): string {
  return JSON.stringify([file, from]);
}

export class PlayRun {
  readonly run: Run;
  readonly play: Play;
  readonly code: Code;
  readonly title: string;
  readonly targets: TargetPlay[];
  readonly rendezvous: Rendezvous;
  /** What targets ask in one round trip. */
  readonly batches = new ProbeBatches();
  readonly isLockstep: boolean;
  /** No target begins a further task (end_play, any_errors_fatal, too many failures). */
  isStopping = false;
  /** Ended because of failures: no further batch, no further play. */
  isBroken = false;
  wantsFacts: boolean;
  #failures = 0;
  readonly #unwatch: (() => void)[] = [];
  readonly #includes = new Map<Include, Map<string, Loaded | CrunError>>();
  readonly handlers: Handlers;
  readonly steps: Steps;
  readonly #once = new OnceResults();
  #refreshed: { readonly met: readonly number[] | undefined; readonly done: Promise<void> } | undefined;
  readonly #throttles = new Map<Task, Limiter>();

  constructor(run: Run, play: Play, code: Code, states: readonly TargetState[], layers: PlayLayers) {
    this.run = run;
    this.play = play;
    this.code = code;
    this.title = play.name;
    this.handlers = new Handlers(play.handlers, (task) => run.infoOf(task));
    this.isLockstep = play.strategy === "linear" || play.anyErrorsFatal || play.maxFailPercentage !== undefined;
    this.steps = new Steps(run.options.steps, this.isLockstep);
    this.rendezvous = new Rendezvous(
      states.length,
      () => this.isStopping,
      () => run.recorder?.barrier(),
    );
    this.wantsFacts = play.gatherFacts ?? readsFacts(code, play, layers, states);
    const names = states.map((state) => state.target.name);
    this.targets = states.map((state, index) => this.#targetPlay(state, index, names, layers));
  }

  /** Resolves when every target has ended. */
  async finish(): Promise<void> {
    await Promise.all(this.targets.map((target) => drive(target)));
    for (const unwatch of this.#unwatch) unwatch();
  }

  #targetPlay(state: TargetState, index: number, names: readonly string[], layers: PlayLayers): TargetPlay {
    const { run, play } = this;
    const { target, location } = state;
    const magic = magicLayer({
      ...run.magic,
      ...inventoryMagic(target),
      target: () => ({
        name: target.name,
        host: target.host,
        tree: target.tree,
        path: location.path,
        entry: location.entry,
      }),
      group_names: () => run.groupsOf(target),
      play_targets: () => names,
      ansible_play_hosts: () => this.targets.filter((one) => !one.state.isOut).map((one) => one.state.target.name),
      ansible_play_batch: () => names,
      ansible_play_name: () => play.name,
      ansible_play_role_names: () => play.roleNames.own,
      ansible_dependent_role_names: () => [...new Set(play.roleNames.dependencies)],
      ansible_role_names: () => [...new Set([...play.roleNames.dependencies, ...play.roleNames.own])],
      playbook_dir: () => play.directory,
      hostvars: () => this.#hostvars(layers),
    });
    const mayGather = play.gatherFacts !== false;
    const scopes = run.scopesFor(state, layers, magic, mayGather);
    const ahead = run.scopesFor(state, layers, magic, mayGather, state.learned.aheadLayer);
    this.#unwatch.push(state.learned.watch((name) => scopes.forget(name)));
    state.reachAs(play.reach && reachFrom(play.reach, scopes.of([], undefined)));
    return new TargetPlay(this, state, index, scopes, ahead, run.venues.of(state));
  }

  #hostvars(layers: PlayLayers): unknown {
    return hostvarsOf(
      () => this.run.options.inventory.targets.keys(),
      (name) => this.#scopeOf(name, layers),
    );
  }

  readonly #otherScopes = new Map<string, Scope>();

  #scopeOf(name: string, layers: PlayLayers): Scope | undefined {
    const playing = this.targets.find((one) => one.state.target.name === name);
    if (playing) return playing.scopes.of([], undefined);
    const known = this.#otherScopes.get(name);
    if (known) return known;
    const state = this.run.state(name);
    if (!state) return undefined;
    const { target, location } = state;
    const magic = magicLayer({
      ...this.run.magic,
      ...inventoryMagic(target),
      target: () => ({ name, host: target.host, tree: target.tree, path: location.path, entry: location.entry }),
      group_names: () => this.run.groupsOf(target),
      playbook_dir: () => this.play.directory,
    });
    const scope = this.run.scopesFor(state, layers, magic, false).of([], undefined);
    this.#otherScopes.set(name, scope);
    return scope;
  }

  /** Reads the inventory anew, once for those who met for it. A source that cannot be read is told; what was known stays. */
  refreshInventory(met: readonly number[] | undefined): Promise<void> {
    if (met === undefined || this.#refreshed?.met !== met) {
      const done = this.run.options.refreshInventory?.().catch((error: unknown) => {
        if (!(error instanceof CrunError)) throw error;
        for (const one of error.diagnostics)
          this.run.tell({ event: "warning", diagnostic: { ...one, severity: "warning" } });
      });
      this.#refreshed = { met, done: done ?? Promise.resolve() };
    }
    return this.#refreshed?.done ?? Promise.resolve();
  }

  /** Where a task with delegate_to acts. Throws a CrunError where nothing bears that name. */
  venueFor(name: string, on: TargetPlay, task: Task): Venue {
    const wanted = name === "host" ? on.state.target.host : name;
    if (wanted === on.state.target.name) return on.venue;
    return this.run.venues.of(this.run.stateFor(wanted, task.delegateTo?.place ?? task.place));
  }

  /** Where a target of this play acts, by its name. */
  venueOf(name: string): Venue | undefined {
    return this.targets.find((one) => one.state.target.name === name)?.venue;
  }

  /** A venue of its own for one task, which knows nothing yet. */
  freshVenue(state: TargetState): Venue {
    return this.run.venues.fresh(state);
  }

  /** What an include reads, if that was read already; or why it cannot be. */
  loaded(include: Include, wish: IncludeWish): Loaded | CrunError | undefined {
    return this.#includes.get(include)?.get(keyOf(wish));
  }

  /** Reads what an include asks for, once for all targets. */
  async load(include: Include, wish: IncludeWish): Promise<void> {
    const known = this.#includes.get(include) ?? new Map<string, Loaded | CrunError>();
    this.#includes.set(include, known);
    const key = keyOf(wish);
    let loaded: Loaded | CrunError;
    try {
      const { nodes, handlers, defaults, vars } = await include.load(wish.file, wish.from);
      if (known.has(key)) return;
      loaded = { code: this.run.compile(nodes), defaults, vars };
      this.handlers.add(handlers);
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      loaded = error;
    }
    known.set(key, loaded);
  }

  /** Counts a target that is out, and stops the play where that is too much. */
  noteFailure(on: TargetPlay, task: Task | undefined): void {
    this.#failures++;
    for (const one of this.targets) one.scopes.forget("ansible_play_hosts");
    const percent = (this.#failures * 100) / this.targets.length;
    const { maxFailPercentage } = this.play;
    const isFatal =
      this.play.anyErrorsFatal || task?.anyErrorsFatal === true || (task?.runOnce === true && this.targets.length > 1);
    if (isFatal || (maxFailPercentage !== undefined && percent > maxFailPercentage)) {
      this.isStopping = true;
      this.isBroken = true;
    }
    if (on.state.isOut && this.targets.every((one) => one.state.isOut)) this.isBroken = true;
  }

  /** For run_once: what the one that did the task has for the others. */
  shareResult(on: TargetPlay, work: TaskWork, item: ItemResult): void {
    const { task } = work.op;
    if (!task.runOnce || this.targets.length === 1) return;
    const lost = item.isFailed && !item.isIgnored ? { work, result: item } : undefined;
    this.#once.give(positionOf(on.frame, on.pc).join(), {
      register: task.register,
      result: item.result,
      facts: work.facts,
      lost,
    });
  }

  shareLoss(on: TargetPlay, op: TaskOp, _title: string, message: string): void {
    if (!op.task.runOnce) return;
    const result = { changed: false, failed: true, skipped: false, unreachable: true, msg: message };
    this.#once.give(positionOf(on.frame, on.pc).join(), {
      register: op.task.register,
      result,
      facts: {},
      lost: undefined,
    });
  }

  /** A target's play has ended: nobody waits for it any more. */
  leave(on: TargetPlay): void {
    this.#giveNothing(on);
    this.rendezvous.leave();
  }

  /** Goes past a task that is not to be carried out, as if it were not there. */
  passOver(on: TargetPlay): void {
    this.#giveNothing(on);
    on.permit?.();
    on.permit = undefined;
    on.met = undefined;
    on.pc++;
  }

  /** Those that wait for a run_once task go on without a result. */
  #giveNothing(on: TargetPlay): void {
    if (on.met?.[0] !== on.index) return;
    this.#once.give(positionOf(on.frame, on.pc).join(), {
      register: undefined,
      result: {},
      facts: {},
      lost: undefined,
    });
  }

  /** Waits for the target that does a run_once task, and takes over what came of it. */
  async follow(on: TargetPlay): Promise<void> {
    const { register, result, facts, lost } = await this.#once.wait(positionOf(on.frame, on.pc).join());
    on.met = undefined;
    if (register !== undefined) on.state.learned.set(register, { raw: result });
    for (const [name, raw] of Object.entries(facts)) on.state.learned.set(name, { raw });
    const op = on.frame.code.ops[on.pc];
    if (lost && op?.kind === "task") fail(on, lost, on.frame, op.region);
    else on.pc++;
  }

  /** throttle: at most so many targets in this task at once. */
  async permitFor(on: TargetPlay, limit: number): Promise<() => void> {
    const op = on.frame.code.ops[on.pc];
    if (op?.kind !== "task") return () => undefined;
    const limiter = this.#throttles.get(op.task) ?? new Limiter(limit);
    this.#throttles.set(op.task, limiter);
    return new Promise((given) => {
      void limiter.run(() => new Promise<void>((release) => given(release)));
    });
  }
}

/** A play's own layers, by where they stand among the others. */
export interface PlayLayers {
  readonly defaults: readonly VarLayer[];
  /** Play vars, vars_files, roles' vars. */
  readonly above: readonly VarLayer[];
}
