// Compares what a task reported with what its step expects, whoever ran it; and lays out the controller's files.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Change } from "../../../src/module/change.js";
import type { Tree } from "../../module/harness.js";
import type { Scenario, Step } from "./scenario.js";

/** What came of a task. */
export interface Observed {
  readonly isFailed: boolean;
  /** Empty where nothing changed. */
  readonly changes: readonly Change[];
  readonly message: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** Accounts that have the same numbers in every Debian. */
export const accountFiles: Tree = {
  "/etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  "/etc/group": "root:x:0:\ndaemon:x:1:\nbin:x:2:\nnogroup:x:65534:\n",
};

/** Asserts status, message, warning and result keys. */
export function checkStep(
  step: Step,
  observed: Omit<Observed, "changes"> & { readonly changes: readonly unknown[] },
  where: string,
): void {
  const status = observed.isFailed ? "failed" : observed.changes.length > 0;
  assert.equal(status, step.changed, `${where} ${step.module} ${JSON.stringify(step.params)}: ${observed.message}`);
  if (typeof step.message === "string") assert.equal(observed.message, step.message, where);
  else if (step.message) assert.match(observed.message, step.message, where);
  if (step.warning) assert.match(observed.warnings.join("\n"), step.warning, where);
  for (const [key, value] of Object.entries(step.result ?? {}))
    assert.deepEqual(at(observed.result, key), value, `${where} result ${key}`);
}

/** Writes the files that lie beside the scenario's playbook. */
export function writeControllerFiles(directory: string, scenario: Scenario): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, given] of Object.entries(scenario.files ?? {})) {
    const file = typeof given === "string" ? { content: given } : given;
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (file.target !== undefined) symlinkSync(file.target, path);
    else if (file.isDirectory) mkdirSync(path, { recursive: true });
    else {
      writeFileSync(path, file.content ?? "");
      chmodSync(path, file.mode ?? 0o644);
    }
  }
}

function at(value: unknown, key: string): unknown {
  let here = value;
  for (const part of key.split("."))
    here = typeof here === "object" && here !== null ? Reflect.get(here, part) : undefined;
  return here;
}
