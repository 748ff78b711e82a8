// What of a play is behind a target that goes on with a run: steps that are taken as done, and those that were begun.

import { ANY_ITEM, type History, type PastItem, type PastStep, type TargetHistory } from "./history.js";

/** Of one target, in all plays of a run that goes on. */
export class TargetPast {
  readonly #plays = new Map<number, Past>();
  readonly #history: History;
  readonly #target: TargetHistory | undefined;

  constructor(history: History, name: string) {
    this.#history = history;
    this.#target = history.targets.get(name);
    for (const one of this.#target?.entries ?? [])
      if (one.kind === "step") this.of(one.play).steps.set(this.#keyOf(one.op), one.step);
      else if (one.kind === "failure") this.of(one.play).failures.set(this.#keyOf(one.op), one.failure.isLost);
    for (const one of this.#target?.doing.values() ?? [])
      this.of(one.play).doing.set(`${this.#keyOf(one.op)}#${one.index}`, one.isCommand);
    for (const { play, op, of } of this.#target?.items.values() ?? []) this.of(play).items.set(this.#keyOf(op), of);
    for (const [play, titles] of this.#target?.owed ?? []) for (const title of titles) this.of(play).owed.add(title);
  }

  #keyOf(op: number): string {
    return this.#history.ops.get(op)?.key ?? "";
  }

  of(play: number): Past {
    const known =
      this.#plays.get(play) ??
      new Past(this.#target?.facts.get(play), () => {
        for (const [number, past] of this.#plays) if (number >= play) past.forget();
      });
    this.#plays.set(play, known);
    return known;
  }
}

/** Of one target in one play. */
export class Past {
  /** By where they stand. */
  readonly steps = new Map<string, PastStep>();
  /** Losses of targets that were forgiven later, by where they were lost. */
  readonly failures = new Map<string, boolean>();
  /** Items of loops that were not through, by where the task stands and their index. */
  readonly items = new Map<string, ReadonlyMap<number, PastItem>>();
  /** What was sent when the run stopped, by where it stands and the loop's index; whether it is a command. */
  readonly doing = new Map<string, boolean>();
  /** What a variable was set to, with its secrets masked: the same must come of it again. */
  readonly expected = new Map<string, string>();
  /** Titles of handlers that are notified from the start. */
  readonly owed = new Set<string>();
  readonly facts: Readonly<Record<string, unknown>> | undefined;
  readonly #cut: () => void;
  /** How many steps were there at the start. */
  taken = 0;

  constructor(facts: Readonly<Record<string, unknown>> | undefined, cut: () => void) {
    this.facts = facts;
    this.#cut = cut;
  }

  /** Whether steps that are done still lie ahead. */
  get isAhead(): boolean {
    return this.steps.size > 0;
  }

  take(key: string): PastStep | undefined {
    const step = this.steps.get(key);
    if (step && this.steps.delete(key)) this.taken++;
    return step;
  }

  /** Nothing from here on counts as done, in later plays either. */
  cut(): void {
    this.#cut();
  }

  /** Whether the item may have been done, or half done, when the run stopped. */
  wasDoing(key: string, index: number): boolean {
    return this.doing.has(`${key}#${index}`) || this.doing.has(`${key}#${ANY_ITEM}`);
  }

  forget(): void {
    for (const [key, step] of this.steps) if (step.status === "c") this.doing.set(`${key}#${ANY_ITEM}`, false);
    this.steps.clear();
    this.items.clear();
    this.failures.clear();
    this.expected.clear();
  }
}
