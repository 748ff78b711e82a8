// Cuts characters off the end of a text, in time by its length: `/x+$/` takes the square of it where the x stand in the middle.

/** The text without any of the characters at its end. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
