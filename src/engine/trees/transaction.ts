// A play's transaction: its targets act in clones of their trees, which are swapped in at the end of a batch, or thrown away.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Play } from "../../playbook/play.js";
import type { HostSession } from "../../target/session.js";
import type { PlayRun } from "../play-run.js";
import { liveSession } from "../reach.js";
import type { Run } from "../run.js";
import { Limiter } from "../slots.js";
import { withHost } from "./moment.js";
import { SETTLED_AT_ONCE, StandIn, type StandIns } from "./stand-in.js";
import type { TargetPlay } from "../target-play.js";
import { runningMachine, startUnit, stopUnit } from "./tree-machine.js";

/** What a play, or the command line, wants. */
export type TransactionWish = NonNullable<Play["transaction"]>;

export const defaultTransaction: TransactionWish = { running: "refuse", keep: 1 };

const none = (): Promise<undefined> => Promise.resolve(undefined);

/** Paths that a message shows. */
const shownPaths = 3;

export class Transaction {
  readonly #run: Run;
  readonly #playRun: PlayRun;
  readonly #wish: TransactionWish;
  readonly #standIns: StandIns = new Map();
  /** Units of machines that are to be restarted. */
  readonly #units = new Map<StandIn, string>();

  private constructor(run: Run, playRun: PlayRun, wish: TransactionWish) {
    this.#run = run;
    this.#playRun = playRun;
    this.#wish = wish;
  }

  /** Undefined: the play is none. */
  static wishOf(run: Run, play: Play): TransactionWish | undefined {
    return play.transaction ?? (run.options.isAtomic && play.transaction !== null ? defaultTransaction : undefined);
  }

  /** Gives the batch's targets what stands in for their trees. Undefined: the play wants none. */
  static begin(run: Run, playRun: PlayRun): Transaction | undefined {
    const { play } = playRun;
    const wish = Transaction.wishOf(run, play);
    if (!wish) return undefined;
    const transaction = new Transaction(run, playRun, wish);
    for (const { state } of playRun.targets) {
      const { target, location } = state;
      if (location.isHostRoot) state.refusal = play.transaction ? refusedRoot(target.name) : undefined;
      else if (run.jobs.isAtWork(target.name)) state.refusal = refusedJob(target.name);
      else if (transaction.#isReal) state.standIn = transaction.#standIn(target.name, location.path);
      else state.guard = transaction.#guard(location.path);
    }
    return transaction;
  }

  /** Check mode swaps nothing, and in a rehearsal the tree is stood in for already: what would be refused is refused all the same. */
  get #isReal(): boolean {
    return !this.#run.isCheck && !this.#run.rehearsal;
  }

  #guard(path: string): (session: HostSession) => Promise<void> {
    let asked: Promise<unknown> | undefined;
    return async (session) => {
      await (asked ??= this.#unitToRestart(session, path));
    };
  }

