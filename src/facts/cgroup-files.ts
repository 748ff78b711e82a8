// The files of cgroup v2 and v1 that hold limits: which file, how a value is written, how it reads.

import {
  deviceKeys,
  parseAmount,
  parseCpuMax,
  parseSet,
  type DeviceLimit,
  type LimitName,
  type LimitValue,
} from "./cgroup-limits.js";

/** One limit's file beneath a cgroup's directory. */
export interface LimitFile {
  readonly controller: string;
  readonly file: string;
  write(value: LimitValue): string;
  /** Undefined: the text is not understood. */
  read(text: string): LimitValue | undefined;
}

const amount = (text: string): number | undefined => valueOf(parseAmount(text));
const set = (text: string): string | undefined => valueOf(parseSet(text));
const plain = (value: LimitValue): string => (value === Infinity ? "max" : String(value));

function valueOf<T>(parsed: { readonly value: T } | { readonly problem: string }): T | undefined {
  return "value" in parsed ? parsed.value : undefined;
}

const period = 100_000;

function file(name: string, read: LimitFile["read"], write: LimitFile["write"] = plain): LimitFile {
  return { controller: name.split(".")[0] ?? "", file: name, read, write };
}

/** cgroup v2, see Documentation/admin-guide/cgroup-v2.rst of the kernel. */
export const v2Files: Readonly<Record<LimitName, LimitFile>> = {
  memory_max: file("memory.max", amount),
  memory_high: file("memory.high", amount),
  memory_low: file("memory.low", amount),
  memory_min: file("memory.min", amount),
  memory_swap_max: file("memory.swap.max", amount),
  cpu_max: file(
    "cpu.max",
    (text) => valueOf(parseCpuMax(text)),
    (value) => `${value === Infinity ? "max" : Math.round((Number(value) * period) / 100)} ${period}`,
  ),
  cpu_weight: file("cpu.weight", amount),
  pids_max: file("pids.max", amount),
  io_weight: file(
    "io.weight",
    (text) => amount(/^default (\d+)/m.exec(text)?.[1] ?? text),
    (value) => `default ${value}`,
  ),
  cpuset_cpus: file("cpuset.cpus", set),
  cpuset_mems: file("cpuset.mems", set),
};

/** What v1 gives for no limit: the largest number of whole pages. */
const v1Unlimited = 2 ** 60;

/** cgroup v1; what it has no file for is absent. */
export const v1Files: Readonly<Partial<Record<LimitName, LimitFile>>> = {
  memory_max: {
    controller: "memory",
    file: "memory.limit_in_bytes",
    read: (text) => (Number(text) >= v1Unlimited ? Infinity : amount(text)),
    write: (value) => (value === Infinity ? "-1" : String(value)),
  },
  cpu_max: {
    controller: "cpu",
    file: "cpu.cfs_quota_us",
    read: (text) => (text.trim() === "-1" ? Infinity : Math.round((Number(text) / period) * 10_000) / 100),
    write: (value) => (value === Infinity ? "-1" : String(Math.round((Number(value) * period) / 100))),
  },
  cpu_weight: {
    controller: "cpu",
    file: "cpu.shares",
    // systemd's mapping: weight 100 is 1024 shares.
    read: (text) => Math.max(1, Math.round((Number(text) * 100) / 1024)),
    write: (value) => String(Math.max(2, Math.round((Number(value) * 1024) / 100))),
  },
  pids_max: { controller: "pids", file: "pids.max", read: amount, write: plain },
  io_weight: {
    controller: "blkio",
    file: "blkio.bfq.weight",
    read: amount,
    write: (value) => String(Math.min(1000, Number(value))),
  },
  cpuset_cpus: { controller: "cpuset", file: "cpuset.cpus", read: set, write: plain },
  cpuset_mems: { controller: "cpuset", file: "cpuset.mems", read: set, write: plain },
};

/** Device limits by `MAJOR:MINOR` from the text of io.max. */
export function readIoMax(text: string): Map<string, Omit<DeviceLimit, "device">> {
  const devices = new Map<string, Omit<DeviceLimit, "device">>();
  for (const line of text.split("\n")) {
    const [device, ...pairs] = line.trim().split(/\s+/);
    if (!device) continue;
    const limits = pairs
      .map((pair) => pair.split("="))
      .map(([key, value]): [string, number] => [key ?? "", amount(value ?? "") ?? Infinity]);
    devices.set(device, Object.fromEntries(limits));
  }
  return devices;
}

/** One line for io.max; keys that are not named stay as they are in the kernel. */
export function writeIoMax(number: string, limit: DeviceLimit): string {
  const pairs = deviceKeys.flatMap((key) => (limit[key] === undefined ? [] : [`${key}=${plain(limit[key])}`]));
  return `${number} ${pairs.join(" ")}`;
}

/** v1 has a file for each kind of device limit; 0 there means none. */
export const v1DeviceFiles: Readonly<Record<(typeof deviceKeys)[number], string>> = {
  rbps: "blkio.throttle.read_bps_device",
  wbps: "blkio.throttle.write_bps_device",
  riops: "blkio.throttle.read_iops_device",
  wiops: "blkio.throttle.write_iops_device",
};
