// Changes that bring limits to their wanted values, by systemd's hand or through cgroupfs.

import type { Change } from "../module/change.js";
import { contentOf } from "../module/content.js";
import type { Seen } from "../module/contract.js";
import { readIoMax, v1DeviceFiles, writeIoMax } from "./cgroup-files.js";
import type { CgroupLayout } from "./cgroup-layout.js";
import {
  deviceKeys,
  isSameLimit,
  limitNames,
  limitText,
  type DeviceLimit,
  type LimitName,
  type Limits,
  type LimitValue,
} from "./cgroup-limits.js";
import {
  ancestry,
  cgroupDirectory,
  dropInDirectory,
  dropInName,
  hierarchies,
  limitFile,
  type CgroupPlace,
  type LimitProbes,
} from "./cgroup-place.js";
import { unitProperties } from "./cgroup-unit.js";

const textOf = (content: Uint8Array | undefined): string | undefined =>
  content && Buffer.from(content).toString("utf8").trim();

/** A device's limits with its number, as the kernel names it. */
export interface NumberedDevice {
  readonly number: string;
  readonly limit: DeviceLimit;
}

/** The limits as they are now; what has no file, or none yet, is left out. */
export function currentLimits(
  layout: CgroupLayout,
  seen: Seen<LimitProbes>,
): Map<LimitName, { readonly value: LimitValue; readonly text: string }> {
  const current = new Map<LimitName, { readonly value: LimitValue; readonly text: string }>();
  const names = limitNames.filter((name) => limitFile(layout, name));
  for (const [index, observation] of seen.values.entries()) {
    const name = names[index];
    const text = textOf(observation.content);
    const value = name && text !== undefined ? limitFile(layout, name)?.read(text) : undefined;
    if (name && text !== undefined && value !== undefined) current.set(name, { value, text });
  }
  return current;
}

/** Limits that are not as wanted. */
export function differingLimits(wanted: Limits, current: ReturnType<typeof currentLimits>): LimitName[] {
  return limitNames.filter((name) => {
    const value = wanted[name];
    const now = current.get(name);
    return value !== undefined && !(now && isSameLimit(name, now.value, value));
  });
}

/** Devices whose limits are not as wanted. */
export function differingDevices(
  layout: CgroupLayout,
  wanted: readonly NumberedDevice[],
  seen: Seen<LimitProbes>,
): NumberedDevice[] {
  return wanted.filter(({ number, limit }) =>
    deviceKeys.some((key) => {
      const value = limit[key];
      if (value === undefined) return false;
      if (layout.version === 2)
        return (readIoMax(textOf(seen.devices[0]?.content) ?? "").get(number)?.[key] ?? Infinity) !== value;
      const lines = (textOf(seen.devices[deviceKeys.indexOf(key)]?.content) ?? "").split("\n");
      const line = lines.find((one) => one.startsWith(`${number} `));
      return (line === undefined ? Infinity : Number(line.split(" ")[1])) !== value;
    }),
  );
}

/** The drop-in that keeps the limits: written, or removed where `text` is undefined; systemd is told. */
export function planDropIn(unit: string, text: string | undefined, seen: Seen<LimitProbes>): Change[] {
  const path = `${dropInDirectory(unit)}/${dropInName}`;
  const old = seen.dropIn[0];
  const parent = seen.dropInParent[0]?.stat;
  const reload = {
    kind: "exec",
    at: "host",
    exec: { argv: ["systemctl", "daemon-reload"], user: "root" },
    isContained: true,
  } as const;
  if (text === undefined) {
    return old?.stat ? [{ kind: "remove", at: "host", path, expect: { type: "file" } }, reload] : [];
  }
  const content = contentOf(text);
  if (old?.sha256 === content.sha256) return [];
  const directory = {
    kind: "makeDirectory",
    at: "host",
    path: dropInDirectory(unit),
    mode: 0o755,
    uid: 0,
    gid: 0,
    expect: { type: "absent" },
  } as const;
  const expect = old?.sha256 === undefined ? ({ type: "absent" } as const) : { sha256: old.sha256 };
  return [
    ...(parent ? [] : [directory]),
    { kind: "writeFile", at: "host", path, content, mode: 0o644, uid: 0, gid: 0, expect },
    reload,
  ];
}

