// Groups of commands (`crun tree …`, `crun machine …`) as data: program.ts declares them, each row loads its work when it is called.

import type { RawOptions } from "./read-options.js";

/** What commander gives for an argument: several words for the last one with dots. */
export type Words = readonly (string | readonly string[] | undefined)[];

export interface TableCommand {
  readonly name: string;
  readonly summary: string;
  /** As commander writes them (`<tree>`, `[name...]`), with what they are. */
  readonly arguments: readonly (readonly [name: string, about: string])[];
  /** `many`: may be given several times. */
  readonly options?: readonly (readonly [flags: string, about: string, arity?: "many"])[];
  /** It changes something: takes --check and --diff. */
  readonly isChanging?: boolean;
  /** It takes the options of commands that reach hosts, and --output; default true. */
  readonly isReaching?: boolean;
  /** It is the one that is meant where the group's name stands alone. */
  readonly isDefault?: boolean;
  /** Gives the exit status. */
  run(words: Words, options: RawOptions): Promise<number>;
}

export interface CommandTable {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly TableCommand[];
}

/** The word of an argument that must be given. */
export function wordAt(words: Words, index: number): string {
  const word = words[index];
  return typeof word === "string" ? word : "";
}

/** The words of an argument with dots. */
export function wordsAt(words: Words, index: number): readonly string[] {
  const word = words[index];
  return Array.isArray(word) ? word.map(String) : [];
}
