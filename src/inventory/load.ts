// Loads inventories: files, directories, lists of names, with group_vars and host_vars beside them and the playbook.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { CrunError } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import { buildGraph, type GroupNode } from "./graph.js";
import { readIni } from "./ini.js";
import { byRank, type LoadedInventory, type Target } from "./inventory.js";
import type { Language } from "./language.js";
import { layerOf, readVarsFile } from "./layer.js";
import { memoByName } from "./memo.js";
import { matchPattern } from "./pattern.js";
import type { InventorySource } from "./source.js";
import { expandRanges } from "./ranges.js";
import { checkRules, isOfRule, ruleOf, rulesIn, withFound, type FoundTrees } from "./rules.js";
import { readYamlInventory } from "./yaml-form.js";

const varExtensions = ["", ".yml", ".yaml", ".json"];

/** Throws a CrunError that names file, line and what to do. `paths`: as given with -i (a comma makes a list of names). */
export function loadInventory(
  paths: readonly string[],
  playbookDirectory: string | undefined,
  language: Language,
): LoadedInventory {
  const sources: InventorySource[] = [];
  const directories: string[] = [];
  for (const path of paths) {
    if (path.includes(",")) {
      sources.push(listOfNames(path));
      continue;
    }
    const files = filesOf(path);
    directories.push(statSync(path).isDirectory() ? path : dirname(path));
    for (const file of files) sources.push(readSource(file, language));
  }
  const beside = [...new Set(directories)];
  const playbook = playbookDirectory !== undefined && !beside.includes(playbookDirectory) ? [playbookDirectory] : [];
  checkRules(sources);
  return inventoryOf(sources, new Map(), language, [...beside, ...playbook]);
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) {
    const remedy =
      path.includes(".") || path.includes("/")
        ? "Is the path right?"
        : `For a host by its name write a comma after it: -i ${path},`;
    throw new CrunError({ severity: "error", summary: `there is no inventory ${path}`, remedy });
  }
  if (!statSync(path).isDirectory()) return [path];
  const ignored = new Set([".orig", ".bak", ".cfg", ".retry", ".pyc", ".md", ".swp"]);
  return readdirSync(path)
    .filter((name) => !name.startsWith(".") && !name.endsWith("~") && !ignored.has(extname(name)))
    .filter((name) => name !== "group_vars" && name !== "host_vars")
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}

