// The probes of one round trip, each once; targets that ask the same share the list.

import type { Probes } from "../../module/contract.js";
import { probeKey } from "../../module/probe-key.js";
import type { Probe } from "../../module/probe.js";
import { flatProbes } from "../../module/run-plan.js";

/** What one task asks: its module's probes, or some that are merely likely to be asked. */
export type Part = Probes | readonly Probe[];

export interface ProbeBatch {
  readonly probes: readonly Probe[];
  /** Where the answers to each part's probes will be, in the order of `seenFrom`. */
  readonly slots: readonly (readonly number[])[];
}

/** Kinds of targets that are told apart. */
const keptLimit = 4;

interface Kept {
  readonly first: readonly Probe[];
  readonly parts: readonly Part[];
  readonly batch: ProbeBatch;
}

/** Makes batches; the same one again for the same probes. */
export class ProbeBatches {
  #kept: Kept[] = [];
  readonly #joined = new WeakMap<readonly Probe[], WeakMap<readonly Probe[], readonly Probe[]>>();

  of(first: readonly Probe[], parts: readonly Part[]): ProbeBatch {
    for (const kept of this.#kept) if (isSame(kept.first, first) && isSame(kept.parts, parts)) return kept.batch;
    const batch = batchOf(first, parts);
    this.#kept = [{ first, parts, batch }, ...this.#kept].slice(0, keptLimit);
    return batch;
  }

  /** One list behind the other. */
  join(probes: readonly Probe[], more: readonly Probe[]): readonly Probe[] {
    const known = this.#joined.get(probes) ?? new WeakMap<readonly Probe[], readonly Probe[]>();
    const joined = known.get(more) ?? [...probes, ...more];
    this.#joined.set(probes, known.set(more, joined));
    return joined;
  }
}

function isSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  if (some.length !== others.length) return false;
  for (let index = 0; index < some.length; index++) if (some[index] !== others[index]) return false;
  return true;
}

function batchOf(first: readonly Probe[], parts: readonly Part[]): ProbeBatch {
  const probes: Probe[] = [];
  const known = new Map<string, number>();
  const add = (probe: Probe): number => {
    const key = probeKey(probe);
    let slot = known.get(key);
    if (slot === undefined) {
      slot = probes.push(probe) - 1;
      known.set(key, slot);
    }
    return slot;
  };
  for (const probe of first) add(probe);
  return { slots: parts.map((part) => probesIn(part).map(add)), probes };
}

function probesIn(part: Part): readonly Probe[] {
  return isList(part) ? part : flatProbes(part);
}

function isList(part: Part): part is readonly Probe[] {
  return Array.isArray(part);
}
