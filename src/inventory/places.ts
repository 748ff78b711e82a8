// Names under which a task can act elsewhere (delegate_to): targets, their hosts, this machine.

import type { Inventory } from "./inventory.js";

/** This machine, in crun's word and in Ansible's. */
export const thisMachine: readonly string[] = ["local", "localhost"];

/** All names that delegate_to can take but `host` (the tree's own host). */
export function placesOf({ targets }: Inventory): ReadonlySet<string> {
  const names = new Set<string>(thisMachine);
  for (const { name, host } of targets.values()) names.add(name).add(host);
  return names;
}