/** systemctl sets what runs; the model learns what the kernel's files will say. */
export function planSetProperty(
  layout: CgroupLayout,
  place: CgroupPlace,
  limits: Limits,
  devices: readonly NumberedDevice[],
): Change[] {
  const { unit, cgroup } = place;
  const properties = unitProperties(
    limits,
    devices.map(({ limit }) => limit),
  );
  if (unit === undefined || cgroup === undefined || properties.length === 0) return [];
  const argv = ["systemctl", "set-property", "--runtime", "--", unit, ...properties];
  const assumes = planFiles(layout, cgroup, limits, devices, new Map());
  return [{ kind: "exec", at: "host", exec: { argv, user: "root" }, isContained: true, assumes }];
}

/** Writes to the kernel's files, each only where it still reads as it was seen. */
export function planFiles(
  layout: CgroupLayout,
  cgroup: string,
  limits: Limits,
  devices: readonly NumberedDevice[],
  current: ReturnType<typeof currentLimits>,
): Change[] {
  const changes: Change[] = [];
  for (const name of limitNames) {
    const value = limits[name];
    const file = limitFile(layout, name);
    if (value === undefined || !file) continue;
    const path = `${cgroupDirectory(layout, file.controller, cgroup)}/${file.file}`;
    const now = current.get(name)?.text;
    changes.push({
      kind: "writeKernel",
      at: "host",
      path,
      value: file.write(value),
      expect: {},
      ...(now === undefined ? {} : { current: now }),
    });
  }
  for (const { number, limit } of devices) {
    if (layout.version === 2) {
      changes.push({
        kind: "writeKernel",
        at: "host",
        path: `${cgroupDirectory(layout, "io", cgroup)}/io.max`,
        value: writeIoMax(number, limit),
        expect: {},
      });
      continue;
    }
    for (const key of deviceKeys) {
      const value = limit[key];
      const path = `${cgroupDirectory(layout, "blkio", cgroup)}/${v1DeviceFiles[key]}`;
      if (value !== undefined)
        changes.push({
          kind: "writeKernel",
          at: "host",
          path,
          value: `${number} ${value === Infinity ? 0 : value}`,
          expect: {},
        });
    }
  }
  return changes;
}

/** Directories that are missing, and controllers that their parents do not hand down yet. */
export function planDirectories(
  layout: CgroupLayout,
  cgroup: string,
  controllers: readonly string[],
  seen: Seen<LimitProbes>,
): Change[] {
  const changes: Change[] = [];
  let index = 0;
  for (const hierarchy of hierarchies(layout, controllers)) {
    const chain = ancestry(layout, hierarchy, cgroup);
    for (const [depth, path] of chain.entries()) {
      const isThere = seen.directories[index]?.stat !== undefined;
      const subtree = textOf(seen.subtrees[index]?.content)?.split(/\s+/) ?? [];
      index++;
      if (!isThere)
        changes.push({
          kind: "makeDirectory",
          at: "host",
          path,
          mode: 0o755,
          uid: 0,
          gid: 0,
          expect: { type: "absent" },
        });
      const missing =
        layout.version === 2 && depth < chain.length - 1 ? controllers.filter((one) => !subtree.includes(one)) : [];
      if (missing.length > 0) {
        const value = missing.map((one) => `+${one}`).join(" ");
        changes.push({ kind: "writeKernel", at: "host", path: `${path}/cgroup.subtree_control`, value, expect: {} });
      }
    }
  }
  return changes;
}

/** Before and after as people read them. */
export function limitsDiff(
  names: readonly LimitName[],
  wanted: Limits,
  current: ReturnType<typeof currentLimits>,
): { before: string; after: string } {
  const line = (name: LimitName, value: LimitValue | undefined): string =>
    value === undefined ? "" : `${name}: ${limitText(value)}\n`;
  return {
    before: names.map((name) => line(name, current.get(name)?.value)).join(""),
    after: names.map((name) => line(name, wanted[name])).join(""),
  };
}
