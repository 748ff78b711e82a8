// One play on one batch of targets: what they share while they run.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Scope, VarLayer } from "../module/value.js";
import type { Include, IncludeWish, Play, Task } from "../playbook/play.js";
import { inventoryMagic } from "./magic.js";
import { positionOf } from "./frame.js";
import { reachFrom } from "./reach.js";
import { drive } from "./drive.js";
import { raise } from "./failing.js";
import { Handlers } from "./handlers.js";
import { notePassedOver } from "./journal/steps.js";
import { OnceResults } from "./once.js";
import { NeedsConnection } from "./task/prepared.js";
import { waitsForOthers, type Code, type Op, type TaskOp } from "./program.js";
import { NO_PLAY, type PlayLayers } from "./play-layers.js";
import { ProbeBatches } from "./look/probe-batch.js";
import { Rendezvous, type Position } from "./rendezvous.js";
import type { Run } from "./run.js";
import { Steps } from "./steps.js";
import { Throttles } from "./throttles.js";
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

function shows({ defaults, vars }: Loaded): boolean {
  return defaults.length + vars.length > 0;
}

function keyOf({ file, from }: IncludeWish): string {
  return JSON.stringify([file, from]);
}

export class PlayRun {
  readonly run: Run;
  readonly play: Play;
  readonly code: Code;
  /** Among the plays of the run, from 1. */
  readonly number: number;
  /** Numbers of its own operations in the journal. */
  readonly opNumbers = new Map<Op, number>();
  readonly title: string;
  readonly targets: TargetPlay[];
  readonly rendezvous: Rendezvous;
  /** What targets ask in one round trip. */
  readonly batches = new ProbeBatches();
  readonly isLockstep: boolean;
  /** Its targets wait for each other somewhere. */
  readonly waitsInCommon: boolean;
  /** What it runs is not known before it does. */
  readonly mayInclude: boolean;
  /** No target begins a further task (end_play, any_errors_fatal, too many failures). */
  isStopping = false;
  /** Ended because of failures: no further batch, no further play. */
  isBroken = false;
  /** meta end_play: no further batch, though the next play. */
  endsAllBatches = false;
  wantsFacts: boolean;
  #byName: ReadonlyMap<string, TargetPlay> = new Map();
  readonly #size: number;
  #failures = 0;
  readonly #unwatch: (() => void)[] = [];
  readonly #includes = new Map<Include, Map<string, Loaded | CrunError>>();
  readonly handlers: Handlers;
  readonly steps: Steps;
  readonly #once = new OnceResults();
  #refreshed: { readonly met: readonly number[] | undefined; readonly done: Promise<void> } | undefined;
  readonly #throttles = new Throttles();

