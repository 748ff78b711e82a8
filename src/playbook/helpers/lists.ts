// Helpers for lists.

import { isSame } from "../scope/values.js";
import {
  attributeOf,
  compare,
  helper,
  HelperError,
  isMap,
  listArgument,
  numberArgument,
  option,
  textArgument,
  toBool,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";

function distinct(items: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>();
  const result: unknown[] = [];
  for (const item of items) {
    const isKnown = typeof item === "object" ? result.some((one) => isSame(one, item)) : seen.has(item);
    if (isKnown) continue;
    seen.add(item);
    result.push(item);
  }
  return result;
}

function has(items: readonly unknown[], value: unknown): boolean {
  return items.some((one) => isSame(one, value));
}

function flatten(items: readonly unknown[], levels: number): unknown[] {
  return items.flatMap((item) =>
    item === null ? [] : Array.isArray(item) && levels !== 0 ? flatten(item, levels - 1) : [item],
  );
}

/** Every combination of one item of each list. */
export function product(lists: readonly (readonly unknown[])[]): unknown[][] {
  const count = lists.reduce((all, list) => all * list.length, 1);
  if (count > 1_000_000) throw new HelperError(`${count} combinations are too many`);
  return lists.reduce<unknown[][]>((rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])), [[]]);
}

/** Pairs of an item and each item of a list that it holds. */
export function subelements(items: readonly unknown[], path: string, skipsMissing: boolean): unknown[][] {
  return items.flatMap((item) => {
    const inner = attributeOf(item, path);
    if (inner === undefined && skipsMissing) return [];
    if (!Array.isArray(inner))
      throw new HelperError(
        `an item has no list ${JSON.stringify(path)}`,
        "With skip_missing=true such items are left out.",
      );
    return inner.map((one) => [item, one]);
  });
}

function ends(value: unknown, pick: (items: readonly unknown[] | string) => unknown): unknown {
  const items = typeof value === "string" ? value : listArgument(value);
  if (items.length === 0)
    throw new HelperError(
      "there is nothing in it",
      "Write {{default …}} around what may be empty, or test its length.",
    );
  return pick(items);
}

function sorted(args: readonly unknown[], options: HelperOptions): unknown[] {
  const isReversed = toBool(option(args, 1, options, "reverse"));
  const isCaseSensitive = toBool(options.hash["case_sensitive"]);
  const attribute = options.hash["attribute"];
  const keyOf = (one: unknown): unknown => (typeof attribute === "string" ? attributeOf(one, attribute) : one);
  const items = isMap(args[0]) ? Object.keys(args[0]) : listArgument(args[0]);
  return [...items].sort((a, b) =>
    isReversed ? compare(keyOf(b), keyOf(a), isCaseSensitive) : compare(keyOf(a), keyOf(b), isCaseSensitive),
  );
}

function extreme(args: readonly unknown[], options: HelperOptions, sign: 1 | -1): unknown {
  const attribute = options.hash["attribute"];
  const keyOf = (one: unknown): unknown => (typeof attribute === "string" ? attributeOf(one, attribute) : one);
  const items = args.length > 1 ? args : listArgument(args[0]);
  if (items.length === 0) throw new HelperError("the list is empty");
  return items.reduce((best, one) => (compare(keyOf(one), keyOf(best)) * sign > 0 ? one : best));
}

