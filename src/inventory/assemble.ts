// From the graph of an inventory to what the rest of crun sees: targets, and layers of variables in Ansible's order.

import type { Diagnostic } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import { buildGraph, type GroupNode } from "./graph.js";
import { withLost } from "./concern.js";
import { byRank, type LoadedInventory, type Target, type TreeRule } from "./inventory.js";
import type { Language } from "./language.js";
import { layerOf } from "./layer.js";
import { doubleNames, strayFiles } from "./oddities.js";
import { matchPattern } from "./pattern.js";
import { isOfRule, ruleOf, rulesIn, withFound, type FoundTrees } from "./rules.js";
import { emptySource, type InventorySource } from "./source.js";
import { isImplicit, targetOf } from "./target-of.js";
import { TargetVariables, type VariableOptions } from "./target-variables.js";

export interface AssembleOptions extends VariableOptions {
  readonly warn: (diagnostic: Diagnostic) => void;
}

/**
 * `found`: the names of trees by rule, as a look at its host gave them (undefined: it could not be looked at); they stand in the place of the
 * rule. Throws a CrunError for what makes no sense among the sources.
 */
export function assembleInventory(
  sources: readonly InventorySource[],
  options: AssembleOptions,
  found: ReadonlyMap<string, FoundTrees> = new Map(),
): LoadedInventory {
  const graph = buildGraph(withFound(sources, found), options.language);
  const targets = new Map<string, Target>();
  const groupNames = memoByList((groups) => groups.map((group) => group.name).sort());
  for (const name of graph.entries.keys())
    targets.set(name, targetOf(name, groupNames(graph.groupsOf.get(name) ?? [])));
  const above = (group: string): string[] => [...graph.ancestors(group)].filter((one) => one !== "all").sort();
  const allRules = [...rulesIn(sources)].map(([name, { host, glob, groups }]): TreeRule => ({
    name,
    host,
    glob,
    groups: [...new Set([...groups].flatMap(above))],
  }));
  const rules = allRules.filter(({ name }) => !found.has(name));
  const lost = allRules.filter(({ name }) => found.has(name) && found.get(name) === undefined);
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const variables = new TargetVariables(graph, targets, options);
  const hosts = new Set([...targets.values()].flatMap(({ name, host }) => [name, host]));
  if (found.size === 0) {
    // Trees that are yet to be found may be what host_vars are for.
    const folders = variables.namedFiles().filter(({ kind }) => kind === "group" || allRules.length === 0);
    for (const one of [...doubleNames(graph), ...strayFiles(graph, hosts, folders)]) options.warn(one);
  }
  const names = {
    targets,
    groups: graph.members,
    hosts: new Set([...targets.values(), ...rules].map(({ host }) => host)),
    implicit: (name: string) => (isImplicit(name) ? name : undefined),
  };
  return {
    targets,
    groups: graph.members,
    rules,
    lost,
    shape: graph.groups,
    varsOf(name) {
      const rule = byName.get(name);
      if (!rule) return variables.of(name);
      const line = rule.groups.flatMap((group) => graph.groups.get(group) ?? []).sort(byRank);
      return variables.layers(
        name,
        line.map((group) => group.name),
        ruleLayers(sources, name, options.language),
      );
    },
    layersOf: (name, groups, own) => variables.layers(name, groups, own),
    groupVarsOf: (name) => variables.ofGroup(name),
    match(pattern, mayCome = () => false) {
      const isComing = (name: string): boolean =>
        [...rules, ...lost].some((rule) => isOfRule(rule, name)) || mayCome(name);
      const matched = matchPattern(pattern, { ...names, mayCome: isComing });
      return withLost(matched, pattern, lost).map((name) => targets.get(name) ?? targetOf(name, []));
    },
    layersToCome: () => [
      ...rules.flatMap(({ name, groups }) => [
        ...ruleLayers(sources, name, options.language),
        ...groups.flatMap((group) => variables.writtenOfGroup(group)),
      ]),
      ...variables.allFiles(),
    ],
    lineOf: (group) =>
      graph.groups.has(group)
        ? above(group)
            .flatMap((name) => graph.groups.get(name) ?? [])
            .sort(byRank)
        : [],
    withTrees(trees, asked) {
      const more = emptySource(undefined);
      for (const name of asked) if (ruleOf(name)) more.entries.push({ name, group: "ungrouped", vars: [] });
      return assembleInventory([...sources, more], options, new Map([...found, ...trees]));
    },
  };
}

/** What the entries of a rule say. */
function ruleLayers(sources: readonly InventorySource[], rule: string, language: Language): readonly VarLayer[] {
  const vars = sources.flatMap(({ entries }) => entries).flatMap(({ name, vars: own }) => (name === rule ? own : []));
  return vars.length > 0 ? [layerOf(`inventory entry ${rule}`, vars, language)] : [];
}

/** Targets of the same groups share the list of their names. */
function memoByList<V>(compute: (list: readonly GroupNode[]) => V): (list: readonly GroupNode[]) => V {
  const known = new WeakMap<readonly GroupNode[], V>();
  return (list) => {
    const before = known.get(list);
    if (before !== undefined) return before;
    const value = compute(list);
    known.set(list, value);
    return value;
  };
}
