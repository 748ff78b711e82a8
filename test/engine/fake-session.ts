// A host and trees in memory that answer as a helper would: for tests of the engine and of reports.

import { CrunError } from "../../src/diagnostic/diagnostic.js";
import type { Change, ExecChange, Expect, Outcome } from "../../src/module/change.js";
import { contentOf } from "../../src/module/content.js";
import type { Model } from "../../src/module/model.js";
import type { ExecSpec, Exit, Failure, MachineObservation, Observation, Probe } from "../../src/module/probe.js";
import { wholeReach } from "../../src/module/reach.js";
import type { HostInfo, HostSession, OutputTaker, RunningExec, TreeSession } from "../../src/target/session.js";
import { modelOf, type Tree } from "../module/harness.js";

/** What a program does in the fake: its output, and what it changes. */
export interface FakeProgram {
  readonly status?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly changes?: readonly Change[];
  /** In the background: when it ends. */
  readonly ends?: Promise<void>;
}

export const fakeInfo: HostInfo = {
  architecture: "x86_64",
  kernel: "6.1.0",
  nodename: "fake",
  uid: 0,
  cpus: 2,
  memory: 4 * 1024 ** 3,
  hasOpenat2: true,
  isRootless: false,
  reach: wholeReach,
};

/** One tree: what it holds, what was done to it, how many round trips that took. */
export class FakeTree implements TreeSession {
  readonly model: Model;
  readonly observed: (readonly Probe[])[] = [];
  readonly applied: Change[] = [];
  readonly batches: (readonly Change[])[] = [];
  /** Programs by argv joined with blanks; others exit with 127. */
  readonly programs: Record<string, FakeProgram | (() => FakeProgram)> = {};
  /** What answers at ports says. */
  readonly ports: Record<number, string> = {};
  /** Programs that are not in `programs`. */
  otherProgram: ((argv: readonly string[]) => FakeProgram | undefined) | undefined;
  /** Called before a batch is carried out: to change the tree behind the engine's back. */
  beforeApply: (() => void) | undefined;
  /** The connection breaks at this many round trips from now. */
  breaksAfter = Infinity;
  closed = false;
  /** A machine that runs from it. */
  machine: MachineObservation["machine"];

  constructor(tree: Tree = {}) {
    this.model = modelOf(tree);
  }

  async observe(probes: readonly Probe[]): Promise<readonly Observation[]> {
    await this.#trip();
    this.observed.push(probes);
    return probes.map((probe) => this.#answer(probe));
  }

  async apply(
    changes: readonly Change[],
    options: Parameters<TreeSession["apply"]>[1] = {},
  ): Promise<readonly Outcome[]> {
    await this.#trip();
    this.batches.push(changes);
    this.beforeApply?.();
    const outcomes: Outcome[] = [];
    for (const [index, change] of changes.entries()) {
      if (options.signal?.aborted) break;
      const outcome = this.#apply(change, (data) => options.onOutput?.(index, "stdout", data));
      outcomes.push(outcome);
      options.onOutcome?.(index, outcome);
      if (outcome.failure) break;
    }
    return outcomes;
  }

  exec(): Promise<never> {
    return Promise.reject(new Error("a fake runs no live programs"));
  }

  /** Ends when the program's `ends` resolves; a program without it has ended at once. */
  async start(spec: ExecSpec): Promise<RunningExec> {
    await this.#trip();
    const { ends } = this.#programOf(spec);
    let cancel: (exit: Exit) => void = () => undefined;
    const cancelled = new Promise<Exit>((resolve) => (cancel = resolve));
    let take: OutputTaker = () => undefined;
    const done = async (): Promise<Exit> => {
      await ends;
      await new Promise((resolve) => setImmediate(resolve)); // who started it takes its output first
      const { exit, stdout, stderr } = this.#run(spec);
      await take("stdout", stdout);
      await take("stderr", stderr);
      return exit;
    };
    return {
      pid: 1,
      livesOn: false,
      onOutput: (taker) => void (take = taker),
      write: () => Promise.resolve(),
      endInput: () => undefined,
      resize: () => undefined,
      signal: () => undefined,
      cancel: () => cancel({ kind: "cancelled", value: 9, wallMs: 1, cpuMs: 1 }),
      exited: Promise.race([done(), cancelled]),
    };
  }

  hold(): Promise<Outcome> {
    return Promise.resolve({});
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  async #trip(): Promise<void> {
    await Promise.resolve();
    if (this.breaksAfter-- <= 0) throw new CrunError({ severity: "error", summary: "the connection was lost" }, 4);
  }

  #answer(probe: Probe): Observation {
    if (probe.kind === "exec") return { kind: "exec", ...this.#run(probe.exec) };
    if (probe.kind === "machine") return { kind: "machine", machine: this.machine };
    if (probe.kind === "connect") {
      const said = this.ports[probe.port];
      return { kind: "connect", isOpen: said !== undefined, errno: 111, data: Buffer.from(said ?? "") };
    }
    const answer = this.model.answer(probe);
    if (answer.kind !== "known") throw new Error(`the fake tree does not know ${probe.kind}`);
    return answer.observation;
  }

  #apply(change: Change, onOutput: (data: Uint8Array) => void): Outcome {
    if (change.kind === "exec") return this.#exec(change, onOutput);
    if (change.kind === "lock" || change.kind === "unlock") return {};
    const failure = this.#conflict(change.path, change.expect);
    if (failure) return { failure };
    if (change.kind === "makeDirectory" && this.#stat(parentOf(change.path)) !== "directory") {
      return {
        failure: { errno: 2, code: "system", step: "mkdirat", path: change.path, message: "No such file or directory" },
      };
    }
    this.applied.push(change);
    this.model.predict([change]);
    return {};
  }

