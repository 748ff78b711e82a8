// What a journal says of a run that was broken off: which steps of which target are done, which were being done, which handlers wait.

import type {
  DoingRecord,
  FailureRecord,
  ItemRecord,
  JobRecord,
  PlayRecord,
  RunRecord,
  SingleRecord,
  StepRecord,
  StepStatus,
  TransactionRecord,
} from "./records.js";

/** A step that is done. */
export type PastStep = Omit<StepRecord, "kind" | "target" | "play" | "op"> & { readonly status: StepStatus };

/** An item of a loop that has acted. */
export type PastItem = Omit<ItemRecord, "kind" | "target" | "play" | "op" | "index">;

type Entry =
  | { readonly kind: "step"; readonly play: number; readonly op: number; readonly step: PastStep }
  | { readonly kind: "failure"; readonly play: number; readonly op: number; readonly failure: FailureRecord }
  | { readonly kind: "clear" };

/** The index of a step that is known as a whole. */
export const ANY_ITEM = -1;

export interface Doing {
  readonly play: number;
  readonly op: number;
  readonly index: number;
  readonly isCommand: boolean;
}

/** One target's way through the run so far. */
export class TargetHistory {
  readonly name: string;
  entries: Entry[] = [];
  doing = new Map<string, Doing>();
  /** Of loops that were not through: what came of items, by their index. */
  readonly items = new Map<
    string,
    { readonly play: number; readonly op: number; readonly of: Map<number, PastItem> }
  >();
  readonly facts = new Map<number, Readonly<Record<string, unknown>>>();
  readonly over = new Map<number, "done" | "failed" | "unreachable" | "cut">();
  readonly transactions = new Map<number, TransactionRecord["outcome"]>();
  /** Handlers that a play which is to be run anew has to run, by its number. */
  owed = new Map<number, Set<string>>();

  constructor(name: string) {
    this.name = name;
  }

  enterDoing({ play, steps }: DoingRecord): void {
    for (const [op, index, isCommand] of steps)
      this.doing.set(`${play}/${op}/${index}`, { play, op, index, isCommand: isCommand === 1 });
  }

  enterItem({ play, op, index, ...item }: ItemRecord): void {
    const key = `${play}/${op}`;
    const known = this.items.get(key) ?? { play, op, of: new Map<number, PastItem>() };
    this.items.set(key, known);
    known.of.set(index, item);
    this.doing.delete(`${key}/${index}`);
  }

  enterStep(play: number, op: number, step: PastStep): void {
    this.items.delete(`${play}/${op}`);
    this.entries.push({ kind: "step", play, op, step });
    for (const [key, one] of this.doing) if (one.play === play && one.op === op) this.doing.delete(key);
  }

  /** Where it failed or was lost, if it is out: the first failure that nothing took, since all were forgiven. */
  get failure(): FailureRecord | undefined {
    const cleared = this.entries.findLastIndex(({ kind }) => kind === "clear");
    const found = this.entries.slice(cleared + 1).find((one) => one.kind === "failure");
    return found?.kind === "failure" ? found.failure : undefined;
  }

  /** Handlers that were notified and have not run since, by play. */
  pending(titleOf: (op: number) => string): Map<number, Set<string>> {
    const found = new Map([...this.owed].map(([play, titles]) => [play, new Set(titles)]));
    for (const one of this.entries) {
      if (one.kind !== "step") continue;
      const titles = found.get(one.play) ?? new Set<string>();
      found.set(one.play, titles);
      if (one.step.isHandler === true) titles.delete(titleOf(one.op));
      for (const title of one.step.notified ?? []) titles.add(title);
    }
    return found;
  }

  /** Drops what comes from this place on. */
  cut(play: number, op: number): void {
    const at = this.entries.findIndex((one) => one.kind === "step" && one.play === play && one.op === op);
    if (at >= 0) this.#truncate(at);
  }

