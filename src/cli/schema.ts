// `crun schema`: JSON Schemas for editors, made of the modules and keywords that this crun has.

import { modules } from "../../modules/index.js";
import { inventorySchema } from "../inventory/schema.js";
import { META_ACTIONS } from "../playbook/load/tasks.js";
import { playbookSchema, tasksSchema } from "../playbook/schema/playbook-schema.js";

export const schemaKinds = ["playbook", "tasks", "inventory"] as const;
export type SchemaKind = (typeof schemaKinds)[number];

/** The schema of one kind of file. */
export async function schemaOf(kind: SchemaKind): Promise<Readonly<Record<string, unknown>>> {
  if (kind === "inventory") return inventorySchema;
  const loaded = await Promise.all(modules.names.map((name) => modules.load(name)));
  const all = loaded.flatMap((module) => (module ? [module] : []));
  return kind === "playbook" ? playbookSchema(all, META_ACTIONS) : tasksSchema(all, META_ACTIONS);
}

/** Prints a schema; gives the exit status. */
export async function runSchema(kind: SchemaKind): Promise<number> {
  process.stdout.write(`${JSON.stringify(await schemaOf(kind), null, 2)}\n`);
  return 0;
}
