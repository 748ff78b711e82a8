// Where a target's limits live: a systemd unit with its drop-in, or a directory of cgroupfs; and what to read there.

import type { Probes } from "../module/contract.js";
import type { MachineObservation, ReadProbe, StatProbe } from "../module/probe.js";
import { v1DeviceFiles, v1Files, v2Files, type LimitFile } from "./cgroup-files.js";
import type { CgroupLayout } from "./cgroup-layout.js";
import { limitNames, type LimitName } from "./cgroup-limits.js";
import { escapeUnitName, unitOfCgroup } from "./cgroup-unit.js";

export interface CgroupPlace {
  /** Set where systemd is the one writer. */
  readonly unit: string | undefined;
  /** Beneath the hierarchy's mount, as `/crun/web1`; undefined: a unit that does not run. */
  readonly cgroup: string | undefined;
}

/** What a playbook says of the place. */
export interface WantedPlace {
  readonly unit: string | undefined;
  readonly path: string | undefined;
  readonly tree: string | undefined;
}

/** The place, or a sentence that says why there is none. */
export function placeOfLimits(
  wanted: WantedPlace,
  layout: CgroupLayout,
  machine: MachineObservation["machine"],
  controlGroup: string | undefined,
): CgroupPlace | { readonly problem: string } {
  const name = wanted.tree?.slice(wanted.tree.lastIndexOf("/") + 1);
  if (layout.isSystemd) {
    if (wanted.path !== undefined) {
      return {
        problem:
          "systemd runs on this host and is the only one who writes its cgroups: name the unit instead of a path",
      };
    }
    if (wanted.unit !== undefined) return { unit: wanted.unit, cgroup: controlGroup === "" ? undefined : controlGroup };
    const running = machine && unitOfCgroup(machine.cgroup);
    if (running) return { unit: running.unit, cgroup: running.path };
    if (name === undefined) return { problem: "the host's own root has no cgroup of its own: name the unit" };
    return { unit: `systemd-nspawn@${escapeUnitName(name)}.service`, cgroup: undefined };
  }
  if (wanted.unit !== undefined)
    return { problem: `systemd does not run on this host, so there is no unit ${wanted.unit}: give a path` };
  if (layout.controllers.length === 0) return { problem: "this host has no cgroup controllers" };
  if (wanted.path !== undefined) return { unit: undefined, cgroup: `/${wanted.path.replace(/^\/+|\/+$/g, "")}` };
  if (machine && machine.cgroup !== "/" && machine.cgroup !== "") return { unit: undefined, cgroup: machine.cgroup };
  if (name === undefined) return { problem: "the host's own root has no cgroup of its own: give a path" };
  return { unit: undefined, cgroup: `/crun/${name}` };
}

export const dropInName = "50-crun-limits.conf";

export function dropInDirectory(unit: string): string {
  return `/etc/systemd/system/${unit}.d`;
}

/** The file that holds a limit under this layout; undefined: this kernel interface has none. */
export function limitFile(layout: CgroupLayout, name: LimitName): LimitFile | undefined {
  return layout.version === 2 ? v2Files[name] : v1Files[name];
}

/** Directory of a cgroup in the file system. */
export function cgroupDirectory(layout: CgroupLayout, controller: string, cgroup: string): string {
  const mount = layout.version === 2 ? "/sys/fs/cgroup" : `/sys/fs/cgroup/${controller}`;
  return cgroup === "/" ? mount : mount + cgroup;
}

/** Directories from the mount down to the cgroup's own, the mount first. */
export function ancestry(layout: CgroupLayout, controller: string, cgroup: string): string[] {
  const mount = cgroupDirectory(layout, controller, "/");
  const parts = cgroup.split("/").filter(Boolean);
  return [mount, ...parts.map((_, index) => `${mount}/${parts.slice(0, index + 1).join("/")}`)];
}

export interface LimitProbes extends Probes {
  /** One for each name of `names`. */
  readonly values: readonly ReadProbe[];
  /** io.max, or v1's four files. */
  readonly devices: readonly ReadProbe[];
  readonly dropIn: readonly ReadProbe[];
  readonly dropInParent: readonly StatProbe[];
  /** Directories (without systemd): for each controller, from the mount down. */
  readonly directories: readonly StatProbe[];
  /** cgroup.subtree_control of the same, v2 alone. */
  readonly subtrees: readonly ReadProbe[];
}

/** What to read at the place: the limits named, and what has to be there first. */
export function limitProbes(layout: CgroupLayout, place: CgroupPlace, controllers: readonly string[]): LimitProbes {
  const host = { at: "host" } as const;
  const { cgroup, unit } = place;
  const read = (path: string): ReadProbe => ({ kind: "read", ...host, path, limit: 65536 });
  const chains =
    unit === undefined && cgroup !== undefined
      ? hierarchies(layout, controllers).flatMap((one) => ancestry(layout, one, cgroup))
      : [];
  const files = limitNames.flatMap((name) => {
    const file = limitFile(layout, name);
    return file && cgroup !== undefined
      ? [read(`${cgroupDirectory(layout, file.controller, cgroup)}/${file.file}`)]
      : [];
  });
  const deviceFiles =
    layout.version === 2
      ? [["io", "io.max"] as const]
      : Object.values(v1DeviceFiles).map((file) => ["blkio", file] as const);
  return {
    values: files,
    devices:
      cgroup === undefined
        ? []
        : deviceFiles.map(([controller, file]) => read(`${cgroupDirectory(layout, controller, cgroup)}/${file}`)),
    dropIn: unit === undefined ? [] : [read(`${dropInDirectory(unit)}/${dropInName}`)],
    dropInParent: unit === undefined ? [] : [{ kind: "stat", ...host, path: dropInDirectory(unit) }],
    directories: chains.map((path) => ({ kind: "stat", ...host, path }) as const),
    subtrees: layout.version === 2 ? chains.map((path) => read(`${path}/cgroup.subtree_control`)) : [],
  };
}

/** v2 has one hierarchy for all controllers, v1 one for each. */
export function hierarchies(layout: CgroupLayout, controllers: readonly string[]): readonly string[] {
  return layout.version === 2 ? [""] : controllers;
}
