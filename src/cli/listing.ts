// What --list-tasks, --list-hosts and --list-tags show, as Ansible shows it.

import { isSelected, type TagSelection } from "../engine/selection.js";
import type { Node, Play, Playbook } from "../playbook/play.js";
import { createScope } from "../playbook/scope/scope.js";
import { writtenText } from "../playbook/template/template.js";
import type { PlayOptions } from "./options.js";
import type { Setup } from "./setup.js";

type Listed = Exclude<Node, { kind: "block" }>;

/** What would run where nothing fails: what rescues or comes always behind a block is not shown, nor what nobody wrote. */
function* nodesOf(nodes: readonly Node[], tags: TagSelection): Generator<Listed> {
  for (const node of nodes) {
    if (node.kind === "block") yield* nodesOf(node.block, tags);
    else if (!(node.kind === "meta" && node.isImplicit) && isSelected(node.tags, tags)) yield node;
  }
}

function titleOf(node: Listed): string {
  const name = node.name && writtenText(node.name);
  if (name !== undefined) return node.role && !isRoleInclude(node) ? `${node.role.name} : ${name}` : name;
  return node.kind === "task" ? node.module.name : node.kind === "include" ? node.action : "meta";
}

function isRoleInclude(node: Listed): boolean {
  return node.kind === "include" && node.action === "include_role";
}

/** Text of the chosen listings. */
export function listing(
  playbooks: readonly Playbook[],
  { lists }: PlayOptions,
  tags: TagSelection,
  setup: Setup,
  limit: ReadonlySet<string> | undefined,
): string {
  const lines: string[] = [];
  for (const { file, plays } of playbooks) {
    lines.push("", `playbook: ${file}`);
    for (const [index, play] of plays.entries()) {
      lines.push("", `  play #${index + 1} (${hostsText(play, setup)}): ${play.name}\tTAGS: [${sorted(play.tags)}]`);
      if (lists.has("hosts")) lines.push(...hostLines(play, setup, limit));
      const nodes = [...nodesOf(play.nodes, tags)];
      if (lists.has("tasks")) lines.push("    tasks:", ...nodes.map(taskLine));
      const all = new Set([...play.tags, ...nodes.flatMap((node) => [...node.tags])]);
      if (lists.has("tags")) lines.push(`      TASK TAGS: [${sorted(all)}]`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function taskLine(node: Listed): string {
  return `      ${titleOf(node)}\tTAGS: [${sorted(node.tags)}]`;
}

function sorted(tags: ReadonlySet<string>): string {
  return [...tags].sort().join(", ");
}

function hostsText(play: Play, setup: Setup): string {
  return String(play.hosts.render(createScope([play.vars, setup.extra])));
}

function hostLines(play: Play, setup: Setup, limit: ReadonlySet<string> | undefined): string[] {
  const pattern = hostsText(play, setup);
  const found = setup.inventory.match(pattern).filter(({ name }) => !limit || limit.has(name));
  return [`    pattern: ${pattern}`, `    hosts (${found.length}):`, ...found.map(({ name }) => `      ${name}`)];
}
