// Params that all sources by package managers have, and what is wrong with words that go to a program.

import type { ParamSpecs } from "../../module/param.js";

export const limitParams = {
  timeout: {
    type: "int",
    default: 3600,
    doc: "Seconds that filling the tree may take; then all of it is stopped and nothing is left.",
  },
} as const satisfies ParamSpecs;

/** Keys that do not tell what the tree holds. */
export const limitKeys = ["timeout"] as const;

/** A sentence for a time limit that is none. */
export function limitProblem(timeout: number): string | undefined {
  return timeout < 1 || timeout > 86_400 ? "timeout is from 1 to 86400 seconds" : undefined;
}

/** A sentence for the first word that a program would take for an option, or that holds what no word holds. */
export function wordProblem(what: string, words: readonly string[] | undefined): string | undefined {
  for (const word of words ?? []) {
    const quoted = JSON.stringify(word);
    if (word.trim() === "") return `${what} holds an empty word`;
    if (/[\0-\x1f\x7f]/.test(word)) return `${what}: ${quoted} holds a control character`;
    if (word.startsWith("-")) return `${what}: ${quoted} begins with a dash, as options do`;
  }
  return undefined;
}

/** A sentence for words that are to stand in a list with commas. */
export function listProblem(what: string, words: readonly string[] | undefined): string | undefined {
  const split = words?.find((word) => /[,\s]/.test(word));
  return split === undefined ? wordProblem(what, words) : `${what}: ${JSON.stringify(split)} is no single name`;
}

/** A sentence for extra options that are none. */
export function optionProblem(what: string, words: readonly string[] | undefined): string | undefined {
  const other = words?.find((word) => !word.startsWith("-") || word.includes("\0"));
  return other === undefined ? undefined : `${what}: ${JSON.stringify(other)} is no option: it begins with no dash`;
}

/** A sentence for a path that is not absolute. */
export function pathProblem(what: string, paths: readonly string[] | undefined): string | undefined {
  const other = paths?.find((path) => !path.startsWith("/") || /[\0-\x1f\x7f]/.test(path));
  return other === undefined ? undefined : `${what}: ${JSON.stringify(other)} is no absolute path on the host`;
}

/** The first sentence. */
export function firstProblem(...problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}

/** The same with no password in its addresses: what a record may have. */
export function withoutPasswords(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/(:\/\/[^\s/@:]*):[^\s/@]*@/g, "$1@");
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutPasswords(one)]));
}
