// Matches regular expressions in bounded time: V8's engine goes back and forth, for some expressions and texts practically for ever.

import { createContext, Script, type Context } from "node:vm";
import { BadRegex } from "./regex.js";

/** Thrown where a match would take too long; the message names the expression. */
export class SlowRegex extends BadRegex {}

/** For texts of a tree: all other trees wait meanwhile. */
const TIMEOUT_MS = 3000;
/** Steps that are surely done in no time. */
const FEW_STEPS = 1e8;

interface Frame {
  regex?: RegExp;
  texts?: readonly string[];
}

/** Made when it is first needed: most runs need none. */
let engine: { readonly frame: Frame & Context; readonly all: Script; readonly each: Script } | undefined;

/** All matches of an expression with the flag g. Throws a SlowRegex. */
export function matchesOf(regex: RegExp, text: string, timeoutMs = TIMEOUT_MS): RegExpExecArray[] {
  if (!mayTakeLong(regex, [text])) return [...text.matchAll(regex)];
  return run("all", regex, [text], timeoutMs) as RegExpExecArray[];
}

/** The first match from the beginning of the text. Throws a SlowRegex. */
export function firstMatch(regex: RegExp, text: string, timeoutMs = TIMEOUT_MS): RegExpExecArray | null {
  return matchEach(regex, [text], timeoutMs)[0] ?? null;
}

/** The first match in each of the texts, all together in bounded time. Throws a SlowRegex. */
export function matchEach(
  regex: RegExp,
  texts: readonly string[],
  timeoutMs = TIMEOUT_MS,
): readonly (RegExpExecArray | null)[] {
  if (mayTakeLong(regex, texts)) return run("each", regex, texts, timeoutMs) as (RegExpExecArray | null)[];
  const matches = texts.map((text) => {
    regex.lastIndex = 0;
    return regex.exec(text);
  });
  // matchAll of the same expression would begin there.
  regex.lastIndex = 0;
  return matches;
}

/** A repeated group can take exponentially long, n repetitions some length^(n + 1) steps. */
function mayTakeLong(regex: RegExp, texts: readonly string[]): boolean {
  const source = regex.source.replace(/\\./g, "_").replace(/\[[^\]]*\]/g, "_");
  const repetitions = (source.match(/[*+]|\{\d*,/g) ?? []).length;
  if (repetitions === 0) return false;
  if (/\)[*+{]/.test(source)) return texts.some((text) => text.length > 16);
  let steps = 0;
  for (const text of texts) steps += text.length ** (repetitions + 1);
  return steps > FEW_STEPS;
}

/** A timer costs some 0.3 ms: only for what may need it. */
function run(what: "all" | "each", regex: RegExp, texts: readonly string[], timeout: number): unknown {
  engine ??= {
    frame: createContext({}),
    all: new Script("[...texts[0].matchAll(regex)]"),
    each: new Script("texts.map((text) => { regex.lastIndex = 0; return regex.exec(text); })"),
  };
  const { frame } = engine;
  frame.regex = regex;
  frame.texts = texts;
  try {
    return engine[what].runInContext(frame, { timeout });
  } catch (error) {
    // It may come from the context's own realm, where Error is another.
    const isTimeout =
      typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    if (!isTimeout) throw error;
    throw new SlowRegex(`the regular expression ${regex.source} takes too long`);
  } finally {
    regex.lastIndex = 0;
    delete frame.regex;
    delete frame.texts;
  }
}
