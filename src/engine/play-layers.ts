// A play's own variables, by where they stand among all others.

import type { VarLayer } from "../module/value.js";
import type { VarsFiles } from "./vars-files.js";

/** A play's own layers, by where they stand among the others. */
export interface PlayLayers {
  readonly defaults: readonly VarLayer[];
  /** Play vars with what was answered to prompts. */
  readonly vars: readonly VarLayer[];
  readonly files: VarsFiles | undefined;
  readonly roleVars: readonly VarLayer[];
}

/** `hostvars` hold outside of any play. */
export const NO_PLAY: PlayLayers = { defaults: [], vars: [], files: undefined, roleVars: [] };
