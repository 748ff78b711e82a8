// What a process of a tree sees of the kernel and of devices: masks in force, devices that open.

import { REPORT_IT, type Finding } from "./finding.js";
import { errnoOf, mountsIn, textOf, type Report, type ReportedMount } from "./report.js";

const readOnlyPaths = ["sys", "sysrq-trigger", "irq", "bus", "fs", "scsi", "asound", "mtrr", "driver"].map(
  (name) => `/proc/${name}`,
);
const hiddenPaths = (
  "kcore keys key-users kmsg timer_list sched_debug latency_stats acpi " +
  "kpageflags kpagecount kpagecgroup vmallocinfo slabinfo interrupts timer_stats"
)
  .split(" ")
  .map((name) => `/proc/${name}`);
/** Directories of sysfs in which nothing is to be seen. */
const emptyPaths = ["/sys/firmware", "/sys/devices/virtual/powercap"];
const devices = "null zero full random urandom tty".split(" ");

/** The mount whose root a path is; the last one lies on top. */
function mountAt(mounts: readonly ReportedMount[], path: string): ReportedMount | undefined {
  return mounts.findLast((one) => one.path === path);
}

/** /proc and, where it is crun's, /sys as a process of the tree finds them. */
export function judgeMasks(root: Report, hasOwnSys: boolean): Finding[] {
  const about = "masks of /proc and /sys";
  const mounts = mountsIn(root);
  const names = new Set((textOf(root, "d/proc") ?? "").split("\n").map((line) => line.split(" ")[2] ?? ""));
  const isThere = (path: string): boolean => names.has(path.slice("/proc/".length));
  const isReadOnly = (path: string): boolean => mountAt(mounts, path)?.options.has("ro") === true;
  const unmasked = [
    ...readOnlyPaths.filter((path) => isThere(path) && !isReadOnly(path)),
    ...hiddenPaths.filter((path) => isThere(path) && (mountAt(mounts, path)?.type ?? "proc") === "proc"),
    ...emptyPaths.filter((path) => hasOwnSys && (textOf(root, `d${path}`) ?? "").split("\n").length > 3),
    ...(mountAt(mounts, "/sys") === undefined || isReadOnly("/sys") ? [] : ["/sys"]),
    ...["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"].filter((path) => errnoOf(root, `w${path}`) === 0),
  ];
  if (mountAt(mounts, "/proc") === undefined)
    return [
      {
        level: "note",
        about,
        text: "the tree has no directory /proc, so nothing is mounted there",
        remedy: "Make it: many programs need it.",
      },
    ];
  if (unmasked.length > 0)
    return [
      {
        level: "problem",
        about,
        text: `not in force: ${[...new Set(unmasked)].join(", ")}`,
        remedy: REPORT_IT,
      },
    ];
  const hidden = [...hiddenPaths, ...emptyPaths].filter((path) => mountAt(mounts, path) !== undefined).length;
  const readOnly = readOnlyPaths.filter((path) => mountAt(mounts, path) !== undefined).length;
  return [
    { level: "ok", about, text: `${hidden} hidden, ${readOnly} read-only; no setting of the kernel can be written` },
  ];
}

/** /dev, and whether devices open elsewhere. */
export function judgeDevices(root: Report, allow: readonly string[]): Finding[] {
  const about = "devices";
  const mounts = mountsIn(root);
  const listed = (textOf(root, "d/dev") ?? "").split("\n").flatMap((line) => {
    const [mode = "", number = "", name = ""] = line.split(" ");
    const type = Number.parseInt(mode, 8) & 0o170000;
    return type === 0o020000 || type === 0o060000 ? [{ name, number }] : [];
  });
  if (mountAt(mounts, "/dev") === undefined)
    return [
      {
        level: "note",
        about,
        text: "the tree has no directory /dev, so there is none",
        remedy: "Make it: many programs need it.",
      },
    ];
  const allowed = allow.filter((word) => word.startsWith("/dev/")).map((path) => path.slice("/dev/".length));
  const more = listed.filter(({ name }) => !devices.includes(name) && !allowed.includes(name)).map(({ name }) => name);
  const open = mounts.filter(
    ({ path, options }) => !options.has("nodev") && !path.startsWith("/dev/") && !path.startsWith("/proc/"),
  );
  if (more.length > 0 || open.length > 0)
    return [
      {
        level: "problem",
        about,
        text: [
          ...more.map((name) => `/dev/${name} is there`),
          ...open.map(({ path }) => `devices open on ${path}`),
        ].join(", "),
        remedy: REPORT_IT,
      },
    ];
  return [
    {
      level: "ok",
      about,
      text: `${listed
        .map(({ name }) => name)
        .sort()
        .join(" ")}; no other opens`,
    },
  ];
}
