// Finds, replaces, adds and removes one line of a text, with the rules of Ansible's lineinfile.

import type { Edit } from "./edit-file.js";
import { matchEach } from "./bounded-match.js";
import { expandTemplate, pythonRegex } from "./regex.js";
import { splitLines, stripEnd, toByteString } from "./text-file.js";

export interface LineWish {
  readonly line: string;
  readonly regexp: string | undefined;
  readonly searchString: string | undefined;
  readonly insertAfter: string | undefined;
  readonly insertBefore: string | undefined;
  readonly hasBackrefs: boolean;
  readonly isFirstMatch: boolean;
}

/**
 * The text with the line in it. What matches `regexp` or `searchString` is replaced (the last match, or the first); without a match the line, unless
 * it is there already, goes after or before what `insertAfter` or `insertBefore` match, else to the end. Throws BadRegex.
 */
export function presentLine(text: string, wish: LineWish): Edit {
  const lines = splitLines(text);
  const line = toByteString(wish.line);
  const { insertBefore } = wish;
  const insertAfter = wish.insertAfter ?? (insertBefore === undefined ? "EOF" : undefined);
  const anchor = [insertAfter, insertBefore].find((one) => one !== undefined && one !== "EOF" && one !== "BOF");
  const match = findMatch(lines, wish);
  const place = match ? undefined : findPlace(lines, line, anchor, insertAfter !== undefined, wish.isFirstMatch);
  const done = (message: string): Edit => ({
    text: lines.join(""),
    message,
    ...(match?.warning === undefined ? {} : { warning: match.warning }),
  });
  const insert = (index: number): Edit => {
    lines.splice(index, 0, `${line}\n`);
    return done("line added");
  };
  const index = match?.index ?? place?.exact;
  if (index !== undefined) {
    const wanted = withNewline(match?.found && wish.hasBackrefs ? expandTemplate(line, match.found) : line);
    if (lines[index] === wanted) return done("");
    lines[index] = wanted;
    return done("line replaced");
  }
  if (wish.hasBackrefs) return done("");
  if (insertBefore === "BOF" || insertAfter === "BOF") return insert(0);
  const at = place?.at;
  if (insertAfter === "EOF" || at === undefined) {
    if (lines.length > 0 && !/[\r\n]$/.test(lines.at(-1) ?? "")) lines.push("\n");
    return insert(lines.length);
  }
  if (insertAfter !== undefined) {
    const neighbour = lines[at] ?? lines[at - 1] ?? "";
    if (stripEnd(neighbour) === line) return done("");
    if (at === lines.length && !/[\r\n]$/.test(neighbour)) lines[at - 1] = `${neighbour}\n`;
  }
  return insert(at);
}

/** The text without the lines that match. Throws BadRegex. */
export function absentLine(
  text: string,
  wish: Pick<LineWish, "regexp" | "searchString"> & { readonly line: string | undefined },
): Edit & { readonly found: number } {
  const regex = wish.regexp === undefined ? undefined : pythonRegex(toByteString(wish.regexp)).regex;
  const needle = wish.searchString === undefined ? undefined : toByteString(wish.searchString);
  const line = toByteString(wish.line ?? "");
  const lines = splitLines(text);
  const found = regex ? matchEach(regex, lines) : undefined;
  const matches = (one: string, index: number): boolean =>
    found ? Boolean(found[index]) : needle !== undefined ? one.includes(needle) : stripEnd(one) === line;
  const kept = lines.filter((one, index) => !matches(one, index));
  const gone = lines.length - kept.length;
  return { text: kept.join(""), message: gone > 0 ? `${gone} line(s) removed` : "", found: gone };
}

interface LineMatch {
  readonly index: number;
  readonly found?: RegExpMatchArray;
  readonly warning?: string;
}

function findMatch(lines: readonly string[], wish: LineWish): LineMatch | undefined {
  const regex = wish.regexp === undefined ? undefined : pythonRegex(toByteString(wish.regexp)).regex;
  const needle = wish.searchString === undefined ? undefined : toByteString(wish.searchString);
  const line = toByteString(wish.line);
  const matches = regex ? matchEach(regex, lines) : [];
  let last: LineMatch | undefined;
  let count = 0;
  for (const [index, one] of lines.entries()) {
    const found = matches[index] ?? undefined;
    if (!found && !(needle !== undefined && one.includes(needle))) continue;
    if (last === undefined || !wish.isFirstMatch) last = { index, ...(found ? { found } : {}) };
    count++;
  }
  const isOwn = regex ? regex.test(line) : needle !== undefined && line.includes(needle);
  if (!last || count < 2 || isOwn || wish.hasBackrefs) return last;
  return {
    ...last,
    warning: `${count} lines match ${wish.regexp ?? wish.searchString}, and the new line does not: the next run will replace another of them`,
  };
}

/** The line itself (`exact`, the last one), and where the anchor says it would go (`at`). */
function findPlace(
  lines: readonly string[],
  line: string,
  anchor: string | undefined,
  isAfter: boolean,
  isFirstMatch: boolean,
): { readonly exact: number | undefined; readonly at: number | undefined } {
  const regex = anchor === undefined ? undefined : pythonRegex(toByteString(anchor)).regex;
  const matches = regex ? matchEach(regex, lines) : [];
  let exact: number | undefined;
  let at: number | undefined;
  for (const [index, one] of lines.entries()) {
    if (stripEnd(one) === line) exact = index;
    else if (matches[index]) {
      at = isAfter ? index + 1 : index;
      if (isFirstMatch) break;
    }
  }
  return { exact, at };
}

function withNewline(line: string): string {
  return line.endsWith("\n") ? line : `${line}\n`;
}
