// Helpers for numbers.

import {
  HelperError,
  helper,
  listArgument,
  numberArgument,
  option,
  textArgument,
  type HelperTable,
} from "./definition.js";

function toInt(value: unknown, other: unknown, base: number): unknown {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) : other;
  if (typeof value !== "string") return other;
  const text = value.trim().replaceAll("_", "").toLowerCase();
  if (base === 10) return /^[-+]?\d+(\.\d*)?$/.test(text) ? Math.trunc(Number(text)) : other;
  const number = Number.parseInt(text.replace(/^([-+]?)0[xob]/, "$1"), base);
  return Number.isNaN(number) ? other : number;
}

/** Half goes to the even neighbour, as in Python. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function range(args: readonly unknown[]): number[] {
  const [first, second, third] = args.map((one) => numberArgument(one));
  const start = second === undefined ? 0 : (first ?? 0);
  const end = second ?? first ?? 0;
  const step = third ?? 1;
  if (step === 0) throw new HelperError("the step must not be 0");
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (count > 1_000_000) throw new HelperError(`${count} numbers are too many`);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

export const numberHelpers: HelperTable = {
  int: helper("value [other] [base]", "As a whole number; `other` (0) where it is none.", (args, options) =>
    toInt(args[0], option(args, 1, options, "default") ?? 0, numberArgument(option(args, 2, options, "base") ?? 10)),
  ),
  float: helper("value [other]", "As a number; `other` (0) where it is none.", (args, options) => {
    const number = typeof args[0] === "string" && args[0].trim() !== "" ? Number(args[0]) : args[0];
    if (typeof number === "boolean") return Number(number);
    return typeof number === "number" && !Number.isNaN(number) ? number : (option(args, 1, options, "default") ?? 0);
  }),
  abs: helper("number", "Without its sign.", ([value]) => Math.abs(numberArgument(value))),
  round: helper("number [digits] [method]", "Rounded; method `common`, `ceil` or `floor`.", (args, options) => {
    const method = textArgument(option(args, 2, options, "method") ?? "common");
    const factor = 10 ** numberArgument(option(args, 1, options, "precision") ?? 0);
    const value = numberArgument(args[0]) * factor;
    const rounded =
      method === "ceil"
        ? Math.ceil(value)
        : method === "floor"
          ? Math.floor(value)
          : roundHalfEven(Number(value.toPrecision(15)));
    return rounded / factor;
  }),
  add: helper("a b", "a + b.", ([a, b]) => numberArgument(a) + numberArgument(b)),
  subtract: helper("a b", "a - b.", ([a, b]) => numberArgument(a) - numberArgument(b)),
  multiply: helper("a b", "a × b.", ([a, b]) => numberArgument(a) * numberArgument(b)),
  divide: helper("a b", "a / b.", ([a, b]) => {
    if (numberArgument(b) === 0) throw new HelperError("division by zero");
    return numberArgument(a) / numberArgument(b);
  }),
  modulo: helper("a b", "What is left of a / b; has the sign of b, as in Python.", ([a, b]) => {
    const by = numberArgument(b);
    if (by === 0) throw new HelperError("division by zero");
    return ((numberArgument(a) % by) + by) % by;
  }),
  pow: helper("a b", "a to the power of b.", ([a, b]) => numberArgument(a) ** numberArgument(b)),
  log: helper("number [base]", "The logarithm, natural where no base is given.", ([value, base]) =>
    base === undefined
      ? Math.log(numberArgument(value))
      : Math.log(numberArgument(value)) / Math.log(numberArgument(base)),
  ),
  root: helper(
    "number [degree]",
    "The square root, or that of a degree.",
    ([value, degree]) => numberArgument(value) ** (1 / numberArgument(degree ?? 2)),
  ),
  sum: helper("list [start]", "The sum of the items. `attribute=` picks a field of each.", (args, options) => {
    const attribute = options.hash["attribute"];
    const start = numberArgument(option(args, 1, options, "start") ?? 0);
    return listArgument(args[0]).reduce((sum: number, one) => sum + numberArgument(fieldOr(one, attribute)), start);
  }),
  range: helper("end-or-start [end] [step]", "The numbers from start (0) up to but without end.", (args) =>
    range(args),
  ),
  human_readable: helper("bytes", "A size in bytes for people: 1.50 MB (1 MB is 1024 KB).", ([value]) => {
    const units = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let size = numberArgument(value);
    let unit = 0;
    for (; Math.abs(size) >= 1024 && unit < units.length - 1; unit++) size /= 1024;
    return `${size.toFixed(2)} ${units[unit]}`;
  }),
  human_to_bytes: helper("size", "The bytes of `10M`, `1.5 GB`.", ([value]) => {
    const match = /^\s*([\d.]+)\s*([KMGTPE]?)(i?[bB]|ytes)?\s*$/i.exec(textArgument(value));
    if (!match) throw new HelperError(`${JSON.stringify(value)} is no size`, "Write 512, 10K, 1.5G.");
    return Math.round(
      Number(match[1]) * 1024 ** ["", "K", "M", "G", "T", "P", "E"].indexOf((match[2] ?? "").toUpperCase()),
    );
  }),
};

function fieldOr(value: unknown, attribute: unknown): unknown {
  return typeof attribute === "string" && typeof value === "object" && value !== null
    ? Reflect.get(value, attribute)
    : value;
}
