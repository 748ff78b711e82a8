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
      else if (character === "\\" && '"\\'.includes(next) && next !== "") {
        word = (word ?? "") + next;
        index++;
      } else word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === "\\") {
      if (index + 1 >= text.length) return { problem: "ends with a lone backslash" };
      word = (word ?? "") + (text[++index] ?? "");
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) return { problem: `has an open ${quote === '"' ? "double" : "single"} quote` };
  if (word !== undefined) words.push(word);
  return { words };
}
