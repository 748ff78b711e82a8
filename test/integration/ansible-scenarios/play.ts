// Runs playbooks with the built crun and reads its JSON lines.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built program. */
export const crun = fileURLToPath(new URL("../../../../dist/crun.js", import.meta.url));

/** What a run told. */
export interface Report {
  readonly exitStatus: number;
  readonly stderr: string;
  /** Results of the tasks by target, in order. */
  readonly results: ReadonlyMap<string, readonly TaskResult[]>;
}

/** The event of one task's result. */
export interface TaskResult {
  readonly event: string;
  readonly target: string;
  readonly status: string;
  readonly message?: string;
  readonly warnings: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

/** Plays the playbooks in one run. */
export function play(playbooks: readonly string[], flags: readonly string[] = []): Promise<Report> {
  if (playbooks.length === 0) return Promise.resolve({ exitStatus: 0, stderr: "", results: new Map() });
  assert.ok(existsSync(crun));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [crun, "play", "--output", "json", ...flags, ...playbooks],
      { maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const results = new Map<string, TaskResult[]>();
        for (const line of stdout.split("\n")) {
          if (line === "") continue;
          const event = JSON.parse(line) as TaskResult;
          if (event.event === "result") results.set(event.target, [...(results.get(event.target) ?? []), event]);
        }
        resolve({ exitStatus: typeof error?.code === "number" ? error.code : 0, stderr, results });
      },
    );
  });
}
