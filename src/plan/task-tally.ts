// What came of a task of a plan on a target: of its one step, or of the items of its loop, which count as one task.

import type { Counts, EngineEvent, TaskResultEvent } from "../engine/events.js";
import { stepEvent, type Telling } from "./plan-events.js";
import type { PlannedStep } from "./saved-plan.js";
import type { StepResult } from "./step-result.js";

export class TaskTally {
  readonly #play: string;
  readonly #telling: Telling;
  readonly #isHidden: boolean;
  readonly #events: TaskResultEvent[] = [];
  /** The task's first. */
  readonly step: PlannedStep;
  /** Undefined: a task without a loop. */
  readonly loop: number | undefined;

  /** `step`: the task's first. */
  constructor(play: string, step: PlannedStep, telling: Telling) {
    this.#play = play;
    this.#telling = telling;
    this.#isHidden = step.isHidden;
    this.step = step;
    this.loop = step.loop;
  }

  /** An item of a loop is told at once, as a play tells it. */
  add(step: PlannedStep, result: StepResult, durationMs: number): EngineEvent | undefined {
    const event = stepEvent(this.#play, step, result, { ...this.#telling, durationMs });
    this.#events.push(event);
    return this.loop === undefined ? undefined : { event: "item", of: event };
  }

  /** Whether an item failed and was not ignored. */
  get isLost(): boolean {
    return this.#events.some((event) => event.status === "failed" && !event.isIgnored);
  }

  /** The task's own result, counted. */
  close(counts: Counts): TaskResultEvent | undefined {
    const [first] = this.#events;
    if (!first) return undefined;
    const event = this.loop === undefined ? first : this.#summary(first);
    if (this.isLost) counts.failed++;
    else {
      counts.ok++;
      if (event.isIgnored) counts.ignored++;
      if (event.result["changed"] === true) counts.changed++;
    }
    return event;
  }

  #summary(first: TaskResultEvent): TaskResultEvent {
    const all = this.#events;
    const failed = all.filter(({ status }) => status === "failed");
    const isChanged = all.some(({ result }) => result["changed"] === true);
    const isFailed = failed.length > 0;
    const { item: _, message: __, remedy: ___, ...rest } = first;
    const msg = isFailed ? "One or more items failed" : "All items completed";
    const flags = { changed: isChanged, failed: isFailed, skipped: false };
    const message =
      failed.length === 1
        ? failed[0]?.message
        : `${failed.length} items failed; the first: ${failed[0]?.message ?? ""}`;
    return {
      ...rest,
      status: isFailed ? "failed" : isChanged ? "changed" : "ok",
      isIgnored: isFailed && !this.isLost,
      result: this.#isHidden ? first.result : { results: all.map(({ result }) => result), ...flags, msg },
      ...(isFailed && message && !this.#isHidden ? { message } : {}),
      ...(failed[0]?.remedy === undefined ? {} : { remedy: failed[0].remedy }),
      diffs: [],
      durationMs: all.reduce((sum, one) => sum + one.durationMs, 0),
    };
  }
}
