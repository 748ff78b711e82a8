// Pieces of JSON Schema (draft 7, which editors know best) that all of crun's schemas are made of.

/** A schema, or a part of one. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A string with `{{…}}` in it: any value may be one. */
export const template: JsonSchema = { $ref: "#/definitions/template" };

/** Definitions that the pieces refer to; every schema that uses them carries them. */
export const definitions: Readonly<Record<string, JsonSchema>> = {
  template: { type: "string", pattern: "\\{\\{" },
  boolean: {
    anyOf: [
      { type: "boolean" },
      { enum: ["yes", "no", "on", "off", "true", "false", "Yes", "No", "True", "False", "YES", "NO"] },
      { type: "string", pattern: "\\{\\{" },
    ],
  },
  condition: {
    anyOf: [
      { type: ["string", "boolean", "number"] },
      { type: "array", items: { type: ["string", "boolean", "number"] } },
    ],
  },
  texts: { anyOf: [{ type: ["string", "number"] }, { type: "array", items: { type: ["string", "number"] } }] },
  variables: {
    type: "object",
    propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
  },
};

/** The schema, or a template in its place. */
export function orTemplate(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, template] };
}

/** A reference to one of the definitions, with its own words. */
export function refer(name: string, description: string): JsonSchema {
  return { allOf: [{ $ref: `#/definitions/${name}` }], description };
}

/** JSON Schema's if, then and else. */
export function branch(test: JsonSchema, yes: JsonSchema, no: JsonSchema = {}): JsonSchema {
  const words = ["if", "then", "else"];
  return Object.fromEntries([test, yes, no].map((schema, index) => [words[index] ?? "", schema]));
}
