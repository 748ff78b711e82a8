// What the benchmarks of the 36-task play share: the play, the script that does the same by hand, and how figures are shown.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lab/process.js";
import type { Sample } from "./measure.js";

const root = repositoryRoot();
export const crun = join(root, "dist", "crun.js");
export const bench = join(root, "test", "bench");
export const script = join(bench, "converge.sh");

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One figure, with what it is to be held to. */
export function row(what: string, value: string, aim = ""): void {
  say(`  ${what.padEnd(58)} ${value.padStart(12)}${aim === "" ? "" : `   (aim: ${aim})`}`);
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
export const treeNames = (count: number): string[] => Array.from({ length: count }, (_, index) => `web${1000 + index}`);

/** Changed tasks of all targets, from the recap that ends `--output json`. */
export function changedTasks(output: string): number {
  const last: unknown = JSON.parse(output.trim().split("\n").at(-1) ?? "");
  assert.ok(typeof last === "object" && last !== null && "targets" in last, output.slice(-2000));
  assert.ok(typeof last.targets === "object" && last.targets !== null);
  return Object.values(last.targets).reduce((sum: number, counts: Record<string, number>) => {
    assert.equal((counts["failed"] ?? 0) + (counts["unreachable"] ?? 0), 0, output.slice(-2000));
    return sum + (counts["changed"] ?? 0);
  }, 0);
}

export function hasEndedWell(sample: Sample): void {
  assert.equal(sample.status, 0);
}

/** An inventory of trees of one host, in the group `web`. Returns its path. */
export function writeInventory(
  directory: string,
  host: string,
  names: readonly string[],
  vars: readonly string[],
): string {
  const file = join(directory, `${host}-${names.length}.ini`);
  const lines = ["[web]", ...names.map((name) => `${host}:${name}`), "", "[all:vars]", ...vars];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}
