// The books of a batch: which changes wait to be applied, whose they are, and how to take back what was only supposed.

import type { Change, Outcome } from "../module/change.js";
import type { Plan } from "../module/contract.js";
import type { EngineEvent, FileDiff } from "./events.js";
import type { Frame } from "./frame.js";
import { isDone } from "./task/outcome.js";
import type { ItemKeywords } from "./task/item-keywords.js";
import type { Prepared } from "./task/prepared.js";
import type { TaskWork, Venue } from "./work.js";
import type { Scope } from "../module/value.js";

/** One item of a task in the batch. Items without changes are in it because they come after one that has some. */
interface Entry {
  readonly work: TaskWork;
  readonly frame: Frame;
  readonly pc: number;
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly undoMark: number;
  readonly events: (EngineEvent | (() => void))[];
  readonly plan: Plan | undefined;
  readonly prepared: Prepared | undefined;
  readonly itemScope: Scope | undefined;
  readonly keywords: ItemKeywords | undefined;
  readonly delegate: string | undefined;
  readonly diffs: readonly FileDiff[];
  readonly attempt: number;
  readonly conflicts: number;
  readonly hasChanged: boolean;
  readonly mayChange: boolean;
}

/** Where the walk stood when an entry was made. */
export interface Standing {
  readonly work: TaskWork;
  readonly frame: Frame;
  readonly pc: number;
}

/** What a batch came to. */
export type Settlement =
  | { readonly kind: "done" }
  /** The walk goes back to this entry, which failed; the ones after it never ran. */
  | {
      readonly kind: "failed";
      readonly standing: Standing;
      readonly outcomes: readonly Outcome[];
      readonly hasChanged: boolean;
    };

export class Books {
  readonly changes: Change[] = [];
  #entries: Entry[] = [];
  #undo: (() => void)[] = [];
  #commit: (event: EngineEvent) => void;
  venue: Venue | undefined;

  /** `commit` is told each event once it is certain. */
  constructor(commit: (event: EngineEvent) => void) {
    this.#commit = commit;
  }

  get isPending(): boolean {
    return this.changes.length > 0;
  }

  /** The task whose changes come first, for progress. */
  get first(): TaskWork | undefined {
    return this.#entries[0]?.work;
  }

  /** The task that the change at this index belongs to. */
  workAt(index: number): TaskWork | undefined {
    return this.#entries.find((entry) => index < entry.to)?.work;
  }

  /** Whether the change at this index is the first of an item. */
  isFirst(index: number): boolean {
    return this.#entries.some((entry) => entry.from === index && entry.to > index);
  }

  /** The plan that the change at this index is of. */
  planAt(index: number): Plan | undefined {
    return this.#entries.find((entry) => index < entry.to)?.plan;
  }

  /** Enters an item's changes (none, where it only has to wait for those before it). */
  enter({ work, frame, pc }: Standing, changes: readonly Change[]): void {
    const from = this.changes.length;
    this.changes.push(...changes);
    this.#entries.push({
      work,
      frame,
      pc,
      index: work.index,
      from,
      to: this.changes.length,
      undoMark: this.#undo.length,
      events: [],
      plan: work.plan,
      prepared: work.prepared,
      itemScope: work.itemScope,
      keywords: work.keywords,
      delegate: work.delegate,
      diffs: work.diffs,
      attempt: work.attempt,
      conflicts: work.conflicts,
      hasChanged: work.hasChanged,
      mayChange: work.mayChange,
    });
  }

  /** Notes how to take back something that was done on supposition. */
  undoable(undo: () => void): void {
    if (this.isPending) this.#undo.push(undo);
  }

  emit(event: EngineEvent): void {
    const last = this.#entries.at(-1);
    if (last && this.isPending) last.events.push(event);
    else this.#commit(event);
  }

  /** Does this once what comes before it is certain. */
  later(what: () => void): void {
    const last = this.#entries.at(-1);
    if (last && this.isPending) last.events.push(what);
    else what();
  }

  /** Items whose changes wait, and where they stand. */
  get begun(): readonly (Standing & { readonly index: number; readonly isCommand: boolean })[] {
    return this.#entries
      .filter(({ from, to }) => to > from)
      .map(({ work, frame, pc, index, from, to }) => {
        const isCommand = this.changes.slice(from, to).some(({ kind }) => kind === "exec");
        return { work, frame, pc, index, isCommand };
      });
  }

  /** Closes the batch with the outcomes of its changes, as far as they were tried. */
  settle(outcomes: readonly Outcome[]): Settlement {
    const failedAt = this.#failedIndex(outcomes);
    const entries = this.#entries;
    const undo = this.#undo;
    const { changes } = this;
    const reached = failedAt === undefined ? entries.length : entries.findIndex((entry) => failedAt < entry.to);
    const taken = changes.slice();
    this.#entries = [];
    this.#undo = [];
    this.changes.length = 0;
    for (const entry of entries.slice(0, reached))
      for (const one of entry.events) {
        if (typeof one === "function") one();
        else this.#commit(one);
      }
    const entry = entries[reached];
    if (failedAt === undefined || !entry) {
      const last = entries.at(-1);
      if (last && last.work.index === last.index && last.work.phase === "finish")
        last.work.outcomes = outcomes.slice(last.from, last.to);
      return { kind: "done" };
    }
    for (const one of undo.slice(entry.undoMark).toReversed()) one();
    const { work } = entry;
    work.index = entry.index;
    work.results.length = entry.index;
    work.plan = entry.plan;
    work.prepared = entry.prepared;
    work.itemScope = entry.itemScope;
    work.keywords = entry.keywords;
    work.delegate = entry.delegate;
    work.diffs = entry.diffs;
    work.attempt = entry.attempt;
    work.conflicts = entry.conflicts;
    work.mayChange = entry.mayChange;
    work.fault = undefined;
    const own = outcomes.slice(entry.from, entry.to);
    const hasChanged =
      entry.hasChanged ||
      taken.slice(entry.from, failedAt).some((change) => change.kind !== "lock" && change.kind !== "unlock");
    work.hasChanged = entry.hasChanged;
    return { kind: "failed", standing: { work, frame: entry.frame, pc: entry.pc }, outcomes: own, hasChanged };
  }

  /** The batch will not be applied: everything that was supposed is taken back, its events are dropped. */
  discard(): void {
    for (const one of this.#undo.toReversed()) one();
    this.#undo = [];
    this.#entries = [];
    this.changes.length = 0;
  }

  #failedIndex(outcomes: readonly Outcome[]): number | undefined {
    for (const [index, change] of this.changes.entries()) {
      const outcome = outcomes[index];
      if (!outcome || !isDone(change, outcome)) return index;
    }
    return undefined;
  }
}
