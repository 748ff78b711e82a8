// The locks of the trees that a run changes: taken before the first change, given back when the play is through with the target.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { HostSession, TreeSession } from "../../target/session.js";
import type { PlayRun } from "../play-run.js";
import type { Run } from "../run.js";
import type { TargetPlay } from "../target-play.js";
import type { TargetState } from "../target-state.js";
import type { Venue } from "../work.js";
import { holdTree, locksFor, type Holder, type HoldOutcome, type HoldPlan } from "./hold-tree.js";

/** What a run says of itself, and how long it waits. */
export interface HoldingOptions {
  readonly holder: Omit<Holder, "run">;
  readonly timeoutMs: number;
}

/** How often a tree is opened anew because another one took its place while it was waited for. */
const moves = 5;

export class Holds {
  readonly #run: Run;
  readonly #options: HoldingOptions;
  /** Sessions whose tree is held, or cannot be. */
  readonly #held = new WeakSet<TreeSession>();
  readonly #warned = new Set<string>();
  readonly #together = new WeakMap<PlayRun, Promise<void>>();

  constructor(run: Run, options: HoldingOptions) {
    this.#run = run;
    this.#options = options;
  }

  /**
   * Before something is changed in the venue. True: it was waited for somebody else, so what was seen is not to be relied on. Rejects with a CrunError: exitStatus 4
   * where the connection is lost, 2 where the tree is not to be had.
   */
  async take(on: TargetPlay, venue: Venue): Promise<boolean> {
    const state = venue.concerns ?? this.#run.state(venue.base.target.name);
    // What stands in for a tree is nobody else's; who stands in for it holds the tree.
    if (!state || state.standIn) return false;
    // Where a task is delegated to is somebody else's to hold: a play that did would keep all others from its helpers until its end.
    if (state !== on.state && !venue.concerns && !on.play.venueOf(state.target.name)) return false;
    if (on.play.waitsInCommon) await this.#takeTogether(on.play);
    return this.#hold(state, this.#options.timeoutMs, venue.concerns !== undefined);
  }

  /**
   * Where the targets of a play wait for each other none may wait for another run's lock with one that another run waits for: all are taken before the first change,
   * in one order. Those that cannot be had are told by who needs them.
   */
  async #takeTogether(play: PlayRun): Promise<void> {
    let taking = this.#together.get(play);
    if (!taking) this.#together.set(play, (taking = this.#takeInOrder(play)));
    await taking;
  }

  async #takeInOrder({ targets }: PlayRun): Promise<void> {
    const states = targets.map(({ state }) => state).filter((state) => !state.isOut && !state.standIn);
    const tried = await Promise.all(states.map((state) => this.#isFree(state)));
    if (tried.every(Boolean)) return;
    // Nothing is changed yet: what was taken is given back, so that whoever waits for it goes first.
    await Promise.all(states.map((state) => this.#give(state)));
    const place = ({ target, location }: TargetState): string => `${target.host}\0${location.path}`;
    for (const state of states.toSorted((one, other) => (place(one) < place(other) ? -1 : 1))) {
      try {
        await this.#hold(state, this.#options.timeoutMs, true);
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
      }
    }
  }

  async #isFree(state: TargetState): Promise<boolean> {
    try {
      await this.#hold(state, 0, true);
      return true;
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      return error.exitStatus === 4;
    }
  }

  /** `mayBeAbsent`: there may be no tree yet, which nobody can hold. */
  async #hold(state: TargetState, timeoutMs: number, mayBeAbsent: boolean): Promise<boolean> {
    const { target } = state;
    for (let times = 0; times < moves; times++) {
      const session = await state.open();
      if (this.#held.has(session)) return false;
      const plan = this.#planFor(state, timeoutMs);
      if (!plan) return false;
      const outcome = await this.#ask(state, session, plan, mayBeAbsent);
      if (outcome === undefined) return false;
      if (outcome.kind === "moved") {
        await state.leaveTree();
        continue;
      }
      if (outcome.kind === "impossible") this.#warn(target.host, outcome.why);
      this.#held.add(session);
      return outcome.kind === "held" && outcome.hasWaited;
    }
    throw movedOn(target.name);
  }

  async #ask(
    { target }: TargetState,
    session: TreeSession,
    plan: HoldPlan,
    mayBeAbsent: boolean,
  ): Promise<HoldOutcome | undefined> {
    try {
      return await this.#run.slots.while(target.host, () => holdTree(session, plan));
    } catch (error) {
      if (mayBeAbsent && error instanceof CrunError && error.exitStatus === 4) return undefined;
      throw error;
    }
  }

  /** Holds a tree in a session of its own, for who works in what stands in for it. Undefined: there is no tree. Rejects as `take` does. */
  async takeAside(name: string, session: HostSession, path: string): Promise<TreeSession | undefined> {
    for (let times = 0; times < moves; times++) {
      const tree = session.openTree(path, { entry: "chroot", isHostRoot: false });
      try {
        const outcome = await holdTree(tree, this.#plan(name, path, session.info.isRootless, this.#options.timeoutMs));
        if (outcome.kind === "impossible") this.#warn(session.host, outcome.why);
        if (outcome.kind !== "moved") return tree;
      } catch (error) {
        await tree.close().catch(() => undefined);
        throw error;
      }
      await tree.close().catch(() => undefined);
    }
    throw movedOn(name);
  }

  /** Undefined: nobody else could be kept out. */
  #planFor({ target, location, session }: TargetState, timeoutMs: number): HoldPlan | undefined {
    const isRootless = session?.info.isRootless === true;
    if (isRootless && location.isHostRoot) return undefined;
    return this.#plan(target.name, location.path, isRootless, timeoutMs);
  }

  #plan(name: string, path: string, isRootless: boolean, timeoutMs: number): HoldPlan {
    return {
      name,
      locks: locksFor(path, isRootless),
      holder: { ...this.#options.holder, run: this.#run.id },
      timeoutMs,
      notice: (message) => this.#run.tell({ event: "notice", message }),
      isInterrupted: () => this.#run.isInterrupted,
    };
  }

  #warn(host: string, why: string): void {
    if (this.#warned.has(host)) return;
    this.#warned.add(host);
    this.#run.tell({
      event: "warning",
      diagnostic: {
        severity: "warning",
        summary: `${host}: trees cannot be locked there, so nothing keeps two runs from working on one at once: ${why}`,
      },
    });
  }

  /** The play is through with the target: whoever waits for its tree gets it. What a job still does there keeps it. */
  async giveBack({ state, play }: TargetPlay): Promise<void> {
    if (play.waitsInCommon || play.mayInclude) return;
    await this.#give(state);
  }

  /** The play is through with all of its targets. */
  async giveAll({ targets }: PlayRun): Promise<void> {
    await Promise.all(targets.map(({ state }) => this.#give(state)));
  }

  async #give(state: TargetState): Promise<void> {
    if (!state.tree || !this.#held.has(state.tree) || this.#run.jobs.isAtWork(state.target.name)) return;
    await state.leaveTree();
  }
}

function movedOn(name: string): CrunError {
  const summary = `${name}: other trees took the tree's place again and again while it was waited for`;
  return new CrunError({ severity: "error", summary }, 2);
}
