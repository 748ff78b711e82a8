// Runs the built crun as a user does, in a directory and with a HOME of its own, and reads what it told.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run, type RunOptions } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";
import { crunPath } from "./crun-tasks.js";

/** What one run left: its exit status and both streams. */
export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams. */
  readonly all: string;
}

/** A task's result on a target, as `--output json` tells it. */
export interface Result {
  readonly event: "result";
  readonly play: string;
  readonly task: string;
  readonly module: string;
  readonly target: string;
  readonly status: string;
  readonly isHandler: boolean;
  readonly isIgnored: boolean;
  readonly isRescued: boolean;
  readonly mayChange: boolean;
  readonly result: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly remedy?: string;
}

export type Counts = Readonly<Record<"ok" | "changed" | "failed" | "skipped" | "unreachable", number>>;

/** A run with `--output json`, read. */
export interface Told extends Ran {
  readonly results: readonly Result[];
  readonly recap: Readonly<Record<string, Counts>>;
}

/** A directory of files by path, with a HOME beside them in which nothing of the machine's user is. */
export class Workplace {
  readonly directory: string;
  readonly home: string;

  constructor(scope: Scope, files: Readonly<Record<string, string>> = {}) {
    const root = scope.tempDir("work");
    this.directory = join(root, "work");
    this.home = join(root, "home");
    mkdirSync(this.directory);
    mkdirSync(this.home);
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): string {
    const full = join(this.directory, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  get environment(): Record<string, string | undefined> {
    return {
      ...process.env,
      HOME: this.home,
      XDG_STATE_HOME: join(this.home, "state"),
      SSH_AUTH_SOCK: undefined,
      CRUN_INVENTORY: undefined,
      NO_COLOR: "1",
    };
  }

  /** Runs crun here. No run may show a stack of JavaScript, whatever went wrong. */
  async crun(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const done = await run([process.execPath, crunPath, ...args], {
      cwd: this.directory,
      env: this.environment,
      ...options,
    });
    const ran = { ...done, all: done.stdout + done.stderr };
    assertNoStack(ran.all);
    return ran;
  }

  /** Plays with `--output json`. */
  async play(args: readonly string[], options: RunOptions = {}): Promise<Told> {
    const ran = await this.crun(["play", "--output", "json", ...args], options);
    return { ...ran, ...readEvents(ran.stdout) };
  }

  /** Starts crun here and leaves it to the caller. */
  start(args: readonly string[], stdin: "pipe" | "ignore" = "ignore", env = this.environment): Started {
    const child = spawn(process.execPath, [crunPath, ...args], {
      cwd: this.directory,
      env,
      stdio: [stdin, "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<Ran>((resolve) => {
      child.once("close", (status, signal) => resolve({ status, signal, stdout, stderr, all: stdout + stderr }));
    });
    return {
      pid: child.pid ?? 0,
      kill: (signal) => child.kill(signal),
      closeInput: () => child.stdin?.end(),
      shown: () => stdout + stderr,
      ended,
    };
  }
}

/** A crun that may still run. */
export interface Started {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => boolean;
  readonly closeInput: () => void;
  /** Both streams so far. */
  readonly shown: () => string;
  readonly ended: Promise<Ran>;
}

export function assertNoStack(text: string): void {
  assert.doesNotMatch(text, /^\s+at .*(\.[cm]?[jt]s:\d+|node:\w|<anonymous>|\(native\))/m, `shows a stack:\n${text}`);
  assert.doesNotMatch(text, /This is a bug in crun/, text);
}

/** Results and recap from the lines of `--output json`. */
export function readEvents(stdout: string): Pick<Told, "results" | "recap"> {
  const results: Result[] = [];
  let recap: Readonly<Record<string, Counts>> = {};
  for (const line of stdout.split("\n").filter((one) => one !== "")) {
    const event = JSON.parse(line) as Result | { readonly event: "recap"; readonly targets: typeof recap };
    if (event.event === "result") results.push(event);
    if (event.event === "recap") recap = event.targets;
  }
  return { results, recap };
}

/** What went on, short enough for the message of an assertion that fails. */
export function brief(told: Told): string {
  const shown = told.results.map(({ target, task, status, mayChange, message = "" }) => {
    const unsure = mayChange ? " (may change)" : "";
    return `${target} ${task}: ${status}${unsure} ${status === "failed" ? message : ""}`;
  });
  return [`status ${told.status}`, ...shown, JSON.stringify(told.recap), told.stderr].join("\n");
}

/** One line for each result: its task and what became of it. */
export function lines(results: readonly Result[]): string[] {
  return results.map((one) => `${one.task}: ${one.status}`);
}

/**
 * Holds check mode to its word: the same tasks in the same order with the same status as in the run that followed.
 *
 * How "may change" counts: check mode marks what it cannot know, and still tells what it expects. `unsure` must name exactly the tasks that it
 * marks, lest it hide behind the mark; `unforetold`, some of those, exactly the ones that came out otherwise or not at all. All others
 * are held to their status.
 */
export function assertForetold(
  check: Told,
  done: Told,
  { unsure, unforetold = [] }: { readonly unsure: readonly string[]; readonly unforetold?: readonly string[] },
): void {
  const others = (results: readonly Result[]): string[] =>
    lines(results.filter((one) => !unforetold.includes(one.task)));
  assert.deepEqual(others(check.results), others(done.results));
  for (const task of unforetold) {
    assert.ok(unsure.includes(task), `${task} was foretold as a certainty`);
    const [foretold, came] = [check, done].map(({ results }) => lines(results.filter((one) => one.task === task)));
    assert.notDeepEqual(foretold, came, `${task} is foretold after all`);
  }
  const marked = check.results.filter((one) => one.mayChange).map((one) => one.task);
  assert.deepEqual(marked, unsure);
  assert.ok(!done.results.some((one) => one.mayChange), "a real run knows");
}
