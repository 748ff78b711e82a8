// Bounds what is at work at the same time: hosts in the run, trees on a host, targets in a task.

import pLimit from "p-limit";

/** So long a host may take to be reached before others begin in its place. */
const PATIENCE_MS = 250;
/** Hosts that are still being reached while others work in their place: each costs a socket and a key exchange. */
const MOST_AWAITED = 128;

/** A host's place among those at work. */
interface Slot {
  /** How many pieces of work have it, and how many of them wait for the host to be reached. */
  users: number;
  awaiting: number;
  /** Others work in its place meanwhile. */
  isLent: boolean;
  ready: Promise<void>;
}

/**
 * At most `limit` hosts at work. A host counts once, however many of its trees are at work. One that does not answer counts only for a moment: else a few
 * dead hosts would keep all others from being worked on until they are given up.
 */
export class HostSlots {
  readonly #held = new Map<string, Slot>();
  /** First those that have been reached meanwhile. */
  readonly #returning: (() => void)[] = [];
  readonly #beginning: (() => void)[] = [];
  #free: number;
  #lent = 0;

  constructor(limit: number) {
    this.#free = Math.max(1, limit);
  }

  /** Runs the work while the host holds a slot. */
  async while<T>(host: string, work: () => Promise<T>): Promise<T> {
    const slot = this.#held.get(host) ?? {
      users: 0,
      awaiting: 0,
      isLent: false,
      ready: this.#take(this.#beginning),
    };
    this.#held.set(host, slot);
    slot.users++;
    try {
      await slot.ready;
      return await work();
    } finally {
      if (--slot.users === 0) {
        this.#held.delete(host);
        if (slot.isLent) this.#lent--;
        else this.#give();
      }
    }
  }

  /** Waits for the host to be reached; if that takes long, others work in its place until it is. Settles as `reaching` does. */
  async awaiting<T>(host: string, reaching: Promise<T>): Promise<T> {
    const slot = this.#held.get(host);
    if (slot === undefined) return reaching;
    slot.awaiting++;
    const timer = setTimeout(() => this.#lend(slot), PATIENCE_MS);
    try {
      const session = await reaching;
      if (slot.isLent) {
        slot.isLent = false;
        this.#lent--;
        slot.ready = this.#take(this.#returning);
      }
      await slot.ready;
      return session;
    } finally {
      clearTimeout(timer);
      slot.awaiting--;
    }
  }

  #lend(slot: Slot): void {
    if (slot.isLent || slot.awaiting < slot.users || this.#lent >= MOST_AWAITED) return;
    slot.isLent = true;
    this.#lent++;
    this.#give();
  }

  #take(queue: (() => void)[]): Promise<void> {
    if (this.#free === 0) return new Promise((resolve) => queue.push(resolve));
    this.#free--;
    return Promise.resolve();
  }

  /** Hands a place on. */
  #give(): void {
    const next = this.#returning.shift() ?? this.#beginning.shift();
    if (next === undefined) this.#free++;
    else next();
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
