// A fixed play, again and again; each time another system call of the helper fails, is cut short, or is its process's last.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startSsh } from "../../../src/connection/ssh.js";
import type { HostAddress } from "../../../src/target/session.js";
import { nobody } from "../../connection/hosts.js";
import { mountTable } from "../../lab/mounts.js";
import { repositoryRoot, run } from "../../lab/process.js";
import {
  faultyProgram,
  productHelper,
  readLog,
  startFaulty,
  type Call,
  type FaultLog,
  type FaultyHelper,
} from "../../lab/faulty.js";
import type { HelperStream } from "../../../src/connection/helper-stream.js";
import type { Patience } from "../../../src/target/liveness.js";
import { breaking, type Break, type BrokenFrame, type Direction, type FrameCounts } from "./frames.js";
import { Player, type Played, type PlayWish } from "./player.js";
import { besideTrees, groundOf, layGround, resetGround, tooMany, type Ground } from "./grounds.js";
import { differences, isTemporary, Milestones, ofTree, stateOf, type TreeState } from "./tree-states.js";

/** One fault: `worker.1:37:fail.0`. */
export interface Fault {
  readonly call: Call;
  /** As fault.h has it: `kill`, `short`, `fail.EIO`, `stay.ENOSPC`. */
  readonly what: string;
}

/** What came of a run that was disturbed. */
export interface Judged {
  /** Of the disturbed run. */
  readonly exitStatus: number;
  readonly told: readonly string[];
  /** What breaks the promise; none: all is well. */
  readonly problems: readonly string[];
}

/** What came of a break of the connection. */
export interface Tried {
  readonly name: string;
  readonly end: string;
  readonly told: readonly string[];
  readonly problems: readonly string[];
}

/** A connection of the caller's, and what breaks it. */
export interface Network {
  readonly address: HostAddress;
  break(how: Break): void;
  /** Whether nothing of the helper runs any more. */
  hasEnded(): boolean;
}

/** What came of a fault. */
export interface Verdict extends Judged {
  readonly fault: Fault;
  readonly fired: FaultLog["fired"];
}

/** Failures that are passed over on purpose, so that "ok" is told though something was not done; and why. */
const onPurpose: readonly { readonly why: string; is(fired: NonNullable<FaultLog["fired"]>): boolean }[] = [
  {
    why: "a directory that must not be looked into (EACCES, EPERM) is listed without what is beneath it: without root there are such in every tree",
    is: ({ call, what, path }) =>
      call === "openat2" && (what === "EACCES" || what === "EPERM") && !path.startsWith("/"),
  },
];

/** Whether an error met another call than the one that it is an error of: events come in another order each time. */
const isAstray = ({ fault: { call, what }, fired }: Verdict): boolean =>
  fired !== undefined && fired.call !== call.name && /^(fail|stay)\./.test(what);

interface Disturbance {
  readonly wrap?: (stream: HelperStream) => HelperStream;
  readonly patience?: Patience | undefined;
}

/** For fault.h: the call that nothing is done at. */
export const noFault = "any:1:none";

/** A fault in words: `worker.1:37:fail.EIO openat motd`. */
export function nameOf({ call, what }: Fault): string {
  return `${call.role}:${call.number}:${what} ${call.name} ${call.path}`.trim();
}

/** How long a run may take: longer than any deadline of the helper's own that a fault can lead to. */
const RUN_MS = 60_000;

