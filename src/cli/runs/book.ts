// The journal of one run of `crun play`: begun or gone on with, closed when the run is over.

import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { diagnosticOfSystem, whyUnreadable } from "../../diagnostic/unreadable.js";
import type { History } from "../../engine/journal/history.js";
import { Journal } from "../../engine/journal/journal.js";
import { JOURNAL_VERSION } from "../../engine/journal/records.js";
import type { Masker } from "../../engine/task/masker.js";
import { cleanLine } from "../../report/clean.js";
import type { PlayOptions } from "../options.js";
import { showWarning } from "../setup.js";
import type { FilesRead } from "./files.js";
import { keptOptions } from "./kept-options.js";
import { stillGoesOn, thenResume } from "./going-on.js";
import { newRunId, ownDirectory, removeRun, runDirectory, runIds } from "./place.js";
import { readRun, type ReadRun } from "./read.js";
import { thisRunner } from "./runner.js";
import { FileStore, giveLock, JOURNAL_FILE, liveWriter, takeLock } from "./store.js";

/** Where journals go, and how many are kept. */
export interface Keeping {
  readonly directory: string;
  readonly keep: number;
}

export class Book {
  readonly runId: string;
  readonly journal: Journal;
  /** What is done already. */
  readonly history: History | undefined;
  readonly #store: FileStore;
  readonly #directory: string;

  private constructor(
    runId: string,
    directory: string,
    length: number,
    masker: Masker,
    files: FilesRead,
    history?: History,
  ) {
    this.runId = runId;
    this.#directory = directory;
    this.#store = new FileStore(directory, length, (error) => showWarning(noMore(runId, error)));
    this.journal = new Journal(this.#store, masker, history);
    this.history = history;
    files.listen((path, digest) => this.journal.record({ kind: "files", files: { [path]: digest } }));
  }

  /** Undefined, with a warning: it cannot be written down. */
  static begin(options: PlayOptions, { directory, keep }: Keeping, masker: Masker, files: FilesRead): Book | undefined {
    const runId = newRunId();
    const own = runDirectory(directory, runId);
    try {
      ownDirectory(directory);
      prune(directory, keep - 1);
      mkdirSync(own, { mode: 0o700 });
      takeLock(own);
      const book = new Book(runId, own, 0, masker, files);
      const at = new Date().toISOString();
      book.journal.record({
        kind: "run",
        version: JOURNAL_VERSION,
        id: runId,
        at,
        runner: thisRunner(),
        directory: process.cwd(),
        playbooks: options.playbooks,
        ...keptOptions(options),
      });
      book.journal.record({ kind: "files", files: Object.fromEntries(files.digests) });
      book.journal.flush();
      return book;
    } catch (error) {
      showWarning({
        severity: "warning",
        summary: `this run is not written down, and cannot be gone on with if it is broken off: ${reasonOf(error)}`,
        remedy:
          "Name another place (--runs DIR, crun.yml runs: {directory: …}), or switch it off (--runs none, runs: none).",
      });
      return undefined;
    }
  }

  /** Goes on with a run. `isAnew`: all plays from the start. Throws a CrunError where somebody else does already. */
  static resume(
    { id, history, length }: ReadRun,
    { directory }: Keeping,
    masker: Masker,
    files: FilesRead,
    { isAnew, takesOver }: { readonly isAnew: boolean; readonly takesOver: boolean },
  ): Book {
    const own = runDirectory(directory, id);
    const holder = takeLock(own, takesOver);
    if (holder) throw stillGoesOn(id, holder, thenResume(id));
    history.prepare();
    if (isAnew) history.startAnew();
    const book = new Book(id, own, length, masker, files, history);
    book.journal.record({ kind: "resume", at: new Date().toISOString(), runner: thisRunner(), isAnew });
    book.journal.record({ kind: "files", files: Object.fromEntries(files.digests) });
    book.journal.flush();
    return book;
  }

  /** How the run is gone on with, and which handlers wait for that, as text. */
  whatWaits(): string {
    const { history } = readRun(dirname(this.#directory), this.runId);
    const waiting = [...history.targets.values()].flatMap((target) => {
      const titles = [...target.pending((op) => history.titleOf(op)).values()].flatMap((one) => [...one]);
      return titles.length > 0 ? [`  ${cleanLine(target.name)}: ${titles.map(cleanLine).join(", ")}\n`] : [];
    });
    const handlers = waiting.length === 0 ? "" : `handlers that were notified and wait:\n${waiting.join("")}`;
    return `the run goes on with: crun play --resume ${this.runId}\n${handlers}`;
  }

  /** After the run, whatever came of it. `isBroken`: it did not come to its end. */
  async close(isBroken: boolean): Promise<void> {
    if (isBroken) await this.journal.end(1);
    await this.#store.close();
    giveLock(this.#directory);
  }
}

/** Leaves so many runs, the newest, and those that go on, or may. Gives those that went. */
export function prune(directory: string, keep: number): readonly string[] {
  const old = runIds(directory).slice(Math.max(0, keep));
  return old.filter((id) => {
    const worker = liveWriter(runDirectory(directory, id));
    if (worker && (worker.life === "alive" || isRecent(runDirectory(directory, id)))) return false;
    removeRun(directory, id);
    return true;
  });
}

const LONGEST_SILENCE_MS = 7 * 24 * 3_600_000;

/** What was begun elsewhere and has written nothing for so long is not going on any more. */
function isRecent(own: string): boolean {
  const stat = statSync(join(own, JOURNAL_FILE), { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs < LONGEST_SILENCE_MS;
}

function noMore(runId: string, error: unknown): Parameters<typeof showWarning>[0] {
  return {
    severity: "warning",
    summary: `the journal of the run ${runId} cannot be written any more: ${reasonOf(error)}`,
    remedy: "The run goes on, but cannot be gone on with if it is broken off: play the playbook anew then.",
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof CrunError) return error.diagnostics[0]?.summary ?? error.message;
  return diagnosticOfSystem(error)?.summary ?? whyUnreadable(error).reason;
}
