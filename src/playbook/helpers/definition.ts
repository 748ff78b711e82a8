// What a template helper is, and how helpers look at their arguments.

import type { Scope } from "../../module/value.js";
import { describeValue } from "../scope/values.js";
import { suggest } from "../../diagnostic/near.js";

/** Why a helper cannot give a value. Shown with the helper's name and place. */
export class HelperError extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.name = "HelperError";
    this.remedy = remedy;
  }
}

/** There is nothing to give: `default` and `defined` take it as what is missing. `by`: the helper that says so. */
export class NothingThere extends HelperError {
  readonly by: string | undefined;
  constructor(message: string, remedy?: string, by?: string) {
    super(message, remedy);
    this.by = by;
  }
}

/** What JavaScript's limits mean: too deep for the stack, too long for a text or a list. */
export function limitMessage(error: RangeError): string {
  return error.message.startsWith("Maximum call stack")
    ? "this is nested too deeply"
    : `a value is too large: ${error.message}`;
}

/** A value of the wrong kind. `invoke` finds out which argument it was. */
export class ArgumentError extends HelperError {
  readonly value: unknown;
  readonly expected: string;
  constructor(value: unknown, expected: string, what: string, remedy?: string) {
    super(`${what} must be ${expected}, not ${describeValue(value)}`, remedy);
    this.value = value;
    this.expected = expected;
  }
}

export interface HelperOptions {
  /** `name=value` arguments that have no position. */
  readonly hash: Readonly<Record<string, unknown>>;
  readonly scope: Scope;
  /** Makes the text of a template file; where it is missing, templates cannot be read (conditions). */
  readonly renderFile?: (path: string, text: string) => string;
}

export interface HelperDefinition {
  /** As the documentation shows them: `value width [first] attribute=`. */
  readonly args: string;
  readonly doc: string;
  readonly min: number;
  readonly max: number;
  /** Arguments by position, without brackets. All but the first may be given by name, too. */
  readonly names: readonly string[];
  /** What can be given by name alone. */
  readonly options: readonly string[];
  /** Takes other options too: of any name, or those of the helper that it calls for each item. */
  readonly takesAlso?: "any" | "inner";
  /** Gives a boolean: as a block it is a condition (`{{#eq a b}}`). */
  readonly isPredicate?: boolean;
  /** Which arguments may be undefined. */
  isOptional?(index: number): boolean;
  /**
   * Throws a HelperError for arguments that are wrong whatever the others are. Called before the run, with UNKNOWN for what is no literal and
   * undefined for what is not given.
   */
  check?(args: readonly unknown[], hash: HelperOptions["hash"]): void;
  call(args: readonly unknown[], options: HelperOptions): unknown;
}

/** An argument whose value only the run tells. */
export const UNKNOWN: unique symbol = Symbol("unknown");

/** A text that stands written out as an argument; undefined for anything else. */
export function literal(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export type HelperTable = Readonly<Record<string, HelperDefinition>>;

type Call = HelperDefinition["call"];

/** A helper; how many arguments it takes follows from `args` (`[x]` may be absent, `...` repeats, `x=` has no position). */
export function helper(
  args: string,
  doc: string,
  call: Call,
  more: Pick<HelperDefinition, "isPredicate" | "isOptional" | "takesAlso" | "check"> = {},
): HelperDefinition {
  const words = args === "" ? [] : args.split(" ");
  const positional = words.filter((word) => !word.endsWith("="));
  const named = positional.filter((word) => word !== "...");
  return {
    args,
    doc,
    min: named.filter((word) => !word.startsWith("[")).length,
    max: positional.includes("...") ? Infinity : positional.length,
    names: named.map((word) => word.replace(/^\[|\]$/g, "")),
    options: words.filter((word) => word.endsWith("=")).map((word) => word.slice(0, -1)),
    call,
    ...more,
  };
}

/** A helper that gives a boolean. */
export function predicate(
  args: string,
  doc: string,
  call: (args: readonly unknown[], options: HelperOptions) => boolean,
  more: Pick<HelperDefinition, "check"> = {},
): HelperDefinition {
  return helper(args, doc, call, { isPredicate: true, ...more });
}

/** How messages call a value that is no argument by itself. */
export const THE_VALUE = "the value";

export function textArgument(value: unknown, what = THE_VALUE): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new ArgumentError(value, "text", what);
}

export function numberArgument(value: unknown, what = THE_VALUE): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw new ArgumentError(value, "a number", what);
}

export function listArgument(value: unknown, what = THE_VALUE): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ArgumentError(
    value,
    "a list",
    what,
    typeof value === "string" ? 'Write (array x) for a list of one, (split x ",") for the parts of a text.' : undefined,
  );
}

export function mapArgument(value: unknown, what = THE_VALUE): Readonly<Record<string, unknown>> {
  if (isMap(value)) return value;
  throw new ArgumentError(value, "a map", what);
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

/** What to say where an item has no such field. */
export function noField(item: unknown, path: string, other?: string): HelperError {
  const [first = path] = path.split(".");
  const keys = isMap(item) ? Object.keys(item) : [];
  const known = keys.length > 0 && keys.length <= 12 ? `It has ${keys.join(", ")}.` : undefined;
  const near = suggest(first, keys) ?? known;
  const remedy = [near, other].filter((one) => one !== undefined).join(" ");
  return new HelperError(`an item has no ${JSON.stringify(path)}`, remedy === "" ? undefined : remedy);
}
