// A run: plays one after the other, each on its targets in batches, and what all of them share.

import { setMaxListeners } from "node:events";
import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { InventoryChanges, Target } from "../inventory/inventory.js";
import { placesOf } from "../inventory/places.js";
import { type VarLayer } from "../module/value.js";
import type { Node, Play, Playbook, Task } from "../playbook/play.js";
import type { EngineEvent, EventSink } from "./events.js";
import { pendingVariable } from "../playbook/scope/scope.js";
import { targetOf } from "../inventory/target-of.js";
import { count } from "./counts.js";
import { lossBehind } from "./lost-trees.js";
import type { History } from "./journal/history.js";
import type { Journal } from "./journal/journal.js";
import { resumeWarnings } from "./journal/notices.js";
import { TargetPast } from "./journal/past.js";
import { Readers } from "./journal/readers.js";
import { FactLook } from "./look/fact-look.js";
import { Jobs } from "./jobs.js";
import { maskedSink } from "./task/mask-events.js";
import { Masker } from "./task/masker.js";
import { asBefore, batchesOf, ordered } from "./batch-order.js";
import { ansibleVersion, type Magic } from "./magic.js";
import { Notices } from "./notices.js";
import type { PlayLayers } from "./play-layers.js";
import { PlayRun } from "./play-run.js";
import type { RunOptions, RunSummary } from "./run-options.js";
import { compile, type Code } from "./program.js";
import { allTags } from "./selection.js";
import { HostSlots, Limiter } from "./slots.js";
import { Sources } from "./task/sources.js";
import { TargetState } from "./target-state.js";
import { TaskInfo } from "./task/task-info.js";
import type { Recorder } from "./recorder.js";
import { Holds } from "./trees/holds.js";
import { Rehearsal } from "./trees/rehearsal.js";
import { Stats } from "./stats.js";
import { Transaction } from "./trees/transaction.js";
import { groupsOf, TargetScopes } from "./variables.js";
import { Tracking } from "./trees/tracking.js";
import { VarsFiles } from "./vars-files.js";
import { Venues } from "./venues.js";

const defaultForks = 20;
const defaultTreesPerHost = 64;

export class Run {
  readonly options: RunOptions;
  readonly masker: Masker;
  readonly #sink: EventSink;
  readonly sources: Sources;
  readonly slots: HostSlots;
  readonly treeLimits: { of(host: string, venue: unknown): Limiter };
  /** Of the targets that were needed so far: an inventory may name thousands. */
  readonly #states = new Map<string, TargetState>();
  readonly facts: FactLook | undefined;
  readonly magic: Magic;
  readonly abort = abortForMany();
  readonly venues: Venues;
  readonly recorder: Recorder | undefined;
  readonly jobs = new Jobs((target, id, state) => this.journal?.job(target, id, state));
  /** Undefined: nothing is written down. */
  readonly journal: Journal | undefined;
  /** Undefined: the run begins. */
  readonly history: History | undefined;
  readonly #pasts = new Map<string, TargetPast>();
  #readers: Readers | undefined;
  #plays: readonly Play[] = [];
  /** Undefined: nothing is changed, or nothing kept. */
  readonly tracking: Tracking | undefined;
  readonly rehearsal: Rehearsal | undefined;
  /** Undefined: nothing is changed, or nobody kept out. */
  readonly holds: Holds | undefined;
  readonly id: string;
  readonly isCheck: boolean;
  readonly isDiff: boolean;
  readonly becomesByDefault: boolean;
  readonly verbosity: number;
  isInterrupted = false;
  /** A play was ended for all its targets because of failures (any_errors_fatal, max_fail_percentage, run_once). */
  isBrokenOff = false;
  /** A task may have made or removed trees: what rules stand for is looked for anew before the next play. */
  hasMovedTrees = false;
  readonly #infos = new Map<Task, TaskInfo>();
  readonly #wakers = new Set<() => void>();
  readonly #played = new Set<TargetState>();
  readonly notices = new Notices((event) => this.tell(event));
  readonly stats = new Stats();

