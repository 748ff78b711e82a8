// The variables of a play as one target sees them before anything runs, with the names of their levels.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import type { Inventory, Target } from "../inventory/inventory.js";
import type { VarLayer } from "../module/value.js";
import type { PlaybookFiles } from "../playbook/load/files.js";
import type { LoadedPlaybook } from "../playbook/load/load.js";
import { loadVarsFile } from "../playbook/load/vars-files.js";
import type { Play, Task } from "../playbook/play.js";
import { staticText, walk } from "../playbook/preflight/walk.js";
import { createScope } from "../playbook/scope/scope.js";

/** A task that defines the variable while the play runs. */
export interface LaterDefinition {
  readonly level: string;
  readonly place: Place | undefined;
  /** It wins over all but -e; otherwise only within a task or block. */
  readonly isStronger: boolean;
}

export interface PlayedVariables {
  readonly play: Play;
  readonly targets: ReadonlySet<string>;
  /** Lowest precedence first. */
  layersFor(target: Target, inventory: readonly VarLayer[], extra: readonly VarLayer[]): VarLayer[];
  laterDefinitions(name: string): readonly LaterDefinition[];
}

/** Of each play whose hosts can be told. Rejects with a CrunError for a pattern that the inventory does not know. */
export async function playedVariables(
  { playbook }: LoadedPlaybook,
  inventory: Inventory,
  extra: VarLayer,
  files: PlaybookFiles,
): Promise<PlayedVariables[]> {
  const walked = await walk(playbook);
  return playbook.plays.map((play) => {
    const pattern = play.hosts.render(createScope([play.vars, extra]));
    const text = Array.isArray(pattern) ? pattern.map(String).join(",") : String(pattern);
    const tasks = walked.tasks.filter((one) => one.play === play).map(({ task }) => task);
    const others = walked.others.filter((one) => one.play === play).map(({ node }) => node);
    return {
      play,
      targets: new Set(inventory.match(text, () => true).map(({ name }) => name)),
      layersFor: (_target, own, more) => layersOf(play, own, more, files),
      laterDefinitions: (name) => {
        const own = new Set([...tasks, ...others].flatMap(({ vars }) => vars));
        // A role's tasks have its variables once more.
        for (const layer of play.roleVars) own.delete(layer);
        return laterOf(name, tasks, own, files);
      },
    };
  });
}

/** The order in which the engine stacks them: docs/VARIABLES.md. */
function layersOf(
  play: Play,
  inventory: readonly VarLayer[],
  extra: readonly VarLayer[],
  files: PlaybookFiles,
): VarLayer[] {
  const below = [...named("role defaults", play.roleDefaults), ...inventory, ...named("play vars", [play.vars])];
  return [...below, ...varsFiles(play, [...below, ...extra], files), ...named("role vars", play.roleVars), ...extra];
}

function named(level: string, layers: readonly VarLayer[]): VarLayer[] {
  return layers.map((layer) => ({ ...layer, origin: level }));
}

function varsFiles(play: Play, layers: readonly VarLayer[], files: PlaybookFiles): VarLayer[] {
  return play.varsFiles.flatMap((entry) => {
    try {
      const value = entry.render(createScope(layers));
      for (const path of (Array.isArray(value) ? value : [value]).map(String)) {
        const layer = loadVarsFile(play.directory, path, files);
        if (layer) return named("vars_files", [layer]);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // Its name needs what only a run knows.
      if (error instanceof CrunError && entry.isStatic) throw error;
    }
    return [];
  });
}

function laterOf(
  name: string,
  tasks: readonly Task[],
  own: ReadonlySet<VarLayer>,
  files: PlaybookFiles,
): LaterDefinition[] {
  const found: LaterDefinition[] = [];
  for (const layer of own) {
    const definition = layer.get(name);
    if (definition === undefined) continue;
    const place = layer.placeOf?.(name) ?? ("render" in definition ? definition.place : undefined);
    found.push({ level: layer.origin, place, isStronger: false });
  }
  for (const task of tasks) {
    if (task.register === name) found.push({ level: "register", place: task.place, isStronger: true });
    const argument = task.module.name === "set_fact" ? task.args[name] : undefined;
    if (argument) found.push({ level: "set_fact", place: argument.place ?? task.place, isStronger: true });
    const included = includedLayer(task, files);
    if (included?.get(name) !== undefined)
      found.push({ level: "include_vars", place: included.placeOf?.(name), isStronger: true });
  }
  return found;
}

/** What include_vars reads, where its file has a plain name and is there. */
function includedLayer(task: Task, files: PlaybookFiles): VarLayer | undefined {
  const file = task.module.name === "include_vars" ? staticText(task.args["file"]) : undefined;
  if (file === undefined) return undefined;
  for (const directory of task.searchDirectories) {
    const layer = loadVarsFile(directory, file, files);
    if (layer) return layer;
  }
  return undefined;
}
