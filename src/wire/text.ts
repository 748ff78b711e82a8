// Paths and names as text: UTF-8, with each byte that is none kept as a lone surrogate U+DC80…U+DCFF (Python's surrogateescape).

const ANY_SURROGATE = /[\ud800-\udfff]/;
const REPLACEMENT = "\ufffd";
/** Up to here a loop is faster than a call out of JavaScript. */
const SHORT = 24;

/** The bytes from `start` to `end` as text. Every sequence of bytes has one text, and `encodeText` gives the same bytes back. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  if (end - start <= SHORT) {
    const short = decodeAscii(bytes, start, end);
    if (short !== undefined) return short;
  }
  const text = bytes.toString("utf8", start, end);
  return text.includes(REPLACEMENT) ? decodeEscaping(bytes, start, end) : text;
}

/** Undefined where a byte is no ASCII. */
function decodeAscii(bytes: Buffer, start: number, end: number): string | undefined {
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** How many bytes `text` has at most. */
export function longestEncoding(text: string): number {
  return text.length * 3;
}

/** Writes `text` to `into` at `position` and returns how many bytes it took. Throws a RangeError for a lone surrogate that stands for no byte. */
export function encodeText(text: string, into: Buffer, position: number): number {
  if (!ANY_SURROGATE.test(text)) return into.write(text, position, "utf8");
  let at = position;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) into[at++] = code - 0xdc00;
    else if (code >= 0xd800 && code <= 0xdfff)
      throw new RangeError(`${JSON.stringify(text)} holds half a surrogate pair`);
    else at += into.write(character, at, "utf8");
  }
  return at - position;
}

/** Bytes to text, for those who have them alone. */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeText(buffer, 0, buffer.length);
}

/** Text to bytes. */
export function bytesOf(text: string): Buffer {
  const buffer = Buffer.allocUnsafe(longestEncoding(text));
  return buffer.subarray(0, encodeText(text, buffer, 0));
}

/** Length of the well-formed sequence at `at` (Unicode, table 3-7), or 0. */
function sequenceLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > end) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = 2; index < length; index++) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

function decodeEscaping(bytes: Buffer, start: number, end: number): string {
  let text = "";
  let good = start;
  let at = start;
  while (at < end) {
    const length = sequenceLength(bytes, at, end);
    if (length > 0) {
      at += length;
      continue;
    }
    text += bytes.toString("utf8", good, at) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    good = ++at;
  }
  return text + bytes.toString("utf8", good, end);
}