  #standIn(name: string, path: string): StandIn {
    const run = this.#run;
    return new StandIn(path, {
      isForSwap: true,
      others: this.#standIns,
      isInterrupted: () => run.isInterrupted,
      ...(run.holds ? { holdOwn: (session, path) => run.holds?.takeAside(name, session, path) ?? none() } : {}),
      onWait: () => run.tell({ event: "notice", message: `${name}: another run works on the tree; waiting for it` }),
      allow: (standIn, session) => this.#allow(standIn, session),
    });
  }

  async #allow(standIn: StandIn, session: HostSession): Promise<void> {
    const unit = await this.#unitToRestart(session, standIn.place.path);
    if (unit !== undefined) this.#units.set(standIn, unit);
  }

  /** A tree that a machine runs from is swapped only where the machine may be restarted for it: gives its unit. Rejects with a CrunError. */
  async #unitToRestart(session: HostSession, path: string): Promise<string | undefined> {
    const machine = await runningMachine(session, path);
    if (!machine) return undefined;
    if (this.#wish.running === "refuse")
      throw refused(
        `the machine ${machine.name} runs from ${path}, whose tree a transaction would swap`,
        "Stop it first (module machine), or say transaction: restart.",
      );
    if (machine.unit === undefined)
      throw refused(
        `the machine ${machine.name} runs from ${path}, but no service has started it, so it cannot be restarted`,
        "Stop it first, and let systemd-nspawn@.service start it.",
      );
    return machine.unit;
  }

  /** Swaps or throws away. Never rejects but for bugs. */
  async end(): Promise<void> {
    // Who acted in which clone: two names may mean one tree.
    const members = new Map<StandIn, TargetPlay[]>();
    for (const on of this.#playRun.targets) {
      on.state.refusal = undefined;
      on.state.guard = undefined;
      const standIn = this.#isReal ? on.state.standIn?.real : undefined;
      if (!standIn) continue;
      const known = members.get(standIn) ?? [];
      members.set(standIn, known);
      known.push(on);
    }
    const settling = new Limiter(SETTLED_AT_ONCE);
    await Promise.all([...members].map(([standIn, known]) => settling.run(() => this.#settle(standIn, known))));
  }

  async #settle(standIn: StandIn, members: readonly TargetPlay[]): Promise<void> {
    const [first] = members;
    if (!first) return;
    try {
      if (!standIn.isMade) return;
      const why = this.#whyNot(members);
      await Promise.all(members.map(({ state }) => state.reopen()));
      if (why === undefined) await this.#commit(standIn, await liveSession(this.#run, first.state), members);
      else await this.#discard(standIn, first, members, why);
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      const left = await this.#takeAway(standIn, first);
      this.#fail(members, error, left, await this.#hasTakenPlace(standIn, first));
    } finally {
      await standIn.leave();
      for (const { state } of members) state.standIn = undefined;
    }
  }

  async #commit(standIn: StandIn, session: HostSession, members: readonly TargetPlay[]): Promise<void> {
    if (await standIn.isChanged(session)) return this.#swapIn(standIn, session, members);
    await standIn.discard(session);
    this.#tell(members, { outcome: "unchanged", message: "nothing was changed, nothing is swapped" });
  }

  async #discard(standIn: StandIn, first: TargetPlay, members: readonly TargetPlay[], why: string): Promise<void> {
    const left = await this.#takeAway(standIn, first);
    this.#tell(members, { outcome: "discarded", message: `thrown away, the tree is as it was: ${why}${left}` });
  }

  /** Gives what has to be told where it cannot be done now. */
  async #takeAway(standIn: StandIn, first: TargetPlay): Promise<string> {
    try {
      await standIn.discard(await liveSession(this.#run, first.state));
      return "";
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      return standIn.path === undefined ? "" : ` (what is left of the clone, ${standIn.path}, the next run takes away)`;
    }
  }

  /** Asked anew: who swapped it may be dead. */
  async #hasTakenPlace(standIn: StandIn, first: TargetPlay): Promise<boolean | undefined> {
    if (!standIn.isSwapping) return false;
    try {
      return await standIn.hasTakenPlace(await liveSession(this.#run, first.state));
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      return undefined;
    }
  }

  /** Why the clone is not to take the tree's place. */
  #whyNot(members: readonly TargetPlay[]): string | undefined {
    if (this.#run.isInterrupted) return "the run was interrupted";
    const lost = members.find(({ hasFailed, state }) => hasFailed || state.isOut);
    if (lost) return `${lost.state.target.name} ${lost.state.isUnreachable ? "was lost" : "has failed"}`;
    const cut = members.find(({ wasCutOff }) => wasCutOff);
    if (cut) return `the play was ended before ${cut.state.target.name} came to its end`;
    const busy = members.find(({ state }) => this.#run.jobs.isAtWork(state.target.name));
    if (!busy) return undefined;
    busy.state.isFailed = true;
    busy.state.counts.failed++;
    this.#playRun.noteFailure(busy, undefined);
    return "a job still runs in it (wait for it with async_status and until)";
  }

  async #swapIn(standIn: StandIn, session: HostSession, members: readonly TargetPlay[]): Promise<void> {
    const { place } = standIn;
    const machine = await runningMachine(session, place.path);
    const unit = machine && this.#units.get(standIn);
    if (machine && unit === undefined)
      throw refused(`the machine ${machine.name} was started from ${place.path} meanwhile`, "Stop it, and play again.");
    const warning = await withHost(session, async (host) => {
      if (unit !== undefined) await stopUnit(host, unit);
      try {
        const moved = await standIn.movedMeanwhile(session);
        if (moved.length > 0 && unit === undefined) throw refusedMoved(place.path, moved);
        const old = await this.#exchange(standIn, session);
        if (unit !== undefined) await this.#restart(standIn, session, unit, old);
        const isKept = this.#wish.keep > 0;
        await standIn.trim(session, this.#wish.keep);
        this.#tell(members, {
          outcome: "swapped",
          message: `swapped in${isKept ? `, the old tree is kept as ${old} (crun tree rollback)` : ""}`,
          ...(isKept ? { old } : {}),
        });
        return unit !== undefined && moved.length > 0 ? movedText(place.path, moved) : undefined;
      } catch (error) {
        // Whatever kept it from being swapped: the machine runs on.
        if (unit !== undefined && standIn.isMade)
          await startUnit(session, host, unit, place.path).catch(() => undefined);
        throw error;
      }
    });
    if (warning !== undefined)
      this.#run.tell({ event: "warning", diagnostic: { severity: "warning", summary: warning } });
  }

  #exchange(standIn: StandIn, session: HostSession): Promise<number> {
    const play = this.#run.masker.text(this.#playRun.title);
    const run = String(this.#run.magic["run_id"]?.());
    const replacedAt = new Date().toISOString();
    return standIn.swap(session, ({ record }) => ({
      version: 1,
      replacedAt,
      run,
      why: "transaction",
      play,
      ...(record ? { record } : {}),
    }));
  }

  /** A machine that does not come up from the new tree gets its old one back. */
  async #restart(standIn: StandIn, session: HostSession, unit: string, number: number): Promise<void> {
    const { path } = standIn.place;
    await withHost(session, async (host) => {
      try {
        await startUnit(session, host, unit, path);
      } catch (error) {
        if (!(error instanceof CrunError)) throw error;
        const words = error.diagnostics[0]?.summary ?? error.message;
        await stopUnit(host, unit).catch(() => undefined);
        await standIn.swapBack(session, number);
        await startUnit(session, host, unit, path);
        throw refused(`it did not come up from the new tree, and runs from the old one again: ${words}`);
      }
    });
  }

  /** The swap failed: so has the target. */
  #fail(members: readonly TargetPlay[], error: CrunError, left: string, hasTakenPlace: boolean | undefined): void {
    const [first] = error.diagnostics;
    const summary = first?.summary ?? error.message;
    const [state, advice] = stateAfter(hasTakenPlace);
    const remedy = first?.remedy ?? advice;
    this.#tell(members, {
      outcome: "failed",
      message: `${state}: ${summary}${left}`,
      ...(remedy === undefined ? {} : { remedy }),
    });
    for (const on of members) {
      if (on.state.isOut) continue;
      on.state.isFailed = true;
      on.state.counts.failed++;
      this.#playRun.noteFailure(on, undefined);
    }
  }

  #tell(
    members: readonly TargetPlay[],
    what: {
      readonly outcome: "swapped" | "unchanged" | "discarded" | "failed";
      readonly message: string;
      readonly old?: number;
      readonly remedy?: string;
    },
  ): void {
    for (const { state } of members) {
      this.#run.journal?.transaction(state.target.name, this.#playRun.number, what.outcome);
      this.#run.tell({ event: "transaction", target: state.target.name, path: state.location.path, ...what });
    }
  }
}

