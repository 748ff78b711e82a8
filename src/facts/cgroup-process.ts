// A process's own cgroup: where it lies, which changes make it, what the kernel counts in it.

import type { CgroupStep, Failure, ReadProbe } from "../module/probe.js";
import { errnoName, reasonOf } from "../module/failure-text.js";
import type { CgroupLayout } from "./cgroup-layout.js";
import { limitNames } from "./cgroup-limits.js";
import { cgroupDirectory, limitFile } from "./cgroup-place.js";
import { limitsOf, type LimitEvents, type LimitProblem, type WrittenLimits } from "./process-limits.js";

/** Where processes get cgroups of their own. */
export interface LimitBase {
  readonly layout: CgroupLayout;
  /** The directory that holds them: with v2 under the empty name, with v1 for each controller. */
  readonly directories: ReadonlyMap<string, string>;
  /** What v1's cpuset must be given before a process may come: those of the directory above. */
  readonly cpuset: { readonly cpus: string; readonly mems: string };
}

/** Controllers that limits need. */
export const limitControllers = ["memory", "pids", "cpu", "cpuset", "io", "blkio"] as const;

/** The paths of /proc/PID/cgroup by controller; v2's under the empty name. */
export function membership(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const one of controllers.split(",")) paths.set(one, path.replace(/\/$/, ""));
  }
  return paths;
}

/**
 * Directories in which a process's neighbours may have cgroups, best first, by controller. With v1 that is its own, else the hierarchy's top: in a
 * container that sees its part of the hierarchy only, the path is not there. With v2 no process may be where controllers are handed down, the top
 * aside: it is the one above.
 */
export function possibleBases(
  layout: CgroupLayout,
  paths: ReadonlyMap<string, string>,
): Map<string, readonly string[]> {
  if (layout.version === 2) {
    const own = paths.get("") ?? "";
    const above = own.slice(0, Math.max(0, own.lastIndexOf("/")));
    return new Map([["", unique([cgroupDirectory(layout, "", above === "" ? "/" : above), "/sys/fs/cgroup"])]]);
  }
  const bases = new Map<string, readonly string[]>();
  for (const controller of limitControllers) {
    if (!layout.controllers.includes(controller)) continue;
    const own = paths.get(controller) ?? "";
    const top = cgroupDirectory(layout, controller, "/");
    bases.set(controller, unique([own === "" ? top : top + own, top]));
  }
  return bases;
}

function unique(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)];
}

/** One step on the host, and what it is for. */
export interface LimitStep extends CgroupStep {
  /** As `memory_max=64M`; undefined: the cgroup itself. */
  readonly what: string | undefined;
}

export interface ProcessCgroup {
  readonly steps: readonly LimitStep[];
  /** The directories that the process is put into; to be removed after it. */
  readonly directories: readonly string[];
}

/** A cgroup of the process's own beneath the base. Without a limit that is one there are none. */
export function planProcessCgroup(
  { layout, directories, cpuset }: LimitBase,
  name: string,
  written: WrittenLimits,
): ProcessCgroup | LimitProblem {
  const limits = limitsOf(written);
  const wanted = limitNames.filter((one) => limits[one] !== undefined);
  const controllers = new Set<string>();
  for (const one of wanted) {
    const file = limitFile(layout, one);
    if (!file)
      return {
        problem: `${one}: cgroup v${layout.version} of this host has no such limit`,
        remedy: "It takes a host with cgroup v2.",
      };
    if (!layout.controllers.includes(file.controller))
      return {
        problem: `${one}: this host's cgroups have no ${file.controller} controller where crun may set it`,
        remedy:
          layout.controllers.length === 0
            ? "It has no controllers at all."
            : `There are ${layout.controllers.join(", ")}.`,
      };
    controllers.add(file.controller);
  }
  const steps: LimitStep[] = [];
  const own: string[] = [];
  const hierarchies = wanted.length === 0 ? [] : layout.version === 2 ? [""] : [...controllers].sort();
  for (const hierarchy of hierarchies) {
    const base = directories.get(hierarchy);
    if (base === undefined) return { problem: `the cgroup hierarchy of ${hierarchy || "version 2"} was not found` };
    if (layout.version === 2) {
      const value = [...controllers]
        .sort()
        .map((one) => `+${one}`)
        .join(" ");
      steps.push({ path: `${base}/cgroup.subtree_control`, value, what: undefined });
    }
    const directory = `${base}/${name}`;
    own.push(directory);
    steps.push({ path: directory, what: undefined });
    if (hierarchy === "cpuset") {
      if (limits.cpuset_cpus === undefined)
        steps.push({ path: `${directory}/cpuset.cpus`, value: cpuset.cpus, what: undefined });
      if (limits.cpuset_mems === undefined)
        steps.push({ path: `${directory}/cpuset.mems`, value: cpuset.mems, what: undefined });
    }
    for (const one of wanted) {
      const file = limitFile(layout, one);
      const value = limits[one];
      if (!file || value === undefined || (layout.version === 1 && file.controller !== hierarchy)) continue;
      steps.push({
        path: `${directory}/${file.file}`,
        value: file.write(value),
        what: `${one}=${written[one] ?? ""}`,
      });
    }
  }
  return { steps, directories: own };
}

