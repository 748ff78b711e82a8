// `crun inventory`: what the inventory says, as JSON or as a tree of groups.

import { loadInventory } from "../inventory/load.js";
import type { Inventory } from "../inventory/inventory.js";
import { language } from "../playbook/language.js";
import { createScope } from "../playbook/scope/scope.js";
import { cleanJson, cleanLine } from "../report/clean.js";
import { inventoryPaths } from "./setup.js";

/** Prints; gives the exit status. */
export async function runInventory(options: {
  readonly inventory: readonly string[];
  readonly list?: boolean;
  readonly graph?: boolean;
  readonly host?: string;
}): Promise<number> {
  const inventory = loadInventory(inventoryPaths(options.inventory, {}), ".", language);
  if (options.host !== undefined) print(varsOf(inventory, inventory.match(options.host)[0]?.name ?? options.host));
  else if (options.graph) process.stdout.write(graphText(inventory));
  else {
    const groups = Object.fromEntries([...inventory.groups].map(([name, hosts]) => [name, { hosts }]));
    const hostvars = Object.fromEntries([...inventory.targets.keys()].map((name) => [name, varsOf(inventory, name)]));
    print({ _meta: { hostvars }, ...groups });
  }
  return 0;
}

function print(value: unknown): void {
  process.stdout.write(`${cleanJson(JSON.stringify(value, undefined, 2))}\n`);
}

/** Values as they are rendered; one that cannot be yet (it needs facts or a play's variables) stays out. */
function varsOf(inventory: Inventory, name: string): Record<string, unknown> {
  const scope = createScope(inventory.varsOf(name));
  const entries = [...scope.names()].flatMap((key): [string, unknown][] => {
    try {
      return [[key, scope.get(key)]];
    } catch {
      // It needs what only a play knows.
      return [];
    }
  });
  return Object.fromEntries(entries);
}

function graphText(inventory: Inventory): string {
  const lines = ["@all:"];
  for (const [group, names] of inventory.groups) {
    if (group === "all" || (group === "ungrouped" && names.length === 0)) continue;
    lines.push(`  |--@${cleanLine(group)}:`, ...names.map((name) => `  |  |--${cleanLine(name)}`));
  }
  return `${lines.join("\n")}\n`;
}
