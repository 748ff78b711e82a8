// Helpers for numbers: conversions, arithmetic, sizes.

import {
  attributeOf,
  HelperError,
  helper,
  listArgument,
  numberArgument,
  predicate,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

function toInt(value: unknown, other: unknown, base: number): unknown {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) : other;
  if (typeof value !== "string") return other;
  const text = value
    .trim()
    .replace(/(?<=[\da-z])_(?=[\da-z])/gi, "")
    .toLowerCase();
  if (base === 10) {
    if (/^[-+]?\d+$/.test(text)) return Number(text);
    return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/.test(text) ? Math.trunc(Number(text)) : other;
  }
  if (base < 2 || base > 36) throw new HelperError("base must be 2 to 36");
  const digits = text.replace(/^([-+]?)0[xob]/, "$1");
  const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz".slice(0, base);
  return new RegExp(`^[-+]?[${alphabet}]+$`).test(digits) ? Number.parseInt(digits, base) : other;
}

function toFloat(value: unknown, other: unknown): unknown {
  if (typeof value === "boolean") return Number(value);
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && !Number.isNaN(number) ? number : other;
}

/** Rounded to digits as Python rounds: what lies exactly in the middle goes to the even neighbour. */
export function roundHalfEven(value: number, digits: number): number {
  if (digits < 0) {
    const factor = 10 ** -digits;
    return roundHalfEven(value / factor, 0) * factor;
  }
  const nearest = Number(value.toFixed(Math.min(digits, 100)));
  const rest =
    Math.abs(value)
      .toFixed(Math.min(100, digits + 60))
      .split(".")[1]
      ?.slice(digits) ?? "";
  if (!/^50*$/.test(rest)) return nearest;
  const factor = 10 ** digits;
  const floor = Math.floor(value * factor);
  return (floor % 2 === 0 ? floor : floor + 1) / factor;
}

function rounded(value: number, digits: number, method: string): number {
  const factor = 10 ** digits;
  switch (method) {
    case "common":
      return roundHalfEven(value, digits);
    case "ceil":
      return Math.ceil(value * factor) / factor;
    case "floor":
      return Math.floor(value * factor) / factor;
    default:
      throw new HelperError(`there is no method ${JSON.stringify(method)}`, "There are common, ceil, floor.");
  }
}

