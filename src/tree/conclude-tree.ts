// What the outcomes of making, changing or removing a tree come to.

import type { Change, Outcome } from "../module/change.js";
import type { Conclusion } from "../module/contract.js";
import { programName, programRefusal } from "./program.js";
import type { Filling } from "./source.js";

/** Of a new tree: its source's own words of why it was not made, or of what to warn. The changes of the filling begin at `first`. */
export function concludeNew(
  changes: readonly Change[],
  outcomes: readonly Outcome[],
  filling: Filling,
  first: number,
): Conclusion {
  const at = outcomes.length - 1;
  const outcome = outcomes[at];
  const change = changes[at];
  if (outcome && outcomes.length === changes.length && programRefusal("", outcome) === undefined) {
    const warnings = filling.tell?.(outcomes.slice(first, first + filling.changes.length)) ?? [];
    return warnings.length === 0 ? {} : { warnings };
  }
  if (!outcome || change?.kind !== "exec") return {};
  const isOwn = at >= first && at < first + filling.changes.length;
  const refusal =
    (isOwn ? filling.explain?.(at - first, outcome) : undefined) ?? programRefusal(programName(change), outcome);
  return refusal ? { refusal } : {};
}

/** Of programs alone: the words of the one that failed. */
export function concludePrograms(changes: readonly Change[], outcomes: readonly Outcome[]): Conclusion {
  const at = outcomes.length - 1;
  const change = changes[at];
  const refusal = change?.kind === "exec" ? programRefusal(programName(change), outcomes[at]) : undefined;
  return refusal ? { refusal } : {};
}
