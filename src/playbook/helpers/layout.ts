// Helpers that lay text out: indented, wrapped, centred, as a comment, after a pattern.

import { roundHalfEven } from "./numbers.js";
import { textOf } from "../scope/values.js";
import {
  helper,
  HelperError,
  isMap,
  literal,
  numberArgument,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

const LONGEST_LINE = 1_000_000;

function indentText(text: string, width: string, first: boolean, blank: boolean): string {
  return text
    .split("\n")
    .map((line, index) => ((index === 0 ? first : blank || line !== "") ? width + line : line))
    .join("\n");
}

function blanks(width: number): string {
  if (width > LONGEST_LINE) throw new HelperError(`${width} columns are too many`);
  return " ".repeat(Math.max(0, width));
}

interface CommentStyle {
  readonly beginning: string;
  readonly decoration: string;
  readonly end: string;
}

const COMMENT_STYLES: Readonly<Record<string, CommentStyle>> = {
  plain: { beginning: "", decoration: "# ", end: "" },
  erlang: { beginning: "", decoration: "% ", end: "" },
  c: { beginning: "", decoration: "// ", end: "" },
  cblock: { beginning: "/*", decoration: " * ", end: " */" },
  xml: { beginning: "<!--", decoration: " - ", end: "-->" },
};

/** As Ansible's filter puts a comment together, of the same parts. */
function commentText(text: string, style: string, hash: Readonly<Record<string, unknown>>): string {
  const known = Object.hasOwn(COMMENT_STYLES, style) ? COMMENT_STYLES[style] : undefined;
  if (!known)
    throw new HelperError(
      `there is no style ${JSON.stringify(style)}`,
      `There are ${Object.keys(COMMENT_STYLES).join(", ")}.`,
    );
  const part = (name: string, other: string): string => textArgument(hash[name] ?? other, name);
  const count = (name: string): number => Math.min(1000, Math.max(0, numberArgument(hash[name] ?? 1, name)));
  const newline = part("newline", "\n");
  const decoration = part("decoration", known.decoration);
  const beginning = part("beginning", known.beginning);
  const end = part("end", known.end);
  const around = (name: string): string => {
    const trimmed = part(name, decoration.trimEnd());
    return trimmed === "" ? "" : `${trimmed}${newline}`.repeat(count(`${name}_count`));
  };
  const body =
    text === ""
      ? ""
      : text
          .split(newline)
          .map((line) => (decoration + line).replace(new RegExp(`^(${escaped(decoration.trimEnd())})\\s+$`), "$1"))
          .join(newline);
  const head = beginning === "" ? "" : beginning + newline;
  const post = around("postfix");
  const tail = end === "" ? post.slice(0, Math.max(0, post.length - newline.length)) : post + end;
  return `${head}${around("prefix")}${body}${newline}${tail}`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** The pieces between which a line may be broken: blanks, words, parts of words that end in a hyphen. */
function chunksOf(text: string): string[] {
  return (text.match(/\s+|[^\s]+/g) ?? []).flatMap((word) =>
    /^\s/.test(word) ? [word] : word.split(/(?<=[\w][^\s\d\W_-]-)(?=[^\W\d_]{2})|(?<=[A-Za-z]{2}-)(?=[A-Za-z]{2})/),
  );
}

/** Where a word that is too long is broken: behind a hyphen, if one lies within the room. */
function breakAt(word: string, room: number): number {
  const hyphen = room > 0 ? word.lastIndexOf("-", room - 1) : -1;
  return hyphen > 0 && /[^-]/.test(word.slice(0, hyphen)) ? hyphen + 1 : room;
}

function wrapParagraph(text: string, width: number, breaksLong: boolean): string[] {
  const lines: string[] = [];
  const chunks = chunksOf(text).toReversed();
  while (chunks.length > 0) {
    const line: string[] = [];
    let length = 0;
    if (lines.length > 0 && (chunks.at(-1) ?? "").trim() === "") chunks.pop();
    for (let next = chunks.at(-1); next !== undefined && length + next.length <= width; next = chunks.at(-1)) {
      line.push(next);
      length += next.length;
      chunks.pop();
    }
    const next = chunks.at(-1);
    if (next !== undefined && next.length > width) {
      if (breaksLong) {
        const end = breakAt(next, width - length);
        line.push(next.slice(0, end));
        chunks[chunks.length - 1] = next.slice(end);
      } else if (line.length === 0) {
        line.push(next);
        chunks.pop();
      }
    }
    if ((line.at(-1) ?? "x").trim() === "") line.pop();
    if (line.length > 0) lines.push(line.join(""));
  }
  return lines;
}

interface Place {
  readonly flags: string;
  readonly width: number | undefined;
  readonly digits: number | undefined;
  readonly kind: string;
}

const PLACE = /%(?:\((\w+)\))?([-+ #0]*)(\*|\d+)?(?:\.(\d+))?([sdiufFeEgGxXocra%])/g;

/** As Python's % operator: by position, or by name where the only value is a map. */
function formatText(pattern: string, values: readonly unknown[], hash: Readonly<Record<string, unknown>>): string {
  let at = 0;
  const next = (): unknown => {
    if (at >= values.length) throw new HelperError("there are fewer values than the pattern has places");
    return values[at++];
  };
  const named = values.length === 1 && isMap(values[0]) ? { ...values[0], ...hash } : hash;
  const result = pattern.replace(
    PLACE,
    (
      _,
      name: string | undefined,
      flags: string,
      width: string | undefined,
      digits: string | undefined,
      kind: string,
    ) => {
      if (kind === "%") return "%";
      if (name !== undefined && !Object.hasOwn(named, name))
        throw new HelperError(`there is no value ${JSON.stringify(name)} for the pattern`);
      const wide = width === "*" ? numberArgument(next()) : width === undefined ? undefined : Number(width);
      const value = name === undefined ? next() : named[name];
      return formatOne(value, { flags, width: wide, digits: digits === undefined ? undefined : Number(digits), kind });
    },
  );
  if (at > 0 && at < values.length) throw new HelperError("there are more values than the pattern has places");
  return result;
}

function formatOne(value: unknown, place: Place): string {
  const { flags, width = 0, kind } = place;
  const text = "sarc".includes(kind) ? textPlace(value, place) : numberPlace(numberArgument(value), place);
  if (width > LONGEST_LINE) throw new HelperError(`${width} columns are too many`);
  const isNumber = !"sarc".includes(kind);
  const space = " ".repeat(Math.max(0, width - [...text].length));
  if (flags.includes("-")) return text + space;
  if (!flags.includes("0") || !isNumber) return space + text;
  const sign = /^[-+ ]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function textPlace(value: unknown, { digits, kind }: Place): string {
  if (kind === "c") return typeof value === "number" ? String.fromCodePoint(value) : textArgument(value).slice(0, 1);
  const text = typeof value === "string" && kind !== "s" ? `'${value}'` : textOf(value);
  return digits === undefined ? text : [...text].slice(0, digits).join("");
}

function numberPlace(number: number, { flags, digits, kind }: Place): string {
  const size = Math.abs(number);
  const text = sizeText(size, kind, digits, flags.includes("#"));
  const isNegative = number < 0 || Object.is(number, -0);
  return `${isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""}${text}`;
}

function sizeText(size: number, kind: string, digits: number | undefined, isLong: boolean): string {
  switch (kind) {
    case "f":
    case "F":
      return roundHalfEven(size, digits ?? 6).toFixed(Math.min(100, digits ?? 6));
    case "e":
    case "E": {
      const text = size.toExponential(digits ?? 6).replace(/e([-+])(\d)$/, "e$10$2");
      return kind === "E" ? text.toUpperCase() : text;
    }
    case "g":
    case "G": {
      const precision = digits === 0 ? 1 : (digits ?? 6);
      const exponent = size === 0 ? 0 : Math.floor(Math.log10(size));
      const text =
        exponent < -4 || exponent >= precision
          ? size
              .toExponential(precision - 1)
              .replace(/\.?0+e/, "e")
              .replace(/e([-+])(\d)$/, "e$10$2")
          : String(Number(size.toPrecision(precision)));
      return kind === "G" ? text.toUpperCase() : text;
    }
    case "x":
    case "X": {
      const text =
        (isLong ? "0x" : "") +
        Math.trunc(size)
          .toString(16)
          .padStart(digits ?? 0, "0");
      return kind === "X" ? text.toUpperCase() : text;
    }
    case "o":
      return (
        (isLong ? "0o" : "") +
        Math.trunc(size)
          .toString(8)
          .padStart(digits ?? 0, "0")
      );
    default:
      return Math.trunc(size)
        .toFixed(0)
        .padStart(digits ?? 0, "0");
  }
}

export const layoutHelpers: HelperTable = {
  indent: helper(
    "text [width] [first] [blank]",
    "Each line but the first indented by `width` (4) columns, or by a text; `first=true`, `blank=true` for those lines too.",
    ([text, width = 4, first, blank]) => {
      const lead = typeof width === "string" && !/^\d+$/.test(width) ? width : blanks(numberArgument(width, "width"));
      return indentText(textArgument(text), lead, toBool(first), toBool(blank));
    },
  ),
  comment: helper(
    "text [style] decoration= beginning= end= prefix= prefix_count= postfix= postfix_count= newline=",
    "As a comment; styles plain, c, cblock, erlang, xml; `decoration=` is what lines begin with.",
    ([text, style = "plain"], { hash }) => commentText(textArgument(text), textArgument(style), hash),
    { check: ([, style]) => void (literal(style) === undefined || commentText("", String(style), {})) },
  ),
  wordwrap: helper(
    "text [width] [break_long_words] [wrapstring]",
    "Lines broken before `width` (79) columns.",
    ([value, width = 79, breaksLong = true, wrapstring = "\n"]) => {
      const columns = numberArgument(width);
      if (columns < 1) throw new HelperError("width must be at least 1");
      return textArgument(value)
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => wrapParagraph(line, columns, toBool(breaksLong)).join(textArgument(wrapstring)))
        .join(textArgument(wrapstring));
    },
  ),
  center: helper("text [width]", "In the middle of `width` (80) columns.", ([value, width = 80]) => {
    const text = textArgument(value);
    const columns = numberArgument(width);
    const space = Math.max(0, columns - [...text].length);
    // Python gives the odd blank to the left where the width is odd, too.
    const left = Math.floor(space / 2) + (space % 2 === 1 && columns % 2 === 1 ? 1 : 0);
    return blanks(left) + text + blanks(space - left);
  }),
  truncate: helper(
    "text [length] [killwords] [end] [leeway]",
    "At most `length` (255) characters, `end` (...) as the last; at a blank unless `killwords`; not where it is only `leeway` (5) longer.",
    ([value, length = 255, killwords, end = "...", leeway = 5]) => {
      const text = [...textArgument(value)];
      const limit = numberArgument(length);
      const tail = textArgument(end);
      if (text.length <= limit + numberArgument(leeway)) return text.join("");
      const cut = text.slice(0, Math.max(0, limit - [...tail].length)).join("");
      const blank = cut.lastIndexOf(" ");
      return (toBool(killwords) || blank === -1 ? cut : cut.slice(0, blank)) + tail;
    },
  ),
  format: helper(
    "pattern ...",
    "The pattern with `%s`, `%d`, `%05d`, `%.2f`, `%x`, `%-10s`, `%(name)s` filled in.",
    ([pattern, ...values], { hash }) => formatText(textArgument(pattern), values, hash),
    { takesAlso: "any" },
  ),
};
