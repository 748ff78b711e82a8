// Runs a module's observe and plan against whatever answers its probes.

import type { AnyModule, Context, Plan, Probes, Seen } from "./contract.js";
import type { Observation, Probe } from "./probe.js";

/** All probes of a module's look, flat, in a fixed order. */
export function flatProbes(probes: Probes): Probe[] {
  return Object.values(probes).flatMap((one): readonly Probe[] => (isMany(one) ? one : [one]));
}

/** Puts answers under the names of their probes. `answer` is called in the order of `flatProbes`. */
export function seenFrom<P extends Probes>(probes: P, answer: (probe: Probe) => Observation): Seen<P> {
  const seen: Record<string, Observation | readonly Observation[]> = {};
  for (const name in probes) {
    const one = probes[name];
    if (one === undefined) continue;
    if (!isMany(one)) seen[name] = answer(one);
    else seen[name] = one.length === 0 ? nothing : one.map((probe) => answer(probe));
  }
  return seen as Seen<P>;
}

const nothing: readonly Observation[] = [];

function isMany(one: Probe | readonly Probe[]): one is readonly Probe[] {
  return Array.isArray(one);
}

/** observe, observeMore and plan in one go, where every probe can be answered at once. */
export function planModule(
  module: AnyModule,
  params: Readonly<Record<string, unknown>>,
  context: Context,
  answer: (probe: Probe) => Observation,
): Plan {
  const seen = seenFrom(module.observe(params, context), answer);
  if (!module.observeMore) return module.plan(params, seen, context);
  const more = seenFrom(module.observeMore(params, seen, context), answer);
  return module.plan(params, { ...seen, ...more }, context);
}
