// Helpers for maps.

import { isSame } from "../scope/values.js";
import {
  attributeOf,
  helper,
  HelperError,
  isMap,
  listArgument,
  mapArgument,
  option,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

type AnyMap = Readonly<Record<string, unknown>>;

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
      throw new HelperError(
        `list_merge cannot be ${JSON.stringify(how)}`,
        "There are replace, keep, append, prepend, append_rp, prepend_rp.",
      );
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

export const mapHelpers: HelperTable = {
  combine: helper(
    "map other ...",
    "The maps laid over each other; `recursive=true`, `list_merge=`.",
    (args, options) => {
      const isRecursive = toBool(options.hash["recursive"]);
      const lists = textArgument(options.hash["list_merge"] ?? "replace");
      const maps = args.flatMap((one) => (Array.isArray(one) ? one : [one])).map((one) => mapArgument(one));
      return maps.reduce<AnyMap>((all, one) => combine(all, one, isRecursive, lists), {});
    },
  ),
  dict2items: helper("map", "A list of `key` and `value`; `key_name=`, `value_name=`.", (args, options) => {
    const key = textArgument(options.hash["key_name"] ?? "key");
    const value = textArgument(options.hash["value_name"] ?? "value");
    return Object.entries(mapArgument(args[0])).map(([name, one]) => ({ [key]: name, [value]: one }));
  }),
  items2dict: helper("list", "The map of a list of `key` and `value`; `key_name=`, `value_name=`.", (args, options) => {
    const key = textArgument(options.hash["key_name"] ?? "key");
    const value = textArgument(options.hash["value_name"] ?? "value");
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
  }),
  dictsort: helper(
    "map [case_sensitive] [by]",
    'A list of pairs in the order of the keys, or `by="value"`.',
    (args, options) => {
      const index = option(args, 2, options, "by") === "value" ? 1 : 0;
      const isCaseSensitive = toBool(option(args, 1, options, "case_sensitive"));
      const keyOf = (pair: readonly [string, unknown]): string =>
        isCaseSensitive ? String(pair[index]) : String(pair[index]).toLowerCase();
      return Object.entries(mapArgument(args[0])).sort((a, b) =>
        keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0,
      );
    },
  ),
  keys: helper("map", "The keys.", ([map]) => Object.keys(mapArgument(map))),
  values: helper("map", "The values.", ([map]) => Object.values(mapArgument(map))),
  dict: helper("[pairs]", "A map of a list of pairs, or of name=value arguments.", (args, options) => ({
    ...Object.fromEntries(
      args[0] === undefined
        ? []
        : listArgument(args[0]).map((pair) => [String(listArgument(pair)[0]), listArgument(pair)[1]]),
    ),
    ...options.hash,
  })),
  get: helper(
    "map key [other]",
    "The field with the key (dots go deeper), or `other` (null).",
    ([map, key, other = null]) => attributeOf(map, textArgument(key)) ?? other,
  ),
  extract: helper("key map [path]", "The field of the map with the key; then along the path.", ([key, map, path]) => {
    const value = attributeOf(map, String(key));
    if (value === undefined) throw new HelperError(`there is no ${JSON.stringify(key)}`);
    const steps = path === undefined ? [] : Array.isArray(path) ? path : [path];
    return steps.reduce((at: unknown, step: unknown) => attributeOf(at, String(step)), value);
  }),
};
