// Helpers for text: letters, words, parts of it.

import { textOf } from "../scope/values.js";
import {
  attributeOf,
  helper,
  listArgument,
  mapArgument,
  numberArgument,
  predicate,
  textArgument,
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

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Without what stands between these marks, and them; an open one without its end stays. */
function without(text: string, open: string, close: string): string {
  let kept = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf(open, at);
    const end = start < 0 ? -1 : text.indexOf(close, start + open.length);
    if (end < 0) return kept + text.slice(at);
    kept += text.slice(at, start);
    at = end + close.length;
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => ENTITIES[one] ?? one);
}

const CHARACTERS: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-fA-F]+)|(\w+));/g, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return Object.hasOwn(CHARACTERS, name) ? (CHARACTERS[name] ?? whole) : whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "0", 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
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
  trim: helper("text [chars]", "Without white space (or the characters) at both ends.", ([text, characters]) =>
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
  join: helper(
    "list [d] [attribute]",
    "The items in one text, with `d` between them; `attribute` picks a field of each.",
    (args) => {
      const [, between, attribute] = args;
      const items = listArgument(args[0]);
      const path = attribute === undefined || attribute === null ? undefined : textArgument(attribute, "attribute");
      const picked = path === undefined ? items : items.map((one) => attributeOf(one, path));
      return picked.map(textOf).join(textArgument(between ?? ""));
    },
  ),
  string: helper("value", "As text.", ([value]) => textOf(value)),
  quote: helper("text", "As one word for a shell.", ([text]) => shellQuote(text === null ? "" : textArgument(text))),
  wordcount: helper("text", "How many words.", ([text]) => (textArgument(text).match(/[\p{L}\p{N}_]+/gu) ?? []).length),
  striptags: helper("text", "Without tags and comments of HTML, blanks made one.", ([text]) =>
    unescapeHtml(
      without(without(textArgument(text), "<!--", "-->"), "<", ">")
        .split(/\s+/)
        .filter((word) => word !== "")
        .join(" "),
    ),
  ),
  escape: helper("text", "With & < > \" ' escaped for HTML and XML.", ([text]) => escapeHtml(textOf(text))),
  xmlattr: helper("map", 'As attributes of a tag, each after a blank: ` id="x"`; null is left out.', ([map]) =>
    Object.entries(mapArgument(map))
      .filter(([, value]) => value !== null)
      .map(([key, value]) => ` ${key}="${escapeHtml(textOf(value))}"`)
      .join(""),
  ),
  startswith: predicate("text beginning", "The text begins so.", ([text, beginning]) =>
    textArgument(text).startsWith(textArgument(beginning)),
  ),
  endswith: predicate("text end", "The text ends so.", ([text, end]) => textArgument(text).endsWith(textArgument(end))),
};
