// The values that an argument spec is held against: variables by name, and what was given by hand.

import type { Place } from "../../diagnostic/diagnostic.js";
import type { Renderable, Scope } from "../../module/value.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import type { Template } from "../template/template.js";

/** The variables that a spec names, as far as they are defined, and what was given by hand. */
export class GivenArguments implements Template {
  readonly isStatic = false;
  readonly place: Place;
  readonly references;
  readonly names: ReadonlySet<string>;
  readonly #spec: Renderable;
  readonly #given: Renderable | undefined;

  constructor(spec: Renderable, given: Template | undefined, place: Place) {
    this.#spec = spec;
    this.#given = given;
    this.place = place;
    this.references = given?.references ?? [];
    this.names = new Set([...(spec.isStatic ? keysOf(spec.render(NO_SCOPE)) : spec.names), ...(given?.names ?? [])]);
  }

  render(scope: Scope): Readonly<Record<string, unknown>> {
    const values: Record<string, unknown> = {};
    for (const name of keysOf(this.#spec.render(scope))) if (scope.has(name)) values[name] = scope.get(name);
    const given = this.#given?.render(scope);
    return typeof given === "object" && given !== null ? { ...values, ...given } : values;
  }
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
