// Content by value: bytes with their digest, and the paragraphs of a text.

import { createHash } from "node:crypto";
import type { Content } from "./probe.js";

/** Content by text: a play's texts are the same for most targets. */
const known = new Map<string, Content>();
const knownLimit = 512;
const knownLength = 65536;

/** Bytes (or text as UTF-8) with size and sha256. */
export function contentOf(data: string | Uint8Array): Content {
  if (typeof data !== "string" || data.length > knownLength) return makeContent(data);
  let content = known.get(data);
  if (!content) {
    content = makeContent(data);
    if (known.size >= knownLimit) known.clear();
    known.set(data, content);
  }
  return content;
}

function makeContent(data: string | Uint8Array): Content {
  const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, bytes };
}

/** Hex digest by OpenSSL's name of the algorithm. */
export function digestOf(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** Paragraphs of a text, without the blank lines between them. */
export function paragraphsOf(text: string): string[] {
  return text.split(/\n(?:[ \t]*\n)+/).flatMap((one) => (one.trim() === "" ? [] : [one.replace(/^\n+|\n+$/g, "")]));
}

/** Only the paragraphs that hold one of the needles, as the helper selects them (latin1, so that any bytes survive). */
export function selectParagraphs(bytes: Uint8Array, needles: readonly string[]): Uint8Array {
  const wanted = needles.map((needle) => Buffer.from(needle, "utf8").toString("latin1"));
  const chosen = paragraphsOf(Buffer.from(bytes).toString("latin1")).filter((paragraph) =>
    wanted.some((needle) => `\n${paragraph}\n`.includes(needle)),
  );
  return Buffer.from(chosen.map((paragraph) => `${paragraph}\n`).join("\n"), "latin1");
}
