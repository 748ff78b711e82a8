// Writes down what a run does while it does it: steps when they are done, changes before they are sent.

import type { Masker } from "../task/masker.js";
import type { JobState } from "../../module/contract.js";
import type { History } from "./history.js";
import { Hider } from "./hide.js";
import { keepable } from "./keepable.js";
import {
  lineOf,
  type DoingRecord,
  type EndRecord,
  type JournalRecord,
  type OverRecord,
  type SingleRecord,
  type StepRecord,
  type StepStatus,
  type TransactionRecord,
} from "./records.js";

/** Where lines go. */
export interface JournalStore {
  /** Appends whole lines: they outlive the process. */
  append(text: string): void;
  /** Resolves when all that was appended so far outlives the machine. Calls at the same time share the work. */
  sync(): Promise<void>;
}

/** Lines wait until there are so many bytes, or for so long, or until something is done. */
const BUFFER_BYTES = 64 * 1024;
const LAZY_MS = 250;

export class Journal {
  readonly #store: JournalStore;
  readonly #masker: Hider;
  #lines: string[] = [];
  #size = 0;
  /** Steps of which only the status counts, in one line for each target. */
  readonly #steps = new Map<string, { readonly play: number; readonly list: [number, StepStatus][] }>();
  readonly #ops = new Map<string, number>();
  readonly #factsOf = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  /** Records that become one line. */
  #group: SingleRecord[] | undefined;

  /** `before`: what the journal holds already. */
  constructor(store: JournalStore, masker: Masker, before?: History) {
    this.#store = store;
    this.#masker = new Hider(masker);
    for (const [op, { key }] of before?.ops ?? []) this.#ops.set(key, op);
    for (const { name, facts } of before?.targets.values() ?? [])
      for (const play of facts.keys()) this.#factsOf.add(`${play}/${name}`);
  }

  /** The number of a place in the plays. */
  opOf(key: string, title: () => string): number {
    const known = this.#ops.get(key);
    if (known !== undefined) return known;
    const op = this.#ops.size + 1;
    this.#ops.set(key, op);
    this.record({ kind: "op", op, key, title: this.#masker.text(title()) });
    return op;
  }

  play(
    play: number,
    title: string,
    targets: readonly string[],
    isTransaction: boolean,
    titles: readonly string[],
  ): void {
    const { masker } = this;
    const shown = titles.map((one) => masker.text(one));
    this.record({ kind: "play", play, title: masker.text(title), targets, isTransaction, titles: shown });
  }

  /** Takes out what must not be kept. */
  get masker(): Hider {
    return this.#masker;
  }

  /** A step of which only the status counts. */
  step(target: string, play: number, op: number, status: StepStatus): void {
    let known = this.#steps.get(target);
    if (known?.play !== play) {
      if (known) this.#settle(target);
      this.#steps.set(target, (known = { play, list: [] }));
    }
    known.list.push([op, status]);
    this.#size += 8;
    if (this.#timer === undefined || this.#size > BUFFER_BYTES) this.#later();
  }

  /** Any other record. */
  record(record: SingleRecord): void {
    if ("target" in record && record.kind !== "job") this.#settle(record.target);
    this.#push(record);
    this.#later();
  }

  /** What is recorded meanwhile of the target is there as a whole, or not at all. */
  together<T>(target: string, work: () => T): T {
    if (this.#group) return work();
    const records: SingleRecord[] = [];
    this.#group = records;
    try {
      const came = work();
      this.#settle(target);
      return came;
    } finally {
      this.#group = undefined;
      const [first, ...others] = records;
      if (first) this.#write(others.length === 0 ? first : { kind: "batch", records });
    }
  }

  full(record: StepRecord): void {
    this.record(record);
  }

  /** This is about to be sent. Resolves when that is written down for good. */
  async doing(record: DoingRecord): Promise<void> {
    this.record(record);
    this.flush();
    await this.#store.sync();
  }

  /** The facts that a play goes by, before something is changed that would make them others. */
  facts(target: string, play: number, facts: () => Readonly<Record<string, unknown>>): void {
    const key = `${play}/${target}`;
    if (this.#factsOf.has(key)) return;
    this.#factsOf.add(key);
    const kept = keepable(this.#masker, facts());
    if (kept.isWhole && kept.value) this.record({ kind: "facts", target, play, facts: kept.value });
  }

  failure(target: string, play: number, op: number, isLost: boolean, message: string | undefined): void {
    const shown = message === undefined ? {} : { message: this.#masker.text(message) };
    this.record({ kind: "failure", target, play, op, isLost, ...shown });
  }

  over(target: string, play: number, how: OverRecord["how"]): void {
    this.record({ kind: "over", target, play, how });
  }

  transaction(target: string, play: number, outcome: TransactionRecord["outcome"]): void {
    this.record({ kind: "transaction", target, play, outcome });
    this.flush();
  }

  job(target: string, id: string, { result, remedy }: JobState): void {
    const kept = keepable(this.#masker, result);
    const shown = remedy === undefined ? {} : { remedy: this.#masker.text(remedy) };
    this.record({ kind: "job", target, id, ...(kept.isWhole && kept.value ? { result: kept.value } : {}), ...shown });
    this.flush();
  }

  /** The run is over. Resolves when that is written down for good. */
  async end(exitStatus: EndRecord["exitStatus"]): Promise<void> {
    this.record({ kind: "end", at: new Date().toISOString(), exitStatus });
    this.flush();
    clearTimeout(this.#timer);
    await this.#store.sync();
  }

  /** What was recorded outlives this process. */
  flush(): void {
    for (const target of this.#steps.keys()) this.#settle(target);
    if (this.#lines.length === 0) return;
    const text = this.#lines.join("");
    this.#lines = [];
    this.#size = 0;
    this.#store.append(text);
  }

  #settle(target: string): void {
    const known = this.#steps.get(target);
    if (!known) return;
    this.#steps.delete(target);
    this.#push({ kind: "steps", target, play: known.play, steps: known.list });
  }

  #push(record: SingleRecord): void {
    if (this.#group) this.#group.push(record);
    else this.#write(record);
  }

  #write(record: JournalRecord): void {
    const line = lineOf(record);
    this.#lines.push(line);
    this.#size += line.length;
  }

  #later(): void {
    if (this.#size > BUFFER_BYTES) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.flush();
      }, LAZY_MS).unref();
  }
}
