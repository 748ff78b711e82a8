// What one inventory source says, before sources are put together.

import type { Place } from "../diagnostic/diagnostic.js";
import type { YamlNode } from "./language.js";

/** A variable as it was written: a node of a YAML file (which knows its place), or a plain value. */
export type WrittenVar =
  | { readonly kind: "node"; readonly name: string; readonly key: YamlNode; readonly node: YamlNode }
  | { readonly kind: "plain"; readonly name: string; readonly value: unknown; readonly place: Place };

export interface WrittenEntry {
  /** `HOST`, `HOST:TREE` or a short name; ranges expanded. */
  readonly name: string;
  readonly group: string;
  readonly vars: readonly WrittenVar[];
}

export interface WrittenChild {
  readonly name: string;
  readonly place: Place;
  /** The child must be described somewhere (INI); elsewhere naming it makes it a group. */
  readonly mustExist: boolean;
}

export interface WrittenGroup {
  readonly place: Place;
  /** Named as a group, not only as the owner of variables. */
  isDescribed: boolean;
  readonly children: WrittenChild[];
  readonly vars: WrittenVar[];
}

export interface InventorySource {
  /** Undefined for names given on the command line. */
  readonly file: string | undefined;
  readonly entries: WrittenEntry[];
  readonly groups: Map<string, WrittenGroup>;
}

export function emptySource(file: string | undefined): InventorySource {
  return { file, entries: [], groups: new Map() };
}

/** The group of that name, made where it is not there yet. */
export function groupIn(source: InventorySource, name: string, place: () => Place): WrittenGroup {
  let group = source.groups.get(name);
  if (!group) {
    group = { place: place(), isDescribed: false, children: [], vars: [] };
    source.groups.set(name, group);
  }
  return group;
}
