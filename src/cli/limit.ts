// --limit: patterns, also from files.

import { readFileSync } from "node:fs";
import { whyUnreadable } from "../diagnostic/unreadable.js";
import { CrunError } from "../diagnostic/diagnostic.js";
import type { Inventory } from "../inventory/inventory.js";
import { splitPattern } from "../inventory/pattern.js";

/** Names of the targets to keep to; undefined: all. Throws a CrunError where none is left, unless there `mayBeMore`. */
export function limitOf(
  pattern: string | undefined,
  inventory: Inventory,
  mayBeMore = false,
): ReadonlySet<string> | undefined {
  if (pattern === undefined) return undefined;
  const names = new Set(inventory.match(limitPattern(pattern)).map(({ name }) => name));
  if (names.size > 0 || mayBeMore) return names;
  throw new CrunError({
    severity: "error",
    summary: `--limit ${pattern}: no target is left`,
    remedy: "See what there is: crun inventory --graph",
  });
}

/** A limit that holds for targets that tasks add, too. */
export class LiveLimit {
  readonly #pattern: string;
  readonly #inventory: Inventory;
  #names: ReadonlySet<string> = new Set();
  #version = -1;

  constructor(pattern: string, inventory: Inventory) {
    this.#pattern = limitPattern(pattern);
    this.#inventory = inventory;
  }

  has(name: string): boolean {
    return this.#current().has(name);
  }

  get size(): number {
    return this.#current().size;
  }

  #current(): ReadonlySet<string> {
    const version = this.#inventory.changes?.version ?? 0;
    if (version !== this.#version) {
      this.#names = new Set(this.#inventory.match(this.#pattern).map(({ name }) => name));
      this.#version = version;
    }
    return this.#names;
  }
}

/** The pattern with the lines of `@FILE` in the place of each such part. Throws a CrunError for a file that cannot be read. */
export function limitPattern(pattern: string): string {
  return splitPattern(pattern)
    .flatMap((part) => (part.startsWith("@") ? linesOf(part.slice(1)) : [part]))
    .join(",");
}

function linesOf(file: string): string[] {
  try {
    const lines = readFileSync(file, "utf8")
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
    // Ansible takes it for no limit: whoever limits to the rest of a run that has no rest would play everything.
    if (lines.length > 0) return lines;
    throw new CrunError({
      severity: "error",
      summary: `--limit @${file}: the file holds no pattern, so no target is left`,
      remedy: "It holds one pattern a line. For all targets leave --limit away.",
    });
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const { reason, remedy } = whyUnreadable(error);
    throw new CrunError({
      severity: "error",
      summary: `--limit @${file}: the file cannot be read: ${reason}`,
      remedy: remedy ?? "It holds one pattern a line. Is the path right?",
    });
  }
}
