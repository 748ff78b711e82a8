// Helpers for dates. The clock is read once per run: all targets and tasks see the same time.

import { helper, HelperError, literal, numberArgument, textArgument, toBool, type HelperTable } from "./definition.js";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAY_MS = 86_400_000;

let startMs: number | undefined;

/** When the clock was first asked, in milliseconds since 1970; the same for the whole run. */
function runTimeMs(): number {
  return (startMs ??= Date.now());
}

/** A point in time with its fields in local time or UTC. */
interface Fields {
  readonly at: Date;
  /** The same fields as if they were UTC: for days of the year. */
  readonly civil: Date;
  readonly isUtc: boolean;
}

function fieldsOf(ms: number, isUtc: boolean): Fields {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) throw new HelperError(`${ms / 1000} is no time`);
  const offsetMinutes = isUtc ? 0 : at.getTimezoneOffset();
  return { at, civil: new Date(ms - offsetMinutes * 60_000), isUtc };
}

const pad = (value: number, width = 2, fill = "0"): string => String(value).padStart(width, fill);

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

/** Year and week of ISO 8601: the week belongs to the year that has its Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

function offsetText({ at, isUtc }: Fields): string {
  const minutes = isUtc ? 0 : -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

function zoneName({ at, isUtc }: Fields): string {
  if (isUtc) return "UTC";
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(at);
  return parts.find((one) => one.type === "timeZoneName")?.value ?? "UTC";
}

const COMPOSED: Readonly<Record<string, string>> = {
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  R: "%H:%M",
  D: "%m/%d/%y",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
  c: "%a %b %e %H:%M:%S %Y",
  r: "%I:%M:%S %p",
  h: "%b",
};

const FIELDS: Readonly<Record<string, (fields: Fields) => string>> = {
  Y: ({ civil }) => String(civil.getUTCFullYear()),
  C: ({ civil }) => pad(Math.floor(civil.getUTCFullYear() / 100)),
  y: ({ civil }) => pad(civil.getUTCFullYear() % 100),
  m: ({ civil }) => pad(civil.getUTCMonth() + 1),
  d: ({ civil }) => pad(civil.getUTCDate()),
  e: ({ civil }) => pad(civil.getUTCDate(), 2, " "),
  H: ({ civil }) => pad(civil.getUTCHours()),
  k: ({ civil }) => pad(civil.getUTCHours(), 2, " "),
  I: ({ civil }) => pad(civil.getUTCHours() % 12 || 12),
  l: ({ civil }) => pad(civil.getUTCHours() % 12 || 12, 2, " "),
  M: ({ civil }) => pad(civil.getUTCMinutes()),
  S: ({ civil }) => pad(civil.getUTCSeconds()),
  f: ({ civil }) => pad(civil.getUTCMilliseconds() * 1000, 6),
  p: ({ civil }) => (civil.getUTCHours() < 12 ? "AM" : "PM"),
  P: ({ civil }) => (civil.getUTCHours() < 12 ? "am" : "pm"),
  j: ({ civil }) => pad(dayOfYear(civil), 3),
  a: ({ civil }) => (DAYS[civil.getUTCDay()] ?? "").slice(0, 3),
  A: ({ civil }) => DAYS[civil.getUTCDay()] ?? "",
  b: ({ civil }) => (MONTHS[civil.getUTCMonth()] ?? "").slice(0, 3),
  B: ({ civil }) => MONTHS[civil.getUTCMonth()] ?? "",
  u: ({ civil }) => String(civil.getUTCDay() || 7),
  w: ({ civil }) => String(civil.getUTCDay()),
  U: ({ civil }) => pad(Math.floor((dayOfYear(civil) + 6 - civil.getUTCDay()) / 7)),
  W: ({ civil }) => pad(Math.floor((dayOfYear(civil) + 6 - ((civil.getUTCDay() + 6) % 7)) / 7)),
  V: ({ civil }) => pad(isoWeek(civil).week),
  G: ({ civil }) => String(isoWeek(civil).year),
  g: ({ civil }) => pad(isoWeek(civil).year % 100),
  s: ({ at }) => String(Math.floor(at.getTime() / 1000)),
  z: offsetText,
  Z: zoneName,
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

/** As strftime of the C library does; `%-d` without a leading zero. */
function formatTime(pattern: string, fields: Fields): string {
  return pattern.replace(/%(-?)([\s\S]|$)/g, (whole, flag: string, letter: string) => {
    if (Object.hasOwn(COMPOSED, letter)) return formatTime(COMPOSED[letter] ?? "", fields);
    const make = Object.hasOwn(FIELDS, letter) ? FIELDS[letter] : undefined;
    if (!make)
      throw new HelperError(`${whole} is no field of a date`, "There are %Y %m %d %H %M %S %j %a %b %s %z and more.");
    const text = make(fields);
    return flag === "-" ? text.replace(/^[0 ]+(?=.)/, "") : text;
  });
}

