// Lets targets that run at their own pace wait for each other where a task concerns several of them.

/** Order of operations in a play: index by index, includes beneath where they were included. */
export type Position = readonly number[];

interface Waiting {
  readonly who: number;
  readonly position: Position;
  readonly release: (group: readonly number[]) => void;
}

/** Who waits is released when every target that still runs waits; the earliest position goes first. */
export class Rendezvous {
  #running: number;
  #waiting: Waiting[] = [];

  constructor(running: number) {
    this.#running = running;
  }

  /** Resolves to all that stand at this position, in the targets' order. */
  arrive(who: number, position: Position): Promise<readonly number[]> {
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
    const group = this.#waiting.filter(({ position }) => comparePositions(position, first) === 0);
    this.#waiting = this.#waiting.filter((one) => !group.includes(one));
    const members = group.map(({ who }) => who).sort((a, b) => a - b);
    for (const { release } of group) release(members);
  }
}

export function comparePositions(one: Position, other: Position): number {
  for (let index = 0; index < Math.min(one.length, other.length); index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
