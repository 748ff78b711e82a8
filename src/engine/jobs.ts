// Jobs: tasks with `async` and `poll: 0`, which go on beside those that come after them.

import { randomInt } from "node:crypto";
import { CrunError, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";
import type { Change, ExecChange, Outcome } from "../module/change.js";
import type { JobState, Plan } from "../module/contract.js";
import type { RunningExec, TreeSession } from "../target/session.js";
import { concludePlan, isCounted } from "./task/conclude.js";
import { jobSeconds, LONGEST_MS, withTimeLeft } from "./task/limit.js";
import { isDone } from "./task/outcome.js";
import type { ItemResult } from "./work.js";

/** What a job is made of. */
export interface JobOrder {
  readonly target: string;
  /** The task's name, for messages. */
  readonly title: string;
  readonly place: Place;
  readonly plan: Plan;
  /** The plan's changes as they are to be carried out. */
  readonly changes: readonly Change[];
  readonly seconds: number;
}

/** Keys that a job's every result has. */
export interface JobFields {
  readonly ansible_job_id: string;
  readonly results_file: string;
  readonly started: number;
  readonly finished: number;
}

export const JOB_KEYS: readonly (keyof JobFields)[] = ["ansible_job_id", "results_file", "started", "finished"];

interface Job {
  readonly id: string;
  readonly order: JobOrder;
  readonly startedAt: number;
  running: RunningExec | undefined;
  isCancelled: boolean;
  state: JobState;
  ended: Promise<void>;
}

/** What came of a task that was over at once. */
type Done = Pick<ItemResult, "isChanged" | "isFailed" | "message" | "remedy" | "result">;

/** Whether the plan can go on in the background: programs of the tree, under no lock. What is no program is done at once. */
export function canBeJob({ changes }: Plan): boolean {
  return (
    changes.some((change) => change.kind === "exec") &&
    changes.every((change) => change.kind !== "lock" && (change.kind !== "exec" || change.at !== "host"))
  );
}

/** Those of one run. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  /** How many of them run, by target. */
  readonly #atWork = new Map<string, number>();
  /** Targets on which a job ended since they were last asked for. */
  readonly #stale = new Set<string>();

  readonly #onEnd: (target: string, id: string, state: JobState) => void;

  /** `onEnd`: told of each that came to its end. */
  constructor(onEnd: (target: string, id: string, state: JobState) => void = () => undefined) {
    this.#onEnd = onEnd;
  }

  /** Resolves when the job's first program runs, or could not be started. Rejects with a CrunError (exitStatus 4). */
  async start(order: JobOrder, session: TreeSession): Promise<JobFields> {
    const id = newId();
    const job: Job = {
      id,
      order,
      startedAt: performance.now(),
      running: undefined,
      isCancelled: false,
      state: { isFinished: false, result: { ...fieldsOf(id, 0), changed: false, failed: false, msg: "" } },
      ended: Promise.resolve(),
    };
    this.#count(order.target, 1);
    await new Promise<void>((resolve, reject) => {
      job.ended = this.#run(job, session, resolve).then(resolve, (error: unknown) => {
        reject(error instanceof Error ? error : new Error(String(error)));
        this.#finish(job, lossOf(error));
      });
    });
    this.#jobs.set(id, job);
    return fieldsOf(id, 0);
  }

  /** A task that was over at once, told as a finished job. */
  noteDone(target: string, place: Place, title: string, item: Done): JobFields {
    const id = newId();
    const order: JobOrder = { target, place, title, plan: { changes: [] }, changes: [], seconds: 0 };
    const { isChanged: changed, isFailed: failed, message: msg = "", remedy } = item;
    const result = { ...item.result, ...fieldsOf(id, 1), changed, failed, msg };
    const state: JobState = { isFinished: true, result, remedy };
    const ended = Promise.resolve();
    this.#jobs.set(id, {
      id,
      order,
      startedAt: performance.now(),
      running: undefined,
      isCancelled: false,
      state,
      ended,
    });
    this.#onEnd(target, id, state);
    return fieldsOf(id, 1);
  }

  /** One that was over when the run was broken off. */
  recall(target: string, id: string, place: Place, { result, remedy }: Omit<JobState, "isFinished">): void {
    const order: JobOrder = { target, place, title: "", plan: { changes: [] }, changes: [], seconds: 0 };
    const state: JobState = { isFinished: true, result, remedy };
    const ended = Promise.resolve();
    this.#jobs.set(id, {
      id,
      order,
      startedAt: performance.now(),
      running: undefined,
      isCancelled: false,
      state,
      ended,
    });
  }

  stateOf(target: string, id: string): JobState | undefined {
    const job = this.#jobs.get(id);
    return job?.order.target === target ? job.state : undefined;
  }

  forget(target: string, id: string): void {
    const job = this.#jobs.get(id);
    if (job?.order.target === target && job.state.isFinished) this.#jobs.delete(id);
  }

  /** Something else than the tasks at hand changes the target now. */
  isAtWork(target: string): boolean {
    return this.#atWork.has(target);
  }

  /** Whether what was seen of the target need not be so any more. Asked once for each task: the next one sees anew. */
  takesSight(target: string): boolean {
    return this.#stale.delete(target) || this.isAtWork(target);
  }

  /** Ends the jobs that end with the run, and tells of each. */
  async end(warn: (diagnostic: Diagnostic) => void): Promise<void> {
    const ending = [...this.#jobs.values()].filter(
      ({ state, running, order }) => !state.isFinished && !(running?.livesOn === true && order.changes.length === 1),
    );
    for (const job of ending) {
      const { order, running } = job;
      job.isCancelled = true;
      running?.cancel();
      const after = Math.round((performance.now() - job.startedAt) / 1000);
      warn({
        severity: "warning",
        summary: `the job of the task ${JSON.stringify(order.title)} on ${order.target} was ended with the run, after ${after} s`,
        place: order.place,
        remedy: "A process in a tree ends with the run at the latest: wait for it with async_status and until.",
      });
    }
    await Promise.all(ending.map(({ ended }) => ended));
  }

  #count(target: string, change: 1 | -1): void {
    const count = (this.#atWork.get(target) ?? 0) + change;
    if (count > 0) this.#atWork.set(target, count);
    else this.#atWork.delete(target);
  }

  async #run(job: Job, session: TreeSession, onStart: () => void): Promise<void> {
    const { plan, changes, seconds } = job.order;
    const deadline = performance.now() + Math.min(jobSeconds(seconds) * 1000, LONGEST_MS);
    const outcomes: Outcome[] = [];
    let isOver = false;
    for (const change of changes) {
      if (job.isCancelled) break;
      const timed = withTimeLeft(change, Math.round(deadline - performance.now()));
      const [outcome] =
        timed.kind === "exec" ? [await execute(job, session, timed, onStart)] : await session.apply([timed]);
      if (!outcome) break;
      outcomes.push(outcome);
      isOver = outcome.exit?.kind === "timed-out" && performance.now() >= deadline - 50;
      if (isOver || !isDone(change, outcome)) break;
    }
    this.#finish(job, isOver ? overdue() : resultOf(plan, outcomes, job.isCancelled));
  }

  #finish(job: Job, result: Omit<JobState, "isFinished">): void {
    job.state = { isFinished: true, remedy: result.remedy, result: { ...result.result, ...fieldsOf(job.id, 1) } };
    job.running = undefined;
    if (!job.isCancelled) this.#onEnd(job.order.target, job.id, job.state);
    this.#count(job.order.target, -1);
    this.#stale.add(job.order.target);
  }
}

