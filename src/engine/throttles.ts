// throttle and throttle_per_host: who may be in a task at the same time.

import type { Task } from "../playbook/play.js";
import { Limiter } from "./slots.js";

interface Bounds {
  readonly all: Limiter | undefined;
  readonly byHost: Map<string, Limiter>;
}

export class Throttles {
  readonly #bounds = new Map<Task, Bounds>();

  /** Waits for a place in the task; gives what leaves it. First among those of its own host, so that who waits there takes no place from others. */
  async enter(task: Task, host: string): Promise<() => void> {
    let bounds = this.#bounds.get(task);
    if (!bounds) {
      bounds = { all: task.throttle ? new Limiter(task.throttle) : undefined, byHost: new Map() };
      this.#bounds.set(task, bounds);
    }
    const leaveHost = await placeIn(task.throttlePerHost ? limiterOf(bounds, host, task.throttlePerHost) : undefined);
    const leaveAll = await placeIn(bounds.all);
    return () => {
      leaveAll();
      leaveHost();
    };
  }
}

function limiterOf({ byHost }: Bounds, host: string, limit: number): Limiter {
  const limiter = byHost.get(host) ?? new Limiter(limit);
  byHost.set(host, limiter);
  return limiter;
}

function placeIn(limiter: Limiter | undefined): Promise<() => void> {
  if (!limiter) return Promise.resolve(() => undefined);
  return new Promise((given) => {
    void limiter.run(() => new Promise<void>((release) => given(release)));
  });
}
