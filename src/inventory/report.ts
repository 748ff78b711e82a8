// Collects what is wrong with one inventory file, so that all of it is told at once.

import { CrunError, type Diagnostic, type Place } from "../diagnostic/diagnostic.js";

export class Problems {
  readonly #list: Diagnostic[] = [];

  add(summary: string, place: Place, remedy?: string): void {
    this.#list.push({ severity: "error", summary, place, remedy });
  }

  /** Throws a CrunError with all that was found. */
  throwAny(): void {
    if (this.#list.length > 0) throw new CrunError(this.#list);
  }
}

/** The findings with the lines of source that they speak of. `lineOf` gives undefined for what is no file at hand. */
export function withSourceLines(
  diagnostics: readonly Diagnostic[],
  lineOf: (file: string, line: number) => string | undefined,
): Diagnostic[] {
  return diagnostics.map((one) => {
    const { place, source } = one;
    if (source !== undefined || place?.line === undefined) return one;
    const line = lineOf(place.file, place.line);
    return line === undefined ? one : { ...one, source: line };
  });
}
