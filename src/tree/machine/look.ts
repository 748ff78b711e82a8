// What is looked at on the host before a machine is set up, started or stopped.

import { cgroupLayout, cgroupLayoutProbes } from "../../facts/cgroup-layout.js";
import { controllersOf, deviceProbes, wantedLimits } from "../../facts/cgroup-params.js";
import { limitProbes, type LimitProbes } from "../../facts/cgroup-place.js";
import { outputText } from "../../module/command-result.js";
import type { Context, Seen } from "../../module/contract.js";
import type {
  ExecObservation,
  ExecProbe,
  ListProbe,
  ReadObservation,
  ReadProbe,
  StatProbe,
} from "../../module/probe.js";
import { baseName, joinPath } from "../../module/tree-path.js";
import type { MachineWish } from "./params.js";
import {
  dropInName,
  enablingLinks,
  limitsDropInName,
  machineNameProblem,
  machineUnit,
  settingsDirectory,
  standardTrees,
  templateDirectories,
  templateName,
  unitsDirectory,
} from "./unit.js";

/** Which machine, and where its tree is. */
export interface MachinePlace {
  readonly name: string;
  readonly unit: string;
  readonly path: string;
  /** systemd-nspawn@ would not look there by itself. */
  readonly isElsewhere: boolean;
  readonly settings: string;
  readonly dropInDirectory: string;
  readonly dropIn: string;
}

/** The place, or a sentence that says why there is none. */
export function machinePlace(
  wish: Pick<MachineWish, "name" | "path">,
  context: Context,
): MachinePlace | { readonly problem: string } {
  const { target } = context;
  const isHost = target.path === "/";
  if (wish.name === undefined && isHost && wish.path === undefined)
    return { problem: `${target.name} is a host's own root, and no machine is named` };
  const own = wish.path ?? (isHost ? undefined : target.path);
  const name = wish.name ?? baseName(own ?? "");
  const problem = machineNameProblem(name);
  if (problem !== undefined) return { problem };
  const path = own ?? joinPath(target.trees, name);
  const unit = machineUnit(name);
  const dropInDirectory = `${unitsDirectory}/${unit}.d`;
  return {
    name,
    unit,
    path,
    isElsewhere: path !== `${standardTrees}/${name}`,
    settings: `${settingsDirectory}/${name}.nspawn`,
    dropInDirectory,
    dropIn: `${dropInDirectory}/${dropInName}`,
  };
}

/** What `systemctl show` is asked for. */
const shown = ["LoadState", "ActiveState", "Result", "StatusText", "ControlGroup", "ExecMainStartTimestamp"].join(",");

export type MachineProbes = {
  readonly systemdRuns: StatProbe;
  readonly cgroupControllers: ReadProbe;
  readonly cgroupMounts: ListProbe;
  readonly templates: readonly ReadProbe[];
  readonly tree: StatProbe;
  readonly image: StatProbe;
  readonly registered: ReadProbe;
  readonly settings: ReadProbe;
  readonly settingsDirectory: StatProbe;
  readonly ownDropIn: ReadProbe;
  readonly dropIns: ListProbe;
  readonly runtime: StatProbe;
  readonly link: StatProbe;
  readonly wants: StatProbe;
  readonly targetLink: StatProbe;
  readonly targetWants: StatProbe;
  readonly show: ExecProbe;
  readonly namedDevices: readonly StatProbe[];
};

export type MachineMoreProbes = {
  /** What its own systemd says of itself, where it is waited for. */
  readonly inside: readonly ExecProbe[];
  readonly journal: readonly ExecProbe[];
  /** The program of its init (a link in /proc). */
  readonly init: readonly StatProbe[];
} & LimitProbes;

export type MachineSeen = Seen<MachineProbes> & Seen<MachineMoreProbes>;

const hostExec = (argv: readonly string[], more: Omit<ExecProbe, "kind" | "exec"> = {}): ExecProbe => ({
  kind: "exec",
  exec: { argv, user: "root", directory: "/", timeoutMs: 20_000 },
  isOfProcesses: true,
  ...more,
});

