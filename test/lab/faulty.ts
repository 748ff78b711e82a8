// Helpers whose system calls go wrong: native/test/faulty, as streams of a connection.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HelperStream } from "../../src/connection/helper-stream.js";
import { must, repositoryRoot } from "./process.js";

/** A system call of the undisturbed helper. */
export interface Call {
  /** `router`, `worker.1`, `agent.1`, `runner.1`, `program.1` … */
  readonly role: string;
  /** From 1, in its process. */
  readonly number: number;
  readonly name: string;
  readonly path: string;
  /** Names of errors that it can fail with. */
  readonly errors: readonly string[];
  /** Less than was asked for can be done. */
  readonly canBeShort: boolean;
}

/** What the helper's watcher has written down. */
export interface FaultLog {
  readonly calls: readonly Call[];
  /** The call at which the fault was done, and what was done; undefined: the helper never came to it. */
  readonly fired: { readonly call: string; readonly what: string; readonly path: string } | undefined;
  /** Processes that outlived the helper by 20 seconds. */
  readonly left: readonly string[];
  /** Nothing of the helper runs any more. */
  readonly hasEnded: boolean;
  /** The controller had to kill the helper, which did not end by itself. */
  readonly wasKilled: boolean;
}

/** A helper that was started with a fault. */
export interface FaultyHelper {
  readonly stream: HelperStream;
  /** Resolves once nothing of the helper runs any more. */
  readonly ended: Promise<void>;
  /** Kills the helper's main process. */
  kill(): void;
  log(): FaultLog;
}

/** What lets faults be done; `buildFaulty` makes it. */
export const faultyProgram = join(repositoryRoot(), "native/build/crun-helper-faulty");

/** What crun uploads and starts: faults are done to the very product. */
export function productHelper(): string {
  return join(repositoryRoot(), `native/build/crun-helper-${process.arch === "arm64" ? "aarch64" : "x86_64"}`);
}

/** Builds what is needed, one test at a time: none finds what another is just linking. */
export async function buildFaulty(): Promise<void> {
  const native = join(repositoryRoot(), "native");
  await must(["flock", native, "make", "--no-print-directory", "-C", native, "faulty"]);
}

const KILL_AFTER_MS = 5000;

/** `fault`: as native/test/faulty/fault.h has it. `logFile` is written anew. */
export function startFaulty(
  fault: string,
  logFile: string,
  helper = productHelper(),
  program = faultyProgram,
): FaultyHelper {
  rmSync(logFile, { force: true });
  const child = spawn(program, [], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      LC_ALL: "C",
      CRUN_FAULT: fault,
      CRUN_FAULT_LOG: logFile,
      CRUN_FAULT_HELPER: helper,
    },
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    // It did not even start.
    child.once("error", (error) => {
      child.stdout.destroy(error);
      resolve();
    });
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // As src/connection/child-stream.ts has it; SIGTERM has the helper killed, and what it left behind found.
    const timer = setTimeout(() => child.kill("SIGTERM"), KILL_AFTER_MS);
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    await ended;
    clearTimeout(timer);
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const stream: HelperStream = {
    input: child.stdin,
    output: child.stdout,
    errors: child.stderr,
    noise: new Uint8Array(0),
    where: "this machine",
    close: () => (closing ??= close()),
  };
  return { stream, ended, kill: () => void child.kill("SIGTERM"), log: () => readLog(logFile) };
}

/** What the watcher of a helper has written down that another process has started. */
export function readLog(file: string): FaultLog {
  const lines = (existsSync(file) ? readFileSync(file, "latin1") : "").split("\n").map((line) => line.split("\t"));
  const fired = lines.find(([kind]) => kind === "fired");
  return {
    calls: lines.flatMap(([kind, role = "", number = "", name = "", path = "", errors = "", short]) =>
      kind === "call"
        ? [
            {
              role,
              number: Number(number),
              name,
              path,
              errors: errors === "" ? [] : errors.split(","),
              canBeShort: short === "short",
            },
          ]
        : [],
    ),
    fired: fired && { call: fired[3] ?? "", what: fired[4] ?? "", path: fired[5] ?? "" },
    left: lines.flatMap(([kind, pid, command]) => (kind === "left" ? [`${pid} ${command}`] : [])),
    hasEnded: lines.some(([kind]) => kind === "ended"),
    wasKilled: lines.some(([kind]) => kind === "asked to end"),
  };
}
