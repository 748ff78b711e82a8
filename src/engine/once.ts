// run_once: what came of a task on the one target that did it, for those that wait for it.

import type { ItemResult, TaskWork } from "./work.js";

/** What a run_once task gave, for the targets that did not run it. */
export interface OnceResult {
  readonly register: string | undefined;
  readonly result: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly lost: { readonly work: TaskWork; readonly result: ItemResult } | undefined;
}

/** Results by where in the play their task stands. Who asks first may be the one that gives or one that waits. */
export class OnceResults {
  readonly #slots = new Map<
    string,
    { readonly promise: Promise<OnceResult>; readonly resolve: (result: OnceResult) => void }
  >();

  readonly #recalled = new Set<string>();

  /** `isRecalled`: it was done before the run was broken off. */
  give(key: string, result: OnceResult, isRecalled = false): void {
    if (isRecalled) this.#recalled.add(key);
    this.#slot(key).resolve(result);
  }

  /** Whether the run had it before it was broken off. */
  isRecalled(key: string): boolean {
    return this.#recalled.has(key);
  }

  wait(key: string): Promise<OnceResult> {
    return this.#slot(key).promise;
  }

  #slot(key: string): { readonly promise: Promise<OnceResult>; readonly resolve: (result: OnceResult) => void } {
    let slot = this.#slots.get(key);
    if (!slot) {
      let resolve: (result: OnceResult) => void = () => undefined;
      const promise = new Promise<OnceResult>((done) => (resolve = done));
      slot = { promise, resolve };
      this.#slots.set(key, slot);
    }
    return slot;
  }
}
