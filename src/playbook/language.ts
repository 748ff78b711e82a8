// The language as the inventory takes it: reading YAML and compiling values.

import type { Place } from "../diagnostic/diagnostic.js";
import { templateOf, templateOfValue, type Template } from "./template/template.js";
import { placeOf, plainOf, readYaml, type YamlNode } from "./yaml/yaml.js";

export const language = {
  readYaml,
  placeOf: (node: YamlNode): Place => placeOf(node),
  plainOf,
  compileNode: (node: YamlNode): Template => templateOf(node),
  compileValue: (value: unknown, place: Place): Template => templateOfValue(place.file, value, place),
};
