// Which roles a target came through in a play: one that is used again with the same arguments is passed over.

import type { RoleInfo } from "../playbook/play.js";

function keyOf({ key, isIncluded }: RoleInfo, items: string): string {
  return isIncluded ? `${items}${key}` : key;
}

/** `items`: those of the loops of the includes above, as text. */
export class RoleRuns {
  readonly #begun = new Set<string>();
  readonly #complete = new Set<string>();

  /** A task of the role was carried out, not skipped. */
  note(role: RoleInfo | undefined, items = ""): void {
    if (role) this.#begun.add(keyOf(role, items));
  }

  /** The end of the role was reached. Gives what takes that back. */
  complete(role: RoleInfo | undefined, items = ""): () => void {
    const key = role && keyOf(role, items);
    if (key === undefined || !this.#begun.has(key) || this.#complete.has(key)) return () => undefined;
    this.#complete.add(key);
    return () => void this.#complete.delete(key);
  }

  /** Whether the role's tasks are passed over. */
  isDone(role: RoleInfo | undefined, items = ""): boolean {
    return role !== undefined && !role.isRepeatable && this.#complete.has(keyOf(role, items));
  }
}
