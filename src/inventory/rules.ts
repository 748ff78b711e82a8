// Entries like `node1:web*`: the trees that exist on a host, put in the entry's place once they were found.

import type { TreeRule } from "./inventory.js";
import { globExpression } from "./pattern.js";
import type { InventorySource, WrittenEntry } from "./source.js";

/** What a look at the host of a rule gave: the names of its trees, or nothing where it could not be looked at. */
export type FoundTrees = readonly string[] | undefined;

const isGlob = (text: string): boolean => /[*?]/.test(text);

/** Host and glob of a rule's name; undefined for any other name. */
export function ruleOf(name: string): { readonly host: string; readonly glob: string } | undefined {
  const colon = name.indexOf(":");
  if (colon < 0) return undefined;
  const tree = name.slice(colon + 1);
  return isGlob(tree) ? { host: name.slice(0, colon), glob: tree } : undefined;
}

/** Whether a target of this name is among the trees that a rule stands for. */
export function isOfRule(rule: Pick<TreeRule, "name">, target: string): boolean {
  return globExpression(rule.name).test(target) && !isGlob(target);
}

/** The rules of sources, each name once, with the groups that they stand in directly. */
export function rulesIn(
  sources: readonly InventorySource[],
): ReadonlyMap<string, { readonly host: string; readonly glob: string; readonly groups: ReadonlySet<string> }> {
  const found = new Map<string, { host: string; glob: string; groups: Set<string> }>();
  for (const { entries } of sources) {
    for (const { name, group } of entries) {
      const rule = ruleOf(name);
      if (!rule) continue;
      const known = found.get(name) ?? { ...rule, groups: new Set<string>() };
      if (group !== "ungrouped") known.groups.add(group);
      found.set(name, known);
    }
  }
  return found;
}

/**
 * The sources with the trees that were found by rule in the place of the rules. A rule of a host that could not be looked at stays, as a target
 * by its own name. What an explicit entry says of a tree goes on top of what rules say.
 */
export function withFound(
  sources: readonly InventorySource[],
  found: ReadonlyMap<string, FoundTrees>,
): readonly InventorySource[] {
  // Most inventories have none.
  if (!sources.some(({ entries }) => entries.some(({ name }) => ruleOf(name)))) return sources;
  const explicit = new Set(sources.flatMap(({ entries }) => entries.map(({ name }) => name)));
  const said = new Map<string, WrittenEntry["vars"][number][]>();
  const expand = (entry: WrittenEntry): readonly WrittenEntry[] => {
    const rule = ruleOf(entry.name);
    if (!rule) return [entry];
    if (!found.has(entry.name)) return [];
    const trees = found.get(entry.name);
    if (trees === undefined) return [entry];
    const expression = globExpression(rule.glob);
    return trees.flatMap((tree) => {
      const name = `${rule.host}:${tree}`;
      if (!expression.test(tree)) return [];
      if (!explicit.has(name)) return [{ ...entry, name }];
      said.set(name, [...(said.get(name) ?? []), ...entry.vars]);
      return [{ ...entry, name, vars: [] }];
    });
  };
  const expanded = sources.map((source) => ({ ...source, entries: source.entries.flatMap(expand) }));
  if (said.size === 0) return expanded;
  const beneath = ({ name, vars, ...rest }: WrittenEntry): WrittenEntry => {
    const more = vars.length > 0 ? said.get(name) : undefined;
    if (more) said.delete(name);
    return { ...rest, name, vars: more ? [...more, ...vars] : vars };
  };
  const joined = expanded.map((source) => ({ ...source, entries: source.entries.map(beneath) }));
  if (said.size === 0) return joined;
  // Explicit entries that say nothing of their own take what the rules say.
  return joined.map((source) => ({
    ...source,
    entries: source.entries.map((entry) => {
      const more = said.get(entry.name);
      if (!more) return entry;
      said.delete(entry.name);
      return { ...entry, vars: more };
    }),
  }));
}
