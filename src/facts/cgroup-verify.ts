// Whether limits that were set are in force: the kernel's files and systemd's own view, read back and compared.

import type { Change } from "../module/change.js";
import type { Refusal, Seen } from "../module/contract.js";
import type { ExecObservation, ExecProbe, ReadObservation, ReadProbe } from "../module/probe.js";
import type { CgroupLayout } from "./cgroup-layout.js";
import { isSameLimit, limitNames, limitText, type LimitName, type Limits, type LimitValue } from "./cgroup-limits.js";
import {
  cgroupDirectory,
  dropInDirectory,
  dropInName,
  limitFile,
  type CgroupPlace,
  type LimitProbes,
} from "./cgroup-place.js";
import { planFiles, type currentLimits, type NumberedDevice } from "./cgroup-plan.js";
import { unitPropertyNames } from "./cgroup-unit.js";
import { bytesText } from "./process-limits.js";

/** What the module cgroup looks at beyond a place's limits. */
export interface VerifyProbes extends LimitProbes {
  /** Memory in use, where it is told. */
  readonly inUse: readonly ReadProbe[];
  readonly shown: readonly ExecProbe[];
}

type Current = ReturnType<typeof currentLimits>;

/** What systemd goes by, asked once a drop-in was written. */
export function shownProbe(unit: string): ExecProbe {
  const properties = [...Object.values(shownProperties), "DropInPaths"].join(",");
  return {
    kind: "exec",
    at: "host",
    exec: { argv: ["systemctl", "show", `--property=${properties}`, "--", unit], user: "root" },
  };
}

/** cpu_max has another name where it is shown. */
const shownProperties: Readonly<Record<LimitName, string>> = { ...unitPropertyNames, cpu_max: "CPUQuotaPerSecUSec" };

const spans: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1e6, min: 6e7, h: 3.6e9 };

/** A span of time as systemd shows it (`1.500s`, `1min 30s`) in micro-seconds. */
function microseconds(text: string): number | undefined {
  let sum = 0;
  for (const word of text.split(" ")) {
    const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(us|ms|s|min|h)$/.exec(word) ?? [];
    if (number === undefined) return undefined;
    sum += Number(number) * (spans[unit] ?? 0);
  }
  return sum;
}

/** A property's text as a limit; undefined: it says nothing of one. */
function shownLimit(name: LimitName, text: string): LimitValue | undefined {
  if (text === "infinity" || (name === "cpu_max" && text === "")) return Infinity;
  if (name === "cpu_max") {
    const span = microseconds(text);
    return span === undefined ? undefined : span / 10_000;
  }
  if (name.startsWith("cpuset")) return text.replaceAll(" ", ",");
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A drop-in that says one thing while systemd goes by another: which limits, and by whose doing. */
export function overruled(unit: string, wanted: Limits, seen: readonly ExecObservation[]): Refusal | undefined {
  const [shown] = seen;
  if (!shown || shown.exit.kind !== "exited" || shown.exit.value !== 0) return undefined;
  const properties = new Map<string, string>();
  for (const line of Buffer.from(shown.stdout).toString("utf8").split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) properties.set(line.slice(0, at), line.slice(at + 1));
  }
  const others = limitNames.flatMap((name) => {
    const value = wanted[name];
    const now = shownLimit(name, properties.get(shownProperties[name]) ?? "");
    if (value === undefined || now === undefined || isSameLimit(name, now, value)) return [];
    return [`${name} is ${valueText(name, now)}, though ${valueText(name, value)} was set`];
  });
  if (others.length === 0) return undefined;
  const own = `${dropInDirectory(unit)}/${dropInName}`;
  const files = (properties.get("DropInPaths") ?? "").split(" ").filter((path) => path !== "" && path !== own);
  return {
    message: `systemd goes by other limits of ${unit}: ${others.join("; ")}`,
    remedy:
      files.length === 0
        ? "Something else sets them: see systemctl cat."
        : `Another drop-in goes before crun's: ${files.join(", ")}.`,
  };
}

