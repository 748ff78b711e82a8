// The contents of a plan: each once, by its digest, in compressed pieces of a line each.

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { CrunError } from "../diagnostic/diagnostic.js";
import type { Content } from "../module/probe.js";
import { base64Of, bytes } from "./exec-codec.js";
import { digest, FieldFault, fields, integer, type Take } from "./fields.js";

const PIECE = 1024 * 1024;
/** Bytes that all contents of a plan may have together: they are held in memory when it is applied. */
const MOST = 1024 * 1024 * 1024;

/** One piece of a content, as it stands in the file. */
interface Piece {
  readonly content: string;
  readonly size: number;
  readonly from: number;
  readonly deflated: Uint8Array;
}

/** Collects contents while a plan is encoded. */
export class ContentStore {
  readonly #contents = new Map<string, Content>();
  #total = 0;

  /** Takes it in; gives what stands in its place. Throws a CrunError where the plan becomes too large. */
  readonly add = (content: Content): { readonly sha256: string; readonly size: number } => {
    const { sha256, size } = content;
    if (!this.#contents.has(sha256)) {
      this.#contents.set(sha256, content);
      this.#total += size;
    }
    if (this.#total > MOST) {
      throw new CrunError({
        severity: "error",
        summary: `the plan would hold more than ${MOST / 1024 / 1024} MiB of file contents`,
        remedy: "Plan fewer targets or tasks at a time (-l, -t), or bring large files with crun play.",
      });
    }
    return { sha256, size };
  };

  /** JSON of all pieces. Throws a CrunError where a controller's file is no longer what was planned with. */
  *pieces(): Generator<unknown> {
    for (const content of this.#contents.values()) {
      let from = 0;
      for (const piece of piecesOf(content)) {
        yield {
          content: content.sha256,
          size: content.size,
          from,
          deflated: base64Of(deflateRawSync(piece, { level: 6 })),
        };
        from += piece.length;
      }
    }
  }
}

function* piecesOf({ bytes: held, file, size, sha256 }: Content): Generator<Uint8Array> {
  if (held) {
    for (let at = 0; at === 0 || at < held.length; at += PIECE) yield held.subarray(at, at + PIECE);
    return;
  }
  if (file === undefined) throw new TypeError("content without bytes and without a file");
  const descriptor = openSync(file, "r");
  const hash = createHash("sha256");
  let total = 0;
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(PIECE);
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      total += read;
      hash.update(chunk.subarray(0, read));
      yield chunk.subarray(0, read);
    }
  } finally {
    closeSync(descriptor);
  }
  if (total === size && hash.digest("hex") === sha256) return;
  throw new CrunError({
    severity: "error",
    summary: `${file} changed while crun was planning with it`,
    remedy: "Leave the file alone while a plan is made, and plan again.",
  });
}

export const takePiece: Take<Piece> = fields((all) => ({
  content: all.get("content", digest),
  size: all.get("size", integer),
  from: all.get("from", integer),
  deflated: all.get("deflated", bytes),
}));

/** Puts contents together from their pieces. */
export class ContentReader {
  readonly #known = new Map<string, Content>();
  #open: { readonly sha256: string; readonly size: number; readonly pieces: Uint8Array[]; length: number } | undefined;

  add({ content, size, from, deflated }: Piece): void {
    const open = this.#open ?? { sha256: content, size, pieces: [], length: 0 };
    if (open.sha256 !== content || open.size !== size || open.length !== from || this.#known.has(content))
      throw new FieldFault("", "is no piece of the content before it");
    let piece: Uint8Array;
    try {
      piece = inflateRawSync(deflated, { maxOutputLength: PIECE });
    } catch {
      throw new FieldFault("deflated", "cannot be decompressed");
    }
    open.pieces.push(piece);
    open.length += piece.length;
    this.#open = open.length < size ? open : undefined;
    if (this.#open) return;
    const all = Buffer.concat(open.pieces);
    if (all.length !== size || createHash("sha256").update(all).digest("hex") !== content)
      throw new FieldFault("content", "is not what its sha256 says");
    this.#known.set(content, { sha256: content, size, bytes: all });
  }

  readonly find = (sha256: string): Content | undefined => this.#known.get(sha256);

  /** All contents are whole. */
  end(): void {
    if (this.#open) throw new FieldFault("content", "lacks its last piece");
  }
}