  constructor(options: RunOptions) {
    this.options = options;
    this.masker = options.masker ?? new Masker();
    this.#sink = maskedSink(this.masker, options.sink);
    this.sources = new Sources(options.compileText, options.openSource);
    this.slots = new HostSlots(options.forks ?? defaultForks);
    this.isCheck = options.isCheck ?? false;
    this.id = options.runId ?? `${Date.now().toString(36)}-${process.pid.toString(36)}`;
    const isChanging = !this.isCheck && !options.isRehearsal;
    this.holds = options.holding && isChanging ? new Holds(this, options.holding) : undefined;
    this.rehearsal = options.isRehearsal ? new Rehearsal(this) : undefined;
    this.venues = new Venues(this.isCheck ? "all" : this.rehearsal ? "hosts" : "none");
    this.recorder = options.recorder;
    this.journal = this.isCheck || options.isRehearsal ? undefined : options.journal;
    this.history = options.history;
    this.isDiff = options.isDiff ?? false;
    this.verbosity = options.verbosity ?? 0;
    this.becomesByDefault = options.becomesByDefault ?? false;
    this.facts = options.facts && new FactLook(options.facts);
    const limiters = new Map<string, Limiter>();
    this.treeLimits = {
      of: (host) => {
        const limiter = limiters.get(host) ?? new Limiter(options.treesPerHost ?? defaultTreesPerHost);
        limiters.set(host, limiter);
        return limiter;
      },
    };
    this.tracking = options.tracking && isChanging ? new Tracking(this, options.tracking, this.id) : undefined;
    const { only, skip } = options.tags ?? allTags;
    const runTags = only.size === 0 ? ["all"] : [...only];
    const skipTags = [...skip];
    this.magic = {
      groups: groupsOf(options.inventory),
      crun_version: () => options.version ?? "",
      run_id: () => this.id,
      check_mode: () => this.isCheck && !this.recorder,
      ansible_check_mode: () => this.isCheck && !this.recorder,
      ansible_diff_mode: () => this.isDiff,
      ansible_verbosity: () => this.verbosity,
      ansible_forks: () => options.forks ?? defaultForks,
      ansible_run_tags: () => runTags,
      ansible_skip_tags: () => skipTags,
      ansible_version: () => ansibleVersion,
      ...options.magic,
    };
  }

