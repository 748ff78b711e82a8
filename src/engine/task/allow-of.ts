// What a task's programs are allowed: the keyword nearest to it, else the variable crun_allow.

import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { ALLOW_VARIABLE, allowedWords, problemOfAllowance, type AllowedBy } from "../../facts/allowances.js";
import type { Scope } from "../../module/value.js";
import type { Task } from "../../playbook/play.js";
import { OMIT } from "../../playbook/scope/values.js";

/** Undefined: the entry's default. Throws a CrunError for what cannot be allowed. */
export function allowFor(task: Task, scope: Scope): readonly string[] | undefined {
  if (!task.allow) return allowOfTarget(scope, task.place);
  const value = task.allow.render(scope);
  return value === OMIT
    ? allowOfTarget(scope, task.place)
    : checkedAllow(value, "allow", task.allow.place ?? task.place);
}

/** By what a task's programs are allowed something, and where that is written. */
export function allowanceIn(task: Task, scope: Scope): { readonly by: AllowedBy; readonly place: Place | undefined } {
  const isKeyword = task.allow !== undefined && task.allow.render(scope) !== OMIT;
  return isKeyword ? { by: "allow", place: task.allow?.place ?? task.place } : { by: ALLOW_VARIABLE, place: undefined };
}

/** That of the variable. */
export function allowOfTarget(scope: Scope, place?: Place): readonly string[] | undefined {
  return scope.has(ALLOW_VARIABLE) ? checkedAllow(scope.get(ALLOW_VARIABLE), ALLOW_VARIABLE, place) : undefined;
}

/** `what` it is said by, for messages. */
export function checkedAllow(
  value: unknown,
  what: string,
  place: Place | undefined,
  exitStatus = 2,
): readonly string[] | undefined {
  const words = allowedWords(value === OMIT ? undefined : value);
  for (const word of words) {
    const wrong = problemOfAllowance(word);
    if (wrong)
      throw new CrunError(
        { severity: "error", summary: `${what}: ${wrong.problem}`, remedy: wrong.remedy, place },
        exitStatus,
      );
  }
  return words.length === 0 ? undefined : words.map(String);
}
