// The ways in which crun gets at the files of a tree, each as a function that plays tasks on it.

import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { brief, readEvents, type Told } from "../integration/cli.js";
import { crunPath, type Task } from "../integration/crun-tasks.js";
import { must, repositoryRoot, run } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";
import type { FileWay } from "./catalogue.js";
import type { Scene } from "./oracle.js";

/** System calls that are taken away for `files/no-openat2`: of kernels before 5.6, or of a filter that does not know them; and files without a name, which some file systems lack. */
export const newCalls = "openat2,statx,close_range,O_TMPFILE";

/** A user that this machine has not, to be without root as. */
export const rootlessUser = 33_335;
export const rootlessPrefix = [
  "setpriv",
  `--reuid=${rootlessUser}`,
  `--regid=${rootlessUser}`,
  "--clear-groups",
  "--inh-caps=-all",
];

export interface Held {
  readonly way: FileWay;
  /** Plays tasks on the tree, one after the other whatever becomes of each, with `--output json`. */
  readonly play: (tasks: readonly Task[], options?: PlayOptions) => Promise<Told>;
}

export interface PlayOptions {
  readonly arguments?: readonly string[];
  /** `hosts: "h"` is the host itself. */
  readonly keywords?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Without `ignore_errors`. */
  readonly stops?: boolean;
  /** Other trees of the scene than its own, by their names in the inventory; played on beside each other. */
  readonly trees?: Readonly<Record<string, string>>;
}

/** Builds a program of test/threats, static, for the host and for trees. `more`: other sources, from the repository's root. */
export async function program(scope: Scope, name: string, more: readonly string[] = []): Promise<string> {
  const at = join(scope.tempDir("program"), name);
  const sources = [`test/threats/${name}.c`, ...more].map((source) => join(repositoryRoot(), source));
  const flags = ["-std=gnu11", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-pthread"];
  await must(["gcc", ...flags, "-o", at, ...sources]);
  return at;
}

/** A copy of the built crun whose helper is started by another program: it finds the real one beside itself, with `-real` at the end of its name. */
export function crunWith(scope: Scope, launcher: string): string {
  const dist = join(scope.tempDir("crun"), "dist");
  cpSync(dirname(crunPath), dist, { recursive: true });
  for (const name of readdirSync(join(dist, "native"))) {
    const helper = join(dist, "native", name);
    renameSync(helper, `${helper}-real`);
    copyFileSync(launcher, helper);
  }
  return join(dist, "crun.js");
}

/** The program that takes system calls away: `[without, CALLS, PROGRAM…]`. */
export function withoutProgram(scope: Scope): Promise<string> {
  return program(scope, "without", ["native/test/forbid.c"]);
}

/** The tree of the scene, to be got at in one way. Ends with the scope. `more`: for the environment of crun and its helper. */
export async function hold(
  scope: Scope,
  way: FileWay,
  place: Scene,
  more: Readonly<Record<string, string>> = {},
): Promise<Held> {
  const work = scope.tempDir("play");
  const prefix: string[] = [process.execPath];
  let environment = { ...place.environment, ...more };
  let crun = crunPath;
  let variables = "";
  if (way === "files/no-openat2") {
    crun = crunWith(scope, await withoutProgram(scope));
    environment = { ...environment, CRUN_TEST_WITHOUT: newCalls };
  }
  if (way === "files/machine") {
    variables = " crun_entry=machine";
    await startMachine(scope, place);
  }
  if (way === "files/rootless") {
    const dist = join(scope.tempDir("crun"), "dist");
    cpSync(dirname(crunPath), dist, { recursive: true });
    crun = join(dist, "crun.js");
    giveAway(place);
    chownSync(work, rootlessUser, rootlessUser);
    prefix.unshift(
      "setpriv",
      `--reuid=${rootlessUser}`,
      `--regid=${rootlessUser}`,
      "--clear-groups",
      "--inh-caps=-all",
    );
  }
  environment = { ...environment, HOME: work };
  const play = async (tasks: readonly Task[], options: PlayOptions = {}): Promise<Told> => {
    const lenient = options.stops === true ? {} : { ignore_errors: true };
    for (const [name, text] of Object.entries(options.files ?? {})) {
      mkdirSync(dirname(join(work, name)), { recursive: true });
      writeFileSync(join(work, name), text);
    }
    const trees = Object.entries(options.trees ?? { m: place.tree });
    const inventory = trees.map(([name, path]) => `${name} crun_host=local crun_path=${path}${variables}\n`);
    writeFileSync(join(work, "hosts"), `h crun_host=local\n${inventory.join("")}`);
    const plays = [
      {
        hosts: trees.map(([name]) => name).join(","),
        gather_facts: false,
        ...options.keywords,
        tasks: tasks.map((task) => ({ ...lenient, ...task })),
      },
    ];
    writeFileSync(join(work, "site.yml"), JSON.stringify(plays));
    const argv = [...prefix, crun, "play", "--output", "json", "-i", "hosts", ...(options.arguments ?? []), "site.yml"];
    const done = await run(argv, { cwd: work, env: environment, timeoutMs: options.timeoutMs ?? 30_000 });
    const events = done.stdout.split("\n").filter((line) => line.startsWith('{"event"'));
    return { ...done, all: done.stdout + done.stderr, ...readEvents(events.join("\n")) };
  };
  if (way === "files/machine") await untilReachable(play);
  return { way, play };
}

/** The tree and what lies beside it belong to the user without root: else nobody but the kernel would be asked. */
export function giveAway({ base }: Scene): void {
  execFileSync("chown", ["-hR", `${rootlessUser}:${rootlessUser}`, base]);
  chmodSync(join(base, "host/setuid"), 0o4755);
}

/** systemd-nspawn asks for usr and os-release; what it runs is a program that sleeps. */
export async function startMachine(scope: Scope, place: Scene): Promise<void> {
  mkdirSync(join(place.tree, "usr"), { recursive: true });
  mkdirSync(join(place.tree, "bin"), { recursive: true });
  writeFileSync(join(place.tree, "etc/os-release"), "ID=hostile\n");
  copyFileSync(await program(scope, "racer"), join(place.tree, "bin/racer"));
  const options = ["--quiet", "--register=no", "--keep-unit", "--console=pipe", "--private-users=off"];
  const log = openSync(join(scope.tempDir("log"), "log"), "w");
  const machine = spawn("systemd-nspawn", [...options, "-D", place.tree, "/bin/racer"], {
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const ended = new Promise((resolve) => machine.once("exit", resolve));
  scope.defer(async () => {
    for (const pid of childrenOf(machine.pid ?? 0)) process.kill(pid, "SIGKILL");
    await ended;
  });
  // What it holds open is watched: it must have come to rest.
  const runs = (pid: number): boolean => nameOf(pid) === "racer" || childrenOf(pid).some(runs);
  for (let turn = 0; !runs(machine.pid ?? 0) && turn < 100; turn++) await sleep(50);
  await sleep(150);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return ""; // it ended
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text
      .split(" ")
      .map(Number)
      .filter((one) => one > 0);
  } catch {
    return []; // it ended
  }
}

async function untilReachable(play: Held["play"]): Promise<void> {
  let told = await play([{ ping: {} }]);
  for (let turn = 0; turn < 40 && told.status === 4; turn++) {
    await sleep(100);
    told = await play([{ ping: {} }]);
  }
  if (told.status !== 0) throw new Error(`the machine does not come up: ${brief(told)}`);
}
