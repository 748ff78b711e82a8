// How the host's cgroups are laid out: unified (v2), legacy (v1), hybrid; which controllers; who writes them.

import type { ListObservation, ReadObservation, StatObservation } from "../module/probe.js";

export interface CgroupLayout {
  readonly version: 1 | 2;
  /** v1 controllers beside a v2 hierarchy. */
  readonly isHybrid: boolean;
  readonly controllers: readonly string[];
  /** systemd is PID 1 of the host: it alone writes there (the single-writer rule), but for what it delegates. */
  readonly isSystemd: boolean;
}

/** What to look at on the host. */
export const cgroupLayoutProbes = {
  cgroupControllers: { kind: "read", at: "host", path: "/sys/fs/cgroup/cgroup.controllers" },
  cgroupMounts: { kind: "list", at: "host", path: "/sys/fs/cgroup", depth: 1, limit: 100 },
  systemdRuns: { kind: "stat", at: "host", path: "/run/systemd/system" },
} as const;

const v1Controllers = [
  "blkio",
  "cpu",
  "cpuacct",
  "cpuset",
  "devices",
  "freezer",
  "hugetlb",
  "memory",
  "net_cls",
  "net_prio",
  "perf_event",
  "pids",
  "rdma",
];

export interface CgroupLayoutSeen {
  readonly cgroupControllers: ReadObservation;
  readonly cgroupMounts: ListObservation;
  readonly systemdRuns: StatObservation;
}

/** The layout that the probes show. A host without cgroups has no controllers. */
export function cgroupLayout(seen: CgroupLayoutSeen): CgroupLayout {
  const isSystemd = seen.systemdRuns.stat?.type === "directory";
  const { content } = seen.cgroupControllers;
  if (content) {
    const controllers = Buffer.from(content).toString("utf8").trim().split(/\s+/).filter(Boolean);
    return { version: 2, isHybrid: false, controllers, isSystemd };
  }
  const names = seen.cgroupMounts.entries.map(({ name }) => name);
  const controllers = v1Controllers.filter(
    (one) => names.includes(one) || names.some((name) => name.split(",").includes(one)),
  );
  return { version: 1, isHybrid: names.includes("unified"), controllers, isSystemd };
}
