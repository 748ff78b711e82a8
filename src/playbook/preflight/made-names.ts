// Groups and targets that add_host and group_by will make: known before the run as far as they are written out.

import type { Renderable, Scope } from "../../module/value.js";
import type { Task } from "../play.js";
import { isTemplate } from "../template/template.js";
import { NO_SCOPE } from "../scope/no-scope.js";

const KEYS: Readonly<Record<string, readonly string[]>> = {
  add_host: ["name", "groups"],
  group_by: ["key", "parents"],
};

/** Answers whether a task may make a name; where it is a template the text around what that inserts must fit. */
export class MadeNames {
  readonly #names = new Set<string>();
  readonly #patterns: RegExp[] = [];

  add(task: Task): void {
    const { module, args } = task;
    for (const key of KEYS[module.name] ?? []) {
      const value = args[key];
      if (!value) continue;
      const fixed = fixedValues(task, value);
      if (fixed) this.#addNames(fixed);
      else if (isTemplate(value))
        for (const text of value.texts ?? []) this.#patterns.push(...text.split(",").map(patternOf));
    }
  }

  /** Those that are written out. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** Something may make any name: a file that is included by a templated name. */
  isOpen = false;

  readonly mayCome = (name: string): boolean =>
    this.isOpen || this.#names.has(name) || this.#patterns.some((one) => one.test(name));

  #addNames(value: unknown): void {
    if (Array.isArray(value)) for (const one of value) this.#addNames(one);
    else for (const name of String(value).split(",")) this.#names.add(name.trim().replaceAll(" ", "-"));
  }
}

/** The value, or the values for a loop whose items are written out; undefined where they depend on more. */
function fixedValues({ loop, loopControl }: Task, value: Renderable): unknown {
  if (value.isStatic) return value.render(NO_SCOPE);
  const names = [...value.names];
  if (!loop?.isStatic || names.length !== 1 || names[0] !== loopControl.loopVar) return undefined;
  const items = loop.render(NO_SCOPE);
  if (!Array.isArray(items)) return undefined;
  try {
    return items.map((item: unknown) => value.render(scopeOf(loopControl.loopVar, item)));
  } catch {
    // It is told when the task is reached; until then its names are open.
    return undefined;
  }
}

function scopeOf(name: string, value: unknown): Scope {
  return {
    has: (one) => one === name,
    get: (one) => (one === name ? value : NO_SCOPE.get(one)),
    names: () => [name],
    with: () => NO_SCOPE,
  };
}

/** What a template's text can become, blanks as the dashes that they will be. */
function patternOf(text: string): RegExp {
  const source = text
    .trim()
    .split(/(\{\{.*?\}\}+)/s)
    .map((part, index) => (index % 2 === 1 ? ".*" : part.replaceAll(" ", "-").replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`, "s");
}
