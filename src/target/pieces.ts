// Content that comes in pieces before the message that names it, put together.

import { WireError } from "../wire/codec.js";

/** What one item may bring at most: a host must not fill the controller's memory. */
export const PIECES_LIMIT = 256 * 1024 * 1024;
/** What all answers to one list may bring: beyond it they are let go, since how much they are is for the tree's owner to say, and other trees share the connection. */
export const CONTENTS_LIMIT = 128 * 1024 * 1024;

/** What is left of that, for all channels that answer the list. */
export class Room {
  #left: number;
  readonly #isFreed: boolean;

  /** `bytes` are there. `isFreed`: what was taken is gone soon, and others have its room. */
  constructor(bytes: number, isFreed: boolean) {
    this.#left = bytes;
    this.#isFreed = isFreed;
  }

  /** Whether there was room for them. */
  takes(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  taken(bytes: number): void {
    if (this.#isFreed) this.#left += bytes;
  }
}

/** The pieces of one channel, by index. */
export class Pieces {
  readonly #room: Room;
  readonly #pieces = new Map<number, { length: number; isLost: boolean; readonly chunks: Buffer[] }>();

  constructor(room: Room) {
    this.#room = room;
  }

  /** Keeps a copy while there is room. Throws a WireError beyond `limit` bytes for one item. */
  add(index: number, data: Uint8Array, limit = PIECES_LIMIT): void {
    const known = this.#pieces.get(index) ?? { length: 0, isLost: false, chunks: [] };
    known.length += data.length;
    if (known.length > limit) throw new WireError(`more than ${limit} bytes of content for one item`);
    if (this.#room.takes(data.length)) known.chunks.push(Buffer.from(data));
    else {
      known.isLost = true;
      known.chunks.length = 0;
    }
    this.#pieces.set(index, known);
  }

  /** All of it, once; undefined: there was no room for it. Throws a WireError where it is not of that length. */
  take(index: number, length: number): Buffer | undefined {
    const known = this.#pieces.get(index);
    this.#pieces.delete(index);
    this.#room.taken(known?.length ?? 0);
    if ((known?.length ?? 0) !== length)
      throw new WireError(`${known?.length ?? 0} bytes of content where ${length} were told`);
    return known?.isLost === true ? undefined : Buffer.concat(known?.chunks ?? [], length);
  }
}
