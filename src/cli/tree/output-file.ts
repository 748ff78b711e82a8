// Where an export goes: standard output, or a file that gets its name when it is whole.

import { write } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { CrunError } from "../../diagnostic/diagnostic.js";
import { whyUnreadable } from "../../diagnostic/unreadable.js";

const fullPauseMs = 5;

export interface Output {
  /** Resolves when more may be written, also when nothing can be written any more. */
  write(data: Uint8Array): void | Promise<void>;
  /** Resolves when nothing more can be written. */
  readonly failed: Promise<void>;
  /** Why. */
  problem(): CrunError | undefined;
  /** All is written: the file gets its name. Rejects with a CrunError. */
  finish(): Promise<void>;
  /** Nothing of it stays. */
  discard(): Promise<void>;
}

/** `-`: standard output. Rejects with a CrunError where the file cannot be made. */
export function openOutput(file: string): Promise<Output> {
  return file === "-" ? Promise.resolve(standardOutput()) : openFile(file);
}

async function openFile(file: string): Promise<Output> {
  const part = `${file}.part-${process.pid}`;
  // A tree holds what only root may read.
  const handle = await open(part, "wx", 0o600).catch((error: unknown) => {
    throw problemOf(file, error);
  });
  const trouble = new Trouble(file);
  let writes: Promise<unknown> = Promise.resolve();
  return {
    failed: trouble.happened,
    problem: () => trouble.problem,
    write: (data) => {
      const written = writes.then(async () => {
        if (trouble.problem) return;
        for (let at = 0; at < data.length;) at += (await handle.write(data, at)).bytesWritten;
      });
      writes = written.catch((error: unknown) => trouble.note(error));
      return writes.then(() => undefined);
    },
    finish: async () => {
      await writes;
      if (trouble.problem) throw trouble.problem;
      try {
        await handle.sync();
        await handle.close();
        await rename(part, file);
      } catch (error) {
        throw problemOf(file, error);
      }
    },
    discard: async () => {
      await writes;
      // Whatever is wrong with it was told already.
      await handle.close().catch(() => undefined);
      await unlink(part).catch(() => undefined);
    },
  };
}

/** By its descriptor: an error of the stream would end the process. */
function standardOutput(): Output {
  const trouble = new Trouble("standard output");
  let writes: Promise<unknown> = Promise.resolve();
  return {
    failed: trouble.happened,
    problem: () => trouble.problem,
    write: (data) => {
      const written = writes.then(async () => {
        for (let at = 0; at < data.length && !trouble.problem;) at += await writeSome(1, data, at);
      });
      writes = written.catch((error: unknown) => trouble.note(error));
      return writes.then(() => undefined);
    },
    finish: async () => {
      await writes;
      if (trouble.problem) throw trouble.problem;
    },
    discard: () => Promise.resolve(),
  };
}

/** A pipe that is full and does not block is asked again. */
async function writeSome(descriptor: number, data: Uint8Array, at: number): Promise<number> {
  const { bytesWritten, isFull } = await new Promise<{ bytesWritten: number; isFull: boolean }>((resolve, reject) => {
    write(descriptor, data, at, data.length - at, null, (error, count) => {
      if (error && error.code !== "EAGAIN") reject(error);
      else resolve({ bytesWritten: error ? 0 : count, isFull: error !== null });
    });
  });
  if (isFull) await setTimeout(fullPauseMs);
  return bytesWritten;
}

/** The first thing that went wrong. */
class Trouble {
  readonly happened: Promise<void>;
  readonly #name: string;
  #problem: CrunError | undefined;
  #tell: () => void = () => undefined;

  constructor(name: string) {
    this.#name = name;
    this.happened = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  get problem(): CrunError | undefined {
    return this.#problem;
  }

  note(error: unknown): void {
    this.#problem ??= problemOf(this.#name, error);
    this.#tell();
  }
}

function problemOf(file: string, error: unknown): CrunError {
  const { reason } = whyUnreadable(error);
  const remedy = "What is there already stays as it was. Name another place, or mend that one.";
  return new CrunError({ severity: "error", summary: `${file} cannot be written: ${reason}`, remedy }, 2);
}
