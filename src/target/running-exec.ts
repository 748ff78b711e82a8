// A program that runs in a tree with live streams.

import type { CrunError } from "../diagnostic/diagnostic.js";
import type { Exit } from "../module/probe.js";
import { WireError } from "../wire/codec.js";
import type { Reply } from "../wire/messages.js";
import type { ErrorReply } from "./answers.js";
import type { Link, Listener } from "./link.js";
import type { OutputTaker, RunningExec } from "./session.js";

/** Input on its way to the process at most; PROTOCOL.md. */
const INPUT_WINDOW = 256 * 1024;
const INPUT_CHUNK = 64 * 1024;
/** Output that came before somebody was there to take it: no more than a few reads bring. */
const EARLY_LIMIT = 16 * 1024 * 1024;
/** What of the helper's last chunk may lie beyond a limit. */
const SLACK = 64 * 1024;

/** The exec of one channel, from the request to EXITED. */
export class Execution implements RunningExec, Listener {
  readonly #link: Link;
  readonly #channel: number;
  readonly #mapError: (reply: ErrorReply) => Promise<CrunError | undefined>;
  readonly #early: { stream: "stdout" | "stderr"; data: Uint8Array }[] = [];
  readonly #outputLimit: number;
  readonly #taken = { stdout: 0, stderr: 0 };
  #earlyBytes = 0;
  #taker: OutputTaker | undefined;
  #pid = 0;
  #livesOn = false;
  #isEnded = false;
  #unacknowledged = 0;
  #wakeWriter: (() => void) | undefined;
  #writes: Promise<void> = Promise.resolve();
  #resolveStarted: () => void = () => undefined;
  #rejectStarted: (error: Error) => void = () => undefined;
  #resolveExited: (exit: Exit) => void = () => undefined;
  #rejectExited: (error: Error) => void = () => undefined;

  /** Resolves when the process runs, or ended before it could. */
  readonly started: Promise<void>;
  readonly exited: Promise<Exit>;

  /**
   * `mapError` makes an error of what the helper answers instead of starting it; undefined where only the program is at fault. `outputLimit`: bytes of a
   * stream after which the helper sends no more, for what nobody looks at as it comes.
   */
  constructor(
    link: Link,
    mapError: (reply: ErrorReply) => Promise<CrunError | undefined>,
    outputLimit = Number.POSITIVE_INFINITY,
  ) {
    this.#link = link;
    this.#outputLimit = outputLimit;
    this.#mapError = mapError;
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve;
      this.#rejectStarted = reject;
    });
    this.exited = new Promise((resolve, reject) => {
      this.#resolveExited = resolve;
      this.#rejectExited = reject;
    });
    this.started.catch(() => undefined); // whoever waits is told; nobody need wait for both
    this.exited.catch(() => undefined);
    this.#channel = link.listen(this);
  }

  get channel(): number {
    return this.#channel;
  }

  get pid(): number {
    return this.#pid;
  }

  get livesOn(): boolean {
    return this.#livesOn;
  }

  onReply(reply: Reply): void | Promise<void> {
    switch (reply.kind) {
      case "started":
        this.#pid = reply.pid;
        this.#livesOn = reply.livesOn;
        this.#resolveStarted();
        return undefined;
      case "output":
        return this.#take(reply.stream, Buffer.from(reply.data));
      case "inputTaken":
        if (reply.count > this.#unacknowledged)
          throw new WireError(`${reply.count} bytes of input were taken, more than were sent`);
        this.#unacknowledged -= reply.count;
        this.#wakeWriter?.();
        return undefined;
      case "exited":
        this.#end();
        this.#resolveStarted();
        this.#resolveExited(reply.exit);
        return undefined;
      case "error":
        this.#end();
        void this.#notRun(reply);
        return undefined;
      default:
        throw new WireError(`${reply.kind} in answer to an exec`);
    }
  }

  onLost(error: CrunError): void {
    this.#isEnded = true;
    this.#wakeWriter?.();
    this.#reject(error);
  }

  onOutput(taker: OutputTaker): void {
    this.#taker = taker;
    this.#earlyBytes = 0;
    for (const { stream, data } of this.#early.splice(0)) void taker(stream, data);
  }

  write(data: Uint8Array): Promise<void> {
    const written = this.#writes.then(() => this.#send(data));
    this.#writes = written.catch(() => undefined);
    return written;
  }

  endInput(): void {
    const end = async (): Promise<void> => {
      await this.#writes;
      if (!this.#isEnded) this.#link.send({ kind: "input", channel: this.#channel, data: new Uint8Array(0) });
    };
    this.#writes = end().catch(() => undefined); // the connection's end is told by `exited`
  }

  resize(rows: number, columns: number): void {
    if (!this.#isEnded) this.#link.send({ kind: "resize", channel: this.#channel, rows, columns });
  }

  signal(number: number): void {
    if (!this.#isEnded) this.#link.send({ kind: "signal", channel: this.#channel, signal: number });
  }

  cancel(): void {
    if (!this.#isEnded) this.#link.send({ kind: "cancel", channel: this.#channel });
  }

  /** Input after the process's end goes nowhere, as into a pipe that nobody reads. */
  async #send(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += INPUT_CHUNK) {
      const chunk = data.subarray(at, at + INPUT_CHUNK);
      while (!this.#isEnded && this.#unacknowledged + chunk.length > INPUT_WINDOW) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
      }
      if (this.#isEnded) return;
      await this.#link.ready().catch((error: unknown) => {
        if (!this.#isEnded) throw error; // the connection's end is told by `exited`
      });
      if (this.#isEnded) return;
      this.#unacknowledged += chunk.length;
      this.#link.send({ kind: "input", channel: this.#channel, data: chunk });
    }
  }

  #take(stream: "stdout" | "stderr", data: Uint8Array): void | Promise<void> {
    this.#taken[stream] += data.length;
    if (this.#taken[stream] > this.#outputLimit + SLACK)
      throw new WireError(`more than ${this.#outputLimit} bytes of output where no more was asked for`);
    if (this.#taker !== undefined) return this.#taker(stream, data);
    this.#earlyBytes += data.length;
    if (this.#earlyBytes > EARLY_LIMIT)
      throw new WireError(`more than ${EARLY_LIMIT} bytes of output that nobody takes`);
    this.#early.push({ stream, data });
    return undefined;
  }

  /** A program that is not there, or a user, is an end like others; a tree that cannot be worked in is not. */
  async #notRun(reply: ErrorReply): Promise<void> {
    const { failure } = reply;
    const error = await this.#mapError(reply);
    if (error !== undefined) return this.#reject(error);
    this.#resolveStarted();
    this.#resolveExited({ kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 });
  }

  #end(): void {
    this.#isEnded = true;
    this.#link.release(this.#channel);
    this.#wakeWriter?.();
  }

  #reject(error: Error): void {
    this.#rejectStarted(error);
    this.#rejectExited(error);
  }
}