async function execute(job: Job, session: TreeSession, change: ExecChange, onStart: () => void): Promise<Outcome> {
  const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const running = await session.start(change.exec);
  job.running = running;
  running.onOutput((stream, data) => void output[stream].push(data));
  if (job.isCancelled) running.cancel();
  onStart();
  const exit = await running.exited;
  return { exit, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) };
}

type Result = Omit<JobState, "isFinished">;

function resultOf(plan: Plan, outcomes: readonly Outcome[], isCancelled: boolean): Result {
  const { fields, conclusion, fault } = concludePlan(plan, outcomes);
  const changed = isCounted(plan, outcomes) && conclusion.changed !== false;
  const failed = fault !== undefined || isCancelled;
  const msg = fault?.message ?? conclusion.message ?? plan.message ?? "";
  return { result: { ...fields, changed, failed, msg }, remedy: fault?.remedy };
}

function overdue(): Result {
  const remedy = "What it had started was killed. Raise async if it needs longer.";
  return { result: { changed: true, failed: true, msg: "Timeout exceeded" }, remedy };
}

function lossOf(error: unknown): Result {
  const [first] = error instanceof CrunError ? error.diagnostics : [];
  const msg = `the job was lost with its connection: ${first?.summary ?? String(error)}`;
  return { result: { changed: true, failed: true, msg }, remedy: first?.remedy };
}

/** Like Ansible's, which a template must not take for a number. */
function newId(): string {
  return `j${randomInt(10 ** 11, 10 ** 12)}.${process.pid}`;
}

/** The file is named as Ansible names one, but results stay with the run: it does not exist. */
function fieldsOf(id: string, finished: number): JobFields {
  return { ansible_job_id: id, results_file: resultsFile(id), started: 1, finished };
}

export function resultsFile(id: string): string {
  return `/root/.ansible_async/${id}`;
}
