// What a host's systemd and machined tell of its machines, read into rows.

import { machineNameProblem, machineUnit, standardTrees } from "./unit.js";

/** A machine of a host, whether it runs or not. Numbers are bytes, processes, percent of one CPU; undefined: not known or none. */
export interface ListedMachine {
  readonly name: string;
  readonly unit: string;
  /** Its tree on the host. */
  readonly path: string;
  readonly state: "running" | "starting" | "stopping" | "failed" | "stopped";
  /** What its init has said of itself. */
  readonly says: string | undefined;
  readonly isEnabled: boolean;
  /** The pid of its init on the host. */
  readonly leader: number | undefined;
  readonly addresses: readonly string[];
  readonly os: string | undefined;
  /** ISO 8601, UTC. */
  readonly since: string | undefined;
  readonly memory: number | undefined;
  readonly memoryMax: number | undefined;
  readonly tasks: number | undefined;
  readonly tasksMax: number | undefined;
  readonly cpuMax: number | undefined;
}

/** What `systemctl show` is asked for. */
export const listedProperties = [
  "Id",
  "ActiveState",
  "StatusText",
  "UnitFileState",
  "ActiveEnterTimestamp",
  "MemoryCurrent",
  "MemoryMax",
  "TasksCurrent",
  "TasksMax",
  "CPUQuotaPerSecUSec",
].join(",");

/** Texts of files and programs about one machine. */
export interface MachineTexts {
  readonly name: string;
  /** Of /run/systemd/machines/NAME. */
  readonly registered: string | undefined;
  /** Of its drop-in. */
  readonly dropIn: string | undefined;
}

/** Names of machines from names of files: settings, links, drop-ins, registrations. Sorted. */
export function namesIn(paths: readonly string[]): string[] {
  const names = paths.flatMap((path) => {
    const last = path.replace(/^.*\//, "");
    const name =
      /^systemd-nspawn@(.+)\.service$/.exec(last)?.[1] ??
      /^(.+)\.nspawn$/.exec(last)?.[1] ??
      (last.includes(":") ? "" : last);
    return machineNameProblem(name) === undefined ? [name] : [];
  });
  return [...new Set(names)].sort();
}

/** `show`: of `systemctl show`, blocks of lines; `machined`: the JSON of `machinectl list`. */
export function listedMachines(texts: readonly MachineTexts[], show: string, machined: string): ListedMachine[] {
  const units = new Map(blocksOf(show).map((block) => [block.get("Id") ?? "", block]));
  const known = runningOf(machined);
  return texts.map(({ name, registered, dropIn }) => {
    const own = linesOf(registered ?? "");
    const unit = own.get("SCOPE") ?? machineUnit(name);
    const shown = units.get(unit) ?? new Map<string, string>();
    const running = known.get(name);
    const leader = Number(own.get("LEADER"));
    const directory = /--directory=(?:"((?:[^"\\]|\\.)*)"|(\S+))\s*$/m.exec(dropIn ?? "");
    const elsewhere = (directory?.[1]?.replace(/\\(.)/g, "$1") ?? directory?.[2])
      ?.replaceAll("%%", "%")
      .replaceAll("$$", "$");
    return {
      name,
      unit,
      path: own.get("ROOT") ?? elsewhere ?? `${standardTrees}/${name}`,
      state: stateOf(shown.get("ActiveState"), registered !== undefined),
      says: /^Container running: (.+)$/.exec(shown.get("StatusText") ?? "")?.[1],
      isEnabled: shown.get("UnitFileState") === "enabled",
      leader: Number.isSafeInteger(leader) && leader > 0 ? leader : undefined,
      addresses: running?.addresses ?? [],
      os: running?.os,
      since: registered === undefined ? undefined : isoOf(shown.get("ActiveEnterTimestamp")),
      memory: numberOf(shown.get("MemoryCurrent")),
      memoryMax: numberOf(shown.get("MemoryMax")),
      tasks: numberOf(shown.get("TasksCurrent")),
      tasksMax: numberOf(shown.get("TasksMax")),
      cpuMax: percentOf(shown.get("CPUQuotaPerSecUSec")),
    };
  });
}

function stateOf(active: string | undefined, isRegistered: boolean): ListedMachine["state"] {
  if (active === "activating") return "starting";
  if (active === "deactivating") return "stopping";
  if (active === "failed") return "failed";
  return active === "active" || isRegistered ? "running" : "stopped";
}

function linesOf(text: string): Map<string, string> {
  const pairs = text.split("\n").flatMap((line): [string, string][] => {
    const at = line.indexOf("=");
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
  });
  return new Map(pairs);
}

function blocksOf(text: string): Map<string, string>[] {
  return text.split("\n\n").map(linesOf);
}

interface Running {
  readonly addresses: readonly string[];
  readonly os: string | undefined;
}

function runningOf(json: string): Map<string, Running> {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    // machinectl of an old systemd, or none: no more is known than what the files say.
    return new Map();
  }
  const rows = Array.isArray(list) ? (list as readonly unknown[]) : [];
  return new Map(
    rows.flatMap((row): [string, Running][] => {
      if (typeof row !== "object" || row === null) return [];
      const { machine, os, version, addresses } = row as Readonly<Record<string, unknown>>;
      if (typeof machine !== "string") return [];
      const words = [os, version].filter((one) => typeof one === "string" && one !== "");
      const lines =
        typeof addresses === "string" ? addresses.split(/[\s,]+/).filter((one) => one !== "" && one !== "…") : [];
      return [[machine, { addresses: lines, os: words.length === 0 ? undefined : words.join(" ") }]];
    }),
  );
}

/** `infinity`, `[not set]` and nothing are none. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,19}$/.test(text) && Number(text) < 2 ** 63 ? Number(text) : undefined;
}

/** `800ms`, `1.5s`: CPU time in a second of time. */
function percentOf(text: string | undefined): number | undefined {
  const factors: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60 };
  const parts = (text ?? "").split(" ").map((part) => /^([\d.]+)(us|ms|s|min)$/.exec(part));
  if (parts.some((part) => part === null)) return undefined;
  const seconds = parts.reduce((sum, part) => sum + Number(part?.[1]) * (factors[part?.[2] ?? ""] ?? 0), 0);
  return Math.round(seconds * 10_000) / 100;
}

/** `Mon 2026-11-30 02:17:29.477560 UTC`. */
function isoOf(text: string | undefined): string | undefined {
  const [, date, time] = /^\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC$/.exec(text ?? "") ?? [];
  return date === undefined || time === undefined ? undefined : `${date}T${time}Z`;
}
