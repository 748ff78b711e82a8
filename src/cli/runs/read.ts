// Reads the journal of a run, and tells in which state the run is.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import { History } from "../../engine/journal/history.js";
import { JOURNAL_VERSION, parseJournal, type RunRecord } from "../../engine/journal/records.js";
import { isRunId, runDirectory, runIds } from "./place.js";
import { JOURNAL_FILE, liveWriter, workerOf, type Worker } from "./store.js";

/** `killed`: it ended without saying so. `elsewhere`: it was begun there, and has not said that it ended. */
export type RunState = "going on" | "elsewhere" | "finished" | "failed" | "interrupted" | "killed" | "unreadable";

export interface ReadRun {
  readonly id: string;
  readonly state: RunState;
  /** Who works on it, where it goes on. */
  readonly worker: Worker | undefined;
  readonly history: History;
  /** What was asked. */
  readonly run: RunRecord;
  /** Of what is whole. */
  readonly length: number;
}

/** Throws a CrunError that says why it cannot be read. */
export function readRun(directory: string, id: string): ReadRun {
  const own = runDirectory(directory, id);
  let bytes: Buffer;
  try {
    if (!isRunId(id)) throw new Error("that is no id");
    bytes = readFileSync(join(own, JOURNAL_FILE));
  } catch (error) {
    const known = runIds(directory);
    if (known.includes(id))
      throw unreadable(id, "it could not be written to its end (a full disk?), or belongs to somebody else", error);
    throw new CrunError({
      severity: "error",
      summary: `there is no run ${JSON.stringify(id)} in ${directory}`,
      remedy: suggest(id, known) ?? "crun runs lists them.",
    });
  }
  const { records, length, damagedLine } = parseJournal(bytes);
  if (damagedLine !== undefined) throw unreadable(id, `its line ${damagedLine} is damaged, and others follow`);
  const history = new History(records);
  const { run } = history;
  if (!run) throw unreadable(id, "it says not even what was asked: the run did nothing");
  if (run.version !== JOURNAL_VERSION)
    throw unreadable(id, `it has version ${run.version}, this crun reads ${JOURNAL_VERSION}`);
  const worker = workerOn(own, history);
  const life = worker && (worker.life === "alive" ? "going on" : "elsewhere");
  return { id, state: life ?? stateOf(history), worker, history, run, length };
}

function unreadable(id: string, why: string, cause?: unknown): CrunError {
  const detail = cause instanceof Error ? { detail: cause.message } : {};
  return new CrunError({
    severity: "error",
    summary: `the journal of the run ${id} cannot be read: ${why}`,
    ...detail,
    remedy: "Play the playbook anew: tasks that find everything as described change nothing.",
  });
}

function workerOn(directory: string, { runner, exitStatus }: History): Worker | undefined {
  return liveWriter(directory) ?? (exitStatus === undefined ? workerOf(runner) : undefined);
}

function stateOf({ exitStatus }: History): Exclude<RunState, "going on" | "elsewhere" | "unreadable"> {
  switch (exitStatus) {
    case undefined:
      return "killed";
    case 0:
      return "finished";
    case 130:
      return "interrupted";
    default:
      return "failed";
  }
}
