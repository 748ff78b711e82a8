// What the inventory needs of the playbook's language: reading YAML and compiling values. Handed in, so that arrows point down.

import type { Place } from "../diagnostic/diagnostic.js";
import type { Renderable } from "../module/value.js";

/** A node of a YAML file, as far as inventories look into it. */
export type YamlNode =
  | { readonly kind: "scalar"; readonly value: string | number | boolean | null }
  | { readonly kind: "list"; readonly items: readonly YamlNode[] }
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, { readonly key: string; readonly value: YamlNode }> };

export interface Language {
  /** Undefined: the file holds nothing. Throws a CrunError. */
  readYaml(file: string, text: string): YamlNode | undefined;
  placeOf(node: YamlNode): Place;
  /** A value of a YAML file, or a plain value that was written elsewhere (INI). */
  compileNode(node: YamlNode): Renderable;
  compileValue(value: unknown, place: Place): Renderable;
}
