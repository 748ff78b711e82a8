// Layers of variables as inventories and group_vars give them: compiled when they are first looked up.

import { CrunError, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";
import type { Renderable, VarLayer } from "../module/value.js";
import type { Language, YamlNode } from "./language.js";
import type { WrittenVar } from "./source.js";

const nameOfVariable = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A layer over variables as they were written; later ones of the same name win. */
export function layerOf(origin: string, vars: readonly WrittenVar[], language: Language): VarLayer {
  const written = new Map(vars.map((one) => [one.name, one]));
  const compiled = new Map<string, Renderable>();
  return {
    origin,
    names: () => written.keys(),
    get(name) {
      const known = compiled.get(name);
      if (known) return known;
      const one = written.get(name);
      if (!one) return undefined;
      const renderable = isNode(one.value)
        ? language.compileNode(one.value)
        : language.compileValue(one.value, one.place);
      compiled.set(name, renderable);
      return renderable;
    },
  };
}

function isNode(value: unknown): value is YamlNode {
  return typeof value === "object" && value !== null && "kind" in value && "offset" in value;
}

/** Variables of a YAML file that is one map (group_vars, host_vars). */
export function readVarsFile(text: string, file: string, language: Language): WrittenVar[] {
  const root = language.readYaml(file, text);
  if (root === undefined || (root.kind === "scalar" && root.value === null)) return [];
  if (root.kind !== "map") {
    throw new CrunError({
      severity: "error",
      summary: "a file of variables is a map",
      place: language.placeOf(root),
      remedy: "Write NAME: VALUE lines.",
    });
  }
  const vars = [...root.entries.values()].map(({ key, value }) => ({
    name: key,
    value,
    place: language.placeOf(value),
  }));
  checkNames(vars);
  return vars;
}

/** Names of variables are identifiers; throws a CrunError that lists those that are none. */
export function checkNames(vars: readonly { readonly name: string; readonly place: Place }[]): void {
  const problems = vars.flatMap(({ name, place }): Diagnostic[] => {
    if (nameOfVariable.test(name)) return [];
    const remedy = `Letters, digits and _ make a name: ${name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_")}`;
    return [{ severity: "error", summary: `${JSON.stringify(name)} is no name for a variable`, place, remedy }];
  });
  if (problems.length > 0) throw new CrunError(problems);
}
