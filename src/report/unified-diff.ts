// Unified diffs of what changed. The only importer of diff.

import { createTwoFilesPatch } from "diff";
import type { FileDiff } from "../engine/events.js";
import { clean, cleanLine } from "./clean.js";
import type { Paint } from "./paint.js";

/** Lines that are too long for anybody are cut, in characters. */
const longestLine = 2000;

/** The difference as `diff -u` shows it, three lines of context, coloured, safe for a terminal. Empty where there is none. */
export function unifiedDiff(diff: FileDiff, paint: Paint): string {
  if (diff.before === diff.after) return "";
  const before = `${diff.beforeTitle ?? (diff.before === undefined ? "/dev/null" : diff.title)}`;
  const after = `${diff.afterTitle ?? (diff.after === undefined ? "/dev/null" : diff.title)}`;
  const patch = createTwoFilesPatch(
    cleanLine(before),
    cleanLine(after),
    diff.before ?? "",
    diff.after ?? "",
    undefined,
    undefined,
    { context: 3 },
  );
  const lines = patch.slice(patch.indexOf("--- ")).split("\n");
  return lines.map((line) => paintLine(clean(cut(line)), paint)).join("\n");
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
