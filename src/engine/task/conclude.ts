// What the outcomes of a plan's changes come to: the fields of the result, and what failed.

import type { Outcome } from "../../module/change.js";
import type { Conclusion, Plan } from "../../module/contract.js";
import type { Fault } from "../work.js";
import { limitReached, troubleOf, withReached } from "./outcome.js";

export interface Concluded {
  readonly conclusion: Conclusion;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly fault: Fault | undefined;
}

/** `outcomes`: one for each change that was tried. */
export function concludePlan(plan: Plan, outcomes: readonly Outcome[]): Concluded {
  const trouble = troubleOf(plan.changes, outcomes);
  const conclusion = plan.conclude?.(outcomes) ?? {};
  const reached = limitReached(outcomes);
  const fields = { ...plan.result, ...trouble?.fields, ...conclusion.result, ...reached };
  const { refusal } = conclusion;
  if (refusal)
    return {
      conclusion,
      fields: { ...fields, ...refusal.result },
      fault: { message: withReached(refusal.message, reached), remedy: refusal.remedy },
    };
  const fault = trouble && { message: withReached(trouble.message, reached), remedy: trouble.remedy };
  return { conclusion, fields, fault };
}

/** Whether the plan's changes count as a change: before they are made, if all goes well; then what was done of them, or may have been. */
export function isCounted(plan: Plan, outcomes?: readonly Outcome[]): boolean {
  return plan.changes.some((change, index) => {
    if (change.kind === "lock" || change.kind === "unlock") return false;
    if (change.kind === "exec" && change.isUncounted) return false;
    if (!outcomes) return true;
    const outcome = outcomes[index];
    if (!outcome) return false;
    return change.kind === "exec"
      ? outcome.exit !== undefined && outcome.exit.kind !== "not-started"
      : outcome.failure === undefined;
  });
}