/** What a failed swap has come to, and what to do about it. */
function stateAfter(hasTakenPlace: boolean | undefined): readonly [string, string?] {
  switch (hasTakenPlace) {
    case true:
      return [
        "swapped in, but what comes behind that failed",
        "The tree is the new one, whole. The next transaction tidies up.",
      ];
    case false:
      return ["not swapped in"];
    default:
      return [
        "whether it was swapped in is not known",
        "The tree is the old one or the new one, whole (crun tree rollback --list tells what was replaced). Run it again.",
      ];
  }
}

function refused(summary: string, remedy?: string): CrunError {
  return new CrunError({ severity: "error", summary, ...(remedy === undefined ? {} : { remedy }) }, 2);
}

function refusedRoot(name: string): CrunError {
  return refused(
    `${name} is a host's own root, which no transaction can swap`,
    "Take it out of the play, or the transaction.",
  );
}

function refusedJob(name: string): CrunError {
  return refused(
    `${name}: a job of an earlier play still runs in the tree, which a swap would lose`,
    "Wait for it at the end of that play (async_status and until).",
  );
}

function refusedMoved(path: string, moved: readonly string[]): CrunError {
  return refused(
    `${path} was changed meanwhile by somebody else, which a swap would lose: ${listed(moved)}`,
    "Play it again when nothing else works on the tree.",
  );
}

function movedText(path: string, moved: readonly string[]): string {
  return `what the machine has written while the play went on is in the old tree of ${path} alone: ${listed(moved)}`;
}

function listed(paths: readonly string[]): string {
  const rest = paths.length - shownPaths;
  return paths.slice(0, shownPaths).join(", ") + (rest > 0 ? `, and ${rest} more` : "");
}
