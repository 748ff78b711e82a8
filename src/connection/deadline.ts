// Time that a connection may take, all steps together; questions to a person stop the clock. No clock that somebody can set.

/** Counts down while it is not held. */
export class Deadline {
  readonly #abort = new AbortController();
  #leftMs: number;
  #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #holds = 0;
  /** What was given at the beginning. */
  readonly wholeMs: number;

  constructor(timeoutMs: number) {
    this.wholeMs = timeoutMs;
    this.#leftMs = timeoutMs;
    this.#start();
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get leftMs(): number {
    return this.#timer === undefined ? this.#leftMs : Math.max(0, this.#leftMs - (performance.now() - this.#startedAt));
  }

  /** The clock stands still until the promise has settled. */
  async hold<T>(waitedFor: Promise<T>): Promise<T> {
    if (this.#holds++ === 0) this.stop();
    try {
      return await waitedFor;
    } finally {
      if (--this.#holds === 0) this.#start();
    }
  }

  /** More time, for work that takes its own. */
  extend(moreMs: number): void {
    const isRunning = this.#timer !== undefined;
    this.stop();
    this.#leftMs += moreMs;
    if (isRunning) this.#start();
  }

  stop(): void {
    this.#leftMs = this.leftMs;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Resolves or rejects as the promise does; rejects with what `late` makes when the time is over first. */
  async race<T>(promise: Promise<T>, late: () => Error): Promise<T> {
    const { signal } = this;
    return await new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(late());
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  #start(): void {
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#abort.abort(), this.#leftMs);
  }
}
