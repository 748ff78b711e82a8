// Rules whose trees could not be looked for: each is a target by its own name, and stands for names that it may have meant.

import type { CrunError } from "../diagnostic/diagnostic.js";
import { isOfRule } from "../inventory/rules.js";

/** Why it is so, by the rule's name. It may come to hold more while the run goes on. */
export type LostTrees = ReadonlyMap<string, CrunError>;

/** Why a tree that nobody has found is not there, where a lost rule may have meant it. */
export function lossBehind(name: string, lost: LostTrees | undefined): CrunError | undefined {
  for (const [rule, error] of lost ?? []) if (isOfRule({ name: rule }, name)) return error;
  return undefined;
}
