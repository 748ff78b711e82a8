// Some of the faults of a play, as the suite tries them.
import assert from "node:assert/strict";
import { must } from "../../lab/process.js";
import type { Scope } from "../../lab/scope.js";
import { FaultBench, nameOf } from "./every-call.js";

/** In memory. */
export async function benchInMemory(scope: Scope, play: string): Promise<FaultBench> {
  const directory = scope.tempDir("faults");
  await must(["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", directory]);
  scope.defer(async () => {
    await must(["umount", "--recursive", directory]);
  });
  return FaultBench.make(directory, play);
}

/** Tries one fault of so many, tells the figure, and holds each to its promise. */
export async function tryFaults(bench: FaultBench, play: string, every: number): Promise<void> {
  const { faults } = bench;
  const tried = faults.filter((_, index) => index % every === 0);
  const problems: string[] = [];
  const ends = new Map<string, number>();
  for (const fault of tried) {
    const verdict = await bench.try(fault);
    const end = verdict.fired ? `status ${verdict.exitStatus}` : "never came to it";
    ends.set(end, (ends.get(end) ?? 0) + 1);
    if (verdict.problems.length > 0)
      problems.push(`${nameOf(fault)}: ${verdict.problems.join("; ")}; told: ${verdict.told.join("; ")}`);
  }
  const shown = [...ends].map(([end, count]) => `${end}: ${count}`).join(", ");
  process.stdout.write(
    `figure: ${play}: ${bench.calls.length} system calls, ${tried.length} of ${faults.length} faults tried (${shown}), ${tried.length - problems.length} converged\n`,
  );
  assert.deepEqual(problems, []);
  assert.ok((ends.get("status 2") ?? 0) + (ends.get("status 4") ?? 0) > tried.length / 4, "faults were done");
}
