// The keyword `allow`: what programs of a task may have beyond the entry's default.

import { allowedWords, problemOfAllowance } from "../../facts/allowances.js";
import type { Renderable } from "../../module/value.js";
import { templateOf } from "../template/template.js";
import type { YamlNode } from "../yaml/yaml.js";
import type { Findings } from "./findings.js";
import { isTemplateText } from "./vars.js";

/** A list of words, one, or a template that gives them. What is no template is checked at once. */
export function allowNode(node: YamlNode, findings: Findings): Renderable | undefined {
  if (node.kind === "scalar" && node.value === null) return undefined;
  if (node.kind === "map") {
    findings.at(node, "allow must be a list of what is allowed", { remedy: "Write [CAP_NET_RAW, /dev/fuse]." });
    return undefined;
  }
  for (const item of node.kind === "list" ? node.items : [node]) {
    if (isTemplateText(item)) continue;
    for (const word of item.kind === "scalar" ? allowedWords(item.value) : [item.kind]) {
      const wrong = problemOfAllowance(word);
      if (wrong) findings.at(item, `allow: ${wrong.problem}`, { remedy: wrong.remedy });
    }
  }
  return findings.try(() => templateOf(node));
}
