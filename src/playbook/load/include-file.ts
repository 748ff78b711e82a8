// Finds the task files that import_tasks and include_tasks name.

import { dirname, isAbsolute, join, normalize } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { LoadContext } from "./context.js";
import type { Lineage } from "./lineage.js";

/** Where a task file is looked for: beside the file that names it, in the role's tasks, beside the playbook. */
export function taskFileCandidates(context: LoadContext, lineage: Lineage, from: string, name: string): string[] {
  if (isAbsolute(name)) return [normalize(name)];
  const role = lineage.role ? [join(lineage.role.path, "tasks"), lineage.role.path] : [];
  return [...new Set([dirname(from), ...role, context.directory].map((directory) => join(directory, name)))];
}

/** Its path, or why there is none. */
export function findTaskFile(
  context: LoadContext,
  lineage: Lineage,
  from: string,
  name: string,
): { readonly path: string } | { readonly detail: string; readonly remedy: string | undefined } {
  const candidates = taskFileCandidates(context, lineage, from, name);
  const path = context.files.firstFile(candidates);
  if (path !== undefined) return { path };
  const near = context.files.firstFile(
    candidates.flatMap((one) => [
      `${one}.yml`,
      `${one}.yaml`,
      one.replace(/\.ya?ml$/, (end) => (end === ".yml" ? ".yaml" : ".yml")),
    ]),
  );
  return {
    detail: `Looked for ${candidates.map((one) => context.files.shown(one)).join(", ")}.`,
    remedy:
      near === undefined
        ? undefined
        : (suggest(name, [near.slice(near.length - name.length - 5).replace(/^.*\//, "")]) ??
          `There is ${context.files.shown(near)}.`),
  };
}
