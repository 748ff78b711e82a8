// Values in a YAML file that are encrypted one by one: found with their lines, and rewritten.

import { readYaml, placeOf, type YamlNode, type YamlScalar } from "../../playbook/yaml/yaml.js";
import type { Vault } from "../../vault/vault.js";
import { refused } from "./files.js";

/** An encrypted value and the lines that it takes, counted from 1. */
export interface InlineValue {
  readonly node: YamlScalar;
  readonly firstLine: number;
  readonly lines: number;
}

/** First to last. Throws a CrunError for what is no YAML, and for a value that is written in another way than `!vault |`. */
export function inlineValues(name: string, text: string, vault: Vault): InlineValue[] {
  const found = new Map<number, YamlScalar>();
  const walk = (node: YamlNode): void => {
    if (node.kind === "list") node.items.forEach(walk);
    else if (node.kind === "map") for (const { value } of node.entries.values()) walk(value);
    else if (node.isEncrypted) found.set(node.offset, node);
  };
  const root = readYaml(name, text, vault);
  if (root) walk(root);
  return [...found.values()].sort((a, b) => a.offset - b.offset).map((node) => inlineValue(name, node));
}

function inlineValue(name: string, node: YamlScalar): InlineValue {
  const firstLine = (placeOf(node).line ?? 0) + 1;
  const lines = node.text.trimEnd().split("\n");
  const isPlain = lines.every((line, index) => node.source.line(firstLine + index)?.trim() === line.trim());
  if (node.layout !== "literal" || !isPlain)
    throw refused(
      `the encrypted value at ${name}:${firstLine - 1} is not written as a block`,
      "Write it as !vault | with the lines below it, as crun vault encrypt-string does.",
    );
  return { node, firstLine, lines: lines.length };
}

/** The text with other ciphertexts in the values' places, indented as they were. */
export function withValues(text: string, values: readonly InlineValue[], ciphertexts: readonly string[]): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(/\r?\n/);
  for (const [index, { node, firstLine, lines: count }] of [...values.entries()].reverse()) {
    const indent = " ".repeat(node.indent);
    const next = (ciphertexts[index] ?? "").trimEnd().split("\n");
    lines.splice(firstLine - 1, count, ...next.map((line) => indent + line));
  }
  return lines.join(newline);
}