/** Makes what the play finds. */
function makeTree(tree: string): void {
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  };
  write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/:/bin/false\n");
  write("etc/group", "root:x:0:\nwww-data:x:34:\n");
  write("etc/shadow", "root:*:19000:0:99999:7:::\n");
  write("etc/gshadow", "root:*::\n");
  write("etc/motd", "old\n");
  write("etc/app.conf", "host=here\nport=80\nlast=1\n");
  for (const name of ["kept", "block", "source2", "shared", "owned", "old", "page", "backed/file"])
    write(`srv/${name}`, `${name} old\n`);
  write("srv/big", "old\n".repeat(20_000));
  write("srv/source", Buffer.alloc(200_000, "source\n"));
  for (const name of ["gone/a/b/c", "gone/a/d", "gone/e", "many/a/b", "many/c", "many/d"]) write(`srv/${name}`, name);
  for (const name of ["root", "tmp", "bin", "usr", "proc", "sys", "dev", "run"]) mkdirSync(join(tree, name));
  copyFileSync("/usr/bin/busybox", join(tree, "bin/busybox"));
  const script = [
    'cd "$1"; for name in sh cat sleep id true mkdir; do ln -s busybox bin/$name; done; ln -s one srv/current; ln srv/shared srv/shared2',
    "chown 7:8 etc/app.conf srv/kept; chmod 600 etc/shadow etc/gshadow; chmod 4711 srv/owned; chmod 1777 tmp",
    "setfattr -n user.note -v keep srv/kept; setfattr -n user.note -v keep etc/app.conf; setfattr -n user.note -v keep srv/shared",
  ].join("; ");
  const done = spawnSync("sh", ["-euc", script, "sh", tree], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
}

/** Puts into an empty directory what the players of a bench need. */
export async function layBench(directory: string, ground: Ground): Promise<void> {
  const work = join(directory, "work");
  cpSync(join(repositoryRoot(), "test/integration/faults"), work, { recursive: true });
  mkdirSync(join(work, "files"), { recursive: true });
  writeFileSync(join(work, "files/big"), Buffer.alloc(400_000, "new content\n"));
  // What is built anew meanwhile is not what is tried.
  copyFileSync(productHelper(), join(directory, "helper"));
  copyFileSync(faultyProgram, join(directory, "faulty"));
  mkdirSync(join(directory, "template"));
  makeTree(join(directory, "template"));
  await layGround(ground, directory);
}

/** A tree that is put back before each run, a play, and what the play makes of the tree when nothing disturbs it. */
export class FaultBench {
  readonly #directory: string;
  readonly #player: Player;
  readonly #play: string;
  readonly #ground: Ground;
  #milestones = new Milestones([]);
  #calls: readonly Call[] = [];
  #mounts: readonly string[] = [];
  #beside: readonly string[] = [];
  /** The target of each task. */
  #order: readonly string[] = [];

  private constructor(directory: string, play: string, player: Player) {
    this.#directory = directory;
    this.#play = play;
    this.#ground = groundOf(play);
    this.#player = player;
  }

  /** `directory`: empty, better in memory. `play`: a file's name in test/integration/faults. */
  static async make(directory: string, play: string): Promise<FaultBench> {
    await layBench(directory, groundOf(play));
    const bench = new FaultBench(directory, play, await playerIn(directory, play));
    await bench.#rehearse();
    return bench;
  }

