// What one inventory file says, before files are put together.

import type { Place } from "../diagnostic/diagnostic.js";

/** A variable as it was written: a plain value, or a node that `compile` understands. */
export interface WrittenVar {
  readonly name: string;
  readonly value: unknown;
  readonly place: Place;
}

export interface WrittenEntry {
  /** `HOST`, `HOST:TREE` or a short name; ranges expanded. */
  readonly name: string;
  readonly group: string;
  readonly vars: readonly WrittenVar[];
  readonly place: Place;
}

export interface WrittenGroup {
  readonly place: Place;
  readonly children: string[];
  readonly vars: WrittenVar[];
}

export interface InventorySource {
  readonly entries: WrittenEntry[];
  readonly groups: Map<string, WrittenGroup>;
}