/** What a field of a date is made of, when it is read. */
const PATTERNS: Readonly<Record<string, string>> = {
  Y: "\\d{4}",
  y: "\\d{2}",
  m: "\\d{1,2}",
  d: "\\d{1,2}",
  e: " ?\\d{1,2}",
  H: "\\d{1,2}",
  I: "\\d{1,2}",
  M: "\\d{1,2}",
  S: "\\d{1,2}",
  f: "\\d{1,6}",
  j: "\\d{1,3}",
  s: "\\d+",
  p: "[AaPp][Mm]",
  z: "[-+]\\d{2}:?\\d{2}|Z",
  Z: "[A-Za-z]{3,5}",
  b: MONTHS.map((one) => one.slice(0, 3)).join("|"),
  B: MONTHS.join("|"),
  a: DAYS.map((one) => one.slice(0, 3)).join("|"),
  A: DAYS.join("|"),
};

/** Seconds since 1970 of a date in text; local time where it says no zone. */
function parseTime(text: string, pattern: string): number {
  const letters: string[] = [];
  const source = expandComposed(pattern).replace(
    /%([\s\S]|$)|\s+|[.*+?^${}()|[\]\\/]/g,
    (whole, letter: string | undefined) => {
      if (letter === undefined) return /^\s/.test(whole) ? "\\s+" : `\\${whole}`;
      if (letter === "%") return "%";
      const field = Object.hasOwn(PATTERNS, letter) ? PATTERNS[letter] : undefined;
      if (field === undefined) throw new HelperError(`${whole} cannot be read as a field of a date`);
      letters.push(letter);
      return `(${field})`;
    },
  );
  const match = new RegExp(`^${source}$`, "i").exec(text);
  if (!match)
    throw new HelperError(
      `${JSON.stringify(text)} does not look like ${JSON.stringify(pattern)}`,
      'Give the format behind it: to_datetime text "%Y-%m-%d".',
    );
  return secondsOf(new Map(letters.map((letter, index) => [letter, match[index + 1] ?? ""])));
}

function expandComposed(pattern: string): string {
  return pattern.replace(/%([FTRDc])/g, (_, letter: string) => COMPOSED[letter] ?? "");
}

function secondsOf(parts: ReadonlyMap<string, string>): number {
  const number = (letter: string, other: number): number => Number(parts.get(letter) ?? other);
  const seconds = parts.get("s");
  if (seconds !== undefined) return Number(seconds);
  const short = parts.get("y");
  const year = short === undefined ? number("Y", 1900) : Number(short) + (Number(short) < 69 ? 2000 : 1900);
  const name = (parts.get("b") ?? parts.get("B"))?.slice(0, 3).toLowerCase();
  const month =
    name === undefined ? number("m", 1) - 1 : MONTHS.findIndex((one) => one.slice(0, 3).toLowerCase() === name);
  const day = parts.has("e") ? number("e", 1) : number("d", 1);
  const half = parts.get("p")?.toLowerCase();
  const hour = half === undefined ? number("H", 0) : (number("I", 12) % 12) + (half === "pm" ? 12 : 0);
  const [minute, second] = [number("M", 0), number("S", 0)];
  const ms = Math.floor(Number((parts.get("f") ?? "0").padEnd(6, "0")) / 1000);
  const civil = Date.UTC(year, month, day, hour, minute, second, ms);
  const isReal = new Date(civil).getUTCMonth() === month && hour < 24 && minute < 60 && second < 62;
  if (!isReal) throw new HelperError("there is no such day or time");
  const zone = /^([-+])(\d{2}):?(\d{2})$/.exec(parts.get("z") ?? "");
  if (zone) return civil / 1000 - (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 3600 + Number(zone[3]) * 60);
  if (/^(z|utc|gmt)$/i.test(parts.get("z") ?? parts.get("Z") ?? "")) return civil / 1000;
  return new Date(year, month, day, hour, minute, second, ms).getTime() / 1000;
}

export const dateHelpers: HelperTable = {
  now: helper(
    "[utc] [fmt]",
    'The time at which the run began, local or with `utc=true`, as 2026-05-01 13:00:00.000000 or after a format: `now fmt="%F"`.',
    ([utc, format = "%Y-%m-%d %H:%M:%S.%f"]) => formatTime(textArgument(format), fieldsOf(runTimeMs(), toBool(utc))),
  ),
  strftime: helper(
    "format [second] [utc]",
    'The time of so many seconds since 1970 (the run\'s) after a format: `strftime "%Y-%m-%d" mtime`.',
    ([format, second, utc]) => {
      const ms = second === undefined || second === null ? runTimeMs() : numberArgument(second) * 1000;
      return formatTime(textArgument(format), fieldsOf(ms, toBool(utc)));
    },
    { check: ([format]) => void (literal(format) === undefined || formatTime(String(format), fieldsOf(0, true))) },
  ),
  to_datetime: helper(
    "text [format]",
    "The seconds since 1970 of a date, local unless it says a zone; the format is %Y-%m-%d %H:%M:%S where none is given.",
    ([text, format = "%Y-%m-%d %H:%M:%S"]) => parseTime(textArgument(text), textArgument(format)),
  ),
};
