// Frames come out whole, however the stream is cut, and a broken stream is told at once.

import assert from "node:assert/strict";
import fc from "fast-check";
import { Writer } from "../../src/wire/codec.js";
import { FRAME_LIMIT, FrameDecoder, MAGIC, NOISE_LIMIT, beginFrame, endFrame } from "../../src/wire/frames.js";
import type { Frame } from "../../src/wire/frames.js";

interface Plain {
  readonly type: number;
  readonly channel: number;
  readonly payload: string;
}

const plainFrame = fc.record(
  {
    type: fc.integer({ min: 0, max: 255 }),
    channel: fc.integer({ min: 0, max: 0xffffffff }),
    payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("hex")),
  },
  { noNullPrototype: true },
);

function encode(frames: readonly Plain[]): Buffer {
  const writer = new Writer(16);
  for (const frame of frames) {
    const start = beginFrame(writer, frame.type, frame.channel);
    writer.raw(Buffer.from(frame.payload, "hex"));
    endFrame(writer, start);
  }
  return writer.finish();
}

function plain(frame: Frame): Plain {
  return { type: frame.type, channel: frame.channel, payload: frame.payload.toString("hex") };
}

/** Pushes the bytes in pieces; each piece is wiped afterwards, as a reused buffer would be. */
function decodeIn(decoder: FrameDecoder, bytes: Buffer, sizes: readonly number[]): Plain[] {
  const frames: Plain[] = [];
  let at = 0;
  let turn = 0;
  while (at < bytes.length) {
    const piece = Buffer.from(bytes.subarray(at, at + (sizes[turn++ % sizes.length] ?? 1)));
    frames.push(...decoder.push(piece).map(plain));
    at += piece.length;
    piece.fill(0xaa);
  }
  return frames;
}

const pieceSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });

describe("wire: frames", () => {
  it("come out the same however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(plainFrame, { maxLength: 12 }), pieceSizes, (frames, sizes) => {
        const decoder = new FrameDecoder({ expectsMagic: false });
        assert.deepEqual(decodeIn(decoder, encode(frames), sizes), frames);
        assert.ok(decoder.isBetweenFrames);
      }),
    );
  });

  it("survive every single cut, with noise before the magic", () => {
    const frames = [
      { type: 0x80, channel: 0, payload: "0102" },
      { type: 0x8f, channel: 7, payload: "" },
    ];
    const noise = Buffer.from("Welcome!\r\n\0CRUN\x01\r");
    const stream = Buffer.concat([noise, MAGIC, encode(frames)]);
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const decoder = new FrameDecoder({ expectsMagic: true });
        const pieces = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
        assert.deepEqual(
          pieces.flatMap((piece) => decoder.push(piece).map(plain)),
          frames,
        );
        assert.deepEqual(decoder.noise, noise);
      }
    }
  });

  it("quote noise of any kind that does not hold the magic", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), plainFrame, pieceSizes, (noise, frame, sizes) => {
        const decoder = new FrameDecoder({ expectsMagic: true });
        const stream = Buffer.concat([noise, MAGIC, encode([frame])]);
        assert.deepEqual(decodeIn(decoder, stream, sizes), [frame]);
        assert.deepEqual(decoder.noise, Buffer.from(noise));
      }),
    );
  });

  it("take noise up to the limit and refuse an endless one without keeping it", () => {
    const most = Buffer.alloc(NOISE_LIMIT, "x");
    const decoder = new FrameDecoder({ expectsMagic: true });
    assert.deepEqual(decoder.push(Buffer.concat([most, MAGIC])), []);
    assert.ok(decoder.hasBegun);

    const endless = new FrameDecoder({ expectsMagic: true });
    assert.throws(() => {
      for (let turn = 0; turn < 100; turn++) endless.push(Buffer.alloc(1000, "y"));
    }, /no greeting in the first 64 KiB/);
    assert.ok(endless.noise.length <= NOISE_LIMIT + MAGIC.length);
  });

  it("refuse a length outside 5 … 1 MiB as soon as it is read, in one piece or byte by byte", () => {
    for (const length of [0, 4, FRAME_LIMIT + 1, 0xffffffff]) {
      const header = Buffer.alloc(4);
      header.writeUInt32LE(length);
      assert.throws(() => new FrameDecoder({ expectsMagic: false }).push(header), { name: "WireError" });
      const decoder = new FrameDecoder({ expectsMagic: false });
      assert.throws(() => decodeIn(decoder, header, [1]), { name: "WireError" });
    }
  });

  it("of the largest size go through; a larger one is refused before it is sent", () => {
    const largest = { type: 1, channel: 1, payload: "ab".repeat(FRAME_LIMIT - 5) };
    const decoder = new FrameDecoder({ expectsMagic: false });
    assert.deepEqual(decodeIn(decoder, encode([largest]), [65_536]), [largest]);
    assert.throws(() => encode([{ ...largest, payload: `${largest.payload}00` }]), /more than the 1048576 of a frame/);
  });

  it("random garbage ends in an error or in frames within the bytes that came", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), pieceSizes, (garbage, sizes) => {
        const decoder = new FrameDecoder({ expectsMagic: false });
        try {
          const frames = decodeIn(decoder, Buffer.from(garbage), sizes);
          const bytes = frames.reduce((sum, frame) => sum + 9 + frame.payload.length / 2, 0);
          assert.ok(bytes <= garbage.length);
        } catch (error) {
          assert.ok(error instanceof Error && error.name === "WireError");
        }
      }),
    );
  });

  it("a truncated frame is seen at the end of the stream", () => {
    const bytes = encode([{ type: 1, channel: 2, payload: "aabb" }]);
    for (let cut = 1; cut < bytes.length; cut++) {
      const decoder = new FrameDecoder({ expectsMagic: false });
      assert.deepEqual(decoder.push(bytes.subarray(0, cut)), []);
      assert.equal(decoder.isBetweenFrames, false);
    }
  });
});
