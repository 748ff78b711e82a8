// What a tree's storage may hold, and whether it may be written to: what is to be done that it is as wished.

import type { Change } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import type { Backend } from "./backend.js";

/** What is wished; undefined: as it is. */
export interface SettingsWish {
  /** Bytes. */
  readonly size?: number | "none" | undefined;
  readonly readOnly?: boolean | undefined;
}

/** Changes for the tree at a path; none where it is so already. */
export interface Settings {
  limit(at: string): readonly Change[];
  readOnly(at: string): readonly Change[];
}

/** `now`: as the tree is; undefined: it is new. */
export function settingsOf(
  wish: SettingsWish,
  now: SettingsWish | undefined,
  backend: Backend,
): Settings | { readonly refusal: Refusal } {
  const { size, readOnly } = wish;
  const isSameSize = size === undefined || size === (now?.size ?? "none");
  const isSameWay = readOnly === undefined || readOnly === (now?.readOnly ?? false);
  if (!isSameSize && !backend.limit)
    return cannot(backend, "has no limit of size of its own", "Say backend: btrfs or zfs, or leave size out.");
  if (!isSameWay && !backend.setReadOnly)
    return cannot(backend, "cannot be made read-only", "Say backend: btrfs or zfs, or leave read_only out.");
  return {
    limit: (at) => (isSameSize ? [] : (backend.limit?.(at, size === "none" ? undefined : size) ?? [])),
    readOnly: (at) => (isSameWay ? [] : (backend.setReadOnly?.(at, readOnly) ?? [])),
  };
}

function cannot(backend: Backend, what: string, remedy: string): { readonly refusal: Refusal } {
  return { refusal: { message: `a tree that is stored as ${backend.name} ${what}`, remedy } };
}

/** A number of bytes, as `5G`, `512M` or `1073741824`; undefined: it is none. */
export function parseSize(text: string): number | "none" | undefined {
  if (text === "none") return text;
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim());
  if (!match) return undefined;
  const power = match[2] ? "KMGTP".indexOf(match[2].toUpperCase()) + 1 : 0;
  const size = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}
