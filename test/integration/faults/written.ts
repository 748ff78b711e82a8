// A run of a bench that is written down, as src/cli/runs/book.ts does it, so that it can be gone on with.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { JOURNAL_FILE, FileStore } from "../../../src/cli/runs/store.js";
import { thisRunner } from "../../../src/cli/runs/runner.js";
import { History } from "../../../src/engine/journal/history.js";
import { Journal } from "../../../src/engine/journal/journal.js";
import { JOURNAL_VERSION, parseJournal } from "../../../src/engine/journal/records.js";
import type { HelperStream } from "../../../src/connection/helper-stream.js";
import type { Player, Played } from "./player.js";

const runId = "mx3-bench";

/** What the journal in a directory says; undefined: there is none. */
export function historyIn(directory: string): { readonly history: History; readonly length: number } | undefined {
  const file = join(directory, JOURNAL_FILE);
  if (!existsSync(file)) return undefined;
  const { records, length, damagedLine } = parseJournal(readFileSync(file));
  if (damagedLine !== undefined) throw new Error(`line ${damagedLine} of the journal is damaged`);
  return { history: new History(records), length };
}

/** Plays from the start, or goes on where the journal in the directory ends. */
export async function playWritten(
  player: Player,
  directory: string,
  connect: () => Promise<HelperStream>,
): Promise<Played> {
  const before = historyIn(directory);
  before?.history.prepare();
  const store = new FileStore(directory, before?.length ?? 0, (error) => {
    throw error;
  });
  const journal = new Journal(store, player.masker, before?.history);
  const at = new Date().toISOString();
  if (before) journal.record({ kind: "resume", at, runner: thisRunner(), isAnew: false });
  else
    journal.record({
      kind: "run",
      version: JOURNAL_VERSION,
      id: runId,
      at,
      runner: thisRunner(),
      directory,
      playbooks: [],
      options: {},
      extraNames: [],
    });
  journal.flush();
  try {
    return await player.play(connect, { written: { journal, history: before?.history, runId } });
  } finally {
    await store.close();
  }
}
