// Looks at all machines of a host: those that run, are set up, or start with it.

import { CrunError } from "../diagnostic/diagnostic.js";
import { outputText } from "../module/command-result.js";
import { describeFailure } from "../module/failure-text.js";
import type { Observation, Probe, ReadProbe } from "../module/probe.js";
import { readImages, type MachineImage } from "../tree/machine/images.js";
import { listedMachines, listedProperties, namesIn, type ListedMachine } from "../tree/machine/shown.js";
import { dropInName, machineUnit, unitsDirectory } from "../tree/machine/unit.js";
import type { HostSession, TreeSession } from "./session.js";

const registrations = "/run/systemd/machines";

/** By name; undefined: systemd does not run there. Rejects with a CrunError (exitStatus 4) where the host cannot be looked at. */
export async function listMachines(session: HostSession): Promise<readonly ListedMachine[] | undefined> {
  const root = session.openTree("/", { entry: "auto", isHostRoot: true });
  try {
    return await look(session.host, root);
  } finally {
    await root.close();
  }
}

/** What machinectl has as images. Rejects with a CrunError (exitStatus 4) where it tells nothing. */
export async function listImages(session: HostSession): Promise<readonly MachineImage[]> {
  const root = session.openTree("/", { entry: "auto", isHostRoot: true });
  try {
    const [answer] = await root.observe([program(["machinectl", "list-images", "--output=json"])]);
    // With none of them old versions say so in words.
    return readImages(said(session.host, "machinectl list-images", answer)) ?? [];
  } finally {
    await root.close();
  }
}

async function look(host: string, root: TreeSession): Promise<readonly ListedMachine[] | undefined> {
  const [systemd, registered, settings, links, dropIns] = await root.observe([
    { kind: "stat", path: "/run/systemd/system" },
    { kind: "list", path: registrations, depth: 1, limit: 10_000 },
    { kind: "glob", path: "/etc/systemd/nspawn/*.nspawn" },
    { kind: "glob", path: `${unitsDirectory}/machines.target.wants/systemd-nspawn@*.service` },
    { kind: "glob", path: `${unitsDirectory}/systemd-nspawn@*.service.d/${dropInName}` },
  ]);
  if (systemd?.kind !== "stat" || systemd.stat === undefined) return undefined;
  const paths = [settings, links].flatMap((one) => (one?.kind === "glob" ? one.paths : []));
  const own = dropIns?.kind === "glob" ? dropIns.paths.map((path) => path.slice(0, -`.d/${dropInName}`.length)) : [];
  const running = registered?.kind === "list" ? registered.entries.map(({ name }) => name) : [];
  const names = namesIn([...paths, ...own, ...running]);
  if (names.length === 0) return [];
  const answers = await root.observe([
    program([
      "systemctl",
      "show",
      "--timestamp=us+utc",
      `--property=${listedProperties}`,
      "--",
      ...names.map(machineUnit),
    ]),
    program(["machinectl", "list", "--output=json"]),
    ...names.map((name) => read(`${registrations}/${name}`)),
    ...names.map((name) => read(`${unitsDirectory}/${machineUnit(name)}.d/${dropInName}`)),
  ]);
  const [show, machined, ...texts] = answers;
  const texted = names.map((name, index) => ({
    name,
    registered: textOf(texts[index]),
    dropIn: textOf(texts[names.length + index]),
  }));
  return listedMachines(texted, said(host, "systemctl show", show), optional(machined));
}

function program(argv: readonly string[]): Probe {
  return { kind: "exec", exec: { argv, user: "root", directory: "/", timeoutMs: 30_000 } };
}

function read(path: string): ReadProbe {
  return { kind: "read", path, limit: 65_536 };
}

function textOf(answer: Observation | undefined): string | undefined {
  return answer?.kind === "read" && answer.content ? outputText(answer.content) : undefined;
}

function optional(answer: Observation | undefined): string {
  return answer?.kind === "exec" ? outputText(answer.stdout) : "";
}

function said(host: string, what: string, answer: Observation | undefined): string {
  if (answer?.kind !== "exec") throw new Error("a program was asked for");
  if (answer.exit.kind === "exited" && answer.exit.value === 0) return outputText(answer.stdout);
  const why = answer.exit.failure ? describeFailure(answer.exit.failure) : outputText(answer.stderr).trim();
  throw new CrunError({ severity: "error", summary: `${host}: ${what} tells nothing: ${why.slice(0, 500)}` }, 4);
}
