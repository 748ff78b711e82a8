// Helpers that ask what a value is.

import { isEmpty } from "../scope/values.js";
import { helper, isMap, listArgument, predicate, toBool, type HelperTable } from "./definition.js";

/** Python's names, which Ansible's type_debug gives. */
function typeName(value: unknown): string {
  if (value === null) return "NoneType";
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "string":
      return "str";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    default:
      return isMap(value) ? "dict" : typeof value;
  }
}

function isTrue(value: unknown, converts: unknown): boolean {
  if (toBool(converts) && typeof value === "string" && /^(false|no|off|0|f|n)$/i.test(value)) return false;
  return !isEmpty(value) && !(isMap(value) && Object.keys(value).length === 0);
}

export const typeHelpers: HelperTable = {
  type_debug: helper("value", "The kind of the value: str, int, float, bool, list, dict, NoneType.", ([value]) =>
    typeName(value),
  ),
  is_string: predicate("value", "It is text.", ([value]) => typeof value === "string"),
  is_number: predicate("value", "It is a number.", ([value]) => typeof value === "number"),
  is_integer: predicate("value", "It is a whole number.", ([value]) => Number.isInteger(value)),
  is_float: predicate(
    "value",
    "It is a number with a part behind the point.",
    ([value]) => typeof value === "number" && !Number.isInteger(value),
  ),
  is_boolean: predicate("value", "It is true or false.", ([value]) => typeof value === "boolean"),
  is_none: predicate("value", "It is null.", ([value]) => value === null),
  is_mapping: predicate("value", "It is a map.", ([value]) => isMap(value)),
  is_list: predicate("value", "It is a list.", ([value]) => Array.isArray(value)),
  is_true: predicate("value", "It is true itself.", ([value]) => value === true),
  is_false: predicate("value", "It is false itself.", ([value]) => value === false),
  is_lower: predicate("text", "It has letters, and no capitals.", ([value]) => isCase(value, "toLowerCase")),
  is_upper: predicate("text", "It has letters, and no small ones.", ([value]) => isCase(value, "toUpperCase")),
  truthy: predicate(
    "value [convert_bool]",
    "It is not false, null, 0, or empty; with `convert_bool=true` nor a word for no.",
    ([value, converts]) => isTrue(value, converts),
  ),
  falsy: predicate(
    "value [convert_bool]",
    "It is false, null, 0, or empty.",
    ([value, converts]) => !isTrue(value, converts),
  ),
  all: predicate("list", "All of its items are true (not false, null, 0 or empty).", ([list]) =>
    listArgument(list).every((one) => isTrue(one, false)),
  ),
  any: predicate("list", "One of its items is true (not false, null, 0 or empty).", ([list]) =>
    listArgument(list).some((one) => isTrue(one, false)),
  ),
};

function isCase(value: unknown, convert: "toLowerCase" | "toUpperCase"): boolean {
  return typeof value === "string" && /\p{L}/u.test(value) && value[convert]() === value;
}
