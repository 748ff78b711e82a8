// Helpers for maps.

import { suggest } from "../../diagnostic/near.js";
import { isSame } from "../scope/values.js";
import {
  attributeOf,
  compare,
  helper,
  HelperError,
  isMap,
  listArgument,
  mapArgument,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

type AnyMap = Readonly<Record<string, unknown>>;

const LIST_MERGES = ["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"];

function combineLists(a: readonly unknown[], b: readonly unknown[], how: string): readonly unknown[] {
  const without = (from: readonly unknown[], other: readonly unknown[]): unknown[] =>
    from.filter((one) => !other.some((two) => isSame(one, two)));
  switch (how) {
    case "replace":
      return b;
    case "keep":
      return a;
    case "append":
      return [...a, ...b];
    case "prepend":
      return [...b, ...a];
    case "append_rp":
      return [...without(a, b), ...b];
    case "prepend_rp":
      return [...b, ...without(a, b)];
    default:
      return b;
  }
}

/** The second over the first; with `recursive` maps inside them too. */
export function combine(a: AnyMap, b: AnyMap, isRecursive: boolean, lists: string): AnyMap {
  const result: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = Object.hasOwn(a, key) ? a[key] : undefined;
    if (isRecursive && isMap(before) && isMap(value)) result[key] = combine(before, value, true, lists);
    else if (Array.isArray(before) && Array.isArray(value)) result[key] = combineLists(before, value, lists);
    else result[key] = value;
  }
  return result;
}

function chosen(map: unknown, keys: unknown, isKept: boolean): AnyMap {
  const names = new Set(Array.isArray(keys) ? keys.map(String) : [textArgument(keys)]);
  return Object.fromEntries(Object.entries(mapArgument(map)).filter(([key]) => names.has(key) === isKept));
}

export const mapHelpers: HelperTable = {
  combine: helper(
    "map [other] ... recursive= list_merge=",
    "The maps laid over each other, with `recursive=true` those inside them too; `list_merge=` replace, keep, append, prepend, append_rp or prepend_rp says what becomes of lists.",
    (args, options) => {
      const isRecursive = toBool(options.hash["recursive"]);
      const lists = textArgument(options.hash["list_merge"] ?? "replace");
      if (!LIST_MERGES.includes(lists))
        throw new HelperError(`list_merge cannot be ${JSON.stringify(lists)}`, `There are ${LIST_MERGES.join(", ")}.`);
      const maps = args.flatMap((one) => (Array.isArray(one) ? one : [one])).map((one) => mapArgument(one));
      return maps.reduce<AnyMap>((all, one) => combine(all, one, isRecursive, lists), {});
    },
  ),
  dict2items: helper(
    "map [key_name] [value_name]",
    "A list of `key` and `value`, or of what they are to be called.",
    (args) => {
      const key = textArgument(args[1] ?? "key");
      const value = textArgument(args[2] ?? "value");
      return Object.entries(mapArgument(args[0])).map(([name, one]) => ({ [key]: name, [value]: one }));
    },
  ),
  items2dict: helper(
    "list [key_name] [value_name]",
    "The map of a list of `key` and `value`, or of what they are called.",
    (args) => {
      const key = textArgument(args[1] ?? "key");
      const value = textArgument(args[2] ?? "value");
      return Object.fromEntries(
        listArgument(args[0]).map((item) => {
          if (!isMap(item) || !Object.hasOwn(item, key) || !Object.hasOwn(item, value)) {
            throw new HelperError(
              `each item needs ${JSON.stringify(key)} and ${JSON.stringify(value)}`,
              "key_name= and value_name= say how they are called.",
            );
          }
          return [String(item[key]), item[value]];
        }),
      );
    },
  ),
  dictsort: helper(
    "map [case_sensitive] [by] [reverse]",
    'A list of pairs in the order of the keys, or `by="value"`, or the other way round.',
    ([map, caseSensitive, by, reverse]) => {
      const index = by === "value" ? 1 : 0;
      const isCaseSensitive = toBool(caseSensitive);
      const sign = toBool(reverse) ? -1 : 1;
      return Object.entries(mapArgument(map)).sort((a, b) => compare(a[index], b[index], isCaseSensitive) * sign);
    },
  ),
  items: helper("map", "A list of pairs of key and value.", ([map]) => Object.entries(mapArgument(map))),
  keep_keys: helper("map keys", "The map with those keys alone.", ([map, keys]) => chosen(map, keys, true)),
  remove_keys: helper("map keys", "The map without those keys.", ([map, keys]) => chosen(map, keys, false)),
  keys: helper("map", "The keys.", ([map]) => Object.keys(mapArgument(map))),
  values: helper("map", "The values.", ([map]) => Object.values(mapArgument(map))),
  dict: helper(
    "[pairs]",
    "A map of a list of pairs, or of name=value arguments.",
    (args, options) => ({
      ...Object.fromEntries(
        args[0] === undefined
          ? []
          : listArgument(args[0]).map((pair) => [String(listArgument(pair)[0]), listArgument(pair)[1]]),
      ),
      ...options.hash,
    }),
    { takesAlso: "any" },
  ),
  get: helper(
    "map key [default]",
    "The field with the key (dots go deeper), or `default` (null).",
    ([map, key, other = null]) => {
      const name = textArgument(key);
      const fields = mapArgument(map);
      return (Object.hasOwn(fields, name) ? fields[name] : attributeOf(map, name)) ?? other;
    },
  ),
  extract: helper(
    "key container [morekeys]",
    "The field of the map (or item of the list) with the key; then along `morekeys`.",
    ([key, map, path]) => {
      const value = attributeOf(map, String(key));
      if (value === undefined)
        throw new HelperError(
          `there is no ${JSON.stringify(key)}`,
          isMap(map) ? suggest(String(key), Object.keys(map)) : undefined,
        );
      const steps = path === undefined ? [] : Array.isArray(path) ? path : [path];
      return steps.reduce((at: unknown, step: unknown) => attributeOf(at, String(step)), value);
    },
  ),
};
