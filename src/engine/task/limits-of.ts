// The limits of a task's programs: the variable crun_limits, and over it the keyword, from the play inwards.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { LIMITS_VARIABLE, writtenLimits, type WrittenLimits } from "../../facts/process-limits.js";
import type { Scope } from "../../module/value.js";
import type { Place } from "../../diagnostic/diagnostic.js";
import type { Task } from "../../playbook/play.js";
import { OMIT } from "../../playbook/scope/values.js";

/** Undefined: none. Throws a CrunError for what is no map of limits. */
export function limitsFor(task: Task, scope: Scope): WrittenLimits | undefined {
  const isSet = scope.has(LIMITS_VARIABLE);
  if (!isSet && task.limits.length === 0) return undefined;
  const merged = { ...(isSet ? limitsOfTarget(scope, task.place) : undefined) };
  for (const one of task.limits) Object.assign(merged, checked(one.render(scope), "limits", one.place ?? task.place));
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** Those of the variable. */
export function limitsOfTarget(scope: Scope, place?: Place): WrittenLimits | undefined {
  return scope.has(LIMITS_VARIABLE) ? checked(scope.get(LIMITS_VARIABLE), LIMITS_VARIABLE, place) : undefined;
}

function checked(value: unknown, what: string, place: Place | undefined): WrittenLimits {
  if (value === undefined || value === null || value === "" || value === OMIT) return {};
  const isMap = typeof value === "object" && !Array.isArray(value);
  if (!isMap) throw wrong(`${what} must be a map of limits, not ${JSON.stringify(value)}`, undefined, place);
  const limits = writtenLimits({ ...value }, (one) => one === OMIT || one === null);
  if ("problem" in limits) throw wrong(`${what}: ${limits.problem}`, limits.remedy, place);
  return limits.limits;
}

function wrong(summary: string, remedy: string | undefined, place: Place | undefined): CrunError {
  return new CrunError({ severity: "error", summary, remedy, place }, 2);
}
