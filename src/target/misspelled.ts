// Variables that look like ones by which hosts are reached, and are none.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import { editDistance } from "../diagnostic/near.js";
import { ALLOW_VARIABLE } from "../facts/allowances.js";
import { LIMITS_VARIABLE } from "../facts/process-limits.js";
import type { VarLayer } from "../module/value.js";
import { connectionVariables } from "./address.js";

/** More letters than this apart, a name is meant as it is written. */
const slips = 2;

/** A warning for each place that sets `crun_prot` or `ansible_hots`: nothing reads it, and the host is reached otherwise than was meant. */
export function misspelledConnectionVariables(layers: Iterable<VarLayer>): Diagnostic[] {
  const candidates = [...connectionVariables, LIMITS_VARIABLE, ALLOW_VARIABLE];
  const known = new Set(candidates);
  const meant = new Map<string, string | undefined>();
  const found: Diagnostic[] = [];
  for (const layer of layers) {
    for (const name of layer.names()) {
      if (!/^(?:crun|ansible)_/.test(name) || known.has(name)) continue;
      if (!meant.has(name))
        meant.set(
          name,
          candidates.find((one) => isNear(name, one)),
        );
      const near = meant.get(name);
      if (near === undefined) continue;
      const summary =
        near === LIMITS_VARIABLE
          ? `${name} limits nothing`
          : near === ALLOW_VARIABLE
            ? `${name} allows nothing`
            : `${name} says nothing about how a host is reached`;
      found.push({ severity: "warning", summary, place: layer.placeOf?.(name), remedy: `Did you mean ${near}?` });
    }
  }
  return found;
}

function isNear(name: string, candidate: string): boolean {
  const distance = editDistance(name, candidate, slips);
  // Of a short name two letters are half of it.
  return distance <= Math.min(slips, Math.floor(candidate.replace(/^[a-z]+_/, "").length / 2));
}

/** A warning for each connection variable among a play's own: a host is reached once for all plays, by what the inventory and the command line say. */
export function unheardConnectionVariables(layers: Iterable<VarLayer>): Diagnostic[] {
  const known = new Set(connectionVariables);
  return [...layers].flatMap((layer) =>
    [...layer.names()]
      .filter((name) => known.has(name))
      .map((name): Diagnostic => ({
        severity: "warning",
        summary: `${name} among the variables of a play says nothing about how a host or a tree is reached`,
        place: layer.placeOf?.(name),
        remedy: "Put it into the inventory (group_vars, host_vars), or give it with -e.",
      })),
  );
}
