// A connection that breaks at a frame's boundary: counts frames both ways, and cuts, stalls or ends the controller right before one.
import { PassThrough, Writable } from "node:stream";
import type { HelperStream } from "../../../src/connection/helper-stream.js";
import { MAGIC } from "../../../src/wire/frames.js";

/** Up: from the controller to the helper. */
export type Direction = "up" | "down";

/**
 * `cut`: nothing more passes either way, and both sides see the end. `half`: likewise, after one half of the frame. `stall`: nothing more passes, and nobody is
 * told. `server`: what serves the connection on the host gets SIGKILL. `kill`: the controller's process does.
 */
export type Break = "cut" | "half" | "stall" | "server" | "kill";

export interface BrokenFrame {
  readonly direction: Direction;
  /** From 1: right before this one. */
  readonly number: number;
  readonly how: Break;
}

/** How many frames went by. */
export type FrameCounts = Record<Direction, number>;

/** Cuts a stream into frames, whole ones alone. The greeting's magic goes along with the first. */
class Splitter {
  #held = Buffer.alloc(0);
  #skips: number;

  constructor(direction: Direction) {
    this.#skips = direction === "down" ? MAGIC.length : 0;
  }

  *push(chunk: Uint8Array): Generator<Buffer> {
    this.#held = Buffer.concat([this.#held, chunk]);
    for (;;) {
      const start = this.#skips;
      if (this.#held.length < start + 4) return;
      const end = start + 4 + this.#held.readUInt32LE(start);
      if (this.#held.length < end) return;
      const frame = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(end);
      this.#skips = 0;
      yield frame;
    }
  }
}

/**
 * The stream with a break in it; undefined: none, frames are only counted into `counts`. `breakNetwork`: what breaks is the network beneath, which both sides
 * notice in their own way.
 */
export function breaking(
  helper: HelperStream,
  broken: BrokenFrame | undefined,
  counts: FrameCounts,
  breakNetwork?: (how: Break) => void,
): HelperStream {
  const output = new PassThrough();
  const errors = new PassThrough();
  let isBroken = false;
  const cut = (): void => {
    isBroken = true;
    helper.input.end();
    output.end();
    errors.end();
  };
  /** Whether the frame may pass. */
  const pass = (direction: Direction, frame: Buffer, send: (bytes: Buffer) => void): boolean => {
    if (isBroken) return false;
    counts[direction]++;
    if (broken?.direction !== direction || broken.number !== counts[direction]) return true;
    if (broken.how === "kill") process.kill(process.pid, "SIGKILL");
    if (broken.how === "half") send(frame.subarray(0, Math.floor(frame.length / 2)));
    if (broken.how === "stall") isBroken = true;
    else if (!breakNetwork) cut();
    if (breakNetwork) {
      isBroken = true;
      // Half a frame is on its way.
      setTimeout(() => breakNetwork(broken.how), broken.how === "half" ? 20 : 0);
    }
    return false;
  };
  const up = new Splitter("up");
  const down = new Splitter("down");
  const toHelper = (bytes: Buffer): boolean => helper.input.write(bytes);
  const toController = (bytes: Buffer): boolean => output.write(bytes);
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      for (const frame of up.push(chunk)) if (pass("up", frame, toHelper)) toHelper(frame);
      done();
    },
  });
  helper.output.on("data", (chunk: Buffer) => {
    for (const frame of down.push(chunk)) if (pass("down", frame, toController)) toController(frame);
  });
  const end = (): void => void output.end();
  // What breaks beneath is seen by the end of it.
  helper.output.on("end", () => (isBroken && !breakNetwork) || end());
  helper.output.on("close", () => (isBroken && !breakNetwork) || end());
  helper.output.on("error", end);
  helper.input.on("error", () => undefined);
  helper.errors.on("data", (chunk: Buffer) => isBroken || errors.write(chunk));
  helper.errors.on("end", () => errors.end());
  // What brought it up has paused them.
  helper.output.resume();
  helper.errors.resume();
  return { ...helper, input, output, errors };
}
