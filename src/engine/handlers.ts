// The handlers of a play: by name, as code, and those that includes add.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Task } from "../playbook/play.js";
import { compileHandlers, type Code } from "./program.js";
import type { TaskInfo } from "./task/task-info.js";

export class Handlers {
  /** In the order in which they came; the same one more than once where its role was read again. */
  readonly #all: Task[] = [];
  readonly #ofRoles = new Map<string, Task>();
  readonly #infoOf: (task: Task) => TaskInfo;
  #code: Code | undefined;

  constructor(handlers: readonly Task[], infoOf: (task: Task) => TaskInfo) {
    this.#infoOf = infoOf;
    this.add(handlers);
  }

  /** Those of an included role or file. A role that was read before with the same arguments brings the same handlers again. */
  add(handlers: readonly Task[]): void {
    for (const one of handlers) {
      const key = one.role && JSON.stringify([one.role.key, one.place]);
      const known = key === undefined ? undefined : this.#ofRoles.get(key);
      this.#all.push(known ?? one);
      if (key !== undefined && !known) this.#ofRoles.set(key, one);
    }
    this.#code = undefined;
  }

  get code(): Code {
    return (this.#code ??= compileHandlers([...new Set(this.#all)], this.#infoOf));
  }

  /** Handlers of that name (the last one) or that listen to it. Throws a CrunError where there is none. `titleOf`: a handler's name on the target at hand. */
  named(name: string, titleOf: (task: Task) => string, place: Place): readonly Task[] {
    const found: Task[] = [...new Set(this.#all)].filter((task) => task.listen.includes(name));
    const named = this.#all.findLast((task) => {
      const title = titleOf(task);
      return title === name || (task.role !== undefined && `${task.role.name} : ${title}` === name);
    });
    if (named && !found.includes(named)) found.push(named);
    if (found.length > 0) return found;
    throw new CrunError(
      {
        severity: "error",
        summary: `no handler is called ${JSON.stringify(name)}, and none listens to it`,
        place,
        remedy:
          suggest(
            name,
            this.#all.flatMap((task) => [titleOf(task), ...task.listen]),
          ) ?? "Add it under handlers:.",
      },
      2,
    );
  }
}
