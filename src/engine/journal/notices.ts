// What a person should know of a run that goes on: what is done again though it may be done, and what cannot be found again.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import type { History } from "./history.js";

/** One for each task that was at work, and for the jobs that are lost. */
export function resumeWarnings(history: History): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const target of history.targets.values()) {
    const begun = new Map<string, boolean>();
    for (const { op, index, isCommand } of target.doing.values())
      if (index >= 0) begun.set(history.titleOf(op), (begun.get(history.titleOf(op)) ?? false) || isCommand);
    for (const [title, isCommand] of begun)
      if (isCommand)
        found.push({
          severity: "warning",
          summary: `${target.name}: the task ${JSON.stringify(title)} was at work when the run stopped, and is done again: it runs a command, of whose effect nobody knows`,
        });
    const jobs = history.lostJobs.get(target.name)?.length ?? 0;
    if (jobs > 0)
      found.push({
        severity: "warning",
        summary: `${target.name}: ${jobs === 1 ? "a job" : `${jobs} jobs`} went on when the run stopped, and ${jobs === 1 ? "is" : "are"} begun again`,
        remedy:
          "In a tree it ended with the run. On a host and in a running machine the old one may still go on beside the new one.",
      });
  }
  return found;
}
