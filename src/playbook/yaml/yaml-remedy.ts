// What to do about text that is no YAML.

import type { SourceFile } from "./source.js";

/** Offset of the last quote before the place that has no partner on its line. */
export function openQuote(source: SourceFile, before = source.text.length): number | undefined {
  let end = before;
  for (let left = 200; left > 0 && end > 0; left--) {
    const start = source.text.lastIndexOf("\n", end - 1) + 1;
    const line = source.text.slice(start, end).replace(/\\./g, "__");
    for (const quote of ['"', "'"]) {
      const opening = new RegExp(`(^|[\\s:,[{(-])${quote}`).exec(line);
      if (opening && line.split(quote).length % 2 === 0) return start + line.lastIndexOf(quote);
    }
    end = start - 1;
  }
  return undefined;
}

/** What to write instead, told by the line and the parser's reason. */
export function remedyFor(line: string, reason: string): string | undefined {
  const braces = /^(\s*(?:- )?(?:[^\s:#]+: )?(?:- )?)(\{\{.*)$/.exec(line);
  if (braces)
    return `A value that begins with {{ must be in quotes: ${(braces[1] ?? "").trim()} "${(braces[2] ?? "").trimEnd().replaceAll('"', "'")}"`;
  if (/flow (collection|sequence|mapping)/.test(reason)) return "Is a comma, a closing bracket or a brace missing?";
  if (/non-printable/.test(reason))
    return 'Is it a text file? Remove what is no text, or write it as an escape: "\\u0007".';
  if (/^\s*\t/.test(line)) return "YAML is indented with spaces, never with tabs.";
  if (/^\s*(- )?[^"'#]*: [^"']*: /.test(line)) return "Text that has a colon and a space in it must be in quotes.";
  if (/tab/.test(reason)) return "YAML is indented with spaces, never with tabs.";
  if (/[[{][^\]}]*$/.test(line)) return "Is a closing bracket or brace missing?";
  if (/quote|unexpected end of the stream within a/.test(reason)) return "Is a closing quote missing?";
  return "Compare its indentation with the lines above: what belongs together begins in the same column.";
}
