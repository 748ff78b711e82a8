// Limits as params of modules: their names and words, and what they come to.

import type { ParamSpecs, ParamsOf } from "../module/param.js";
import type { StatObservation, StatProbe } from "../module/probe.js";
import type { CgroupLayout } from "./cgroup-layout.js";
import {
  deviceNumber,
  limitNames,
  parseDevices,
  parseLimit,
  type DeviceLimit,
  type LimitName,
  type Limits,
  type LimitValue,
} from "./cgroup-limits.js";
import { limitFile } from "./cgroup-place.js";
import type { NumberedDevice } from "./cgroup-plan.js";

/** Params of modules that set limits. */
export const limitParams = {
  memory_max: { type: "str", doc: "Memory that may be used at most: `512M`, `1.5G`, bytes, `max`." },
  memory_high: { type: "str", doc: "Memory above which the kernel slows and reclaims (v2)." },
  memory_low: { type: "str", doc: "Memory that is spared from reclaim as long as possible (v2)." },
  memory_min: { type: "str", doc: "Memory that is never reclaimed (v2)." },
  memory_swap_max: { type: "str", doc: "Swap that may be used at most (v2)." },
  cpu_max: {
    type: "str",
    doc: "CPU time: `150%` of one CPU, `1.5` CPUs, `50000 100000` micro-seconds in a period, `max`.",
  },
  cpu_weight: { type: "str", doc: "Share where CPUs are busy, 1 to 10000, default 100." },
  pids_max: { type: "str", doc: "Processes and threads at most." },
  io_weight: { type: "str", doc: "Share where disks are busy, 1 to 10000, default 100." },
  io_max: {
    type: "list",
    elements: "dict",
    doc: "Per device (`device`: path on the host or MAJOR:MINOR): rbps, wbps, riops, wiops.",
  },
  cpuset_cpus: { type: "str", doc: "CPUs that may be used: `0-3,7`." },
  cpuset_mems: { type: "str", doc: "Memory nodes that may be used." },
} as const satisfies ParamSpecs;

export type LimitWish = Partial<ParamsOf<typeof limitParams>>;

export interface WantedLimits {
  readonly limits: Limits;
  readonly devices: readonly DeviceLimit[];
}

/** The limits in their normal form, or a sentence for the first that makes no sense. */
export function wantedLimits(given: LimitWish): WantedLimits | { readonly problem: string } {
  const limits: Partial<Record<LimitName, LimitValue>> = {};
  for (const name of limitNames) {
    const text = given[name];
    if (text === undefined) continue;
    const parsed = parseLimit(name, text);
    if ("problem" in parsed) return { problem: `${name}: ${parsed.problem}` };
    limits[name] = parsed.value;
  }
  const devices = parseDevices(given.io_max ?? []);
  if ("problem" in devices) return devices;
  return { limits, devices: devices.value };
}

/** Controllers that the limits belong to. */
export function controllersOf(layout: CgroupLayout, wanted: WantedLimits): string[] {
  const named = limitNames.flatMap((name) =>
    wanted.limits[name] === undefined ? [] : [limitFile(layout, name)?.controller ?? ""],
  );
  const io = layout.version === 2 ? "io" : "blkio";
  return [...new Set([...named, ...(wanted.devices.length > 0 ? [io] : [])])].filter(Boolean).sort();
}

/** Looks at the devices that are named by their paths, in order. */
export function deviceProbes(devices: readonly Readonly<Record<string, unknown>>[] | undefined): StatProbe[] {
  return (devices ?? []).flatMap(({ device }): StatProbe[] =>
    typeof device === "string" && device.startsWith("/")
      ? [{ kind: "stat", at: "host", path: device, follow: true }]
      : [],
  );
}

/** Devices with the kernel's numbers for them; `seen` answers `deviceProbes`. */
export function numberDevices(
  devices: readonly DeviceLimit[],
  seen: readonly StatObservation[],
): { readonly devices: readonly NumberedDevice[] } | { readonly problem: string } {
  const byPath = seen.map(({ stat }) => (stat?.type === "block" ? deviceNumber(stat.rdev) : undefined));
  let path = 0;
  const numbered: NumberedDevice[] = [];
  for (const limit of devices) {
    const number = limit.device.startsWith("/") ? byPath[path++] : limit.device;
    if (number === undefined) return { problem: `${limit.device} is no block device of the host` };
    numbered.push({ number, limit });
  }
  return { devices: numbered };
}
