// `crun machine list` and `status`: the machines of hosts, as rows or one by one.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { cleanLine } from "../../report/clean.js";
import { table } from "../../report/table.js";
import { listMachines } from "../../target/list-machines.js";
import type { HostAddress, HostSession } from "../../target/session.js";
import type { ListedMachine } from "../../tree/machine/shown.js";
import { targetsFor } from "../find-targets.js";
import { findFleet } from "../fleet.js";
import { atDesk, type Desk, type LookOptions } from "../tree/open-trees.js";

/** A host and which of its machines are meant: those on these trees; undefined: all. */
export interface Wanted {
  readonly host: string;
  readonly address: HostAddress;
  readonly trees: string;
  readonly only: Map<string, string> | undefined;
}

interface Row {
  readonly target: string;
  readonly machine: ListedMachine;
}

/** Gives 0, or 4 where a host could not be looked at. */
export async function runMachineList(pattern: string | undefined, options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const { rows, isLost } = await rowsOf(pattern, options, desk);
    if (desk.isJson) for (const row of rows) desk.printData(dataOf(row));
    else if (rows.length > 0)
      desk.print(
        table(["MACHINE", "STATE", "LEADER", "ADDRESSES", "OS", "SINCE", "LIMITS", "AT BOOT"], rows.map(cells)),
      );
    else if (!isLost) desk.print("no machines\n");
    return isLost ? 4 : 0;
  });
}

/** Gives 0 where all of them run, 2 where one does not, 4 where a host could not be looked at. */
export async function runMachineStatus(pattern: string, options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const { rows, isLost } = await rowsOf(pattern, options, desk);
    if (rows.length === 0 && !isLost)
      throw new CrunError({
        severity: "error",
        summary: `${pattern} has no machine`,
        remedy: "See what there is: crun machine list",
      });
    for (const row of rows) {
      if (desk.isJson) desk.printData(dataOf(row));
      else desk.print(page(row));
    }
    if (isLost) return 4;
    return rows.every(({ machine }) => machine.state === "running") ? 0 : 2;
  });
}

async function rowsOf(
  pattern: string | undefined,
  options: LookOptions,
  desk: Desk,
): Promise<{ readonly rows: readonly Row[]; readonly isLost: boolean }> {
  const { found, isLost } = await onHosts(pattern, options, desk, async (wanted, session) => {
    const machines = await listMachines(session);
    if (machines) return rowsIn(wanted, machines);
    desk.warn({ severity: "warning", summary: `${wanted.host}: systemd does not run there, so it has no machines` });
    return [];
  });
  return { rows: found, isLost };
}

/** Looks at all hosts of a pattern at once; one that cannot be looked at is told of, and `isLost`. */
export async function onHosts<T>(
  pattern: string | undefined,
  options: LookOptions,
  desk: Desk,
  look: (wanted: Wanted, session: HostSession) => Promise<readonly T[]>,
): Promise<{ readonly found: readonly T[]; readonly isLost: boolean }> {
  const { setup, pool } = desk;
  const isEmpty = setup.inventory.targets.size === 0 && setup.inventory.base.rules.length === 0;
  const asked = pattern ?? (isEmpty ? "local" : "all");
  const lost = await findFleet(setup, pool, { patterns: [asked], limit: options.limit });
  for (const error of new Set(lost.values())) for (const one of error.diagnostics) desk.warn(one);
  let isLost = lost.size > 0;
  const looks = await Promise.all(
    wantedOf(asked, pattern === undefined, options, desk, lost).map(async (wanted) => {
      try {
        return await look(wanted, await desk.pool.get(wanted.address));
      } catch (error) {
        if (!(error instanceof CrunError) || error.exitStatus !== 4) throw error;
        isLost = true;
        for (const one of error.diagnostics) desk.warn(one);
        return [];
      }
    }),
  );
  return { found: looks.flat(), isLost };
}

