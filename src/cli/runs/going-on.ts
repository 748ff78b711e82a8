// What somebody is told who wants a run that still goes on, or may.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { cleanLine } from "../../report/clean.js";
import type { Worker } from "./store.js";

/** What is to be done with the run once it does not go on any more. */
export interface Then {
  /** A sentence. */
  readonly here: string;
  /** Where the one who worked on it is out of sight: what makes it so all the same. */
  readonly elsewhere: string;
}

export function stillGoesOn(id: string, { runner, life }: Worker, then: Then): CrunError {
  const { by, pid } = runner;
  if (life === "elsewhere")
    return new CrunError({
      severity: "error",
      summary: `the run ${id} was begun elsewhere, by ${cleanLine(by)} (process ${pid}), and has not said that it ended`,
      detail: "From here nobody can see whether it still goes on: that was another machine, or a container of its own.",
      remedy: `Look there: crun runs tells it. Where it does not go on any more, ${then.elsewhere}`,
    });
  return new CrunError({
    severity: "error",
    summary: `the run ${id} is still going on: ${cleanLine(by)} works on it, process ${pid}`,
    remedy: `Wait for it, or interrupt it: kill -INT ${pid} lets the tasks at hand come to their end (Ctrl-C where it runs does the same). ${then.here}`,
  });
}

/** For `--resume`. */
export function thenResume(id: string): Then {
  return {
    here: `Then crun play --resume ${id} does the rest.`,
    elsewhere: `crun play --resume ${id} --take-over does the rest.`,
  };
}
