// A helper of the test's own: it reads requests, and answers as the test says.

import { PassThrough } from "node:stream";
import { Writer } from "../../src/wire/codec.js";
import { encodeOutcome } from "../../src/wire/changes.js";
import { FrameDecoder, MAGIC } from "../../src/wire/frames.js";
import { PROTOCOL_VERSION, readRequest, writeReply } from "../../src/wire/messages.js";
import type { Greeting, Reply, Request } from "../../src/wire/messages.js";
import { encodeItems } from "../../src/wire/probes.js";
import type { Observation } from "../../src/module/probe.js";
import type { Outcome } from "../../src/module/change.js";
import { openHostSession } from "../../src/target/host-session.js";
import type { HelperStream } from "../../src/connection/helper-stream.js";
import type { HostSession } from "../../src/target/session.js";

export const GREETING: Greeting = {
  kind: "greeting",
  channel: 0,
  protocol: PROTOCOL_VERSION,
  version: "0.1.0",
  architecture: "x86_64",
  kernel: "6.1",
  nodename: "node",
  pid: 1,
  uid: 0,
  gid: 0,
  features: 3,
  cpus: 2,
  memory: 1024,
  users: 0xffffffff,
  groups: 0xffffffff,
  lack: "",
};

/** What the helper does with a request. */
export type Behaviour = (request: Request, helper: FakeHelper) => void;

export class FakeHelper {
  readonly requests: Request[] = [];
  readonly output = new PassThrough({ highWaterMark: 1024 * 1024 });
  readonly errors = new PassThrough();
  readonly input = new PassThrough({ highWaterMark: 16 * 1024 });
  /** Chunks as they were written by the session: how many writes there were. */
  writes = 0;
  isClosed = false;
  #behaviour: Behaviour = () => undefined;
  #waiting: { readonly isMet: (requests: readonly Request[]) => boolean; readonly resolve: () => void }[] = [];

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
    const decoder = new FrameDecoder({ expectsMagic: false });
    this.input.on("data", (chunk: Buffer) => {
      this.writes++;
      for (const frame of decoder.push(chunk)) {
        const request = readRequest(frame);
        this.requests.push(request);
        this.#behaviour(request, this);
      }
      this.#waiting = this.#waiting.filter(({ isMet, resolve }) => {
        if (!isMet(this.requests)) return true;
        resolve();
        return false;
      });
    });
    this.input.on("end", () => this.output.end());
  }

  get stream(): HelperStream {
    return {
      input: this.input,
      output: this.output,
      errors: this.errors,
      noise: new Uint8Array(0),
      where: "a pipe",
      close: async () => {
        this.isClosed = true;
        if (!this.input.writableEnded) this.input.end();
        this.output.resume();
      },
    };
  }

  greet(greeting: Greeting = GREETING): void {
    this.output.write(MAGIC);
    this.reply(greeting);
  }

  reply(...replies: readonly Reply[]): void {
    const writer = new Writer();
    for (const reply of replies) writeReply(writer, reply);
    this.output.write(writer.finish());
  }

  /** Resolves when the requests so far are enough. */
  async received(isMet: (requests: readonly Request[]) => boolean): Promise<void> {
    if (isMet(this.requests)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ isMet, resolve }));
  }
}

/** A session with a helper that has greeted. */
export async function fakeSession(
  behaviour: Behaviour,
): Promise<{ readonly session: HostSession; readonly helper: FakeHelper }> {
  const helper = new FakeHelper(behaviour);
  helper.greet();
  return { session: await openHostSession("web1", helper.stream, 1000), helper };
}

/** Opens every tree, closes every tree, stores every blob; what else there is, `more` does. */
export function obliging(more: Behaviour = () => undefined): Behaviour {
  const sizes = new Map<number, number>();
  return (request, helper) => {
    const { channel } = request;
    if (request.kind === "openTree") {
      helper.reply({ kind: "opened", channel, realPath: request.path, device: 1, fileSystem: 2, isReadOnly: false });
    } else if (request.kind === "closeTree") helper.reply({ kind: "done", channel, applied: 0 });
    else if (request.kind === "blob") {
      sizes.set(channel, (sizes.get(channel) ?? 0) + request.data.length);
      if (sizes.get(channel) === request.size) helper.reply({ kind: "blobStored", channel, sha256: request.sha256 });
    } else more(request, helper);
  };
}

/** The bytes of an OBSERVED's items. */
export function items(...observations: readonly Observation[]): Buffer {
  const writer = new Writer();
  encodeItems(writer, [], observations);
  return writer.finish();
}

export function outcome(value: Outcome = {}): Buffer {
  const writer = new Writer();
  encodeOutcome(writer, value);
  return writer.finish();
}
