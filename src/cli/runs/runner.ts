// Which process a run is: its number, when it began, and since when the machine runs.

import { readFileSync } from "node:fs";
import type { Runner } from "../../engine/journal/records.js";
import { userAtHost } from "../user-at-host.js";

export function thisRunner(): Runner {
  return { pid: process.pid, ticks: ticksOf("self") ?? "", boot: bootId(), by: userAtHost() };
}

/** Whether the process is there still: not another one of its number. */
export function isAlive({ pid, ticks, boot }: Runner): boolean {
  return boot === bootId() && ticks !== "" && ticksOf(pid) === ticks;
}

/** When a process began, in ticks since the machine's start. Undefined: there is none, or only its remains. */
function ticksOf(pid: number | "self"): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name before the last parenthesis may hold anything; the state is the field after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    // There is no such process.
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    // Without it a machine that was started again cannot be told from one that runs on.
    return "";
  }
}
