// Includes and meta actions as results: what they say, and how they fail like a task.

import type { CrunError } from "../../diagnostic/diagnostic.js";
import type { Include, Meta, Task } from "../../playbook/play.js";
import type { TaskResultEvent } from "../events.js";
import { isRescued, raise } from "../failing.js";
import type { IncludeOp, MetaOp, TaskOp } from "../program.js";
import type { TargetPlay } from "../target-play.js";
import { TaskWork, type ItemResult } from "../work.js";
import { isSaid } from "./item-keywords.js";
import { TaskInfo } from "./task-info.js";

/**
 * An include that cannot be read, or a condition that cannot be judged: the target fails there as in a task.
 * `isIgnorable`: ignore_errors holds for it (not, as in Ansible, for a file that cannot be read).
 */
export function failNode(on: TargetPlay, op: IncludeOp | MetaOp, error: CrunError, isIgnorable = true): void {
  const message = error.diagnostics[0]?.summary ?? error.message;
  const node = op.kind === "include" ? op.include : op.meta;
  const task = asTask(node);
  const { region } = op;
  const asOp: TaskOp = { kind: "task", task, info: new TaskInfo(task), region, isHandler: op.isHandler };
  const work = new TaskWork(asOp, on.scopeFor(node), undefined);
  const isIgnored = isIgnorable && isSaid(node.ignoreErrors, work.scope);
  const result: ItemResult = {
    result: { changed: false, failed: true, skipped: false, msg: message },
    isChanged: false,
    isFailed: true,
    isSkipped: false,
    isIgnored,
    mayChange: false,
    message,
    remedy: error.diagnostics[0]?.remedy,
    diagnostics: error.diagnostics,
    diffs: [],
    warnings: [],
  };
  on.emit({
    ...nodeEvent(on, node, "failed", undefined),
    result: result.result,
    message,
    diagnostics: error.diagnostics,
    isIgnored,
    isRescued: !isIgnored && isRescued(on, asOp),
  });
  on.include = undefined;
  if (isIgnored) on.pc++;
  else raise(on, { work, result }, asOp);
}

/** The result of a node that is no module. */
export function nodeEvent(
  on: TargetPlay,
  node: Include | Meta,
  status: "ok" | "skipped" | "failed",
  file: string | undefined,
): TaskResultEvent {
  return {
    event: "result",
    play: on.play.title,
    task: nodeTitle(on, node),
    module: wordOf(node),
    place: node.place,
    target: on.state.target.name,
    status,
    isHandler: false,
    isIgnored: false,
    isRescued: false,
    mayChange: false,
    result: {
      changed: false,
      failed: false,
      skipped: status === "skipped",
      ...(file === undefined ? {} : { include: file }),
    },
    ...(file === undefined ? {} : { message: `included: ${file}` }),
    diffs: [],
    warnings: [],
    durationMs: 0,
  };
}

/** How reports call it. */
export function nodeTitle(on: TargetPlay, node: Include | Meta): string {
  const word = wordOf(node);
  try {
    const scope = on.scopeFor(node);
    if (node.kind === "include" && node.action === "include_role")
      return String(node.name?.render(scope) ?? `include_role : ${String(node.file.render(scope))}`);
    const name = node.name ? String(node.name.render(scope)) : word;
    return node.role ? `${node.role.name} : ${name}` : name;
  } catch {
    // The name is decoration: without its variables the action's name must do.
    return word;
  }
}

function wordOf(node: Include | Meta): string {
  return node.kind === "meta" ? "meta" : node.action;
}

function asTask(node: Include | Meta): Task {
  return {
    ...node,
    kind: "task",
    module: {
      name: wordOf(node),
      summary: "",
      params: {},
      examples: [],
      observe: () => ({}),
      plan: () => ({ changes: [] }),
    },
    args: {},
    loop: undefined,
    loopControl: { ...oneItem },
    register: undefined,
    until: undefined,
    retries: undefined,
    delaySeconds: undefined,
    asyncSeconds: undefined,
    pollSeconds: undefined,
    changedWhen: undefined,
    failedWhen: undefined,
    notify: [],
  };
}

const oneItem = {
  loopVar: "item",
  indexVar: undefined,
  label: undefined,
  pauseSeconds: undefined,
  isExtended: false,
  hasAllItems: false,
} as const;
