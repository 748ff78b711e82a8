// Lines of a file as bytes: every byte survives an edit, whatever the encoding.

import { contentOf } from "./content.js";
import type { Content } from "./probe.js";
import { trimEndOf } from "./trim.js";

/** Text as the string of its UTF-8 bytes, one character a byte (latin1): the form in which files are edited. */
export function toByteString(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Bytes as such a string. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Lines with their newlines kept; only `\n` ends one. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/** Lines with their ends kept; `\n`, `\r\n` and a lone `\r` end one. */
export function splitUniversalLines(text: string): string[] {
  return text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g) ?? [];
}

/** A line without the newlines and carriage returns at its end. */
export function stripEnd(line: string): string {
  return trimEndOf(line, "\r\n");
}

/** What a byte string holds, as the content of a change. */
export function contentOfText(byteString: string): Content {
  return contentOf(Buffer.from(byteString, "latin1"));
}
