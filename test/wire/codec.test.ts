// Fields survive the way there and back; names keep every byte; nothing is read or allocated beyond a frame.

import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader, Writer } from "../../src/wire/codec.js";
import { readReply, readRequest } from "../../src/wire/messages.js";
import { escapeControls, quoteNoise } from "../../src/wire/noise.js";
import { decodeItems } from "../../src/wire/probes.js";
import { bytesOf, textOf } from "../../src/wire/text.js";

describe("wire: text", () => {
  it("keeps every sequence of bytes, valid or not", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(bytesOf(textOf(bytes)), Buffer.from(bytes))));
  });

  it("keeps all pairs of bytes around the borders of UTF-8", () => {
    const borders = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1];
    const all = [...borders, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xfe, 0xff];
    for (const a of all)
      for (const b of all)
        for (const c of all)
          for (const d of [0x80, 0x9f, 0xbf, 0x2f]) {
            const bytes = Buffer.from([a, b, c, d]);
            assert.deepEqual(bytesOf(textOf(bytes)), bytes);
          }
  });

  it("keeps every well-formed text as UTF-8, a replacement character too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.deepEqual(bytesOf(text), Buffer.from(text, "utf8"));
        assert.equal(textOf(Buffer.from(text, "utf8")), text);
      }),
    );
    assert.equal(textOf(Buffer.from("a\ufffdb")), "a\ufffdb");
  });

  it("escapes bytes as Python's surrogateescape does", () => {
    assert.equal(textOf(Buffer.from("61ff62eda080c328", "hex")), "a\udcffb\udced\udca0\udc80\udcc3(");
  });

  it("refuses half a surrogate pair that stands for no byte", () => {
    assert.throws(() => bytesOf("a\ud800"), RangeError);
    assert.throws(() => bytesOf("a\udc7f"), RangeError);
  });
});

describe("wire: fields", () => {
  it("numbers of every size survive", () => {
    const safe = fc.maxSafeInteger();
    const natural = fc.maxSafeNat();
    const u32 = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(safe, natural, u32, fc.integer({ min: 0, max: 0xffff }), fc.boolean(), (i64, u64, a, b, c) => {
        const writer = new Writer(1);
        writer.i64(i64);
        writer.u64(u64);
        writer.u32(a);
        writer.u16(b);
        writer.bool(c);
        const reader = new Reader(writer.finish());
        assert.deepEqual([reader.i64(), reader.u64(), reader.u32(), reader.u16(), reader.bool()], [i64, u64, a, b, c]);
        reader.end();
      }),
    );
  });

  it("numbers beyond 2^53 are rounded as BigInt rounds them, and those out of range are cut to it", () => {
    for (const [hex, signed, unsigned] of [
      ["ffffffffffffffff", -1n, 2n ** 64n - 1n],
      ["ffffffffffffff7f", 2n ** 63n - 1n, 2n ** 63n - 1n],
      ["0000000000000080", -(2n ** 63n), 2n ** 63n],
      ["010000000000f0ff", -(2n ** 52n) + 1n, 2n ** 64n - 2n ** 52n + 1n],
    ] as const) {
      assert.equal(new Reader(Buffer.from(hex, "hex")).i64(), Number(signed));
      assert.equal(new Reader(Buffer.from(hex, "hex")).u64(), Number(unsigned));
    }
    const writer = new Writer();
    writer.i64(2 ** 63);
    writer.i64(-(2 ** 63) - 5000);
    writer.u64(2 ** 64);
    assert.equal(writer.finish().toString("hex"), "ffffffffffffff7f0000000000000080ffffffffffffffff");
  });

  it("a length or count beyond what is left is refused before anything is allocated", () => {
    const huge = Buffer.from("ffffffff00", "hex");
    for (const read of [
      (reader: Reader) => reader.bytes(),
      (reader: Reader) => reader.name(),
      (reader: Reader) => reader.hexBytes(),
      (reader: Reader) => reader.view(),
      (reader: Reader) => reader.list(1, (inner) => inner.u8()),
    ]) {
      assert.throws(() => read(new Reader(huge)), { name: "WireError" });
    }
  });

  it("a NUL is refused in a string both ways, and hex must be of its length", () => {
    const writer = new Writer();
    assert.throws(() => writer.str("a\0b"), /holds a NUL/);
    assert.throws(() => writer.hex("abc", 2), { name: "WireError" });
    assert.throws(() => writer.hex("zz", 1), { name: "WireError" });
    writer.name("a\0b");
    assert.throws(() => new Reader(writer.finish()).str(), /NUL/);
  });

  it("random payloads of every type decode or are refused, quickly", () => {
    const probes = (["stat", "read", "hash", "list", "glob", "exec", "machine", "connect"] as const).map((kind) => ({
      kind,
    }));
    const attempt = (decode: () => unknown): void => {
      try {
        decode();
      } catch (error) {
        assert.ok(error instanceof Error && error.name === "WireError", String(error));
      }
    };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
        const payload = Buffer.from(bytes);
        attempt(() => readRequest({ type: type & 0x0f, channel: 1, payload }));
        attempt(() => readReply({ type: 0x80 | (type & 0x0f), channel: 1, payload }));
        attempt(() => decodeItems(payload, 0, probes, () => Buffer.alloc(0)));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("wire: noise", () => {
  it("is quoted line by line, without control of the terminal, the last lines of many", () => {
    assert.equal(
      quoteNoise(Buffer.from("Last login: today\r\n\r\n\x1b]0;x\x07hi\n")),
      "| Last login: today\n| \\x1b]0;x\\x07hi",
    );
    const many = Array.from({ length: 20 }, (_, index) => `line ${index}`).join("\n");
    assert.match(quoteNoise(Buffer.from(many), 2), /^\| \(18 lines before\)\n\| line 18\n\| line 19$/);
    assert.equal(quoteNoise(Buffer.from(" \n\n")), "");
  });

  it("escapes what would turn the direction of writing, and lone surrogates", () => {
    assert.equal(escapeControls("a\u202eb\udcffc\u061c\td"), "a\\u202eb\\xffc\\u061c\td");
  });
});
