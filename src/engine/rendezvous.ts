// Lets targets that run at their own pace wait for each other where a task concerns several of them.

/** Order of operations in a play: index by index, includes beneath where they were included. */
export type Position = readonly number[];

interface Waiting {
  readonly who: number;
  readonly position: Position;
  readonly release: (group: readonly number[] | undefined) => void;
}

/** Who waits is released when every target that still runs waits; the earliest position goes first. */
export class Rendezvous {
  #running: number;
  readonly #isStopping: () => boolean;
  #waiting: Waiting[] = [];

  readonly #onRelease: () => void;

  /** `isStopping`: whoever is released while it is true does not go on. `onRelease`: told each time that all stood still. */
  constructor(running: number, isStopping: () => boolean, onRelease: () => void = () => undefined) {
    this.#running = running;
    this.#isStopping = isStopping;
    this.#onRelease = onRelease;
  }

  /** Resolves to all that stand at this position, in the targets' order; undefined: the play is stopping. */
  arrive(who: number, position: Position): Promise<readonly number[] | undefined> {
    return new Promise((release) => {
      this.#waiting.push({ who, position, release });
      this.#releaseIfComplete();
    });
  }

  /** A target's play has ended. */
  leave(): void {
    this.#running--;
    this.#releaseIfComplete();
  }

  #releaseIfComplete(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#running) return;
    let first = this.#waiting[0]?.position ?? [];
    for (const { position } of this.#waiting) if (comparePositions(position, first) < 0) first = position;
    const group: Waiting[] = [];
    const others: Waiting[] = [];
    for (const one of this.#waiting) (comparePositions(one.position, first) === 0 ? group : others).push(one);
    this.#waiting = others;
    const members = group.map(({ who }) => who).sort((a, b) => a - b);
    const isStopping = this.#isStopping();
    this.#onRelease();
    for (const { release } of group) release(isStopping ? undefined : members);
  }
}

export function comparePositions(one: Position, other: Position): number {
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
