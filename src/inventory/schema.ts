// The JSON Schema of inventories in YAML, for editors.

const group = { anyOf: [{ $ref: "#/definitions/group" }, { type: "null" }] };
const variables = {
  anyOf: [{ type: "object", propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" } }, { type: "null" }],
};

/** Groups by name; their hosts and trees, children and variables. */
export const inventorySchema: Readonly<Record<string, unknown>> = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "crun inventory",
  type: ["object", "null"],
  additionalProperties: group,
  definitions: {
    group: {
      type: "object",
      properties: {
        hosts: {
          description: "Targets and their variables: HOST, HOST:TREE, ranges as web[1:4].",
          anyOf: [{ type: "object", additionalProperties: variables }, { type: ["string", "null"] }],
        },
        children: {
          description: "Groups that belong to this one.",
          anyOf: [{ type: "object", additionalProperties: group }, { type: ["string", "null"] }],
        },
        vars: { ...variables, description: "Variables of all its members." },
      },
      additionalProperties: false,
    },
  },
};
