// Lays a play's nodes out as a flat list of operations, so that walking, looking ahead and going back are index arithmetic.

import type { Block, Include, Meta, Node, Task } from "../playbook/play.js";
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
}

export interface MetaOp {
  readonly kind: "meta";
  readonly meta: Meta;
  readonly region: Region | undefined;
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

/** Opens at the first task of that name (`ROLE : NAME` too, shell wildcards taken) and stays open. */
export class StartGate {
  readonly #pattern: RegExp;
  isOpen = false;

  constructor(name: string) {
    const source = [...name]
      .map((one) => (one === "*" ? ".*" : one === "?" ? "." : one.replace(/[\\^$.|+()[\]{}]/g, "\\$&")))
      .join("");
    this.#pattern = new RegExp(`^${source}$`, "s");
  }

  passes(task: Task, name: string): boolean {
    this.isOpen ||=
      this.#pattern.test(name) || (task.role !== undefined && this.#pattern.test(`${task.role.name} : ${name}`));
    return this.isOpen;
  }
}

/** Nodes to code. Tasks that the tags leave out are not in it. */
export function compile(nodes: readonly Node[], options: CompileOptions): Code {
  const ops: Op[] = [];
  const add = (list: readonly Node[], region: Region | undefined): void => {
    for (const node of list) addNode(node, region);
  };
  const addNode = (node: Node, region: Region | undefined): void => {
    switch (node.kind) {
      case "task": {
        if (!isSelected(node.tags, options.tags)) return;
        const info = options.infoOf(node);
        if (options.startAt && !options.startAt.passes(node, info.title)) return;
        ops.push({ kind: "task", task: node, info, region, isHandler: false });
        return;
      }
      case "include":
        if (options.startAt && !options.startAt.isOpen) return;
        if (isSelected(node.tags, options.tags)) ops.push({ kind: "include", include: node, region });
        return;
      case "meta":
        if (node.action === "flush_handlers" || isSelected(node.tags, options.tags))
          ops.push({ kind: "meta", meta: node, region });
        return;
      case "block":
        addBlock(node, region);
    }
  };
  const addBlock = (block: Block, parent: Region | undefined): void => {
    const layout: BlockLayout = { rescueAt: -1, alwaysAt: -1, closeAt: -1 };
    add(block.block, { block, part: "block", parent, layout });
    if (block.rescue.length > 0) {
      const jump = ops.length;
      ops.push({ kind: "end" });
      layout.rescueAt = ops.length;
      add(block.rescue, { block, part: "rescue", parent, layout });
      ops[jump] = { kind: "jump", to: ops.length };
    }
    if (block.always.length > 0) {
      layout.alwaysAt = ops.length;
      add(block.always, { block, part: "always", parent, layout });
    }
    layout.closeAt = ops.length;
    ops.push({ kind: "close", region: { block, part: "always", parent, layout } });
  };
  add(nodes, undefined);
  ops.push({ kind: "end" });
  return { ops };
}

/** Handlers as code: each runs where it was notified. Tags do not choose among handlers. */
export function compileHandlers(handlers: readonly Task[], infoOf: (task: Task) => TaskInfo): Code {
  const ops: Op[] = handlers.map((task) => ({
    kind: "task",
    task,
    info: infoOf(task),
    region: undefined,
    isHandler: true,
  }));
  ops.push({ kind: "end" });
  return { ops };
}
