// Vectors to frames and back, and their JSON: bytes are {"hex": "…"}, lone surrogates stand for bytes (src/wire/text.ts).

import { decodeOutcome, encodeOutcome } from "../../src/wire/changes.js";
import { Writer } from "../../src/wire/codec.js";
import type { Frame } from "../../src/wire/frames.js";
import { readReply, readRequest, writeReply, writeRequest } from "../../src/wire/messages.js";
import type { Request } from "../../src/wire/messages.js";
import { decodeItems, encodeItems } from "../../src/wire/probes.js";
import type { Vector, VectorReply } from "./vector-messages.js";

/** The whole frame. */
export function encodeVector(vector: Vector): Buffer {
  const writer = new Writer();
  if (vector.direction === "c2h") writeRequest(writer, vector.message);
  else writeVectorReply(writer, vector.message);
  return writer.finish();
}

/** What a frame says; `vector` tells what was asked. */
export function decodeVector(frame: Frame, vector: Vector): Request | VectorReply {
  if (vector.direction === "c2h") return readRequest(frame);
  const reply = readReply(frame);
  const { message } = vector;
  if (reply.kind === "observed" && message.kind === "observed") {
    const items = decodeItems(reply.items, reply.first, message.probes, noContent);
    return { ...reply, probes: message.probes, items };
  }
  if (reply.kind === "applied" && message.kind === "applied") {
    const { kind, channel, index } = reply;
    const outcome = decodeOutcome(reply.outcome, index, message.change, noContent);
    return { kind, channel, index, change: message.change, outcome };
  }
  if (reply.kind === "observed" || reply.kind === "applied") throw new Error(`an unexpected ${reply.kind}`);
  return reply;
}

/** JSON text of the file. */
export function vectorsToJson(vectors: readonly Vector[]): string {
  const lines = vectors.map((vector) => {
    const { name, direction, message } = vector;
    return JSON.stringify({ name, direction, hex: encodeVector(vector).toString("hex"), message: toJson(message) });
  });
  return `[\n${lines.join(",\n")}\n]\n`;
}

/** With bytes as {"hex": …} and without fields that are undefined. */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map((item) => toJson(item));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.map(([key, field]) => [key, toJson(field)]));
}

function writeVectorReply(writer: Writer, message: VectorReply): void {
  const inner = new Writer();
  if (message.kind === "observed") {
    encodeItems(inner, message.probes, message.items);
    writeReply(writer, { ...message, items: inner.finish() });
  } else if (message.kind === "applied") {
    encodeOutcome(inner, message.outcome);
    writeReply(writer, { ...message, outcome: inner.finish() });
  } else writeReply(writer, message);
}

function noContent(): never {
  throw new Error("these vectors send no content apart");
}
