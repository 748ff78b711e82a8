// Keywords of a play alone: files of variables, strategy, order, batches.

import { booleanOf, oneOf, plainBoolean, plainNumber } from "./vars.js";
import type { Findings } from "./findings.js";
import { trackWords, type Play, type TrackWord } from "../play.js";
import { checkKeywords } from "./keywords.js";
import { templateOf } from "../template/template.js";
import type { Renderable } from "../../module/value.js";
import type { YamlNode } from "../yaml/yaml.js";

export function varsFilesOf(node: YamlNode | undefined, findings: Findings): Renderable[] {
  if (!node || (node.kind === "scalar" && node.value === null)) return [];
  const items = node.kind === "list" ? node.items : [node];
  return items.flatMap((item) => {
    const names = item.kind === "list" ? item.items : [item];
    if (names.some((one) => one.kind !== "scalar" || typeof one.value !== "string")) {
      findings.at(item, "vars_files must be a list of files", {
        remedy: "An item may be a list itself: the first file of it that is there is read.",
      });
      return [];
    }
    const template = findings.try(() => templateOf(item));
    return template ? [template] : [];
  });
}

export function flagOf(node: YamlNode | undefined, keyword: string, findings: Findings): boolean | undefined {
  if (!node) return undefined;
  const value = node.kind === "scalar" ? booleanOf(node.value) : undefined;
  return value ?? plainBoolean(node, keyword, findings);
}

export function numberOf(node: YamlNode | undefined, keyword: string, findings: Findings): number | undefined {
  return node && plainNumber(node, keyword, findings);
}

export function strategyOf(node: YamlNode | undefined, findings: Findings): "free" | "linear" {
  if (!node) return "free";
  const text = node.kind === "scalar" ? node.text.replace(/^ansible\.builtin\./, "") : "";
  if (text === "host_pinned") return "free";
  if (text === "linear" || text === "free") return text;
  if (text === "debug") {
    findings.at(node, "there is no debugger: strategy cannot be debug", {
      remedy: "Write linear, and run with -vv; crun play -C -D shows what each task would do.",
    });
    return "linear";
  }
  return oneOf(node, "strategy", ["free", "linear"], findings) ?? "free";
}

const ORDERS = ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"] as const;

export function orderOf(node: YamlNode | undefined, findings: Findings): Play["order"] {
  return (node && oneOf(node, "order", ORDERS, findings)) ?? "inventory";
}

export function trackOf(node: YamlNode | undefined, findings: Findings): ReadonlySet<TrackWord> {
  const items = node?.kind === "list" ? node.items : node ? [node] : [];
  return new Set(items.flatMap((item) => oneOf(item, "track", trackWords, findings) ?? []));
}

const RUNNING = ["refuse", "restart"] as const;

/** `true`, `false`, what is done with machines that run, or a map of that and how many old trees are kept. */
export function transactionOf(node: YamlNode | undefined, findings: Findings): Play["transaction"] {
  if (!node) return undefined;
  if (node.kind === "map") {
    const given = (key: string): YamlNode | undefined => node.entries.get(key)?.value;
    checkKeywords(node, { running: true, keep: true }, "transaction", findings);
    const running = given("running");
    const keep = given("keep");
    return {
      running: (running && oneOf(running, "running", RUNNING, findings)) ?? "refuse",
      keep: keep ? keptOf(keep, findings) : KEPT,
    };
  }
  const isWanted = node.kind === "scalar" ? booleanOf(node.value) : undefined;
  if (isWanted === false) return null;
  if (isWanted === true) return { running: "refuse", keep: KEPT };
  const running = RUNNING.find((one) => node.kind === "scalar" && node.text === one);
  if (!running)
    findings.at(node, "transaction must be true or false, refuse or restart, or a map of running and keep", {
      remedy:
        "Write transaction: true; restart lets running machines be restarted; {running: restart, keep: 2} says both.",
    });
  return running && { running, keep: KEPT };
}

/** Trees that are kept of those that transactions have replaced. */
const KEPT = 1;

function keptOf(node: YamlNode, findings: Findings): number {
  const count = plainNumber(node, "keep", findings);
  if (count === undefined || (Number.isInteger(count) && count >= 0)) return count ?? KEPT;
  findings.at(node, "keep must be a number of trees: 0, 1, 2, …");
  return KEPT;
}

export function serialOf(node: YamlNode | undefined, findings: Findings): (number | string)[] | undefined {
  if (!node) return undefined;
  const items = node.kind === "list" ? node.items : [node];
  return items.flatMap((item): (number | string)[] => {
    const text = item.kind === "scalar" ? item.text.trim() : "";
    if (/^\d+$/.test(text)) return [Number(text)];
    if (/^\d+(\.\d+)?%$/.test(text)) return [text];
    findings.at(item, "serial must be a number of targets, a percentage, or a list of them", {
      remedy: "Write serial: 2, serial: 30%, or serial: [1, 30%].",
    });
    return [];
  });
}
