// Arguments of roles that break their spec for sure: what nothing defines, and what is written out where the role is used.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import { checkArguments } from "../../module/argument-spec.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import type { PlaybookFiles } from "../load/files.js";
import type { Task } from "../play.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { loopNames, type Sources } from "./undefined.js";
import type { Walked } from "./walk.js";

type Options = Readonly<Record<string, unknown>>;

/** `sources` undefined: anything may be defined. `above`: variables that go before all others. */
export function brokenArguments(
  walked: Walked,
  sources: Sources | undefined,
  above: readonly VarLayer[],
  files: PlaybookFiles,
): Diagnostic[] {
  const set = namesSet(walked);
  return walked.tasks.flatMap(({ task, around }) => {
    const options = optionsOf(task);
    if (!options || !task.role) return [];
    const moving = new Set([...set, ...around.flatMap(loopNames), ...above.flatMap((layer) => [...layer.names()])]);
    const local = new Set(around.flatMap(loopNames));
    const missing = sources ? missingIn(task, options, (name) => sources.has(name) || local.has(name), files) : [];
    return [...missing, ...wrongIn(task, options, moving, files)];
  });
}

/** The options of a task that checks the arguments of a role. */
function optionsOf({ module, args }: Task): Options | undefined {
  const spec = args["argument_spec"];
  const value = module.name === "validate_argument_spec" && spec?.isStatic ? spec.render(NO_SCOPE) : undefined;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

/** Names that tasks give a value. */
function namesSet({ tasks }: Walked): Set<string> {
  const names = tasks.flatMap(({ task }) => [
    ...(task.register === undefined ? [] : [task.register]),
    ...(task.module.hasOpenParams ? Object.keys(task.args) : []),
  ]);
  return new Set(names);
}

function missingIn(
  task: Task,
  options: Options,
  isDefined: (name: string) => boolean,
  files: PlaybookFiles,
): Diagnostic[] {
  return Object.entries(options).flatMap(([name, option]): Diagnostic[] => {
    const { required, default: fallback, description } = keysOf(option);
    if (required !== true || (fallback !== undefined && fallback !== null) || isDefined(name)) return [];
    const about = Array.isArray(description) ? description.map(String).join(" ") : description;
    return [
      {
        severity: "error",
        summary: `the role ${task.role?.name ?? ""} needs the variable ${JSON.stringify(name)}, and nothing defines it`,
        place: task.place,
        source: files.sourceLine(task.place),
        detail: typeof about === "string" ? `${name}: ${about}` : undefined,
        remedy: `Give it where the role is used (vars: {${name}: …}), in the inventory or with -e.`,
      },
    ];
  });
}

/** Values that are written out for the role, in its parameters or `vars`. */
function wrongIn(task: Task, options: Options, moving: ReadonlySet<string>, files: PlaybookFiles): Diagnostic[] {
  return Object.entries(options).flatMap(([name, option]): Diagnostic[] => {
    const value = moving.has(name) ? undefined : definitionOf(task, name);
    if (!value?.isStatic) return [];
    // What is missing beside it is another matter.
    const found = checkArguments({ [name]: option }, {}, { [name]: value.render(NO_SCOPE) });
    const place = value.place ?? task.place;
    return found.map(({ message }) => ({
      severity: "error",
      summary: `the role ${task.role?.name ?? ""}: ${message}`,
      place,
      source: files.sourceLine(place),
    }));
  });
}

/** What a role's task sees of its own lineage: parameters before variables, the innermost first. */
function definitionOf({ vars }: Task, name: string): Renderable | undefined {
  for (const rank of ["include parameter", "role parameter", undefined, "role variable"] as const) {
    const found = vars.findLast((layer) => layer.rank === rank && layer.get(name) !== undefined)?.get(name);
    if (found) return "raw" in found ? undefined : found;
  }
  return undefined;
}

function keysOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