function readSource(file: string, language: Language): InventorySource {
  const text = readFileSync(file, "utf8");
  if ([".yml", ".yaml", ".json"].includes(extname(file))) return readYamlInventory(text, file, language);
  if (text.startsWith("#!") && (statSync(file).mode & 0o111) !== 0) {
    const remedy = "Write its output to a file and give that with -i.";
    throw new CrunError({
      severity: "error",
      summary: `${file} is a program; executable inventories are not supported yet`,
      place: { file },
      remedy,
    });
  }
  const isYaml = /^(?:---|[A-Za-z_][\w-]*:\s*(?:#.*)?$)/m.test(
    text.replace(/^(?:\s*#.*\n|\s*\n)*/, "").split("\n", 1)[0] ?? "",
  );
  return isYaml ? readYamlInventory(text, file, language) : readIni(text, file);
}

function listOfNames(list: string): InventorySource {
  const place = { file: `-i ${list}` };
  const names = list.split(",").flatMap((one) => {
    const expanded = expandRanges(one.trim());
    if ("problem" in expanded) throw new CrunError({ severity: "error", summary: expanded.problem, place });
    return one.trim() === "" ? [] : expanded;
  });
  return { entries: names.map((name) => ({ name, group: "ungrouped", vars: [], place })), groups: new Map() };
}

/** Host and tree of an entry's name. */
export function targetOf(name: string, groups: readonly string[]): Target {
  const colon = name.indexOf(":");
  if (colon < 0) return { name, host: name, tree: undefined, groups };
  return { name, host: name.slice(0, colon), tree: name.slice(colon + 1), groups };
}

function inventoryOf(
  sources: readonly InventorySource[],
  found: ReadonlyMap<string, FoundTrees>,
  language: Language,
  directories: readonly string[],
): LoadedInventory {
  const graph = buildGraph(withFound(sources, found));
  const above = (group: string): string[] => [...graph.ancestors(group)].filter((one) => one !== "all").sort();
  const targets = new Map<string, Target>();
  for (const name of graph.entries.keys()) {
    const groups = (graph.groupsOf.get(name) ?? []).map((group) => group.name).sort();
    targets.set(name, targetOf(name, groups));
  }
  const rules = [...rulesIn(sources)].flatMap(([name, { host, glob, groups }]) =>
    found.has(host) ? [] : [{ name, host, glob, groups: [...new Set([...groups].flatMap(above))] }],
  );
  const written = memoByName((name: string): readonly VarLayer[] => {
    const vars = graph.entries.get(name) ?? [];
    return vars.length > 0 ? [layerOf(`inventory, ${name}`, vars, language)] : [];
  });
  const groupWritten = memoByName((name: string): readonly VarLayer[] => {
    const vars = graph.groups.get(name)?.vars ?? [];
    return vars.length > 0 ? [layerOf(`inventory, group ${name}`, vars, language)] : [];
  });
  const groupFiles = directories.map((directory) => varsFolder(join(directory, "group_vars"), language));
  const ownFiles = directories.map((directory) => varsFolder(join(directory, "host_vars"), language));
  const known = new Map<string, readonly VarLayer[]>();
  const ruleVars = memoByName((name: string): readonly VarLayer[] => {
    const vars = sources.flatMap(({ entries }) => entries).flatMap((entry) => (entry.name === name ? entry.vars : []));
    return vars.length > 0 ? [layerOf(`inventory, ${name}`, vars, language)] : [];
  });
  const names = {
    targets: [...targets.keys()],
    groups: graph.members,
    hosts: new Set([...[...targets.values()].map(({ host }) => host), ...rules.map(({ host }) => host)]),
    implicit: (name: string) => (isImplicit(name) ? name : undefined),
  };
  const groupsOf = (name: string): readonly GroupNode[] => graph.groupsOf.get(name) ?? [];
  const layersOf = (name: string, groups: readonly string[], own: readonly VarLayer[]): readonly VarLayer[] => {
    const { host } = targets.get(name) ?? targetOf(name, []);
    const inherited = host === name ? [] : groupsOf(host).filter((one) => !groups.includes(one.name));
    const all = [...inherited.map((group) => group.name), ...groups];
    const chain = all.length === 0 ? ["ungrouped"] : all;
    const hosts = host === name ? [] : [host];
    const files = (one: string): readonly VarLayer[] => ownFiles.flatMap((folder) => folder.layers(one));
    // Ansible's order: what inventories say of groups, group_vars/all, group_vars/GROUP, then what they say of the entry, host_vars.
    return [
      ...groupWritten("all"),
      ...chain.flatMap(groupWritten),
      ...groupFiles.flatMap((folder) => folder.layers("all")),
      ...groupFiles.flatMap((folder) => chain.flatMap(folder.layers)),
      ...hosts.flatMap((one) => [...written(one), ...files(one)]),
      ...written(name),
      ...own,
      ...files(name),
    ];
  };
  return {
    targets,
    groups: graph.members,
    rules,
    layersOf,
    varsOf(name) {
      const before = known.get(name);
      if (before) return before;
      const layers = layersOf(
        name,
        groupsOf(name).map((group) => group.name),
        [],
      );
      known.set(name, layers);
      return layers;
    },
    match(pattern, mayCome = () => false) {
      const isComing = (name: string): boolean => rules.some((rule) => isOfRule(rule, name)) || mayCome(name);
      return matchPattern(pattern, { ...names, mayCome: isComing }).map(
        (name) => targets.get(name) ?? targetOf(name, []),
      );
    },
    layersToCome: () => [
      ...rules.flatMap(({ name, groups }) => [...ruleVars(name), ...groups.flatMap(groupWritten)]),
      ...[...groupFiles, ...ownFiles].flatMap((folder) => folder.names().flatMap(folder.layers)),
    ],
    lineOf: (group) =>
      graph.groups.has(group)
        ? above(group)
            .flatMap((name) => graph.groups.get(name) ?? [])
            .sort(byRank)
        : [],
    withTrees(trees, asked) {
      const place = { file: "the command line or a play's hosts" };
      const entries = asked.map((name) => ({ name, group: "ungrouped", vars: [], place }));
      const more = entries.filter(({ name }) => ruleOf(name) !== undefined);
      const all = new Map([...found, ...trees]);
      return inventoryOf([...sources, { entries: more, groups: new Map() }], all, language, directories);
    },
  };
}

/** `local` (this machine) and trees on it need no inventory. */
export function isImplicit(name: string): boolean {
  return name === "local" || name === "localhost" || name.startsWith("local:");
}

/** Layers by name from a folder of files or directories NAME, NAME.yml, NAME.yaml, NAME.json; the folder is listed once. */
function varsFolder(
  folder: string,
  language: Language,
): { readonly names: () => string[]; readonly layers: (name: string) => readonly VarLayer[] } {
  const found = new Map<string, string[]>();
  for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const extension = varExtensions.find((one) => one !== "" && file.endsWith(one)) ?? "";
    const name = file.slice(0, file.length - extension.length);
    found.set(name, [...(found.get(name) ?? []), join(folder, file)]);
  }
  const layers = memoByName((name) =>
    (found.get(name) ?? [])
      .flatMap((path) => varFiles(path))
      .map((file) => layerOf(file, readVarsFile(readFileSync(file, "utf8"), file, language), language)),
  );
  return { names: () => [...found.keys()], layers };
}

function varFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => !name.startsWith(".") && !name.endsWith("~") && varExtensions.includes(extname(name)))
    .sort()
    .flatMap((name) => varFiles(join(path, name)));
}
