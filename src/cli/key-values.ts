// Splits `a=1 b="two words"` into names and texts as Ansible reads them on its command line. Pure.

const ESCAPE = /\\(?:U([\da-fA-F]{8})|u([\da-fA-F]{4})|x([\da-fA-F]{2})|([0-7]{1,3})|([\\'"abfnrtv]))/g;
const letters: Readonly<Record<string, string>> = { a: "\u0007", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** One `NAME=TEXT`; `word` as it was written. */
export interface KeyValue {
  readonly word: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Quotes and {{ }} hold words together; quotes around a whole value go away; `\n`, `\\`, `\u00e4` and the like are the characters that they stand for,
 * other backslashes stay. Or a sentence that says what is wrong.
 */
export function keyValues(text: string): readonly KeyValue[] | { readonly problem: string } {
  const words = wordsOf(text);
  if ("problem" in words) return words;
  const pairs: KeyValue[] = [];
  for (const word of words) {
    const decoded = withoutEscapes(word);
    const equals = decoded.indexOf("=");
    if (equals < 1) return { problem: `has no value: ${JSON.stringify(word)}` };
    pairs.push({ word, name: decoded.slice(0, equals).trim(), text: unquoted(decoded.slice(equals + 1).trim()) });
  }
  return pairs;
}

function wordsOf(text: string): readonly string[] | { readonly problem: string } {
  const words: string[] = [];
  let word = "";
  let quote = "";
  let braces = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (character === "\\") {
      word += character + (text[++index] ?? "");
      continue;
    }
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (text.startsWith("{{", index)) braces++;
    else if (text.startsWith("}}", index) && braces > 0) braces--;
    else if (/\s/.test(character) && braces === 0) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
  }
  if (quote !== "") return { problem: `has an open ${quote === '"' ? "double" : "single"} quote` };
  if (word !== "") words.push(word);
  return words;
}

function withoutEscapes(word: string): string {
  return word.replace(
    ESCAPE,
    (whole, long?: string, short?: string, byte?: string, octal?: string, letter?: string) => {
      const hex = long ?? short ?? byte;
      const code =
        hex === undefined ? (octal === undefined ? undefined : Number.parseInt(octal, 8)) : Number.parseInt(hex, 16);
      if (code !== undefined) return code > 0x10ffff ? whole : String.fromCodePoint(code);
      return letter === undefined ? whole : (letters[letter] ?? letter);
    },
  );
}

function unquoted(text: string): string {
  return /^(?:"[^]*"|'[^]*')$/.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}
