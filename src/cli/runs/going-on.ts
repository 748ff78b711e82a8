// What somebody is told who wants a run that still goes on.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Runner } from "../../engine/journal/records.js";
import { cleanLine } from "../../report/clean.js";

/** `then`: what can be done once it does not go on any more. */
export function stillGoesOn(id: string, { by, pid }: Runner, then: string): CrunError {
  return new CrunError({
    severity: "error",
    summary: `the run ${id} is still going on: ${cleanLine(by)} works on it, process ${pid}`,
    remedy: `Wait for it, or interrupt it: kill -INT ${pid} lets the tasks at hand come to their end (Ctrl-C where it runs does the same). ${then}`,
  });
}
