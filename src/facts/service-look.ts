// What a task on a service looks at: unit files, their links, init scripts, and, in a booted tree, the service itself.

import { posix } from "node:path";
import type { Context, Seen } from "../module/contract.js";
import type {
  ExecProbe,
  GlobProbe,
  ListProbe,
  MachineProbe,
  ReadObservation,
  ReadProbe,
  StatObservation,
  StatProbe,
} from "../module/probe.js";
import { isSysvEnabled, rcLinks } from "./sysv.js";
import {
  configDirectory,
  parseInstall,
  prefersUsr,
  templateOf,
  unitDirectories,
  unitName,
  type UnitFile,
} from "./systemd-units.js";

export interface ServiceWish {
  readonly name: string;
  readonly state: "reloaded" | "restarted" | "started" | "stopped" | undefined;
  readonly enabled: boolean | undefined;
  readonly use: string;
  readonly sleep?: number | undefined;
  readonly arguments?: string;
  readonly masked?: boolean | undefined;
  /** systemctl does not wait for what it starts. */
  readonly isAsynchronous?: boolean;
}

/** What is wrong with a service's name, as a sentence; undefined: nothing. */
export function serviceNameProblem(name: string): string | undefined {
  if (/[*?[]/.test(name)) return `service takes no patterns, found in ${name}`;
  if (/[/\s]/.test(name) || name.startsWith("-") || name === "") return `${JSON.stringify(name)} is no service's name`;
  return undefined;
}

export type ServiceProbes = {
  readonly stats: readonly StatProbe[];
  readonly reads: readonly ReadProbe[];
  readonly dropIns: readonly GlobProbe[];
  readonly config: ListProbe;
  readonly script: ReadProbe;
  readonly rc: GlobProbe;
  readonly rcDirectories: GlobProbe;
  readonly insserv: StatProbe;
  readonly runs: StatProbe;
  readonly machine: MachineProbe;
};

export type ServiceMoreProbes = {
  readonly dropInTexts: readonly ReadProbe[];
  readonly moreStats: readonly StatProbe[];
  readonly moreReads: readonly ReadProbe[];
  /** The links that will be turned: so that the model knows what they are. */
  readonly rcStats: readonly StatProbe[];
  readonly show: readonly ExecProbe[];
  readonly status: readonly ExecProbe[];
};

export type ServiceSeen = Seen<ServiceProbes> & Seen<ServiceMoreProbes>;

/** Bytes of a unit's file, a drop-in or an init script; what is larger is none. */
const unitLimit = 1024 * 1024;

/** Paths where a unit's file may lie: the unit's own first, then its template's. */
function unitPaths(name: string): string[] {
  const template = templateOf(name);
  const names = template === undefined ? [name] : [name, template];
  return names.flatMap((one) => unitDirectories.map((directory) => `${directory}/${one}`));
}

function unitProbes(name: string) {
  const paths = unitPaths(name);
  return {
    stats: paths.map((path): StatProbe => ({ kind: "stat", path })),
    reads: paths.map((path): ReadProbe => ({ kind: "read", path, limit: unitLimit })),
    dropIns: paths.map((path): GlobProbe => ({ kind: "glob", path: `${path}.d/*.conf` })),
  };
}

export function scriptName(wish: ServiceWish): string {
  return wish.name.replace(/\.service$/, "");
}

export function observeService(wish: ServiceWish): ServiceProbes {
  const script = scriptName(wish);
  return {
    ...unitProbes(unitName(wish.name)),
    config: { kind: "list", path: configDirectory, depth: 2 },
    script: { kind: "read", path: `/etc/init.d/${script}`, limit: unitLimit },
    rc: { kind: "glob", path: rcLinks(script) },
    rcDirectories: { kind: "glob", path: "/etc/rc?.d" },
    insserv: { kind: "stat", path: "/etc/insserv.conf" },
    runs: { kind: "stat", path: "/run/systemd/system" },
    machine: { kind: "machine" },
  };
}

/** How the tree is booted: by systemd, by another init, or not. */
export function bootOf(seen: Seen<ServiceProbes>, context: Context): "systemd" | "other" | undefined {
  const { machine } = seen.machine;
  if (machine) return machine.init.includes("systemd") ? "systemd" : "other";
  if (context.target.path !== "/") return undefined;
  return seen.runs.stat ? "systemd" : "other";
}

export function observeServiceMore(wish: ServiceWish, seen: Seen<ServiceProbes>, context: Context): ServiceMoreProbes {
  const name = unitName(wish.name);
  const own = loadUnit(name, seen.stats, seen.reads, [], isUsr(seen), wish.masked === false);
  const others =
    own?.kind === "alias" ? [own.of] : own?.kind === "found" && wish.enabled !== undefined ? alsoOf(own) : [];
  const more = others.map(unitProbes);
  const boot = bootOf(seen, context);
  const needsState = wish.state !== undefined && boot !== undefined;
  const isScript = wish.use === "sysvinit" || (boot === "other" && seen.script.content !== undefined);
  const isTurned =
    wish.enabled !== undefined && seen.script.content !== undefined && isSysvEnabled(seen.rc.paths) !== wish.enabled;
  const script: ExecProbe = { kind: "exec", exec: { argv: [`/etc/init.d/${scriptName(wish)}`, "status"] } };
  return {
    dropInTexts: dropInPaths(seen.dropIns.flatMap((one) => one.paths)).map((path) => ({
      kind: "read",
      path,
      limit: unitLimit,
    })),
    moreStats: more.flatMap((one) => one.stats),
    moreReads: more.flatMap((one) => one.reads),
    rcStats: isTurned ? seen.rc.paths.map((path) => ({ kind: "stat", path })) : [],
    show: needsState && !isScript ? [showProbe(name)] : [],
    status: needsState && isScript ? [script] : [],
  };
}

/** What runs of a unit; its times and numbers change by themselves. */
function showProbe(name: string): ExecProbe {
  return {
    kind: "exec",
    exec: { argv: ["systemctl", "show", "--no-pager", name] },
    lines: "^(LoadState|ActiveState|SubState)=",
    isOfProcesses: true,
  };
}

/** Drop-ins in the order in which systemd reads them: by file name, and of one name only the first directory's. */
function dropInPaths(paths: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const path of paths) if (!byName.has(posix.basename(path))) byName.set(posix.basename(path), path);
  return [...byName.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

function isUsr(seen: Seen<ServiceProbes>): boolean {
  return prefersUsr(seen.config.entries);
}

/** Units that Also names, spelt out for the unit. */
function alsoOf(unit: Extract<UnitFile, { kind: "found" }>): string[] {
  return [...new Set(unit.install.also.map(unitName))].filter((one) => one !== unit.name);
}

/** The unit among the paths that were looked at, or undefined. `texts`: its drop-ins. */
function loadUnit(
  name: string,
  stats: readonly StatObservation[],
  reads: readonly ReadObservation[],
  texts: readonly string[],
  isUsrPreferred: boolean,
  isUnmasked = false,
): UnitFile | undefined {
  const paths = unitPaths(name);
  // A mask that is to be taken away does not hide what is behind it.
  const hides = (one: string, index: number): boolean =>
    isUnmasked && one === `${configDirectory}/${name}` && stats[index]?.stat?.target === "/dev/null";
  const at = paths.findIndex((one, index) => stats[index]?.stat !== undefined && !hides(one, index));
  const path = paths[at];
  const stat = stats[at]?.stat;
  if (path === undefined || !stat) return undefined;
  if (stat.type === "link" && stat.target === "/dev/null") return { kind: "masked", name, path };
  if (stat.type === "file" && stat.size === 0) return { kind: "masked", name, path };
  const base = posix.basename(path);
  const target = posix.resolve(posix.dirname(path), stat.target);
  if (stat.type === "link" && posix.basename(target) !== base)
    return { kind: "alias", name, of: posix.basename(target) };
  const twin = path.startsWith("/lib/") && stats[at + 1]?.stat !== undefined && paths[at + 1] === `/usr${path}`;
  const text = Buffer.from(reads[at]?.content ?? []).toString("utf8");
  return {
    kind: "found",
    name,
    path: stat.type === "link" ? target : twin && isUsrPreferred ? `/usr${path}` : path,
    install: parseInstall([text, ...texts]),
  };
}

/** The unit of the task, with aliases followed, and the units that it names in Also. */
export interface ServiceUnits {
  readonly unit: UnitFile | undefined;
  readonly also: readonly UnitFile[];
  /** Also names that were not found, or that lead further than was looked. */
  readonly unknown: readonly string[];
}

export function unitsOf(wish: ServiceWish, seen: ServiceSeen): ServiceUnits {
  if (wish.use === "sysvinit") return { unit: undefined, also: [], unknown: [] };
  const name = unitName(wish.name);
  const texts = seen.dropInTexts.map((one) => Buffer.from(one.content ?? []).toString("utf8"));
  const own = loadUnit(name, seen.stats, seen.reads, texts, isUsr(seen), wish.masked === false);
  let from = 0;
  const next = (one: string): UnitFile | undefined => {
    const count = unitPaths(one).length;
    const unit = loadUnit(
      one,
      seen.moreStats.slice(from, from + count),
      seen.moreReads.slice(from, from + count),
      [],
      isUsr(seen),
    );
    from += count;
    return unit;
  };
  if (own?.kind === "alias") {
    const unit = next(own.of);
    return { unit, also: [], unknown: unit?.kind === "found" ? alsoOf(unit) : [] };
  }
  if (own?.kind !== "found" || wish.enabled === undefined) return { unit: own, also: [], unknown: [] };
  const names = alsoOf(own);
  const also = names.map(next);
  const known = new Set([name, ...names]);
  const further = also.flatMap((one) => (one?.kind === "found" ? alsoOf(one) : [])).filter((one) => !known.has(one));
  return { unit: own, also: also.filter((one) => one !== undefined), unknown: further };
}
