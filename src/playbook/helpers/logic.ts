// Helpers that decide: defaults, comparisons, and, or, not.

import { isEmpty, isSame, OMIT } from "../scope/values.js";
import { compare, helper, HelperError, isMap, predicate, toBool, type HelperTable } from "./definition.js";

/** For helpers whose first argument may be undefined. */
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
    "value [default_value] [boolean]",
    "The value, or `default_value` (or nothing) where it is undefined; with `boolean` true also where it is false, null, empty or 0.",
    ([value, other = "", boolean]) => (value === undefined || (Boolean(boolean) && isEmpty(value)) ? other : value),
    mayBeUndefined,
  ),
  mandatory: helper(
    "value [msg]",
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
    "test true_val false_val [none_val]",
    "`true_val` where the test is true, else `false_val`; `none_val` for null.",
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
  omitted: helper("value", "Whether the value is `omit`.", ([value]) => value === OMIT, { isPredicate: true }),
};
