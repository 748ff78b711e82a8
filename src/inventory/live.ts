// An inventory that grows while a run goes on: targets that add_host made, groups that group_by made, trees that were found.

import { CrunError } from "../diagnostic/diagnostic.js";
import { groupNameProblem } from "../module/target-name.js";
import type { VarLayer } from "../module/value.js";
import {
  byRank,
  type GroupRank,
  type Inventory,
  type InventoryChanges,
  type LoadedInventory,
  type MayCome,
  type Target,
} from "./inventory.js";
import { MemberMap } from "./members.js";
import { matchPattern } from "./pattern.js";
import { withLost } from "./concern.js";
import { isOfRule } from "./rules.js";
import { isImplicit, targetOf } from "./target-of.js";

/** What add_host and group_by said, to be said again to an inventory that was read anew. */
type Addition =
  | {
      readonly kind: "target";
      readonly name: string;
      readonly groups: readonly string[];
      readonly vars: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "group"; readonly name: string; readonly group: string; readonly parents: readonly string[] };

/**
 * Lies over a loaded inventory, which is copied never and shared until the first change: an addition costs as much as the target has groups,
 * not as the inventory has targets.
 */
export class LiveInventory implements Inventory, InventoryChanges {
  version = 0;
  /** Names that tasks may yet add. */
  mayCome: MayCome = () => false;
  #base: LoadedInventory;
  #targets: Map<string, Target> | undefined;
  #names: string[] = [];
  #positions = new Map<string, number>();
  #members: MemberMap | undefined;
  #hosts = new Set<string>();
  readonly #additions: Addition[] = [];
  /** Groups that were made here, or put beneath others here. */
  #ranks = new Map<string, GroupRank>();
  #parents = new Map<string, Set<string>>();
  /** Variables that add_host gave. */
  #vars = new Map<string, Map<string, unknown>>();
  readonly #layers = new Map<string, readonly VarLayer[]>();

  constructor(base: LoadedInventory) {
    this.#base = base;
  }

  get base(): LoadedInventory {
    return this.#base;
  }

  get changes(): InventoryChanges {
    return this;
  }

  get targets(): ReadonlyMap<string, Target> {
    return this.#targets ?? this.#base.targets;
  }

  get groups(): ReadonlyMap<string, readonly string[]> {
    return this.#members ?? this.#base.groups;
  }

  varsOf(name: string): readonly VarLayer[] {
    const target = this.#targets?.get(name);
    const isMade = target !== undefined && target !== this.#base.targets.get(name);
    const hasVars = this.#vars.has(name) || this.#vars.has(targetOf(name, []).host);
    return isMade || hasVars ? this.#made(name, target?.groups ?? []) : this.#base.varsOf(name);
  }

