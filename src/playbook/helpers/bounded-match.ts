// Matches regular expressions in bounded time: V8's engine goes back and forth, for some expressions practically for ever.

import { createContext, Script } from "node:vm";
import { HelperError } from "./definition.js";

const LONGEST_TEXT = 1_000_000;
const TIMEOUT_MS = 1000;
/** Steps that are surely done in no time. */
const FEW_STEPS = 1e8;

const context: { regex?: RegExp; text?: string } = {};
createContext(context);
const all = new Script("[...text.matchAll(regex)]");
const first = new Script("regex.exec(text)");

/** All matches of an expression with the flag g. Throws a HelperError where that would take too long. */
export function matchesOf(regex: RegExp, text: string): RegExpExecArray[] {
  return mayTakeLong(regex, text) ? (run(all, regex, text) as RegExpExecArray[]) : [...text.matchAll(regex)];
}

/** The first match from the beginning of the text. */
export function firstMatch(regex: RegExp, text: string): RegExpExecArray | null {
  regex.lastIndex = 0;
  const match = mayTakeLong(regex, text) ? (run(first, regex, text) as RegExpExecArray | null) : regex.exec(text);
  regex.lastIndex = 0;
  return match;
}

/** A repeated group can take exponentially long, n repetitions some length^(n + 1) steps. */
function mayTakeLong(regex: RegExp, text: string): boolean {
  if (text.length > LONGEST_TEXT)
    throw new HelperError(`the text has ${text.length} characters; ${LONGEST_TEXT} can be searched`);
  const source = regex.source.replace(/\\./g, "_").replace(/\[[^\]]*\]/g, "_");
  const repetitions = (source.match(/[*+]|\{\d*,/g) ?? []).length;
  return repetitions > 0 && (/\)[*+{]/.test(source) ? text.length > 16 : text.length ** (repetitions + 1) > FEW_STEPS);
}

/** A timer costs some 0.3 ms: only for what may need it. */
function run(script: Script, regex: RegExp, text: string): unknown {
  context.regex = regex;
  context.text = text;
  try {
    return script.runInContext(context, { timeout: TIMEOUT_MS });
  } catch (error) {
    // It may come from the context's own realm, where Error is another.
    const isTimeout =
      typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    if (!isTimeout) throw error;
    throw new HelperError(
      `the regular expression ${regex.source} takes too long`,
      "Nested repetitions, as (a+)+, are the usual cause: write it without them.",
    );
  } finally {
    delete context.regex;
    delete context.text;
  }
}
