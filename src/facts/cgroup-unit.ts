// Limits as systemd's properties: names, values, and the drop-in that keeps them.

import { deviceKeys, type DeviceLimit, type LimitName, type Limits, type LimitValue } from "./cgroup-limits.js";

/** systemd's names of limits. */
export const unitPropertyNames: Readonly<Record<LimitName, string>> = {
  memory_max: "MemoryMax",
  memory_high: "MemoryHigh",
  memory_low: "MemoryLow",
  memory_min: "MemoryMin",
  memory_swap_max: "MemorySwapMax",
  cpu_max: "CPUQuota",
  cpu_weight: "CPUWeight",
  pids_max: "TasksMax",
  io_weight: "IOWeight",
  cpuset_cpus: "AllowedCPUs",
  cpuset_mems: "AllowedMemoryNodes",
};

const deviceProperties: Readonly<Record<(typeof deviceKeys)[number], string>> = {
  rbps: "IOReadBandwidthMax",
  wbps: "IOWriteBandwidthMax",
  riops: "IOReadIOPSMax",
  wiops: "IOWriteIOPSMax",
};

function propertyValue(name: LimitName, value: LimitValue): string {
  // An empty CPUQuota is no quota; systemd knows no word for it.
  if (name === "cpu_max") return value === Infinity ? "" : `${value}%`;
  return value === Infinity ? "infinity" : String(value);
}

/** `NAME=VALUE` for each limit. */
export function unitProperties(limits: Limits, devices: readonly DeviceLimit[]): string[] {
  const plain = Object.entries(unitPropertyNames).flatMap(([name, property]) => {
    const known = name as LimitName;
    const value = limits[known];
    return value === undefined ? [] : [`${property}=${propertyValue(known, value)}`];
  });
  const perDevice = devices.flatMap((limit) =>
    deviceKeys.flatMap((key) => {
      const value = limit[key];
      const device = limit.device.startsWith("/") ? limit.device : `/dev/block/${limit.device}`;
      return value === undefined
        ? []
        : [`${deviceProperties[key]}=${device} ${value === Infinity ? "infinity" : value}`];
    }),
  );
  return [...plain, ...perDevice];
}

/** Text of the drop-in for a unit; its kind (`.service`, `.scope`, `.slice`) says the section. */
export function dropInText(unit: string, limits: Limits, devices: readonly DeviceLimit[]): string {
  const kind = unit.slice(unit.lastIndexOf(".") + 1);
  const section = kind.charAt(0).toUpperCase() + kind.slice(1);
  return [`# Limits kept by crun.`, `[${section}]`, ...unitProperties(limits, devices), ""].join("\n");
}

/** The innermost unit in a cgroup's path, with the path up to it: `/machine.slice/systemd-nspawn@m1.service/payload` → that service. */
export function unitOfCgroup(cgroup: string): { readonly unit: string; readonly path: string } | undefined {
  const parts = cgroup.split("/");
  for (let index = parts.length - 1; index > 0; index--) {
    const part = parts[index] ?? "";
    if (/\.(?:service|scope)$/.test(part) && part !== "init.scope")
      return { unit: part, path: parts.slice(0, index + 1).join("/") };
  }
  return undefined;
}

/** A name as systemd writes it in a unit's name (systemd-escape). */
export function escapeUnitName(name: string): string {
  return name.replace(/^\.|[^A-Za-z0-9:_./-]|\//g, (character) =>
    character === "/"
      ? "-"
      : [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}
