// Helpers that choose by a seed: the same choice as Python's random makes, each time.

import { createHash } from "node:crypto";
import { helper, HelperError, listArgument, numberArgument, textArgument, type HelperTable } from "./definition.js";

const SIZE = 624;
const PERIOD = 397;

/** The Mersenne Twister (Matsumoto, Nishimura 1998), seeded as Python's `random.seed` does. */
class Twister {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  constructor(seed: string | number) {
    this.#seedByArray(wordsOf(seed));
  }

  #seed(value: number): void {
    this.#state[0] = value;
    for (let index = 1; index < SIZE; index++) {
      const before = this.#state[index - 1] ?? 0;
      this.#state[index] = Math.imul(1812433253, before ^ (before >>> 30)) + index;
    }
  }

  #seedByArray(key: readonly number[]): void {
    this.#seed(19650218);
    const state = this.#state;
    let [i, j] = [1, 0];
    const wrap = (): void => {
      if (++i < SIZE) return;
      state[0] = state[SIZE - 1] ?? 0;
      i = 1;
    };
    for (let left = Math.max(SIZE, key.length); left > 0; left--) {
      const before = state[i - 1] ?? 0;
      state[i] = ((state[i] ?? 0) ^ Math.imul(before ^ (before >>> 30), 1664525)) + (key[j] ?? 0) + j;
      wrap();
      if (++j >= key.length) j = 0;
    }
    for (let left = SIZE - 1; left > 0; left--) {
      const before = state[i - 1] ?? 0;
      state[i] = ((state[i] ?? 0) ^ Math.imul(before ^ (before >>> 30), 1566083941)) - i;
      wrap();
    }
    state[0] = 0x80000000;
  }

  #next(): number {
    if (this.#at >= SIZE) this.#twist();
    let word = this.#state[this.#at++] ?? 0;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return word >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let index = 0; index < SIZE; index++) {
      const word = ((state[index] ?? 0) & 0x80000000) | ((state[(index + 1) % SIZE] ?? 0) & 0x7fffffff);
      state[index] = (state[(index + PERIOD) % SIZE] ?? 0) ^ (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }

  /** A whole number from 0 up to but without `end`. */
  below(end: number): number {
    const bits = end.toString(2).length;
    for (;;) {
      const value = this.#bits(bits);
      if (value < end) return value;
    }
  }

  #bits(count: number): number {
    if (count <= 32) return this.#next() >>> (32 - count);
    const low = this.#next();
    return (this.#next() >>> (64 - count)) * 2 ** 32 + low;
  }
}

/** A seed as words of 32 bits, lowest first: a number by itself, text with its hash behind it. */
function wordsOf(seed: string | number): number[] {
  let value = BigInt(0);
  if (typeof seed === "number") value = BigInt(Math.abs(Math.trunc(seed)));
  else {
    const bytes = Buffer.from(seed, "utf8");
    value = BigInt(`0x${Buffer.concat([bytes, createHash("sha512").update(bytes).digest()]).toString("hex")}`);
  }
  const words: number[] = [];
  for (; value > 0n; value >>= 32n) words.push(Number(value & 0xffffffffn));
  return words.length === 0 ? [0] : words;
}

function wantsSeed(seed: unknown): void {
  if (seed === undefined || seed === null) {
    throw new HelperError(
      "it wants a seed",
      "Without one the task would change at each run: seed=inventory_hostname gives each target a choice that stays.",
    );
  }
}

function twisterOf(seed: unknown): Twister {
  wantsSeed(seed);
  return new Twister(typeof seed === "number" ? seed : textArgument(seed, "seed"));
}

function choice([value, start = 0, step = 1, seed]: readonly unknown[]): unknown {
  const twister = twisterOf(seed);
  if (typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value))) {
    const [from, by] = [numberArgument(start), numberArgument(step)];
    const count = by === 0 ? 0 : Math.ceil((numberArgument(value) - from) / by);
    if (count <= 0 || !Number.isInteger(count))
      throw new HelperError(`there is no number from ${from} to ${String(value)}`);
    return from + by * twister.below(count);
  }
  const items = typeof value === "string" ? [...value] : listArgument(value);
  if (items.length === 0) throw new HelperError("the list is empty");
  return items[twister.below(items.length)];
}

export const randomHelpers: HelperTable = {
  random: helper(
    "list-or-end [start] [step] [seed]",
    "One of the items, or a number below `end`; which, `seed=` says, as in Ansible: `random 60 seed=inventory_hostname`.",
    choice,
    { check: ([, , , seed]) => wantsSeed(seed) },
  ),
  shuffle: helper(
    "list [seed]",
    "The items in an order that `seed=` says, as in Ansible.",
    ([value, seed]) => {
      const twister = twisterOf(seed);
      const items = [...listArgument(value)];
      for (let index = items.length - 1; index > 0; index--) {
        const other = twister.below(index + 1);
        [items[index], items[other]] = [items[other], items[index]];
      }
      return items;
    },
    { check: ([, seed]) => wantsSeed(seed) },
  ),
};
