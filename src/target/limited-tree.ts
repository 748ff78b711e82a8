// A tree whose programs may have limits: each of those gets a cgroup of its own before it runs, which is removed after it.

import type { Change, ExecChange, Outcome } from "../module/change.js";
import type { ExecSpec, Exit, Failure, Observation, Probe } from "../module/probe.js";
import {
  eventProbes,
  failureOfProblem,
  failureOfStep,
  planProcessCgroup,
  readEvents,
  type LimitBase,
  type LimitStep,
} from "../facts/cgroup-process.js";
import { reachedText, type WrittenLimits } from "../facts/process-limits.js";
import { removal, type HostLimits } from "./host-limits.js";
import type { ApplyOptions, HoldWish, OpenOptions, OutputTaker, RunningExec, TreeSession } from "./session.js";

/** What is made for one program. */
interface Placed {
  readonly base: LimitBase;
  readonly written: WrittenLimits;
  readonly steps: readonly LimitStep[];
  readonly directories: readonly string[];
}

/** Or why it cannot be. */
type Place = Placed | { readonly failure: Failure };

export class LimitedTree implements TreeSession {
  readonly #tree: TreeSession;
  readonly #limits: HostLimits;
  readonly #path: string;
  readonly #mayBeMachine: boolean;

  constructor(tree: TreeSession, limits: HostLimits, path: string, options: OpenOptions) {
    this.#tree = tree;
    this.#limits = limits;
    this.#path = path;
    this.#mayBeMachine = !options.isHostRoot && (options.entry === "auto" || options.entry === "machine");
  }

  observe(probes: readonly Probe[]): Promise<readonly Observation[]> {
    return this.#tree.observe(probes);
  }

  async apply(changes: readonly Change[], options: ApplyOptions = {}): Promise<readonly Outcome[]> {
    if (!changes.some(isLimited)) return await this.#tree.apply(changes, options);
    const places = new Map<number, Placed>();
    let placed: readonly Change[] = [];
    /** The first whose cgroup cannot be had; nothing behind it is done. */
    let refusal: Failure | undefined;
    for (const [index, change] of changes.entries()) {
      const place = isLimited(change) ? await this.#place(change.exec.limits ?? {}, change.at === "host") : undefined;
      if (place && "failure" in place) {
        refusal = place.failure;
        break;
      }
      if (place) places.set(index, place);
      placed = [...placed, place && isLimited(change) ? { ...change, exec: inPlace(change.exec, place) } : change];
    }
    const { onOutcome } = options;
    const given = await this.#tree.apply(placed, {
      ...options,
      ...(onOutcome ? { onOutcome: (index, outcome) => onOutcome(index, explained(outcome, places.get(index))) } : {}),
    });
    const outcomes = given.map((outcome, index) => explained(outcome, places.get(index)));
    for (const [index, place] of places) {
      const outcome = outcomes[index];
      const note = outcome && (await this.#leave(place, outcome.exit));
      if (outcome?.exit && note !== undefined) outcomes[index] = { ...outcome, exit: { ...outcome.exit, note } };
    }
    if (refusal && outcomes.length === placed.length && outcomes.every(isWell)) {
      outcomes.push({ failure: refusal });
      onOutcome?.(placed.length, { failure: refusal });
    }
    return outcomes;
  }

  exec(spec: ExecSpec & { readonly rows?: number; readonly columns?: number }): Promise<RunningExec> {
    return this.#run(spec, (cgroups) => this.#tree.exec({ ...spec, ...cgroups }));
  }

  start(spec: ExecSpec): Promise<RunningExec> {
    return this.#run(spec, (cgroups) => this.#tree.start({ ...spec, ...cgroups }));
  }

  hold(wish: HoldWish): Promise<Outcome> {
    return this.#tree.hold(wish);
  }

  close(): Promise<void> {
    return this.#tree.close();
  }

  async #run(spec: ExecSpec, run: (cgroups: Pick<ExecSpec, "cgroups">) => Promise<RunningExec>): Promise<RunningExec> {
    if (!hasLimits(spec)) return await run({});
    const place = await this.#place(spec.limits ?? {}, false);
    if ("failure" in place) return notStarted(place.failure);
    const running = await run({ cgroups: place.steps });
    const exited = running.exited.then(async (exit) => {
      const note = await this.#leave(place, exit);
      const told = explainedExit(exit, place);
      return note === undefined ? told : { ...told, note };
    });
    exited.catch(() => undefined); // whoever waits is told; nobody need wait
    return new Limited(running, exited);
  }

  /** Finds where its cgroup goes. */
  async #place(written: WrittenLimits, isOnHost: boolean): Promise<Place> {
    const base = await this.#limits.base(isOnHost ? undefined : await this.#machine());
    if ("problem" in base) return { failure: failureOfProblem(base) };
    const planned = planProcessCgroup(base, this.#limits.nextName(), written);
    return "problem" in planned ? { failure: failureOfProblem(planned) } : { base, written, ...planned };
  }

  async #machine() {
    if (!this.#mayBeMachine) return undefined;
    const [seen] = await this.#tree.observe([{ kind: "machine" }]);
    const machine = seen?.kind === "machine" ? seen.machine : undefined;
    return machine && { path: this.#path, leader: machine.leader, init: machine.init };
  }

  /** Takes the cgroup away; says what its limits did to the process. What still runs in it keeps it, until the helper ends. */
  async #leave(place: Placed, exit: Exit | undefined): Promise<string | undefined> {
    const probes = exit === undefined ? [] : eventProbes(place.base, place.directories);
    // They are handled in this order, and cost one round trip.
    const [seen] = await Promise.all([
      this.#tree.observe(probes),
      ...place.directories.map((directory) => this.#tree.apply([removal(directory)])),
    ]);
    const contents = seen.map((one) => (one.kind === "read" ? one.content : undefined));
    return exit && reachedText(place.written, readEvents(probes, contents), exit);
  }
}

