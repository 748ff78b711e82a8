// Kills a run at a moment, alone in PID and mount namespaces of its own, so that nothing that it leaves behind can hide.
import { join } from "node:path";
import { must, repositoryRoot, type RunOptions } from "./process.js";

/** Who gets SIGKILL: the program that is run, its first child (crun's helper), or nobody. */
export type Victim = "controller" | "helper" | "nobody";

/** What came of it. */
export interface Left {
  /** The program's exit status, or the signal that ended it. */
  readonly end: string;
  /** From the moment in which its first child was there to its end. */
  readonly ranMs: number;
  /** All that it said. */
  readonly output: string;
  /** Command lines of what still runs ten seconds after its end. */
  readonly processes: readonly string[];
  /** Mount points that were not there before. */
  readonly mounts: readonly string[];
}

/**
 * Runs a program, kills `victim` `afterMs` after the program's first child has appeared, and looks at what is left. Needs root. What is mounted
 * below a shared mount stays where the test sees it; all else ends with the namespace, so that no test can harm the machine.
 */
export async function runKilled(
  argv: readonly string[],
  victim: Victim,
  afterMs: number,
  options: RunOptions = {},
): Promise<Left> {
  const namespaces = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "unchanged",
  ];
  const main = join(repositoryRoot(), "build", "test", "lab", "killed-main.js");
  const told = await must([...namespaces, "--", process.execPath, main, victim, String(afterMs), ...argv], options);
  return JSON.parse(told) as Left;
}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
