// A module's parameters as JSON Schema: what crun converts without complaint is valid.

import type { AnyModule } from "../../module/contract.js";
import type { ParamSpec, ParamSpecs } from "../../module/param.js";
import { branch, orTemplate, refer, template, type JsonSchema } from "./json-schema.js";

const scalar: JsonSchema = { type: ["string", "number", "boolean"] };

/** One parameter, by its type; a template is valid wherever a value is. */
export function paramSchema(spec: ParamSpec): JsonSchema {
  const more = spec.default === undefined ? {} : { default: spec.default };
  if (spec.type === "bool") return { ...refer("boolean", spec.doc), ...more };
  return { ...orTemplate(choicesOr(spec, valueSchema(spec))), description: spec.doc, ...more };
}

/** Words that stand for themselves, or a list of them. */
function choicesOr(spec: ParamSpec, schema: JsonSchema): JsonSchema {
  if (!spec.choices) return schema;
  const booleans = spec.choices.flatMap((one) => (one === "yes" || one === "no" ? [one === "yes"] : []));
  const one: JsonSchema = { enum: [...spec.choices, ...booleans] };
  return spec.type === "list" ? { anyOf: [one, { type: "array", items: orTemplate(one) }] } : one;
}

function valueSchema(spec: ParamSpec): JsonSchema {
  switch (spec.type) {
    case "str":
    case "path":
      return scalar;
    case "mode":
      return { type: ["string", "integer"] };
    case "int":
      return { anyOf: [{ type: "integer" }, { type: "string", pattern: "^\\s*-?[0-9]+\\s*$" }] };
    case "float":
      return { anyOf: [{ type: "number" }, { type: "string", pattern: "^\\s*-?[0-9.eE+-]+\\s*$" }] };
    case "list":
      // One value is a list of one, text with commas a list of its parts.
      return { anyOf: [scalar, { type: "array", items: orTemplate(elementSchema(spec.elements)) }] };
    case "dict":
      return spec.options ? optionsSchema(spec, spec.options) : { type: ["object", "string"] };
    case "condition":
      return { $ref: "#/definitions/condition" };
    case "bool":
    case "raw":
    case "content":
    case "expression":
      return {};
  }
}

/** A dict with keys that are known; the one that a single word stands for may be left out. */
function optionsSchema({ shortFor }: ParamSpec, options: ParamSpecs): JsonSchema {
  const map: JsonSchema = { type: "object", properties: propertiesOf(options), additionalProperties: false };
  const short = shortFor === undefined ? undefined : options[shortFor];
  return short ? { anyOf: [map, paramSchema(short)] } : { anyOf: [map, { enum: [true] }] };
}

function propertiesOf(specs: ParamSpecs): Record<string, JsonSchema> {
  const properties: Record<string, JsonSchema> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const schema = paramSchema(spec);
    properties[name] = schema;
    for (const alias of spec.aliases ?? []) properties[alias] = { ...schema, description: `The same as ${name}.` };
  }
  return properties;
}

function elementSchema(elements: ParamSpec["elements"]): JsonSchema {
  switch (elements) {
    case "int":
      return { type: ["integer", "string"] };
    case "dict":
      return { type: "object" };
    case "str":
    case "path":
      return scalar;
    case "raw":
    case undefined:
      return {};
  }
}

/** What may stand behind a module's name: its parameters (aliases too), free text, nothing. */
export function moduleSchema(module: AnyModule): JsonSchema {
  const map: JsonSchema = {
    type: "object",
    properties: propertiesOf(module.params),
    ...(module.hasOpenParams ? {} : { additionalProperties: false }),
  };
  const text: JsonSchema = module.freeForm === undefined ? template : { type: ["string", "number", "boolean"] };
  return { description: module.summary, anyOf: [map, text, { type: "null" }] };
}

/** What a task of the module must have in its map: each required parameter under one of its names. */
export function requiredSchema(module: AnyModule): JsonSchema | undefined {
  const needs = Object.entries(module.params)
    .filter(([, spec]) => spec.required === true)
    .map(([name, { aliases = [] }]) =>
      aliases.length === 0 ? { required: [name] } : { anyOf: [name, ...aliases].map((one) => ({ required: [one] })) },
    );
  return needs.length === 0 ? undefined : branch({ type: "object" }, { allOf: needs });
}
