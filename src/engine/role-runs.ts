// Which roles a target ran in a play: one that is listed again with the same arguments is passed over.

import type { RoleInfo } from "../playbook/play.js";

export class RoleRuns {
  readonly #ran = new Map<string, RoleInfo>();

  /** A task of the role was carried out, not skipped. */
  note(role: RoleInfo | undefined): void {
    if (role?.once !== undefined && !this.#ran.has(role.once)) this.#ran.set(role.once, role);
  }

  /** Whether another entry with the same arguments ran. */
  hasRun(role: RoleInfo | undefined): boolean {
    const ran = role?.once === undefined ? undefined : this.#ran.get(role.once);
    return ran !== undefined && ran !== role;
  }
}
