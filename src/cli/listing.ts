// What --list-tasks, --list-hosts and --list-tags show, and whether tags and --start-at-task name anything.

import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { StartGate } from "../engine/program.js";
import { isSelected } from "../engine/selection.js";
import type { Node, Play, Playbook, Task } from "../playbook/play.js";
import { createScope } from "../playbook/scope.js";
import type { PlayOptions } from "./options.js";
import type { Setup } from "./setup.js";

const specialTags = ["all", "always", "never", "tagged", "untagged"];

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

/** Throws a CrunError for a tag or a task's name that nothing bears. What an include may bring is not known: then nothing is said. */
export function checkSelection(playbooks: readonly Playbook[], options: PlayOptions): void {
  const nodes = playbooks.flatMap(({ plays }) => plays.flatMap((play) => [...nodesOf(play.nodes)]));
  if (nodes.some(({ kind }) => kind === "include")) return;
  const tags = new Set([...specialTags, ...nodes.flatMap((node) => [...node.tags])]);
  for (const tag of [...options.tags, ...options.skipTags]) {
    if (tags.has(tag)) continue;
    const remedy = suggest(tag, tags) ?? "--list-tags shows them all.";
    throw new CrunError({ severity: "error", summary: `no task has the tag ${JSON.stringify(tag)}`, remedy });
  }
  const start = options.startAtTask;
  if (start === undefined) return;
  const gate = new StartGate(start);
  const tasks = nodes.filter((node): node is Task => node.kind === "task");
  const hasDynamic = tasks.some((task) => task.name?.isStatic === false);
  if (hasDynamic || tasks.some((task) => gate.passes(task, titleOf({ ...task, role: undefined })))) return;
  const remedy = suggest(start, tasks.map(titleOf)) ?? "--list-tasks shows them all.";
  throw new CrunError({
    severity: "error",
    summary: `--start-at-task: no task is called ${JSON.stringify(start)}`,
    remedy,
  });
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
