// `crun inventory`: what the inventory says, as JSON, YAML or a tree of groups, and where a variable's value comes from.

import { join } from "node:path";
import { modules } from "../../modules/index.js";
import { CrunError } from "../diagnostic/diagnostic.js";
import type { Masker } from "../engine/task/masker.js";
import type { Inventory } from "../inventory/inventory.js";
import type { Scope } from "../module/value.js";
import { createScope } from "../playbook/scope/scope.js";
import { PlaybookFiles } from "../playbook/load/files.js";
import { loadPlaybook } from "../playbook/load/load.js";
import { ConnectionPool } from "../target/connect.js";
import { passwordVariables } from "../module/password-variables.js";
import { toYaml } from "../playbook/yaml/yaml.js";
import { clean, cleanJson } from "../report/clean.js";
import { explain } from "./explain.js";
import { extraVarLayers } from "./extra-vars.js";
import { InventoryView } from "./inventory-show.js";
import { findFleet, wantedRules } from "./fleet.js";
import { limitOf } from "./limit.js";
import { withMasker } from "./masked-errors.js";
import type { ReachOptions } from "./options.js";
import { playedVariables } from "./played-variables.js";
import { terminalPrompt } from "./prompt.js";
import { setUp, variablesOf, type Setup } from "./setup.js";

export interface InventoryOptions {
  readonly reach: ReachOptions;
  readonly action: "list" | "graph" | { readonly host: string } | { readonly explain: string };
  /** A group (graph) or a pattern (list, explain). */
  readonly pattern: string | undefined;
  readonly playbook: string | undefined;
  readonly hasVars: boolean;
  readonly isYaml: boolean;
}

/** Prints; gives the exit status. */
export async function runInventory(options: InventoryOptions): Promise<number> {
  return withMasker((masker) => show(options, masker));
}

async function show(options: InventoryOptions, masker: Masker): Promise<number> {
  const { reach, action, pattern, playbook } = options;
  // Without a playbook this directory stands for its place, as in ansible-inventory.
  const setup = await setUp(reach, masker, playbook ?? join(process.cwd(), "site.yml"));
  const lost = await foundTrees(setup, options, masker);
  hidePasswords(setup, masker);
  const view = new InventoryView(setup.inventory.base, chosenOf(setup.inventory, options), setup.extra);
  const print = (text: string): void => void process.stdout.write(masker.text(text));
  const printValue = (value: unknown): void =>
    print(options.isYaml ? clean(toYaml(value, 2, 160, false)) : `${cleanJson(JSON.stringify(value, undefined, 2))}\n`);
  if (action === "graph") print(view.graph(pattern ?? "all", options.hasVars));
  else if (action === "list") printValue(options.isYaml ? view.tree() : view.list());
  else if ("host" in action) printValue(view.varsOf(oneOf(setup.inventory, action.host)));
  else print(clean(await explanation(action.explain, options, setup)));
  return lost ? 4 : 0;
}

/** Passwords that hosts are reached with are no variables to be read, encrypted or not. */
function hidePasswords(setup: Setup, masker: Masker): void {
  const layers = variablesOf(setup);
  const used = [...passwordVariables].filter((name) => [...layers].some((layer) => [...layer.names()].includes(name)));
  if (used.length === 0) return;
  const hide = (scope: Scope): void => {
    for (const one of used) {
      try {
        if (scope.has(one)) masker.add(scope.get(one));
      } catch (error) {
        if (!(error instanceof CrunError)) throw error; // told by who needs it
      }
    }
  };
  for (const name of setup.inventory.targets.keys()) hide(setup.scopeOf(name));
  // Of groups, too, whose targets say something else.
  for (const layer of layers) hide(createScope([layer]));
}

/** Looks for the trees of rules, on the hosts that are asked about. True: a host could not be looked at, which is told. */
async function foundTrees(setup: Setup, options: InventoryOptions, masker: Masker): Promise<boolean> {
  const { action, pattern, reach } = options;
  const one = typeof action === "string" ? undefined : "host" in action ? action.host : pattern;
  const wish = { patterns: [one ?? pattern ?? "all"], limit: reach.limit };
  if (wantedRules(setup, wish).rules.length === 0) return false;
  const pool = new ConnectionPool(terminalPrompt(masker));
  try {
    const lost = await findFleet(setup, pool, wish);
    for (const error of lost.values()) process.stderr.write(`${masker.text(error.message)}\n`);
    return lost.size > 0;
  } finally {
    await pool.close();
  }
}

async function explanation(
  name: string,
  { pattern, playbook, reach }: InventoryOptions,
  setup: Setup,
): Promise<string> {
  if (pattern === undefined)
    throw new CrunError({
      severity: "error",
      summary: `--explain ${name}: for which target?`,
      remedy: `Write crun inventory --explain ${name} TARGET.`,
    });
  const { inventory, extra, vault, config } = setup;
  const files = new PlaybookFiles(undefined, undefined, vault);
  const rolesPath = config.rolesPath ?? [];
  const loaded =
    playbook === undefined ? undefined : await loadPlaybook(playbook, { modules, extra, vault, rolesPath });
  const errors = loaded?.findings.filter(({ severity }) => severity === "error") ?? [];
  if (errors.length > 0) throw new CrunError(errors);
  const plays = loaded ? await playedVariables(loaded, inventory, extra, files) : [];
  const explainer = { inventory, extra: extraVarLayers(reach.extraVars, vault), plays };
  const targets = inventory.match(pattern);
  if (targets.length === 0) throw new CrunError({ severity: "error", summary: `${pattern} stands for no target` });
  return targets.map((target) => explain(name, target, explainer)).join("\n");
}

function chosenOf(inventory: Inventory, { reach, action, pattern }: InventoryOptions): ReadonlySet<string> {
  const all = new Set(inventory.targets.keys());
  for (const one of [reach.limit, action === "list" ? pattern : undefined]) {
    const kept = limitOf(one, inventory);
    if (kept) for (const name of all) if (!kept.has(name)) all.delete(name);
  }
  return all;
}

function oneOf(inventory: Inventory, pattern: string): string {
  const [first, ...others] = inventory.match(pattern);
  if (first && others.length === 0) return first.name;
  throw new CrunError({
    severity: "error",
    summary: `${pattern} stands for ${others.length === 0 ? "no target" : `${others.length + 1} targets`}, and one is asked for`,
    remedy: "See what there is: crun inventory --graph",
  });
}