function range(args: readonly unknown[]): number[] {
  const [first, second, third] = args.map((one) => numberArgument(one));
  const start = second === undefined ? 0 : (first ?? 0);
  const end = second ?? first ?? 0;
  const step = third ?? 1;
  if (step === 0) throw new HelperError("the step must not be 0");
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (count > 1_000_000) throw new HelperError(`${count} numbers are too many`);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

function divisor(value: unknown): number {
  const number = numberArgument(value);
  if (number === 0) throw new HelperError("division by zero");
  return number;
}

function logarithm(value: number, base: unknown): number {
  if (value <= 0) throw new HelperError(`${value} has no logarithm`);
  const by = base === undefined || base === null ? Math.E : numberArgument(base);
  if (by === 10) return Math.log10(value);
  return by === Math.E ? Math.log(value) : Math.log(value) / Math.log(by);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new HelperError("the result is no number that can be written");
}

/** Letters of sizes, from bytes on. */
const PREFIXES = ["", "K", "M", "G", "T", "P", "E", "Z", "Y"];

function humanReadable(size: number, isBits: boolean, unit: string | undefined): string {
  const base = isBits ? "bits" : "Bytes";
  const wanted = unit?.slice(0, 1).toUpperCase();
  const at =
    wanted === undefined
      ? PREFIXES.findLastIndex((_, index) => index === 0 || size >= 1024 ** index)
      : Math.max(0, PREFIXES.indexOf(wanted));
  return `${(size / 1024 ** at).toFixed(2)} ${at === 0 ? base : `${PREFIXES[at]}${base.slice(0, 1)}`}`;
}

function humanToBytes(value: unknown, unit: string | undefined, isBits: boolean): number {
  const text = textArgument(value);
  const match = /^(\d*(?:\.\d*)?)\s*([A-Za-z]+)?$/.exec(text.trim());
  if (!match || !/\d/.test(match[1] ?? ""))
    throw new HelperError(`${JSON.stringify(value)} is no size`, "Write 512, 10K, 1.5G.");
  const given = match[2] ?? unit ?? "B";
  const letter = isBits ? "b" : "B";
  const at = given.toUpperCase().startsWith("B") ? 0 : PREFIXES.indexOf(given.slice(0, 1).toUpperCase());
  const isUnit = at === 0 ? /^b((yte|it)s?)?$/i.test(given) : new RegExp(`^.(i?${letter}|(byte|bit)s?)?$`).test(given);
  if (at === -1 || !isUnit)
    throw new HelperError(
      `${JSON.stringify(given)} is no unit of ${isBits ? "bits" : "bytes"}`,
      `There are ${letter}, K${letter}, M${letter}, G${letter}, T${letter}, P${letter}, E${letter}, Z${letter}, Y${letter}.`,
    );
  return Math.round(Number(match[1]) * 1024 ** at);
}

function fileSize(bytes: number, isBinary: boolean): string {
  const base = isBinary ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const at = Math.min(
    8,
    Math.max(
      1,
      PREFIXES.findLastIndex((_, index) => bytes >= base ** index),
    ),
  );
  const prefix = at === 1 && !isBinary ? "k" : PREFIXES[at];
  return `${(bytes / base ** at).toFixed(1)} ${prefix}${isBinary ? "iB" : "B"}`;
}

function optionalText(value: unknown, name: string): string | undefined {
  return value === undefined || value === null ? undefined : textArgument(value, name);
}

export const numberHelpers: HelperTable = {
  int: helper(
    "value [default] [base]",
    "As a whole number; `default` (0) where it is none.",
    ([value, other = 0, base = 10]) => toInt(value, other, numberArgument(base)),
  ),
  float: helper("value [default]", "As a number; `default` (0) where it is none.", ([value, other = 0]) =>
    toFloat(value, other),
  ),
  abs: helper("number", "Without its sign.", ([value]) => Math.abs(numberArgument(value))),
  round: helper(
    "number [precision] [method]",
    "Rounded to so many digits (0); method `common`, `ceil` or `floor`.",
    ([value, precision = 0, method = "common"]) =>
      rounded(numberArgument(value), numberArgument(precision), textArgument(method)),
  ),
  add: helper("a b ...", "a + b.", (args) => args.reduce((sum: number, one) => sum + numberArgument(one), 0)),
  subtract: helper("a b", "a - b.", ([a, b]) => numberArgument(a) - numberArgument(b)),
  multiply: helper("a b ...", "a × b.", (args) => args.reduce((all: number, one) => all * numberArgument(one), 1)),
  divide: helper("a b", "a / b.", ([a, b]) => numberArgument(a) / divisor(b)),
  floor_divide: helper("a b", "a / b without what stands behind the point.", ([a, b]) =>
    Math.floor(numberArgument(a) / divisor(b)),
  ),
  modulo: helper("a b", "What is left of a / b; has the sign of b, as in Python.", ([a, b]) => {
    const by = divisor(b);
    return ((numberArgument(a) % by) + by) % by;
  }),
  pow: helper("a b", "a to the power of b.", ([a, b]) => finite(numberArgument(a) ** numberArgument(b))),
  log: helper("number [base]", "The logarithm, natural where no base is given.", ([value, base]) =>
    logarithm(numberArgument(value), base),
  ),
  root: helper("number [base]", "The square root, or another: `root 27 3` is 3.", ([value, base = 2]) => {
    const degree = numberArgument(base);
    return finite(degree === 2 ? Math.sqrt(numberArgument(value)) : numberArgument(value) ** (1 / degree));
  }),
  sum: helper(
    "list [attribute] [start]",
    "The sum of the items, or of a field of each.",
    ([list, attribute, start = 0]) => {
      if (Array.isArray(start))
        throw new HelperError("lists have no sum", "Write {{flatten list 1}} for one list of them.");
      const path = optionalText(attribute, "attribute");
      return listArgument(list).reduce(
        (sum: number, one) => sum + numberArgument(path === undefined ? one : attributeOf(one, path), "each item"),
        numberArgument(start),
      );
    },
  ),
  range: helper("start-or-end [end] [step]", "The numbers from start (0) up to but without end.", (args) =>
    range(args),
  ),
  human_readable: helper(
    "bytes [isbits] [unit]",
    "A size for people: 1.50 MB (1 MB is 1024 KB), or in a `unit`.",
    ([value, isBits, unit]) => humanReadable(numberArgument(value), isBits === true, optionalText(unit, "unit")),
  ),
  human_to_bytes: helper("size [default_unit] [isbits]", "The bytes of `10M`, `1.5 GB`.", ([value, unit, isBits]) =>
    humanToBytes(value, optionalText(unit, "default_unit"), isBits === true),
  ),
  filesizeformat: helper(
    "bytes [binary]",
    "A size for people: 1.5 MB (1 MB is 1000 kB), or 1.4 MiB.",
    ([value, binary]) => fileSize(numberArgument(value), toBool(binary)),
  ),
  divisibleby: predicate(
    "number by",
    "Nothing is left of the division.",
    ([a, b]) => numberArgument(a) % divisor(b) === 0,
  ),
  odd: predicate("number", "Not divisible by two.", ([value]) => Math.abs(numberArgument(value) % 2) === 1),
  even: predicate("number", "Divisible by two.", ([value]) => numberArgument(value) % 2 === 0),
};
