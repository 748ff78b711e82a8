// Values of the playbook before and after rendering, and the scope they are rendered in.

import type { Place } from "../diagnostic/diagnostic.js";

/** A value that may hold templates at any depth. Compiled once, rendered for each target. */
export interface Renderable {
  readonly place: Place | undefined;
  /** No template inside: `render` gives the same value every time, for every target. */
  readonly isStatic: boolean;
  /** Root names that rendering may look up (of nested variables too: no; those are found when they are looked up). */
  readonly names: ReadonlySet<string>;
  /** Throws a CrunError for an undefined variable, PendingVariable where a value is not known yet. */
  render(scope: Scope): unknown;
}

/** A CEL expression, compiled once. */
export interface Expression {
  readonly text: string;
  readonly place: Place | undefined;
  readonly names: ReadonlySet<string>;
  /** Any value. Throws as `Renderable.render`. */
  evaluate(scope: Scope): unknown;
  /** Must give a boolean, else throws a CrunError that says what it gave. */
  test(scope: Scope): boolean;
}

/** Variables as one target sees them at one task. Values are rendered when they are looked up (lazily, nested ones too). */
export interface Scope {
  has(name: string): boolean;
  /** The rendered value; throws a CrunError (undefined, a cycle) or PendingVariable. */
  get(name: string): unknown;
  names(): Iterable<string>;
  /** A scope with more variables on top; they shadow. */
  with(layer: VarLayer): Scope;
  /** What the run knows of secrets; absent: nothing is one. */
  readonly secrets?: SecretKeeper | undefined;
}

/** The run's secrets, as those who make values of values need them. */
export interface SecretKeeper {
  /** No secret is known yet. */
  readonly isEmpty: boolean;
  /** The text is a secret as a whole. */
  isSecret(text: string): boolean;
  /** Something secret stands in the value. */
  knows(value: unknown): boolean;
  /** Every scalar in the value is secret from now on. */
  keep(value: unknown): void;
  /** The plain bytes of content that is encrypted, which are secret from now on; undefined where it is not. Throws a CrunError. */
  open(content: Uint8Array, path: string): Uint8Array | undefined;
}

/** Variables of one origin. Raw values are data (facts, results, set_fact's rendered values): never rendered. */
export interface VarLayer {
  /** Where they come from, as docs/VARIABLES.md calls it: `inventory group_vars/web`, `task vars`. */
  readonly origin: string;
  /**
   * Among the variables of a task: a role's are the weakest, then come those of blocks and the task; parameters of a role or an include are
   * stronger than what tasks set, those of includes the strongest of all but extra variables.
   */
  readonly rank?: "role variable" | "role parameter" | "include parameter";
  get(name: string): Renderable | { readonly raw: unknown } | undefined;
  names(): Iterable<string>;
  /** Where the name is written, if the layer knows it better than the value does. */
  placeOf?(name: string): Place | undefined;
}

/** Thrown by `Scope.get` when the variable will get its value from a task or from facts that were not carried out or gathered yet. */
export class PendingVariable extends Error {
  readonly variable: string;
  constructor(variable: string) {
    super(`${variable} is not known yet`);
    this.name = "PendingVariable";
    this.variable = variable;
  }
}
