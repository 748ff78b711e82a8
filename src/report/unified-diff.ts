// Unified diffs of what changed. The only importer of diff.

import { formatPatch, structuredPatch, type StructuredPatch, type StructuredPatchHunk } from "diff";
import type { FileDiff } from "../engine/events.js";
import { splitLines } from "../module/text-file.js";
import { clean, cleanLine } from "./clean.js";
import type { Paint } from "./paint.js";

/** Lines that are too long for anybody are cut, in characters. */
const longestLine = 2000;
/** Lines that are removed and added beyond which no shortest difference is looked for: that takes the square of them, and whose text it is may be hostile. */
const mostEdits = 1000;
const context = 3;

/** The difference as `diff -u` shows it, three lines of context, coloured, safe for a terminal. Empty where there is none. */
export function unifiedDiff(diff: FileDiff, paint: Paint): string {
  if (diff.before === diff.after) return "";
  const before = `${diff.beforeTitle ?? (diff.before === undefined ? "/dev/null" : diff.title)}`;
  const after = `${diff.afterTitle ?? (diff.after === undefined ? "/dev/null" : diff.title)}`;
  const [old, fresh] = [diff.before ?? "", diff.after ?? ""];
  const titles = [cleanLine(before), cleanLine(after)] as const;
  const found: StructuredPatch = structuredPatch(...titles, old, fresh, undefined, undefined, {
    context,
    maxEditLength: mostEdits,
  }) ?? {
    oldFileName: titles[0],
    newFileName: titles[1],
    oldHeader: undefined,
    newHeader: undefined,
    hunks: [replacement(splitLines(old), splitLines(fresh))],
  };
  const patch = formatPatch(found);
  const lines = patch.slice(patch.indexOf("--- ")).split("\n");
  return lines.map((line) => paintLine(clean(cut(line)), paint)).join("\n");
}

/** All that lies between what is the same at both ends, as replaced. */
function replacement(old: readonly string[], fresh: readonly string[]): StructuredPatchHunk {
  const least = Math.min(old.length, fresh.length);
  let same = 0;
  while (same < least && old[same] === fresh[same]) same++;
  let tail = 0;
  while (tail < least - same && old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]) tail++;
  const from = Math.max(0, same - context);
  const behind = Math.min(tail, context);
  const oldEnd = old.length - tail;
  return {
    oldStart: from + 1,
    oldLines: oldEnd + behind - from,
    newStart: from + 1,
    newLines: fresh.length - tail + behind - from,
    lines: [
      ...marked(" ", old.slice(from, same)),
      ...marked("-", old.slice(same, oldEnd)),
      ...marked("+", fresh.slice(same, fresh.length - tail)),
      ...marked(" ", old.slice(oldEnd, oldEnd + behind)),
    ],
  };
}

function marked(sign: string, lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    line.endsWith("\n") ? [`${sign}${line.slice(0, -1)}`] : [`${sign}${line}`, "\\ No newline at end of file"],
  );
}

function cut(line: string): string {
  return line.length > longestLine ? `${line.slice(0, longestLine)} … (${line.length} characters)` : line;
}

function paintLine(line: string, paint: Paint): string {
  if (line.startsWith("+++") || line.startsWith("---")) return paint.heading(line);
  if (line.startsWith("@@")) return paint.hunk(line);
  if (line.startsWith("+")) return paint.added(line);
  return line.startsWith("-") ? paint.removed(line) : line;
}
