// Limits of a process: what a playbook or a command line says of them, and what a limit that was reached did to it.

import { suggest } from "../diagnostic/near.js";
import type { Exit } from "../module/probe.js";
import { limitNames, parseAmount, parseLimit, type LimitName, type Limits, type LimitValue } from "./cgroup-limits.js";

/** Limits as they were written, by name: `{ memory_max: "64M" }`. */
export type WrittenLimits = Readonly<Record<string, string>>;

/** The variable that holds the limits of all programs on a target. */
export const LIMITS_VARIABLE = "crun_limits";

/** What is wrong with a limit, and what to do about it. */
export interface LimitProblem {
  readonly problem: string;
  readonly remedy?: string | undefined;
}

function limitName(name: string): LimitName | undefined {
  return limitNames.find((one) => one === name);
}

/** What is wrong with one limit; undefined: nothing. */
export function problemOfLimit(name: string, value: unknown): LimitProblem | undefined {
  const known = limitName(name);
  if (name === "io_max")
    return {
      problem: "io_max cannot be set for a process",
      remedy: "Limit the devices of a unit with the cgroup module.",
    };
  if (!known)
    return {
      problem: `there is no limit ${JSON.stringify(name)}`,
      remedy: suggest(name, limitNames) ?? `There are ${limitNames.join(", ")}.`,
    };
  if (typeof value !== "string" && typeof value !== "number")
    return { problem: `${name} must be an amount, not ${JSON.stringify(value) ?? "nothing"}` };
  const parsed = parseLimit(known, String(value));
  if ("problem" in parsed) return { problem: `${name}: ${parsed.problem}` };
  if (known.startsWith("cpuset") && parsed.value === "") return { problem: `${name} is empty` };
  return undefined;
}

/** A map's limits, checked. `isLeftOut` says which values count as not written. */
export function writtenLimits(
  map: Readonly<Record<string, unknown>>,
  isLeftOut: (value: unknown) => boolean = () => false,
): { readonly limits: WrittenLimits } | LimitProblem {
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(map)) {
    if (isLeftOut(value)) continue;
    const problem = problemOfLimit(name, value);
    if (problem) return problem;
    written[name] = String(value).trim();
  }
  return { limits: written };
}

/** `memory_max=64M`, as on the command line. */
export function parseWrittenLimit(text: string): readonly [string, string] | LimitProblem {
  const at = text.indexOf("=");
  if (at < 1) return { problem: `${JSON.stringify(text)} is no limit`, remedy: "Write NAME=VALUE: memory_max=64M." };
  const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  return problemOfLimit(name, value) ?? [name, value];
}

/** Limits in their normal form. Those that are no limit (`max`) are left out: nothing has to be set for them. */
export function limitsOf(written: WrittenLimits): Limits {
  const limits: Partial<Record<LimitName, LimitValue>> = {};
  for (const [name, text] of Object.entries(written)) {
    const known = limitName(name);
    const parsed = known && parseLimit(known, text);
    if (known && parsed && "value" in parsed && parsed.value !== Infinity) limits[known] = parsed.value;
  }
  return limits;
}

/** `memory_max=64M pids_max=20`. */
export function writtenText(written: WrittenLimits): string {
  return Object.entries(written)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** `64 MiB`; what is no whole number of a unit in bytes. */
export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let index = 0;
  let value = bytes;
  while (value >= 1024 && Number.isInteger(value / 1024) && index < units.length - 1) {
    value /= 1024;
    index++;
  }
  return `${value} ${units[index]}`;
}

/** What the kernel has counted in a process's cgroup. */
export interface LimitEvents {
  /** Times that memory ran into its limit. */
  readonly memoryReached: number;
  /** Processes that were killed for want of memory, whoever wanted it. */
  readonly oomKills: number;
  /** Times that a process could not be made. */
  readonly pidsReached: number;
}

/** What a limit did to the process; undefined: nothing. */
export function reachedText(written: WrittenLimits, events: LimitEvents, exit: Exit): string | undefined {
  const said: string[] = [];
  if (events.oomKills > 0) {
    const memory = written["memory_max"] === undefined ? undefined : parseAmount(written["memory_max"]);
    const isOwn = events.memoryReached > 0 && memory !== undefined && "value" in memory && memory.value !== Infinity;
    const isItself = exit.kind === "signaled" && exit.value === 9;
    const who = isItself
      ? "killed"
      : `${events.oomKills === 1 ? "a process" : `${events.oomKills} processes`} of it killed`;
    said.push(
      isOwn ? `${who}: memory limit of ${bytesText(memory.value)} reached` : `${who}: the memory around it ran out`,
    );
  }
  if (events.pidsReached > 0) {
    const pids = written["pids_max"] === undefined ? "" : ` of ${written["pids_max"]}`;
    said.push(`it could not make another process: the limit${pids} was reached`);
  }
  return said.length === 0 ? undefined : said.join("; ");
}
