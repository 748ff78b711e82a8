// What a tree is made from, as data: the same recipe gives the same hash, whatever the order of its keys.

import { createHash } from "node:crypto";

/** A source and its params, those that were given or have a default. */
export interface Recipe {
  readonly source: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What a source's params make of a tree: without those that only say how to get at it, with what else tells what it holds. */
export function recipeOf(
  source: { readonly name: string; readonly incidental?: readonly string[] },
  params: Readonly<Record<string, unknown>>,
  identity: Readonly<Record<string, unknown>> = {},
): Recipe {
  const incidental = new Set(source.incidental);
  const telling = Object.entries({ ...params, ...identity }).filter(
    ([key, value]) => value !== undefined && !incidental.has(key),
  );
  return { source: source.name, params: Object.fromEntries(telling) };
}

/** SHA-256, hex. */
export function recipeHash(recipe: Recipe): string {
  return createHash("sha256").update(canonical(recipe)).digest("hex");
}

/** JSON with sorted keys; what is undefined is not there. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const rows = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`);
  return `{${rows.join(",")}}`;
}

/** What differs, as `suite: "bookworm" → "trixie"`; the first few. */
export function recipeDifference(before: Recipe, after: Recipe): string {
  if (before.source !== after.source) return `${before.source} → ${after.source}`;
  const keys = [...new Set([...Object.keys(before.params), ...Object.keys(after.params)])].sort();
  const rows = keys
    .filter((key) => canonical(before.params[key]) !== canonical(after.params[key]))
    .map((key) => `${key}: ${shown(before.params[key])} → ${shown(after.params[key])}`);
  return rows.slice(0, 3).join(", ") + (rows.length > 3 ? `, and ${rows.length - 3} more` : "");
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : canonical(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
