// `crun plan`: a run in check mode that is written down, and saved where a file is named.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";
import type { EventSink } from "../engine/events.js";
import type { Masker } from "../engine/task/masker.js";
import { checkWritable, writePlan, type Seal } from "../plan/plan-file.js";
import { PlanRecorder } from "../plan/plan-recorder.js";
import type { Made, SavedPlan } from "../plan/saved-plan.js";
import { withMasker } from "./masked-errors.js";
import type { PlayOptions } from "./options.js";
import { play, runPlay, type Planning } from "./play.js";
import { version } from "./version.js";

/** How a plan is saved. */
export interface Saving {
  /** Undefined: not at all. */
  readonly file: string | undefined;
  /** For these keys, or as crun.yml and the vault's options say. */
  readonly isEncrypted: boolean;
  readonly recipients: readonly string[];
}

/** Gives the exit status: 0 whole, 3 not whole, 2 and 4 as a play's. Throws a CrunError. */
export async function runPlan(options: PlayOptions, saving: Saving): Promise<number> {
  if (options.action !== "play") return runPlay(options);
  if (saving.file !== undefined) checkWritable(saving.file);
  return withMasker((masker) => plan(options, saving, masker));
}

async function plan(options: PlayOptions, { file, isEncrypted, recipients }: Saving, masker: Masker): Promise<number> {
  const recorder = new PlanRecorder(masker);
  let seal: Seal | undefined;
  const planning: Planning = {
    recorder,
    around: (sink) => withWarnings(sink, recorder),
    prepare: async ({ vault, config }) => {
      if (!isEncrypted && recipients.length === 0) return;
      const { sealerFor } = await import("./vault/sealer.js");
      const defaultRecipients = config.vault?.recipients ?? [];
      const sealer = sealerFor({ recipients, defaultRecipients, format: undefined, label: undefined }, vault);
      seal = (plain) => sealer.seal(plain);
    },
  };
  const status = await play({ ...options, isCheck: true }, masker, planning);
  // An interrupted run has not come to the end of anything.
  if (status === 130 || status === 1) return status;
  const saved = recorder.finish(madeNow(options));
  if (file !== undefined) writePlan(file, saved, version, seal);
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
