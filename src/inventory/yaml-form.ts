// Reads an inventory in YAML form into entries, groups and variables, with their places.

import { CrunError, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Language, YamlNode } from "./language.js";
import { expandRanges } from "./ranges.js";
import type { InventorySource, WrittenVar } from "./source.js";

const groupKeys = ["hosts", "children", "vars"];

/** Throws a CrunError with all that is wrong in the file. Values of variables are nodes, for `language.compileNode`. */
export function readYamlInventory(text: string, file: string, language: Language): InventorySource {
  const source: InventorySource = { entries: [], groups: new Map() };
  const problems: Diagnostic[] = [];
  const report = (summary: string, place: Place, remedy?: string): void =>
    void problems.push({ severity: "error", summary, place, source: text.split("\n")[(place.line ?? 0) - 1], remedy });
  const root = language.readYaml(file, text);
  if (root === undefined) return source;
  if (root.kind !== "map")
    report("an inventory is a map of groups", language.placeOf(root), "Begin with a group: all:");
  else for (const { key, value } of root.entries.values()) readGroup(key, value);
  if (problems.length > 0) throw new CrunError(problems);
  return source;

  function readGroup(name: string, node: YamlNode): void {
    const place = language.placeOf(node);
    let group = source.groups.get(name);
    if (!group) source.groups.set(name, (group = { place, children: [], vars: [] }));
    if (isNothing(node)) return;
    if (node.kind !== "map") {
      report(`the group ${name} must be a map with hosts, children or vars`, place, "Put its hosts under hosts:");
      return;
    }
    for (const { key, value } of node.entries.values()) {
      const at = language.placeOf(value);
      if (!groupKeys.includes(key)) {
        report(
          `the group ${name} has an unknown key ${JSON.stringify(key)}`,
          at,
          suggest(key, groupKeys) ?? "It takes hosts, children and vars.",
        );
      } else if (isNothing(value)) continue;
      else if (value.kind !== "map")
        report(
          `${key} of the group ${name} must be a map`,
          at,
          key === "vars" ? undefined : "Write each name with a colon after it.",
        );
      else if (key === "vars") group.vars.push(...varsOf(value));
      else if (key === "children") {
        for (const child of value.entries.values()) {
          group.children.push(child.key);
          readGroup(child.key, child.value);
        }
      } else for (const entry of value.entries.values()) readEntries(name, entry.key, entry.value);
    }
  }

  function readEntries(group: string, name: string, node: YamlNode): void {
    const place = language.placeOf(node);
    const names = expandRanges(name);
    if ("problem" in names) {
      report(names.problem, place);
      return;
    }
    if (!isNothing(node) && node.kind !== "map") {
      report(`what is under ${name} must be a map of variables`, place);
      return;
    }
    const vars = node.kind === "map" ? varsOf(node) : [];
    for (const one of names) source.entries.push({ name: one, group, vars, place });
  }

  function varsOf(node: YamlNode & { readonly kind: "map" }): WrittenVar[] {
    return [...node.entries.values()].map(({ key, value }) => ({ name: key, value, place: language.placeOf(value) }));
  }
}

function isNothing(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null;
}
