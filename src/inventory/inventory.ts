// Hosts, trees, groups and their variables, as the rest of crun sees them.

import type { VarLayer } from "../module/value.js";

/** What a play acts on. */
export interface Target {
  /** `HOST:TREE`, `HOST`, or the plain name of an entry with crun_path. */
  readonly name: string;
  /** The host's name in the inventory. */
  readonly host: string;
  /** Undefined for the host's own root. */
  readonly tree: string | undefined;
  /** Sorted, without `all`. */
  readonly groups: readonly string[];
}

/** An entry like `node1:web*`: the trees of a host that have such names. */
export interface TreeRule {
  readonly name: string;
  readonly host: string;
  /** What the trees' names match. */
  readonly glob: string;
  /** With their ancestors, without `all`. */
  readonly groups: readonly string[];
}

/** Whether a name that nothing bears yet may come to be one while the run goes on. */
export type MayCome = (name: string) => boolean;

export interface Inventory {
  /** In the order in which they are first named. */
  readonly targets: ReadonlyMap<string, Target>;
  /**
   * Group name to its targets' full names, groups of groups included; has `all` and `ungrouped`. In inventory order, which is that of Ansible:
   * a group's own entries, then those of its children, then theirs.
   */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /**
   * Layers of a target's variables, lowest precedence first; `origin` is the level's name (`inventory group_vars/all`). docs/VARIABLES.md has the
   * order. Also of a host alone (`HOST` need not be a target), and of a rule, whose trees have them.
   */
  varsOf(name: string): readonly VarLayer[];
  /** In inventory order; throws a CrunError for a name that is unknown (near miss named) and may not come; empty groups are fine. */
  match(pattern: string, mayCome?: MayCome): readonly Target[];
  /** What tasks may change; absent: nothing. */
  readonly changes?: InventoryChanges;
}

/** An inventory that tasks add to while a run goes on. */
export interface InventoryChanges {
  /** Grows with each change. */
  readonly version: number;
  /** Adds a target, or variables and groups to one that is there. Tells whether that changed anything. */
  addTarget(name: string, groups: readonly string[], vars: Readonly<Record<string, unknown>>): boolean;
  /** Puts a target into a group, and the group beneath others. Tells whether that changed anything. */
  addToGroup(name: string, group: string, parents: readonly string[]): boolean;
}

/** A group's place among others: of two groups that set a variable the deeper one wins, then the one of higher priority. */
export interface GroupRank {
  readonly name: string;
  readonly depth: number;
  readonly priority: number;
}

/** An inventory as it was loaded, with what is needed to add to it. */
export interface LoadedInventory extends Inventory {
  /** Entries that stand for trees that were not looked for yet. */
  readonly rules: readonly TreeRule[];
  /** Those whose host could not be looked at: patterns that may mean one of their trees stand for them. */
  readonly lost: readonly TreeRule[];
  /**
   * This inventory with the trees that were found, by rule: those of entries, and those `asked` for in patterns. Undefined: the host could not be
   * looked at, and the rule stands for its trees, as a target by its own name.
   */
  withTrees(found: ReadonlyMap<string, readonly string[] | undefined>, asked: readonly string[]): LoadedInventory;
  /** What targets that come only while the run goes on may have: variables of rules, all that group_vars and host_vars hold. */
  layersToCome(): readonly VarLayer[];
  /** A group and the groups above it, without `all`; empty where there is no such group. */
  lineOf(group: string): readonly GroupRank[];
  /** For `crun inventory`, which shows how groups lie in each other. */
  readonly shape: ReadonlyMap<string, GroupShape>;
  /** Layers of what is said of one group alone, group_vars included. */
  groupVarsOf(name: string): readonly VarLayer[];
  /** Layers of a target that is in these groups, lowest precedence first; `own` lies beneath what its host_vars say. */
  layersOf(name: string, groups: readonly string[], own: readonly VarLayer[]): readonly VarLayer[];
}

/** Sorts groups by precedence, lowest first. */
export function byRank(a: GroupRank, b: GroupRank): number {
  return a.depth - b.depth || a.priority - b.priority || (a.name < b.name ? -1 : 1);
}

/** A group as the inventory's sources describe it. */
export interface GroupShape {
  /** In the order in which they were named; those of `all` begin with `ungrouped`. */
  readonly children: readonly string[];
  /** Entries that are named in the group itself; none for `all`. */
  readonly own: readonly string[];
  readonly priority: number;
}
