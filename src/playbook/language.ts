// The language as the inventory takes it: reading YAML and compiling values, what is encrypted included.

import type { Place } from "../diagnostic/diagnostic.js";
import { isEncrypted } from "../vault/format.js";
import { Vault } from "../vault/vault.js";
import { templateOf, templateOfValue, type Template } from "./template/template.js";
import { placeOf, plainOf, readYaml, type YamlNode } from "./yaml/yaml.js";

/** `vault` opens what is encrypted. */
export function languageWith(vault: Vault = new Vault()) {
  return {
    readYaml: (file: string, text: string): YamlNode | undefined => readYaml(file, text, vault),
    placeOf: (node: YamlNode): Place => placeOf(node),
    plainOf,
    compileNode: (node: YamlNode): Template => templateOf(node),
    compileValue: (value: unknown, place: Place): Template => templateOfValue(place.file, value, place, vault),
    isEncrypted: (text: string): boolean => isEncrypted(text),
    /** A file's text, opened where it is encrypted. */
    plainText: (file: string, text: string): string =>
      isEncrypted(text) ? vault.openText(text, { what: "the file", place: { file } }) : text,
    /** The values are secret: they stood in a file that is encrypted. */
    keepSecret: (values: readonly unknown[]): void => vault.keep(values),
  };
}

/** Without keys: what is encrypted cannot be read. */
export const language = languageWith();
