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
  for (const [name, one] of Object.entries(probes))
    seen[name] = isMany(one) ? one.map((probe) => answer(probe)) : answer(one);
  return seen as Seen<P>;
}

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
