// From the name of a target to its host and tree.

import type { Target } from "./inventory.js";

/** Host and tree of an entry's name. */
export function targetOf(name: string, groups: readonly string[]): Target {
  const colon = name.indexOf(":");
  if (colon < 0) return { name, host: name, tree: undefined, groups };
  return { name, host: name.slice(0, colon), tree: name.slice(colon + 1), groups };
}

/** `local` (this machine) and trees on it need no inventory. */
export function isImplicit(name: string): boolean {
  return name === "local" || name === "localhost" || name.startsWith("local:");
}
