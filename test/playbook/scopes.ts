// Scopes for tests, made of YAML text and plain data.

import { createScope, mapLayer, rawLayer, type LayeredScope } from "../../src/playbook/scope/scope.js";
import { templateOf } from "../../src/playbook/template/template.js";
import { readYaml } from "../../src/playbook/yaml/yaml.js";
import type { VarLayer } from "../../src/module/value.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";

/** A layer of the variables that YAML text defines. */
export function layerOf(yaml: string, origin = "vars.yml"): VarLayer {
  const node = readYaml(origin, yaml);
  if (node?.kind !== "map") throw new Error("the YAML of a layer must be a map");
  return mapLayer(origin, new Map([...node.entries.values()].map((entry) => [entry.key, templateOf(entry.value)])));
}

export function scopeOf(yaml: string, data: Readonly<Record<string, unknown>> = {}): LayeredScope {
  return createScope([layerOf(yaml), rawLayer("data", data)]);
}

/** The message of the CrunError that the work throws, as a person reads it. */
export function messageOf(work: () => unknown): string {
  try {
    const value = work();
    throw new Error(`no error, but ${JSON.stringify(value)}`);
  } catch (error) {
    if (error instanceof CrunError) return error.message;
    throw error;
  }
}