  /**
   * `all`: the play's targets of all batches, in the inventory's order, those that are out as well. `size`: of the batch, with those that
   * were out before. `number`: among the plays of the run.
   */
  constructor(
    run: Run,
    play: Play,
    code: Code,
    states: readonly TargetState[],
    layers: PlayLayers,
    all: readonly TargetState[],
    size: number,
    number: number,
  ) {
    this.run = run;
    this.number = number;
    this.play = play;
    this.code = code;
    this.title = play.name;
    this.#size = size;
    this.handlers = new Handlers(play.handlers, (task) => run.infoOf(task));
    this.isLockstep = play.strategy === "linear" || play.anyErrorsFatal || play.maxFailPercentage !== undefined;
    const nodes = [...code.ops, ...this.handlers.code.ops];
    this.waitsInCommon = states.length > 1 && (this.isLockstep || nodes.some(waitsForOthers));
    this.mayInclude = nodes.some(({ kind }) => kind === "include");
    this.steps = new Steps(run.options.steps, this.isLockstep);
    this.rendezvous = new Rendezvous(
      states.length,
      () => this.isStopping,
      () => run.recorder?.barrier(),
    );
    this.wantsFacts = play.gatherFacts ?? readsFacts(code, play, layers, states);
    const names = states.map((state) => state.target.name);
    const lists = this.#lists(states, all);
    this.targets = states.map((state, index) => this.#targetPlay(state, index, names, layers, lists));
    this.#byName = new Map(this.targets.map((one) => [one.state.target.name, one]));
  }

  /** Handlers of failed targets run, too. */
  get forcesHandlers(): boolean {
    return this.play.forceHandlers ?? this.run.options.forcesHandlers ?? false;
  }

  /** Resolves when every target has ended. */
  async finish(): Promise<void> {
    await Promise.all(this.targets.map((target) => drive(target)));
    for (const unwatch of this.#unwatch) unwatch();
  }

  /** Ansible's lists of the play's targets, which shrink. */
  #lists(batch: readonly TargetState[], all: readonly TargetState[]): Readonly<Record<string, () => unknown>> {
    const namesOf = (states: readonly TargetState[]): string[] => states.map((state) => state.target.name);
    const isIn = (state: TargetState): boolean =>
      !state.isOut && this.#byName.get(state.target.name)?.hasEnded !== true;
    const names = namesOf(all);
    const inBatch = (): string[] => namesOf(batch.filter(isIn));
    return {
      ansible_play_hosts_all: () => names,
      ansible_play_hosts: () => namesOf(all.filter(isIn)),
      ansible_play_batch: inBatch,
      play_hosts: inBatch,
      ansible_current_hosts: () => namesOf(batch.filter((state) => !state.isOut)),
      ansible_failed_hosts: () => namesOf(batch.filter((state) => state.isFailed)),
    };
  }

  #targetPlay(
    state: TargetState,
    index: number,
    names: readonly string[],
    layers: PlayLayers,
    lists: Readonly<Record<string, () => unknown>>,
  ): TargetPlay {
    const { run, play } = this;
    const { target, location } = state;
    const hostvars = this.#hostvars;
    const magic = magicLayer({
      ...run.magic,
      ...lists,
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
      ansible_play_name: () => play.name,
      ansible_play_role_names: () => play.roleNames.own,
      role_names: () => play.roleNames.own,
      ansible_dependent_role_names: () => [...new Set(play.roleNames.dependencies)],
      ansible_role_names: () => [...new Set([...play.roleNames.dependencies, ...play.roleNames.own])],
      playbook_dir: () => play.directory,
      hostvars: () => hostvars,
    });
    const mayGather = play.gatherFacts !== false;
    const scopes = run.scopesFor(state, layers, magic, mayGather);
    const ahead = run.scopesFor(state, layers, magic, mayGather, state.learned.aheadLayer);
    this.#unwatch.push(state.learned.watch((name) => scopes.forget(name)));
    state.reachAs(play.reach && reachFrom(play.reach, scopes.of([], undefined)));
    return new TargetPlay(this, state, index, scopes, ahead, run.venues.of(state));
  }

