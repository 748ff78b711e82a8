// Helpers for text.

import { textOf } from "../scope/values.js";
import {
  attributeOf,
  helper,
  HelperError,
  listArgument,
  numberArgument,
  option,
  predicate,
  textArgument,
  toBool,
  type HelperTable,
} from "./definition.js";

/** One word for a POSIX shell, as Python's shlex.quote. */
export function shellQuote(text: string): string {
  if (text !== "" && /^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

function strip(text: string, characters: string | undefined): string {
  if (characters === undefined) return text.trim();
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text[start] ?? "")) start++;
  while (end > start && characters.includes(text[end - 1] ?? "")) end--;
  return text.slice(start, end);
}

function indentText(text: string, width: string, first: boolean, blank: boolean): string {
  return text
    .split("\n")
    .map((line, index) => ((index === 0 ? first : blank || line !== "") ? width + line : line))
    .join("\n");
}

const COMMENT_STYLES: Readonly<
  Record<string, { readonly beginning?: string; readonly decoration: string; readonly end?: string }>
> = {
  plain: { decoration: "# " },
  erlang: { decoration: "% " },
  c: { decoration: "// " },
  cblock: { beginning: "/*", decoration: " * ", end: " */" },
  xml: { beginning: "<!--", decoration: " - ", end: "-->" },
};

function commentText(text: string, style: string, decoration: string | undefined): string {
  const known = Object.hasOwn(COMMENT_STYLES, style) ? COMMENT_STYLES[style] : undefined;
  if (!known)
    throw new HelperError(
      `there is no style ${JSON.stringify(style)}`,
      `There are ${Object.keys(COMMENT_STYLES).join(", ")}.`,
    );
  const lead = decoration ?? known.decoration;
  const body = ["", ...text.split("\n"), ""].map((line) => (lead + line).trimEnd());
  return [...(known.beginning ? [known.beginning] : []), ...body, ...(known.end ? [known.end] : [])].join("\n");
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.join("\n");
}

export const textHelpers: HelperTable = {
  upper: helper("text", "In capitals.", ([text]) => textArgument(text).toUpperCase()),
  lower: helper("text", "In small letters.", ([text]) => textArgument(text).toLowerCase()),
  capitalize: helper("text", "First letter a capital, the others small.", ([value]) => {
    const text = textArgument(value);
    return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
  }),
  title: helper("text", "First letter of each word a capital.", ([value]) =>
    textArgument(value).replace(/[^\s([{<-]+/g, (word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()),
  ),
  trim: helper("text [characters]", "Without white space (or the characters) at both ends.", ([text, characters]) =>
    strip(textArgument(text), characters === undefined ? undefined : textArgument(characters)),
  ),
  replace: helper("text old new [count]", "Each `old` (or the first `count`) replaced.", ([text, old, by, count]) => {
    const parts = textArgument(text).split(textArgument(old));
    const times = count === undefined ? parts.length - 1 : Math.min(numberArgument(count), parts.length - 1);
    const head = parts.slice(0, times + 1).join(textArgument(by));
    return [head, ...parts.slice(times + 1)].join(textArgument(old));
  }),
  split: helper("text [separator]", "The parts between separators, or the words.", ([text, separator]) => {
    const whole = textArgument(text);
    return separator === undefined || separator === null
      ? whole.split(/\s+/).filter((word) => word !== "")
      : whole.split(textArgument(separator));
  }),
  splitlines: helper("text", "The lines.", ([text]) =>
    textArgument(text)
      .replace(/\r?\n$/, "")
      .split(/\r?\n/),
  ),
  join: helper("list [separator]", "The items in one text. `attribute=` picks a field of each.", (args, options) => {
    const attribute = options.hash["attribute"];
    const items = listArgument(args[0]);
    const picked = typeof attribute === "string" ? items.map((one) => attributeOf(one, attribute)) : items;
    return picked.map(textOf).join(textArgument(option(args, 1, options, "d") ?? ""));
  }),
  string: helper("value", "As text.", ([value]) => textOf(value)),
  indent: helper(
    "text [width] [first] [blank]",
    "Each line but the first indented by `width` (4) columns; `first=true`, `blank=true` for those too.",
    (args, options) => {
      const width = option(args, 1, options, "width") ?? 4;
      const lead =
        typeof width === "string" && !/^\d+$/.test(width) ? width : " ".repeat(numberArgument(width, "the width"));
      return indentText(
        textArgument(args[0]),
        lead,
        toBool(option(args, 2, options, "first")),
        toBool(option(args, 3, options, "blank")),
      );
    },
  ),
  comment: helper(
    "text [style]",
    "As a comment; styles plain, c, cblock, erlang, xml; `decoration=` sets what lines begin with.",
    (args, options) => {
      const decoration = options.hash["decoration"];
      return commentText(
        textArgument(args[0]),
        textArgument(option(args, 1, options, "style") ?? "plain"),
        decoration === undefined ? undefined : textArgument(decoration),
      );
    },
  ),
  quote: helper("text", "As one word for a shell.", ([text]) => shellQuote(text === null ? "" : textArgument(text))),
  wordwrap: helper("text [width]", "Lines broken before `width` (79) columns.", ([text, width]) =>
    wrap(textArgument(text), numberArgument(width ?? 79)),
  ),
  center: helper("text [width]", "In the middle of `width` (80) columns.", ([value, width]) => {
    const text = textArgument(value);
    const space = Math.max(0, numberArgument(width ?? 80) - text.length);
    return " ".repeat(Math.floor(space / 2)) + text + " ".repeat(Math.ceil(space / 2));
  }),
  truncate: helper(
    "text [length] [end]",
    "At most `length` (255) characters, with `...` (or `end`) as the last where it was cut.",
    ([value, length, end]) => {
      const text = textArgument(value);
      const limit = numberArgument(length ?? 255);
      const tail = textArgument(end ?? "...");
      return text.length <= limit ? text : text.slice(0, Math.max(0, limit - tail.length)) + tail;
    },
  ),
  format: helper(
    "pattern ...",
    "The pattern with `%s`, `%d`, `%05d`, `%.2f`, `%x`, `%o` filled in.",
    ([pattern, ...values]) => {
      let at = 0;
      return textArgument(pattern).replace(
        /%(%|(0?)(\d*)(?:\.(\d+))?([sdfxXo]))/g,
        (_, whole: string, zero: string, width: string, digits: string | undefined, kind: string) => {
          if (whole === "%") return "%";
          if (at >= values.length) throw new HelperError("there are fewer values than the pattern has places");
          return formatOne(values[at++], kind, digits).padStart(Number(width || "0"), zero === "0" ? "0" : " ");
        },
      );
    },
  ),
  startswith: predicate("text beginning", "The text begins so.", ([text, beginning]) =>
    textArgument(text).startsWith(textArgument(beginning)),
  ),
  endswith: predicate("text end", "The text ends so.", ([text, end]) => textArgument(text).endsWith(textArgument(end))),
};

function formatOne(value: unknown, kind: string, digits: string | undefined): string {
  if (kind === "s") return digits === undefined ? textOf(value) : textOf(value).slice(0, Number(digits));
  const number = numberArgument(value);
  if (kind === "f") return number.toFixed(Number(digits ?? "6"));
  const text = Math.trunc(number).toString(kind === "o" ? 8 : kind === "d" ? 10 : 16);
  return kind === "X" ? text.toUpperCase() : text;
}
