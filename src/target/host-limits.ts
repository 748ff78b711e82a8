// Where processes of a host get cgroups of their own: found, or asked of systemd, once for each connection.

import type { Change, Outcome } from "../module/change.js";
import type { ListObservation, Observation, Probe, ReadObservation, StatObservation } from "../module/probe.js";
import { cgroupLayout, cgroupLayoutProbes, type CgroupLayout } from "../facts/cgroup-layout.js";
import { cgroupDirectory } from "../facts/cgroup-place.js";
import {
  failureOfStep,
  limitControllers,
  makerOfCgroup,
  membership,
  possibleBases,
  processCgroupName,
  type LimitBase,
} from "../facts/cgroup-process.js";
import type { LimitProblem } from "../facts/process-limits.js";
import { startKeeper, type Keeper } from "./scope-keeper.js";
import type { OpenOptions, TreeSession } from "./session.js";

/** A machine whose processes are meant. */
export interface LimitedMachine {
  /** Of its tree. */
  readonly path: string;
  readonly leader: number;
  readonly init: string;
}

/** Opens a tree of this connection, for the process that keeps systemd's scope alone. */
export type OpenPlain = (path: string, options: OpenOptions) => TreeSession;

export class HostLimits {
  readonly #open: OpenPlain;
  readonly #helper: number;
  readonly #bases = new Map<string, Promise<LimitBase | LimitProblem>>();
  #last = 0;

  /** `helper` is the pid that the greeting told. */
  constructor(open: OpenPlain, helper: number) {
    this.#open = open;
    this.#helper = helper;
  }

  /** A name that no other cgroup has. */
  nextName(): string {
    return processCgroupName(this.#helper, ++this.#last);
  }

  /** The directories for processes of the host and of its trees, or of a machine that runs. What cannot be had is asked for again the next time. */
  base(machine: LimitedMachine | undefined): Promise<LimitBase | LimitProblem> {
    const key = machine ? `${machine.leader} ${machine.path}` : "";
    const known = this.#bases.get(key);
    if (known) return known;
    const found = this.#find(machine);
    this.#bases.set(key, found);
    const forget = (): boolean => this.#bases.delete(key);
    void found.then((base) => "problem" in base && forget(), forget);
    return found;
  }

  async #find(machine: LimitedMachine | undefined): Promise<LimitBase | LimitProblem> {
    const host = this.#open("/", { entry: "auto", isHostRoot: true });
    try {
      const layout = await lookAtLayout(host);
      if (layout.controllers.length === 0) return { problem: "this host has no cgroup controllers" };
      const hasSystemd = machine ? machine.init === "systemd" : layout.isSystemd;
      if (!hasSystemd) return await findBase(host, layout, machine ? `/proc/${machine.leader}` : "/proc/self", true);
      const keeper = await startKeeper(
        machine
          ? this.#open(machine.path, { entry: "machine", isHostRoot: false })
          : this.#open("/", { entry: "auto", isHostRoot: true }),
        `crun-${this.#helper}${machine ? "-limits" : ""}`,
      );
      return "problem" in keeper ? keeper : await delegated(host, layout, keeper);
    } finally {
      await host.close();
    }
  }
}

async function lookAtLayout(host: TreeSession): Promise<CgroupLayout> {
  const names = ["cgroupControllers", "cgroupMounts", "systemdRuns"] as const;
  const seen = await host.observe(names.map((name): Probe => cgroupLayoutProbes[name]));
  return cgroupLayout({
    cgroupControllers: seen[0] as ReadObservation,
    cgroupMounts: seen[1] as ListObservation,
    systemdRuns: seen[2] as StatObservation,
  });
}

/** systemd's scope is ours to divide: with v2 its keeper moves into a part of its own first, as no process may be where controllers are handed down. */
async function delegated(host: TreeSession, layout: CgroupLayout, keeper: Keeper): Promise<LimitBase | LimitProblem> {
  const text = textOf((await host.observe([{ kind: "read", path: `/proc/${keeper.pid}/cgroup` }]))[0]);
  const paths = membership(text);
  if (layout.version === 1) return await baseIn(host, layout, directoriesOf(layout, paths), false);
  const scope = cgroupDirectory(layout, "", paths.get("") ?? "");
  const own = `${scope}/keeper`;
  const changes: readonly Change[] = [
    { kind: "makeDirectory", path: own, mode: 0o755, uid: 0, gid: 0, expect: {} },
    { kind: "writeKernel", path: `${own}/cgroup.procs`, value: String(keeper.pid), expect: {} },
  ];
  const problem = problemIn(changes, await host.apply(changes));
  return problem ?? (await baseIn(host, layout, new Map([["", scope]]), false));
}

