// Whether a play of a plan may go on after it lost targets: any_errors_fatal, max_fail_percentage, nobody left.

import type { PlannedPlay } from "./saved-plan.js";

export class Fate {
  readonly play: PlannedPlay;
  readonly #targets: ReadonlySet<string>;
  readonly #lost = new Set<string>();
  /** The task that failed where that ends the play for all. */
  #fatal: string | undefined;

  /** `chosen`: the targets that the plan is applied to. */
  constructor(play: PlannedPlay, chosen: ReadonlySet<string>) {
    this.play = play;
    this.#targets = new Set(play.targets.filter((name) => chosen.has(name)));
  }

  /** A target failed, was refused or is out of reach. */
  lose(name: string): void {
    if (this.#targets.has(name)) this.#lost.add(name);
  }

  /** A task failed after which nobody goes on. */
  end(task: string): void {
    this.#fatal ??= task;
  }

  get isOver(): boolean {
    return this.why !== undefined;
  }

  /** Why nothing further may be done; undefined: it goes on. */
  get why(): string | undefined {
    const { title, anyErrorsFatal, maxFailPercentage } = this.play;
    const lost = this.#lost.size;
    if (lost === 0) return undefined;
    const name = `the play ${JSON.stringify(title)}`;
    if (this.#fatal !== undefined) return `“${this.#fatal}” failed, and with it ${name} for all`;
    if (lost === this.#targets.size) return `${name} has no target left`;
    if (anyErrorsFatal) return `any_errors_fatal, and ${name} has lost a target`;
    const percent = (lost * 100) / this.#targets.size;
    if (maxFailPercentage !== undefined && percent > maxFailPercentage)
      return `${name} has lost ${Math.round(percent)} % of its targets, more than its max_fail_percentage`;
    return undefined;
  }
}
