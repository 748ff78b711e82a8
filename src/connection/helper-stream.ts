// What a connection hands over: the two directions of a helper that runs, and how to end it.

import type { Readable, Writable } from "node:stream";

/** A helper whose output starts with the greeting's magic (noise may come before it). */
export interface HelperStream {
  readonly input: Writable;
  readonly output: Readable;
  /** The helper's stderr, and that of what started it. */
  readonly errors: Readable;
  /** What was printed before the helper was there, to be quoted. */
  readonly noise: Uint8Array;
  /** How the host is reached, for messages: `root@10.0.0.1:22`, or `this machine`. */
  readonly where: string;
  /**
   * Ends the input and waits until the helper and the connection are gone; kills what does not go. Never rejects. `isIdle`: the helper has only looked,
   * so nothing of the run can be left there, and over a network its end is not waited for.
   */
  close(isIdle?: boolean): Promise<void>;
}
