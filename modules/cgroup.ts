// Limits memory, CPU, processes and I/O of a tree's machine (or of any unit or cgroup of the host).

import { cgroupLayout, cgroupLayoutProbes, type CgroupLayout } from "../src/facts/cgroup-layout.js";
import { defaultLimits, limitNames, limitText, type Limits } from "../src/facts/cgroup-limits.js";
import {
  controllersOf,
  deviceProbes,
  limitParams,
  numberDevices,
  wantedLimits,
  type WantedLimits,
} from "../src/facts/cgroup-params.js";
import { limitFile, limitProbes, placeOfLimits, type CgroupPlace } from "../src/facts/cgroup-place.js";
import {
  currentLimits,
  differingDevices,
  differingLimits,
  limitsDiff,
  planDirectories,
  planDropIn,
  planFiles,
  planSetProperty,
} from "../src/facts/cgroup-plan.js";
import { dropInText } from "../src/facts/cgroup-unit.js";
import {
  memoryInUse,
  notTaken,
  overruled,
  shownProbe,
  tooLittle,
  undoDropIn,
  undoFiles,
  type VerifyProbes,
} from "../src/facts/cgroup-verify.js";
import type { Change } from "../src/module/change.js";
import { defineModule, type Context } from "../src/module/contract.js";
import type { ParamsOf } from "../src/module/param.js";
import type { ExecObservation, MachineObservation } from "../src/module/probe.js";

const params = {
  ...limitParams,
  unit: { type: "str", doc: "The host's systemd unit; default: the tree's machine (systemd-nspawn@TREE.service)." },
  path: { type: "str", doc: "The cgroup, on hosts without systemd; default: the running machine's, else crun/TREE." },
  persistent: { type: "bool", default: true, doc: "Keep the limits in a drop-in of the unit (with systemd)." },
  state: { type: "str", choices: ["present", "absent"], default: "present", doc: "`absent` takes all limits away." },
} as const;

export default defineModule({
  name: "cgroup",
  summary: "Limit memory, CPU, processes and I/O of a tree's machine",
  takesRoot: "the limits of machines and units are set by root",
  doc: "Where systemd runs on the host it is the only writer of cgroups: limits go through its units. Elsewhere crun writes cgroupfs, v2 or v1.",
  params,
  rules: { mutuallyExclusive: [["unit", "path"]] },
  returns: {
    limits: "The limits as they are, by name.",
    unit: "The unit, where systemd keeps them.",
    cgroup: "The cgroup.",
  },
  check: (given) => {
    const wanted = limitsOf(given);
    return "problem" in wanted ? wanted.problem : undefined;
  },
  observe: (given) => {
    const show =
      given.unit === undefined ? [] : [["systemctl", "show", "--property=ControlGroup,LoadState", "--", given.unit]];
    return {
      ...cgroupLayoutProbes,
      machine: { kind: "machine" } as const,
      named: deviceProbes(given.io_max),
      unit: show.map((argv) => ({ kind: "exec", at: "host", exec: { argv, user: "root" } }) as const),
    };
  },
  observeMore: (given, seen, { target, elapsedMs }): VerifyProbes => {
    const layout = cgroupLayout(seen);
    const place = placeFor(given, target, layout, seen);
    const wanted = limitsOf(given);
    if ("problem" in place || "problem" in wanted)
      return { ...limitProbes(layout, { unit: undefined, cgroup: undefined }, []), inUse: [], shown: [] };
    return {
      ...limitProbes(layout, place, controllersOf(layout, wanted)),
      inUse: memoryInUse(layout, place),
      // Once it was set.
      shown: elapsedMs > 0 && place.unit !== undefined && given.persistent ? [shownProbe(place.unit)] : [],
    };
  },
  plan: (given, seen, { target, elapsedMs }) => {
    const layout = cgroupLayout(seen);
    const wanted = limitsOf(given);
    if ("problem" in wanted) return { changes: [], refusal: { message: wanted.problem } };
    const place = placeFor(given, target, layout, seen);
    if ("problem" in place) return { changes: [], refusal: { message: place.problem } };
    const unknown = Object.keys(wanted.limits).find((name) =>
      limitNames.some((one) => one === name && !limitFile(layout, one)),
    );
    if (unknown !== undefined) {
      return {
        changes: [],
        refusal: { message: `cgroup v1 of this host has no ${unknown}`, remedy: "It takes a host with cgroup v2." },
      };
    }
    const numbers = numberDevices(wanted.devices, seen.named);
    if ("problem" in numbers) return { changes: [], refusal: { message: numbers.problem } };
    const isAbsent = given.state === "absent";
    const { unit, cgroup } = place;
    if (unit !== undefined && cgroup === undefined && !given.persistent && !isAbsent) {
      return {
        changes: [],
        refusal: {
          message: `${unit} does not run`,
          remedy: "Start it, or keep the limits in its drop-in with persistent: true.",
        },
      };
    }
    const current = currentLimits(layout, seen);
    const goal: Limits = isAbsent ? defaultsOf(current) : wanted.limits;
    const names = cgroup === undefined ? [] : differingLimits(goal, current);
    const differing = Object.fromEntries(names.map((name) => [name, goal[name]]));
    const devices = cgroup === undefined ? [] : differingDevices(layout, numbers.devices, seen);
    const isDone = names.length === 0 && devices.length === 0;
    if (elapsedMs > 0) {
      const refusal =
        notTaken(layout, place, goal, names, devices, current) ??
        (unit === undefined || isAbsent ? undefined : overruled(unit, wanted.limits, seen.shown));
      if (refusal) return { changes: [], refusal, result: placeResult(place) };
    }
    const changes: Change[] =
      unit !== undefined
        ? [
            ...(given.persistent || isAbsent
              ? planDropIn(unit, isAbsent ? undefined : dropInText(unit, wanted.limits, wanted.devices), seen)
              : []),
            ...planSetProperty(layout, place, differing, devices),
          ]
        : [
            ...(isAbsent || isDone ? [] : planDirectories(layout, cgroup ?? "/", controllersOf(layout, wanted), seen)),
            ...planFiles(layout, cgroup ?? "/", differing, devices, current),
          ];
    return {
      changes,
      result: { limits: resultLimits(current, goal), ...placeResult(place) },
      diff: names.length > 0 ? [{ title: `limits of ${unit ?? cgroup}`, ...limitsDiff(names, goal, current) }] : [],
      warnings: [...unknownUnit(unit, seen.unit), ...tooLittle(goal, names, seen.inUse)],
      // What was set is read back.
      ...(changes.length === 0 ? {} : { again: { afterMs: 1 } }),
      onFailure:
        unit === undefined
          ? undoFiles(layout, cgroup ?? "/", names, current, changes)
          : undoDropIn(unit, seen, changes),
    };
  },
  examples: [
    {
      title: "A machine that may use a gigabyte and one and a half CPUs",
      yaml: 'cgroup:\n  memory_max: 1G\n  cpu_max: "150%"\n  pids_max: 512\n',
    },
    {
      title: "A slow disk for a backup",
      yaml: "cgroup:\n  unit: backup.service\n  io_max:\n    - {device: /dev/sda, wbps: 20M}\n",
    },
  ],
});

