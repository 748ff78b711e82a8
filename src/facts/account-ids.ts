// Which ids useradd and groupadd would give: shadow-utils' find_new_uid, find_new_gid and find_free_range.

import { numberOf, type AccountFile } from "./account-file.js";
import type { LoginDefs } from "./login-defs.js";

export interface IdRange {
  readonly min: number;
  readonly max: number;
}

/** The range of login.defs for users (`UID`) or groups (`GID`). */
export function idRange(defs: LoginDefs, kind: "UID" | "GID", isSystem: boolean): IdRange {
  const normalMin = defs.number(`${kind}_MIN`, 1000);
  if (!isSystem) return { min: normalMin, max: defs.number(`${kind}_MAX`, 60000) };
  return { min: Math.max(1, defs.number(`SYS_${kind}_MIN`, 101)), max: defs.number(`SYS_${kind}_MAX`, normalMin - 1) };
}

/**
 * A free id: above all that are used in the range, or below them for system accounts; where there is no room, any that is free.
 * `preferred` is taken if it is free and fits (a group with its user's id). Undefined: no id is free.
 */
export function freeId(
  used: readonly number[],
  range: IdRange,
  isSystem: boolean,
  preferred?: number,
): number | undefined {
  const { min, max } = range;
  const taken = new Set(used);
  if (preferred !== undefined && preferred >= (isSystem ? 1 : min) && preferred <= max && !taken.has(preferred))
    return preferred;
  const inRange = used.filter((id) => id >= min && id <= max);
  if (isSystem) {
    const below = inRange.reduce((least, id) => Math.min(least, id - 1), max);
    const start = below < min ? max : below;
    for (let id = start; id >= min; id--) if (!taken.has(id)) return id;
    for (let id = max; id > start; id--) if (!taken.has(id)) return id;
    return undefined;
  }
  const above = inRange.reduce((most, id) => Math.max(most, id + 1), min);
  const start = above > max ? min : above;
  for (let id = start; id <= max; id++) if (!taken.has(id)) return id;
  for (let id = min; id < start; id++) if (!taken.has(id)) return id;
  return undefined;
}

/** The start of a free range of subordinate ids (`UID` or `GID`), and how many. Undefined: none is free, or none are wanted. */
export function freeSubordinates(
  file: AccountFile,
  defs: LoginDefs,
  kind: "UID" | "GID",
): { start: number; count: number } | undefined {
  const count = defs.number(`SUB_${kind}_COUNT`, 65536);
  const max = defs.number(`SUB_${kind}_MAX`, 600100000);
  if (count <= 0) return undefined;
  const ranges = file.entries().flatMap((fields) => {
    const first = numberOf(fields[1]);
    const many = numberOf(fields[2]);
    return first === undefined || many === undefined ? [] : [{ first, next: first + many }];
  });
  let low = defs.number(`SUB_${kind}_MIN`, 100000);
  for (const { first, next } of ranges.sort((a, b) => a.first - b.first)) {
    if (Math.min(first, max + 1) - low >= count) return { start: low, count };
    low = Math.max(low, next);
  }
  return max - low + 1 >= count ? { start: low, count } : undefined;
}

/** What is wrong with a new user's or group's name, as Debian's useradd and groupadd see it; undefined: nothing. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (Buffer.byteLength(name) > 32) return "is longer than 32 bytes";
  if (/^[-+~]/.test(name)) return "must not begin with - + or ~";
  return /[:,/\s]/.test(name) ? "must not hold a colon, a comma, a slash or white space" : undefined;
}
