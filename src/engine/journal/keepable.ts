// What may go into a journal: plain data without secrets.

import type { Hider } from "./hide.js";

export interface Kept<T> {
  /** With secrets masked; undefined: it is no plain data. */
  readonly value: T | undefined;
  /** Nothing was masked, and nothing is lost on the way through JSON. */
  readonly isWhole: boolean;
}

/** Throws what the value's own getters throw. */
export function keepable<T extends object>(masker: Hider, value: T): Kept<T> {
  if (!isData(value, 0)) return { value: undefined, isWhole: false };
  if (masker.isEmpty) return { value, isWhole: true };
  const masked = masker.map(value);
  return { value: masked, isWhole: JSON.stringify(masked) === JSON.stringify(value) };
}

const DEEPEST = 100;

function isData(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object": {
      if (value === null) return true;
      if (depth > DEEPEST) return false;
      if (Array.isArray(value)) return value.every((one) => one !== undefined && isData(one, depth + 1));
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) return false;
      if ("toJSON" in value || Object.hasOwn(value, "__proto__")) return false;
      return Object.values(value).every((one) => isData(one, depth + 1));
    }
    default:
      return false;
  }
}
