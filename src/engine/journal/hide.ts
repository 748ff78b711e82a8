// Hides what a journal must not hold: the run's secrets, and what came of tasks with no_log, wherever it turns up later.

import { Masker } from "../task/masker.js";

/** Where in a result nothing lies that is worth hiding, though every result has it. */
const plainKeys: ReadonlySet<string> = new Set(
  "changed failed skipped rc start end delta state mode owner group uid gid size checksum md5sum dest path msg".split(
    " ",
  ),
);
/** Shorter text is in everything. */
const SHORTEST_HIDDEN = 5;

export class Hider {
  readonly #run: Masker;
  readonly #own = new Masker();

  constructor(run: Masker) {
    this.#run = run;
  }

  get isEmpty(): boolean {
    return this.#run.isEmpty && this.#own.isEmpty;
  }

  text(text: string): string {
    return this.#own.text(this.#run.text(text));
  }

  /** The same map with what is hidden masked. */
  map<T extends object>(map: T): T {
    return this.#own.map(this.#run.map(map));
  }

  /** What came of a task with no_log. */
  add(value: unknown): void {
    if (typeof value === "string") {
      if (value.length >= SHORTEST_HIDDEN) this.#own.add(value);
    } else if (typeof value === "number") this.#own.add(value);
    else if (Array.isArray(value)) for (const one of value) this.add(one);
    else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array))
      for (const [key, one] of Object.entries(value)) if (!plainKeys.has(key)) this.add(one);
  }
}
