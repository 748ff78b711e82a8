// The golden vectors hold: what is committed is what both sides speak.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Writer } from "../../src/wire/codec.js";
import { FrameDecoder, MAGIC } from "../../src/wire/frames.js";
import {
  PROTOCOL_VERSION,
  REPLY_TYPES,
  REQUEST_TYPES,
  readReply,
  writeReply,
  writeRequest,
} from "../../src/wire/messages.js";
import { decodeVector, toJson, vectorsToJson } from "./vector-codec.js";
import { VECTORS } from "./vector-messages.js";

const FILE = new URL("../../../test/wire/vectors.json", import.meta.url);

interface Golden {
  readonly name: string;
  readonly hex: string;
  readonly message: unknown;
}

describe("wire: golden vectors", () => {
  const golden = JSON.parse(readFileSync(FILE, "utf8")) as readonly Golden[];

  it("are what the messages encode to, so that a change of the protocol shows in the diff", () => {
    assert.equal(readFileSync(FILE, "utf8"), vectorsToJson(VECTORS));
  });

  it("decode to their messages", () => {
    assert.equal(golden.length, VECTORS.length);
    VECTORS.forEach((vector, index) => {
      const [frame, ...more] = new FrameDecoder({ expectsMagic: false }).push(
        Buffer.from(golden[index]?.hex ?? "", "hex"),
      );
      assert.ok(frame !== undefined && more.length === 0, vector.name);
      assert.deepEqual(toJson(decodeVector(frame, vector)), golden[index]?.message, vector.name);
    });
  });

  it("cover every type of message", () => {
    const seen = new Set(golden.map(({ hex }) => Number.parseInt(hex.slice(8, 10), 16)));
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [...Object.values(REQUEST_TYPES), ...Object.values(REPLY_TYPES)],
    );
  });

  it("agree with frames counted out by hand from PROTOCOL.md", () => {
    const writer = new Writer();
    writeRequest(writer, { kind: "resize", channel: 0x0a0b0c0d, rows: 0x0102, columns: 0x0304 });
    writeRequest(writer, {
      kind: "apply",
      channel: 1,
      tree: 2,
      batch: 3,
      changes: [
        { kind: "setAttributes", path: "/a", at: "host", expect: { mode: 0o644 }, uid: 5, mtime: "now", setFlags: 6 },
      ],
    });
    writeReply(writer, { kind: "output", channel: 9, index: 1, stream: "stderr", data: Buffer.from("x") });
    assert.equal(
      writer.finish().toString("hex"),
      [
        ["09000000", "07", "0d0c0b0a", "0201", "0403"],
        ["31000000", "04", "01000000", "02000000", "03000000", "01000000"],
        ["06", "01", "02000000", "2f61", "08", "a401"],
        ["00", "ffff", "05000000", "ffffffff", "00", "01", "06000000", "00000000"],
        ["0f000000", "86", "09000000", "01000000", "02", "01000000", "78"],
      ]
        .flat()
        .join(""),
    );
    assert.equal(Buffer.from(MAGIC).toString("hex"), "004352554e010d0a");
  });

  it("a frame cut anywhere is a WireError or another message, never a crash", () => {
    for (const vector of VECTORS) {
      const whole = Buffer.from(golden.find((one) => one.name === vector.name)?.hex ?? "", "hex");
      for (let cut = 9; cut < whole.length; cut++) {
        const frame = { type: whole[4] ?? 0, channel: 1, payload: whole.subarray(9, cut) };
        assert.throws(() => decodeVector(frame, vector), { name: "WireError" }, `${vector.name} cut at ${cut}`);
      }
      const longer = { type: whole[4] ?? 0, channel: 1, payload: Buffer.concat([whole.subarray(9), Buffer.from([0])]) };
      assert.throws(() => decodeVector(longer, vector), { name: "WireError" }, `${vector.name} with a byte too many`);
    }
  });

  it("a greeting of another version is read as far as its version, to say so", () => {
    const writer = new Writer();
    writer.u16(PROTOCOL_VERSION + 1);
    writer.str("9.0.0");
    writer.u64(1234);
    const reply = readReply({ type: REPLY_TYPES.greeting, channel: 0, payload: writer.finish() });
    assert.ok(reply.kind === "greeting");
    assert.deepEqual([reply.protocol, reply.version], [PROTOCOL_VERSION + 1, "9.0.0"]);
  });
});
