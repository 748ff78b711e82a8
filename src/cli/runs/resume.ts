// `crun play --resume`: which run goes on, and whether it may.

import { resolve } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { readConfig } from "../config.js";
import type { PlayOptions } from "../options.js";
import type { Keeping } from "./book.js";
import { stillGoesOn, thenResume } from "./going-on.js";
import { resumedOptions } from "./kept-options.js";
import { keepingOf } from "./keeping.js";
import { isRunId, runIds } from "./place.js";
import { readRun, type ReadRun } from "./read.js";

/** What was asked for. */
export interface ResumeWish {
  /** Undefined: the last one. */
  readonly id: string | undefined;
  /** The files may be others: all plays are run anew then. */
  readonly despiteChanges: boolean;
  /** Also one that was begun elsewhere: the person has seen that it does not go on there. */
  readonly takesOver: boolean;
  /** Options that this command line gives. */
  readonly given: ReadonlySet<string>;
}

export interface Resumption {
  readonly options: PlayOptions;
  readonly keeping: Keeping;
  readonly run: ReadRun;
  readonly despiteChanges: boolean;
  readonly takesOver: boolean;
}

/** Those that may be others than when the run was begun: how hosts are reached and what is shown. */
const free: ReadonlySet<string> = new Set([
  "resume",
  "despiteChanges",
  "takeOver",
  "runs",
  "output",
  "verbose",
  "diff",
  "forks",
  "extraVars",
  "askPass",
  "askBecomePass",
  "acceptNewHostKeys",
  "connectTimeout",
  "connectRetries",
  "lockTimeout",
  "vaultId",
  "vaultPasswordFile",
  "vaultPassFile",
  "askVaultPass",
  "identity",
]);

/** Names of the options in PlayOptions, where they are called otherwise. */
const asField: Readonly<Record<string, string>> = {
  verbose: "verbosity",
  diff: "isDiff",
  askPass: "asksPass",
  askBecomePass: "asksBecomePass",
  acceptNewHostKeys: "acceptsNewHostKeys",
  connectTimeout: "connectTimeoutSeconds",
  lockTimeout: "lockTimeoutSeconds",
};

/** Throws a CrunError that says why no run can go on. */
export function resumption(wish: ResumeWish, options: PlayOptions): Resumption {
  // `--resume site.yml`: the word is the playbook's.
  const isPlaybook = wish.id !== undefined && !isRunId(wish.id);
  const id = isPlaybook ? undefined : wish.id;
  const playbooks = isPlaybook && wish.id !== undefined ? [wish.id, ...options.playbooks] : options.playbooks;
  const fixed = [...wish.given].find((name) => !free.has(name));
  if (fixed !== undefined)
    throw new CrunError({
      severity: "error",
      summary: `--resume: --${fixed.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is as it was when the run was begun`,
      remedy: "Leave it out, or play the playbook anew.",
    });
  const keeping = keepingOf(options.runs, readConfig(playbooks[0]?.replace(/[^/]*$/, "") || undefined));
  if (!keeping)
    throw new CrunError({
      severity: "error",
      summary: "--resume: runs are not written down here",
      remedy: "crun.yml says runs: none; --runs DIR names a place.",
    });
  const run = id === undefined ? newest(keeping.directory, playbooks) : readRun(keeping.directory, id);
  check(run, wish.takesOver);
  const { directory } = run.run;
  try {
    process.chdir(directory);
  } catch {
    throw new CrunError({
      severity: "error",
      summary: `the run ${run.id} was begun in ${directory}, where crun cannot go any more`,
      remedy: "Play the playbook anew.",
    });
  }
  const given = new Set([...wish.given].map((name) => asField[name] ?? name));
  const vaultFlags = ["vaultId", "vaultPasswordFile", "vaultPassFile", "askVaultPass", "identity"];
  if (vaultFlags.some((name) => given.has(name))) given.add("vault");
  const { despiteChanges, takesOver } = wish;
  return { options: resumedOptions(run, options, given), keeping, run, despiteChanges, takesOver };
}

function check({ id, state, worker }: ReadRun, takesOver: boolean): void {
  if (state === "finished")
    throw new CrunError({
      severity: "error",
      summary: `the run ${id} is finished: there is nothing to go on with`,
      remedy: "Play the playbook anew.",
    });
  if (worker && !(takesOver && worker.life === "elsewhere")) throw stillGoesOn(id, worker, thenResume(id));
}

/** The last run, or the last one of these playbooks. */
function newest(directory: string, playbooks: readonly string[]): ReadRun {
  const wanted = playbooks.map((file) => resolve(file)).join("\0");
  for (const id of runIds(directory)) {
    try {
      const run = readRun(directory, id);
      const own = run.run.playbooks.map((file) => resolve(run.run.directory, file)).join("\0");
      if (wanted === "" || own === wanted) return run;
    } catch (error) {
      if (!(error instanceof CrunError) || wanted === "") throw error;
      // Of which playbook it was nobody can tell.
    }
  }
  throw new CrunError({
    severity: "error",
    summary: `no run ${wanted === "" ? "" : `of ${playbooks.join(" ")} `}is written down in ${directory}`,
    remedy: "crun runs lists what there is.",
  });
}
