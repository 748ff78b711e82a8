// Layers of variables from YAML: names checked, values compiled.

import { suggest } from "../../diagnostic/near.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import type { PlaybookFiles } from "./files.js";
import type { Findings } from "./findings.js";
import { mapLayer } from "../scope/scope.js";
import { templateOf, type Template } from "../template/template.js";
import { placeOf, type YamlMap, type YamlNode, type YamlScalar } from "../yaml/yaml.js";

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that always mean the same. */
const RESERVED = new Set([
  "vars",
  "omit",
  "item",
  "hostvars",
  "groups",
  "group_names",
  "inventory_hostname",
  "play_targets",
  "playbook_dir",
  "crun_version",
  "run_id",
]);
/** `item` may be given a value by hand in Ansible, too. */
const SETTABLE = new Set(["item"]);

export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** Reports a name that no variable can have. */
export function checkVariableName(name: string, node: YamlScalar, findings: Findings): boolean {
  if (!isIdentifier(name)) {
    const better = name.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?=\d)/, "_");
    findings.at(node, `${JSON.stringify(name)} cannot be the name of a variable`, {
      detail: "Names have letters, digits and underscores, and do not begin with a digit.",
      remedy: isIdentifier(better) ? `Write ${better}.` : undefined,
    });
    return false;
  }
  if (RESERVED.has(name) && !SETTABLE.has(name)) {
    findings.at(node, `${JSON.stringify(name)} has a meaning of its own and cannot be given another`, {
      remedy: "Choose another name.",
    });
    return false;
  }
  return true;
}

/** The variables of a map, or of a list of maps as older playbooks have it. */
export function varsOf(node: YamlNode, origin: string, findings: Findings): VarLayer {
  const definitions = new Map<string, Template>();
  const keys = new Map<string, YamlScalar>();
  for (const map of mapsOf(node, findings)) {
    for (const { key, keyNode, value } of map.entries.values()) {
      if (!checkVariableName(key, keyNode, findings)) continue;
      const template = findings.try(() => templateOf(value));
      if (!template) continue;
      definitions.set(key, template);
      keys.set(key, keyNode);
    }
  }
  return mapLayer(origin, definitions, (name) => {
    const key = keys.get(name);
    return key && placeOf(key);
  });
}

function mapsOf(node: YamlNode, findings: Findings): YamlMap[] {
  if (node.kind === "map") return [node];
  if (node.kind === "scalar" && node.value === null) return [];
  if (node.kind === "list" && node.items.every((one) => one.kind === "map"))
    return node.items.flatMap((one) => (one.kind === "map" ? [one] : []));
  findings.at(node, "vars must be a map of names and values", {
    remedy: "Write a line name: value for each variable.",
  });
  return [];
}

/** The variables of a file. Throws a CrunError where it cannot be read. */
export function varsOfFile(files: PlaybookFiles, path: string, findings: Findings): VarLayer {
  const node = files.yaml(path);
  const shown = files.shown(path);
  if (!node) return mapLayer(shown, new Map());
  if (node.kind !== "map") {
    findings.at(
      node,
      `a file of variables holds a map of names and values, not a ${node.kind === "list" ? "list" : "single value"}`,
    );
    return mapLayer(shown, new Map());
  }
  return varsOf(node, shown, findings);
}

const YES = new Set(["true", "yes", "on", "1", "y", "t"]);
const NO = new Set(["false", "no", "off", "0", "n", "f"]);

/** Ansible's words for a boolean; undefined for anything else. */
export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" || typeof value === "number" ? String(value).toLowerCase() : "";
  return YES.has(word) ? true : NO.has(word) ? false : undefined;
}

/** A boolean that must be written out. */
export function plainBoolean(node: YamlNode, keyword: string, findings: Findings): boolean | undefined {
  const value = node.kind === "scalar" ? booleanOf(node.value) : undefined;
  if (value === undefined)
    findings.at(
      node,
      `${keyword} must be true or false`,
      isTemplateText(node)
        ? { remedy: "A template cannot stand here: the value is needed before any variable is known." }
        : {},
    );
  return value;
}

export function isTemplateText(node: YamlNode): boolean {
  return node.kind === "scalar" && typeof node.value === "string" && node.value.includes("{{") && !node.isUnsafe;
}

/** A number that must be written out. */
export function plainNumber(node: YamlNode, keyword: string, findings: Findings): number | undefined {
  const value = node.kind === "scalar" ? node.value : undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  findings.at(node, `${keyword} must be a number`);
  return undefined;
}

/** A whole number of seconds, or a template that gives one. */
export function secondsOf(node: YamlNode, keyword: string, findings: Findings): Renderable | undefined {
  if (isTemplateText(node)) return findings.try(() => templateOf(node));
  const text = node.kind === "scalar" ? node.text : "";
  if (/^\d+$/.test(text)) return findings.try(() => templateOf(node));
  const hint = /^(\d+)\s*(s|m|min|h)$/.exec(text);
  const factor = hint?.[2] === "h" ? 3600 : hint?.[2]?.startsWith("m") ? 60 : 1;
  findings.at(node, `${keyword} must be a whole number of seconds, not ${JSON.stringify(text)}`, {
    remedy: hint ? `Write ${keyword}: ${Number(hint[1]) * factor}.` : undefined,
  });
  return undefined;
}

/** Text that must be written out. */
export function plainText(node: YamlNode, keyword: string, findings: Findings): string | undefined {
  if (node.kind === "scalar" && node.isEncrypted) {
    findings.at(node, `${keyword} cannot be an encrypted value`, { remedy: "It is needed as it is: write it out." });
    return undefined;
  }
  if (node.kind === "scalar" && node.value !== null && !isTemplateText(node)) return node.text;
  findings.at(
    node,
    `${keyword} must be ${isTemplateText(node) ? "written out: a template cannot stand here" : "text"}`,
  );
  return undefined;
}

/** One of some words. */
export function oneOf<W extends string>(
  node: YamlNode,
  keyword: string,
  words: readonly W[],
  findings: Findings,
): W | undefined {
  const text = plainText(node, keyword, findings);
  const word = words.find((one) => one === text);
  if (text !== undefined && word === undefined)
    findings.at(node, `${keyword} cannot be ${JSON.stringify(text)}`, {
      remedy: suggest(text, words) ?? `It is one of ${words.join(", ")}.`,
    });
  return word;
}

/** A boolean that may be a template; Ansible's words are taken. */
export function booleanTemplate(
  node: YamlNode,
  keyword: string,
  findings: Findings,
  fixed: (value: boolean) => Renderable,
): Renderable | undefined {
  if (isTemplateText(node)) return findings.try(() => templateOf(node));
  const value = node.kind === "scalar" ? booleanOf(node.value) : undefined;
  if (value !== undefined) return fixed(value);
  findings.at(node, `${keyword} must be true or false`);
  return undefined;
}

/** A list of words: a list, or text with commas. */
export function wordList(node: YamlNode, keyword: string, findings: Findings): string[] {
  const items = node.kind === "list" ? node.items : [node];
  return items.flatMap((item) => {
    if (item.kind === "scalar" && item.value === null) return [];
    if (item.kind !== "scalar") {
      findings.at(item, `${keyword} must be text, or a list of texts`);
      return [];
    }
    const text = plainText(item, keyword, findings);
    return text === undefined
      ? []
      : text
          .split(",")
          .map((one) => one.trim())
          .filter((one) => one !== "");
  });
}