/** A step that did not succeed, in words of its own around the kernel's; the failure's path is the step's. */
export function failureOfStep(what: string | undefined, failure: Failure): Failure {
  const { path } = failure;
  const why = reasonOf(failure).replace(` (${errnoName(failure.errno)})`, "");
  const isHandedDown = path.endsWith("/cgroup.subtree_control");
  const said =
    isHandedDown && failure.errno === 16
      ? `${path.slice(0, path.lastIndexOf("/"))} hands no controllers down, as processes run in it`
      : what === undefined
        ? `no cgroup could be made for the process (${path}): ${why}${failure.errno === 13 || failure.errno === 1 ? "; crun must be root on the host for it (crun_become)" : ""}`
        : `the kernel refuses ${what} (${path}): ${why}`;
  return { errno: failure.errno, code: "system", step: "limit", path: "", message: said };
}

/** A problem that is none of the kernel's. */
export function failureOfProblem({ problem, remedy }: LimitProblem): Failure {
  const message = remedy === undefined ? problem : `${problem}. ${remedy}`;
  return { errno: 0, code: "refused", step: "limit", path: "", message };
}

/** What to read once the process has ended. */
export function eventProbes({ layout }: LimitBase, directories: readonly string[]): readonly ReadProbe[] {
  const files =
    layout.version === 2 ? ["memory.events", "pids.events"] : ["memory.oom_control", "memory.failcnt", "pids.events"];
  return directories.flatMap((directory) =>
    files.map((file): ReadProbe => ({ kind: "read", at: "host", path: `${directory}/${file}`, limit: 4096 })),
  );
}

/** The counts of what `eventProbes` asked for. */
export function readEvents(probes: readonly ReadProbe[], contents: readonly (Uint8Array | undefined)[]): LimitEvents {
  const counts = { memoryReached: 0, oomKills: 0, pidsReached: 0 };
  for (const [index, probe] of probes.entries()) {
    const text = Buffer.from(contents[index] ?? []).toString("latin1");
    const count = (key: string): number => Number(new RegExp(`^${key} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    if (probe.path.endsWith("/memory.events")) counts.memoryReached += count("oom") + count("max");
    if (probe.path.endsWith("/memory.failcnt")) counts.memoryReached += Number(text.trim()) || 0;
    if (/\/memory\.(?:events|oom_control)$/.test(probe.path)) counts.oomKills += count("oom_kill");
    if (probe.path.endsWith("/pids.events")) counts.pidsReached += count("max");
  }
  return counts;
}

/** The process of crun's whose cgroup bears this name; undefined: it is none of crun's. */
export function makerOfCgroup(name: string): number | undefined {
  const pid = /^crun-(\d+)-\d+$/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** `crun-1234-7`: which helper made it, and its number. */
export function processCgroupName(helper: number, number: number): string {
  return `crun-${helper}-${number}`;
}