function problemIn(changes: readonly Change[], outcomes: readonly Outcome[]): LimitProblem | undefined {
  for (const [index, { failure }] of outcomes.entries()) {
    const change = changes[index];
    if (failure && change)
      return { problem: failureOfStep(undefined, { ...failure, path: "path" in change ? change.path : "" }).message };
  }
  return undefined;
}

function directoriesOf(layout: CgroupLayout, paths: ReadonlyMap<string, string>): Map<string, string> {
  const best = [...possibleBases(layout, paths)].map(([one, directories]) => [one, directories[0] ?? ""] as const);
  return new Map(best);
}

/** Beside or beneath where a process is: the first possible directory that is there. */
async function findBase(
  host: TreeSession,
  layout: CgroupLayout,
  proc: string,
  sweeps: boolean,
): Promise<LimitBase | LimitProblem> {
  const text = textOf((await host.observe([{ kind: "read", path: `${proc}/cgroup` }]))[0]);
  if (text === "") return { problem: `the cgroups of the process cannot be read (${proc}/cgroup)` };
  const possible = [...possibleBases(layout, membership(text))];
  const paths = possible.flatMap(([, directories]) => directories);
  const seen = await host.observe(paths.map((path): Probe => ({ kind: "stat", path })));
  const isThere = (path: string): boolean => {
    const one = seen[paths.indexOf(path)];
    return one?.kind === "stat" && one.stat?.type === "directory";
  };
  const directories = new Map<string, string>();
  for (const [controller, candidates] of possible) {
    const found = candidates.find(isThere);
    if (found !== undefined) directories.set(controller, found);
  }
  return await baseIn(host, layout, directories, sweeps);
}

/** Reads what there is to know of the directories, and takes away what helpers that are gone left in them. */
async function baseIn(
  host: TreeSession,
  layout: CgroupLayout,
  directories: ReadonlyMap<string, string>,
  sweeps: boolean,
): Promise<LimitBase> {
  const cpuset = directories.get("cpuset") ?? "";
  const files =
    layout.version === 2
      ? [`${directories.get("") ?? ""}/cgroup.controllers`]
      : [`${cpuset}/cpuset.cpus`, `${cpuset}/cpuset.mems`];
  const [first, second] = (await host.observe(files.map((path): Probe => ({ kind: "read", path })))).map(textOf);
  if (sweeps) await sweep(host, [...directories.values()]);
  if (layout.version === 1)
    return { layout, directories, cpuset: { cpus: first?.trim() ?? "", mems: second?.trim() ?? "" } };
  const handedDown = (first ?? "").trim().split(/\s+/);
  const controllers = limitControllers.filter((one) => handedDown.includes(one));
  return { layout: { ...layout, controllers }, directories, cpuset: { cpus: "", mems: "" } };
}

/** Cgroups that hold no process and whose maker is gone. One that is in use cannot be removed. */
async function sweep(host: TreeSession, directories: readonly string[]): Promise<void> {
  const lists = await host.observe(directories.map((path): Probe => ({ kind: "list", path, depth: 1 })));
  const stale = lists.flatMap((one, index) =>
    (one.kind === "list" ? one.entries : [])
      .filter(({ name, stat }) => stat.type === "directory" && makerOfCgroup(name) !== undefined)
      .map(({ name }) => ({ path: `${directories[index]}/${name}`, maker: makerOfCgroup(name) ?? 0 })),
  );
  if (stale.length === 0) return;
  const makers = await host.observe(stale.map(({ maker }): Probe => ({ kind: "stat", path: `/proc/${maker}` })));
  for (const [index, { path }] of stale.entries()) {
    const maker = makers[index];
    if (maker?.kind === "stat" && maker.stat === undefined) await host.apply([removal(path)]);
  }
}

/** Takes away a cgroup that is empty. */
export function removal(path: string): Change {
  return { kind: "remove", at: "host", path, expect: { type: "directory" } };
}

function textOf(seen: Observation | undefined): string {
  return seen?.kind === "read" && seen.content ? Buffer.from(seen.content).toString("latin1") : "";
}
