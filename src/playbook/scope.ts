// Variables as one target sees them: layers, rendered when they are looked up, cycles shown.

import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { PendingVariable, type Renderable, type Scope, type VarLayer } from "../module/value.js";
import { lazyMap } from "./lazy-map.js";
import { isTemplate } from "./template.js";
import { OMIT } from "./values.js";

type Definition = Renderable | { readonly raw: unknown };

/** A variable that will get its value from a task or from facts: looking it up throws PendingVariable. */
class Pending implements Renderable {
  readonly place = undefined;
  readonly isStatic = false;
  readonly names: ReadonlySet<string> = new Set();
  readonly #variable: string;
  constructor(variable: string) {
    this.#variable = variable;
  }
  render(): never {
    throw new PendingVariable(this.#variable);
  }
}

/** What a layer gives for a variable whose value is not known yet. */
export function pendingVariable(name: string): Renderable {
  return new Pending(name);
}

/** A layer of definitions by name. */
export function mapLayer(origin: string, definitions: ReadonlyMap<string, Definition>): VarLayer {
  return { origin, get: (name) => definitions.get(name), names: () => definitions.keys() };
}

/** A layer of values that are data: never rendered. */
export function rawLayer(origin: string, values: Readonly<Record<string, unknown>>): VarLayer {
  return {
    origin,
    get: (name) => (Object.hasOwn(values, name) ? { raw: values[name] } : undefined),
    names: () => Object.keys(values),
  };
}

/** Scope of layers, lowest precedence first. What was rendered is remembered until `forget`. */
export function createScope(layers: readonly VarLayer[]): LayeredScope {
  return new LayeredScope(layers, undefined);
}

export class LayeredScope implements Scope {
  readonly #layers: readonly VarLayer[];
  readonly #parent: LayeredScope | undefined;
  readonly #known = new Map<string, unknown>();
  /** Names that a variable's templates lead to, however far. Only of the outermost scope. */
  readonly #closures = new Map<string, ReadonlySet<string>>();
  readonly #underway: string[] = [];
  #vars: unknown;

  constructor(layers: readonly VarLayer[], parent: LayeredScope | undefined) {
    this.#layers = layers;
    this.#parent = parent;
  }

  with(layer: VarLayer): LayeredScope {
    return new LayeredScope([layer], this);
  }

  has(name: string): boolean {
    return this.#known.has(name) || name === "vars" || name === "omit" || this.definition(name) !== undefined;
  }

  /** What defines a variable, not rendered. */
  definition(name: string): Definition | undefined {
    return this.#own(name) ?? this.#parent?.definition(name);
  }

  /** The layer that a variable comes from. */
  origin(name: string): string | undefined {
    for (let index = this.#layers.length - 1; index >= 0; index--) {
      if (this.#layers[index]?.get(name) !== undefined) return this.#layers[index]?.origin;
    }
    return this.#parent?.origin(name);
  }

  #own(name: string): Definition | undefined {
    for (let index = this.#layers.length - 1; index >= 0; index--) {
      const found = this.#layers[index]?.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  get(name: string): unknown {
    const known = this.#known.get(name);
    if (known !== undefined || this.#known.has(name)) return known;
    if (name === "vars") return (this.#vars ??= this.#all());
    if (name === "omit") return OMIT;
    const own = this.#own(name);
    if (own === undefined && this.#parent && !this.#isAffected(name)) return this.#parent.get(name);
    const definition = own ?? this.#parent?.definition(name);
    if (definition === undefined) throw this.#undefined(name);
    const value = "raw" in definition ? definition.raw : this.#render(name, definition);
    this.#known.set(name, value);
    return value;
  }

  *names(): Iterable<string> {
    const seen = new Set<string>();
    for (const names of [...this.#layers.map((layer) => layer.names()), this.#parent?.names() ?? []]) {
      for (const name of names) {
        if (seen.has(name)) continue;
        seen.add(name);
        yield name;
      }
    }
  }

  /** Forgets what was rendered from the names (all of it without names): a layer changed. */
  forget(names?: Iterable<string>): void {
    this.#vars = undefined;
    if (!names) {
      this.#known.clear();
      this.#closures.clear();
      return;
    }
    const changed = [...names];
    for (const name of this.#known.keys()) {
      const closure = this.closure(name);
      if (changed.some((one) => one === name || closure.has(one)) || closure.has("vars")) this.#known.delete(name);
    }
    this.#closures.clear();
  }

  /** Whether a variable of the parent may look different from here, because something that it leads to is shadowed here. */
  #isAffected(name: string): boolean {
    const closure = this.#parent?.closure(name);
    if (!closure || closure.size === 0) return false;
    if (closure.has("vars")) return true;
    for (const one of closure) if (this.#own(one) !== undefined) return true;
    return false;
  }

  /** Names that the variable's templates lead to. */
  closure(name: string): ReadonlySet<string> {
    const known = this.#closures.get(name);
    if (known) return known;
    const definition = this.definition(name);
    const names = new Set<string>();
    if (definition && !("raw" in definition) && !definition.isStatic) {
      const pending = [...definition.names];
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        if (names.has(next)) continue;
        names.add(next);
        const inner = this.definition(next);
        if (inner && !("raw" in inner) && !inner.isStatic) pending.push(...inner.names);
      }
    }
    this.#closures.set(name, names);
    return names;
  }

  #render(name: string, definition: Renderable): unknown {
    if (definition.isStatic) return definition.render(this);
    if (this.#underway.includes(name)) throw this.#cycle(name, definition);
    this.#underway.push(name);
    try {
      return definition.render(this);
    } finally {
      this.#underway.pop();
    }
  }

  #cycle(name: string, definition: Renderable): CrunError {
    const chain = [...this.#underway.slice(this.#underway.indexOf(name)), name].join(" → ");
    return new CrunError({
      severity: "error",
      summary: `the variable ${JSON.stringify(name)} is made of itself: ${chain}`,
      place: definition.place,
      source: sourceLine(definition),
      detail: "Variables are rendered when they are used, so a name always means the innermost definition.",
      remedy: "Give one of them another name.",
    });
  }

  #undefined(name: string): CrunError {
    return new CrunError({
      severity: "error",
      summary: `the variable ${JSON.stringify(name)} is not defined`,
      remedy: suggest(name, this.names()) ?? "Define it in vars, in the inventory or with -e.",
    });
  }

  #all(): unknown {
    return lazyMap({
      has: (name) => {
        const definition = this.definition(name);
        // Whether the task that would set it does so is known only afterwards.
        if (definition instanceof Pending) definition.render();
        return definition !== undefined;
      },
      get: (name) => this.get(name),
      names: () => this.names(),
    });
  }
}

function sourceLine(definition: Renderable): string | undefined {
  const line = definition.place?.line;
  return line === undefined || !isTemplate(definition) ? undefined : definition.references[0]?.origin.source.line(line);
}
