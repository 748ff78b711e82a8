// Requests and replies over a helper's stream: channels, coalesced writes, back-pressure, and one end for all when the stream ends.

import { CrunError } from "../diagnostic/diagnostic.js";
import { WireError, Writer } from "../wire/codec.js";
import { FrameDecoder } from "../wire/frames.js";
import type { Frame } from "../wire/frames.js";
import { readReply, writeRequest } from "../wire/messages.js";
import type { Greeting, Reply, Request } from "../wire/messages.js";
import { quoteNoise } from "../wire/noise.js";
import type { HelperStream } from "../connection/helper-stream.js";

/** Who waits for replies on a channel. A promise returned holds back everything that comes, until it resolves. */
export interface Listener {
  onReply(reply: Reply): void | Promise<void>;
  onLost(error: CrunError): void;
}

/** How long the last words on stderr are waited for after the stream has ended. */
const LAST_WORDS_MS = 300;
const KEPT_STDERR = 16 * 1024;
/** So many bytes are written without waiting for more. */
const FULL = 64 * 1024;
const LAST_CHANNEL = 0xffffffff;

/** Both directions of one helper. */
export class Link {
  readonly #stream: HelperStream;
  readonly #host: string;
  readonly #decoder = new FrameDecoder({ expectsMagic: true });
  readonly #listeners = new Map<number, Listener>();
  readonly #frames: Frame[] = [];
  #stderr = Buffer.alloc(0);
  #nextChannel = 1;
  #writer = new Writer();
  #hasWorked = false;
  #isFlushScheduled = false;
  #isBlocked = false;
  #drainWaiters: (() => void)[] = [];
  #isPumping = false;
  #isEnding = false;
  #isClosing = false;
  #lost: CrunError | undefined;
  #movedAt = performance.now();
  #begunAt: number | undefined;
  #framesBefore = 0;
  #greet: ((greeting: Greeting) => void) | undefined;

  /** Resolves with the helper's first message; rejects when the stream ends before. */
  readonly greeting: Promise<Greeting>;

