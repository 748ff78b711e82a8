// In which order and in which batches a play takes its targets.

import type { Play } from "../playbook/play.js";

/** serial: batches by number or percent; the last given size goes on to the end. */
export function batchesOf<T>(all: readonly T[], serial: Play["serial"]): T[][] {
  if (!serial || serial.length === 0) return [[...all]];
  const batches: T[][] = [];
  let from = 0;
  for (let index = 0; from < all.length; index++) {
    const spec = serial[Math.min(index, serial.length - 1)] ?? all.length;
    const text = String(spec);
    const size = text.endsWith("%")
      ? Math.max(1, Math.floor((all.length * Number.parseFloat(text)) / 100))
      : Number(text);
    const step = Number.isFinite(size) && size > 0 ? Math.floor(size) : all.length;
    batches.push(all.slice(from, from + step));
    from += step;
  }
  return batches;
}

/** `order`: the targets as the inventory has them, put in the order that the play wants. */
export function ordered<T>(found: T[], order: Play["order"], nameOf: (one: T) => string): T[] {
  const byName = (a: T, b: T): number => (nameOf(a) < nameOf(b) ? -1 : 1);
  switch (order) {
    case "inventory":
      return found;
    case "reverse_inventory":
      return found.toReversed();
    case "sorted":
      return found.toSorted(byName);
    case "reverse_sorted":
      return found.toSorted(byName).toReversed();
    case "shuffle":
      return shuffled([...found]);
  }
}

/** A run that goes on takes the targets in the order in which it took them first, which may have been shuffled. */
export function asBefore<T>(found: T[], before: readonly string[] | undefined, nameOf: (one: T) => string): T[] {
  if (!before) return found;
  const places = new Map(before.map((name, index) => [name, index]));
  const placeOf = (one: T): number => places.get(nameOf(one)) ?? before.length;
  return found.toSorted((one, other) => placeOf(one) - placeOf(other));
}

function shuffled<T>(list: T[]): T[] {
  for (let index = list.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    const [a, b] = [list[index], list[other]];
    if (a !== undefined && b !== undefined) [list[index], list[other]] = [b, a];
  }
  return list;
}
