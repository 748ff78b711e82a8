// Variables of the command line: `-e k=v`, `-e '{"k": 1}'`, `-e 'k: 1'`, `-e @file`.

import { readFileSync, statSync } from "node:fs";
import { textOfFile } from "../diagnostic/utf8.js";
import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import { mapLayer } from "../playbook/scope/scope.js";
import { templateOf, templateOfValue } from "../playbook/template/template.js";
import { placeOf, readYaml, type YamlNode } from "../playbook/yaml/yaml.js";
import type { Vault } from "../vault/vault.js";
import { keyValues } from "./key-values.js";

type Values = Map<string, { readonly value: ReturnType<typeof templateOf>; readonly place: Place }>;

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const forms = "Write -e 'k=v', -e '{\"k\": 1}' or -e @FILE.";

/** One layer over all that was given, later ones stronger. k=v is text; JSON and YAML keep their types. Throws a CrunError. */
export function extraVars(given: readonly string[], vault?: Vault): VarLayer {
  const all: Values = new Map();
  for (const one of given) for (const [name, found] of valuesOf(one, vault)) all.set(name, found);
  return layerOf("extra vars", all);
}

/** The same with a layer for each -e, for who asks which of them gave a value. */
export function extraVarLayers(given: readonly string[], vault?: Vault): VarLayer[] {
  return given.map((one) => layerOf("extra vars", valuesOf(one, vault)));
}

function layerOf(origin: string, values: Values): VarLayer {
  const definitions = new Map([...values].map(([name, { value }]) => [name, value]));
  return mapLayer(origin, definitions, (name) => values.get(name)?.place);
}

function valuesOf(one: string, vault: Vault | undefined): Values {
  if (one.startsWith("@")) return ofNode(readFile(one.slice(1), vault), one);
  if (/^\s*[{[]/.test(one) || /^\s*[A-Za-z_]\w*:\s/.test(one)) return ofNode(readYaml(`-e ${one}`, one, vault), one);
  if (/^[./]/.test(one)) throw wrong(one, "looks like the path of a file", `Write -e @${one}`);
  return ofPairs(one);
}

function ofNode(node: YamlNode | undefined, source: string): Values {
  const values: Values = new Map();
  // As in Ansible a file that holds nothing is no variables.
  if (node === undefined && source.startsWith("@")) return values;
  if (node?.kind !== "map") {
    const summary = `-e ${source} must be a map of variables`;
    throw node
      ? node.source.error(placeOf(node), summary, { remedy: forms })
      : new CrunError({ severity: "error", summary, remedy: forms });
  }
  for (const { key, keyNode, value } of node.entries.values()) {
    if (!identifier.test(key))
      throw keyNode.source.error(placeOf(keyNode), `${JSON.stringify(key)} is no name for a variable`, {
        remedy: betterName(key),
      });
    values.set(key, { value: templateOf(value), place: placeOf(keyNode) });
  }
  return values;
}

function ofPairs(text: string): Values {
  const pairs = keyValues(text);
  if ("problem" in pairs) throw wrong(text, pairs.problem, "Write -e NAME=VALUE; quote a value that has blanks in it.");
  const values: Values = new Map();
  for (const { word, name, text: value } of pairs) {
    if (!identifier.test(name))
      throw wrong(text, `${JSON.stringify(name)} is no name for a variable`, betterName(name));
    const place = { file: `-e ${word}` };
    values.set(name, { value: templateOfValue(`-e ${name}`, value, place), place });
  }
  return values;
}

function readFile(file: string, vault: Vault | undefined): YamlNode | undefined {
  try {
    if (statSync(file).isDirectory()) throw wrong(`@${file}`, "is a directory", "Give a file of variables.");
    return readYaml(file, textOfFile(readFileSync(file), file), vault);
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw wrong(`@${file}`, `cannot be read: ${reason}`, "Is the path right?");
  }
}

function betterName(name: string): string {
  const better = name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
  return `Letters, digits and _ make a name${better === "" ? "." : `: ${better}`}`;
}

function wrong(source: string, problem: string, remedy?: string): CrunError {
  return new CrunError({ severity: "error", summary: `-e ${source}: ${problem}`, remedy });
}
