// What `crun inventory --list`, `--graph` and `--host` show, in the shapes of ansible-inventory.

import { CrunError } from "../diagnostic/diagnostic.js";
import { inventoryMagic } from "../engine/magic.js";
import { magicLayer } from "../engine/variables.js";
import type { LoadedInventory } from "../inventory/inventory.js";
import { isWrittenLayer } from "../inventory/layer.js";
import type { VarLayer } from "../module/value.js";
import { createScope } from "../playbook/scope/scope.js";
import { isTemplate } from "../playbook/template/template.js";
import { cleanLine } from "../report/clean.js";

type Values = Record<string, unknown>;

/** Names that say where an inventory lies and not what it says. */
const hidden = new Set(["inventory_file", "inventory_dir"]);

/** An inventory, or those of its targets that are to be shown. */
export class InventoryView {
  readonly #inventory: LoadedInventory;
  readonly #chosen: ReadonlySet<string>;
  readonly #extra: VarLayer;
  readonly #groups: unknown;

  constructor(inventory: LoadedInventory, chosen: ReadonlySet<string>, extra: VarLayer) {
    this.#inventory = inventory;
    this.#chosen = chosen;
    this.#extra = extra;
    this.#groups = Object.fromEntries(inventory.groups);
  }

  /** Variables of one target, rendered. One that cannot be yet (it needs facts or a play's variables) is shown as it is written. */
  varsOf(name: string): Values {
    const layers = this.#inventory.varsOf(name);
    const target = this.#inventory.targets.get(name);
    const magic = target ? { ...inventoryMagic(target), groups: () => this.#groups } : {};
    return shownValues([...layers, this.#extra], [magicLayer(magic)]);
  }

  #ownOf(group: string): readonly string[] {
    return (this.#inventory.shape.get(group)?.own ?? []).filter((name) => this.#chosen.has(name));
  }

  #childrenOf(group: string): readonly string[] {
    return this.#inventory.shape.get(group)?.children ?? [];
  }

  /** As ansible-inventory --list: each group with its own hosts and children, all variables under `_meta`. Groups without either are left out. */
  list(): Values {
    const groups: [string, Values][] = [];
    for (const group of this.#inventory.shape.keys()) {
      const hosts = this.#ownOf(group);
      const children = this.#childrenOf(group);
      if (hosts.length === 0 && children.length === 0) continue;
      groups.push([group, { ...(hosts.length > 0 ? { hosts } : {}), ...(children.length > 0 ? { children } : {}) }]);
    }
    const hostvars = [...this.#chosen].flatMap((name): [string, Values][] => {
      const vars = this.varsOf(name);
      return Object.keys(vars).length > 0 ? [[name, vars]] : [];
    });
    return { _meta: { hostvars: Object.fromEntries(hostvars) }, ...Object.fromEntries(groups) };
  }

  /** The same as one tree, which can be kept as an inventory in YAML form. */
  tree(): Values {
    const seen = new Set<string>();
    const groupOf = (group: string): Values => {
      const children = this.#childrenOf(group).map((child): [string, Values] => [child, groupOf(child)]);
      const hosts = this.#ownOf(group).map((name): [string, Values] => {
        const vars = seen.has(name) ? {} : this.varsOf(name);
        seen.add(name);
        return [name, vars];
      });
      return {
        ...(children.length > 0 ? { children: Object.fromEntries(children) } : {}),
        ...(hosts.length > 0 ? { hosts: Object.fromEntries(hosts) } : {}),
      };
    };
    return { all: groupOf("all") };
  }

  /** Groups and their targets as a drawn tree; throws a CrunError where there is no such group. */
  graph(group: string, hasVars: boolean): string {
    const lines: string[] = [];
    const add = (text: string, depth: number): void =>
      void lines.push(`${depth > 0 ? `${"  |".repeat(depth)}--` : ""}${cleanLine(text)}`);
    const addVars = (of: () => Values, depth: number): void => {
      if (!hasVars) return;
      const vars = of();
      for (const name of Object.keys(vars).sort()) add(`{${name} = ${textOf(vars[name])}}`, depth);
    };
    const draw = (name: string, depth: number): void => {
      add(`@${name}:`, depth);
      for (const child of this.#childrenOf(name)) draw(child, depth + 1);
      for (const target of this.#ownOf(name)) {
        add(target, depth + 1);
        addVars(() => this.varsOf(target), depth + 2);
      }
      addVars(() => shownValues(this.#inventory.groupVarsOf(name), []), depth + 1);
    };
    if (!this.#inventory.shape.has(group)) {
      const remedy = "See what there is: crun inventory --graph";
      throw new CrunError({ severity: "error", summary: `there is no group ${JSON.stringify(group)}`, remedy });
    }
    draw(group, 0);
    return `${lines.join("\n")}\n`;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function shownValues(layers: readonly VarLayer[], magic: readonly VarLayer[]): Values {
  const scope = createScope([...layers, ...magic]);
  const names = new Set(layers.flatMap((layer) => [...layer.names()]));
  const entries = [...names].flatMap((name): [string, unknown][] => {
    if (hidden.has(name)) return [];
    const definition = scope.definition(name);
    if (definition && !("raw" in definition) && isTemplate(definition) && (definition.encrypted?.length ?? 0) > 0) {
      const layer = layers.findLast((one) => one.get(name) === definition);
      // As in Ansible an encrypted value is shown as it is written.
      if (layer && isWrittenLayer(layer)) return [[name, layer.writtenValue(name)]];
    }
    try {
      return [[name, scope.get(name)]];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // It needs what only a play knows.
      const layer = layers.findLast((one) => one.get(name) !== undefined);
      return layer && isWrittenLayer(layer) ? [[name, layer.writtenValue(name)]] : [];
    }
  });
  return Object.fromEntries(entries);
}
