// Shell patterns as Python's fnmatch reads them: `*` crosses everything, `[!…]` negates.

/** Whether the text holds what makes a pattern. */
export function isPattern(text: string): boolean {
  return /[*?[\]!]/.test(text);
}

/** The pattern as a regular expression over the whole text. */
export function patternOf(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (character === "[") {
      const start = at + (pattern[at + 1] === "!" ? 2 : 1);
      const end = pattern.indexOf("]", start + 1);
      if (end < 0) source += "\\[";
      else {
        const set = pattern.slice(start, end).replace(/[\\\]^[]/g, "\\$&");
        source += `[${start > at + 1 ? "^" : ""}${set}]`;
        at = end;
      }
    } else source += character.replace(/[.+^${}()|\\\]]/g, "\\$&");
  }
  return new RegExp(`^${source}$`, "s");
}

/** What every match begins with: the text before the first wildcard. */
export function literalPrefix(pattern: string): string {
  return /^[^*?[\]!]*/.exec(pattern)?.[0] ?? "";
}