export function machineProbes(wish: MachineWish, place: MachinePlace): MachineProbes {
  const { unit, path, settings, dropIn, dropInDirectory } = place;
  const links = enablingLinks(unit);
  return {
    ...cgroupLayoutProbes,
    templates: templateDirectories.map((directory): ReadProbe => ({
      kind: "read",
      path: `${directory}/${templateName}`,
      limit: 65_536,
    })),
    tree: { kind: "stat", path },
    image: { kind: "stat", path: `${path}.raw` },
    registered: { kind: "read", path: `/run/systemd/machines/${place.name}`, limit: 65_536 },
    settings: { kind: "read", path: settings, limit: 1024 * 1024 },
    settingsDirectory: { kind: "stat", path: settingsDirectory },
    ownDropIn: { kind: "read", path: dropIn, limit: 1024 * 1024 },
    dropIns: { kind: "list", path: dropInDirectory, depth: 1, limit: 1000 },
    runtime: { kind: "stat", path: `/run/systemd/system.control/${unit}.d` },
    link: { kind: "stat", path: links.machine },
    wants: { kind: "stat", path: `${unitsDirectory}/machines.target.wants` },
    targetLink: { kind: "stat", path: links.target },
    targetWants: { kind: "stat", path: `${unitsDirectory}/multi-user.target.wants` },
    show: hostExec(["systemctl", "show", "--timestamp=us+utc", `--property=${shown}`, "--", unit], {
      lines: "^(LoadState|ActiveState)=",
    }),
    namedDevices: deviceProbes(wish.io_max),
  };
}

/** The unit as systemd shows it. */
export interface UnitState {
  readonly isKnown: boolean;
  readonly loadState: string;
  /** active, activating, deactivating, failed, inactive, … */
  readonly activeState: string;
  readonly result: string;
  /** What the machine's init told of itself through systemd-nspawn. */
  readonly statusText: string;
  readonly controlGroup: string;
  /** Microseconds since 1970; undefined: it does not run, or is not known. */
  readonly startedAtUs: number | undefined;
}

export function unitState(seen: ExecObservation): UnitState {
  const lines = outputText(seen.stdout).split("\n");
  const value = (name: string): string =>
    lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  return {
    isKnown: value("ActiveState") !== "",
    loadState: value("LoadState"),
    activeState: value("ActiveState"),
    result: value("Result"),
    statusText: value("StatusText"),
    controlGroup: value("ControlGroup"),
    startedAtUs: microseconds(value("ExecMainStartTimestamp")),
  };
}

/** `Mon 2026-11-30 02:17:28.455601 UTC`. */
function microseconds(text: string): number | undefined {
  const [, date, time, fraction] = /^\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{6}) UTC$/.exec(text) ?? [];
  if (fraction === undefined) return undefined;
  const seconds = Date.parse(`${date}T${time}Z`) / 1000;
  return Number.isFinite(seconds) ? seconds * 1e6 + Number(fraction) : undefined;
}

/** How long an init may say nothing through systemd-nspawn before its bus is asked. */
const silenceMs = 5000;

/** Whether its systemd has told systemd-nspawn that it is up. */
export function saysReady({ statusText }: UnitState): boolean {
  return /Ready\.|Startup finished/.test(statusText);
}

export function runs(unit: UnitState): boolean {
  return ["active", "activating", "reloading", "refreshing"].includes(unit.activeState);
}

export function isWanted(wish: MachineWish): boolean {
  return wish.state === "started" || wish.state === "restarted";
}

export function machineMoreProbes(
  wish: MachineWish,
  place: MachinePlace,
  seen: Seen<MachineProbes>,
  context: Context,
): MachineMoreProbes {
  const layout = cgroupLayout(seen);
  const unit = unitState(seen.show);
  const isUp = runs(unit);
  const limits = wantedLimits(wish);
  const nowhere = { unit: undefined, cgroup: undefined };
  const isLimited = !("problem" in limits) && (Object.keys(limits.limits).length > 0 || limits.devices.length > 0);
  const at = isUp && isLimited && unit.controlGroup !== "" ? { unit: place.unit, cgroup: unit.controlGroup } : nowhere;
  const isWaitedFor = (isWanted(wish) || context.elapsedMs > 0) && wish.wait && isUp && wish.boot !== false;
  // While it comes up its bus is not asked each time: a host that starts many has other things to do.
  const isAsked = isWaitedFor && (saysReady(unit) || context.elapsedMs > silenceMs);
  const leader = isWaitedFor ? leaderOf(seen.registered) : undefined;
  const isMissed = context.elapsedMs > 0 && !(isUp && !wish.wait);
  return {
    inside: isAsked ? [hostExec(["systemctl", `--machine=${place.name}`, "is-system-running"])] : [],
    journal: isMissed
      ? [hostExec(["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=12", `--unit=${place.unit}`])]
      : [],
    init: leader === undefined ? [] : [{ kind: "stat", path: `/proc/${leader}/exe` }],
    ...limitProbes(layout, at, "problem" in limits ? [] : controllersOf(layout, limits)),
  };
}

/** The pid of its init, as machined keeps it. */
function leaderOf({ content }: ReadObservation): string | undefined {
  return /^LEADER=([1-9]\d{0,9})$/m.exec(Buffer.from(content ?? []).toString("utf8"))?.[1];
}

export const ownDropIns: readonly string[] = [dropInName, limitsDropInName];
