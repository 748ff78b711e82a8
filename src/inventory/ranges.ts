// Ranges in inventory names: `web[01:20:2]`, `db-[a:f]`, also in the tree's part.

/** The names that a name with ranges stands for, or a sentence that says what is wrong. */
export function expandRanges(name: string): readonly string[] | { readonly problem: string } {
  const match = /\[([^\]]*)\]/.exec(name);
  if (!match) return [name];
  const before = name.slice(0, match.index);
  const after = name.slice(match.index + match[0].length);
  const items = rangeItems(match[1] ?? "");
  if ("problem" in items) return { problem: `${items.problem} in ${name}` };
  const rest = expandRanges(after);
  if ("problem" in rest) return rest;
  return items.flatMap((item) => rest.map((tail) => before + item + tail));
}

function rangeItems(range: string): readonly string[] | { readonly problem: string } {
  const parts = range.split(":");
  const [first = "", last = "", stepText = "1"] = parts;
  const step = Number(stepText);
  if (parts.length < 2 || parts.length > 3)
    return { problem: `the range [${range}] needs the form [FIRST:LAST] or [FIRST:LAST:STEP]` };
  if (!Number.isInteger(step) || step < 1)
    return { problem: `the step of the range [${range}] must be a whole number from 1` };
  if (/^[A-Za-z]$/.test(first) && /^[A-Za-z]$/.test(last)) {
    const from = first.charCodeAt(0);
    const to = last.charCodeAt(0);
    if (from > to) return { problem: `the range [${range}] runs backwards` };
    return every(from, to, step, (code) => String.fromCharCode(code));
  }
  const isPadded = first.length > 1 && first.startsWith("0");
  if (!/^\d*$/.test(first) || !/^\d+$/.test(last))
    return { problem: `the range [${range}] needs numbers or single letters` };
  if (isPadded && first.length !== last.length)
    return { problem: `the ends of the range [${range}] must have as many digits` };
  const from = Number(first === "" ? "0" : first);
  const to = Number(last);
  if (from > to) return { problem: `the range [${range}] runs backwards` };
  if ((to - from) / step > 1_000_000) return { problem: `the range [${range}] stands for more than a million names` };
  return every(from, to, step, (value) => String(value).padStart(isPadded ? first.length : 0, "0"));
}

function every(from: number, to: number, step: number, name: (value: number) => string): string[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => name(from + index * step));
}
