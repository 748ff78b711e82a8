// The figures that set_stats collects for the end of the run.

import type { AddStatsEffect } from "../module/effect.js";
import type { RunStats } from "./events.js";

type Figures = Record<string, unknown>;

export class Stats {
  readonly #run: Figures = {};
  readonly #targets = new Map<string, Figures>();

  get isEmpty(): boolean {
    return Object.keys(this.#run).length === 0 && this.#targets.size === 0;
  }

  get shown(): RunStats {
    return { run: this.#run, targets: Object.fromEntries(this.#targets) };
  }

  /** `targets` undefined: figures of the run. */
  add({ data, isAdded }: AddStatsEffect, targets: readonly string[] | undefined): void {
    const all = targets?.map((name) => this.#of(name)) ?? [this.#run];
    for (const figures of all) {
      for (const [name, value] of Object.entries(data)) {
        const isThere = Object.hasOwn(figures, name);
        figures[name] = isAdded && isThere ? sum(figures[name], value) : value;
      }
    }
  }

  #of(target: string): Figures {
    const known = this.#targets.get(target) ?? {};
    this.#targets.set(target, known);
    return known;
  }
}

/** As in Ansible: numbers and texts are added, lists joined, maps merged; what cannot be added leaves the first as it was. */
function sum(before: unknown, value: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(value)) return [...(before as unknown[]), ...(value as unknown[])];
  if (isMap(before) && isMap(value)) {
    const merged: Figures = { ...before };
    for (const [key, one] of Object.entries(value))
      merged[key] = isMap(merged[key]) && isMap(one) ? sum(merged[key], one) : one;
    return merged;
  }
  if (typeof before === "string" && typeof value === "string") return before + value;
  const [one, other] = [before, value].map((each) => (typeof each === "boolean" ? Number(each) : each));
  if (typeof one === "number" && typeof other === "number") return one + other;
  return before;
}

function isMap(value: unknown): value is Readonly<Figures> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