  #addState(target: Target, openHost = this.options.openHost): TargetState {
    const { inventory, locate } = this.options;
    const reaching: typeof openHost = (host, play) => this.slots.awaiting(host, openHost(host, play));
    const state = new TargetState(target, locate(target), inventory, reaching);
    this.#states.set(target.name, state);
    this.rehearsal?.takeIn(state);
    state.noticeChroot = () => this.notices.chroot(target.name);
    return state;
  }

  /** The state of a target of the inventory, made when it is first asked for. */
  state(name: string): TargetState | undefined {
    const target = this.options.inventory.targets.get(name);
    return this.#states.get(name) ?? (target && this.#addState(target));
  }

  /** Whether several targets of the host were needed so far. */
  isShared(host: string): boolean {
    let count = 0;
    for (const { target } of this.#states.values()) if (target.host === host && ++count > 1) return true;
    return false;
  }

  /** The state of a target by name; of a host's own root, too, where that is no target. */
  stateFor(name: string, place: Place): TargetState {
    const known = this.state(name);
    if (known) return known;
    const places = placesOf(this.options.inventory);
    if (places.has(name)) return this.#addState({ name, host: name, tree: undefined, groups: [] });
    const loss = lossBehind(name, this.options.lost);
    if (loss) return this.#addState(targetOf(name, []), () => Promise.reject(loss));
    throw new CrunError(
      {
        severity: "error",
        summary: `delegate_to: the inventory has no target ${JSON.stringify(name)}`,
        place,
        remedy: suggest(name, places) ?? "Add it to the inventory.",
      },
      2,
    );
  }

  /** What a task does to the inventory. Throws a CrunError where it cannot be done. */
  changeInventory(change: (changes: InventoryChanges) => boolean): boolean {
    const { changes } = this.options.inventory;
    if (!changes) throw new CrunError({ severity: "error", summary: "this inventory cannot be added to" }, 2);
    return change(changes);
  }

  /** Groups of a target as they are now: tasks may add to them. */
  groupsOf(target: Target): readonly string[] {
    return this.options.inventory.targets.get(target.name)?.groups ?? target.groups;
  }

  infoOf(task: Task): TaskInfo {
    let info = this.#infos.get(task);
    if (!info) {
      info = new TaskInfo(task);
      this.#infos.set(task, info);
    }
    return info;
  }

  compile(nodes: readonly Node[]): Code {
    return compile(nodes, {
      tags: this.options.tags ?? allTags,
      startAt: this.options.startAt,
      infoOf: (task) => this.infoOf(task),
    });
  }

  /** Layers of a target, in the order of Ansible's precedence. */
  scopesFor(
    state: TargetState,
    play: PlayLayers,
    magic: VarLayer,
    mayGather: boolean,
    learned: VarLayer = state.learned.layer,
  ): TargetScopes {
    const facts: VarLayer = {
      origin: "facts",
      get: (name) => {
        if (name !== "facts") return undefined;
        if (state.facts) return { raw: state.facts() };
        return mayGather && this.facts ? pendingVariable("facts") : undefined;
      },
      names: () => (state.facts || (mayGather && this.facts) ? ["facts"] : []),
    };
    const { makeScope, extraVars } = this.options;
    const above = [...extraVars, magic];
    const lower = [state.inventoryLayer, facts, ...play.vars];
    const files = play.files?.layersFor((before) => makeScope([...play.defaults, ...lower, ...before, ...above])) ?? [];
    const given = [state.included.layer, learned];
    return new TargetScopes(makeScope, play.defaults, [...lower, ...files, ...play.roleVars], given, above);
  }

  /** What is behind a target where the run was broken off. */
  pastOf({ target }: TargetState): TargetPast | undefined {
    if (!this.history) return undefined;
    const known = this.#pasts.get(target.name) ?? new TargetPast(this.history, target.name);
    this.#pasts.set(target.name, known);
    return known;
  }

  /** Who reads which variables in all plays. */
  get readers(): Readers {
    const layers = [...this.options.inventory.targets.keys()].flatMap((name) => this.options.inventory.varsOf(name));
    return (this.#readers ??= new Readers(this.#plays, (task) => this.infoOf(task), new Set(layers)));
  }

  /** Counts what counts, and passes the event on. */
  tell(event: EngineEvent): void {
    this.count(event);
    this.#sink(event);
  }

  count(event: EngineEvent): void {
    if (event.event === "result") {
      const counts = this.#states.get(event.target)?.counts;
      if (counts) count(counts, event);
    } else if (event.event === "unreachable") {
      const counts = this.#states.get(event.target)?.counts;
      if (counts) counts.unreachable++;
    }
  }

  /** No new changes begin, those at hand end; the second time they are cancelled. */
  interrupt(): void {
    if (this.isInterrupted) this.abort.abort();
    this.isInterrupted = true;
    for (const wake of this.#wakers) wake();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.isInterrupted) return void resolve();
      const done = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wakers.add(done);
    });
  }

  /** Runs the plays. Rejects with a CrunError for what is wrong before a play begins. */
  async plays(playbooks: readonly Playbook[]): Promise<RunSummary> {
    const startedAt = performance.now();
    this.tell({
      event: "run",
      runId: this.id,
      isCheck: this.isCheck,
      targets: this.options.limit?.size ?? this.options.inventory.targets.size,
    });
    if (this.history)
      for (const diagnostic of resumeWarnings(this.history)) this.tell({ event: "warning", diagnostic });
    this.#plays = playbooks.flatMap(({ plays }) => plays);
    for (const [index, play] of this.#plays.entries()) {
      if (this.isInterrupted) break;
      if (this.hasMovedTrees) await this.#findTrees();
      if (!(await this.#play(play, index + 1))) break;
    }
    await this.jobs.end((diagnostic) => this.tell({ event: "warning", diagnostic }));
    await this.tracking?.end();
    await this.rehearsal?.end();
    const targets = Object.fromEntries([...this.#played].map((state) => [state.target.name, state.counts]));
    const stats = this.stats.isEmpty ? {} : { stats: this.masker.map(this.stats.shown) };
    this.tell({ event: "recap", targets, durationMs: performance.now() - startedAt, ...stats });
    const exitStatus = this.#exitStatus();
    // Who closes the journal waits until it is written down for good.
    void this.journal?.end(exitStatus);
    return { targets, exitStatus };
  }

  async #findTrees(): Promise<void> {
    this.hasMovedTrees = false;
    await this.options.findTrees?.();
  }

  #exitStatus(): number {
    if (this.isInterrupted) return 130;
    const played = [...this.#played];
    if (this.isBrokenOff) return 2;
    if (played.some((state) => state.isUnreachable)) return 4;
    return played.some((state) => state.isFailed) ? 2 : 0;
  }

  /** False: nothing further is to be played. */
  async #play(play: Play, number: number): Promise<boolean> {
    const inventoryOrder = this.#targetsOf(play);
    const nameOf = ({ target }: TargetState): string => target.name;
    const before = this.history?.plays.get(number)?.targets;
    const chosen = asBefore(ordered(inventoryOrder, play.order, nameOf), before, nameOf);
    const alive = chosen.filter((state) => !state.isOut && !this.#lossOf(state));
    this.tell({ event: "play", play: play.name, place: play.place, targets: alive.map((state) => state.target.name) });
    const lost = chosen.filter((state) => !state.isOut && this.#lossOf(state));
    for (const state of lost) this.#tellLoss(state);
    if (alive.length === 0) {
      // As in Ansible a play that loses all its targets is the last one; one whose targets were lost before is passed over.
      if (chosen.length > 0) return lost.length === 0;
      const summary = `no targets matched: the play ${JSON.stringify(play.name)} is skipped`;
      this.tell({ event: "warning", diagnostic: { severity: "warning", summary, place: play.place } });
      return true;
    }
    const code = this.compile(play.nodes);
    const isTransaction = Transaction.wishOf(this, play) !== undefined;
    const titles = code.ops.flatMap((op) => (op.kind === "task" ? [op.info.title] : []));
    const names = chosen.map(({ target }) => target.name);
    this.journal?.play(number, play.name, names, isTransaction, titles);
    const files = new VarsFiles(play, this.options.loadVarsFile);
    const layers = { defaults: play.roleDefaults, vars: [play.vars], files, roleVars: play.roleVars };
    for (const whole of batchesOf(chosen, play.serial)) {
      const batch = whole.filter((state) => !state.isOut);
      if (batch.length === 0) continue;
      for (const state of batch) {
        this.#played.add(state);
        const facts = this.pastOf(state)?.of(number).facts;
        state.facts = facts && (() => facts);
      }
      this.recorder?.beginPlay({
        title: play.name,
        targets: batch.map((state) => state.target.name),
        anyErrorsFatal: play.anyErrorsFatal,
        maxFailPercentage: play.maxFailPercentage,
      });
      const playRun = new PlayRun(this, play, code, batch, layers, inventoryOrder, whole.length, number);
      const transaction = Transaction.begin(this, playRun);
      await playRun.finish();
      await transaction?.end();
      await this.holds?.giveAll(playRun);
      if (this.isInterrupted) return false;
      if (playRun.isBroken) return false;
      if (playRun.endsAllBatches) break;
    }
    return true;
  }

  #lossOf(state: TargetState): CrunError | undefined {
    return this.options.lost?.get(state.target.name);
  }

  /** Trees that could not be looked for are told once, in the first play that means them. */
  #tellLoss(state: TargetState): void {
    const error = this.#lossOf(state);
    if (!error) return;
    state.isUnreachable = true;
    this.#played.add(state);
    const message = this.masker.text(error.diagnostics[0]?.summary ?? error.message);
    this.tell({ event: "unreachable", target: state.target.name, message, diagnostics: error.diagnostics });
  }

  #targetsOf(play: Play): TargetState[] {
    const { inventory, limit, extraVars, makeScope } = this.options;
    const pattern = play.hosts.render(makeScope([play.vars, ...extraVars]));
    const text = Array.isArray(pattern) ? pattern.map(String).join(",") : String(pattern);
    return inventory.match(text).flatMap((target) => {
      if (limit && !limit.has(target.name)) return [];
      return [this.#states.get(target.name) ?? this.#addState(target)];
    });
  }
}

/** Every tree that applies changes listens to it. */
function abortForMany(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
