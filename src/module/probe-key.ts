// When two probes ask the same, and when the answer to one holds the other's.

import type { Probe, ReadProbe } from "./probe.js";

/** One key for probes that ask the same. */
export function probeKey(probe: Probe): string {
  switch (probe.kind) {
    case "stat":
      return `s${probe.at === "host" ? "h" : "t"}${probe.follow ? "f" : "n"}${probe.withFlags ? "a" : ""}${probe.withFileSystem ? "s" : ""}${probe.path}`;
    case "read":
      return `r${probe.at === "host" ? "h" : "t"}${probe.follow === false ? "n" : "f"}${probe.path}\0${probe.limit ?? ""}\0${probe.unlessSha256 ?? ""}\0${probe.needles?.join("\0") ?? ""}`;
    case "hash":
      return `h${probe.at === "host" ? "h" : "t"}${probe.follow ? "f" : "n"}${probe.path}\0${probe.algorithms.join()}`;
    case "list":
      return `l${probe.at === "host" ? "h" : "t"}${probe.path}\0${probe.depth}\0${probe.limit ?? ""}\0${probe.algorithms?.join() ?? ""}${probe.since ? `\0${probe.since.seconds}.${probe.since.nanoseconds}` : ""}`;
    case "glob":
      return `g${probe.at === "host" ? "h" : "t"}${probe.path}`;
    case "exec":
      return `x${probe.at === "host" ? "h" : "t"}${JSON.stringify(probe.exec)}`;
    case "machine":
      return "m";
    case "connect":
      return `c${probe.host}\0${probe.port}\0${probe.timeoutMs}\0${probe.limit ?? ""}`;
  }
}

/** Larger files are not read on the chance that their content is wanted. */
const glanceLimit = 64 * 1024;

/** The probe for a file whose wanted content is not known yet: its answer holds the one for any `unlessSha256`. */
export function glanceOf(probe: ReadProbe): ReadProbe {
  const { unlessSha256: _, ...rest } = probe;
  return { ...rest, limit: glanceLimit };
}

/** Whether the probe's last link is followed. */
export function followsLink(probe: Probe): boolean {
  if (probe.kind === "read") return probe.follow !== false;
  if (probe.kind === "stat" || probe.kind === "hash") return probe.follow === true;
  return probe.kind === "list";
}
