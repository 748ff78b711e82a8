// Layers of variables as inventories and group_vars give them: compiled when they are first looked up.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import type { Renderable, VarLayer } from "../module/value.js";
import type { Language, YamlNode } from "./language.js";
import { parseJson } from "./json.js";
import { Problems } from "./report.js";
import type { WrittenVar } from "./source.js";

const nameOfVariable = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A layer whose values can be looked at as they are written. */
export interface WrittenLayer extends VarLayer {
  placeOf(name: string): Place | undefined;
  /** Not rendered; undefined where the layer has no such name. */
  writtenValue(name: string): unknown;
}

export function isWrittenLayer(layer: VarLayer): layer is WrittenLayer {
  return "writtenValue" in layer;
}

/** A layer over variables as they were written; later ones of the same name win. `origin` is the name of its level. */
export function layerOf(origin: string, vars: readonly WrittenVar[], language: Language): WrittenLayer {
  const written = new Map(vars.map((one) => [one.name, one]));
  const compiled = new Map<string, Renderable>();
  return {
    origin,
    names: () => written.keys(),
    get(name) {
      const one = written.get(name);
      if (!one) return undefined;
      const known = compiled.get(name);
      if (known) return known;
      const renderable =
        one.kind === "node" ? language.compileNode(one.node) : language.compileValue(one.value, one.place);
      compiled.set(name, renderable);
      return renderable;
    },
    placeOf(name) {
      const one = written.get(name);
      return one && placeOfVar(one, language);
    },
    writtenValue(name) {
      const one = written.get(name);
      if (!one) return undefined;
      return one.kind === "node" ? language.plainOf(one.node) : one.value;
    },
  };
}

export function placeOfVar(one: WrittenVar, language: Language): Place {
  return one.kind === "node" ? language.placeOf(one.key) : one.place;
}

/** What stands there, not rendered. Lists and maps of YAML count as undefined. */
export function plainValueOf(one: WrittenVar): unknown {
  if (one.kind === "plain") return one.value;
  return one.node.kind === "scalar" ? one.node.value : undefined;
}

/** The node of a YAML file, or of a JSON file by its name, whose faults are then told as JSON's. Throws a CrunError. */
export function readDataFile(file: string, text: string, language: Language): YamlNode | undefined {
  try {
    return language.readYaml(file, text);
  } catch (error) {
    if (error instanceof CrunError && file.endsWith(".json") && !language.isEncrypted(text)) parseJson(text, file);
    throw error;
  }
}

/** Variables of a YAML file that is one map (group_vars, host_vars). Throws a CrunError. */
export function varsOfFile(root: YamlNode | undefined, language: Language): WrittenVar[] {
  if (root === undefined || (root.kind === "scalar" && root.value === null)) return [];
  if (root.kind !== "map") {
    throw new CrunError({
      severity: "error",
      summary: `a file of variables is a map, not ${root.kind === "list" ? "a list" : "a single value"}`,
      place: language.placeOf(root),
      remedy: "Write NAME: VALUE lines.",
    });
  }
  const vars = Array.from(root.entries.values(), ({ key, keyNode, value }): WrittenVar => ({
    kind: "node",
    name: key,
    key: keyNode,
    node: value,
  }));
  const problems = new Problems();
  checkNames(vars, language, problems);
  problems.throwAny();
  return vars;
}

/** Names of variables are identifiers; reports those that are none. */
export function checkNames(vars: readonly WrittenVar[], language: Language, problems: Problems): void {
  for (const one of vars) {
    if (nameOfVariable.test(one.name)) continue;
    const better = one.name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
    const remedy = `Letters, digits and _ make a name${better === "" ? "." : `: ${better}`}`;
    problems.add(`${JSON.stringify(one.name)} is no name for a variable`, placeOfVar(one, language), remedy);
  }
}