  readonly #hostvars = hostvarsOf(
    () => this.run.options.inventory.targets.keys(),
    (name) => this.#scopeOf(name),
  );

  readonly #otherScopes = new Map<string, Scope>();

  #scopeOf(name: string): Scope | undefined {
    const known = this.#otherScopes.get(name);
    if (known) return known;
    const state = this.run.state(name);
    if (!state) return undefined;
    const isPlaying = this.#byName.has(name);
    const { target, location } = state;
    const magic = magicLayer({
      ...this.run.magic,
      ...inventoryMagic(target),
      target: () => ({ name, host: target.host, tree: target.tree, path: location.path, entry: location.entry }),
      group_names: () => this.run.groupsOf(target),
      playbook_dir: () => this.play.directory,
    });
    const mayGather = isPlaying && this.play.gatherFacts !== false;
    const scope = this.run.scopesFor(state, NO_PLAY, magic, mayGather).of([], undefined);
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

  /** Where a module acts that concerns the tree from outside; with delegate_to, the tree that it names. Throws a CrunError where nothing bears that name. */
  hostVenueFor(name: string | undefined, on: TargetPlay, task: Task): Venue {
    const wanted = name === "host" ? on.state.target.host : name;
    if (wanted === undefined || wanted === on.state.target.name)
      return isLogins(on.state) ? on.venue : this.run.venues.hostOf(on.state);
    const state = this.run.stateFor(wanted, task.delegateTo?.place ?? task.place);
    return state.session && isLogins(state) ? this.run.venues.of(state) : this.run.venues.hostOf(state);
  }

  /** Where a target of this play acts, by its name. */
  venueOf(name: string): Venue | undefined {
    return this.#byName.get(name)?.venue;
  }

  /** A venue of its own for one task, which knows nothing yet. */
  freshVenue(state: TargetState): Venue {
    return this.run.venues.fresh(state);
  }

  /** What an include reads, if that was read already; or why it cannot be. */
  loaded(include: Include, wish: IncludeWish): Loaded | CrunError | undefined {
    return this.#includes.get(include)?.get(keyOf(wish));
  }

  /** What a public role shows is seen by the target that included it; in lockstep by all, as in Ansible. */
  show(on: TargetPlay, loaded: Loaded): void {
    if (!shows(loaded)) return;
    for (const one of this.isLockstep ? this.targets : [on]) {
      one.show(loaded);
      // What they looked at ahead was rendered without it.
      if (one !== on) one.window.clear();
    }
  }

  showsToAll(loaded: Loaded): boolean {
    return this.isLockstep && this.targets.length > 1 && shows(loaded);
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
    if (on.state.isFailed) this.#failures++;
    const isFatal =
      this.play.anyErrorsFatal || task?.anyErrorsFatal === true || (task?.runOnce === true && this.targets.length > 1);
    if (isFatal || this.#hasTooMany()) {
      this.isStopping = true;
      this.isBroken = true;
      this.run.isBrokenOff = true;
    }
    if (this.#size === this.targets.length && this.targets.every((one) => one.state.isOut)) this.isBroken = true;
  }

  /** Ansible's comparison: of the batch, failed ones alone. */
  #hasTooMany(): boolean {
    const { maxFailPercentage } = this.play;
    return maxFailPercentage !== undefined && this.#failures / this.#size > maxFailPercentage / 100;
  }

  /** meta clear_host_errors: failed and unreachable targets are in again, from the next play on. */
  clearErrors(): void {
    this.#failures = 0;
    const out = this.targets.filter(({ state }) => state.isOut).map(({ state }) => state.target.name);
    if (out.length > 0) this.run.journal?.record({ kind: "clear", targets: out });
    for (const one of this.targets) {
      one.state.isFailed = false;
      one.state.isUnreachable = false;
      one.forgive();
    }
  }

  /** Who waits for what the first target makes of a step for all goes past it. */
  letPass(position: Position): void {
    this.#once.give(position.join(), { register: undefined, result: {}, facts: {}, lost: undefined });
  }

  /** For run_once: what the one that did the task has for the others. */
  shareResult(on: TargetPlay, work: TaskWork, item: ItemResult): void {
    const { task } = work.op;
    if (!task.runOnce || this.targets.length === 1) return;
    const lost = item.isFailed && !item.isIgnored ? { work, result: item } : undefined;
    // With delegate_facts they are the delegate's alone.
    const facts = task.delegateFacts ? {} : work.facts;
    const once = { register: task.register, result: item.result, facts, lost };
    this.#once.give(positionOf(on.frame, on.pc).join(), once, work.recalled !== undefined);
  }

  shareLoss(on: TargetPlay, op: TaskOp, message: string): void {
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
    notePassedOver(on);
    this.#giveNothing(on);
    on.permit?.();
    on.permit = undefined;
    on.met = undefined;
    on.pc++;
  }

  /** Those that wait for a run_once task go on without a result. */
  #giveNothing(on: TargetPlay): void {
    if (on.met?.[0] === on.index) this.letPass(positionOf(on.frame, on.pc));
  }

  /** Whether a run that was broken off has done the run_once task at hand. */
  wasDoneOnce(on: TargetPlay): boolean {
    return this.run.history !== undefined && this.#once.isRecalled(positionOf(on.frame, on.pc).join());
  }

  /** Waits for the target that does a run_once task, and takes over what came of it. */
  async follow(on: TargetPlay): Promise<void> {
    const { register, result, facts, lost } = await this.#once.wait(positionOf(on.frame, on.pc).join());
    // Whoever follows must not come before what he waited for.
    this.run.recorder?.barrier();
    on.met = undefined;
    if (register !== undefined) on.state.learned.set(register, { raw: result });
    for (const [name, raw] of Object.entries(facts)) on.state.learned.set(name, { raw });
    const op = on.frame.code.ops[on.pc];
    if (op?.kind === "task" || op?.kind === "meta") on.takeUp(op);
    if (lost && op?.kind === "task") raise(on, lost, op);
    else on.pc++;
  }

  /** throttle and throttle_per_host: waits for its turn in the task. Gives what ends it. */
  async permitFor(on: TargetPlay): Promise<() => void> {
    const op = on.frame.code.ops[on.pc];
    return op?.kind === "task" ? this.#throttles.enter(op.task, hostFor(on, op.task)) : () => undefined;
  }
}

/** The host whose turn it is: of the target, or of the one that it acts on, where that is known before its loop begins. */
function hostFor(on: TargetPlay, task: Task): string {
  const own = on.state.target.host;
  if (!task.delegateTo || task.loop) return own;
  try {
    const where = task.delegateTo.render(on.scopeFor(task));
    return on.play.venueFor(String(where), on, task).base.target.host;
  } catch {
    // What is wrong with it is told where the task acts.
    return own;
  }
}

/** Whether the host's own root is the one in which trees are made and kept: without root they are in another's hands than the login's. */
function isLogins(state: TargetState): boolean {
  if (!state.location.isHostRoot) return false;
  if (state.session === undefined) throw new NeedsConnection();
  return !state.session.info.isRootless;
}
