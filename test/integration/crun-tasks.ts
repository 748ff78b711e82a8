// Runs tasks by the built crun on a tree of this machine, and tells what came of each.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";

/** The bundle that `npm run build` makes. */
export const crunPath = join(repositoryRoot(), "dist", "crun.js");

/** One task: a module and its params, and keys of the task such as check_mode. */
export type Task = Readonly<Record<string, unknown>>;

export interface Told {
  readonly status: string;
  readonly message: string;
  readonly remedy: string;
  readonly warnings: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

interface Event {
  readonly event: string;
  readonly status: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly warnings: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

/** Runs the tasks in order on a tree of this machine (a path) or on any other target; one that fails does not end the run. */
export async function runTasks(
  scope: Scope,
  target: string,
  tasks: readonly Task[],
  more: readonly string[] = [],
): Promise<readonly Told[]> {
  const playbook = join(scope.tempDir("play"), "site.yml");
  writeFileSync(
    playbook,
    JSON.stringify([
      {
        hosts: target.startsWith("/") ? `local:${target}` : target,
        gather_facts: false,
        tasks: tasks.map((task) => ({ ignore_errors: true, ...task })),
      },
    ]),
  );
  const { stdout, stderr } = await crun(["play", "--output", "json", ...more, playbook]);
  const told = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Event => JSON.parse(line) as Event)
    .filter(({ event }) => event === "result")
    .map(({ status, message = "", remedy = "", warnings, result }) => ({
      status: status === "ignored" ? "failed" : status,
      message: message || String(result["msg"] ?? ""),
      remedy,
      warnings,
      result,
    }));
  assert.equal(told.length, tasks.length, `${stderr}\n${stdout}`);
  return told;
}

/** Runs crun and waits for its end, whatever its status. */
export function crun(
  args: readonly string[],
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [crunPath, ...args], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

/** Asserts the states of all tasks at once, so that a failure shows them together. */
export function assertStates(told: readonly Told[], states: readonly string[]): void {
  assert.deepEqual(
    told.map((one) => one.status),
    states,
    told.map((one, index) => `${index + 1}: ${one.status} ${one.message}`).join("\n"),
  );
}