  constructor(stream: HelperStream, host: string) {
    this.#stream = stream;
    this.#host = host;
    this.greeting = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#listeners.set(0, { onReply: () => undefined, onLost: reject });
    });
    this.greeting.catch(() => undefined); // whoever waits for it is told; nobody need wait
    stream.errors.on("data", (chunk: Uint8Array) => {
      this.#stderr = Buffer.concat([this.#stderr, chunk]).subarray(-KEPT_STDERR);
    });
    stream.errors.on("error", () => undefined); // the output's end tells it all
    stream.output.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    stream.output.resume();
    stream.errors.resume();
    stream.output.on("end", () => this.#end("the connection was lost"));
    stream.output.on("close", () => this.#end("the connection was lost"));
    stream.output.on("error", (error) => this.#end(`the connection was lost: ${error.message}`));
    stream.input.on("error", (error) => this.#end(`the connection was lost: ${error.message}`));
    stream.input.on("drain", () => this.#onDrain());
  }

  /** The error that every use gets by now, if the stream has ended. */
  get lost(): CrunError | undefined {
    return this.#lost;
  }

  /** When bytes last came or left, by the clock of `performance`, which stands still while the machine sleeps. */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** Since when a message has not come to its end, by the same clock; undefined where none was begun. */
  get begunAt(): number | undefined {
    return this.#begunAt;
  }

  /** What comes is not read for now: somebody here is slower than the helper. */
  get isHeldBack(): boolean {
    return this.#isPumping;
  }

  /** A free channel, on which `listener` gets the replies until `release`. */
  listen(listener: Listener): number {
    while (this.#listeners.has(this.#nextChannel)) this.#nextChannel = (this.#nextChannel % LAST_CHANNEL) + 1;
    const channel = this.#nextChannel;
    this.#nextChannel = (channel % LAST_CHANNEL) + 1;
    this.#listeners.set(channel, listener);
    return channel;
  }

  release(channel: number): void {
    this.#listeners.delete(channel);
  }

  /** Puts a request into the next write. Throws a CrunError when the stream has ended, a WireError for what does not fit. */
  send(request: Request): void {
    this.write((writer) => writeRequest(writer, request));
  }

  /** Lets `compose` append frames to the next write; all of them or, if it throws, none. */
  write<T>(compose: (writer: Writer) => T): T {
    if (this.#lost !== undefined) throw this.#lost;
    const start = this.#writer.length;
    try {
      return compose(this.#writer);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    } finally {
      // The other side need not wait for all that this turn brings; but whoever writes must be ready for answers first.
      if (this.#writer.length >= FULL) queueMicrotask(() => this.#flush());
      this.#scheduleFlush();
    }
  }

  /** Resolves when the other side has taken so much that more may be sent; for what is large. Rejects when the stream ends. */
  async ready(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    this.#flush();
    while (this.#isBlocked) {
      await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
      if (this.#lost !== undefined) throw this.#lost;
    }
  }

  /** From now on the helper has more to end than itself: its end is waited for. */
  noteWork(): void {
    this.#hasWorked = true;
  }

  /** Ends the helper and waits until it is gone. What is still pending is rejected. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#flush();
      this.#lose(this.#error("the session was closed"));
    }
    await this.#stream.close(!this.#hasWorked);
  }

  /** Ends everything for a reason of our own. */
  fail(error: CrunError): void {
    this.#lose(error);
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // After all that this turn of the loop resolves: many trees' requests become one write.
    setImmediate(() => {
      this.#isFlushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isBlocked || this.#writer.length === 0 || this.#lost !== undefined) return;
    const bytes = this.#writer.finish();
    this.#writer = new Writer();
    this.#isBlocked = !this.#stream.input.write(bytes);
  }

  #onDrain(): void {
    this.#movedAt = performance.now();
    this.#isBlocked = false;
    this.#flush();
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const wake of waiters) wake();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#lost !== undefined) return;
    this.#movedAt = performance.now();
    try {
      for (const frame of this.#decoder.push(chunk)) this.#frames.push(frame);
    } catch (error) {
      this.#broken(error);
      return;
    }
    this.#noteBegun(this.#decoder.frames);
    this.#pump();
  }

  /** A message that another one followed has ended, though its successor may have begun in the same bytes. */
  #noteBegun(frames: number): void {
    if (this.#decoder.isBetweenFrames) this.#begunAt = undefined;
    else if (this.#begunAt === undefined || frames !== this.#framesBefore) this.#begunAt = performance.now();
    this.#framesBefore = frames;
  }

  /** Hands out frames until a listener asks for time. */
  #pump(): void {
    if (this.#isPumping) return;
    try {
      for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
        const pause = this.#dispatch(readReply(frame));
        if (pause === undefined) continue;
        this.#isPumping = true;
        this.#stream.output.pause();
        pause.then(
          () => this.#resume(),
          (error: unknown) => this.#broken(error),
        );
        return;
      }
    } catch (error) {
      this.#broken(error);
    }
  }

  #resume(): void {
    this.#isPumping = false;
    this.#movedAt = performance.now();
    if (this.#begunAt !== undefined) this.#begunAt = this.#movedAt;
    this.#pump();
    if (!this.#isPumping) this.#stream.output.resume();
  }

  #dispatch(reply: Reply): void | Promise<void> {
    if (this.#greet !== undefined) {
      if (reply.kind !== "greeting" || reply.channel !== 0) throw new WireError(`${reply.kind} before the greeting`);
      this.#greet(reply);
      this.#greet = undefined;
      this.#listeners.delete(0);
      return undefined;
    }
    const listener = this.#listeners.get(reply.channel);
    if (listener === undefined && reply.kind === "inputTaken") return undefined; // input that crossed the end of its process
    if (listener === undefined) throw new WireError(`${reply.kind} on channel ${reply.channel}, which is not open`);
    try {
      return listener.onReply(reply);
    } catch (error) {
      // It may have let go of its channel before it found the answer wrong: the end is told to it like to all others.
      this.#listeners.set(reply.channel, listener);
      throw error;
    }
  }

  #broken(error: unknown): void {
    if (!(error instanceof Error)) throw new TypeError("something else than an error was thrown");
    const why = error instanceof WireError && this.#greet !== undefined ? "sent no greeting" : "broke the protocol";
    this.#lose(this.#error(`the helper ${why}: ${error.message}`));
  }

  /** The stream is at its end: gathers last words, then tells all. */
  #end(summary: string): void {
    if (this.#isEnding || this.#lost !== undefined) return;
    this.#isEnding = true;
    const tell = (): void => {
      clearTimeout(timer);
      this.#lose(this.#error(this.#greet === undefined ? summary : "the helper ended before it greeted"));
    };
    const timer = setTimeout(tell, LAST_WORDS_MS);
    const { errors } = this.#stream;
    if (errors.readableEnded || errors.destroyed) setImmediate(tell);
    else errors.once("end", tell).once("close", tell);
  }

  #lose(error: CrunError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#frames.length = 0;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.onLost(error);
    this.#onDrain();
    if (!this.#isClosing) void this.#stream.close();
  }

  #error(what: string): CrunError {
    const noise = [this.#stream.noise, this.#decoder.hasBegun ? new Uint8Array(0) : this.#decoder.noise, this.#stderr];
    const printed = quoteNoise(Buffer.concat(noise));
    const remedies =
      this.#greet === undefined
        ? "Run again: each file is the old or the new one, whole."
        : "Try `ssh` with the same login and a command: nothing but the command's own output may come back.";
    return new CrunError(
      {
        severity: "error",
        summary: `${this.#host} (${this.#stream.where}): ${what}`,
        detail: printed === "" ? undefined : `the host printed:\n${printed}`,
        remedy: this.#isClosing ? undefined : remedies,
      },
      4,
    );
  }
}
