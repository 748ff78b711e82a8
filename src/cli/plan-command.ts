// `crun plan`: a run in check mode that is written down, and saved where a file is named.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";
import type { EventSink } from "../engine/events.js";
import type { Masker } from "../engine/task/masker.js";
import { checkWritable, writePlan } from "../plan/plan-file.js";
import { PlanRecorder } from "../plan/plan-recorder.js";
import type { Made, SavedPlan } from "../plan/saved-plan.js";
import { withMasker } from "./masked-errors.js";
import type { PlayOptions } from "./options.js";
import { play, runPlay } from "./play.js";
import { version } from "./version.js";

/** `file`: where the plan goes. Gives the exit status: 0 whole, 3 not whole, 2 and 4 as a play's. Throws a CrunError. */
export async function runPlan(options: PlayOptions, file: string | undefined): Promise<number> {
  if (options.action !== "play") return runPlay(options);
  if (file !== undefined) checkWritable(file);
  return withMasker((masker) => plan(options, file, masker));
}

async function plan(options: PlayOptions, file: string | undefined, masker: Masker): Promise<number> {
  const recorder = new PlanRecorder(masker);
  const planning = { recorder, around: (sink: EventSink) => withWarnings(sink, recorder) };
  const status = await play({ ...options, isCheck: true }, masker, planning);
  // An interrupted run has not come to the end of anything.
  if (status === 130 || status === 1) return status;
  const saved = recorder.finish(madeNow(options));
  if (file !== undefined) writePlan(file, saved, version);
  if (options.output !== "json") process.stderr.write(`${summaryOf(saved, file)}\n`);
  return recorder.exitStatus;
}

/** The warnings stand before the recap, which is last. */
function withWarnings(sink: EventSink, recorder: PlanRecorder): EventSink {
  return (event) => {
    recorder.note(event);
    if (event.event === "recap") for (const diagnostic of recorder.warnings()) sink({ event: "warning", diagnostic });
    sink(event);
  };
}

function madeNow(options: PlayOptions): Made {
  const { limit, startAtTask } = options;
  return {
    at: new Date().toISOString(),
    by: `${userName()}@${hostname()}`,
    playbooks: options.playbooks.map((path) => ({
      path: resolve(path),
      sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
    })),
    inventory: options.inventory.map((one) => (existsSync(one) ? resolve(one) : one)),
    ...(limit === undefined ? {} : { limit }),
    tags: options.tags,
    skipTags: options.skipTags,
    ...(startAtTask === undefined ? {} : { startAtTask }),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in passwd has a number alone.
    return String(process.getuid?.() ?? "?");
  }
}

function summaryOf({ steps, targets }: SavedPlan, file: string | undefined): string {
  const changing = new Set(steps.map((step) => step.target)).size;
  const changes = steps.reduce((sum, step) => sum + step.changes.length, 0);
  const what = changes === 0 ? "nothing to change" : `${count(changes, "change")} on ${count(changing, "target")}`;
  const notWhole = targets.filter(({ end }) => end.kind !== "complete").length;
  const rest =
    notWhole === 0 ? "" : `; ${notWhole === 1 ? "1 target is" : `${notWhole} targets are`} not planned to the end`;
  const where = file === undefined ? "not saved (-o FILE)" : `saved in ${file}: crun show ${file}, crun apply ${file}`;
  return `plan: ${what}${rest}; ${where}`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
