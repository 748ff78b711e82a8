// A hostile tree, its programs, and the ways into it that the attacks are carried out through.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { childStream } from "../../src/connection/child-stream.js";
import { architectureOf, findHelper } from "../../src/connection/helper-binary.js";
import type { ExecSpec, Exit } from "../../src/module/probe.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { Entry, HostSession, TreeSession } from "../../src/target/session.js";
import { repositoryRoot, run } from "../lab/process.js";
import type { Scope } from "../lab/scope.js";
import type { ProcessWay } from "./catalogue.js";
import { scene, withstands, type Scene } from "./oracle.js";

/** The ways in, as the tests count them: `rootless` is unshare by a helper that was started without root. */
export const ways = ["unshare", "chroot", "nspawn", "machine", "rootless"] as const satisfies readonly ProcessWay[];
export type Way = (typeof ways)[number];

/** Who the helper of `rootless` is, and owns its tree. */
export const PLAIN_USER = 33_335;

/** What the attacks need on this machine. */
export const tools = ["gcc", "setpriv", "setcap", "systemd-nspawn", "unshare"];

let built: string | undefined;

/** The static program of test/threats/payload, built once for all files that use it and kept in the tests' cache. Needs root. */
export function payload(): string {
  if (built !== undefined) return built;
  const directory = join(repositoryRoot(), "test/threats/payload");
  const names = readdirSync(directory).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(readFileSync(join(directory, name)));
  const cache = process.env["CRUN_TEST_CACHE"] ?? "/var/cache/crun-test";
  const path = join(cache, `payload-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    const place = mkdtempSync(join(cache, "payload-"));
    const made = join(place, "payload");
    const sources = names.filter((name) => name.endsWith(".c")).map((name) => join(directory, name));
    execFileSync("gcc", ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", made, ...sources]);
    chmodSync(made, 0o755);
    renameSync(made, path);
    rmSync(place, { recursive: true });
  }
  return (built = path);
}

/** The oracle's scene, its tree with the attacker's programs: plain, setuid, setgid, capable, interpreted by links of /proc. */
export function hostileScene(scope: Scope, owner = 0): Scene {
  const place = scene(scope, "hostile");
  const { tree } = place;
  const directories = ["bin", "home", "lib", "sbin", "shared/below", "usr/bin", "usr/lib"];
  for (const name of directories) mkdirSync(join(tree, name), { recursive: true });
  chmodSync(join(tree, "tmp"), 0o1777);
  writeFileSync(join(tree, "etc/os-release"), "ID=hostile\nVERSION_ID=1\n");
  writeFileSync(join(tree, "usr/lib/os-release"), "ID=hostile\nVERSION_ID=1\n");
  writeFileSync(join(tree, "etc/shadow"), "root:secret:\n", { mode: 0o600 });
  const copy = (name: string, mode: number, group = 0): void => {
    const path = join(tree, "bin", name);
    copyFileSync(payload(), path);
    chownSync(path, 0, group);
    chmodSync(path, mode);
  };
  copy("payload", 0o755);
  copy("setuid", 0o4755);
  copy("setgid", 0o2755);
  copy("setboth", 0o6755);
  copy("capable", 0o755);
  execFileSync("setcap", ["cap_setuid,cap_sys_admin,cap_dac_override+ep", join(tree, "bin/capable")]);
  const script = (name: string, interpreter: string, mode = 0o755): void => {
    writeFileSync(join(tree, "bin", name), `#!${interpreter}\n`);
    chmodSync(join(tree, "bin", name), mode);
  };
  script("interpreted", "/proc/self/exe");
  script("interpreted-agent", "/proc/self/exe --agent");
  script("interpreted-pid1", "/proc/1/exe");
  script("setuid-script", "/bin/payload ids", 0o4755);
  if (owner !== 0) execFileSync("chown", ["-R", "-h", `${owner}:${owner}`, tree]);
  return place;
}

