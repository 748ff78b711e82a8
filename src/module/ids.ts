// Numbers of users and groups: what the kernel takes for one.

import type { Change } from "./change.js";
import type { Refusal } from "./contract.js";

/** The next one, all bits set, means "as it is" to chown(2), and nobody to setuid(2). */
export const HIGHEST_ID = 0xffff_fffe;

/** For params that name one. */
export const ID_RANGE = [0, HIGHEST_ID] as const;

export function isId(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= HIGHEST_ID;
}

/** Why changes cannot be made that give something to an id that is none: a tree's files may hold any number. */
export function refusalOfIds(changes: readonly Change[]): Refusal | undefined {
  for (const change of changes)
    for (const name of ["uid", "gid"] as const) {
      const id: unknown = Reflect.get(change, name);
      if (typeof id !== "number" || isId(id)) continue;
      const where = "path" in change ? ` (${change.path})` : "";
      return {
        message: `${id} is no ${name}${where}`,
        remedy: `Ids go from 0 to ${HIGHEST_ID}. If no task gives it, look for it in the tree's /etc/passwd and /etc/group.`,
      };
    }
  return undefined;
}
