// Carries out a list of changes part by part: after a program nothing further is begun before it is known how it ended.

import type { Change, Outcome } from "../module/change.js";
import type { TreeSession } from "../target/session.js";
import { isDone } from "./task/outcome.js";

export interface PartOptions {
  readonly signal: AbortSignal;
  /** The part that begins at this index with what is left of its time. */
  readonly limited?: (part: readonly Change[], from: number) => readonly Change[];
  /** Whether the part that begins at this index may still begin, though others before it were carried out. */
  readonly mayBegin?: (from: number) => boolean;
  /** A part begins, from the first index to the last, which may be a program's; gives who is told its output, if anybody. */
  readonly onPart: (
    from: number,
    last: number,
  ) => ((stream: "stdout" | "stderr", data: Uint8Array) => void) | undefined;
}

/** Puts the outcomes into `outcomes` as they come, so that those before a lost connection are known; stops at the first that did not go well. */
export async function applyInParts(
  session: TreeSession,
  changes: readonly Change[],
  outcomes: Outcome[],
  { signal, limited, mayBegin, onPart }: PartOptions,
): Promise<void> {
  for (let from = 0; from < changes.length;) {
    let to = changes.findIndex((change, index) => index >= from && change.kind === "exec") + 1;
    if (to === 0 || isUnderLock(changes, to)) to = changes.length;
    if (from > 0 && mayBegin?.(from) === false) return;
    const whole = changes.slice(from, to);
    const part = limited ? limited(whole, from) : whole;
    const tell = onPart(from, to - 1);
    const given = await session.apply(part, {
      signal,
      onOutcome: (index, outcome) => void (outcomes[from + index] = outcome),
      onOutput: (_, stream, data) => tell?.(stream, data),
    });
    for (const [index, outcome] of given.entries()) outcomes[from + index] = outcome;
    if (given.length < part.length || given.some((outcome, index) => !part[index] || !isDone(part[index], outcome)))
      return;
    from = to;
  }
}

/** A batch cut in two would give a lock back. */
function isUnderLock(changes: readonly Change[], to: number): boolean {
  let held = 0;
  for (const change of changes.slice(0, to)) held += change.kind === "lock" ? 1 : change.kind === "unlock" ? -1 : 0;
  return held > 0;
}
