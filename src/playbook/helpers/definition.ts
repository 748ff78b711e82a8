// What a template helper is, and how helpers look at their arguments.

import type { Scope } from "../../module/value.js";
import { describeValue } from "../scope/values.js";

/** Why a helper cannot give a value. Shown with the helper's name and place. */
export class HelperError extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.name = "HelperError";
    this.remedy = remedy;
  }
}

export interface HelperOptions {
  /** `name=value` arguments. */
  readonly hash: Readonly<Record<string, unknown>>;
  readonly scope: Scope;
}

export interface HelperDefinition {
  /** As the documentation shows them: `value width [first]`. */
  readonly args: string;
  readonly doc: string;
  readonly min: number;
  readonly max: number;
  /** Gives a boolean: as a block it is a condition (`{{#eq a b}}`). */
  readonly isPredicate?: boolean;
  /** Which arguments may be undefined. */
  isOptional?(index: number): boolean;
  call(args: readonly unknown[], options: HelperOptions): unknown;
}

export type HelperTable = Readonly<Record<string, HelperDefinition>>;

type Call = HelperDefinition["call"];

/** A helper; how many arguments it takes follows from `args` (`[x]` may be absent, `...` repeats). */
export function helper(
  args: string,
  doc: string,
  call: Call,
  more: Pick<HelperDefinition, "isPredicate" | "isOptional"> = {},
): HelperDefinition {
  const words = args === "" ? [] : args.split(" ");
  const positional = words.filter((word) => !word.includes("="));
  const min = positional.filter((word) => !word.startsWith("[") && word !== "...").length;
  return { args, doc, min, max: positional.includes("...") ? Infinity : positional.length, call, ...more };
}

/** A helper that gives a boolean. */
export function predicate(
  args: string,
  doc: string,
  call: (args: readonly unknown[], options: HelperOptions) => boolean,
): HelperDefinition {
  return helper(args, doc, call, { isPredicate: true });
}

/** A positional argument, or the same by name. */
export function option(args: readonly unknown[], index: number, options: HelperOptions, name: string): unknown {
  return args[index] ?? options.hash[name];
}

export function textArgument(value: unknown, what = "the value"): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new HelperError(`${what} must be text, not ${describeValue(value)}`);
}

export function numberArgument(value: unknown, what = "the value"): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw new HelperError(`${what} must be a number, not ${describeValue(value)}`);
}

export function listArgument(value: unknown, what = "the value"): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new HelperError(`${what} must be a list, not ${describeValue(value)}`);
}

export function mapArgument(value: unknown, what = "the value"): Readonly<Record<string, unknown>> {
  if (isMap(value)) return value;
  throw new HelperError(`${what} must be a map, not ${describeValue(value)}`);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

const YES = new Set(["true", "yes", "on", "1", "t", "y"]);

/** Ansible's `bool`: its words of yes are true, all else is false. */
export function toBool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value === 1;
  return typeof value === "string" && YES.has(value.toLowerCase());
}

/** The field that a dotted name reaches; undefined where there is none. */
export function attributeOf(value: unknown, path: string): unknown {
  let at = value;
  for (const part of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}

/** Order of numbers and texts; texts without regard to case unless asked for. Throws for what has no order. */
export function compare(a: unknown, b: unknown, isCaseSensitive = true): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (typeof a === "string" && typeof b === "string") {
    const [left, right] = isCaseSensitive ? [a, b] : [a.toLowerCase(), b.toLowerCase()];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let index = 0; index < Math.min(a.length, b.length); index++) {
      const order = compare(a[index], b[index], isCaseSensitive);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  throw new HelperError(
    `${describeValue(a)} and ${describeValue(b)} cannot be compared`,
    "Convert one of them with int, float or string.",
  );
}
