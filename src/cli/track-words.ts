// What --track takes.

import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { trackWords, type TrackWord } from "../playbook/play.js";

/** Throws a CrunError for another word. */
export function trackWord(text: string): TrackWord {
  const word = trackWords.find((one) => one === text);
  if (word) return word;
  throw new CrunError({
    severity: "error",
    summary: `--track cannot be ${JSON.stringify(text)}`,
    remedy: suggest(text, trackWords) ?? `It is one of ${trackWords.join(", ")}.`,
  });
}
