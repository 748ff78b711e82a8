// Matches regular expressions of templates and conditions: in bounded time, in texts of bounded length.

import * as bounded from "../../module/bounded-match.js";
import { HelperError } from "./definition.js";

const LONGEST_TEXT = 1_000_000;
const TIMEOUT_MS = 1000;

/** All matches of an expression with the flag g. Throws a HelperError where that would take too long. */
export function matchesOf(regex: RegExp, text: string): RegExpExecArray[] {
  return checked(text, () => bounded.matchesOf(regex, text, TIMEOUT_MS));
}

/** The first match from the beginning of the text. */
export function firstMatch(regex: RegExp, text: string): RegExpExecArray | null {
  return checked(text, () => bounded.firstMatch(regex, text, TIMEOUT_MS));
}

function checked<T>(text: string, match: () => T): T {
  if (text.length > LONGEST_TEXT)
    throw new HelperError(`the text has ${text.length} characters; ${LONGEST_TEXT} can be searched`);
  try {
    return match();
  } catch (error) {
    if (!(error instanceof bounded.SlowRegex)) throw error;
    throw new HelperError(error.message, "Nested repetitions, as (a+)+, are the usual cause: write it without them.");
  }
}
