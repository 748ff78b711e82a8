// The keyword `limits`: what programs of a task may use.

import { problemOfLimit } from "../../facts/process-limits.js";
import type { Renderable } from "../../module/value.js";
import { templateOf } from "../template/template.js";
import type { YamlNode } from "../yaml/yaml.js";
import type { Findings } from "./findings.js";
import { isTemplateText } from "./vars.js";

/** A map of limits, or a template that gives one. What is no template is checked at once. */
export function limitsNode(node: YamlNode, findings: Findings): Renderable | undefined {
  if (node.kind === "scalar" && node.value === null) return undefined;
  if (node.kind !== "map" && !isTemplateText(node)) {
    findings.at(node, "limits must be a map of limits", { remedy: "Write a line for each, as memory_max: 64M." });
    return undefined;
  }
  for (const { key, keyNode, value } of node.kind === "map" ? node.entries.values() : []) {
    const isLater = isTemplateText(value) && problemOfLimit(key, "1") === undefined;
    const wrong = isLater ? undefined : problemOfLimit(key, value.kind === "scalar" ? value.text : value.kind);
    if (wrong)
      findings.at(problemOfLimit(key, "1") ? keyNode : value, `limits: ${wrong.problem}`, { remedy: wrong.remedy });
  }
  return findings.try(() => templateOf(node));
}
