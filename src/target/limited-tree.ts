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
import type { ApplyOptions, Entry, OutputTaker, RunningExec, TreeSession } from "./session.js";

/** What was made for one program, or why it was not. */
type Place =
  | {
      readonly base: LimitBase;
      readonly written: WrittenLimits;
      readonly steps: readonly LimitStep[];
      readonly directories: readonly string[];
    }
  | { readonly failure: Failure };

export class LimitedTree implements TreeSession {
  readonly #tree: TreeSession;
  readonly #limits: HostLimits;
  readonly #path: string;
  readonly #mayBeMachine: boolean;

  constructor(
    tree: TreeSession,
    limits: HostLimits,
    path: string,
    options: { readonly entry: Entry; readonly isHostRoot: boolean },
  ) {
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
    const places = new Map<number, Place>();
    for (const [index, change] of changes.entries())
      if (isLimited(change)) places.set(index, await this.#place(change.exec.limits ?? {}, change.at === "host"));
    const { steps, refused } = interleave(changes, places);
    const outcomes: Outcome[] = [];
    const take = (at: number, outcome: Outcome): Outcome | undefined => {
      const step = steps[at];
      if (!step) return undefined;
      if (!step.of) return outcome;
      return outcome.failure ? { failure: failureOfStep(step.of, outcome.failure) } : undefined;
    };
    const given = await this.#tree.apply(
      steps.map(({ change }) => change),
      {
        ...options,
        ...(options.onOutcome
          ? {
              onOutcome: (at, outcome) => {
                const taken = take(at, outcome);
                if (taken) options.onOutcome?.(steps[at]?.index ?? 0, taken);
              },
            }
          : {}),
        ...(options.onOutput
          ? { onOutput: (at, stream, data) => options.onOutput?.(steps[at]?.index ?? 0, stream, data) }
          : {}),
      },
    );
    for (const [at, outcome] of given.entries()) {
      const taken = take(at, outcome);
      const index = steps[at]?.index;
      if (taken && index !== undefined) outcomes[index] = taken;
    }
    for (const [index, place] of places) {
      const outcome = outcomes[index];
      if ("failure" in place) continue;
      const note = await this.#leave(place, outcome?.exit);
      if (outcome?.exit && note !== undefined) outcomes[index] = { ...outcome, exit: { ...outcome.exit, note } };
    }
    if (refused !== undefined && given.length === steps.length && !given.some(({ failure }) => failure !== undefined)) {
      const place = places.get(refused);
      if (place && "failure" in place && isWhole(outcomes, refused)) {
        outcomes[refused] = { failure: place.failure };
        options.onOutcome?.(refused, { failure: place.failure });
      }
    }
    return outcomes;
  }

  exec(spec: ExecSpec & { readonly rows?: number; readonly columns?: number }): Promise<RunningExec> {
    return this.#run(spec, (limited) => this.#tree.exec({ ...spec, ...limited }));
  }

  start(spec: ExecSpec): Promise<RunningExec> {
    return this.#run(spec, (limited) => this.#tree.start({ ...spec, ...limited }));
  }

  close(): Promise<void> {
    return this.#tree.close();
  }

  async #run(spec: ExecSpec, run: (limited: Partial<ExecSpec>) => Promise<RunningExec>): Promise<RunningExec> {
    if (!hasLimits(spec)) return await run({});
    const place = await this.#place(spec.limits ?? {}, false);
    if ("failure" in place) return notStarted(place.failure);
    const outcomes = await this.#tree.apply(place.steps.map(({ change }) => change));
    for (const [index, { failure }] of outcomes.entries()) {
      const step = place.steps[index];
      if (!failure || !step) continue;
      await this.#leave(place, undefined);
      return notStarted(failureOfStep(step, failure));
    }
    const running = await run({ cgroups: place.directories });
    const exited = running.exited.then(async (exit) => {
      const note = await this.#leave(place, exit);
      return note === undefined ? exit : { ...exit, note };
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
  async #leave(place: Exclude<Place, { failure: Failure }>, exit: Exit | undefined): Promise<string | undefined> {
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

interface Step {
  readonly change: Change;
  /** Of the change that it belongs to. */
  readonly index: number;
  /** It makes the cgroup of that change. */
  readonly of: LimitStep | undefined;
}

/** The changes with those before them that make cgroups, up to the first whose cgroup cannot be had. */
function interleave(
  changes: readonly Change[],
  places: ReadonlyMap<number, Place>,
): { readonly steps: readonly Step[]; readonly refused: number | undefined } {
  const steps: Step[] = [];
  for (const [index, change] of changes.entries()) {
    const place = places.get(index);
    if (place && "failure" in place) return { steps, refused: index };
    if (!place || change.kind !== "exec") {
      steps.push({ change, index, of: undefined });
      continue;
    }
    for (const of of place.steps) steps.push({ change: of.change, index, of });
    const exec = { ...change.exec, cgroups: place.directories };
    steps.push({ change: { ...change, exec }, index, of: undefined });
  }
  return { steps, refused: undefined };
}

/** Whether all before it were carried out, programs with status 0. */
function isWhole(outcomes: readonly Outcome[], end: number): boolean {
  for (let index = 0; index < end; index++) {
    const { failure, exit } = outcomes[index] ?? { failure: undefined };
    if (!outcomes[index] || failure || (exit && (exit.kind !== "exited" || exit.value !== 0))) return false;
  }
  return true;
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
