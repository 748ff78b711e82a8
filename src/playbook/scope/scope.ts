// Variables as one target sees them: layers, rendered when they are looked up, cycles shown.

import { passwordVariables } from "../../module/password-variables.js";
import { CrunError, type Place } from "../../diagnostic/diagnostic.js";
import { PendingVariable, type Renderable, type Scope, type SecretKeeper, type VarLayer } from "../../module/value.js";
import { remedyForName } from "./near-names.js";
import { lazyMap } from "./lazy-map.js";
import { isTemplate } from "../template/template.js";
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

/** A layer of definitions by name; `placeOf` knows where the names are written. */
export function mapLayer(
  origin: string,
  definitions: ReadonlyMap<string, Definition>,
  placeOf?: (name: string) => Place | undefined,
): VarLayer {
  const layer = { origin, get: (name: string) => definitions.get(name), names: () => definitions.keys() };
  return placeOf ? { ...layer, placeOf } : layer;
}

/** A layer of values that are data: never rendered. */
export function rawLayer(origin: string, values: Readonly<Record<string, unknown>>): VarLayer {
  return {
    origin,
    get: (name) => (Object.hasOwn(values, name) ? { raw: values[name] } : undefined),
    names: () => Object.keys(values),
  };
}

/**
 * Scope of layers, lowest precedence first. Layers may change at any time; what was rendered is remembered as long as everything that it
 * was made of stays the same.
 */
export function createScope(layers: readonly VarLayer[], secrets?: SecretKeeper): LayeredScope {
  return new LayeredScope(layers, undefined, secrets);
}

/** A name that a template leads to, and what stood for it when it was rendered: the definition, or the value where it is data. */
type Dependency = readonly [name: string, identity: unknown];

interface Entry {
  readonly definition: Renderable;
  readonly dependencies: readonly Dependency[];
  /** Looks into all variables: may never be remembered. */
  readonly isOpen: boolean;
  isKnown: boolean;
  value: unknown;
}

/** Equal to nothing, not even itself: what is pending has no identity. */
const NOT_KNOWN = Number.NaN;

export class LayeredScope implements Scope {
  readonly #layers: readonly VarLayer[];
  readonly #parent: LayeredScope | undefined;
  readonly #entries = new Map<string, Entry>();
  readonly #underway: string[] = [];
  #vars: unknown;

  readonly secrets: SecretKeeper | undefined;

  constructor(layers: readonly VarLayer[], parent: LayeredScope | undefined, secrets = parent?.secrets) {
    this.#layers = layers;
    this.#parent = parent;
    this.secrets = secrets;
  }

  with(layer: VarLayer): LayeredScope {
    return new LayeredScope([layer], this);
  }

  /** Throws PendingVariable for what is not known yet. */
  has(name: string): boolean {
    return name === "vars" || name === "omit" || this.definition(name) !== undefined;
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
    const value = this.#get(name);
    if (passwordVariables.has(name)) this.secrets?.keep(value);
    return value;
  }

  #get(name: string): unknown {
    if (name === "vars") return (this.#vars ??= this.#all());
    if (name === "omit") return OMIT;
    const own = this.#own(name);
    const definition = own ?? this.#parent?.definition(name);
    if (definition === undefined) throw this.#undefined(name);
    if ("raw" in definition) return definition.raw;
    if (definition.isStatic) return definition.render(this);
    if (own === undefined && this.#parent) {
      const entry = this.#parent.#entry(name, definition);
      const isAffected = entry.isOpen || entry.dependencies.some(([one]) => this.#own(one) !== undefined);
      if (!isAffected) return this.#parent.get(name);
    }
    const entry = this.#entry(name, definition);
    if (entry.isKnown) return entry.value;
    const value = this.#render(name, definition);
    entry.value = value;
    entry.isKnown = !entry.isOpen;
    return value;
  }

  /** Drops what is remembered, of some names or of all. It would be noticed anyway; this gives the memory back. */
  forget(names?: Iterable<string>): void {
    if (names) for (const name of names) this.#entries.delete(name);
    else this.#entries.clear();
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

  /** What is remembered of a variable, if it is still true; else begun anew. */
  #entry(name: string, definition: Renderable): Entry {
    const before = this.#entries.get(name);
    if (
      before?.definition === definition &&
      before.dependencies.every(([one, identity]) => this.#identity(one) === identity)
    ) {
      return before;
    }
    const dependencies = this.#dependencies(definition);
    const isOpen = dependencies.some(([one]) => one === "vars" || one === "hostvars");
    const entry: Entry = { definition, dependencies, isOpen, isKnown: false, value: undefined };
    this.#entries.set(name, entry);
    return entry;
  }

  #dependencies(definition: Renderable): Dependency[] {
    const found = new Map<string, unknown>();
    const pending = [...definition.names];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (found.has(next)) continue;
      const identity = this.#identity(next);
      found.set(next, identity);
      const inner = identity === undefined || Number.isNaN(identity) ? undefined : this.definition(next);
      if (inner && !("raw" in inner) && !inner.isStatic) pending.push(...inner.names);
    }
    return [...found];
  }

  #identity(name: string): unknown {
    try {
      const definition = this.definition(name);
      return definition && "raw" in definition ? definition.raw : definition;
    } catch (error) {
      if (error instanceof PendingVariable) return NOT_KNOWN;
      throw error;
    }
  }

  #render(name: string, definition: Renderable): unknown {
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
      remedy: remedyForName(name, this.names()) ?? "Define it in vars, in the inventory or with -e.",
    });
  }

  #all(): unknown {
    return lazyMap({
      has: (name) => {
        const definition = this.definition(name);
        // Whether the task that would set it does so is known only afterwards.
        if (definition instanceof Pending) definition.render();
        return definition !== undefined || name === "omit";
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
