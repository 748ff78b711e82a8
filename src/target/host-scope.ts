// The variables that say how a host is reached: its own, and those written at its trees or their groups, which must agree.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Scope } from "../module/value.js";

/** A target on the host and its variables; the host's own are among them. */
export interface HostMember {
  readonly name: string;
  readonly scope: Scope;
}

/**
 * The host's scope with what its targets add to `variables` on top. A host has one connection for all its trees, so targets that say different
 * things throw a CrunError; those that say nothing go along.
 */
export function hostScope(
  host: string,
  own: Scope,
  members: readonly HostMember[],
  variables: readonly string[],
): Scope {
  const found = new Map<string, { readonly raw: unknown }>();
  for (const variable of variables) {
    const saying = members.filter(({ scope }) => scope.has(variable));
    const [first, ...others] = saying.map(({ name, scope }) => ({ name, value: scope.get(variable) }));
    if (!first) continue;
    const other = others.find(({ value }) => JSON.stringify(value) !== JSON.stringify(first.value));
    if (other) throw disagreement(host, variable, [first.name, other.name]);
    found.set(variable, { raw: first.value });
  }
  if (found.size === 0) return own;
  return own.with({ origin: `targets on ${host}`, get: (name) => found.get(name), names: () => found.keys() });
}

/** Values are not shown: one of the variables is a password. */
function disagreement(host: string, variable: string, names: readonly [string, string]): CrunError {
  return new CrunError({
    severity: "error",
    summary: `${variable} differs between ${names.join(" and ")}, but all trees of a host share one connection`,
    remedy: `Write those that are reached in another way beneath another name than ${host}; crun_host may give both the same address.`,
  });
}
