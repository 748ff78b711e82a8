// Variables of the command line: `-e k=v`, `-e '{"k": 1}'`, `-e @file`.

import { readFileSync } from "node:fs";
import { CrunError } from "../diagnostic/diagnostic.js";
import { splitWords } from "../module/words.js";
import type { VarLayer } from "../module/value.js";
import { mapLayer } from "../playbook/scope/scope.js";
import { templateOf, templateOfValue } from "../playbook/template/template.js";
import { readYaml, type YamlNode } from "../playbook/yaml/yaml.js";
import type { Vault } from "../vault/vault.js";

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** One layer over all that was given, later ones stronger. k=v is text; JSON and YAML keep their types. Throws a CrunError. */
export function extraVars(given: readonly string[], vault?: Vault): VarLayer {
  const values = new Map<string, ReturnType<typeof templateOf>>();
  for (const one of given) {
    if (one.startsWith("@")) addNode(readFile(one.slice(1), vault), one);
    else if (/^\s*[{[]/.test(one) || /^\s*[A-Za-z_]\w*:\s/.test(one)) addNode(readYaml(`-e ${one}`, one, vault), one);
    else addPairs(one);
  }
  return mapLayer("-e", values);

  function addNode(node: YamlNode | undefined, source: string): void {
    if (node?.kind !== "map")
      throw wrong(source, "must be a map of variables", "Write -e 'k=v', -e '{\"k\": 1}' or -e @FILE.");
    for (const { key, value } of node.entries.values()) values.set(checked(key, source), templateOf(value));
  }

  function addPairs(text: string): void {
    const split = splitWords(text);
    if ("problem" in split) throw wrong(text, split.problem);
    for (const word of split.words) {
      const equals = word.indexOf("=");
      if (equals < 1) throw wrong(text, `has no value: ${JSON.stringify(word)}`, "Write -e NAME=VALUE.");
      const name = checked(word.slice(0, equals), text);
      values.set(name, templateOfValue(`-e ${name}`, word.slice(equals + 1)));
    }
  }
}

function readFile(file: string, vault: Vault | undefined): YamlNode | undefined {
  try {
    return readYaml(file, readFileSync(file, "utf8"), vault);
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw wrong(`@${file}`, `cannot be read: ${reason}`, "Is the path right?");
  }
}

function checked(name: string, source: string): string {
  if (!identifier.test(name))
    throw wrong(source, `${JSON.stringify(name)} is no name for a variable`, "Letters, digits and _ make a name.");
  return name;
}

function wrong(source: string, problem: string, remedy?: string): CrunError {
  return new CrunError({ severity: "error", summary: `-e ${source}: ${problem}`, remedy });
}