/** By host: all its machines where the host itself is named (or nothing), else those on the trees that are. */
function wantedOf(
  pattern: string,
  isAll: boolean,
  options: LookOptions,
  { setup }: Desk,
  lost: Awaited<ReturnType<typeof findFleet>>,
): readonly Wanted[] {
  const hosts = new Map<string, Wanted>();
  for (const target of targetsFor(pattern, options.limit, setup, lost)) {
    if (target.lost) continue;
    const { address, name, path, trees, isHostRoot } = target;
    const known = hosts.get(address.name);
    const isWhole = isAll || isHostRoot || (known !== undefined && !known.only);
    const only = isWhole ? undefined : new Map([...(known?.only ?? []), [path, name]]);
    hosts.set(address.name, { host: address.name, address, trees, only });
  }
  return [...hosts.values()];
}

function rowsIn({ host, trees, only }: Wanted, machines: readonly ListedMachine[]): readonly Row[] {
  return machines.flatMap((machine): Row[] => {
    const isUsual = machine.path === `${trees}/${machine.name}`;
    const target = only?.get(machine.path) ?? `${host}:${isUsual ? machine.name : machine.path}`;
    return only && !only.has(machine.path) ? [] : [{ target, machine }];
  });
}

function cells({ target, machine }: Row): string[] {
  const { state, says, leader, addresses, os = "", since = "", isEnabled } = machine;
  const isUp = says === undefined || /^(?:Ready\.|Startup finished)/.test(says);
  return [
    target,
    state === "running" && !isUp ? "coming up" : state,
    leader === undefined ? "" : String(leader),
    addresses.join(" "),
    os,
    since.slice(0, 16).replace("T", " "),
    limits(machine),
    isEnabled ? "enabled" : "",
  ];
}

function limits({ memory, memoryMax, tasks, tasksMax, cpuMax, state }: ListedMachine): string {
  const used = (now: string | undefined, most: string | undefined): string =>
    [state === "running" ? now : undefined, most].filter((one) => one !== undefined).join("/");
  const count = (number: number | undefined): string | undefined => (number === undefined ? undefined : String(number));
  const parts = [
    [used(bytes(memory), bytes(memoryMax)), "memory"],
    [used(count(tasks), count(tasksMax)), "tasks"],
    [cpuMax === undefined ? "" : `${cpuMax}%`, "CPU"],
  ] as const;
  return parts.flatMap(([text, what]) => (text === "" ? [] : [`${text} ${what}`])).join(", ");
}

export function bytes(number: number | undefined): string | undefined {
  if (number === undefined) return undefined;
  const units = ["B", "K", "M", "G", "T"];
  let [value, unit] = [number, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

function page({ target, machine }: Row): string {
  const { name, unit, path, state, says, leader, addresses, os, since, isEnabled } = machine;
  const pairs: readonly (readonly [string, string | undefined])[] = [
    ["state", says === undefined ? state : `${state} (${says})`],
    ["unit", unit],
    ["tree", path],
    ["at boot", isEnabled ? "starts with the host" : "does not start by itself"],
    ["since", since],
    ["leader", leader === undefined ? undefined : String(leader)],
    ["system", os],
    ["addresses", addresses.length === 0 ? undefined : addresses.join(" ")],
    ["limits", limits(machine)],
  ];
  const lines = pairs.flatMap(([what, text]) =>
    text === undefined || text === "" ? [] : [`  ${what.padEnd(10)} ${cleanLine(text)}`],
  );
  return `${cleanLine(target)}: machine ${cleanLine(name)}\n${lines.join("\n")}\n`;
}

function dataOf({ target, machine }: Row): Readonly<Record<string, unknown>> {
  const { name, unit, path, state, says, isEnabled, leader, addresses, os, since, ...numbers } = machine;
  return {
    event: "machine",
    target,
    machine: name,
    unit,
    path,
    state,
    says: says ?? null,
    enabled: isEnabled,
    leader: leader ?? null,
    addresses,
    os: os ?? null,
    since: since ?? null,
    memory: numbers.memory ?? null,
    memory_max: numbers.memoryMax ?? null,
    tasks: numbers.tasks ?? null,
    tasks_max: numbers.tasksMax ?? null,
    cpu_max_percent: numbers.cpuMax ?? null,
  };
}
