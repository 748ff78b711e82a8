// Puts what inventory files say together: targets, groups of groups, membership in order.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { byRank, type GroupRank } from "./inventory.js";
import { checkNames } from "./layer.js";
import { memoByName } from "./memo.js";
import type { InventorySource, WrittenGroup, WrittenVar } from "./source.js";

export interface GroupNode extends GroupRank {
  readonly children: ReadonlySet<string>;
  readonly vars: readonly WrittenVar[];
  /** Distance from `all` by the longest way: deeper groups win. */
  depth: number;
  /** ansible_group_priority: higher wins among groups of a depth. */
  readonly priority: number;
}

export interface Graph {
  /** Names of entries in the order in which they first appear, with the variables written beside them. */
  readonly entries: ReadonlyMap<string, readonly WrittenVar[]>;
  readonly groups: ReadonlyMap<string, GroupNode>;
  /** Members of a group, its children's too, in inventory order. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Groups of an entry, ancestors too, without `all`, lowest precedence first. */
  readonly groupsOf: ReadonlyMap<string, readonly GroupNode[]>;
  /** A group's name and those of the groups above it, `all` too. */
  ancestors(group: string): ReadonlySet<string>;
}

/** Throws a CrunError for a cycle of groups or a name that is no variable. */
export function buildGraph(sources: readonly InventorySource[]): Graph {
  const entries = new Map<string, WrittenVar[]>();
  const direct = new Map<string, Set<string>>();
  const groups = new Map<
    string,
    GroupNode & { readonly children: Set<string>; readonly vars: WrittenVar[]; priority: number }
  >();
  const places = new Map<string, Place>();
  const groupOf = (name: string) => {
    let group = groups.get(name);
    if (!group) groups.set(name, (group = { name, children: new Set(), vars: [], depth: 0, priority: 1 }));
    return group;
  };
  for (const source of sources) {
    for (const [name, written] of source.groups) addGroup(name, written);
    for (const { name, group, vars } of source.entries) {
      checkNames(vars);
      const known = entries.get(name);
      if (known) known.push(...vars);
      else entries.set(name, [...vars]);
      let members = direct.get(groupOf(group).name);
      if (!members) direct.set(group, (members = new Set()));
      members.add(name);
    }
  }
  setDepths(groups, places);
  const parents = new Map<string, string[]>();
  for (const { name, children } of groups.values())
    for (const child of children) parents.set(child, [...(parents.get(child) ?? []), name]);
  const ancestors = memoByName((name: string): ReadonlySet<string> => {
    const all = new Set([name]);
    for (const parent of parents.get(name) ?? []) for (const one of ancestors(parent)) all.add(one);
    return all;
  });
  const namesOfGroups = new Map<string, Set<string>>([...entries.keys()].map((name) => [name, new Set<string>()]));
  for (const [group, names] of direct) {
    for (const name of names) for (const one of ancestors(group)) namesOfGroups.get(name)?.add(one);
  }
  const members = new Map<string, string[]>([...groups.keys()].map((name) => [name, []]));
  const groupsOf = new Map<string, readonly GroupNode[]>();
  const ungrouped: string[] = [];
  for (const [name, names] of namesOfGroups) {
    const own = [...names].filter((one) => one !== "all" && one !== "ungrouped").map(groupOf);
    own.sort(byRank);
    groupsOf.set(name, own);
    for (const group of own) members.get(group.name)?.push(name);
    if (own.length === 0) ungrouped.push(name);
  }
  members.set("all", [...entries.keys()]);
  members.set("ungrouped", ungrouped);
  return { entries, groups, members, groupsOf, ancestors };

  function addGroup(name: string, written: WrittenGroup): void {
    checkNames(written.vars);
    const group = groupOf(name);
    if (!places.has(name)) places.set(name, written.place);
    for (const child of written.children) group.children.add(groupOf(child).name);
    group.vars.push(...written.vars);
    const priority = written.vars.findLast((one) => one.name === "ansible_group_priority")?.value;
    if (typeof priority === "number") group.priority = priority;
  }
}

function setDepths(groups: ReadonlyMap<string, GroupNode>, places: ReadonlyMap<string, Place>): void {
  const isChild = new Set([...groups.values()].flatMap(({ children }) => [...children]));
  const path: string[] = [];
  const visit = (name: string, depth: number): void => {
    const group = groups.get(name);
    if (!group) return;
    if (path.includes(name)) throw cycle([...path.slice(path.indexOf(name)), name], places.get(name));
    if (depth <= group.depth && depth > 0) return;
    group.depth = depth;
    path.push(name);
    for (const child of group.children) visit(child, depth + 1);
    path.pop();
  };
  for (const name of groups.keys()) if (!isChild.has(name)) visit(name, name === "all" ? 0 : 1);
  for (const [name, group] of groups) if (group.depth === 0 && name !== "all") visit(name, 1);
}

function cycle(names: readonly string[], place: Place | undefined): CrunError {
  return new CrunError({
    severity: "error",
    summary: `groups contain each other: ${names.join(" → ")}`,
    place,
    remedy: "Take one of them out of the other's children.",
  });
}
