// Lists that may need several frames: each frame takes as many items as fit.

import { Writer } from "./codec.js";
import { FRAME_LIMIT, beginFrame, endFrame, frameLength } from "./frames.js";

/** A frame of a list: which items it holds. */
export interface Batch {
  readonly channel: number;
  readonly first: number;
  readonly count: number;
}

/** A list's bytes as they go into a frame, for those who send it often. */
export interface EncodedList {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** The list's bytes; undefined where it may need more than one frame. */
export function encodeList<T>(items: readonly T[], write: (writer: Writer, item: T) => void): EncodedList | undefined {
  const writer = new Writer();
  for (const item of items) write(writer, item);
  return writer.length > FRAME_LIMIT / 2 ? undefined : { count: items.length, bytes: writer.finish() };
}

/** Appends the list as one frame. */
export function writeEncoded(
  writer: Writer,
  type: number,
  channel: number,
  head: (writer: Writer) => void,
  { count, bytes }: EncodedList,
): Batch {
  const start = beginFrame(writer, type, channel);
  head(writer);
  writer.u32(count);
  writer.raw(bytes);
  endFrame(writer, start);
  return { channel, first: 0, count };
}

/**
 * Appends `items` as frames of `type`, each with `head` and a count before its items, on channels from `nextChannel`; at least one frame.
 * Throws a WireError where one item alone is larger than a frame.
 */
export function writeBatches<T>(
  writer: Writer,
  type: number,
  nextChannel: () => number,
  head: (writer: Writer) => void,
  items: readonly T[],
  write: (writer: Writer, item: T) => void,
): Batch[] {
  const batches: Batch[] = [];
  let first = 0;
  do {
    const channel = nextChannel();
    const start = beginFrame(writer, type, channel);
    head(writer);
    const countAt = writer.length;
    writer.u32(0);
    let count = 0;
    for (; first + count < items.length; count++) {
      const before = writer.length;
      const item = items[first + count];
      if (item !== undefined) write(writer, item);
      if (frameLength(writer, start) > FRAME_LIMIT && count > 0) {
        writer.truncate(before);
        break;
      }
    }
    writer.patchU32(count, countAt);
    endFrame(writer, start);
    batches.push({ channel, first, count });
    first += count;
  } while (first < items.length);
  return batches;
}
