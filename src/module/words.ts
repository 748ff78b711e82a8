// Splits a command line into words as a POSIX shell would, without expanding anything.

/** The words, or a sentence that says what is wrong (an open quote). */
export function splitWords(text: string): { readonly words: readonly string[] } | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? "";
    if (quote === "'") {
      if (character === "'") quote = undefined;
      else word = (word ?? "") + character;
    } else if (quote === '"') {
      const next = text[index + 1] ?? "";
      if (character === '"') quote = undefined;
      else if (character === "\\" && '"\\\n'.includes(next) && next !== "") {
        if (next !== "\n") word = (word ?? "") + next;
        index++;
      } else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\") {
      if (index + 1 >= text.length) return { problem: "ends with a lone backslash" };
      // The line goes on.
      if (text[index + 1] === "\n") index++;
      else word = (word ?? "") + (text[++index] ?? "");
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) return { problem: `has an open ${quote === '"' ? "double" : "single"} quote` };
  if (word !== undefined) words.push(word);
  return { words };
}

/** What follows the first word, as it is written. */
export function afterFirstWord(text: string): string {
  return text.replace(/^\s*(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/, "");
}

/** The word as a shell reads it back. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
