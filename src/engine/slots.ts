// Bounds what is at work at the same time: hosts in the run, trees on a host, targets in a task.

import pLimit from "p-limit";

/** At most `limit` hosts at work. A host counts once, however many of its trees are at work. */
export class HostSlots {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #held = new Map<string, { users: number; readonly ready: Promise<void>; release: () => void }>();

  constructor(limit: number) {
    this.#limit = pLimit(Math.max(1, limit));
  }

  /** Runs the work while the host holds a slot. */
  async while<T>(host: string, work: () => Promise<T>): Promise<T> {
    let slot = this.#held.get(host);
    if (!slot) {
      let release: () => void = () => undefined;
      const done = new Promise<void>((resolve) => (release = resolve));
      const ready = new Promise<void>((resolve) => {
        void this.#limit(() => {
          resolve();
          return done;
        });
      });
      slot = { users: 0, ready, release };
      this.#held.set(host, slot);
    }
    slot.users++;
    try {
      await slot.ready;
      return await work();
    } finally {
      if (--slot.users === 0) {
        this.#held.delete(host);
        slot.release();
      }
    }
  }
}

/** A plain bound on how many pieces of work run at once. */
export class Limiter {
  readonly #limit: ReturnType<typeof pLimit>;

  constructor(limit: number) {
    this.#limit = pLimit(Math.max(1, limit));
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#limit(work);
  }
}
