// The variables that the preflight knows: of all targets, and of those that are played.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import type { LoadedPlaybook } from "../playbook/load/load.js";
import type { Play } from "../playbook/play.js";
import { createScope } from "../playbook/scope/scope.js";
import { variablesOf, type Setup } from "./setup.js";

/** Layers that the inventory defines for any target, and the command line for all. */
export interface InventoryLayers {
  readonly all: ReadonlySet<VarLayer>;
  /** Without those of targets that no play or limit takes. */
  readonly played: ReadonlySet<VarLayer>;
}

/** Throws a CrunError for a file of a played target that cannot be read. */
export function inventoryLayers(
  loaded: readonly LoadedPlaybook[],
  setup: Setup,
  limit: ReadonlySet<string> | undefined,
): InventoryLayers {
  const { inventory, extra } = setup;
  const isPlayed = playedTargets(loaded, setup, limit);
  const all = variablesOf(setup, isPlayed);
  const played = new Set<VarLayer>([extra]);
  for (const name of inventory.targets.keys())
    if (isPlayed(name)) for (const layer of inventory.varsOf(name)) played.add(layer);
  return { all, played };
}

/** Patterns of the plays' hosts; `all` for one that is not known yet. */
export function patternsOf(loaded: readonly LoadedPlaybook[], extra: VarLayer): string[] {
  return loaded
    .flatMap(({ playbook }) => playbook.plays)
    .map((play) => {
      try {
        return patternOf(play, extra);
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        return "all";
      }
    });
}

function patternOf(play: Play, extra: VarLayer): string {
  const pattern = play.hosts.render(createScope([play.vars, extra]));
  return Array.isArray(pattern) ? pattern.map(String).join(",") : String(pattern);
}

/** Whether a target is one of a play; where a pattern is not known yet, any may be. */
function playedTargets(
  loaded: readonly LoadedPlaybook[],
  { inventory, extra }: Setup,
  limit: ReadonlySet<string> | undefined,
): (name: string) => boolean {
  const names = new Set<string>();
  for (const { playbook } of loaded) {
    for (const play of playbook.plays) {
      try {
        for (const { name } of inventory.match(patternOf(play, extra))) names.add(name);
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        // What is wrong with the pattern is told by the preflight, or by the play when it begins.
        return (name) => limit?.has(name) ?? true;
      }
    }
  }
  return (name) => names.has(name) && (limit?.has(name) ?? true);
}
