// What crun tells a person when something is wrong: what, where, why, what to do.

import { shownLine } from "./secret-lines.js";

/** A place in a file that the user wrote. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** One finding. `summary` is one line; `detail` says why (may have several lines); `remedy` says what to do. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** The rule of `crun lint` that found it. */
  readonly rule?: string | undefined;
  readonly summary: string;
  readonly place?: Place | undefined;
  /** The line of source that the place points to, without its newline. */
  readonly source?: string | undefined;
  readonly detail?: string | undefined;
  readonly remedy?: string | undefined;
}

/** Thrown where work cannot go on; carries one or more findings. Never shown with a stack. */
export class CrunError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** Exit status that fits: 1 before the first connection, 2 failed, 4 unreachable. */
  readonly exitStatus: number;

  constructor(diagnostics: Diagnostic | readonly Diagnostic[], exitStatus = 1) {
    const all = Array.isArray(diagnostics) ? (diagnostics as readonly Diagnostic[]) : [diagnostics as Diagnostic];
    super(all.map((one) => formatDiagnostic(one)).join("\n"));
    this.name = "CrunError";
    this.diagnostics = all;
    this.exitStatus = exitStatus;
  }
}

/** Work over a text that is secret: what it throws does not show lines of it. */
export function withoutSource<T>(isSecret: boolean, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSecret || !(error instanceof CrunError)) throw error;
    throw new CrunError(
      error.diagnostics.map((one) => ({ ...one, source: undefined })),
      error.exitStatus,
    );
  }
}

/** `file:line:column`, as far as known. */
export function formatPlace(place: Place): string {
  return [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
}

/** Where it is, the source line, a caret beneath; nothing where no place is known. */
export function placeLines({ place, source: written }: Pick<Diagnostic, "place" | "source">): string[] {
  if (!place) return [];
  const lines = [`at ${formatPlace(place)}`];
  const source = written === undefined ? undefined : shownLine([written], 0);
  if (place.line === undefined || source === undefined) return lines;
  const gutter = String(place.line);
  lines.push(`${gutter} | ${source}`);
  if (place.column !== undefined) {
    const lead = source.slice(0, place.column - 1).replace(/[^\t]/g, " ");
    lines.push(`${" ".repeat(gutter.length)} | ${lead}^`);
  }
  return lines;
}

/** The finding as text: summary, place, source line with caret, detail, remedy. No colour. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const lines = [`${diagnostic.severity}: ${diagnostic.summary}`];
  lines.push(...placeLines(diagnostic).map((line) => `  ${line}`));
  if (diagnostic.detail) lines.push(...diagnostic.detail.split("\n").map((line) => `  ${line}`));
  if (diagnostic.remedy) lines.push(`  ${diagnostic.remedy}`);
  return lines.join("\n");
}
