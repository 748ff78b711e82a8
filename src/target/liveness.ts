// Whether a helper still answers: one that is stopped, or has no intention to, holds no run for ever, though its connection lives.

import type { CrunError } from "../diagnostic/diagnostic.js";
import type { Link } from "./link.js";

/** How long nothing may come before the helper is asked, and how long its answer may take. */
export interface Patience {
  readonly silenceMs: number;
  readonly answerMs: number;
}

/**
 * Looks now and then. While nothing comes `ask` sends something that is answered whatever else is at work; where that brings nothing at all, the link ends
 * with what `lost` makes, and so it does where a message was begun and does not come to its end in that time. What takes long (a program that runs for hours, a slow upload) is no reason: the helper answers beside it, and bytes that leave
 * count like those that come.
 */
export function watchLife(link: Link, patience: Patience, ask: () => Promise<unknown>, lost: () => CrunError): void {
  let askedAt: number | undefined;
  const look = (): void => {
    if (link.lost !== undefined) return clearInterval(timer);
    const now = performance.now();
    // Bytes that trickle in for ever are no answer: a message has an end.
    const isDrippedIn = link.begunAt !== undefined && now - link.begunAt >= patience.silenceMs + patience.answerMs;
    if (isDrippedIn && !link.isHeldBack) return link.fail(lost());
    if (link.isHeldBack || now - link.movedAt < patience.silenceMs) {
      askedAt = undefined;
    } else if (askedAt === undefined) {
      askedAt = now;
      ask().catch(() => undefined); // an answer, too; or the link's end, which is told elsewhere
    } else if (now - askedAt >= patience.answerMs) link.fail(lost());
  };
  const timer = setInterval(look, patience.silenceMs / 4);
  timer.unref();
}
