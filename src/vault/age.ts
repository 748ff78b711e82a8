// age for code that cannot wait: a thread does the work, the caller blocks until it has an answer.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import type { AgeKeys, AgeReply, AgeRequest, SealTo } from "./age-messages.js";
import { Damaged } from "./format.js";

/** Several passphrases may be tried one after the other, a second or more each. */
const patienceMs = 300_000;

interface Thread {
  readonly port: MessagePort;
  readonly answered: Int32Array;
}

/** Rendering is synchronous and wants a value where it first meets it, while the library gives promises: hence the thread. */
let thread: Thread | undefined;

function started(): Thread {
  if (thread) return thread;
  const file = new URL("./age-worker.js", import.meta.url);
  // A thread that cannot start would be waited for in vain.
  if (!existsSync(file)) throw new Error(`${fileURLToPath(file)} is missing`);
  const { port1, port2 } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(file, { workerData: { port: port2, answered }, transferList: [port2], env: {} });
  worker.unref();
  port1.unref();
  thread = { port: port1, answered };
  return thread;
}

function ask(request: AgeRequest): AgeReply {
  const { port, answered } = started();
  const before = Atomics.load(answered, 0);
  port.postMessage(request);
  Atomics.wait(answered, 0, before, patienceMs);
  const received: { message: AgeReply } | undefined = receiveMessageOnPort(port);
  if (!received) throw new Error("the thread that works with age gives no answer");
  return received.message;
}

function textOf(reply: AgeReply): string {
  if (reply.kind === "text") return reply.text;
  throw new Damaged(reply.kind === "damaged" ? reply.why : "age gave no text");
}

/** The plain bytes and for how many keys they were encrypted, or which kind of key is needed. Throws Damaged for what no key can open. */
export function openAge(
  content: string | Uint8Array,
  keys: AgeKeys,
): { readonly bytes: Buffer; readonly keys: number } | { readonly needs: "passphrase" | "identity" } {
  const reply = ask({ kind: "decrypt", content, ...keys });
  if (reply.kind === "bytes") return { bytes: Buffer.from(reply.bytes), keys: reply.keys };
  if (reply.kind === "locked") return { needs: reply.needs };
  throw new Damaged(reply.kind === "damaged" ? reply.why : "age gave no bytes");
}

/** Armored text with a newline at its end. Throws Damaged for a recipient that is none. */
export function sealAge(content: Uint8Array, to: SealTo): string {
  return textOf(ask({ kind: "encrypt", content, to }));
}

/** A new identity: `AGE-SECRET-KEY-1…`. */
export function newIdentity(): string {
  return textOf(ask({ kind: "generate" }));
}

/** The recipient `age1…` of an identity. Throws Damaged where it is none. */
export function recipientOf(identity: string): string {
  return textOf(ask({ kind: "recipient", identity }));
}
