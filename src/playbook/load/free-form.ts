// Takes `chdir= creates= removes=` out of the free text of command, shell and script.

/** What free text may hold besides the command, Ansible's list. */
const INLINE = new Set([
  "creates",
  "removes",
  "chdir",
  "executable",
  "warn",
  "stdin",
  "stdin_add_newline",
  "strip_empty_ends",
]);

export interface FreeForm {
  readonly text: string;
  /** Where `text` begins in what was given; -1 where words were taken out of its middle. */
  readonly index: number;
  readonly params: readonly {
    readonly name: string;
    readonly value: string;
    readonly index: number;
    readonly valueIndex: number;
  }[];
}

/** Splits free text. Words in quotes and templates stay whole; what is taken out are words of its own. */
export function splitFreeForm(given: string): FreeForm {
  const params: FreeForm["params"][number][] = [];
  let rest = "";
  let end = 0;
  for (const word of wordsOf(given)) {
    const match = /^([a-z_]+)=([\s\S]*)$/.exec(word.text);
    if (!match || !INLINE.has(match[1] ?? "")) continue;
    const value = unquote(match[2] ?? "");
    params.push({
      name: match[1] ?? "",
      value: value.text,
      index: word.index,
      valueIndex: word.index + (match[1] ?? "").length + 1 + value.skipped,
    });
    rest += given.slice(end, word.index);
    end = word.index + word.text.length;
    // The blanks after a word that goes, go with it.
    while (end < given.length && (given[end] === " " || given[end] === "\t")) end++;
  }
  const last = given.slice(end);
  // What stands at the end stays as it is: `cmd` in the result has it, and Ansible's has too.
  const text = (params.length > 0 && last.trim() === "" ? rest.trimEnd() : rest + last).trimStart();
  return {
    text,
    index:
      params.length === 0
        ? given.indexOf(text)
        : given.startsWith(text, given.indexOf(text)) && given.includes(text)
          ? given.indexOf(text)
          : -1,
    params,
  };
}

function unquote(text: string): { readonly text: string; readonly skipped: number } {
  const match = /^(["'])([\s\S]*)\1$/.exec(text);
  return match ? { text: match[2] ?? "", skipped: 1 } : { text, skipped: 0 };
}

interface Word {
  readonly text: string;
  readonly index: number;
}

/** Words of the text as they are written: quotes and {{ }} keep blanks inside. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (start !== -1) words.push({ text: text.slice(start, index), index: start });
      start = -1;
      continue;
    }
    if (start === -1) start = index;
    if (quote === "" && text.startsWith("{{", index)) {
      const close = text.indexOf("}}", index);
      if (close !== -1) index = close + 1;
    } else if (character === "\\") index++;
    else if (quote === character) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
  }
  if (start !== -1) words.push({ text: text.slice(start), index: start });
  return words;
}

/** The pairs of `a=1 b="x y"`; undefined where the text is something else. */
export function pairsOf(text: string): { readonly name: string; readonly value: string }[] | undefined {
  const words = wordsOf(text.trim());
  const pairs = words.map((word) => /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word.text));
  if (pairs.length === 0 || pairs.some((one) => one === null)) return undefined;
  return pairs.map((one) => ({ name: one?.[1] ?? "", value: unquote(one?.[2] ?? "").text }));
}
