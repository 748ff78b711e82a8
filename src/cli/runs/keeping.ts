// Where runs are written down: what --runs and crun.yml say, or the usual place.

import { resolve } from "node:path";
import type { Config } from "../config.js";
import type { Keeping } from "./book.js";
import { defaultRunsDirectory, KEPT_RUNS } from "./place.js";

/** `given`: --runs. Undefined: nothing is written down. */
export function keepingOf(given: string | undefined, { runs }: Config): Keeping | undefined {
  if (given === "none" || (given === undefined && runs === "none")) return undefined;
  const said = runs === "none" ? undefined : runs;
  const directory = given === undefined ? (said?.directory ?? defaultRunsDirectory()) : resolve(given);
  return { directory, keep: said?.keep ?? KEPT_RUNS };
}
