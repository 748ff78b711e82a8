// The JSON Schema of playbooks and task files, with every module's parameters, for editors.

import type { AnyModule } from "../../module/contract.js";
import {
  BLOCK_KEYWORDS,
  IMPORT_PLAYBOOK_KEYWORDS,
  PLAY_KEYWORDS,
  ROLE_KEYWORDS,
  TASK_KEYWORDS,
} from "../load/keywords.js";
import { branch, definitions, template, type JsonSchema } from "./json-schema.js";
import { keywordSchemas } from "./keyword-schema.js";
import { moduleSchema, requiredSchema } from "./param-schema.js";

type Keywords = Readonly<Record<string, unknown>>;

/** Names under which a module or an action is known. */
const names = (name: string): readonly string[] => [name, `ansible.builtin.${name}`, `ansible.legacy.${name}`];

/** The keywords of a table that crun takes, with what they take. */
function keywordsOf(table: Keywords): Record<string, JsonSchema> {
  const taken = Object.entries(table).flatMap(([key, state]) => (state === true ? [key] : []));
  return Object.fromEntries(taken.map((key) => [key, keywordSchemas[key] ?? {}]));
}

const closed = (properties: Readonly<Record<string, JsonSchema>>, more: JsonSchema = {}): JsonSchema => ({
  type: "object",
  properties,
  additionalProperties: false,
  ...more,
});

const file = (description: string): JsonSchema => ({
  anyOf: [
    { type: "string" },
    {
      type: "object",
      properties: { file: { type: "string" }, apply: { type: "object" } },
      required: ["file"],
      additionalProperties: false,
    },
  ],
  description,
});

const role = (description: string): JsonSchema => ({
  anyOf: [
    closed(
      {
        name: { type: "string" },
        apply: { type: "object" },
        allow_duplicates: { $ref: "#/definitions/boolean" },
        public: { $ref: "#/definitions/boolean" },
        rolespec_validate: { $ref: "#/definitions/boolean" },
        tasks_from: { type: "string" },
        vars_from: { type: "string" },
        defaults_from: { type: "string" },
        handlers_from: { type: "string" },
      },
      { required: ["name"] },
    ),
    template,
  ],
  description,
});

/** Actions that are no modules. `meta`: the words that it takes. */
function actions(meta: readonly string[]): Readonly<Record<string, JsonSchema>> {
  return {
    import_tasks: file("Tasks of another file, read before the run."),
    include_tasks: file("Tasks of another file, read when they are reached."),
    import_role: role("A role's tasks, read before the run."),
    include_role: role("A role's tasks, read when they are reached."),
    meta: { enum: [...meta, "end_target"], description: "What concerns the run itself." },
  };
}

/** All that stands behind `$ref`s in playbooks and task files. */
function partsOf(modules: readonly AnyModule[], meta: readonly string[]): Readonly<Record<string, JsonSchema>> {
  const own = actions(meta);
  const properties: Record<string, JsonSchema> = keywordsOf(TASK_KEYWORDS);
  const needed: Record<string, JsonSchema> = {};
  for (const [name, schema] of Object.entries(own)) for (const one of names(name)) properties[one] = schema;
  for (const module of modules) {
    const required = requiredSchema(module);
    for (const one of names(module.name)) {
      properties[one] = { $ref: `#/definitions/module.${module.name}` };
      if (required) needed[one] = required;
    }
  }
  const known = [...Object.keys(own), ...modules.map(({ name }) => name)].flatMap(names);
  return {
    ...definitions,
    ...Object.fromEntries(modules.map((module) => [`module.${module.name}`, moduleSchema(module)])),
    tasks: { type: "array", items: { $ref: "#/definitions/task" } },
    task: branch(
      { required: ["block"] },
      closed(keywordsOf(BLOCK_KEYWORDS)),
      closed(properties, {
        anyOf: known.map((one) => ({ required: [one] })),
        // What is missing from a module's map may stand below args.
        ...branch({ not: { required: ["args"] } }, { properties: needed }),
      }),
    ),
    role: {
      anyOf: [
        { type: "string" },
        {
          // Other keys are the role's variables.
          type: "object",
          properties: keywordsOf(ROLE_KEYWORDS),
          anyOf: [{ required: ["role"] }, { required: ["name"] }],
        },
      ],
    },
    play: branch(
      { required: ["import_playbook"] },
      closed(keywordsOf(IMPORT_PLAYBOOK_KEYWORDS)),
      closed(keywordsOf(PLAY_KEYWORDS), { required: ["hosts"] }),
    ),
  };
}

const head = (title: string): JsonSchema => ({ $schema: "http://json-schema.org/draft-07/schema#", title });

/** Schema of a playbook: a list of plays. `meta`: the words that meta takes. */
export function playbookSchema(modules: readonly AnyModule[], meta: readonly string[]): JsonSchema {
  return {
    ...head("crun playbook"),
    type: "array",
    items: { $ref: "#/definitions/play" },
    definitions: partsOf(modules, meta),
  };
}

/** Schema of a task file, as roles have them. */
export function tasksSchema(modules: readonly AnyModule[], meta: readonly string[]): JsonSchema {
  return {
    ...head("crun tasks"),
    type: ["array", "null"],
    items: { $ref: "#/definitions/task" },
    definitions: partsOf(modules, meta),
  };
}
