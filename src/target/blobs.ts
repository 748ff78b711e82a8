// Content that is sent to a host once, by its hash, however many trees want it.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { CrunError } from "../diagnostic/diagnostic.js";
import { describeFailure } from "../module/failure-text.js";
import type { Content } from "../module/probe.js";
import type { Link } from "./link.js";
import type { ContentSource } from "./lower.js";

const CHUNK = 256 * 1024;

/** The blobs of one helper. */
export class Blobs implements ContentSource {
  readonly #link: Link;
  readonly #host: string;
  readonly #stored = new Map<string, Promise<void>>();
  #turn: Promise<void> = Promise.resolve();

  constructor(link: Link, host: string) {
    this.#link = link;
    this.#host = host;
  }

  async load(content: Content): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readVerified(content)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  ensure(content: Content): Promise<void> {
    const known = this.#stored.get(content.sha256);
    if (known !== undefined) return known;
    // One after the other: memory holds one chunk, and small requests pass in between.
    const stored = this.#turn.then(() => this.#upload(content));
    this.#turn = stored.catch(() => undefined);
    this.#stored.set(content.sha256, stored);
    stored.catch(() => this.#stored.delete(content.sha256));
    return stored;
  }

  async #upload(content: Content): Promise<void> {
    const { sha256, size } = content;
    let channel = 0;
    const stored = new Promise<void>((resolve, reject) => {
      channel = this.#link.listen({
        onReply: (reply) => {
          this.#link.release(channel);
          if (reply.kind === "blobStored" && reply.sha256 === sha256) resolve();
          else if (reply.kind === "blobStored") reject(this.#refused(content, "the host stored something else"));
          else if (reply.kind === "error") reject(this.#refused(content, describeFailure(reply.failure)));
          else reject(this.#refused(content, `answered with ${reply.kind}`));
        },
        onLost: reject,
      });
    });
    stored.catch(() => undefined); // it is awaited below, or the file's own error tells more
    const progress = { sent: 0 };
    const send = async (data: Uint8Array): Promise<void> => {
      await this.#link.ready();
      this.#link.send({ kind: "blob", channel, sha256, size, offset: progress.sent, data });
      progress.sent += data.length;
    };
    try {
      for await (const chunk of readVerified(content)) await send(chunk);
      if (size === 0) await send(new Uint8Array(0));
    } catch (error) {
      // The helper waits for all of it: what it gets instead will not have the hash, and it drops it.
      for (let left = size - progress.sent; left > 0 && this.#link.lost === undefined; left -= CHUNK) {
        await send(new Uint8Array(Math.min(CHUNK, left)));
      }
      throw error;
    }
    await stored;
  }

  #refused(content: Content, why: string): CrunError {
    const what = content.file ?? `content of ${content.size} bytes`;
    return new CrunError(
      { severity: "error", summary: `${this.#host}: cannot store ${what} on the host`, detail: why },
      2,
    );
  }
}

/** The bytes in chunks; throws before the last of them where they are no longer what was hashed. */
async function* readVerified(content: Content): AsyncGenerator<Uint8Array> {
  const { bytes, file } = content;
  if (bytes !== undefined) {
    for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
    return;
  }
  if (file === undefined) throw new TypeError("content without bytes and without a file");
  const handle = await open(file, "r").catch((error: Error) => {
    throw changed(file, error.message);
  });
  try {
    const hash = createHash("sha256");
    let left = content.size;
    while (left > 0) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, left));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0)
        throw changed(file, `it has ${left} bytes less than the ${content.size} that were read before`);
      left -= bytesRead;
      const piece = chunk.subarray(0, bytesRead);
      hash.update(piece);
      if (left === 0 && hash.digest("hex") !== content.sha256) throw changed(file, "its content is another");
      yield piece;
    }
  } finally {
    await handle.close();
  }
}

function changed(file: string, why: string): CrunError {
  return new CrunError(
    {
      severity: "error",
      summary: `${file} changed while crun was using it`,
      detail: why,
      remedy: "Leave the file alone while a run uses it, and run again.",
    },
    2,
  );
}
