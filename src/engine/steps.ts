// --step: a person says task by task whether it is carried out.

import { positionOf } from "./frame.js";
import type { Need } from "./need.js";
import type { TargetPlay } from "./target-play.js";

export type StepAnswer = "yes" | "no" | "all" | "stop";

/** Asks the person. `target` undefined: for all that are at the task. */
export type AskStep = (task: string, target: string | undefined) => Promise<StepAnswer>;

/** The questions of one run. */
export class StepMode {
  readonly #ask: AskStep;
  isOver = false;

  constructor(ask: AskStep) {
    this.#ask = ask;
  }

  async ask(task: string, target: string | undefined): Promise<StepAnswer> {
    const answer = this.isOver ? "yes" : await this.#ask(task, target);
    if (answer === "all") this.isOver = true;
    return answer === "all" ? "yes" : answer;
  }
}

/** The questions of one play: in lockstep one for all targets, else one for each. */
export class Steps {
  readonly #mode: StepMode | undefined;
  readonly #isLockstep: boolean;
  readonly #asked = new Map<string, Promise<StepAnswer>>();

  constructor(mode: StepMode | undefined, isLockstep: boolean) {
    this.#mode = mode;
    this.#isLockstep = isLockstep;
  }

  /** What is needed before the task or include at hand may begin. */
  gate(on: TargetPlay, title: () => string): Need | undefined {
    if (!this.#mode || this.#mode.isOver || on.allowedAt === keyOf(on)) return undefined;
    return on.books.isPending ? { kind: "flush" } : { kind: "ask", title: title() };
  }

  /** Asks, and goes past the task where the answer is no. */
  async ask(on: TargetPlay, title: string): Promise<void> {
    if (!this.#mode) return;
    const key = keyOf(on);
    const isFirst = !this.#asked.has(key);
    let asked = this.#isLockstep ? this.#asked.get(key) : undefined;
    asked ??= this.#mode.ask(title, this.#isLockstep ? undefined : on.state.target.name);
    if (this.#isLockstep) this.#asked.set(key, asked);
    const answer = await asked;
    if (answer === "stop" && isFirst) on.play.run.interrupt();
    if (answer === "yes") on.allowedAt = key;
    else if (answer === "no") on.play.passOver(on);
  }
}

function keyOf(on: TargetPlay): string {
  return positionOf(on.frame, on.pc).join();
}
