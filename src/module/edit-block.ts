// Puts a block between marker lines into a text, with the rules of Ansible's blockinfile.

import type { Edit } from "./edit-file.js";
import { firstMatch, matchEach } from "./bounded-match.js";
import { pythonRegex } from "./regex.js";
import { splitUniversalLines, toByteString } from "./text-file.js";

export interface BlockWish {
  /** Empty: the block and its markers shall be gone. */
  readonly block: string;
  readonly marker: string;
  readonly begin: string;
  readonly end: string;
  readonly insertAfter: string | undefined;
  readonly insertBefore: string | undefined;
}

/** The text with the block in place of the one between the last markers, else where the wish says, else at the end. `text` undefined: no file. Throws BadRegex. */
export function editBlock(text: string | undefined, wish: BlockWish): Edit {
  const lines = splitUniversalLines(text ?? "");
  const first = `${toByteString(wish.marker.replaceAll("{mark}", wish.begin))}\n`;
  const last = `${toByteString(wish.marker.replaceAll("{mark}", wish.end))}\n`;
  const block = toByteString(wish.block);
  const inner = block === "" || block.endsWith("\n") ? block : `${block}\n`;
  const wanted = inner === "" ? [] : [first, ...splitUniversalLines(inner), last];
  const from = lines.lastIndexOf(first);
  const to = lines.lastIndexOf(last);
  let at: number;
  if (from >= 0 && to >= 0) {
    at = Math.min(from, to);
    lines.splice(at, Math.abs(to - from) + 1);
  } else at = placeOf(lines, text, wish);
  const before = lines[at - 1];
  if (before !== undefined && !before.endsWith("\n")) lines[at - 1] = `${before}\n`;
  lines.splice(at, 0, ...wanted);
  const result = lines.join("");
  if (result === text) return { text: result, message: "" };
  return {
    text: result,
    message: text === undefined ? "File created" : wanted.length === 0 ? "Block removed" : "Block inserted",
  };
}

function placeOf(lines: readonly string[], text: string | undefined, wish: BlockWish): number {
  const { insertBefore } = wish;
  const insertAfter = wish.insertAfter ?? (insertBefore === undefined ? "EOF" : undefined);
  const anchor = insertAfter === undefined ? insertBefore : insertAfter;
  if (insertAfter === "EOF") return lines.length;
  if (insertAfter === undefined && insertBefore === "BOF") return 0;
  const { regex, isMultiline } = pythonRegex(toByteString(anchor ?? ""));
  const found = isMultiline
    ? findInText(regex, text ?? "", insertAfter !== undefined)
    : matchEach(regex, lines).findLastIndex((match) => match !== null);
  if (found < 0) return lines.length;
  return insertAfter === undefined ? found : found + 1;
}

/** Number of the line in which the first match ends (or begins), or -1. */
function findInText(regex: RegExp, text: string, isAfter: boolean): number {
  const match = firstMatch(regex, text);
  if (!match) return -1;
  const end = isAfter ? match.index + match[0].length : match.index;
  return text.slice(0, end).split("\n").length - 1;
}