  match(pattern: string, mayCome: MayCome = this.mayCome): readonly Target[] {
    if (!this.#targets) return this.#base.match(pattern, mayCome);
    const { rules, lost } = this.#base;
    const matched = matchPattern(pattern, {
      targets: this.#targets,
      groups: this.groups,
      hosts: this.#hosts,
      implicit: (name) => (isImplicit(name) ? name : undefined),
      mayCome: (name) => [...rules, ...lost].some((rule) => isOfRule(rule, name)) || mayCome(name),
    });
    return withLost(matched, pattern, lost).map((name) => this.targets.get(name) ?? targetOf(name, []));
  }

  /** Puts another inventory beneath, as it was read anew or with trees that were found. What tasks added is added again. */
  replace(base: LoadedInventory): void {
    const additions = this.#additions.splice(0);
    this.#base = base;
    this.#targets = undefined;
    this.#members = undefined;
    this.#names = [];
    this.#hosts = new Set();
    this.#ranks = new Map();
    this.#parents = new Map();
    this.#vars = new Map();
    this.#layers.clear();
    this.version++;
    for (const one of additions) {
      if (one.kind === "target") this.addTarget(one.name, one.groups, one.vars);
      else if (this.targets.has(one.name)) this.addToGroup(one.name, one.group, one.parents);
    }
  }

  addTarget(name: string, groups: readonly string[], vars: Readonly<Record<string, unknown>>): boolean {
    for (const group of groups) checkGroup(group);
    this.#additions.push({ kind: "target", name, groups, vars });
    const targets = this.#own();
    const isNew = !targets.has(name);
    if (isNew) this.#addName(targetOf(name, []));
    let isChanged = isNew;
    const known = this.#vars.get(name) ?? new Map<string, unknown>();
    for (const [key, value] of Object.entries(vars)) {
      if (known.has(key) && isAlike(known.get(key), value)) continue;
      known.set(key, value);
      isChanged = true;
    }
    if (Object.keys(vars).length > 0) this.#vars.set(name, known);
    for (const group of groups) if (this.#join(name, group)) isChanged = true;
    if (isChanged) this.#noteChange(name);
    return isChanged;
  }

  addToGroup(name: string, group: string, parents: readonly string[]): boolean {
    for (const one of [group, ...parents]) checkGroup(one);
    this.#additions.push({ kind: "group", name, group, parents });
    const targets = this.#own();
    if (!targets.has(name)) this.#addName(targetOf(name, []));
    let isChanged = false;
    for (const parent of parents) if (parent !== "all" && this.#placeBeneath(group, parent)) isChanged = true;
    if (this.#join(name, group)) isChanged = true;
    if (isChanged) this.#noteChange(name);
    return isChanged;
  }

  /** The first change: what was shared becomes this inventory's own, once. */
  #own(): Map<string, Target> {
    if (this.#targets) return this.#targets;
    this.#targets = new Map(this.#base.targets);
    this.#names = [...this.#targets.keys()];
    this.#positions = new Map(this.#names.map((name, index) => [name, index]));
    this.#members = new MemberMap(this.#base.groups, (name) => this.#positions.get(name) ?? 0);
    for (const { host } of [...this.#targets.values(), ...this.#base.rules]) this.#hosts.add(host);
    return this.#targets;
  }

  #addName(target: Target): void {
    this.#targets?.set(target.name, target);
    this.#positions.set(target.name, this.#names.length);
    this.#names.push(target.name);
    this.#hosts.add(target.host);
    this.#members?.add("all", target.name);
    this.#members?.add("ungrouped", target.name);
  }

  /** Makes a target a member of a group and of those above it. */
  #join(name: string, group: string): boolean {
    const target = this.#targets?.get(name);
    if (!target || group === "all" || group === "ungrouped") return false;
    if (this.#lineOf(group).length === 0) this.#ranks.set(group, { name: group, depth: 1, priority: 1 });
    const line = this.#lineOf(group).map((one) => one.name);
    this.#members?.make(group);
    if (target.groups.includes(group)) return false;
    const groups = [...new Set([...target.groups, ...line])].sort();
    for (const one of line) this.#members?.add(one, name);
    this.#members?.remove("ungrouped", name);
    this.#targets?.set(name, { ...target, groups });
    return true;
  }

  /** Puts a group beneath another one, with all its members. */
  #placeBeneath(group: string, parent: string): boolean {
    if (parent === group || this.#lineOf(parent).some((one) => one.name === group)) {
      throw new CrunError(
        {
          severity: "error",
          summary: `the group ${JSON.stringify(group)} cannot be beneath ${JSON.stringify(parent)}: that is beneath it`,
        },
        2,
      );
    }
    for (const one of [parent, group]) {
      if (this.#lineOf(one).length === 0) this.#ranks.set(one, { name: one, depth: 1, priority: 1 });
      this.#members?.make(one);
    }
    if (this.#lineOf(group).some((one) => one.name === parent)) return false;
    const parents = this.#parents.get(group) ?? new Set<string>();
    parents.add(parent);
    this.#parents.set(group, parents);
    const [rank] = this.#lineOf(group).filter((one) => one.name === group);
    const depth = 1 + Math.max(...this.#lineOf(parent).map((one) => one.depth));
    if (rank && rank.depth < depth) this.#ranks.set(group, { ...rank, depth });
    for (const member of this.groups.get(group) ?? []) {
      const target = this.#targets?.get(member);
      if (!target) continue;
      const line = this.#lineOf(parent).map((one) => one.name);
      for (const one of line) this.#members?.add(one, member);
      this.#targets?.set(member, { ...target, groups: [...new Set([...target.groups, ...line])].sort() });
      this.#layers.delete(member);
    }
    return true;
  }

  /** A group and those above it, lowest precedence first; empty: there is no such group. */
  #lineOf(group: string): readonly GroupRank[] {
    const line = new Map(this.#base.lineOf(group).map((one) => [one.name, one]));
    const rank = this.#ranks.get(group);
    if (rank) line.set(group, rank);
    const above = [...line.keys()].flatMap((one) => [...(this.#parents.get(one) ?? [])]);
    for (const parent of above) for (const one of this.#lineOf(parent)) line.set(one.name, one);
    return [...line.values()].sort(byRank);
  }

  #made(name: string, groups: readonly string[]): readonly VarLayer[] {
    const known = this.#layers.get(name);
    if (known) return known;
    const ranks = new Map(groups.flatMap((one) => this.#lineOf(one)).map((one) => [one.name, one]));
    const { host } = targetOf(name, []);
    const own = [...new Set([host, name])].flatMap((one) => this.#layerOf(one));
    const chain = [...ranks.values()].sort(byRank).map((one) => one.name);
    const layers = this.#base.layersOf(name, chain, own);
    this.#layers.set(name, layers);
    return layers;
  }

  /** What add_host said are values, not templates: it rendered them. */
  #layerOf(name: string): readonly VarLayer[] {
    const vars = this.#vars.get(name);
    if (!vars) return [];
    const get = (key: string): { readonly raw: unknown } | undefined =>
      vars.has(key) ? { raw: vars.get(key) } : undefined;
    return [{ origin: "add_host", get, names: () => vars.keys() }];
  }

  #noteChange(name: string): void {
    this.#layers.delete(name);
    const { host } = targetOf(name, []);
    // What a host says holds for its trees.
    if (host === name) for (const key of this.#layers.keys()) if (key.startsWith(`${name}:`)) this.#layers.delete(key);
    this.version++;
  }
}

function checkGroup(group: string): void {
  const summary = groupNameProblem(group);
  if (summary !== undefined)
    throw new CrunError({ severity: "error", summary, remedy: "Letters, digits, _ and - make a name." }, 2);
}

function isAlike(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
