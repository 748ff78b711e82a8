// The answers to lists of probes and of changes, gathered as they come.

import type { CrunError } from "../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../module/change.js";
import type { Observation } from "../module/probe.js";
import type { Batch } from "../wire/batches.js";
import { decodeOutcome } from "../wire/changes.js";
import { WireError } from "../wire/codec.js";
import type { Reply } from "../wire/messages.js";
import { decodeItems } from "../wire/probes.js";
import type { WireProbe } from "../wire/probes.js";
import type { Link, Listener } from "./link.js";
import { Pieces } from "./pieces.js";
import type { ApplyOptions } from "./session.js";

export type ErrorReply = Extract<Reply, { kind: "error" }>;

interface OpenBatch {
  readonly batch: Batch;
  readonly pieces: Pieces;
}

/** The requests of a list that are not answered to their end yet, by channel. */
class OpenBatches {
  readonly #link: Link;
  readonly #open: Map<number, OpenBatch>;

  constructor(link: Link, batches: readonly Batch[]) {
    this.#link = link;
    this.#open = new Map(batches.map((batch) => [batch.channel, { batch, pieces: new Pieces() }]));
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** The one that is answered. Throws a WireError for an answer after the last. */
  of(reply: Reply): OpenBatch {
    const open = this.#open.get(reply.channel);
    if (open === undefined) throw new WireError(`${reply.kind} on a channel that has ended`);
    return open;
  }

  end(channel: number): void {
    this.#open.delete(channel);
    this.#link.release(channel);
  }
}

/** Observations as they come, from one or more OBSERVE. */
export class ObserveRun implements Listener {
  readonly #probes: readonly WireProbe[];
  readonly #open: OpenBatches;
  readonly #mapError: (reply: ErrorReply) => Promise<CrunError>;
  readonly #observations: Observation[] = [];
  #resolve: (observations: Observation[]) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  readonly done: Promise<Observation[]>;

  constructor(
    link: Link,
    batches: readonly Batch[],
    probes: readonly WireProbe[],
    mapError: (reply: ErrorReply) => Promise<CrunError>,
  ) {
    this.#probes = probes;
    this.#mapError = mapError;
    this.#open = new OpenBatches(link, batches);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // the caller gets it a turn later
  }

  onReply(reply: Reply): void {
    const { batch, pieces } = this.#open.of(reply);
    if (reply.kind === "content") return pieces.add(reply.index, reply.data, this.#limitOf(batch.first + reply.index));
    if (reply.kind === "error") {
      this.#open.end(reply.channel);
      void this.#mapError(reply).then((error) => this.#reject(error));
      return;
    }
    if (reply.kind === "output") return;
    if (reply.kind !== "observed") throw new WireError(`${reply.kind} in answer to probes`);
    const probes = batch.count === this.#probes.length ? this.#probes : this.#slice(batch);
    const items = decodeItems(reply.items, reply.first, probes, (index, length) => pieces.take(index, length));
    for (const [index, item] of items.entries()) this.#observations[batch.first + reply.first + index] = item;
    if (reply.isLast) this.#open.end(reply.channel);
    if (this.#open.isEmpty) this.#finish();
  }

  onLost(error: CrunError): void {
    this.#reject(error);
  }

  #slice(batch: Batch): readonly WireProbe[] {
    return this.#probes.slice(batch.first, batch.first + batch.count);
  }

  /** A file's content is bounded by what was asked for, and comes with nothing else. */
  #limitOf(index: number): number | undefined {
    const probe = this.#probes[index];
    return probe?.kind === "read" && probe.limit !== undefined ? probe.limit + 64 * 1024 : undefined;
  }

  #finish(): void {
    for (let index = 0; index < this.#probes.length; index++) {
      if (this.#observations[index] === undefined) throw new WireError(`no item for probe ${index}`);
    }
    this.#resolve(this.#observations);
  }
}

/** Outcomes as they come, from one or more APPLY of a batch. */
export class ApplyRun implements Listener {
  readonly #changes: readonly Change[];
  readonly #options: ApplyOptions;
  readonly #open: OpenBatches;
  readonly #mapError: (reply: ErrorReply) => Promise<CrunError>;
  readonly #outcomes: Outcome[] = [];
  #failure: Promise<CrunError> | undefined;
  #resolve: (outcomes: Outcome[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly done: Promise<Outcome[]>;

  constructor(
    link: Link,
    batches: readonly Batch[],
    changes: readonly Change[],
    options: ApplyOptions,
    mapError: (reply: ErrorReply) => Promise<CrunError>,
  ) {
    this.#changes = changes;
    this.#options = options;
    this.#mapError = mapError;
    this.#open = new OpenBatches(link, batches);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // the caller gets it a turn later
  }

  onReply(reply: Reply): void {
    const { batch, pieces } = this.#open.of(reply);
    switch (reply.kind) {
      case "content":
        return pieces.add(reply.index, reply.data);
      case "output":
        return this.#options.onOutput?.(batch.first + reply.index, reply.stream, Buffer.from(reply.data));
      case "applied":
        return this.#applied(batch, pieces, reply.index, reply.outcome);
      case "error":
        this.#failure ??= this.#mapError(reply);
        return this.#end(reply.channel);
      case "done":
        return this.#end(reply.channel);
      default:
        throw new WireError(`${reply.kind} in answer to changes`);
    }
  }

  onLost(error: CrunError): void {
    this.#reject(error);
  }

  #applied(batch: Batch, pieces: Pieces, index: number, encoded: Buffer): void {
    const overall = batch.first + index;
    const change = this.#changes[overall];
    if (change === undefined || index >= batch.count) throw new WireError(`an outcome of change ${overall}`);
    if (overall !== this.#outcomes.length) throw new WireError(`the outcome of change ${overall} out of order`);
    const outcome = decodeOutcome(encoded, index, change.kind, (at, length) => pieces.take(at, length));
    this.#outcomes.push(outcome);
    this.#options.onOutcome?.(overall, outcome);
  }

  #end(channel: number): void {
    this.#open.end(channel);
    if (!this.#open.isEmpty) return;
    if (this.#failure === undefined) this.#resolve(this.#outcomes);
    else void this.#failure.then((error) => this.#reject(error));
  }
}
