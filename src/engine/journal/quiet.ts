// Steps of a target on which nothing was changed yet: they are written down when something is, since until then looking again finds the same.

import type { Journal } from "./journal.js";
import type { StepRecord, StepStatus } from "./records.js";

type Entry = (() => StepRecord) | readonly [play: number, op: number, status: StepStatus];

/** Of one target, through all plays. */
export class QuietSteps {
  /** Undefined: something was changed, and everything is written down at once. */
  #entries: Entry[] | undefined = [];

  step(journal: Journal, target: string, play: number, op: number, status: StepStatus): void {
    if (this.#entries) this.#entries.push([play, op, status]);
    else journal.step(target, play, op, status);
  }

  full(journal: Journal, record: () => StepRecord): void {
    if (this.#entries) this.#entries.push(record);
    else journal.full(record());
  }

  /** Something is about to be changed, or has gone wrong: what was done so far counts from now on. */
  speak(journal: Journal, target: string): void {
    const entries = this.#entries;
    this.#entries = undefined;
    for (const one of entries ?? []) {
      if (typeof one === "function") journal.full(one());
      else journal.step(target, ...one);
    }
  }
}
