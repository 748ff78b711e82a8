// The file of one journal, and the lock that says who writes to it.

import {
  close,
  fdatasync,
  fsync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  closeSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { JournalStore } from "../../engine/journal/journal.js";
import type { Runner } from "../../engine/journal/records.js";
import { lifeOf, thisRunner, type Life } from "./runner.js";

export const JOURNAL_FILE = "journal";
const LOCK_FILE = "writer";

export class FileStore implements JournalStore {
  readonly #directory: string;
  readonly #fd: number;
  readonly #onTrouble: (error: unknown) => void;
  #isBroken = false;
  /** The file's name outlives the machine. */
  readonly #named: Promise<void>;
  #syncing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `length`: of what is whole; the rest of a torn line goes. `onTrouble`: told once, when nothing more is written down. */
  constructor(directory: string, length: number, onTrouble: (error: unknown) => void) {
    this.#directory = directory;
    this.#onTrouble = onTrouble;
    this.#fd = openSync(join(directory, JOURNAL_FILE), length === 0 ? "wx" : "r+", 0o600);
    if (length > 0) ftruncateSync(this.#fd, length);
    this.#at = length;
    // Nobody waits for it before something is promised: until then the playbook is compiled, and the trees are looked at.
    this.#named = syncDirectory(directory).catch((error: unknown) => this.#break(error));
  }

  #at: number;

  append(text: string): void {
    if (this.#isBroken) return;
    try {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length;) {
        const written = writeSync(this.#fd, bytes, done, bytes.length - done, this.#at);
        done += written;
        this.#at += written;
      }
    } catch (error) {
      this.#break(error);
    }
  }

  /** One that is under way does not count: what was written after it began is not in it. */
  async sync(): Promise<void> {
    const written = this.#syncing ? (this.#next ??= this.#syncing.then(() => this.#begin())) : this.#begin();
    await Promise.all([written, this.#named]);
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const done = new Promise<void>((resolve) => {
      if (this.#isBroken) return void resolve();
      fdatasync(this.#fd, (error) => {
        if (error) this.#break(error);
        this.#syncing = undefined;
        resolve();
      });
    });
    this.#syncing = this.#isBroken ? undefined : done;
    return done;
  }

  /** A journal with a hole would lie: it is put aside, so that nobody goes on with it. */
  #break(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    try {
      renameSync(join(this.#directory, JOURNAL_FILE), join(this.#directory, `${JOURNAL_FILE}.broken`));
    } catch {
      // Where not even that can be done the first trouble is the one to tell.
    }
    this.#onTrouble(error);
  }

  async close(): Promise<void> {
    await this.#next;
    await this.#syncing;
    await this.#named;
    await new Promise<void>((resolve) => close(this.#fd, () => resolve()));
  }
}

async function syncDirectory(path: string): Promise<void> {
  const fd = openSync(path, "r");
  try {
    await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())));
  } finally {
    closeSync(fd);
  }
}

/** Who works on a run, or may do so where nobody sees it from here. */
export interface Worker {
  readonly runner: Runner;
  readonly life: Exclude<Life, "dead">;
}

/** Makes this process the run's only writer. Gives who is it already, if that lives. `takesOver`: from one elsewhere. */
export function takeLock(directory: string, takesOver = false): Worker | undefined {
  const lock = join(directory, LOCK_FILE);
  // Another machine may share the directory, and have a process of the same number.
  const own = join(directory, `${LOCK_FILE}.${process.pid}.${randomBytes(4).toString("hex")}`);
  writeFileSync(own, JSON.stringify(thisRunner()), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(own, lock);
        return undefined;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      }
      const holder = runnerIn(lock);
      const worker = workerOf(holder);
      if (worker && !(takesOver && worker.life === "elsewhere")) return worker;
      // The dead one's goes; if somebody was faster it is his that went, and he is told by name the next time.
      const aside = `${own}.dead`;
      try {
        renameSync(lock, aside);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") continue;
        throw error;
      }
      const moved = runnerIn(aside);
      if (workerOf(moved) && !isSame(moved, holder)) linkSync(aside, lock);
      remove(aside);
    }
  } finally {
    remove(own);
  }
}

function isSame(one: Runner | undefined, other: Runner | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function giveLock(directory: string): void {
  remove(join(directory, LOCK_FILE));
}

/** A file that may be gone already. (rmSync with `force` has Node compile its removal of whole trees first.) */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Who holds the run's lock and lives, or may. */
export function liveWriter(directory: string): Worker | undefined {
  return workerOf(runnerIn(join(directory, LOCK_FILE)));
}

export function workerOf(runner: Runner | undefined): Worker | undefined {
  if (!runner) return undefined;
  const life = lifeOf(runner);
  return life === "dead" ? undefined : { runner, life };
}

function runnerIn(file: string): Runner | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isRunner(value) ? value : undefined;
  } catch {
    // There is none, or the machine went down while it was written: nobody's.
    return undefined;
  }
}

function isRunner(value: unknown): value is Runner {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "ticks" in value &&
    typeof value.ticks === "string" &&
    "boot" in value &&
    typeof value.boot === "string" &&
    "by" in value &&
    typeof value.by === "string"
  );
}
