// What the inventory needs of the playbook's language: reading YAML and compiling values. Handed in, so that arrows point down.

import type { Place } from "../diagnostic/diagnostic.js";
import type { Renderable } from "../module/value.js";

/** A node of a YAML file, as far as inventories look into it. */
export type YamlNode =
  | YamlScalar
  | { readonly kind: "list"; readonly items: readonly YamlNode[] }
  | { readonly kind: "map"; readonly entries: ReadonlyMap<string, YamlEntry> };

export interface YamlScalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  readonly text: string;
}

export interface YamlEntry {
  readonly key: string;
  readonly keyNode: YamlScalar;
  readonly value: YamlNode;
}

export interface Language {
  /** Undefined: the file holds nothing. Throws a CrunError. */
  readYaml(file: string, text: string): YamlNode | undefined;
  placeOf(node: YamlNode): Place;
  isEncrypted(text: string): boolean;
  /** The text of a file that may be encrypted; throws a CrunError where no key opens it. */
  plainText(file: string, text: string): string;
  /** These values stood in an encrypted file: they are never shown. */
  keepSecret(values: readonly unknown[]): void;
  /** The value that a node stands for, templates as text. */
  plainOf(node: YamlNode): unknown;
  /** A value of a YAML file, or a plain value that was written elsewhere (INI). Throws a CrunError for a broken template. */
  compileNode(node: YamlNode): Renderable;
  compileValue(value: unknown, place: Place): Renderable;
}
