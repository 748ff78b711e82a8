// What a template sees while it is rendered: variables, contexts of blocks, block params, @data.

import type { Scope } from "../../module/value.js";

/** One level of blocks. The outermost has no `outer`; its context is the scope itself. */
export interface Frame {
  readonly scope: Scope;
  readonly outer: Frame | undefined;
  /** Whether `this` changed here. */
  readonly hasContext: boolean;
  readonly context: unknown;
  /** `@index`, `@key`, … that were set here. */
  readonly data: ReadonlyMap<string, unknown> | undefined;
  /** Block params and arguments of partials. */
  readonly locals: ReadonlyMap<string, unknown> | undefined;
  /** Partials that were defined here with {{#*inline}}. */
  readonly inlines?: ReadonlyMap<string, Rendering>;
  /** The block that was handed to the partial which begins here; there, but undefined, where it had none. */
  readonly partialBlock?: Rendering | undefined;
}

type Rendering = (frame: Frame) => string;

export function rootFrame(scope: Scope): Frame {
  return { scope, outer: undefined, hasContext: true, context: undefined, data: undefined, locals: undefined };
}

/** The frame whose context `../` (`depth` times) names; the outermost where there are not so many. */
export function contextFrame(frame: Frame, depth: number): Frame {
  let at = frame;
  for (let left = depth; ; left--) {
    while (!at.hasContext && at.outer) at = at.outer;
    if (left <= 0 || !at.outer) return at;
    at = at.outer;
  }
}

/** Value of `@name`, `depth` levels of data up; undefined where there is none. */
export function dataOf(frame: Frame, name: string, depth: number): unknown {
  let left = depth;
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    if (!at.data) continue;
    if (left-- > 0) continue;
    if (at.data.has(name)) return at.data.get(name);
    left = 0;
  }
  return undefined;
}

export function localOf(frame: Frame, name: string): unknown {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    if (at.locals?.has(name)) return at.locals.get(name);
  }
  return undefined;
}

/** The inline partial of a name that was defined innermost. */
export function inlineOf(frame: Frame, name: string): Rendering | undefined {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    const found = at.inlines?.get(name);
    if (found) return found;
  }
  return undefined;
}

/** The block that was handed to the partial at hand, and the one that is around that. */
export function partialBlockOf(
  frame: Frame,
): { readonly write: Rendering; readonly outer: Rendering | undefined } | undefined {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    if (!("partialBlock" in at)) continue;
    if (!at.partialBlock) return undefined;
    return { write: at.partialBlock, outer: at.outer && partialBlockOf(at.outer)?.write };
  }
  return undefined;
}