  /** What had changed something is done again: that it finds nothing to change any more must not keep handlers from running. */
  #truncate(at: number): void {
    for (const one of this.entries.slice(at))
      if (one.kind === "step" && one.step.status === "c") {
        const { play, op } = one;
        this.doing.set(`${play}/${op}/${ANY_ITEM}`, { play, op, index: ANY_ITEM, isCommand: false });
      }
    this.entries.length = at;
  }

  /** The failure that put it out is taken back: it is tried again there, and what came after it is not known. */
  forgetFailure(): void {
    const { failure } = this;
    if (!failure) return;
    const from = this.entries.findLastIndex(({ kind }) => kind === "clear") + 1;
    const at = this.entries.findIndex(
      (one, index) =>
        index >= from &&
        one.kind !== "clear" &&
        one.play === failure.play &&
        one.op === failure.op &&
        (one.kind === "failure" || (one.step.status === "f" && one.step.isIgnored !== true)),
    );
    if (at >= 0) this.#truncate(at);
  }

  /** Of a play that acted in a clone which never took the tree's place nothing is done. */
  forgetTransactions(plays: ReadonlyMap<number, PlayRecord>): void {
    for (const [number, { isTransaction }] of plays) {
      const outcome = this.transactions.get(number);
      if (!isTransaction || outcome === "swapped" || outcome === "unchanged") continue;
      const at = this.entries.findIndex((one) => one.kind !== "clear" && one.play === number);
      if (at >= 0) this.entries.length = at;
      for (const [key, { play }] of this.doing) if (play === number) this.doing.delete(key);
      for (const [key, { play }] of this.items) if (play === number) this.items.delete(key);
    }
  }

  /** Steps whose jobs ended with the run begin them again. */
  forgetJobs(jobs: ReadonlyMap<string, JobRecord>): readonly string[] {
    const lost: string[] = [];
    this.entries = this.entries.filter((one) => {
      const open = one.kind === "step" ? (one.step.jobs ?? []).filter((id) => !jobs.get(id)?.result) : [];
      lost.push(...open);
      return open.length === 0;
    });
    return lost;
  }
}

/** All of a journal. */
export class History {
  run: RunRecord | undefined;
  readonly files = new Map<string, string>();
  readonly plays = new Map<number, PlayRecord>();
  readonly ops = new Map<number, { readonly key: string; readonly title: string }>();
  readonly targets = new Map<string, TargetHistory>();
  readonly jobs = new Map<string, JobRecord>();
  /** Jobs that ended with the run, by target. */
  readonly lostJobs = new Map<string, readonly string[]>();
  /** The last process that worked on it. */
  runner: RunRecord["runner"] | undefined;
  startedAt = "";
  /** How it ended; undefined: it did not, or goes on. */
  exitStatus: number | undefined;
  endedAt: string | undefined;
  isAnew = false;

  constructor(records: readonly SingleRecord[]) {
    for (const record of records) this.#enter(record);
  }

  titleOf(op: number): string {
    return this.ops.get(op)?.title ?? "";
  }

  /** Makes it what a run that goes on starts from: failures are taken back, and what is void. */
  prepare(): this {
    for (const target of this.targets.values()) {
      target.forgetTransactions(this.plays);
      target.forgetFailure();
      const lost = target.forgetJobs(this.jobs);
      if (lost.length > 0) this.lostJobs.set(target.name, lost);
    }
    return this;
  }

  /** All plays are run anew: nothing is done, but what was notified is owed. */
  startAnew(): void {
    for (const target of this.targets.values()) {
      target.owed = target.pending((op) => this.titleOf(op));
      target.entries = [];
      target.doing.clear();
      target.items.clear();
      target.facts.clear();
      target.over.clear();
      target.transactions.clear();
    }
  }

  #enter(record: SingleRecord): void {
    switch (record.kind) {
      case "run":
        this.run = record;
        this.runner = record.runner;
        this.startedAt = record.at;
        return;
      case "files":
        for (const [path, digest] of Object.entries(record.files)) this.files.set(path, digest);
        return;
      case "resume":
        this.prepare();
        this.runner = record.runner;
        this.exitStatus = undefined;
        this.endedAt = undefined;
        if (record.isAnew) this.startAnew();
        return;
      case "play":
        this.plays.set(record.play, record);
        return;
      case "op":
        this.ops.set(record.op, { key: record.key, title: record.title });
        return;
      case "steps":
        for (const [op, status] of record.steps) this.#of(record.target).enterStep(record.play, op, { status });
        return;
      case "step": {
        const { kind: _kind, target, play, op, ...step } = record;
        this.#of(target).enterStep(play, op, step);
        return;
      }
      case "item":
        this.#of(record.target).enterItem(record);
        return;
      case "doing":
        this.#of(record.target).enterDoing(record);
        return;
      case "facts":
        this.#of(record.target).facts.set(record.play, record.facts);
        return;
      case "failure":
        this.#of(record.target).entries.push({
          kind: "failure",
          play: record.play,
          op: record.op,
          failure: record,
        });
        return;
      case "clear":
        for (const name of record.targets) this.#of(name).entries.push({ kind: "clear" });
        return;
      case "cut":
        this.#of(record.target).cut(record.play, record.op);
        return;
      case "over":
        this.#of(record.target).over.set(record.play, record.how);
        return;
      case "transaction":
        this.#of(record.target).transactions.set(record.play, record.outcome);
        return;
      case "job":
        this.jobs.set(record.id, record);
        return;
      case "end":
        this.exitStatus = record.exitStatus;
        this.endedAt = record.at;
    }
  }

  #of(name: string): TargetHistory {
    const known = this.targets.get(name) ?? new TargetHistory(name);
    this.targets.set(name, known);
    return known;
  }
}
