// Targets that a command names by a pattern of the inventory, or by an address that no inventory knows.

import { CrunError } from "../diagnostic/diagnostic.js";
import { parseAddress } from "../inventory/address.js";
import { hostAddress, treeLocation } from "../target/address.js";
import type { ExecTarget } from "./exec.js";
import type { LostRules } from "./fleet.js";
import { limitOf } from "./limit.js";
import type { Setup } from "./setup.js";

export interface FoundTarget extends ExecTarget {
  /** Where trees with plain names lie on the host. */
  readonly trees: string;
}

/** What the inventory knows by the pattern; else the address as it is. */
export function targetsFor(pattern: string, limited: string | undefined, setup: Setup, lost: LostRules): FoundTarget[] {
  const limit = limitOf(limited, setup.inventory);
  try {
    const found = setup.inventory.match(pattern).filter(({ name }) => limit?.has(name) ?? true);
    return found.map((target) => ({
      name: target.name,
      address: setup.addressOf(target.host),
      ...setup.locate(target),
      lost: lost.get(target.name),
    }));
  } catch (error) {
    if (!(error instanceof CrunError)) throw error;
    const address = parseAddress(pattern);
    // A bare word is a name that was mistyped far more often than a host.
    if (!address || (address.tree === undefined && address.user === undefined && !/[.:]/.test(address.host)))
      throw error;
    const { name, host, tree, user } = address;
    const scope = setup.scopeOf(host);
    const connection = { ...setup.connection, ...(user === undefined ? {} : { user }) };
    return [
      {
        name,
        address: hostAddress(host, setup.hostScopeOf(host), connection),
        ...treeLocation({ name, host, tree, groups: [] }, scope, connection),
      },
    ];
  }
}
