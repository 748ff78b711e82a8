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

export interface Inventory {
  readonly targets: ReadonlyMap<string, Target>;
  /** Group name to its targets' full names, in inventory order, groups of groups included; has `all` and `ungrouped`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /**
   * Layers of a target's variables, lowest precedence first: all, groups by depth then name (file, then group_vars), host's, target's.
   * Also of a host alone (`HOST` need not be a target).
   */
  varsOf(name: string): readonly VarLayer[];
  /** In inventory order; throws a CrunError for a name that is unknown (near miss named); empty groups are fine. */
  match(pattern: string): readonly Target[];
}
