// Helpers for names of variables and counted sequences, which in Ansible are lookups.

import { firstMatch } from "./bounded-match.js";
import { regexOf } from "./regex.js";
import {
  helper,
  HelperError,
  numberArgument,
  textArgument,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";

const MOST = 1_000_000;

interface Sequence {
  readonly start: number;
  readonly end: number;
  readonly stride: number;
  readonly format: string;
}

/** `start=1 end=5 stride=2 format=web%02d`, or in short `1-5/2:web%02d`; numbers may be hexadecimal (0x…) or octal (0…). */
function sequenceOf(spec: string, hash: Readonly<Record<string, unknown>>): Sequence {
  const short = /^(?:(-?\w+)-)?(-?\w+)(?:\/(-?\w+))?(?::(.+))?$/.exec(spec.includes("=") ? "" : spec);
  const named = new Map([...spec.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value]) => [name, value]));
  for (const name of named.keys())
    if (!["start", "end", "count", "stride", "format"].includes(name))
      throw new HelperError(`a sequence has no ${JSON.stringify(name)}`, "It has start, end, count, stride, format.");
  if (spec !== "" && !short && named.size === 0)
    throw new HelperError(`${JSON.stringify(spec)} is no sequence`, 'Write "start=1 end=5", or "1-5".');
  const part = (name: string, at?: string): number | undefined => {
    const value = hash[name] ?? named.get(name) ?? at;
    return value === undefined ? undefined : integer(value, name);
  };
  const start = part("start", short?.[1]) ?? 1;
  const count = part("count");
  const end = part("end", short?.[2]);
  const step = part("stride", short?.[3]);
  const format = textArgument(hash["format"] ?? named.get("format") ?? short?.[4] ?? "%d", "format");
  if (count !== undefined && end !== undefined) throw new HelperError("a sequence takes end or count, not both");
  if (count === undefined && end === undefined) throw new HelperError("a sequence wants end or count");
  const stride = step ?? 1;
  if (count !== undefined)
    return { start, end: count === 0 ? start - stride : start + (count - 1) * stride, stride, format };
  const last = end ?? start;
  if (stride > 0 && last < start) throw new HelperError(`to count backwards, make the stride negative`);
  if (stride < 0 && last > start) throw new HelperError(`to count forwards, do not make the stride negative`);
  return { start, end: last, stride, format };
}

function integer(value: unknown, name: string): number {
  const text = typeof value === "string" ? value.replace(/^(-?)0o?(?=[0-7]+$)/, "$10o") : value;
  const number = numberArgument(typeof text === "string" && /^-?0o/.test(text) ? octal(text) : text, name);
  if (!Number.isInteger(number)) throw new HelperError(`${name} must be a whole number`);
  return number;
}

function octal(text: string): number {
  const size = Number.parseInt(text.replace(/^-?0o/, ""), 8);
  return text.startsWith("-") ? -size : size;
}

function sequence(spec: unknown, { hash }: HelperOptions): string[] {
  const { start, end, stride, format } = sequenceOf(spec === undefined ? "" : textArgument(spec), hash);
  if (stride === 0) return [];
  const count = Math.max(0, Math.floor((end - start) / stride) + 1);
  if (count > MOST) throw new HelperError(`${count} numbers are too many`);
  return Array.from({ length: count }, (_, index) => formatted(format, start + index * stride));
}

function formatted(format: string, value: number): string {
  let places = 0;
  const text = format.replace(
    /%(%|(0?)(\d*)([dxXo]))/g,
    (_, whole: string, zero: string, width: string, kind: string) => {
      if (whole === "%") return "%";
      places++;
      const digits = Math.abs(value).toString(kind === "d" ? 10 : kind === "o" ? 8 : 16);
      const sign = value < 0 ? "-" : "";
      const body = kind === "X" ? digits.toUpperCase() : digits;
      const columns = Math.min(Number(width || "0"), 1000);
      return zero === "0" ? sign + body.padStart(columns - sign.length, "0") : (sign + body).padStart(columns);
    },
  );
  if (places !== 1)
    throw new HelperError(
      `the format ${JSON.stringify(format)} needs one place for the number`,
      "Write %d, %02d or %x.",
    );
  return text;
}

export const sequenceHelpers: HelperTable = {
  sequence: helper(
    "[spec] start= end= count= stride= format=",
    'Numbers as texts: `sequence "start=1 end=3 format=web%02d"`, or `sequence count=3`.',
    ([spec], options) => sequence(spec, options),
  ),
  varnames: helper(
    "pattern ...",
    "The names of variables that a regular expression matches, in order.",
    (args, { scope }) => {
      const names = [...scope.names()].sort();
      return args.flatMap((one) => names.filter((name) => firstMatch(regexOf(textArgument(one), ""), name) !== null));
    },
  ),
};
