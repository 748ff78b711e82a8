// The answers to lists of probes and of changes, gathered as they come.

import type { CrunError } from "../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../module/change.js";
import type { Observation } from "../module/probe.js";
import type { Batch } from "../wire/batches.js";
import { decodeOutcome, type Hold } from "../wire/changes.js";
import { WireError } from "../wire/codec.js";
import type { Reply } from "../wire/messages.js";
import { DEFAULT_READ_LIMIT, decodeItems } from "../wire/probes.js";
import type { WireProbe } from "../wire/probes.js";
import type { Link, Listener } from "./link.js";
import { CONTENTS_LIMIT, PIECES_LIMIT, Pieces, Room } from "./pieces.js";
import type { ApplyOptions } from "./session.js";

export type ErrorReply = Extract<Reply, { kind: "error" }>;

interface OpenBatch {
  readonly batch: Batch;
  readonly pieces: Pieces;
  /** Outcomes that came for it. */
  answered: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** What the helper keeps of a program's output where nothing else is asked for. */
export const OUTPUT_LIMIT = MIB;
/** What a list holds at most, by the helper's own limit, and its last entry. */
const LIST_LIMIT = 72 * MIB;

/** What may come before an item: no more than was asked for, whatever the host has to say. */
function contentLimit(probe: WireProbe | undefined): number {
  switch (probe?.kind) {
    case "read":
      return (probe.limit ?? DEFAULT_READ_LIMIT) + 64 * KIB;
    case "list":
      return LIST_LIMIT;
    case "glob":
      return PIECES_LIMIT;
    case "exec":
      return outputLimit(probe.exec.outputLimit);
    default:
      return MIB;
  }
}

/** For the answers to probes: the largest that was asked for has its place in any case. */
function roomFor(probes: readonly WireProbe[]): Room {
  const largest = probes.reduce((most, probe) => Math.max(most, probe.kind === "glob" ? 0 : contentLimit(probe)), 0);
  return new Room(Math.max(CONTENTS_LIMIT, largest), false);
}

/** Both streams, and the rest of the result. */
function outputLimit(limit: number | undefined): number {
  return 2 * (limit === undefined || limit === 0 ? OUTPUT_LIMIT : limit) + 64 * KIB;
}

/** An index of its own message. Throws a WireError beyond what was asked. */
function checkIndex(index: number, batch: Batch): void {
  if (index >= batch.count) throw new WireError(`something of item ${index} where ${batch.count} were asked for`);
}

/** The requests of a list that are not answered to their end yet, by channel. */
class OpenBatches {
  readonly #link: Link;
  readonly #open: Map<number, OpenBatch>;

  constructor(link: Link, batches: readonly Batch[], room: Room) {
    this.#link = link;
    this.#open = new Map(batches.map((batch) => [batch.channel, { batch, pieces: new Pieces(room), answered: 0 }]));
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
    this.#open = new OpenBatches(link, batches, roomFor(probes));
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // the caller gets it a turn later
  }

  onReply(reply: Reply): void {
    const { batch, pieces } = this.#open.of(reply);
    if (reply.kind === "content") {
      checkIndex(reply.index, batch);
      return pieces.add(reply.index, reply.data, contentLimit(this.#probes[batch.first + reply.index]));
    }
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

  #finish(): void {
    for (let index = 0; index < this.#probes.length; index++) {
      if (this.#observations[index] === undefined) throw new WireError(`no item for probe ${index}`);
    }
    this.#resolve(this.#observations);
  }
}

/** Outcomes as they come, from one or more APPLY of a batch. */
export class ApplyRun implements Listener {
  readonly #changes: readonly (Change | Hold)[];
  readonly #options: ApplyOptions;
  readonly #open: OpenBatches;
  readonly #mapError: (reply: ErrorReply) => Promise<CrunError>;
  readonly #outcomes: Outcome[] = [];
  #failure: Promise<CrunError> | undefined;
  /** A change failed: what follows brings no outcome. */
  #hasFailed = false;
  #resolve: (outcomes: Outcome[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly done: Promise<Outcome[]>;

  constructor(
    link: Link,
    batches: readonly Batch[],
    changes: readonly (Change | Hold)[],
    options: ApplyOptions,
    mapError: (reply: ErrorReply) => Promise<CrunError>,
  ) {
    this.#changes = changes;
    this.#options = options;
    this.#mapError = mapError;
    this.#open = new OpenBatches(link, batches, new Room(PIECES_LIMIT, true));
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => undefined); // the caller gets it a turn later
  }

  onReply(reply: Reply): void {
    const open = this.#open.of(reply);
    const { batch, pieces } = open;
    switch (reply.kind) {
      case "content":
        checkIndex(reply.index, batch);
        return pieces.add(reply.index, reply.data, this.#limitOf(batch.first + reply.index));
      case "output":
        checkIndex(reply.index, batch);
        return this.#options.onOutput?.(batch.first + reply.index, reply.stream, Buffer.from(reply.data));
      case "applied":
        return this.#applied(open, reply.index, reply.outcome);
      case "error":
        this.#failure ??= this.#mapError(reply);
        return this.#end(reply.channel);
      case "done":
        this.#checkDone(open, reply.applied);
        return this.#end(reply.channel);
      default:
        throw new WireError(`${reply.kind} in answer to changes`);
    }
  }

  onLost(error: CrunError): void {
    this.#reject(error);
  }

  #limitOf(index: number): number {
    const change = this.#changes[index];
    return change?.kind === "exec" ? outputLimit(change.exec.outputLimit) : MIB;
  }

  /** Whoever says that it is done has an outcome for every change, up to one that failed; more is not believed. */
  #checkDone({ batch, answered }: OpenBatch, applied: number): void {
    if (applied !== answered && applied !== answered - 1)
      throw new WireError(`${applied} changes are done, and ${answered} were answered for`);
    if (applied < answered) this.#hasFailed = true;
    if (answered < batch.count && !this.#hasFailed && this.#options.signal?.aborted !== true && !this.#failure)
      throw new WireError(`only ${answered} of ${batch.count} changes were answered for`);
  }

  #applied(open: OpenBatch, index: number, encoded: Buffer): void {
    const { batch, pieces } = open;
    const overall = batch.first + index;
    const change = this.#changes[overall];
    if (change === undefined || index >= batch.count) throw new WireError(`an outcome of change ${overall}`);
    if (overall !== this.#outcomes.length) throw new WireError(`the outcome of change ${overall} out of order`);
    const outcome = decodeOutcome(encoded, index, change.kind, (at, length) => pieces.take(at, length));
    open.answered++;
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
