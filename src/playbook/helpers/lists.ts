// Helpers for lists: ends, order, each once, sets.

import { isSame } from "../scope/values.js";
import {
  attributeOf,
  compare,
  helper,
  HelperError,
  isMap,
  listArgument,
  NothingThere,
  noField,
  numberArgument,
  predicate,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

/** What makes a value one of a kind: scalars by their text and type, lists and maps by content. */
function keyOf(value: unknown, isCaseSensitive: boolean): unknown {
  if (typeof value === "string") return isCaseSensitive ? value : value.toLowerCase();
  if (typeof value !== "object" || value === null) return typeof value === "boolean" ? Number(value) : value;
  return `\0${canonical(value)}`;
}

/** JSON with keys in order, so that equal maps have equal texts. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isMap(value)) return JSON.stringify(value) ?? "null";
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(",")}}`;
}

function distinct(
  items: readonly unknown[],
  isCaseSensitive = true,
  pick: (item: unknown) => unknown = (one) => one,
): unknown[] {
  const seen = new Set<unknown>();
  return items.filter((item) => {
    const key = keyOf(pick(item), isCaseSensitive);
    return !seen.has(key) && seen.add(key);
  });
}

function without(items: readonly unknown[], others: readonly unknown[], isWanted: boolean): unknown[] {
  const keys = new Set(others.map((one) => keyOf(one, true)));
  return items.filter((one) => keys.has(keyOf(one, true)) === isWanted);
}

function flatten(items: readonly unknown[], levels: number, skipsNulls: boolean): unknown[] {
  return items.flatMap((item) => {
    if (skipsNulls && (item === null || item === "None" || item === "null")) return [];
    return Array.isArray(item) && levels !== 0 ? flatten(item, levels - 1, skipsNulls) : [item];
  });
}

function ends(value: unknown, pick: (items: readonly unknown[]) => unknown): unknown {
  const items = itemsOf(value);
  if (items.length === 0)
    throw new NothingThere(
      "there is nothing in it",
      "Write {{default …}} around what may be empty, or test its length.",
    );
  return pick(items);
}

/** What an item is compared by: itself, or one or more of its fields, `a.b,c`. */
export function keyByAttribute(attribute: unknown): (item: unknown) => unknown {
  if (attribute === undefined || attribute === null) return (item) => item;
  const paths = textArgument(attribute, "attribute").split(",");
  const field = (item: unknown, path: string): unknown => {
    const value = attributeOf(item, path);
    if (value === undefined) throw noField(item, path);
    return value;
  };
  const [only = "", ...more] = paths;
  return more.length === 0 ? (item) => field(item, only) : (item) => paths.map((path) => field(item, path));
}

/** Items of a list, keys of a map, characters of a text: what Python's loops go through. */
function itemsOf(value: unknown): readonly unknown[] {
  return isMap(value) ? Object.keys(value) : typeof value === "string" ? [...value] : listArgument(value);
}

function sorted([value, reverse, caseSensitive, attribute]: readonly unknown[]): unknown[] {
  const by = keyByAttribute(attribute);
  const isCaseSensitive = toBool(caseSensitive);
  const sign = toBool(reverse) ? -1 : 1;
  return [...itemsOf(value)].sort((a, b) => compare(by(a), by(b), isCaseSensitive) * sign);
}

function extreme([value, ...more]: readonly unknown[], hash: Readonly<Record<string, unknown>>, sign: 1 | -1): unknown {
  const by = keyByAttribute(hash["attribute"]);
  const items = more.length > 0 ? [value, ...more] : itemsOf(value);
  if (items.length === 0) throw new NothingThere("the list is empty", "Write {{default …}} around what may be empty.");
  const isCaseSensitive = toBool(hash["case_sensitive"]);
  return items.reduce((best, one) => (compare(by(one), by(best), isCaseSensitive) * sign > 0 ? one : best));
}

function lengthOf(value: unknown): number {
  return itemsOf(value).length;
}

const size = helper("value", "How many items, keys or characters.", ([value]) => lengthOf(value));

export const listHelpers: HelperTable = {
  list: helper("value", "As a list: the keys of a map, the characters of a text.", ([value]) => [...itemsOf(value)]),
  array: helper("[item] ...", "A list of the values: `array 1 2 name`.", (args) => [...args]),
  first: helper("list", "The first item or character.", ([value]) => ends(value, (items) => items[0])),
  last: helper("list", "The last item or character.", ([value]) => ends(value, (items) => items[items.length - 1])),
  length: size,
  count: { ...size, doc: "The same as length." },
  sort: helper(
    "list [reverse] [case_sensitive] [attribute]",
    "In order, capitals and small letters mixed; `attribute` names the field to go by, or several: `a,b`.",
    sorted,
  ),
  reverse: helper("list", "The other way round (text too).", ([value]) =>
    typeof value === "string" ? [...value].toReversed().join("") : [...itemsOf(value)].toReversed(),
  ),
  unique: helper(
    "list [case_sensitive] [attribute]",
    "Each value once, the first that came; capitals count only with `case_sensitive=true`.",
    ([value, caseSensitive, attribute]) => distinct(itemsOf(value), toBool(caseSensitive), keyByAttribute(attribute)),
  ),
  union: helper("list other", "What is in either list, each once.", ([a, b]) =>
    distinct([...listArgument(a), ...listArgument(b)]),
  ),
  intersect: helper("list other", "What is in both lists.", ([a, b]) =>
    distinct(without(listArgument(a), listArgument(b), true)),
  ),
  difference: helper("list other", "What the second list has not.", ([a, b]) =>
    distinct(without(listArgument(a), listArgument(b), false)),
  ),
  symmetric_difference: helper("list other", "What only one of the lists has.", ([a, b]) => {
    const [left, right] = [listArgument(a), listArgument(b)];
    return distinct([...without(left, right, false), ...without(right, left, false)]);
  }),
  concat: helper("list [other] ...", "The lists one after the other.", (args) =>
    args.flatMap((one) => listArgument(one)),
  ),
  flatten: helper(
    "list [levels] [skip_nulls]",
    "Lists inside it opened, all or so many levels; null is left out unless `skip_nulls=false`.",
    ([value, levels, skipsNulls = true]) =>
      flatten(
        listArgument(value),
        levels === undefined || levels === null ? -1 : numberArgument(levels),
        toBool(skipsNulls),
      ),
  ),
  batch: helper("list linecount [fill_with]", "In lists of so many, the last filled up.", ([value, count, fill]) => {
    const [items, step] = [listArgument(value), numberArgument(count)];
    if (step < 1) throw new HelperError("linecount must be at least 1");
    return Array.from({ length: Math.ceil(items.length / step) }, (_, index) => {
      const part = items.slice(index * step, (index + 1) * step);
      const isFilled = fill !== undefined && fill !== null;
      return isFilled ? [...part, ...Array.from({ length: Math.min(step, 1e6) - part.length }, () => fill)] : part;
    });
  }),
  slice: helper(
    "list start [end]",
    "The items (or characters) from start up to but without end; negative counts from the end.",
    ([value, start, end]) => {
      const until = end === undefined || end === null ? undefined : numberArgument(end);
      return typeof value === "string"
        ? [...value].slice(numberArgument(start), until).join("")
        : listArgument(value).slice(numberArgument(start), until);
    },
  ),
  min: helper("list ... attribute= case_sensitive=", "The least. `attribute=` compares a field.", (args, { hash }) =>
    extreme(args, hash, -1),
  ),
  max: helper("list ... attribute= case_sensitive=", "The greatest. `attribute=` compares a field.", (args, { hash }) =>
    extreme(args, hash, 1),
  ),
  subset: predicate(
    "list other",
    "The other list has all that is in it.",
    ([a, b]) => without(listArgument(a), listArgument(b), false).length === 0,
  ),
  superset: predicate(
    "list other",
    "It has all that is in the other list.",
    ([a, b]) => without(listArgument(b), listArgument(a), false).length === 0,
  ),
  index_of: helper(
    "list value",
    "The position of the value in the list, from 0; null where it has none.",
    ([list, value]) => {
      const index = listArgument(list).findIndex((one) => isSame(one, value));
      return index === -1 ? null : index;
    },
  ),
};
