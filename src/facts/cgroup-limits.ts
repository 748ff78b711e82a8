// Limits of a cgroup as people write them, in one normal form: bytes, micro-seconds, counts; Infinity for none.

/** A limit's name in the normal form; also the name of the module's parameter. */
export type LimitName =
  | "memory_max"
  | "memory_high"
  | "memory_low"
  | "memory_min"
  | "memory_swap_max"
  | "cpu_max"
  | "cpu_weight"
  | "pids_max"
  | "io_weight"
  | "cpuset_cpus"
  | "cpuset_mems";

/** `cpu_max` is the share of one CPU's time in percent; memory is bytes; sets are sorted lists as `0-3,7`. */
export type LimitValue = number | string;

export type Limits = Readonly<Partial<Record<LimitName, LimitValue>>>;

/** Bandwidth and operations per second of one device; Infinity for no limit. */
export interface DeviceLimit {
  /** A path on the host or `major:minor`. */
  readonly device: string;
  readonly rbps?: number;
  readonly wbps?: number;
  readonly riops?: number;
  readonly wiops?: number;
}

export const deviceKeys = ["rbps", "wbps", "riops", "wiops"] as const;

export const defaultLimits: Readonly<Record<LimitName, LimitValue>> = {
  memory_max: Infinity,
  memory_high: Infinity,
  memory_low: 0,
  memory_min: 0,
  memory_swap_max: Infinity,
  cpu_max: Infinity,
  cpu_weight: 100,
  pids_max: Infinity,
  io_weight: 100,
  cpuset_cpus: "",
  cpuset_mems: "",
};

export const limitNames: readonly LimitName[] = [
  "memory_max",
  "memory_high",
  "memory_low",
  "memory_min",
  "memory_swap_max",
  "cpu_max",
  "cpu_weight",
  "pids_max",
  "io_weight",
  "cpuset_cpus",
  "cpuset_mems",
];

type Parsed<T> = { readonly value: T } | { readonly problem: string };

const factors: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** `512M`, `1.5G`, `1048576`, `max`, `infinity`: bytes (or a count). */
export function parseAmount(text: string): Parsed<number> {
  const word = text.trim();
  if (/^(?:max|infinity)$/i.test(word)) return { value: Infinity };
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(word);
  const factor = factors[(match?.[2] ?? "").toUpperCase()];
  if (!match || factor === undefined)
    return { problem: `${JSON.stringify(text)} is no amount: write bytes, 512M, 1.5G or max` };
  return { value: Math.floor(Number(match[1]) * factor) };
}

/** `150%`, `max`, `50000 100000` (micro-seconds in a period), `1.5` CPUs: percent of one CPU. */
export function parseCpuMax(text: string): Parsed<number> {
  const word = text.trim();
  if (/^(?:max|infinity)(?:\s+\d+)?$/i.test(word)) return { value: Infinity };
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(word);
  const quota = /^(\d+)\s+(\d+)$/.exec(word);
  const cpus = /^(\d+(?:\.\d+)?)$/.exec(word);
  const value = percent
    ? Number(percent[1])
    : quota
      ? (Number(quota[1]) / Number(quota[2])) * 100
      : cpus
        ? Number(cpus[1]) * 100
        : 0;
  if (!(value >= 1))
    return {
      problem: `${JSON.stringify(text)} is no share of CPU time: write 150%, 1.5 (CPUs), "50000 100000" or max`,
    };
  return { value: Math.round(value * 100) / 100 };
}

/** `0-3,7`: sorted, neighbours joined. */
export function parseSet(text: string): Parsed<string> {
  const numbers = new Set<number>();
  for (const part of text.split(/[\s,]+/).filter(Boolean)) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || last < first || last > 8192) return { problem: `${JSON.stringify(text)} is no set: write 0-3,7` };
    for (let one = first; one <= last; one++) numbers.add(one);
  }
  const sorted = [...numbers].sort((a, b) => a - b);
  const runs: string[] = [];
  for (let index = 0; index < sorted.length;) {
    let end = index;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    runs.push(end === index ? `${sorted[index]}` : `${sorted[index]}-${sorted[end]}`);
    index = end + 1;
  }
  return { value: runs.join(",") };
}

function parseWeight(text: string): Parsed<number> {
  const weight = Number(text);
  return Number.isInteger(weight) && weight >= 1 && weight <= 10000
    ? { value: weight }
    : { problem: `${JSON.stringify(text)} is no weight: 1 to 10000, default 100` };
}

/** The normal form of one limit, from what the playbook says. */
export function parseLimit(name: LimitName, text: string): Parsed<LimitValue> {
  switch (name) {
    case "cpu_max":
      return parseCpuMax(text);
    case "cpu_weight":
    case "io_weight":
      return parseWeight(text);
    case "cpuset_cpus":
    case "cpuset_mems":
      return parseSet(text);
    default:
      return parseAmount(text);
  }
}

/** Limits of devices from a list of maps with `device` and rbps, wbps, riops, wiops. */
export function parseDevices(list: readonly Readonly<Record<string, unknown>>[]): Parsed<DeviceLimit[]> {
  const devices: DeviceLimit[] = [];
  for (const item of list) {
    const { device, ...rest } = item;
    if (typeof device !== "string" || !/^(?:\/.*|\d+:\d+)$/.test(device))
      return { problem: "io_max: each item needs device, a path on the host or MAJOR:MINOR" };
    const limits: Partial<Record<(typeof deviceKeys)[number], number>> = {};
    for (const [key, value] of Object.entries(rest)) {
      const known = deviceKeys.find((one) => one === key);
      if (!known)
        return {
          problem: `io_max of ${device} has an unknown key ${JSON.stringify(key)}: it takes ${deviceKeys.join(", ")}`,
        };
      const amount = parseAmount(String(value));
      if ("problem" in amount) return { problem: `io_max of ${device}: ${amount.problem}` };
      limits[known] = amount.value;
    }
    devices.push({ device, ...limits });
  }
  return { value: devices };
}

/** The kernel keeps whole pages; weights and percents are compared as they are. */
export function isSameLimit(name: LimitName, a: LimitValue, b: LimitValue): boolean {
  if (typeof a === "number" && typeof b === "number" && name.startsWith("memory"))
    return Math.floor(a / 4096) === Math.floor(b / 4096) || a === b;
  if (name === "cpu_max" && typeof a === "number" && typeof b === "number") return a === b || Math.abs(a - b) < 0.05;
  return a === b;
}

/** A limit as people read it. */
export function limitText(value: LimitValue): string {
  return value === Infinity ? "max" : String(value);
}

/** `MAJOR:MINOR` of a device number as stat gives it. */
export function deviceNumber(rdev: number): string {
  const low = rdev % 2 ** 32;
  const high = Math.floor(rdev / 2 ** 32);
  const major = ((low >>> 8) & 0xfff) + (high & 0xfffff000);
  const minor = (low & 0xff) + ((low >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}
