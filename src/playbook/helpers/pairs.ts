// Helpers that put lists together: products, pairs, groups.

import { isSame } from "../scope/values.js";
import {
  attributeOf,
  compare,
  helper,
  HelperError,
  isMap,
  listArgument,
  noField,
  mapArgument,
  numberArgument,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

const MOST_COMBINATIONS = 1_000_000;

function bounded(count: number): void {
  if (count > MOST_COMBINATIONS) throw new HelperError(`${count} combinations are too many`);
}

/** Every combination of one item of each list. */
export function product(lists: readonly (readonly unknown[])[]): unknown[][] {
  bounded(lists.reduce((all, list) => all * list.length, 1));
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

/** Choices of so many items, in the order of the list; `isOrdered`: each order of them. */
function choices(items: readonly unknown[], count: number, isOrdered: boolean): unknown[][] {
  let total = 1;
  for (let index = 0; index < count; index++)
    total *= isOrdered ? items.length - index : (items.length - index) / (index + 1);
  bounded(Math.round(Math.max(0, total)));
  const rows: unknown[][] = [];
  const add = (row: readonly unknown[], used: ReadonlySet<number>, from: number): void => {
    if (row.length === count) {
      rows.push([...row]);
      return;
    }
    for (let index = isOrdered ? 0 : from; index < items.length; index++) {
      if (!used.has(index)) add([...row, items[index]], new Set([...used, index]), index + 1);
    }
  };
  if (count <= items.length) add([], new Set(), 0);
  return rows;
}

function zip(lists: readonly (readonly unknown[])[], length: number, fill: unknown): unknown[][] {
  return Array.from({ length }, (_, index) => lists.map((one) => (index < one.length ? one[index] : fill)));
}

function groupby([value, attribute, other, caseSensitive]: readonly unknown[]): [unknown, unknown[]][] {
  const path = textArgument(attribute);
  const groups: [unknown, unknown[]][] = [];
  const ofScalar = new Map<unknown, [unknown, unknown[]]>();
  const isCaseSensitive = toBool(caseSensitive);
  for (const item of listArgument(value)) {
    const key = attributeOf(item, path) ?? other;
    if (key === undefined) throw noField(item, path, "default= says what to take for it.");
    const folded = (one: unknown): unknown => (typeof one === "string" && !isCaseSensitive ? one.toLowerCase() : one);
    const wanted = folded(key);
    const isScalar = typeof wanted !== "object" || wanted === null;
    const known = isScalar ? ofScalar.get(wanted) : groups.find(([one]) => isSame(one, wanted));
    const group: [unknown, unknown[]] = known ?? [key, []];
    group[1].push(item);
    if (known) continue;
    groups.push(group);
    if (isScalar) ofScalar.set(wanted, group);
  }
  return groups.sort(([a], [b]) => compare(a, b, isCaseSensitive));
}

function rekey([value, member, duplicates = "error"]: readonly unknown[]): Readonly<Record<string, unknown>> {
  const name = textArgument(member);
  const result: Record<string, unknown> = {};
  for (const item of isMap(value) ? Object.values(value) : listArgument(value)) {
    const key = mapArgument(item, "each item")[name];
    if (key === undefined) throw new HelperError(`an item has no ${JSON.stringify(name)}`);
    if (Object.hasOwn(result, String(key)) && duplicates !== "overwrite")
      throw new HelperError(
        `two items have the ${name} ${JSON.stringify(key)}`,
        'With duplicates="overwrite" the last counts.',
      );
    result[String(key)] = item;
  }
  return result;
}

export const pairHelpers: HelperTable = {
  product: helper("list [other] ... repeat=", "Every combination of one item of each.", (args, { hash }) => {
    const lists = args.map((one) => listArgument(one));
    const times = numberArgument(hash["repeat"] ?? 1);
    if (times > 20) throw new HelperError(`${times} times are too many`);
    return product(Array.from({ length: times }, () => lists).flat());
  }),
  combinations: helper("list [n]", "Each choice of n (2) of the items.", ([value, count = 2]) =>
    choices(listArgument(value), numberArgument(count), false),
  ),
  permutations: helper("list [n]", "Each order of n (all) of the items.", ([value, count]) => {
    const items = listArgument(value);
    return choices(items, count === undefined || count === null ? items.length : numberArgument(count), true);
  }),
  zip: helper("list other ...", "Items at the same position together, as long as the shortest.", (args) => {
    const lists = args.map((one) => listArgument(one));
    return zip(lists, Math.min(...lists.map((one) => one.length)), null);
  }),
  zip_longest: helper(
    "list [other] ... fillvalue=",
    "Items at the same position together, as long as the longest, filled with `fillvalue` (null).",
    (args, { hash }) => {
      const lists = args.map((one) => listArgument(one));
      return zip(lists, Math.max(...lists.map((one) => one.length)), hash["fillvalue"] ?? null);
    },
  ),
  subelements: helper(
    "list subelements [skip_missing]",
    "Each item with each item of the list that it holds; without those that have none where `skip_missing=true`.",
    ([value, path, skipsMissing]) => {
      const items = isMap(value) ? Object.values(value) : listArgument(value);
      const steps = Array.isArray(path) ? path.map((one) => textArgument(one)).join(".") : textArgument(path);
      return subelements(items, steps, toBool(skipsMissing));
    },
  ),
  groupby: helper(
    "list attribute [default] [case_sensitive]",
    "Pairs of a field's value and the list of items that have it, in order.",
    groupby,
  ),
  rekey_on_member: helper(
    "list member [duplicates]",
    'A map of the items by a field; `duplicates="overwrite"` where two may have the same.',
    rekey,
  ),
  indexed_items: helper("list", "Pairs of the position, from 0, and the item.", ([list]) =>
    listArgument(list).map((item, index) => [index, item]),
  ),
  nested: helper("list other ...", "The same as product, for Ansible's lookup.", (args) =>
    product(args.map((one) => (Array.isArray(one) ? one : [one]))),
  ),
  together: helper("list other ...", "The same as zip_longest, for Ansible's lookup.", (args) => {
    const lists = args.map((one) => listArgument(one));
    return zip(lists, Math.max(...lists.map((one) => one.length)), null);
  }),
};
