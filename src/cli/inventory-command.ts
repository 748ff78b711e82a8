// `crun inventory`: what the inventory says, as JSON, YAML or a tree of groups, and where a variable's value comes from.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { LoadedInventory } from "../inventory/inventory.js";
import { loadInventory } from "../inventory/load.js";
import { language } from "../playbook/language.js";
import { toYaml } from "../playbook/yaml/yaml.js";
import { clean, cleanJson } from "../report/clean.js";
import { extraVars } from "./extra-vars.js";
import { InventoryView } from "./inventory-show.js";
import { limitOf } from "./limit.js";
import { readConfig } from "./config.js";
import { inventoryPaths, showWarning } from "./setup.js";

export interface InventoryOptions {
  readonly inventory: readonly string[];
  readonly limit: string | undefined;
  readonly extraVars: readonly string[];
  readonly action: "list" | "graph" | { readonly host: string };
  /** A group (graph) or a pattern (list). */
  readonly pattern: string | undefined;
  readonly hasVars: boolean;
  readonly isYaml: boolean;
}

/** Prints; gives the exit status. */
export async function runInventory(options: InventoryOptions): Promise<number> {
  const config = readConfig(undefined);
  const inventory = await loadInventory(inventoryPaths(options.inventory, config), {
    playbookDirectory: ".",
    language,
    warn: showWarning,
    programTimeoutMs: config.inventoryTimeoutMs,
  });
  const { action, pattern } = options;
  const view = new InventoryView(inventory, chosenOf(inventory, options), extraVars(options.extraVars));
  if (typeof action === "object") print(view.varsOf(oneOf(inventory, action.host)), options);
  else if (action === "graph") process.stdout.write(view.graph(pattern ?? "all", options.hasVars));
  else print(options.isYaml ? view.tree() : view.list(), options);
  return 0;
}

function chosenOf(inventory: LoadedInventory, { limit, action, pattern }: InventoryOptions): ReadonlySet<string> {
  const all = new Set(inventory.targets.keys());
  for (const one of [limit, action === "list" ? pattern : undefined]) {
    const kept = limitOf(one, inventory);
    if (kept) for (const name of all) if (!kept.has(name)) all.delete(name);
  }
  return all;
}

function oneOf(inventory: LoadedInventory, pattern: string): string {
  const [first, ...others] = inventory.match(pattern);
  if (first && others.length === 0) return first.name;
  throw new CrunError({
    severity: "error",
    summary: `${pattern} stands for ${others.length === 0 ? "no target" : `${others.length + 1} targets`}, and one is asked for`,
    remedy: "See what there is: crun inventory --graph",
  });
}

function print(value: unknown, { isYaml }: InventoryOptions): void {
  const text = isYaml ? clean(toYaml(value, 2, 160, false)) : `${cleanJson(JSON.stringify(value, undefined, 2))}\n`;
  process.stdout.write(text);
}
