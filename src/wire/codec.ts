// Fixed fields in bytes and out of them, within bounds: the types of native/PROTOCOL.md.

import { decodeText, encodeText, longestEncoding } from "./text.js";

/** The other side (or a caller) broke the protocol. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WireError";
  }
}

const TWO_32 = 2 ** 32;

/** By hand: a batch's answer holds hundreds of thousands of them. The bounds were checked. */
function u32At(bytes: Buffer, at: number): number {
  const high = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8);
  return ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | (high << 16)) >>> 0;
}

/** Reads fields one after the other; throws a WireError before it would read beyond the end. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#end - at) throw new WireError(`a field of ${count} bytes where ${this.#end - at} are left`);
    this.#at = at + count;
    return at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8);
  }

  u32(): number {
    return u32At(this.#bytes, this.#take(4));
  }

  /** Beyond 2^53 rounded to the nearest number. */
  u64(): number {
    const at = this.#take(8);
    return u32At(this.#bytes, at + 4) * TWO_32 + u32At(this.#bytes, at);
  }

  /** Beyond 2^53 rounded to the nearest number. */
  i64(): number {
    const at = this.#take(8);
    return (u32At(this.#bytes, at + 4) | 0) * TWO_32 + u32At(this.#bytes, at);
  }

  /** 0 or 1, nothing else. */
  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new WireError(`${value} where 0 or 1 belongs`);
    return value === 1;
  }

  /** The next `count` bytes, not copied. */
  raw(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A copy: what is kept must not keep the whole frame. */
  bytes(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** Of the frame itself: only for bytes that are used up at once. */
  view(): Buffer {
    return this.raw(this.u32());
  }

  /** Bytes as text, lossless (text.ts). */
  name(): string {
    const length = this.u32();
    const at = this.#take(length);
    return length === 0 ? "" : decodeText(this.#bytes, at, at + length);
  }

  /** Text without NUL. */
  str(): string {
    const text = this.name();
    if (text.includes("\0")) throw new WireError("a NUL in a string");
    return text;
  }

  hex(length: number): string {
    const at = this.#take(length);
    return this.#bytes.toString("hex", at, at + length);
  }

  /** Digest bytes with their length, as hex. */
  hexBytes(): string {
    return this.hex(this.u32());
  }

  /** A count of items of at least `smallest` bytes each, checked against what is left. */
  count(smallest: number): number {
    const count = this.u32();
    if (count * smallest > this.left) throw new WireError(`a list of ${count} where ${this.left} bytes are left`);
    return count;
  }

  list<T>(smallest: number, read: (reader: this) => T): T[] {
    const count = this.count(smallest);
    const items: T[] = [];
    for (let index = 0; index < count; index++) items.push(read(this));
    return items;
  }

  /** The names of an enumeration whose values count from 0. */
  oneOf<T>(names: readonly T[], what: string): T {
    const value = this.u8();
    const name = names[value];
    if (name === undefined) throw new WireError(`${what} ${value} is not known`);
    return name;
  }

  /** Bytes left over are an error. */
  end(): void {
    if (this.left !== 0) throw new WireError(`${this.left} bytes too many`);
  }
}

/** Writes fields into one growing buffer; holds any number of frames. */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  #room(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + count));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
    this.#at = at + 1;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#at = this.#bytes.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#at = this.#bytes.writeUInt32LE(value, at);
  }

  /** A whole number, not negative; above 2^64 the largest. */
  u64(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeUInt32LE(value < TWO_32 * TWO_32 ? value % TWO_32 : 0xffffffff, at);
    this.#at = this.#bytes.writeUInt32LE(Math.min(Math.floor(value / TWO_32), 0xffffffff), at + 4);
  }

  /** A whole number; beyond the range the nearest in it. */
  i64(value: number): void {
    const at = this.#room(8);
    const high = Math.floor(value / TWO_32);
    this.#bytes.writeUInt32LE(high > 0x7fffffff ? 0xffffffff : high < -0x80000000 ? 0 : value - high * TWO_32, at);
    this.#at = this.#bytes.writeInt32LE(Math.max(Math.min(high, 0x7fffffff), -0x80000000), at + 4);
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.byteLength);
    this.#bytes.set(bytes, at);
    this.#at = at + bytes.byteLength;
  }

  bytes(bytes: Uint8Array): void {
    this.u32(bytes.byteLength);
    this.raw(bytes);
  }

  /** Text as bytes, lossless (text.ts). */
  name(text: string): void {
    const at = this.#room(4 + longestEncoding(text));
    const length = encodeText(text, this.#bytes, at + 4);
    this.#bytes.writeUInt32LE(length, at);
    this.#at = at + 4 + length;
  }

  /** Text without NUL: the kernel would cut it there. */
  str(text: string): void {
    if (text.includes("\0")) throw new WireError(`${JSON.stringify(text)} holds a NUL`);
    this.name(text);
  }

  /** Exactly `length` bytes, given as hex. */
  hex(text: string, length: number): void {
    if (text.length !== length * 2 || !/^[0-9a-f]*$/.test(text))
      throw new WireError(`${JSON.stringify(text)} is no hex of ${length} bytes`);
    const at = this.#room(length);
    this.#bytes.write(text, at, "hex");
    this.#at = at + length;
  }

  hexBytes(text: string): void {
    this.u32(text.length >> 1);
    this.hex(text, text.length >> 1);
  }

  list<T>(items: readonly T[], write: (writer: this, item: T) => void): void {
    this.u32(items.length);
    for (const item of items) write(this, item);
  }

  oneOf<T>(names: readonly T[], name: T, what: string): void {
    const value = names.indexOf(name);
    if (value < 0) throw new WireError(`${what} ${String(name)} is not known`);
    this.u8(value);
  }

  /** Puts a u32 over one that was written before. */
  patchU32(value: number, position: number): void {
    this.#bytes.writeUInt32LE(value, position);
  }

  /** Forgets what was written after `position`. */
  truncate(position: number): void {
    this.#at = position;
  }

  /** What was written, not copied: the writer is done with. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}