function hasLimits(spec: ExecSpec): boolean {
  return spec.limits !== undefined && Object.keys(spec.limits).length > 0;
}

function isLimited(change: Change): change is ExecChange {
  return change.kind === "exec" && hasLimits(change.exec);
}

function inPlace(exec: ExecSpec, { steps }: Placed): ExecSpec {
  return { ...exec, cgroups: steps };
}

/** An end that tells which limit was refused, if one was. */
function explainedExit(exit: Exit, { steps }: Placed): Exit {
  const { failure } = exit;
  if (failure?.step !== "limit") return exit;
  return { ...exit, failure: failureOfStep(steps.find(({ path }) => path === failure.path)?.what, failure) };
}

function explained(outcome: Outcome, place: Placed | undefined): Outcome {
  return outcome.exit && place ? { ...outcome, exit: explainedExit(outcome.exit, place) } : outcome;
}

/** Carried out, programs with status 0: what is behind them may be done. */
function isWell({ failure, exit }: Outcome): boolean {
  return failure === undefined && (exit === undefined || (exit.kind === "exited" && exit.value === 0));
}

function notStarted(failure: Failure): RunningExec {
  const exit: Exit = { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 };
  return {
    pid: 0,
    livesOn: false,
    onOutput: () => undefined,
    write: () => Promise.resolve(),
    endInput: () => undefined,
    resize: () => undefined,
    signal: () => undefined,
    cancel: () => undefined,
    exited: Promise.resolve(exit),
  };
}

/** A program whose end is told once its cgroup is gone. */
class Limited implements RunningExec {
  readonly #running: RunningExec;
  readonly exited: Promise<Exit>;

  constructor(running: RunningExec, exited: Promise<Exit>) {
    this.#running = running;
    this.exited = exited;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get livesOn(): boolean {
    return this.#running.livesOn;
  }

  onOutput(taker: OutputTaker): void {
    this.#running.onOutput(taker);
  }

  write(data: Uint8Array): Promise<void> {
    return this.#running.write(data);
  }

  endInput(): void {
    this.#running.endInput();
  }

  resize(rows: number, columns: number): void {
    this.#running.resize(rows, columns);
  }

  signal(number: number): void {
    this.#running.signal(number);
  }

  cancel(): void {
    this.#running.cancel();
  }
}
