// Content that comes in pieces before the message that names it, put together.

import { WireError } from "../wire/codec.js";

/** What one item may bring at most: a host must not fill the controller's memory. */
export const PIECES_LIMIT = 256 * 1024 * 1024;
/** What all items of one message may bring that were not taken yet. */
const TOTAL_LIMIT = 1024 * 1024 * 1024;

/** The pieces of one channel, by index. */
export class Pieces {
  #total = 0;
  readonly #pieces = new Map<number, { length: number; readonly chunks: Buffer[] }>();

  /** Keeps a copy. Throws a WireError beyond `limit` bytes for one item. */
  add(index: number, data: Uint8Array, limit = PIECES_LIMIT): void {
    const known = this.#pieces.get(index) ?? { length: 0, chunks: [] };
    known.length += data.length;
    this.#total += data.length;
    if (known.length > limit) throw new WireError(`more than ${limit} bytes of content for one item`);
    if (this.#total > TOTAL_LIMIT) throw new WireError(`more than ${TOTAL_LIMIT} bytes of content for one message`);
    known.chunks.push(Buffer.from(data));
    this.#pieces.set(index, known);
  }

  /** All of it, once. Throws a WireError where it is not of that length. */
  take(index: number, length: number): Buffer {
    const known = this.#pieces.get(index);
    this.#pieces.delete(index);
    this.#total -= known?.length ?? 0;
    if ((known?.length ?? 0) !== length)
      throw new WireError(`${known?.length ?? 0} bytes of content where ${length} were told`);
    return Buffer.concat(known?.chunks ?? [], length);
  }
}
