// The handlers of a play: by name, as code, and those that includes add.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Task } from "../playbook/play.js";
import { compileHandlers, type Code } from "./program.js";
import type { TaskInfo } from "./task/task-info.js";

export class Handlers {
  readonly #all: Task[];
  readonly #infoOf: (task: Task) => TaskInfo;
  #code: Code | undefined;

  constructor(handlers: readonly Task[], infoOf: (task: Task) => TaskInfo) {
    this.#all = [...handlers];
    this.#infoOf = infoOf;
  }

  /** Those of an included role or file. */
  add(handlers: readonly Task[]): void {
    this.#all.push(...handlers);
    this.#code = undefined;
  }

  get code(): Code {
    return (this.#code ??= compileHandlers(this.#all, this.#infoOf));
  }

  /** Handlers of that name (the last one) or that listen to it. Throws a CrunError where there is none. `titleOf`: a handler's name on the target at hand. */
  named(name: string, titleOf: (task: Task) => string, place: Place): readonly Task[] {
    const found: Task[] = this.#all.filter((task) => task.listen.includes(name));
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
