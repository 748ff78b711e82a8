// One tree of a host: its probes, changes and execs, in the order in which they are asked for.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../module/change.js";
import { describeFailure } from "../module/failure-text.js";
import type { ExecSpec, Failure, Observation, Probe } from "../module/probe.js";
import { encodeList, writeBatches, writeEncoded } from "../wire/batches.js";
import type { Batch, EncodedList } from "../wire/batches.js";
import { writeChange } from "../wire/changes.js";
import type { Hold, WireChange } from "../wire/changes.js";
import { WireError } from "../wire/codec.js";
import type { Writer } from "../wire/codec.js";
import { REQUEST_TYPES } from "../wire/messages.js";
import type { Reply } from "../wire/messages.js";
import { writeProbe } from "../wire/probes.js";
import type { WireProbe } from "../wire/probes.js";
import { ENTRIES } from "../wire/structs.js";
import { ApplyRun, OUTPUT_LIMIT, ObserveRun } from "./answers.js";
import type { ErrorReply } from "./answers.js";
import type { Link, Listener } from "./link.js";
import { lowerChange, lowerExec, lowerProbe } from "./lower.js";
import type { ContentSource, ExecMode } from "./lower.js";
import { Execution } from "./running-exec.js";
import type { ApplyOptions, HoldWish, OpenOptions, RunningExec, TreeSession } from "./session.js";

let lastBatch = 0;
/** Lists of probes that many trees are asked, as they go onto the wire. */
const lowered = new WeakMap<readonly Probe[], Lowered>();

interface Lowered {
  readonly wire: readonly WireProbe[];
  readonly encoded: EncodedList | undefined;
}

/** What a program is given may have to be sent to each host first: undefined where one is to be run. */
function sharedOf(probes: readonly Probe[]): Lowered | undefined {
  const known = lowered.get(probes);
  if (known) return known;
  const wire = probes.flatMap((probe): readonly WireProbe[] => (probe.kind === "exec" ? [] : [probe]));
  if (wire.length < probes.length) return undefined;
  const shared = { wire, encoded: encodeList(wire, writeProbe) };
  lowered.set(probes, shared);
  return shared;
}

/** Appends a list's frames. */
type Compose = (writer: Writer, nextChannel: () => number) => Batch[];

/** A tree that was opened, or is about to be. */
export class Tree implements TreeSession {
  readonly #link: Link;
  readonly #source: ContentSource;
  readonly #name: string;
  readonly #id: number;
  readonly #opened: Promise<CrunError | undefined>;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** `id` is the tree's number on this link, `name` how messages call it. */
  constructor(link: Link, source: ContentSource, id: number, name: string, path: string, options: OpenOptions) {
    this.#link = link;
    this.#source = source;
    this.#name = name;
    this.#id = id;
    const entry = ENTRIES.indexOf(options.entry);
    const { isHostRoot, isAsRoot = false, hasOwnMounts = false } = options;
    this.#opened = this.#ask(
      (channel) => link.send({ kind: "openTree", channel, tree: id, path, entry, isHostRoot, isAsRoot, hasOwnMounts }),
      "opened",
    ).then(
      () => undefined,
      (error: unknown) => (error instanceof CrunError ? error : this.#unsendable(error)),
    );
  }

