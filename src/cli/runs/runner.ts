// Which process a run is: its number, when it began, since when the machine runs, and which machine that is.

import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Runner } from "../../engine/journal/records.js";
import { userAtHost } from "../user-at-host.js";

export function thisRunner(): Runner {
  return {
    pid: process.pid,
    ticks: ticksOf("self") ?? "",
    boot: bootId(),
    machine: machineId(),
    pids: pidNamespace(),
    by: userAtHost(),
  };
}

/** `elsewhere`: on another machine, or in a container of its own, into which nobody sees from here. */
export type Life = "alive" | "dead" | "elsewhere";

/** Whether the process is there still: not another one of its number. */
export function lifeOf({ pid, ticks, boot, machine, pids }: Runner): Life {
  if (boot !== bootId()) return machine === undefined || machine === machineId() ? "dead" : "elsewhere";
  if (pids !== undefined && pids !== pidNamespace()) return "elsewhere";
  return ticks !== "" && ticksOf(pid) === ticks ? "alive" : "dead";
}

/** When a process began, in ticks since the machine's start. Undefined: there is none, or only its remains. */
export function ticksOf(pid: number | "self"): string | undefined {
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

/** With its name: machines that were cloned often have one id. Hashed: it is not for others (machine-id(5)). */
function machineId(): string {
  let id = "";
  try {
    id = readFileSync("/etc/machine-id", "latin1").trim();
  } catch {
    // Its name has to do.
  }
  return createHash("sha256").update(`crun ${id} ${hostname()}`).digest("hex").slice(0, 16);
}

/** Which processes the numbers are of. */
export function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
  } catch {
    // A kernel without such namespaces has but one.
    return "";
  }
}
