// A task at work on one target: its items, how far it is, what came of it so far.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../module/change.js";
import type { Plan, Probes } from "../module/contract.js";
import type { Effect, EffectOutcome } from "../module/effect.js";
import { Model } from "../module/model.js";
import type { Observation, Probe } from "../module/probe.js";
import type { Scope } from "../module/value.js";
import type { TreeSession } from "../target/session.js";
import type { SharedPlan } from "./look/alike.js";
import type { FileDiff } from "./events.js";
import type { JobFields } from "./jobs.js";
import type { PastStep } from "./journal/history.js";
import type { ItemKeywords } from "./task/item-keywords.js";
import type { ContextBase, Prepared } from "./task/prepared.js";
import type { TaskOp } from "./program.js";
import type { RecordedLook } from "./recorder.js";
import type { TargetState } from "./target-state.js";
import type { Known } from "./variables.js";

/** What is known of a tree: observed, and predicted on top. */
export class Knowledge {
  model = new Model();
  isFresh = true;
  token: object = {};
  /** What was observed and nothing asked the model about yet. */
  unread: (readonly [probes: readonly Probe[], answers: readonly Observation[]])[] = [];
}

/** Where a task acts: a tree with its model. The target's own, or another's for delegate_to. */
export class Venue {
  readonly base: ContextBase;
  readonly #open: () => Promise<TreeSession>;
  /** The tree of this target may be another one after changes here (modules that act on the host). */
  readonly concerns: TargetState | undefined;
  /** What is done here is done to the host itself. */
  readonly isOfHost: boolean;
  readonly #owner: TargetState | undefined;
  readonly #known: Knowledge;

  /** `owner`: whose tree it is. `known`: shared with others who act in the same tree. */
  constructor(
    base: ContextBase,
    open: () => Promise<TreeSession>,
    more: {
      readonly concerns?: TargetState;
      readonly owner?: TargetState;
      readonly isOfHost?: boolean;
      readonly known?: Knowledge;
    } = {},
  ) {
    this.base = base;
    this.#open = open;
    this.concerns = more.concerns;
    this.isOfHost = more.isOfHost ?? false;
    this.#owner = more.owner;
    this.#known = more.known ?? new Knowledge();
  }

  /** This is about to be done here. `isHidden`: whether a change's task has no_log. */
  touch(changes: readonly Change[], isHidden: (index: number) => boolean): void {
    this.#owner?.standIn?.touch(changes, isHidden);
  }

  /** Opens the connection where it is not open yet. Rejects with a CrunError (exitStatus 4). */
  open(): Promise<TreeSession> {
    return this.#open();
  }

  get model(): Model {
    if (this.#known.unread.length > 0) this.#read();
    return this.#known.model;
  }

  /** Stands for what is known: another object once it was forgotten, undefined once something was predicted. */
  get knowledge(): object | undefined {
    return this.#known.model.isDirty ? undefined : this.#known.token;
  }

  /** Nothing was observed since the start or since everything was forgotten. */
  get knowsNothing(): boolean {
    return this.#known.isFresh && !this.#known.model.isDirty;
  }

  remember(probes: readonly Probe[], answers: readonly Observation[]): void {
    this.#known.isFresh = false;
    this.#known.unread.push([probes, answers]);
  }

  /** Forgets what was seen, but not what check mode predicted. */
  forgetSeen(): void {
    this.#known.model.forgetObserved();
    this.#forgetRest();
  }

  forget(): void {
    this.#known.model = new Model();
    this.#forgetRest();
  }

  #forgetRest(): void {
    this.#known.unread = [];
    this.#known.isFresh = true;
    this.#known.token = {};
  }

  #read(): void {
    const { model, unread } = this.#known;
    for (const [probes, answers] of unread) {
      for (const [index, probe] of probes.entries()) {
        const answer = answers[index];
        if (answer) model.remember(probe, answer);
      }
    }
    this.#known.unread = [];
  }
}

/** What came of one item (or of the task, where it has no loop). */
export interface ItemResult {
  readonly result: Readonly<Record<string, unknown>>;
  readonly isChanged: boolean;
  readonly isFailed: boolean;
  readonly isSkipped: boolean;
  readonly isIgnored: boolean;
  readonly mayChange: boolean;
  readonly message: string | undefined;
  readonly remedy: string | undefined;
  readonly diagnostics: readonly Diagnostic[] | undefined;
  readonly diffs: readonly FileDiff[];
  readonly warnings: readonly string[];
  /** Where it acted, if that was another target. */
  readonly delegate?: string;
}