export const listHelpers: HelperTable = {
  list: helper("value", "As a list: the keys of a map, the characters of a text.", ([value]) =>
    isMap(value) ? Object.keys(value) : typeof value === "string" ? [...value] : listArgument(value),
  ),
  first: helper("list", "The first item or character.", ([value]) => ends(value, (items) => items[0])),
  last: helper("list", "The last item or character.", ([value]) => ends(value, (items) => items[items.length - 1])),
  length: helper("value", "How many items, keys or characters.", ([value]) =>
    typeof value === "string"
      ? [...value].length
      : isMap(value)
        ? Object.keys(value).length
        : listArgument(value).length,
  ),
  count: helper("value", "The same as length.", ([value]) =>
    typeof value === "string"
      ? [...value].length
      : isMap(value)
        ? Object.keys(value).length
        : listArgument(value).length,
  ),
  sort: helper(
    "list [reverse]",
    "In order, capitals and small letters mixed; `attribute=`, `case_sensitive=`.",
    sorted,
  ),
  reverse: helper("list", "The other way round (text too).", ([value]) =>
    typeof value === "string" ? [...value].toReversed().join("") : [...listArgument(value)].toReversed(),
  ),
  unique: helper("list", "Each value once.", (args, options) => {
    const attribute = options.hash["attribute"];
    const items = listArgument(args[0]);
    if (typeof attribute !== "string") return distinct(items);
    const keys = items.map((one) => attributeOf(one, attribute));
    return items.filter((_, index) => keys.findIndex((key) => isSame(key, keys[index])) === index);
  }),
  union: helper("list other", "What is in either list, each once.", ([a, b]) =>
    distinct([...listArgument(a), ...listArgument(b)]),
  ),
  intersect: helper("list other", "What is in both lists.", ([a, b]) =>
    distinct(listArgument(a).filter((one) => has(listArgument(b), one))),
  ),
  difference: helper("list other", "What the second list has not.", ([a, b]) =>
    distinct(listArgument(a).filter((one) => !has(listArgument(b), one))),
  ),
  symmetric_difference: helper("list other", "What only one of the lists has.", ([a, b]) => {
    const [left, right] = [listArgument(a), listArgument(b)];
    return distinct([...left.filter((one) => !has(right, one)), ...right.filter((one) => !has(left, one))]);
  }),
  concat: helper("list other ...", "The lists one after the other.", (args) =>
    args.flatMap((one) => listArgument(one)),
  ),
  flatten: helper(
    "list [levels]",
    "Lists inside it opened, all or so many levels; null is left out.",
    (args, options) => {
      const levels = option(args, 1, options, "levels");
      return flatten(listArgument(args[0]), levels === undefined || levels === null ? -1 : numberArgument(levels));
    },
  ),
  product: helper("list other ...", "Every combination of one item of each.", (args) =>
    product(args.map((one) => listArgument(one))),
  ),
  zip: helper("list other ...", "Items at the same position together, as long as the shortest.", (args) => {
    const lists = args.map((one) => listArgument(one));
    return Array.from({ length: Math.min(...lists.map((one) => one.length)) }, (_, index) =>
      lists.map((one) => one[index]),
    );
  }),
  subelements: helper(
    "list path",
    "Each item with each item of the list that it holds; `skip_missing=true`.",
    ([value, path], options) => {
      const items = isMap(value) ? Object.values(value) : listArgument(value);
      return subelements(items, textArgument(path), toBool(options.hash["skip_missing"]));
    },
  ),
  batch: helper("list size", "In lists of so many.", ([value, size]) => {
    const [items, step] = [listArgument(value), numberArgument(size)];
    if (step < 1) throw new HelperError("the size must be at least 1");
    return Array.from({ length: Math.ceil(items.length / step) }, (_, index) =>
      items.slice(index * step, (index + 1) * step),
    );
  }),
  slice: helper(
    "list start [end]",
    "The items (or characters) from start up to but without end; negative counts from the end.",
    ([value, start, end]) => {
      const until = end === undefined || end === null ? undefined : numberArgument(end);
      return typeof value === "string"
        ? value.slice(numberArgument(start), until)
        : listArgument(value).slice(numberArgument(start), until);
    },
  ),
  min: helper("list ...", "The least. `attribute=` compares a field.", (args, options) => extreme(args, options, -1)),
  max: helper("list ...", "The greatest. `attribute=` compares a field.", (args, options) => extreme(args, options, 1)),
};
