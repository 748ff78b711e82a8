// vars_prompt: what a play asks the person for, and the answers as a layer of variables.

import { suggest } from "../../diagnostic/near.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import { passwordMethods } from "../helpers/password.js";
import type { VarPrompt } from "../play.js";
import { templateOf } from "../template/template.js";
import type { EarlyValues } from "./early.js";
import type { Findings } from "./findings.js";
import { listItems } from "./list-items.js";
import { checkVariableName, plainBoolean, plainNumber, plainText } from "./vars.js";
import { placeOf, type YamlMap, type YamlNode } from "../yaml/yaml.js";

const KEYS = ["name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"];

/** The prompts of a play. Reports what is wrong with them. */
export function promptsOf(node: YamlNode | undefined, early: EarlyValues, findings: Findings): VarPrompt[] {
  const remedy = "Write an item for each: - name: VARIABLE, and prompt: QUESTION below it.";
  const items =
    node?.kind === "map" && node.entries.has("name")
      ? [node]
      : listItems(node, findings, "vars_prompt must be a list", remedy);
  return items.flatMap((item) => {
    if (item.kind === "map") return promptOf(item, early, findings);
    findings.at(item, "vars_prompt must be a list of maps", { remedy });
    return [];
  });
}

function promptOf(map: YamlMap, early: EarlyValues, findings: Findings): VarPrompt[] {
  for (const { key, keyNode } of map.entries.values()) {
    if (!KEYS.includes(key))
      findings.at(keyNode, `vars_prompt has no key ${JSON.stringify(key)}`, {
        remedy: suggest(key, KEYS) ?? `It knows ${KEYS.join(", ")}.`,
      });
  }
  const name = map.entries.get("name")?.value;
  if (name?.kind !== "scalar" || name.text === "") {
    findings.at(name ?? map, "an item of vars_prompt needs the name of a variable", {
      remedy: "Write name: VARIABLE.",
    });
    return [];
  }
  const variable = plainText(name, "name", findings);
  if (variable === undefined || !checkVariableName(variable, name, findings)) return [];
  const at = (key: string): YamlNode | undefined => {
    const node = map.entries.get(key)?.value;
    return node?.kind === "scalar" && node.value === null ? undefined : node;
  };
  const flag = (key: string, otherwise: boolean): boolean => {
    const value = at(key);
    return (value && plainBoolean(value, key, findings)) ?? otherwise;
  };
  const text = (key: string): string | undefined => {
    const value = at(key);
    const settled = value && early.settled(value, key, { vars: [] }, findings);
    return settled && plainText(settled, key, findings);
  };
  const encrypt = at("encrypt");
  const salt = at("salt");
  const size = at("salt_size");
  const saltSize = size && plainNumber(size, "salt_size", findings);
  if (size && saltSize !== undefined && (!Number.isInteger(saltSize) || saltSize < 1 || saltSize > 16))
    findings.at(size, "salt_size must be a whole number from 1 to 16");
  for (const [key, value] of [
    ["salt", salt],
    ["salt_size", size],
  ] as const)
    if (value && !encrypt) findings.at(value, `${key} has no meaning without encrypt`);
  if (salt && size) findings.at(size, "salt and salt_size exclude each other");
  return [
    {
      name: variable,
      place: placeOf(map),
      source: map.source.line(placeOf(name).line ?? 1),
      question: text("prompt"),
      default: defaultOf(at("default"), findings),
      isPrivate: flag("private", true),
      isConfirmed: flag("confirm", false),
      isUnsafe: flag("unsafe", false),
      hash: encrypt && { method: methodOf(encrypt, findings), salt: text("salt"), saltSize },
    },
  ];
}

function defaultOf(node: YamlNode | undefined, findings: Findings): Renderable | undefined {
  return node && findings.try(() => templateOf(node));
}

/** `sha512_crypt` and `sha512` are the same. */
function methodOf(node: YamlNode, findings: Findings): string {
  const method = (plainText(node, "encrypt", findings) ?? "sha512").replace(/_crypt$/, "");
  if (!passwordMethods.includes(method))
    findings.at(node, `encrypt cannot be ${JSON.stringify(node.kind === "scalar" ? node.text : method)}`, {
      remedy: `It is one of ${passwordMethods.map((one) => `${one}_crypt`).join(", ")}.`,
    });
  return method;
}

/** A layer that holds what was answered so far. */
export function answeredLayer(answers: ReadonlyMap<string, Renderable | { readonly raw: unknown }>): VarLayer {
  return { origin: "vars_prompt", get: (name) => answers.get(name), names: () => answers.keys() };
}