/** Processes whose root is the tree, whatever mount namespace they are in: `12 payload`. */
export function inside(tree: string): string[] {
  const wanted = statSync(tree);
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const root = /^\d+$/.test(pid) ? statSync(`/proc/${pid}/root/.`) : undefined;
      if (root?.ino !== wanted.ino || root.dev !== wanted.dev) return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()}`];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** What a program did: its output, both streams, and how it ended; or why it was not entered. */
export interface Done {
  readonly out: string;
  readonly exit: Exit | undefined;
  /** The entry was refused, in these words. */
  readonly refusal: string;
}

/** How the helper is started. */
export interface Start {
  /** Default: root. Another has nothing, not even subordinate ids. */
  readonly uid?: number;
  /** In a PID namespace whose processes have numbers below this one: a host as small as a test can bear to fill. */
  readonly pidMax?: number;
  /** As on a kernel of old, by its release. */
  readonly isOldKernel?: boolean;
  /** With a key of this description in its session's and its user's keyring. */
  readonly key?: string;
  /** Where no cgroup can be made. */
  readonly hasNoCgroups?: boolean;
}

/** Starts the helper by itself. */
export async function openSession(
  scope: Scope,
  { uid = 0, pidMax, isOldKernel = false, hasNoCgroups = false, key }: Start = {},
): Promise<HostSession> {
  const architecture = architectureOf(arch);
  const found = architecture === undefined ? undefined : findHelper(architecture);
  if (found === undefined) throw new Error("the helper is not built (npm run build)");
  const helper = join(scope.tempDir("helper"), "crun-helper");
  copyFileSync(found, helper);
  chmodSync(helper, 0o755);
  const become = ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--inh-caps=-all"];
  const small = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const set = `echo ${pidMax} >/proc/sys/kernel/pid_max && exec "$0" "$@"`;
  const argv = [
    ...(pidMax === undefined ? [] : [...small, "sh", "-c", set]),
    ...(hasNoCgroups ? ["unshare", "--mount", "sh", "-c", `mount -t tmpfs none /sys/fs/cgroup && exec "$0" "$@"`] : []),
    ...(key === undefined ? [] : [payload(), "with-key", key]),
    ...(isOldKernel ? ["setarch", "--uname-2.6"] : []),
    ...(uid === 0 ? [] : become),
    helper,
  ];
  const child = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["pipe", "pipe", "pipe"], detached: true, cwd: "/" });
  const stream = childStream(child, "this machine");
  child.stderr.resume();
  const session = await openHostSession("local", { ...stream, noise: new Uint8Array() }, 10_000);
  scope.defer(() => session.close());
  return session;
}

/** Runs a program to its end through an open tree. */
export async function execute(tree: TreeSession, argv: readonly string[], more: Partial<ExecSpec> = {}): Promise<Done> {
  try {
    const [seen] = await tree.observe([
      { kind: "exec", exec: { argv, timeoutMs: 20_000, outputLimit: 1 << 20, ...more } },
    ]);
    if (seen?.kind !== "exec") throw new Error("no answer to an exec");
    const out = Buffer.from(seen.stdout).toString("latin1") + Buffer.from(seen.stderr).toString("latin1");
    if (seen.failure !== undefined) return { out, exit: undefined, refusal: seen.failure.message };
    const refusal = seen.exit.kind === "not-started" ? `${seen.exit.failure?.step}: ${seen.exit.failure?.message}` : "";
    return { out, exit: seen.exit, refusal };
  } catch (error) {
    return { out: "", exit: undefined, refusal: error instanceof Error ? error.message : String(error) };
  }
}

/** A machine that runs the payload's role as its init, until the scope ends. */
export async function runMachine(
  scope: Scope,
  tree: string,
  role: readonly string[],
  more: readonly string[] = [],
): Promise<ChildProcess> {
  const options = ["--quiet", "--register=no", "--keep-unit", "--settings=no", "--console=pipe", ...more];
  const machine = spawn("systemd-nspawn", [...options, `--directory=${tree}`, "/bin/payload", ...role], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const ended = new Promise((resolve) => machine.once("exit", resolve));
  scope.defer(async () => {
    for (const pid of childrenOf(machine.pid ?? 0)) kill(pid);
    await ended;
  });
  for (let turn = 0; turn < 200 && leaderOf(machine) === undefined; turn++) await sleep(25);
  if (leaderOf(machine) === undefined) throw new Error("the machine does not run");
  return machine;
}

/** The payload as PID 1 of a machine; undefined until it runs. */
function leaderOf(machine: ChildProcess): number | undefined {
  return childrenOf(machine.pid ?? 0).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("/bin/payload\0");
    } catch {
      return false;
    }
  });
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended meanwhile
  }
}

/** A way into a hostile tree, ready. */
export interface Entrance {
  readonly way: Way;
  readonly place: Scene;
  readonly session: HostSession;
  open(): TreeSession;
}

/** The ways in, each with a tree of its own; machines run a program that waits. */
export async function entrances(
  scope: Scope,
  wanted: readonly Way[] = ways,
  start: Omit<Start, "uid"> = {},
): Promise<Entrance[]> {
  const root = await openSession(scope, start);
  const found: Entrance[] = [];
  for (const way of wanted) {
    const place = hostileScene(scope, way === "rootless" ? PLAIN_USER : 0);
    const session = way === "rootless" ? await openSession(scope, { ...start, uid: PLAIN_USER }) : root;
    if (way === "machine") await runMachine(scope, place.tree, ["wait"]);
    const entry: Entry = way === "rootless" ? "unshare" : way;
    found.push({ way, place, session, open: () => session.openTree(place.tree, { entry, isHostRoot: false }) });
  }
  return found;
}

/** The oracle around an attack through an entry: nobody is left in the tree once it was closed. */
export async function withstandsEntry<T>(
  { place, open }: Entrance,
  deadlineMs: number,
  attack: (tree: TreeSession) => Promise<T>,
): Promise<T> {
  const before = inside(place.tree);
  return await withstands(place, { deadlineMs }, async () => {
    const tree = open();
    const result = await attack(tree);
    await tree.close();
    let now = inside(place.tree);
    for (let turn = 0; turn < 40 && now.some((one) => !before.includes(one)); turn++) {
      await sleep(50);
      now = inside(place.tree);
    }
    assert.deepEqual(now, before, "processes are left in the tree");
    return result;
  });
}

/** Lines of the payload's that tell of a hole. */
export function holes(out: string): string[] {
  return out.split("\n").filter((line) => line.startsWith("ESCAPED"));
}

/** What root of a container of systemd-nspawn can do by itself, without crun: the payload's lines of holes. */
export async function heldByNspawn(tree: string, roles: readonly (readonly string[])[]): Promise<ReadonlySet<string>> {
  const options = ["--quiet", "--register=no", "--keep-unit", "--settings=no", "--pipe", `--directory=${tree}`];
  const found = new Set<string>();
  for (const role of roles) {
    const { stdout } = await run(["systemd-nspawn", ...options, "/bin/payload", ...role], { timeoutMs: 20_000 });
    for (const line of holes(stdout)) found.add(line);
  }
  return found;
}

/** What was run and what came of it: printed for the whole run at its end. */
export class Tally {
  #rows = new Map<string, number>();
  #attacks = 0;
  #escapes = 0;

  /** One attack of a row by a way in; `out` is what the payload said. */
  count(row: number, way: string, out: string): void {
    this.#rows.set(`${row} ${way}`, 1);
    this.#attacks += Math.max(1, out.split("\n").filter((line) => /^(?:ESCAPED )?row \d+/.test(line)).length);
    this.#escapes += holes(out).length;
  }

  tell(what: string): void {
    const pairs = this.#rows.size;
    process.stdout.write(
      `figure: threats, ${what}: ${pairs} rows × entries run, ${this.#attacks} attacks, ${this.#escapes} escapes, 0 hangs\n`,
    );
  }
}

/** Whether this kernel limits the processes of a PID namespace (6.14). */
export function hasNamespaceLimit(): boolean {
  const release = spawnSync("uname", ["-r"], { encoding: "utf8" }).stdout;
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  return major > 6 || (major === 6 && minor >= 14);
}
