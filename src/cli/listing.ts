// What --list-tasks, --list-hosts and --list-tags show.

import { isSelected } from "../engine/selection.js";
import type { Node, Play, Playbook } from "../playbook/play.js";
import { createScope } from "../playbook/scope/scope.js";
import type { PlayOptions } from "./options.js";
import type { Setup } from "./setup.js";

/** All nodes of a play, blocks' insides included. */
function* nodesOf(nodes: readonly Node[]): Generator<Exclude<Node, { kind: "block" }>> {
  for (const node of nodes) {
    if (node.kind === "block") for (const part of [node.block, node.rescue, node.always]) yield* nodesOf(part);
    else yield node;
  }
}

function titleOf(node: Exclude<Node, { kind: "block" }>): string {
  if (node.kind === "meta") return `meta: ${node.action}`;
  const role = node.role ? `${node.role.name} : ` : "";
  const name = node.name?.isStatic
    ? String(node.name.render(createScope([])))
    : node.kind === "task"
      ? node.module.name
      : node.action;
  return `${role}${name}`;
}

/** Text for the chosen listing. */
export function listing(
  playbooks: readonly Playbook[],
  options: PlayOptions,
  setup: Setup,
  limit: ReadonlySet<string> | undefined,
): string {
  const lines: string[] = [];
  for (const { file, plays } of playbooks) {
    lines.push("", `playbook: ${file}`);
    for (const [index, play] of plays.entries()) {
      lines.push("", `  play #${index + 1} (${hostsText(play, setup)}): ${play.name}`);
      if (options.action === "list-hosts") lines.push(...hostLines(play, setup, limit));
      else if (options.action === "list-tags") lines.push(`    TASK TAGS: [${[...tagsOf(play)].sort().join(", ")}]`);
      else lines.push(...taskLines(play, options));
    }
  }
  return `${lines.join("\n")}\n`;
}

function hostsText(play: Play, setup: Setup): string {
  return String(play.hosts.render(createScope([play.vars, setup.extra])));
}

function hostLines(play: Play, setup: Setup, limit: ReadonlySet<string> | undefined): string[] {
  const found = setup.inventory.match(hostsText(play, setup)).filter(({ name }) => !limit || limit.has(name));
  return [`    targets (${found.length}):`, ...found.map(({ name }) => `      ${name}`)];
}

function tagsOf(play: Play): Set<string> {
  const tags = new Set<string>();
  for (const node of nodesOf(play.nodes)) if (node.kind !== "meta") for (const tag of node.tags) tags.add(tag);
  return tags;
}

function taskLines(play: Play, options: PlayOptions): string[] {
  const selection = { only: new Set(options.tags), skip: new Set(options.skipTags) };
  const lines = ["    tasks:"];
  for (const node of nodesOf(play.nodes)) {
    if (node.kind === "meta" || !isSelected(node.tags, selection)) continue;
    lines.push(`      ${titleOf(node)}\tTAGS: [${[...node.tags].sort().join(", ")}]`);
  }
  return lines;
}
