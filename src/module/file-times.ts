// Times that a task asks for: now, preserve, or a date in a format.

import type { TimeSpec } from "./change.js";
import type { Stat, StatObservation, StatProbe, Timestamp } from "./probe.js";

/** Where the tree keeps its time zone: dates without a zone are meant there. */
export const zoneProbe: StatProbe = { kind: "stat", path: "/etc/localtime" };

/** The zone's name out of what `zoneProbe` saw (`Europe/Berlin`); UTC where it cannot be told. */
export function zoneOf(seen: StatObservation | undefined): string {
  const name = /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(seen?.stat?.target ?? "")?.[1];
  if (name === undefined) return "UTC";
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    // A zone that this machine's tables do not have.
    return "UTC";
  }
}

/** `now`, undefined for `preserve`, a time, or a sentence that says what is wrong. */
export function readTime(
  text: string,
  format: string,
  zone: string,
): { readonly time: TimeSpec | undefined } | { readonly problem: string } {
  if (text === "preserve") return { time: undefined };
  if (text === "now") return { time: "now" };
  const parts = parseTime(text, format);
  if (typeof parts === "string")
    return { problem: `Error while obtaining timestamp for time ${text} using format ${format}: ${parts}` };
  const local = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  const seconds = local / 1000 - offsetSeconds(zone, local - offsetSeconds(zone, local) * 1000);
  return { time: { seconds, nanoseconds: 0 } };
}

/** Whether setting `wanted` on what has `current` changes something; `now` always does. */
export function isTimeChange(wanted: TimeSpec | undefined, current: Timestamp): boolean {
  if (wanted === undefined) return false;
  return wanted === "now" || wanted.seconds !== current.seconds || wanted.nanoseconds !== current.nanoseconds;
}

/** The times of `wanted` that differ from the stat's. If one of two changes, both are set. */
export function timesToSet(
  wanted: { readonly atime: TimeSpec | undefined; readonly mtime: TimeSpec | undefined },
  stat: Pick<Stat, "atime" | "mtime">,
): { readonly atime?: TimeSpec; readonly mtime?: TimeSpec } {
  return {
    ...(wanted.atime !== undefined && isTimeChange(wanted.atime, stat.atime) ? { atime: wanted.atime } : {}),
    ...(wanted.mtime !== undefined && isTimeChange(wanted.mtime, stat.mtime) ? { mtime: wanted.mtime } : {}),
  };
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const directives: Readonly<Record<string, readonly [pattern: string, set: (parts: Parts, value: number) => void]>> = {
  Y: ["\\d{4}", (parts, value) => void (parts.year = value)],
  y: ["\\d{2}", (parts, value) => void (parts.year = value + (value < 69 ? 2000 : 1900))],
  m: ["1[0-2]|0?[1-9]", (parts, value) => void (parts.month = value)],
  d: ["3[01]|[12]\\d|0?[1-9]", (parts, value) => void (parts.day = value)],
  H: ["2[0-3]|[01]\\d|\\d", (parts, value) => void (parts.hour = value)],
  M: ["[0-5]\\d|\\d", (parts, value) => void (parts.minute = value)],
  S: ["6[01]|[0-5]\\d|\\d", (parts, value) => void (parts.second = value)],
  j: ["36[0-6]|3[0-5]\\d|[12]\\d\\d|0?\\d?\\d", (parts, value) => void ((parts.month = 1), (parts.day = value))],
};

/** Reads `text` as C's strptime would, numbers only; a sentence if it does not fit. */
function parseTime(text: string, format: string): Parts | string {
  const setters: ((parts: Parts, value: number) => void)[] = [];
  let pattern = "";
  for (const [, directive, character] of format
    .replace(/%T/g, "%H:%M:%S")
    .replace(/%F/g, "%Y-%m-%d")
    .matchAll(/%(.)|([\s\S])/g)) {
    const known = directive === undefined ? undefined : directives[directive];
    if (known) {
      pattern += `(${known[0]})`;
      setters.push(known[1]);
    } else if (directive === undefined)
      pattern += /\s/.test(character ?? "") ? "\\s+" : (character ?? "").replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
    else if (directive === "%") pattern += "%";
    else return `crun does not know %${directive} here; it knows %${Object.keys(directives).join(" %")} %T %F`;
  }
  const match = new RegExp(`^${pattern}$`).exec(text);
  if (!match) return `time data '${text}' does not match format '${format}'`;
  const parts: Parts = { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
  for (const [index, set] of setters.entries()) set(parts, Number(match[index + 1]));
  return parts;
}

function offsetSeconds(zone: string, utcMs: number): number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const part = new Map(format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]));
  const get = (type: Intl.DateTimeFormatPartTypes): number => part.get(type) ?? 0;
  return (
    (Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute"), get("second")) - utcMs) / 1000
  );
}
