// Magic variables: what every target knows of itself and of the run, under crun's names and Ansible's.

import type { Target } from "../inventory/inventory.js";

/** Values by name, made when they are read. */
export type Magic = Readonly<Record<string, () => unknown>>;

/** What the inventory alone tells of a target. */
export function inventoryMagic(target: Target): Magic {
  return {
    inventory_hostname: () => target.name,
    inventory_hostname_short: () => shortName(target),
    group_names: () => target.groups,
  };
}

/** The host's name up to its first dot, with the tree. */
function shortName({ host, tree }: Target): string {
  const short = host.replace(/\..*$/, "");
  return tree === undefined ? short : `${short}:${tree}`;
}

/** The release of Ansible whose language crun follows, in the form of `ansible_version`. */
export const ansibleVersion = { full: "2.14.0", major: 2, minor: 14, revision: 0, string: "2.14.0" };