  /** Of all trees, but for what crun notes of them. */
  async #state(): Promise<TreeState> {
    return stateOf(join(this.#directory, "trees"), ["/.crun", "/.template"]);
  }

  /** The system calls of an undisturbed run, in order. */
  get calls(): readonly Call[] {
    return this.#calls;
  }

  /** What can be done wrong at each of them. */
  get faults(): readonly Fault[] {
    return this.#calls.flatMap((call) => [
      { call, what: "kill" },
      ...(call.canBeShort ? [{ call, what: "short" }] : []),
      ...call.errors.map((error) => ({ call, what: `fail.${error}` })),
    ]);
  }

  async #reset(): Promise<void> {
    await resetGround(this.#ground, this.#directory);
  }

  #start(fault: string): FaultyHelper {
    return helperIn(this.#directory, fault);
  }

  /** Plays with a helper of the product; what it calls is written down only where that is wanted. */
  async #undisturbed(
    count?: number,
    isWrittenDown = false,
  ): Promise<{ readonly played: Played; readonly calls: readonly Call[] }> {
    const helpers: FaultyHelper[] = [];
    const connect = async (): Promise<FaultyHelper["stream"]> => {
      const helper = this.#start(isWrittenDown ? "any:0:none" : noFault);
      helpers.push(helper);
      return helper.stream;
    };
    const played = await this.#player.play(connect, { count });
    await Promise.all(helpers.map(({ ended }) => ended));
    return { played, calls: helpers[0]?.log().calls ?? [] };
  }

  /** Learns what the tree is like after each task, and which system calls there are. */
  async #rehearse(): Promise<void> {
    await this.#reset();
    const states: TreeState[] = [await this.#state()];
    for (let count = 1; count <= this.#player.size; count++) {
      const { played } = await this.#undisturbed(count);
      if (played.exitStatus !== 0) throw new Error(`the play itself fails: ${played.told.join("\n")}`);
      states.push(await this.#state());
    }
    this.#milestones = new Milestones(states);
    await this.#reset();
    const { played, calls } = await this.#undisturbed(undefined, true);
    const wrong = differences(await this.#state(), this.#milestones.last);
    if (played.exitStatus !== 0 || wrong.length > 0) throw new Error([...played.told, ...wrong].join("\n"));
    this.#calls = calls;
    this.#order = played.results.map(({ target }) => target);
    this.#mounts = this.#mountsNow();
    this.#beside = besideTrees(this.#directory);
  }

  #mountedNow(): string[] {
    return this.#mountsNow()
      .filter((one) => !this.#mounts.includes(one))
      .map((one) => `still mounted: ${one}`);
  }

  #mountsNow(): readonly string[] {
    return mountTable()
      .filter(({ mountPoint }) => mountPoint.startsWith(`${this.#directory}/`))
      .map(({ mountPoint }) => mountPoint);
  }

  /** Plays undisturbed but for what stands between; gives all that was told, and what is different from how it was. */
  async playBetween(
    between: PlayWish["between"],
  ): Promise<{ readonly told: readonly string[]; readonly changed: readonly string[] }> {
    await this.#reset();
    const before = await this.#state();
    const { told } = await this.#player.play(async () => this.#start(noFault).stream, { between });
    return { told, changed: differences(await this.#state(), before) };
  }

  /** The frames of an undisturbed run. */
  async frames(): Promise<FrameCounts> {
    await this.#reset();
    const counts: FrameCounts = { up: 0, down: 0 };
    const helper = this.#start(noFault);
    await this.#player.play(async () => breaking(helper.stream, undefined, counts));
    return counts;
  }

  /** Plays over a connection of the caller's, which breaks, judges what is left, plays again, and judges again. */
  async tryNetwork(broken: BrokenFrame, network: Network): Promise<Judged & { readonly problems: string[] }> {
    await this.#reset();
    if (broken.how === "kill")
      return await this.#killed(broken, JSON.stringify(network.address), () => ({
        hasEnded: network.hasEnded(),
        left: [],
      }));
    const problems: string[] = [];
    const wish = broken.how === "stall" ? { patience: { silenceMs: 300, answerMs: 300 } } : {};
    const open = async (): Promise<HelperStream> =>
      breaking(await startSsh(network.address, nobody), broken, { up: 0, down: 0 }, (how) => network.break(how));
    const played = await inTime(this.#player.play(open, wish), () => undefined);
    for (let waited = 0; waited < 25_000 && !network.hasEnded(); waited += 20) await sleep(20);
    if (!network.hasEnded()) problems.push("the helper did not end");
    problems.push(...this.#mountedNow(), ...this.#judge(played, await this.#state()), ...(await this.#judgeNext()));
    return { exitStatus: played.exitStatus, told: played.told, problems };
  }

  /** Plays over a connection that breaks, judges what is left, plays again, and judges again. */
  async tryConnection(broken: BrokenFrame): Promise<Judged> {
    await this.#reset();
    const counts: FrameCounts = { up: 0, down: 0 };
    const wrap = (stream: HelperStream): HelperStream => breaking(stream, broken, counts);
    const patience = broken.how === "stall" ? { silenceMs: 200, answerMs: 200 } : undefined;
    const { log: _log, ...judged } = await this.#disturbed(noFault, () => true, { wrap, patience });
    return judged;
  }

  /** Another process plays, and gets SIGKILL right before the frame; then as `tryConnection`. */
  async tryKilled(direction: Direction, number: number): Promise<Judged> {
    await this.#reset();
    const log = join(this.#directory, "log");
    rmSync(log, { force: true });
    return await this.#killed({ direction, number }, "", () => readLog(log));
  }

  async #killed(
    { direction, number }: Pick<BrokenFrame, "direction" | "number">,
    address: string,
    look: () => Pick<FaultLog, "hasEnded" | "left">,
  ): Promise<Judged & { readonly problems: string[] }> {
    const main = join(repositoryRoot(), "build/test/integration/faults/killed-player.js");
    const argv = [process.execPath, main, this.#directory, this.#play, direction, String(number), address];
    const { signal, stderr } = await run(argv);
    const problems = signal === "SIGKILL" || stderr === "" ? [] : [stderr];
    for (let waited = 0; waited < 30_000 && !look().hasEnded; waited += 20) await sleep(20);
    const { hasEnded, left } = look();
    if (!hasEnded) problems.push("the helper did not end");
    problems.push(...left.map((one) => `still runs: ${one}`), ...this.#mountedNow());
    // Nothing was told: each file is the old one or the new one.
    problems.push(...this.#problems(await this.#state(), () => 0), ...(await this.#judgeNext()));
    return { exitStatus: signal === "SIGKILL" ? 137 : 0, told: [], problems };
  }

  /** Plays with the fault, judges what is left, plays again without, and judges again. */
  async try(fault: Fault): Promise<Verdict> {
    let verdict = await this.#tryOnce(fault);
    for (let again = 0; again < 4 && verdict.problems.length > 0 && isAstray(verdict); again++)
      verdict = await this.#tryOnce(fault);
    return verdict;
  }

  async #tryOnce(fault: Fault): Promise<Verdict> {
    await this.#reset();
    const { call, what } = fault;
    // Who dies cannot clear up; the next run does it then. Nor can what cannot be removed be.
    const mayLeaveNames = what === "kill" || call.name === "unlinkat";
    const judged = await this.#disturbed(`${call.role}:${call.number}:${what}`, () => mayLeaveNames, {});
    const fired = judged.log?.fired;
    const isOnPurpose = fired !== undefined && onPurpose.some((one) => one.is(fired));
    return { fault, fired, ...judged, problems: isOnPurpose ? [] : judged.problems };
  }

  async #disturbed(
    fault: string,
    mayLeaveNames: () => boolean,
    { wrap = (stream) => stream, patience }: Disturbance,
  ): Promise<Judged & { readonly log: FaultLog | undefined }> {
    const helpers: FaultyHelper[] = [];
    const problems: string[] = [];
    const connect = async (): Promise<HelperStream> => {
      // The fault is in the first helper; where the controller connects anew, the second one is sound.
      const isFirst = helpers.length === 0;
      const helper = this.#start(isFirst ? fault : noFault);
      helpers.push(helper);
      return isFirst ? wrap(helper.stream) : helper.stream;
    };
    let played: Played | undefined;
    try {
      const giveUp = (): void => helpers.forEach((helper) => helper.kill());
      played = await inTime(this.#player.play(connect, { patience }), giveUp);
    } catch (error) {
      // Before the first task: the connection.
      const isTold = error instanceof Error && error.constructor.name === "CrunError";
      if (!isTold)
        problems.push(`the controller: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    await Promise.all(helpers.map(({ ended }) => ended));
    const logs = helpers.map((helper) => helper.log());
    const [log] = logs;
    problems.push(...logs.flatMap(({ left }) => left.map((one) => `still runs: ${one}`)));
    if (log?.wasKilled) problems.push("the helper did not end when its input did");
    problems.push(...this.#mountedNow());
    const now = await this.#state();
    if (played) problems.push(...this.#judge(played, now));
    if (!mayLeaveNames())
      problems.push(...[...now.keys()].filter(isTemporary).map((path) => `a name of crun's own is left: ${path}`));
    problems.push(...(await this.#judgeNext()));
    return { log, exitStatus: played?.exitStatus ?? 4, told: played?.told ?? [], problems };
  }

  /** What was told must be so. */
  #judge({ exitStatus, results, told }: Played, now: TreeState): string[] {
    const problems = this.#problems(now, (tree) => {
      // A transaction is told when it ends.
      if (this.#ground.isOfTrees) return 0;
      const target = `local:${tree}`;
      const own = results.filter((one) => one.target === target);
      const failed = own.findIndex(({ status }) => status === "failed" || status === "unreachable");
      const done = failed >= 0 ? failed : own.length;
      // Among the tasks of all targets.
      return this.#order.flatMap((name, index) => (name === target ? [index + 1] : []))[done - 1] ?? 0;
    });
    problems.push(...this.#swapProblems(told, now));
    if (exitStatus === 0)
      problems.push(...differences(now, this.#milestones.last).map((one) => `told to be well: ${one}`));
    else if (told.filter((one) => one.trim() !== "").length === 0)
      problems.push(`status ${exitStatus}, and no word of why`);
    if (told.some((one) => /^\s+at .*:\d+|undefined|\[object /m.test(one)))
      problems.push(`a bad word: ${told.join("\n")}`);
    return problems;
  }

  /** A tree is the new one where that was told, the old one where that was; nobody knows is for what cannot be looked at. */
  #swapProblems(told: readonly string[], now: TreeState): string[] {
    const { swapped } = this.#ground;
    const word = told.find((one) => one.startsWith("transaction "));
    if (!swapped || !word || this.#isUnmounted(now)) return [];
    const is = ofTree(now, swapped);
    const isOld = /: not swapped in|: thrown away/.test(word);
    const isNew = /: swapped in/.test(word);
    const should = isOld
      ? this.#milestones.after(this.#player.sizeBeforeTransaction)
      : isNew
        ? this.#milestones.last
        : now;
    return differences(is, ofTree(should, swapped)).map((one) => `${word}, but ${one}`);
  }

  #isUnmounted(now: TreeState): boolean {
    const unmounted = `/${this.#ground.mayBeUnmounted}`;
    return now.has(unmounted) && ![...now.keys()].some((path) => path.startsWith(`${unmounted}/`));
  }

  /** `done`: how many tasks were told to be done in a tree. */
  #problems(now: TreeState, done: (tree: string) => number): string[] {
    const unmounted = `/${this.#ground.mayBeUnmounted}`;
    const isUnmounted = this.#isUnmounted(now);
    const isWhole = (path: string): boolean => isUnmounted && (path === unmounted || path.startsWith(`${unmounted}/`));
    return this.#milestones.problems(now, (path) => done(path.split("/")[1] ?? ""), isWhole);
  }

  async #judgeNext(): Promise<string[]> {
    const { played } = await this.#undisturbed();
    const problems: string[] = [];
    if (played.exitStatus !== 0) problems.push(`the next run: status ${played.exitStatus}: ${played.told.join("\n")}`);
    const now = await this.#state();
    const wrong = differences(now, this.#milestones.last);
    // What a swap has left half noted goes with the next one (docs/REHEARSING.md).
    const hasSwapped = played.told.some((word) => word.startsWith("transaction swapped"));
    const beside = tooMany(besideTrees(this.#directory), this.#beside).filter(
      (one) => hasSwapped || !one.endsWith(".json.new"),
    );
    wrong.push(...beside.map((one) => `left beside the trees: ${one}`));
    problems.push(...wrong.map((one) => `after the next run: ${one}`));
    return problems;
  }
}

/** The player of a bench that is made. */
export async function playerIn(directory: string, play: string): Promise<Player> {
  const hosts = join(directory, "hosts");
  writeFileSync(hosts, groundOf(play).inventory.replaceAll("DIRECTORY", directory));
  return Player.load(join(directory, "work", play), hosts);
}

/** The helper of a bench that is made. */
export function helperIn(directory: string, fault: string): FaultyHelper {
  return startFaulty(fault, join(directory, "log"), join(directory, "helper"), join(directory, "faulty"));
}

async function inTime<T>(work: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      giveUp();
      reject(new Error(`it hangs: nothing after ${RUN_MS / 1000} s`));
    }, RUN_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One boundary of so many, each way to break: what came of it. */
export async function* tryFrames(bench: FaultBench, counts: FrameCounts, every: number): AsyncGenerator<Tried> {
  let index = 0;
  for (const direction of ["up", "down"] as const)
    for (let number = 1; number <= counts[direction]; number++)
      for (const how of ["cut", "half", "stall", "kill"] as const) {
        if (index++ % every !== 0) continue;
        const name = `${direction} ${number} ${how}`;
        const { exitStatus, told, problems } = await (how === "kill"
          ? bench.tryKilled(direction, number)
          : bench.tryConnection({ direction, number, how }));
        yield { name, end: `${how}: status ${exitStatus}`, told, problems };
      }
}
