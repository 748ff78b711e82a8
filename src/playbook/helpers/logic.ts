// Helpers that decide: defaults, comparisons, and, or, not.

import { isEmpty, isSame, OMIT } from "../scope/values.js";
import {
  compare,
  helper,
  HelperError,
  isMap,
  option,
  predicate,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

const mayBeUndefined = { isOptional: (index: number): boolean => index === 0 };

/** Whether a value is in a list, a key in a map, a text in a text. */
export function isIn(needle: unknown, of: unknown): boolean {
  if (Array.isArray(of)) return of.some((one) => isSame(one, needle));
  if (typeof of === "string") return typeof needle === "string" ? of.includes(needle) : of.includes(String(needle));
  if (isMap(of)) return Object.hasOwn(of, String(needle));
  throw new HelperError("the second value must be a list, a map or text");
}

export const logicHelpers: HelperTable = {
  default: helper(
    "value [other] [falsy]",
    "The value, or `other` (or nothing) where it is undefined; with `true` as third also where it is false, null, empty or 0.",
    (args, options) => {
      const [value, other = ""] = args;
      if (value === undefined) return other;
      return Boolean(option(args, 2, options, "boolean")) && isEmpty(value) ? other : value;
    },
    mayBeUndefined,
  ),
  mandatory: helper(
    "value [message]",
    "The value; an error with the message where it is undefined.",
    ([value, message]) => {
      if (value === undefined)
        throw new HelperError(typeof message === "string" ? message : "a mandatory value is not defined");
      return value;
    },
    mayBeUndefined,
  ),
  defined: helper("value", "Whether the value is defined.", ([value]) => value !== undefined, {
    ...mayBeUndefined,
    isPredicate: true,
  }),
  undefined: helper("value", "Whether the value is not defined.", ([value]) => value === undefined, {
    ...mayBeUndefined,
    isPredicate: true,
  }),
  ternary: helper(
    "test yes no [none]",
    "`yes` where the test is true, else `no`; `none` for null.",
    ([test, yes, no, none]) => (test === null && none !== undefined ? none : isEmpty(test) ? no : yes),
  ),
  eq: predicate("a b", "Equal.", ([a, b]) => isSame(a, b)),
  ne: predicate("a b", "Not equal.", ([a, b]) => !isSame(a, b)),
  lt: predicate("a b", "Less.", ([a, b]) => compare(a, b) < 0),
  le: predicate("a b", "Less or equal.", ([a, b]) => compare(a, b) <= 0),
  gt: predicate("a b", "Greater.", ([a, b]) => compare(a, b) > 0),
  ge: predicate("a b", "Greater or equal.", ([a, b]) => compare(a, b) >= 0),
  and: predicate("a b ...", "All are true (not false, null, 0 or empty).", (args) =>
    args.every((one) => !isEmpty(one)),
  ),
  or: predicate("a b ...", "One is true (not false, null, 0 or empty).", (args) => args.some((one) => !isEmpty(one))),
  not: predicate("value", "False, null, 0 or empty.", ([value]) => isEmpty(value)),
  in: predicate("value list", "The value is in the list, the key in the map, the text in the text.", ([needle, of]) =>
    isIn(needle, of),
  ),
  contains: predicate("list value", "The list has the value, the map the key, the text the text.", ([of, needle]) =>
    isIn(needle, of),
  ),
  bool: helper("value", "True for Ansible's words of yes (yes, on, true, 1), else false.", ([value]) => toBool(value)),
  version: predicate(
    "version other [operator]",
    'Compares versions number by number: `version a "1.10" ">="` (`==` where no operator is given).',
    ([a, b, operator = "=="]) => compareVersions(textArgument(a), textArgument(b), textArgument(operator)),
  ),
  omitted: helper("value", "Whether the value is `omit`.", ([value]) => value === OMIT, { isPredicate: true }),
};

const VERSION_OPERATORS: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "=": (order) => order === 0,
  eq: (order) => order === 0,
  "!=": (order) => order !== 0,
  ne: (order) => order !== 0,
  "<": (order) => order < 0,
  lt: (order) => order < 0,
  "<=": (order) => order <= 0,
  le: (order) => order <= 0,
  ">": (order) => order > 0,
  gt: (order) => order > 0,
  ">=": (order) => order >= 0,
  ge: (order) => order >= 0,
};

/** As Ansible's loose versions: numbers by value, words by letters, a longer one is later. */
function compareVersions(a: string, b: string, operator: string): boolean {
  const judge = Object.hasOwn(VERSION_OPERATORS, operator) ? VERSION_OPERATORS[operator] : undefined;
  if (!judge)
    throw new HelperError(`there is no operator ${JSON.stringify(operator)}`, "There are ==, !=, <, <=, >, >=.");
  const partsOf = (text: string): (string | number)[] =>
    (text.match(/\d+|[a-zA-Z]+/g) ?? []).map((part) => (/^\d/.test(part) ? Number(part) : part));
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [x, y] = [left[index], right[index]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return judge(x === undefined ? -1 : 1);
    if (typeof x === typeof y) return judge(x < y ? -1 : 1);
    return judge(typeof x === "number" ? 1 : -1);
  }
  return judge(0);
}
