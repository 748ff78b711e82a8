// Ranges in inventory names: `web[01:20:2]`, `db-[a:f]`, also in the tree's part.

import type { NameProblem } from "./names.js";

/** More names than this of one line are a mistake. */
const maximalNames = 1_000_000;

/** The names that a name with ranges stands for, or what is wrong. */
export function expandRanges(name: string): readonly string[] | NameProblem {
  if (!name.includes("[")) return [name];
  const match = /\[([^\]]*)\]/.exec(name);
  if (!match) return { problem: `a range without its closing bracket in ${name}`, remedy: "Write NAME[FIRST:LAST]." };
  const before = name.slice(0, match.index);
  const after = name.slice(match.index + match[0].length);
  const items = rangeItems(match[1] ?? "");
  if ("problem" in items) return { ...items, problem: `${items.problem} in ${name}` };
  const rest = expandRanges(after);
  if ("problem" in rest) return rest;
  if (items.length * rest.length > maximalNames) return { problem: `${name} stands for more than a million names` };
  return items.flatMap((item) => rest.map((tail) => before + item + tail));
}

function rangeItems(range: string): readonly string[] | NameProblem {
  const parts = range.split(":");
  const [first = "", last = "", stepText = "1"] = parts;
  const step = Number(stepText);
  if (parts.length > 3 || range.includes("::"))
    return {
      problem: `the range [${range}] has too many colons`,
      remedy: "An IPv6 address is no name: give the host one, and the variable crun_host.",
    };
  if (parts.length < 2)
    return {
      problem: `the range [${range}] needs the form [FIRST:LAST] or [FIRST:LAST:STEP]`,
      ...(/^\w+-\w+$/.test(range) ? { remedy: `Write [${range.replace("-", ":")}].` } : {}),
    };
  if (!/^\d+$/.test(stepText) || step < 1)
    return { problem: `the step of the range [${range}] must be a whole number from 1` };
  if (/^[A-Za-z]$/.test(first) && /^[A-Za-z]$/.test(last)) {
    const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const [from, to] = [letters.indexOf(first), letters.indexOf(last)];
    if (from > to) return backwards(range, first, last);
    return every(from, to, step, (index) => letters.charAt(index));
  }
  if (last === "") return { problem: `the range [${range}] has no end` };
  if (!/^\d*$/.test(first) || !/^\d+$/.test(last))
    return { problem: `the range [${range}] needs numbers or single letters` };
  const isPadded = first.length > 1 && first.startsWith("0");
  if (isPadded && first.length !== last.length)
    return {
      problem: `the ends of the range [${range}] must have as many digits`,
      remedy: `Write [${first.padStart(last.length, "0")}:${last.padStart(first.length, "0")}].`,
    };
  const from = Number(first === "" ? "0" : first);
  const to = Number(last);
  if (from > to) return backwards(range, first, last);
  if ((to - from) / step > maximalNames)
    return { problem: `the range [${range}] stands for more than a million names` };
  return every(from, to, step, (value) => String(value).padStart(isPadded ? first.length : 0, "0"));
}

function backwards(range: string, first: string, last: string): NameProblem {
  return { problem: `the range [${range}] runs backwards`, remedy: `Did you mean [${last}:${first}]?` };
}

function every(from: number, to: number, step: number, name: (value: number) => string): string[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => name(from + index * step));
}
