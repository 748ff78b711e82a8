// Variables and names of a loop's items.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Place } from "../../diagnostic/diagnostic.js";
import type { LoopControl } from "../../playbook/play.js";
import type { Scope } from "../../module/value.js";

/** What an item's templates see: the loop variable, the index, the extended `loop`, and Ansible's names for them. */
export function loopLayer(control: LoopControl, items: readonly unknown[], index: number): Record<string, unknown> {
  const values: Record<string, unknown> = { [control.loopVar]: items[index], ansible_loop_var: control.loopVar };
  if (control.indexVar !== undefined) {
    values[control.indexVar] = index;
    values["ansible_index_var"] = control.indexVar;
  }
  if (control.isExtended) values["loop"] = values["ansible_loop"] = extendedLoop(control, items, index);
  return values;
}

/** Where an item stands among the others. */
export function extendedLoop(control: LoopControl, items: readonly unknown[], index: number): Record<string, unknown> {
  const { length } = items;
  return {
    index: index + 1,
    index0: index,
    revindex: length - index,
    revindex0: length - index - 1,
    first: index === 0,
    last: index === length - 1,
    length,
    ...(control.hasAllItems ? { allitems: items } : {}),
    ...(index > 0 ? { previtem: items[index - 1] } : {}),
    ...(index < length - 1 ? { nextitem: items[index + 1] } : {}),
  };
}

/** The loop's items. Throws a CrunError where the value is no list. */
export function itemsOf(value: unknown, place: Place): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const kind =
    value === null || value === undefined
      ? "nothing"
      : typeof value === "object"
        ? "a map"
        : `the ${typeof value} ${JSON.stringify(value)}`;
  throw new CrunError(
    {
      severity: "error",
      summary: `loop needs a list, but got ${kind}`,
      place,
      remedy: 'Give a list; for a map use loop: "{{dict2items NAME}}".',
    },
    2,
  );
}

/** How an item is called in the output. */
export function labelOf(control: LoopControl, item: unknown, scope: Scope): string {
  let shown = item;
  if (control.label) {
    try {
      shown = control.label.render(scope);
    } catch {
      // A label that cannot be rendered must not fail the task: the item itself is shown.
      shown = item;
    }
  }
  return typeof shown === "string" ? shown : (JSON.stringify(shown) ?? String(shown));
}
