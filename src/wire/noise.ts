// What a remote side printed, made fit to be quoted in a message.

/** The last `limit` lines of it, controls escaped, long lines cut; empty where there was nothing but space. */
export function quoteNoise(noise: Uint8Array, limit = 8): string {
  const text = Buffer.from(noise.buffer, noise.byteOffset, noise.byteLength).toString("utf8");
  const lines = text
    .split(/\r\n|[\r\n]/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
  const cut = lines.slice(-limit).map((line) => escapeControls(line.length > 200 ? `${line.slice(0, 200)}…` : line));
  if (lines.length > limit) cut.unshift(`(${lines.length - limit} lines before)`);
  return cut.map((line) => `| ${line}`).join("\n");
}

/** Control characters, and what would turn the direction of writing, as `\x1b` or `\u202e`. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu, (character) => {
    if (character === "\t") return character;
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
