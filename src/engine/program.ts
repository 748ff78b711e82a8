// Lays a play's nodes out as a flat list of operations, so that walking, looking ahead and going back are index arithmetic.

import type { Block, Handler, Include, Meta, Node, Task } from "../playbook/play.js";
import type { StartGate } from "../playbook/start-at.js";
import type { TaskInfo } from "./task/task-info.js";
import { isSelected, type TagSelection } from "./selection.js";

/** Where an operation lies: in which part of which block. */
export interface Region {
  readonly block: Block;
  readonly part: "block" | "rescue" | "always";
  readonly parent: Region | undefined;
  readonly layout: BlockLayout;
}

/** Indexes of a block's parts; -1 where it has none. */
export interface BlockLayout {
  rescueAt: number;
  alwaysAt: number;
  closeAt: number;
}

export interface TaskOp {
  readonly kind: "task";
  readonly task: Task;
  readonly info: TaskInfo;
  readonly region: Region | undefined;
  readonly isHandler: boolean;
}

export interface IncludeOp {
  readonly kind: "include";
  readonly include: Include;
  readonly region: Region | undefined;
  readonly isHandler: boolean;
}

export interface MetaOp {
  readonly kind: "meta";
  readonly meta: Meta;
  readonly region: Region | undefined;
  readonly isHandler: boolean;
}

export type Op =
  | TaskOp
  | IncludeOp
  | MetaOp
  | { readonly kind: "jump"; readonly to: number }
  /** The end of a block: a failure that waited for `always` goes on from here. */
  | { readonly kind: "close"; readonly region: Region }
  | { readonly kind: "end" };

export interface Code {
  readonly ops: readonly Op[];
}

export interface CompileOptions {
  readonly tags: TagSelection;
  /** Tasks before the first for which this is true are left out. */
  readonly startAt?: StartGate | undefined;
  readonly infoOf: (task: Task) => TaskInfo;
}

/** Nodes to code. Tasks that the tags leave out are not in it. */
export function compile(nodes: readonly Node[], options: CompileOptions): Code {
  const ops: Op[] = [];
  const add = (list: readonly Node[], region: Region | undefined): void => {
    for (const node of list) addNode(node, region);
  };
  // What rescues is reached by a failure alone: nothing begins there.
  const isBefore = (node: Task | Include | Meta, region: Region | undefined): boolean =>
    options.startAt !== undefined &&
    (region?.part === "rescue" ? !options.startAt.isOpen : !options.startAt.passes(node));
  const addNode = (node: Node, region: Region | undefined): void => {
    switch (node.kind) {
      case "task": {
        if (!isSelected(node.tags, options.tags)) return;
        const info = options.infoOf(node);
        if (isBefore(node, region)) return;
        ops.push({ kind: "task", task: node, info, region, isHandler: false });
        return;
      }
      case "include":
        if (!isSelected(node.tags, options.tags) || isBefore(node, region)) return;
        ops.push({ kind: "include", include: node, region, isHandler: false });
        return;
      case "meta":
        if (!isAlways(node) && (!isSelected(node.tags, options.tags) || isBefore(node, region))) return;
        ops.push({ kind: "meta", meta: node, region, isHandler: false });
        return;
      case "block":
        addBlock(node, region);
    }
  };
  const addBlock = (block: Block, parent: Region | undefined): void => {
    const layout: BlockLayout = { rescueAt: -1, alwaysAt: -1, closeAt: -1 };
    const begin = ops.length;
    add(block.block, { block, part: "block", parent, layout });
    const jump = ops.length;
    ops.push({ kind: "end" });
    add(block.rescue, { block, part: "rescue", parent, layout });
    // What the tags leave nothing of rescues nothing.
    if (ops.length === jump + 1) ops.pop();
    else {
      layout.rescueAt = jump + 1;
      ops[jump] = { kind: "jump", to: ops.length };
    }
    const alwaysAt = ops.length;
    add(block.always, { block, part: "always", parent, layout });
    if (ops.length > alwaysAt) layout.alwaysAt = alwaysAt;
    if (ops.length === begin) return;
    layout.closeAt = ops.length;
    ops.push({ kind: "close", region: { block, part: "always", parent, layout } });
  };
  add(nodes, undefined);
  ops.push({ kind: "end" });
  return { ops };
}

/** What the loader itself put there. */
function isAlways({ isImplicit, action }: Meta): boolean {
  return isImplicit || action === "flush_handlers";
}

/** Handlers as code: each runs where it was notified. Tags do not choose among handlers. */
export function compileHandlers(handlers: readonly Handler[], infoOf: (task: Task) => TaskInfo): Code {
  const place = { region: undefined, isHandler: true };
  const ops = handlers.map((node): Op => {
    switch (node.kind) {
      case "task":
        return { kind: "task", task: node, info: infoOf(node), ...place };
      case "include":
        return { kind: "include", include: node, ...place };
      case "meta":
        return { kind: "meta", meta: node, ...place };
    }
  });
  return { ops: [...ops, { kind: "end" }] };
}

/** Whether targets wait for each other there. */
export function waitsForOthers(op: Op): boolean {
  if (op.kind !== "task") return false;
  const { runOnce, delegateTo, anyErrorsFatal, module } = op.task;
  return runOnce || delegateTo !== undefined || anyErrorsFatal || op.info.usesOthers || module.effects === "run";
}

/** What a handler's operation was notified as; undefined: it is no handler. */
export function handlerOf(op: TaskOp | IncludeOp | MetaOp): Handler | undefined {
  if (!op.isHandler) return undefined;
  return op.kind === "task" ? op.task : op.kind === "include" ? op.include : op.meta;
}
