// A text file that the user wrote, and the places in it.

import { CrunError, type Diagnostic, type Place } from "../../diagnostic/diagnostic.js";
import { shownLine } from "../../diagnostic/secret-lines.js";
import type { Vault } from "../../vault/vault.js";

/** A file's text with the offsets of its lines. Offsets count UTF-16 units from 0. */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  /** It was encrypted: its lines are never shown. */
  readonly isSecret: boolean;
  /** Opens the encrypted values in it. */
  readonly vault: Vault | undefined;
  #starts: number[] | undefined;
  #lines: readonly string[] | undefined;

  constructor(
    name: string,
    text: string,
    more: { readonly isSecret?: boolean; readonly vault?: Vault | undefined } = {},
  ) {
    this.name = name;
    this.text = text;
    this.isSecret = more.isSecret ?? false;
    this.vault = more.vault;
  }

  #lineStarts(): number[] {
    if (this.#starts) return this.#starts;
    const starts = [0];
    for (let at = this.text.indexOf("\n"); at !== -1; at = this.text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#starts = starts;
    return starts;
  }

  place(offset: number): Place {
    const starts = this.#lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.name, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** Offset of a line's first character; lines count from 1. */
  offsetOfLine(line: number): number {
    return this.#lineStarts()[line - 1] ?? this.text.length;
  }

  /** A line's text without its newline, as messages may show it; lines count from 1. Undefined where it must not be shown. */
  line(line: number): string | undefined {
    if (this.text === "" || this.isSecret) return undefined;
    this.#lines ??= this.text.split("\n").map((one) => one.replace(/\r$/, ""));
    return shownLine(this.#lines, line - 1);
  }

  /** A finding about the place, with its source line. */
  finding(
    place: Place,
    summary: string,
    more: { readonly detail?: string | undefined; readonly remedy?: string | undefined } = {},
  ): Diagnostic {
    return {
      severity: "error",
      summary,
      place,
      source: place.line === undefined ? undefined : this.line(place.line),
      detail: more.detail,
      remedy: more.remedy,
    };
  }

  error(
    place: Place,
    summary: string,
    more: { readonly detail?: string | undefined; readonly remedy?: string | undefined } = {},
  ): CrunError {
    return new CrunError(this.finding(place, summary, more));
  }
}

/** A piece of text inside a file: where an index of the piece stands in the file. */
export interface TextOrigin {
  readonly source: SourceFile;
  /** Place of the piece's first character. */
  readonly place: Place;
  at(index: number): Place;
}

/** Text that comes from no file (command line, defaults): `name` stands for it in messages. */
export function textOrigin(name: string, text: string): TextOrigin {
  const source = new SourceFile(name, text);
  return { source, place: source.place(0), at: (index) => source.place(index) };
}