  async observe(probes: readonly Probe[]): Promise<readonly Observation[]> {
    if (probes.length === 0) return [];
    if (probes.some(({ kind }) => kind === "exec")) this.#link.noteWork();
    const observations = await this.#inTurn(async () => ({
      done: this.#sendProbes(sharedOf(probes) ?? (await this.#lower(probes))),
    }));
    return observations.done;
  }

  apply(changes: readonly Change[], options: ApplyOptions = {}): Promise<readonly Outcome[]> {
    return this.#apply(changes, options);
  }

  async hold({ locks, timeoutMs, holder, signal }: HoldWish): Promise<Outcome> {
    const hold: Hold = { kind: "hold", at: "host", path: locks, expect: {}, timeoutMs, holder };
    const [outcome] = await this.#apply([hold], signal ? { signal } : {});
    const stopped: Failure = { errno: 0, code: "refused", step: "hold", path: locks, message: "it was stopped" };
    return outcome ?? { failure: stopped };
  }

  async #apply(changes: readonly (Change | Hold)[], options: ApplyOptions): Promise<readonly Outcome[]> {
    if (changes.length === 0 || options.signal?.aborted === true) return [];
    this.#link.noteWork();
    const streams = options.onOutput !== undefined;
    const outcomes = await this.#inTurn(async () => {
      const wire: WireChange[] = [];
      for (const change of changes)
        wire.push(change.kind === "hold" ? change : await lowerChange(change, streams, this.#source));
      if (options.signal?.aborted === true) return { done: Promise.resolve([]) };
      const batch = (lastBatch = (lastBatch % 0xffffffff) + 1);
      const head = (writer: Writer): void => {
        writer.u32(this.#id);
        writer.u32(batch);
      };
      const run = (batches: Batch[]): Listener & { readonly done: Promise<Outcome[]> } =>
        new ApplyRun(this.#link, batches, changes, options, (reply) => this.#errorOf(reply));
      const compose: Compose = (writer, nextChannel) =>
        writeBatches(writer, REQUEST_TYPES.apply, nextChannel, head, wire, writeChange);
      const { listener, batches } = this.#sendList(compose, run);
      const cancel = (): void => {
        for (const { channel } of batches) {
          if (this.#link.lost === undefined) this.#link.send({ kind: "cancel", channel });
        }
      };
      options.signal?.addEventListener("abort", cancel, { once: true });
      const done = listener.done.finally(() => options.signal?.removeEventListener("abort", cancel));
      return { done };
    });
    return outcomes.done;
  }

  exec(spec: ExecSpec & { readonly rows?: number; readonly columns?: number }): Promise<RunningExec> {
    return this.#run(spec, { streamsOutput: true, takesInput: true, rows: spec.rows, columns: spec.columns });
  }

  start(spec: ExecSpec): Promise<RunningExec> {
    return this.#run(spec, { streamsOutput: true, takesInput: false, isInBackground: true });
  }

  async #run(spec: ExecSpec, mode: ExecMode): Promise<RunningExec> {
    this.#link.noteWork();
    const execution = await this.#inTurn(async () => {
      const exec = await lowerExec(spec, mode, this.#source);
      const limit = mode.isInBackground === true ? exec.outputLimit || OUTPUT_LIMIT : undefined;
      const running = new Execution(this.#link, (reply) => this.#errorOfExec(reply), limit);
      try {
        this.#link.send({ kind: "exec", channel: running.channel, tree: this.#id, exec });
      } catch (error) {
        this.#link.release(running.channel);
        throw error;
      }
      return running;
    });
    await execution.started;
    return execution;
  }

  async close(): Promise<void> {
    if (this.#isClosed || this.#link.lost !== undefined) return;
    const closed = await this.#inTurn(async () => {
      this.#isClosed = true;
      return { done: this.#ask((channel) => this.#link.send({ kind: "closeTree", channel, tree: this.#id }), "done") };
    }, true);
    // A tree that could not be opened has nothing to close.
    const error = await closed.done.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined && (await this.#opened) === undefined) throw error;
  }

  /** Requests are sent in the order of the calls, though their contents may have to be fetched first. */
  async #inTurn<T>(send: () => Promise<T>, isForClose = false): Promise<T> {
    const result = this.#turn.then(async () => {
      if (this.#link.lost !== undefined) throw this.#link.lost;
      if (this.#isClosed && !isForClose) throw this.#error("was closed", "", undefined);
      try {
        return await send();
      } catch (error) {
        throw error instanceof CrunError ? error : this.#unsendable(error);
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #lower(probes: readonly Probe[]): Promise<Lowered> {
    const wire: WireProbe[] = [];
    for (const probe of probes) wire.push(await lowerProbe(probe, this.#source));
    return { wire, encoded: undefined };
  }

  #sendProbes({ wire: probes, encoded }: Lowered): Promise<Observation[]> {
    const head = (writer: Writer): void => writer.u32(this.#id);
    const run = (batches: Batch[]): ObserveRun =>
      new ObserveRun(this.#link, batches, probes, (reply) => this.#errorOf(reply));
    const compose: Compose = (writer, nextChannel) =>
      encoded
        ? [writeEncoded(writer, REQUEST_TYPES.observe, nextChannel(), head, encoded)]
        : writeBatches(writer, REQUEST_TYPES.observe, nextChannel, head, probes, writeProbe);
    return this.#sendList(compose, run).listener.done;
  }

  /** Sends a list in as many frames as it takes, with one listener for all of their channels. */
  #sendList<L extends Listener>(
    compose: Compose,
    makeListener: (batches: Batch[]) => L,
  ): { readonly listener: L; readonly batches: Batch[] } {
    const channels: number[] = [];
    let listener: L | undefined;
    const forward: Listener = {
      onReply: (reply) => listener?.onReply(reply),
      onLost: (error) => listener?.onLost(error),
    };
    const nextChannel = (): number => {
      const channel = this.#link.listen(forward);
      channels.push(channel);
      return channel;
    };
    try {
      const batches = this.#link.write((writer) => compose(writer, nextChannel));
      listener = makeListener(batches);
      return { listener, batches };
    } catch (error) {
      for (const channel of channels) this.#link.release(channel);
      throw error;
    }
  }

  /** One request with one reply. */
  #ask(send: (channel: number) => void, expected: Reply["kind"]): Promise<void> {
    return new Promise((resolve, reject) => {
      const channel = this.#link.listen({
        onReply: (reply) => {
          this.#link.release(channel);
          if (reply.kind === expected) resolve();
          else if (reply.kind === "error") reject(this.#failed(reply.failure));
          else throw new WireError(`${reply.kind} where ${expected} belongs`);
        },
        onLost: reject,
      });
      try {
        send(channel);
      } catch (error) {
        this.#link.release(channel);
        reject(error);
      }
    });
  }

  /** A tree that could not be opened is the better reason for what did not work in it. */
  async #errorOf(reply: ErrorReply): Promise<CrunError> {
    return (await this.#opened) ?? this.#failed(reply.failure);
  }

  async #errorOfExec(reply: ErrorReply): Promise<CrunError | undefined> {
    const isOfTree = reply.failure.code === "entry" || reply.failure.code === "bad-request";
    return (await this.#opened) ?? (isOfTree ? this.#failed(reply.failure) : undefined);
  }

  #failed(failure: Failure): CrunError {
    const isOfProgram = failure.code === "bad-request";
    const what = isOfProgram ? "the helper refused a request" : "cannot be worked in";
    return this.#error(what, describeFailure(failure), remedyFor(failure));
  }

  #unsendable(error: unknown): CrunError {
    const why = error instanceof Error ? error.message : "it cannot be put into a message";
    return new CrunError({ severity: "error", summary: `${this.#name}: a request cannot be sent: ${why}` }, 2);
  }

  #error(what: string, detail: string, remedy: string | undefined): CrunError {
    const summary = `${this.#name}: ${what}${detail === "" ? "" : `: ${detail}`}`;
    return new CrunError({ severity: "error", summary, remedy }, 4);
  }
}

function remedyFor(failure: Failure): string | undefined {
  if (failure.step === "find the machine")
    return "Start it (crun machine start), or enter the tree in another way (crun_entry, --entry): auto takes what is there.";
  if (failure.errno === 2) return "Create the tree first, or correct its name or the host's crun_trees.";
  if (failure.errno === 20) return "A tree is a directory: correct its path.";
  if (failure.errno === 13 || failure.errno === 1) return "Let crun become root on the host (crun_become).";
  return undefined;
}
