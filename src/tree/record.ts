// The record beside a tree: how it is stored and what it was made from.

import type { Recipe } from "./recipe.js";

/** Ways to store trees. */
export const backendNames = ["directory", "btrfs", "overlay", "zfs"] as const;
export type BackendName = (typeof backendNames)[number];

/** The JSON of `DIR/.crun/NAME.json`. Records of later versions may have more. */
export interface TreeRecord {
  readonly version: 1;
  readonly backend: BackendName;
  readonly recipe: Recipe;
  /** SHA-256 of the recipe, hex. */
  readonly recipeHash: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  /** What tells the run that made it. */
  readonly run: string;
  /** Of a clone: the path of its base, and the hash of what that was made from, where it is known. */
  readonly base?: { readonly path: string; readonly recipeHash?: string };
  /** What the source found out while it made the tree (an image's digest, …). */
  readonly found?: Readonly<Record<string, string>>;
  /** The limit that it was given, in bytes. */
  readonly size?: number | "none";
  readonly readOnly?: boolean;
}

export function recordText(record: TreeRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Reads a record. A text that is none gives the reason. */
export function parseRecord(text: string): TreeRecord | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is no JSON" };
  }
  if (typeof value !== "object" || value === null) return { problem: "it is no record" };
  const { version, backend, recipe, recipeHash } = value as Partial<Record<string, unknown>>;
  if (version !== 1) return { problem: `it has version ${JSON.stringify(version)}, which this crun does not know` };
  if (!backendNames.some((name) => name === backend)) return { problem: "it names no way to store trees" };
  if (typeof recipeHash !== "string" || typeof recipe !== "object" || recipe === null)
    return { problem: "it holds no recipe" };
  return value as TreeRecord;
}
