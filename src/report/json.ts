// One JSON object a line for each event; the recap last.

import { cleanJson } from "./clean.js";
import type { EngineEvent, EventSink } from "../engine/events.js";

/** Writes events as JSON lines. Bytes of live output become text. */
export function jsonReport(write: (text: string) => void): EventSink {
  return (event) => write(`${cleanJson(JSON.stringify(plain(event), replaceOdd))}\n`);
}

function plain(event: EngineEvent): unknown {
  if (event.event === "output") return { ...event, data: Buffer.from(event.data).toString("utf8") };
  if (event.event === "item") return { ...event.of, event: "item" };
  return event;
}

/** What JSON has no word for. */
function replaceOdd(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return value;
}
