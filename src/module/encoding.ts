// Text in the encodings that templates may be written in.

/** Names as the documentation lists them; spelling with `-`, `_` or neither is the same. */
export const encodings: readonly string[] = [
  "utf-8",
  "utf-8-sig",
  "ascii",
  "latin-1",
  "iso-8859-15",
  "windows-1252",
  "utf-16",
  "utf-16-le",
  "utf-16-be",
];

const windows1252 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";
const iso15: Readonly<Record<string, number>> = {
  "€": 0xa4,
  Š: 0xa6,
  š: 0xa8,
  Ž: 0xb4,
  ž: 0xb8,
  Œ: 0xbc,
  œ: 0xbd,
  Ÿ: 0xbe,
};

/** Bytes of `text`, or undefined where the encoding is not known or lacks a character. */
export function encodeText(text: string, encoding: string): Uint8Array | undefined {
  switch (encoding.toLowerCase().replace(/[-_ ]/g, "")) {
    case "":
    case "utf8":
      return Buffer.from(text, "utf8");
    case "utf8sig":
      return Buffer.from(`\ufeff${text}`, "utf8");
    case "ascii":
    case "usascii":
      return byCharacter(text, (code) => (code < 0x80 ? code : undefined));
    case "latin1":
    case "iso88591":
      return byCharacter(text, (code) => (code < 0x100 ? code : undefined));
    case "iso885915":
    case "latin9":
      return byCharacter(
        text,
        (code, character) =>
          iso15[character] ?? (code < 0x100 && !Object.values(iso15).includes(code) ? code : undefined),
      );
    case "windows1252":
    case "cp1252":
      return byCharacter(text, (code, character) => {
        if (code < 0x80 || (code >= 0xa0 && code < 0x100)) return code;
        const index = windows1252.indexOf(character);
        return index < 0 ? undefined : 0x80 + index;
      });
    case "utf16le":
      return Buffer.from(text, "utf16le");
    case "utf16":
      return Buffer.from(`\ufeff${text}`, "utf16le");
    case "utf16be":
      return Buffer.from(text, "utf16le").swap16();
    default:
      return undefined;
  }
}

function byCharacter(
  text: string,
  byteOf: (code: number, character: string) => number | undefined,
): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = byteOf(character.codePointAt(0) ?? 0, character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
