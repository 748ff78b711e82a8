// Where a target stands in a play: the code it runs and what called it.

import type { Scope, VarLayer } from "../module/value.js";
import type { Block, IncludeWish } from "../playbook/play.js";
import type { Code, Region } from "./program.js";
import type { Position } from "./rendezvous.js";
import type { ItemResult, TaskWork } from "./work.js";

/** A failure on its way out, with the task that it comes from. */
export interface Failed {
  readonly work: TaskWork;
  readonly result: ItemResult;
  /** The variables that tell of it are set. */
  readonly isTold?: boolean;
}

/** The variables of an include's loop. */
export interface LoopLayer extends VarLayer {
  /** Variables of the include itself: those of includes within it are stronger than its loop's. */
  readonly below: readonly VarLayer[];
}

/** The scope with the loops of the includes around it. `vars`: the node's own. */
export function withLoops(scope: Scope, layers: readonly LoopLayer[], vars: readonly VarLayer[]): Scope {
  return layers.reduce((above: Scope, loop) => {
    const names = [...loop.names()];
    const within = vars.filter(
      (layer) =>
        layer.rank === "include parameter" &&
        !loop.below.includes(layer) &&
        names.some((name) => layer.get(name) !== undefined),
    );
    return within.reduce((over, layer) => over.with(narrowed(layer, names)), above.with(loop));
  }, scope);
}

function narrowed(layer: VarLayer, names: readonly string[]): VarLayer {
  return {
    origin: layer.origin,
    get: (name) => (names.includes(name) ? layer.get(name) : undefined),
    names: () => names,
  };
}

/** One item of an include: what it reads, and the variables of the loop. */
export interface IncludeItem {
  readonly wish: IncludeWish;
  readonly layers: readonly LoopLayer[];
  /** The loop's value as text; undefined without a loop. */
  readonly text: string | undefined;
}

/** What an include goes through, decided before the first of it runs, and which is next. Never changed: going back must find it as it was. */
export interface IncludeWork {
  readonly items: readonly IncludeItem[];
  readonly index: number;
}

/** Code that is being run: the play's, an included file's, the handlers'. */
export interface Frame {
  readonly code: Code;
  readonly kind: "play" | "include" | "handlers";
  /** Where to go on afterwards; with what is left of an include's loop. */
  readonly parent:
    | { readonly frame: Frame; readonly pc: number; readonly include: IncludeWork | undefined }
    | undefined;
  /** Where the parent's code called, with the item's number. */
  readonly prefix: Position;
  /** The items of the includes of roles above, as text: what tells uses of a role in a loop apart. */
  readonly items: string;
  /** Variables of the include's loop. */
  readonly layers: readonly LoopLayer[];
  /** Failures that wait for the end of their block's `always`. */
  readonly waiting: Map<Block, Failed>;
  /** The region of the parent's operation. */
  readonly region: Region | undefined;
}

export function rootFrame(code: Code): Frame {
  return {
    code,
    kind: "play",
    parent: undefined,
    prefix: [],
    items: "",
    layers: [],
    waiting: new Map(),
    region: undefined,
  };
}

/** Whether handlers are being run, or what they include. */
export function isInHandlers(frame: Frame): boolean {
  for (let one: Frame | undefined = frame; one; one = one.parent?.frame) if (one.kind === "handlers") return true;
  return false;
}

export function positionOf(frame: Frame, pc: number): Position {
  return [...frame.prefix, pc];
}
