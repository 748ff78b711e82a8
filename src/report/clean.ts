// Makes text of strangers safe to show: control characters become visible escapes.

/** What most text is. */
const isPlain = /^[ -~\n\t]*$/;

/** Newlines and tabs stay; other control characters, escape sequences and lone surrogates become `\xNN` or `\uNNNN`. */
export function clean(text: string): string {
  if (isPlain.test(text)) return text;
  // oxlint-disable-next-line no-control-regex -- these are the characters that a terminal would obey
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      const code = character.charCodeAt(0);
      // An invalid byte of a host's text is kept as U+DC80 … U+DCFF.
      if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
    },
  );
}

/** One line of it: newlines become visible too. */
export function cleanLine(text: string): string {
  const cleaned = clean(text);
  return /[\n\t]/.test(cleaned) ? cleaned.replaceAll("\n", "\\n").replaceAll("\t", "\\t") : cleaned;
}

/** JSON text leaves DEL, the C1 controls and what turns the direction of writing as they are; a terminal would obey them. */
export function cleanJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
