// Looks for the trees that rules (`node1:web*`) stand for, on the hosts that the plays and the limit can concern.

import { CrunError } from "../diagnostic/diagnostic.js";
import { HostSlots } from "../engine/slots.js";
import { askedRules, mayConcern } from "../inventory/concern.js";
import type { TreeRule } from "../inventory/inventory.js";
import type { ConnectionPool } from "../target/connect.js";
import { treesDirectory } from "../target/address.js";
import type { HostSession } from "../target/session.js";
import { findTrees } from "../target/find-trees.js";
import { limitPattern } from "./limit.js";
import { showWarning, type Setup } from "./setup.js";

/** What is looked for: for these patterns, as far as the limit goes. */
export interface FleetWish {
  /** A pattern that is not known yet is `all`. */
  readonly patterns: readonly string[];
  readonly limit: string | undefined;
  /** Names that tasks are delegated to, whatever the limit. */
  readonly delegates?: ReadonlySet<string>;
}

/** Rules whose host could not be looked at, and why: each stays in the inventory as a target by its own name. */
export type LostRules = ReadonlyMap<string, CrunError>;

/** Rules that are to be looked for, and names of those that only patterns have. */
export function wantedRules(
  { inventory }: Setup,
  wish: FleetWish,
): { readonly rules: readonly TreeRule[]; readonly asked: readonly string[] } {
  const { rules } = inventory.base;
  if (wish.patterns.length === 0) return { rules: [], asked: [] };
  const limit = wish.limit === undefined ? undefined : limitPattern(wish.limit);
  const asked = new Map<string, TreeRule>();
  for (const pattern of [...wish.patterns, ...(limit === undefined ? [] : [limit])])
    for (const rule of askedRules(pattern, inventory, rules)) asked.set(rule.name, rule);
  const all = [...rules, ...asked.values()];
  const wanted = all.filter(
    (rule) =>
      (wish.patterns.some((pattern) => mayConcern(pattern, rule)) &&
        (limit === undefined || mayConcern(limit, rule))) ||
      [...(wish.delegates ?? [])].some((name) => mayConcern(name, rule)),
  );
  return { rules: wanted, asked: [...asked.keys()].filter((name) => wanted.some((rule) => rule.name === name)) };
}

/** Puts the trees that are found into the inventory. Rejects with a CrunError for what is wrong with the inventory. */
export async function findFleet(setup: Setup, pool: ConnectionPool, wish: FleetWish): Promise<LostRules> {
  const { inventory } = setup;
  const { rules, asked } = wantedRules(setup, wish);
  const lost = new Map<string, CrunError>();
  if (rules.length === 0) return lost;
  const found = new Map<string, readonly string[] | undefined>();
  const places = rules.map((rule) => ({
    rule,
    address: setup.addressOf(rule.host),
    directory: directoryOf(setup, rule),
  }));
  const looks = new Map<string, ReturnType<typeof findTrees>>();
  const slots = new HostSlots(setup.forks);
  await Promise.all(
    places.map(async ({ rule, address, directory }) => {
      const key = `${rule.host}\0${directory}`;
      const { host } = rule;
      const reach = (): Promise<HostSession> => slots.awaiting(host, pool.get(address));
      const look = looks.get(key) ?? slots.while(host, async () => findTrees(await reach(), directory));
      const isFirst = !looks.has(key);
      looks.set(key, look);
      try {
        const { names, warnings } = await look;
        found.set(rule.name, names);
        if (isFirst) for (const warning of warnings) showWarning(warning);
      } catch (error) {
        if (!(error instanceof CrunError) || error.exitStatus !== 4) throw error;
        found.set(rule.name, undefined);
        lost.set(rule.name, error);
      }
    }),
  );
  inventory.replace(inventory.base.withTrees(found, asked));
  return lost;
}

/** Where the rule's trees lie, by the variables that they will have. */
function directoryOf(setup: Setup, rule: TreeRule): string {
  const scope = setup.scopeOf(rule.name);
  if (scope.has("crun_path")) {
    const summary = `${rule.name} stands for several trees, which cannot all lie at one crun_path`;
    throw new CrunError({ severity: "error", summary, remedy: "Set crun_trees to the directory that they lie in." });
  }
  return treesDirectory(scope);
}