/** Limits that the kernel does not have after they were set, with both values. */
export function notTaken(
  layout: CgroupLayout,
  { unit, cgroup = "/" }: CgroupPlace,
  goal: Limits,
  names: readonly LimitName[],
  devices: readonly NumberedDevice[],
  current: Current,
): Refusal | undefined {
  if (names.length === 0 && devices.length === 0) return undefined;
  const said = names.map((name) => {
    const now = current.get(name);
    const wanted = valueText(name, goal[name] ?? Infinity);
    if (now) return `${name} is ${valueText(name, now.value)}, though ${wanted} was set`;
    const file = limitFile(layout, name);
    return `${name} was set to ${wanted}, but the kernel has no ${file?.file ?? "such file"} there`;
  });
  const byDevice = devices.map(({ limit }) => `io_max of ${limit.device} is not as it was set`);
  return {
    message: `the limits of ${unit ?? cgroup} did not take: ${[...said, ...byDevice].join("; ")}`,
    remedy:
      unit === undefined
        ? "Something else writes them, too: find out what."
        : `systemd says why: journalctl -u ${unit}; the controller may be missing there.`,
  };
}

function valueText(name: LimitName, value: LimitValue): string {
  if (name.startsWith("memory") && typeof value === "number" && value !== Infinity) return bytesText(value);
  return name === "cpu_max" && value !== Infinity ? `${value}%` : limitText(value);
}

/** Memory that is in use, for a warning. */
export function memoryInUse(layout: CgroupLayout, { cgroup }: CgroupPlace): readonly ReadProbe[] {
  if (cgroup === undefined) return [];
  const file = layout.version === 2 ? "memory.current" : "memory.usage_in_bytes";
  return [{ kind: "read", at: "host", path: `${cgroupDirectory(layout, "memory", cgroup)}/${file}`, limit: 4096 }];
}

/** A limit below what is in use: the kernel takes pages back, and kills what does not fit then. */
export function tooLittle(goal: Limits, names: readonly LimitName[], seen: readonly ReadObservation[]): string[] {
  const text = seen[0]?.content ? Buffer.from(seen[0].content).toString("latin1").trim() : "";
  const wanted = goal.memory_max;
  if (!names.includes("memory_max") || typeof wanted !== "number" || !/^\d+$/.test(text) || Number(text) <= wanted)
    return [];
  return [
    `memory_max: ${bytesText(wanted)} is less than the ${bytesText(Number(text))} in use: the kernel takes back what it can, and kills processes where that is not enough`,
  ];
}

/** What goes back where one of the changes is refused: the kernel's files of a place without systemd. */
export function undoFiles(
  layout: CgroupLayout,
  cgroup: string,
  names: readonly LimitName[],
  current: Current,
  made: readonly Change[],
): Change[] {
  const before = Object.fromEntries(
    names.flatMap((name) => {
      const now = current.get(name);
      return now ? [[name, now.value]] : [];
    }),
  );
  const directories = made.flatMap((change) => (change.kind === "makeDirectory" ? [change.path] : []));
  const removals = directories
    .reverse()
    .map((path): Change => ({ kind: "remove", at: "host", path, expect: { type: "directory" } }));
  return [...planFiles(layout, cgroup, before, [], new Map()), ...removals];
}

/** The same of a unit: its drop-in as it was. systemd takes all of a unit's properties or none. */
export function undoDropIn(unit: string, seen: Seen<LimitProbes>, made: readonly Change[]): Change[] {
  const path = `${dropInDirectory(unit)}/${dropInName}`;
  const old = seen.dropIn[0];
  const isWritten = made.some(
    (change) => change.kind === "writeFile" || (change.kind === "remove" && change.path === path),
  );
  if (!isWritten) return [];
  const restored: Change =
    old?.content && old.sha256 !== undefined
      ? {
          kind: "writeFile",
          at: "host",
          path,
          content: { sha256: old.sha256, size: old.content.length, bytes: old.content },
          mode: 0o644,
          uid: 0,
          gid: 0,
          expect: {},
        }
      : { kind: "remove", at: "host", path, expect: { type: "file" } };
  const directory: readonly Change[] = made.some((change) => change.kind === "makeDirectory")
    ? [{ kind: "remove", at: "host", path: dropInDirectory(unit), expect: { type: "directory" } }]
    : [];
  const reload: Change = {
    kind: "exec",
    at: "host",
    exec: { argv: ["systemctl", "daemon-reload"], user: "root" },
    isContained: true,
  };
  return [restored, ...directory, reload];
}