type Given = ParamsOf<typeof params>;

function placeFor(
  { unit, path }: Given,
  target: Context["target"],
  layout: CgroupLayout,
  seen: { readonly machine: MachineObservation; readonly unit: readonly ExecObservation[] },
): ReturnType<typeof placeOfLimits> {
  const wanted = { unit, path, tree: target.path === "/" ? undefined : target.path };
  return placeOfLimits(wanted, layout, seen.machine.machine, controlGroup(seen.unit));
}

function limitsOf(given: Given): WantedLimits | { readonly problem: string } {
  const wanted = wantedLimits(given);
  if ("problem" in wanted || given.state === "absent") return wanted;
  const isEmpty = Object.keys(wanted.limits).length === 0 && wanted.devices.length === 0;
  return isEmpty ? { problem: "no limit is given" } : wanted;
}

function controlGroup(seen: readonly ExecObservation[]): string | undefined {
  return seen[0] && shownValue(seen[0], "ControlGroup");
}

function shownValue({ stdout }: ExecObservation, property: string): string {
  const text = Buffer.from(stdout).toString("utf8");
  return new RegExp(`^${property}=(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
}

function unknownUnit(unit: string | undefined, seen: readonly ExecObservation[]): string[] {
  if (unit === undefined || !seen[0] || shownValue(seen[0], "LoadState") !== "not-found") return [];
  return [`systemd knows no unit ${unit} yet: its drop-in waits for it`];
}

function defaultsOf(current: ReturnType<typeof currentLimits>): Limits {
  // A cpuset cannot be emptied while processes are in it; it is left as it is.
  const names = limitNames.filter((name) => current.has(name) && !name.startsWith("cpuset"));
  return Object.fromEntries(names.map((name) => [name, defaultLimits[name]]));
}

function resultLimits(current: ReturnType<typeof currentLimits>, goal: Limits): Record<string, string> {
  const entries = limitNames.flatMap((name): [string, string][] => {
    const value = goal[name] ?? current.get(name)?.value;
    return value === undefined ? [] : [[name, limitText(value)]];
  });
  return Object.fromEntries(entries);
}

function placeResult({ unit, cgroup }: CgroupPlace): Record<string, string> {
  return { ...(unit === undefined ? {} : { unit }), ...(cgroup === undefined ? {} : { cgroup }) };
}
