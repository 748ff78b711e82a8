// Frames out of a stream that comes in pieces, and the noise that may come before them.

import type { Writer } from "./codec.js";
import { WireError } from "./codec.js";

/** What the helper's output starts with: NUL "CRUN" 01 CR LF (a terminal in between would change the end). */
export const MAGIC: Uint8Array = Buffer.from("\0CRUN\x01\r\n", "latin1");
/** Most bytes that a frame's length may say. */
export const FRAME_LIMIT = 1024 * 1024;
/** Most bytes of noise before the magic. */
export const NOISE_LIMIT = 64 * 1024;
const HEADER = 4;
const SMALLEST = 5;

/** `payload` lies in memory that is shared with other frames: what is kept of it must be copied. */
export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Cuts a stream into frames, whatever pieces it comes in. Never holds more than one frame (or the noise). */
export class FrameDecoder {
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;
  #isInNoise: boolean;
  #noise: Buffer = Buffer.alloc(0);
  #frames = 0;

  /** With `expectsMagic`, everything before the magic is noise. */
  constructor(options: { readonly expectsMagic: boolean }) {
    this.#isInNoise = options.expectsMagic;
  }

  /** What came before the magic, or came so far where there was none. */
  get noise(): Buffer {
    return this.#noise;
  }

  /** False while the magic is waited for. */
  get hasBegun(): boolean {
    return !this.#isInNoise;
  }

  /** How many frames have come. */
  get frames(): number {
    return this.#frames;
  }

  /** True where a stream may end. */
  get isBetweenFrames(): boolean {
    return this.#filled === 0;
  }

  /** The frames that `chunk` completes. Throws a WireError where the stream is broken; nothing can be read after that. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#isInNoise) {
      const rest = this.#findMagic(bytes);
      if (rest === undefined) return frames;
      bytes = rest;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#filled > 0) {
        at = this.#fill(bytes, at, frames);
        continue;
      }
      if (bytes.length - at < HEADER) break;
      const end = at + HEADER + checkedLength(bytes.readUInt32LE(at));
      if (end > bytes.length) break;
      frames.push(frameOf(bytes.subarray(at + HEADER, end)));
      at = end;
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at));
    this.#frames += frames.length;
    return frames;
  }

  /** The start of a frame: room for its header, or for all of it where its length is known. */
  #keep(start: Buffer): void {
    const size = start.length < HEADER ? HEADER : HEADER + checkedLength(start.readUInt32LE(0));
    this.#partial = Buffer.allocUnsafe(size);
    this.#filled = start.copy(this.#partial);
  }

  /** Adds to the frame that was begun; returns where in `bytes` the next one starts. */
  #fill(bytes: Buffer, at: number, frames: Frame[]): number {
    const copied = bytes.copy(this.#partial, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === HEADER && this.#partial.length === HEADER) this.#keep(this.#partial);
    else if (this.#filled === this.#partial.length) {
      frames.push(frameOf(this.#partial.subarray(HEADER)));
      this.#filled = 0;
      this.#partial = Buffer.alloc(0);
    }
    return at + copied;
  }

  #findMagic(bytes: Buffer): Buffer | undefined {
    const from = Math.max(0, this.#noise.length - MAGIC.length + 1);
    const all = Buffer.concat([this.#noise, bytes.subarray(0, NOISE_LIMIT + MAGIC.length - this.#noise.length)]);
    const start = all.indexOf(MAGIC, from);
    if (start < 0) {
      this.#noise = all.subarray(0, NOISE_LIMIT + MAGIC.length);
      if (all.length >= NOISE_LIMIT + MAGIC.length)
        throw new WireError(`no greeting in the first ${NOISE_LIMIT / 1024} KiB`);
      return undefined;
    }
    const used = start + MAGIC.length - this.#noise.length;
    this.#noise = all.subarray(0, start);
    this.#isInNoise = false;
    return bytes.subarray(used);
  }
}

function checkedLength(length: number): number {
  if (length < SMALLEST || length > FRAME_LIMIT)
    throw new WireError(`a frame of ${length} bytes (${SMALLEST} to ${FRAME_LIMIT} are allowed)`);
  return length;
}

function frameOf(bytes: Buffer): Frame {
  return { type: bytes[0] ?? 0, channel: bytes.readUInt32LE(1), payload: bytes.subarray(SMALLEST) };
}

/** Begins a frame in `writer`; returns where, for `endFrame`. */
export function beginFrame(writer: Writer, type: number, channel: number): number {
  const start = writer.length;
  writer.u32(0);
  writer.u8(type);
  writer.u32(channel);
  return start;
}

/** How long the frame that began at `start` is by now: at most FRAME_LIMIT when it ends. */
export function frameLength(writer: Writer, start: number): number {
  return writer.length - start - HEADER;
}

/** Puts the length in. Throws a WireError (and takes the frame back) where it is too large. */
export function endFrame(writer: Writer, start: number): void {
  const length = frameLength(writer, start);
  if (length > FRAME_LIMIT) {
    writer.truncate(start);
    throw new WireError(`a message of ${length} bytes, more than the ${FRAME_LIMIT} of a frame`);
  }
  writer.patchU32(length, start);
}