  #exec(change: ExecChange, onOutput: (data: Uint8Array) => void): Outcome {
    this.applied.push(change);
    const done = this.#run(change.exec);
    onOutput(done.stdout);
    return done;
  }

  #run(spec: ExecSpec): { exit: Exit; stdout: Uint8Array; stderr: Uint8Array } {
    const program = this.#programOf(spec);
    this.model.predict(program.changes ?? []);
    return {
      exit: { kind: "exited", value: program.status ?? 0, wallMs: 1, cpuMs: 1 },
      stdout: Buffer.from(program.stdout ?? ""),
      stderr: Buffer.from(program.stderr ?? ""),
    };
  }

  #programOf(spec: ExecSpec): FakeProgram {
    const found = this.programs[spec.argv.join(" ")];
    if (typeof found === "function") return found();
    return found ?? this.otherProgram?.(spec.argv) ?? { status: 127, stderr: "not found" };
  }

  #stat(path: string): string {
    const answer = this.model.answer({ kind: "stat", path });
    return answer.kind === "known" && answer.observation.kind === "stat"
      ? (answer.observation.stat?.type ?? "absent")
      : "absent";
  }

  #conflict(path: string, expect: Expect): Failure | undefined {
    const answer = this.model.answer({ kind: "hash", path, algorithms: ["sha256"] });
    const seen = answer.kind === "known" && answer.observation.kind === "hash" ? answer.observation : undefined;
    const stat = seen?.stat;
    const isSame =
      (expect.type === undefined || expect.type === (stat?.type ?? "absent")) &&
      (expect.sha256 === undefined || expect.sha256 === seen?.digests.sha256) &&
      (expect.mode === undefined || expect.mode === stat?.mode) &&
      (expect.owner === undefined || (expect.owner.uid === stat?.uid && expect.owner.gid === stat.gid));
    return isSame
      ? undefined
      : { errno: 0, code: "conflict", step: "expect", path, message: "the file is not as expected" };
  }

  text(path: string): string | undefined {
    const answer = this.model.answer({ kind: "read", path });
    if (answer.kind !== "known" || answer.observation.kind !== "read" || !answer.observation.content) return undefined;
    return Buffer.from(answer.observation.content).toString("utf8");
  }

  /** Writes a file as somebody else would. */
  tamper(path: string, text: string): void {
    this.model.predict([
      { kind: "writeFile", path, content: contentOf(text), mode: 0o644, uid: 0, gid: 0, expect: {} },
    ]);
  }

  get roundTrips(): number {
    return this.observed.length + this.batches.length;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** A host with trees by path. */
export class FakeHost implements HostSession {
  readonly host: string;
  readonly info = fakeInfo;
  readonly trees: Record<string, FakeTree>;

  constructor(host: string, trees: Record<string, FakeTree>) {
    this.host = host;
    this.trees = trees;
  }

  openTree(path: string): TreeSession {
    const tree = this.trees[path === "/" ? this.host : path] ?? this.trees[`${this.host}:${path}`];
    if (!tree) throw new CrunError({ severity: "error", summary: `there is no tree ${path}` }, 4);
    return tree;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