/** What a failing item gives. */
export interface Fault {
  readonly message: string;
  readonly remedy?: string | undefined;
  readonly diagnostics?: readonly Diagnostic[] | undefined;
  readonly result?: Readonly<Record<string, unknown>> | undefined;
  /** The tree or the playbook is at fault, not a command: `failed_when` has no say. */
  readonly isFinal?: boolean;
}

/** What an item would do in its venue, and what the tree said that it was planned from. */
export interface PlannedItem {
  readonly venue: Venue;
  readonly changes: readonly Change[];
  readonly diffs: readonly FileDiff[];
  readonly looks: readonly RecordedLook[];
}

export class TaskWork {
  readonly op: TaskOp;
  /** Undefined: no loop. */
  readonly items: readonly unknown[] | undefined;
  readonly startedAt = performance.now();
  readonly scope: Scope;
  readonly results: ItemResult[] = [];
  /** What was registered before the loop, once an item's result stands there. */
  registeredBefore: { readonly value: Known | undefined } | undefined;
  index = 0;
  /** What is done next with the item at hand. */
  phase: "plan" | "finish" = "plan";
  itemScope: Scope | undefined;
  prepared: Prepared | undefined;
  plan: Plan | undefined;
  /** The plan is one that others have, too. */
  shared: SharedPlan | undefined;
  fault: Fault | undefined;
  outcomes: readonly Outcome[] | undefined;
  /** What came of the plan's effects. */
  effects: readonly EffectOutcome[] | undefined;
  diffs: readonly FileDiff[] = [];
  /** Of changes that were done before it was planned again. */
  earlierDiffs: readonly FileDiff[] = [];
  mayChange = false;
  /** Check mode: cannot be planned before a command that was not run has run. */
  isUndecided = false;
  /** Tries of `until`. */
  attempt = 1;
  /** Times that the tree was found changed by someone else. */
  conflicts = 0;
  /** A try before this one changed something. */
  hasChanged = false;
  hasPaused = false;
  /** no_log held for an item. */
  hasHidden = false;
  venue: Venue | undefined;
  /** What its keywords come to; undefined: it was not planned, or they make no sense. */
  keywords: ItemKeywords | undefined;
  /** The other target that it acts on, as delegate_to names it. */
  delegate: string | undefined;
  /** Probes of the second look. */
  more: Probes | undefined;
  /** What the item would do, for a saved plan. */
  planned: PlannedItem | undefined;
  /** The item goes on as this job. */
  job: JobFields | undefined;
  /** When its time began, ms of the monotonic clock. */
  timedFrom: number | undefined;
  #lastParams: Readonly<Record<string, unknown>> | undefined;
  #recalledArguments: Readonly<Record<string, unknown>> | undefined;
  /** It would act on a host itself, which a rehearsal does not. */
  isOnlyChecked = false;
  /** Facts that its items set. */
  facts: Readonly<Record<string, unknown>> = {};
  /** The other target that they are given to (delegate_facts). */
  factsOwner: string | undefined;
  /** What its items did to the run. */
  readonly journalEffects: Effect[] = [];
  /** Jobs that its items began. */
  readonly jobIds: string[] = [];
  /** It is taken as done, as it came out when the run was broken off. */
  recalled: PastStep | undefined;

  constructor(op: TaskOp, scope: Scope, items: readonly unknown[] | undefined) {
    this.op = op;
    this.scope = scope;
    this.items = items;
  }

  get count(): number {
    return this.items ? this.items.length : 1;
  }

  /** The arguments of the last item that came to be rendered, those alone that the task gives. */
  get givenArguments(): Readonly<Record<string, unknown>> {
    if (this.#recalledArguments) return this.#recalledArguments;
    const params = this.#lastParams ?? {};
    const given = Object.keys(this.op.task.args).filter((name) => params[name] !== undefined);
    return Object.fromEntries(given.map((name) => [name, params[name]]));
  }

  recallArguments(given: Readonly<Record<string, unknown>>): void {
    this.#recalledArguments = given;
  }

  /** Clears what belongs to one item. */
  nextItem(): void {
    this.#lastParams = this.prepared?.args.params ?? this.#lastParams;
    this.index++;
    this.phase = "plan";
    this.itemScope = undefined;
    this.prepared = undefined;
    this.plan = undefined;
    this.shared = undefined;
    this.fault = undefined;
    this.outcomes = undefined;
    this.effects = undefined;
    this.diffs = [];
    this.earlierDiffs = [];
    this.mayChange = false;
    this.isUndecided = false;
    this.attempt = 1;
    this.conflicts = 0;
    this.hasChanged = false;
    this.hasPaused = false;
    this.venue = undefined;
    this.delegate = undefined;
    this.keywords = undefined;
    this.more = undefined;
    this.planned = undefined;
    this.job = undefined;
    this.timedFrom = undefined;
    this.isOnlyChecked = false;
  }
}
