// Holds a tree's lock on its host for as long as a play acts in what stands in for it.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Change, Outcome } from "../../module/change.js";
import { describeFailure } from "../../module/failure-text.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import { remedyFor, why } from "../../module/reach.js";
import { lockMs, treeLock } from "../../tree/keep.js";
import type { TreePlace } from "../../tree/place.js";
import { hostProgram } from "../../tree/program.js";

/** How long one try waits for whoever holds the lock. */
const tryMs = 2000;
/** A lock lasts as long as its batch: this program is the rest of the batch. It ends with its session, whatever ends that. */
const forEver = { argv: ["sleep", "2147483647"] };

export interface HoldOptions {
  /** Called once where another run holds it. */
  readonly onWait: () => void;
  /** Asked between tries. */
  readonly isInterrupted: () => boolean;
  /** Holds the tree itself, too, as plays do that change it. Gives the session that holds it; undefined: there is none. */
  readonly holdOwn?: (session: HostSession, path: string) => Promise<TreeSession | undefined>;
}

/** A lock that is held. */
export class TreeHold {
  readonly #worker: TreeSession;
  #own: TreeSession | undefined;
  readonly #stop: AbortController;
  readonly #over: Promise<unknown>;
  /** Somebody else may have it by now. */
  isLost = false;

  private constructor(
    worker: TreeSession,
    own: TreeSession | undefined,
    stop: AbortController,
    over: Promise<unknown>,
  ) {
    this.#worker = worker;
    this.#own = own;
    this.#stop = stop;
    this.#over = over;
    void over.then(() => (this.isLost = true));
  }

  /** Takes the lock in a session of its own. Rejects with a CrunError: exitStatus 4 where the connection is lost, 2 where it cannot be had. */
  static async take(session: HostSession, place: TreePlace, options: HoldOptions): Promise<TreeHold> {
    const own = await options.holdOwn?.(session, place.path);
    const { reach } = session.info;
    if (reach.isRootless && !reach.hasEntries)
      throw new CrunError(
        {
          severity: "error",
          summary: `the tree ${place.path} cannot be stood in for: crun is not root there, and nothing can be copied without a user namespace${why(reach)}`,
          remedy: remedyFor(reach),
        },
        2,
      );
    const worker = session.openTree("/", { entry: "auto", isHostRoot: true, isAsRoot: true });
    const endsAt = performance.now() + lockMs;
    try {
      for (let isFirst = true; ; isFirst = false) {
        const stop = new AbortController();
        const rest = hostProgram(forEver);
        const { locked, over } = begin(worker, [treeLock(place, tryMs), rest], place, stop);
        const outcome = await locked;
        if (!outcome.failure) return new TreeHold(worker, own, stop, over);
        await over;
        if (outcome.failure.code !== "deadline") throw refused(place, describeFailure(outcome.failure));
        if (options.isInterrupted()) throw refused(place, "the run was interrupted while it waited for another one");
        if (performance.now() >= endsAt)
          throw refused(place, `another run has worked on it for ${lockMs / 60_000} minutes`);
        if (isFirst) options.onWait();
      }
    } catch (error) {
      await worker.close().catch(() => undefined);
      await own?.close().catch(() => undefined);
      throw error;
    }
  }

  /** The tree itself, which is in use as long as it is held: a mount could not be replaced. Whoever takes it now is seen by that it is in use. */
  async letGoOfTree(): Promise<void> {
    await this.#own?.close().catch(() => undefined);
    this.#own = undefined;
  }

  async release(): Promise<void> {
    this.#stop.abort();
    await this.#over;
    await this.#worker.close().catch(() => undefined);
    await this.letGoOfTree();
  }
}

function begin(
  worker: TreeSession,
  changes: readonly Change[],
  place: TreePlace,
  { signal }: AbortController,
): { readonly locked: Promise<Outcome>; readonly over: Promise<unknown> } {
  let isTold: (outcome: Outcome) => void = () => undefined;
  const told = new Promise<Outcome>((resolve) => (isTold = resolve));
  const over = worker.apply(changes, {
    signal,
    onOutcome: (index, outcome) => {
      if (index === 0) isTold(outcome);
    },
  });
  // Only a lost connection rejects it: who works in the tree is told so.
  const lost = over.then(([first]) => first ?? stopped(place));
  return { locked: Promise.race([told, lost]), over: over.catch(() => undefined) };
}

function stopped({ lock: path }: TreePlace): Outcome {
  return { failure: { errno: 0, code: "refused", step: "lock", path, message: "it was stopped" } };
}

function refused(place: TreePlace, why: string): CrunError {
  const remedy = "Look for another run of crun on the host, and try again when it is through.";
  return new CrunError({ severity: "error", summary: `the tree ${place.path} cannot be held: ${why}`, remedy }, 2);
}
