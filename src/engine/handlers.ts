// The handlers of a play: by name, as code, and those that includes add.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import type { Scope } from "../module/value.js";
import type { Handler, Task } from "../playbook/play.js";
import { compileHandlers, type Code } from "./program.js";
import type { TaskInfo } from "./task/task-info.js";
import { titleOf } from "./task/task-event.js";

export class Handlers {
  /** In the order in which they came; the same one more than once where its role was read again. */
  readonly #all: Handler[] = [];
  readonly #ofRoles = new Map<string, Handler>();
  readonly #infoOf: (task: Task) => TaskInfo;
  #code: Code | undefined;

  constructor(handlers: readonly Handler[], infoOf: (task: Task) => TaskInfo) {
    this.#infoOf = infoOf;
    this.add(handlers);
  }

  /** Those of an included role or file. A role that was read before with the same arguments brings the same handlers again. */
  add(handlers: readonly Handler[]): void {
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

  /**
   * Those that listen to the name, and the one that bears it. As in Ansible, of several that bear it those of the list that was read last win
   * (the play's own over its roles'), and within a list the first. Throws a CrunError where there is none.
   * `scopeOf`: the target's variables for a handler.
   */
  named(name: string, scopeOf: (handler: Handler) => Scope, place: Place): readonly Handler[] {
    const found: Handler[] = [...new Set(this.#all)].filter((one) => one.listen.includes(name));
    const bearers = this.#all.filter((one) => {
      const title = this.#titleOf(one, scopeOf);
      return title === name || (one.role !== undefined && `${one.role.name} : ${title}` === name);
    });
    const last = bearers.at(-1);
    const bearer = bearers.find((one) => one.role === last?.role);
    if (bearer && !found.includes(bearer)) found.push(bearer);
    if (found.length > 0) return found;
    const names = this.#all.flatMap((one) => [this.#titleOf(one, scopeOf), ...one.listen]);
    throw new CrunError(
      {
        severity: "error",
        summary: `no handler is called ${JSON.stringify(name)}, and none listens to it`,
        place,
        remedy: suggest(name, names) ?? "Add it under handlers:.",
      },
      2,
    );
  }

  /** As it is shown: a role's bears the role's name, too. */
  titleOf(handler: Handler, scopeOf: (handler: Handler) => Scope): string {
    const title = this.#titleOf(handler, scopeOf);
    return handler.role ? `${handler.role.name} : ${title}` : title;
  }

  #titleOf(handler: Handler, scopeOf: (handler: Handler) => Scope): string {
    if (handler.kind === "task") {
      const info = this.#infoOf(handler);
      return info.hasStaticTitle ? info.title : titleOf(info, scopeOf(handler));
    }
    try {
      return handler.name ? String(handler.name.render(scopeOf(handler))) : handler.action;
    } catch {
      // A name that cannot be rendered is nobody's.
      return handler.action;
    }
  }
}
