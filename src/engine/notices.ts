// What a run says once, however often it comes up.

import type { Place } from "../diagnostic/diagnostic.js";
import { allowanceOnHost, type AllowedBy } from "../facts/allowances.js";
import { chrootHoldsNobody } from "../target/chroot-notice.js";
import type { Run } from "./run.js";

export class Notices {
  readonly #tell: Run["tell"];
  readonly #told = new Set<string>();

  constructor(tell: Run["tell"]) {
    this.#tell = tell;
  }

  /** Whoever chose that entry for many trees need not read it for each. */
  chroot(tree: string): void {
    if (this.#isFirst("chroot")) this.#tell({ event: "warning", diagnostic: chrootHoldsNobody(tree) });
  }

  /** For each place that says it: a play may have many hosts. */
  allowOnHost(host: string, by: AllowedBy, place: Place | undefined): void {
    const where = place === undefined ? "" : `${place.file}:${place.line}:${place.column}`;
    if (this.#isFirst(`${by} ${where}`)) this.#tell({ event: "warning", diagnostic: allowanceOnHost(host, by, place) });
  }

  #isFirst(key: string): boolean {
    const isFirst = !this.#told.has(key);
    this.#told.add(key);
    return isFirst;
  }
}
