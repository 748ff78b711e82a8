// Where a tree comes from: what each source needs to see on the host, and how it fills an empty directory.

import type { Change, Outcome } from "../module/change.js";
import type { Context, Probes, Refusal, Seen } from "../module/contract.js";
import type { ParamSpecs, ParamsOf } from "../module/param.js";
import type { TreePlace } from "./place.js";
import type { BackendName, TreeRecord } from "./record.js";
import type { WithoutRoot } from "./without-root.js";

/** Where and for whom a tree is made. `context.sources` holds controller's files under `SOURCE.key`. */
export interface Site {
  readonly place: TreePlace;
  readonly context: Context;
}

/** How the tree is filled. Changes are on the host's root. */
export interface Filling {
  readonly changes: readonly Change[];
  /** The tree is a clone of the one at this path, made by the backend: the changes come after that. */
  readonly cloneOf?: string;
  /** The only backend that can store it so. */
  readonly storedAs?: BackendName;
  /** Of a clone, for the record: the base, and what that was made from. */
  readonly base?: { readonly path: string; readonly recipeHash?: string };
  readonly refusal?: Refusal;
  readonly warnings?: readonly string[];
  /** What is known of what it was made from (an image's digest), for the record. */
  readonly found?: Readonly<Record<string, string>>;
  /** Why a change failed, better than its program's last words; `index` counts `changes`. */
  explain?(index: number, outcome: Outcome): Refusal | undefined;
  /** What to warn of once it is filled; the outcomes are those of `changes`. */
  tell?(outcomes: readonly Outcome[]): readonly string[];
}

/** `difference`: as recipeDifference tells it. `problem`: why it could not be found out. */
export type Moved = { readonly difference: string } | { readonly problem: string };

/** A source: one param of the `tree` module. `observe` and `fill` are pure. */
export interface TreeSource<S extends ParamSpecs, A extends Probes> {
  /** The param's name. */
  readonly name: string;
  readonly summary: string;
  /** What it takes where crun is not root on the host. */
  readonly withoutRoot: WithoutRoot;
  readonly params: S;
  /** The key that a single word stands for (`clone: base`). */
  readonly shortFor?: keyof S & string;
  /** Keys that do not tell what the tree holds: they are not part of the recipe. */
  readonly incidental?: readonly (keyof S & string)[];
  readonly examples?: readonly { readonly title: string; readonly yaml: string }[];
  check?(params: ParamsOf<S>): string | undefined;
  /** What tells what the tree holds besides the params: part of the recipe, beside them or in their stead. */
  identity?(params: ParamsOf<S>, site: Site): Readonly<Record<string, unknown>>;
  observe(params: ParamsOf<S>, site: Site): A;
  /** How what the recipe names is another thing by now than what the tree was made from; undefined: it is not, or that is not looked at. */
  moved?(params: ParamsOf<S>, seen: Seen<A>, record: TreeRecord): Moved | undefined;
  /** `into`: an empty directory, root's alone to reach; of a clone, the copy. Only called where the tree is to be made. */
  fill(params: ParamsOf<S>, seen: Seen<A>, into: string, site: Site): Filling;
}

/** A source as the tree module holds it, its own types forgotten. */
export interface AnySource {
  readonly name: string;
  readonly summary: string;
  readonly withoutRoot: WithoutRoot;
  readonly params: ParamSpecs;
  readonly shortFor?: string;
  readonly incidental?: readonly string[];
  readonly examples?: readonly { readonly title: string; readonly yaml: string }[];
  check?(params: Readonly<Record<string, unknown>>): string | undefined;
  identity?(params: Readonly<Record<string, unknown>>, site: Site): Readonly<Record<string, unknown>>;
  observe(params: Readonly<Record<string, unknown>>, site: Site): Probes;
  moved?(params: Readonly<Record<string, unknown>>, seen: Seen<Probes>, record: TreeRecord): Moved | undefined;
  fill(params: Readonly<Record<string, unknown>>, seen: Seen<Probes>, into: string, site: Site): Filling;
}

/** Checks a source's types against each other, then forgets them. */
export function defineSource<const S extends ParamSpecs, A extends Probes>(source: TreeSource<S, A>): AnySource {
  return source as unknown as AnySource;
}
