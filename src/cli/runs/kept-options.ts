// What of the command line a journal keeps, and how a run that goes on gets it back.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { RunRecord } from "../../engine/journal/records.js";
import { extraVars } from "../extra-vars.js";
import type { PlayOptions } from "../options.js";
import type { ReadRun } from "./read.js";

/** Of the options that say what is played and how hosts are reached; values of variables and passwords are no part of it. */
const kept = [
  "inventory",
  "limit",
  "forks",
  "user",
  "become",
  "becomeMethod",
  "becomeUser",
  "asksBecomePass",
  "asksPass",
  "acceptsNewHostKeys",
  "connectTimeoutSeconds",
  "connectRetries",
  "entry",
  "vault",
  "tags",
  "skipTags",
  "isDiff",
  "startAtTask",
  "forcesHandlers",
  "track",
  "isAtomic",
  "isStepped",
] as const satisfies readonly (keyof PlayOptions)[];

/** `null` stands among the -e for one whose values are not kept. */
export function keptOptions(options: PlayOptions): Pick<RunRecord, "options" | "extraNames"> {
  const written = options.extraVars.filter((one) => !one.startsWith("@"));
  return {
    options: {
      ...Object.fromEntries(kept.map((name) => [name, options[name]])),
      extraVars: options.extraVars.map((one) => (one.startsWith("@") ? one : null)),
    },
    extraNames: [...extraVars(written).names()].toSorted(),
  };
}

/** The options of the run, with those of this command line that may be others. Throws a CrunError where variables are missing. */
export function resumedOptions({ id, run }: ReadRun, now: PlayOptions, given: ReadonlySet<string>): PlayOptions {
  // The checksum says that they are those which were written.
  const before = run.options as unknown as PlayOptions & { readonly extraVars: readonly (string | null)[] };
  const names = [...extraVars(now.extraVars).names()].toSorted();
  const missing = run.extraNames.filter((name) => !names.includes(name));
  const added = names.filter((name) => !run.extraNames.includes(name));
  if (missing.length > 0 || added.length > 0)
    throw new CrunError({
      severity: "error",
      summary:
        missing.length > 0
          ? `the run ${id} was begun with values of ${missing.join(", ")}, which are not kept`
          : `the run ${id} was begun without a value of ${added.join(", ")}`,
      remedy:
        missing.length > 0
          ? `Give the same again: ${missing.map((name) => `-e ${name}=…`).join(" ")}`
          : "Leave it out, or play the playbook anew.",
    });
  let isGiven = false;
  const extra = before.extraVars.flatMap((one): readonly string[] => {
    if (one !== null) return [one];
    if (isGiven) return [];
    isGiven = true;
    return now.extraVars;
  });
  const own = Object.fromEntries(Object.entries(now).filter(([name]) => given.has(name)));
  return { ...now, ...before, ...own, extraVars: extra, playbooks: run.playbooks };
}
