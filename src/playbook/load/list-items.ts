// The items of a list where a list is expected; nothing stands for an empty one.

import type { Findings } from "./findings.js";
import type { YamlNode } from "../yaml/yaml.js";

/** Reports with `summary` (and `remedy`) what is no list. */
export function listItems(
  node: YamlNode | undefined,
  findings: Findings,
  summary: string,
  remedy?: string,
): readonly YamlNode[] {
  if (!node || (node.kind === "scalar" && node.value === null)) return [];
  if (node.kind === "list") return node.items;
  findings.at(node, summary, { remedy });
  return [];
}
