// A rehearsal: the plays really run, on throwaway clones of the trees, and what they changed is told at the end.

import { CrunError } from "../../diagnostic/diagnostic.js";
import { differenceData, differenceLine, summaryOf } from "../../tree/difference/difference-text.js";
import type { EngineEvent } from "../events.js";
import type { HostSession } from "../../target/session.js";
import { liveSession } from "../reach.js";
import { Limiter } from "../slots.js";
import { SETTLED_AT_ONCE, StandIn, type StandIns } from "./stand-in.js";
import type { Run } from "../run.js";
import type { TargetState } from "../target-state.js";
import type { TargetPlay } from "../target-play.js";
import { titleFor } from "../task/task-event.js";
import { runningMachine } from "./tree-machine.js";
import type { TaskWork } from "../work.js";
import type { TaskOp } from "../program.js";

export class Rehearsal {
  readonly #run: Run;
  readonly #standIns: StandIns = new Map();
  readonly #states: TargetState[] = [];
  readonly #checked = new Set<TaskOp>();

  constructor(run: Run) {
    this.#run = run;
  }

  /** A target comes into the run: it acts in a clone from the start. */
  takeIn(state: TargetState): void {
    const { target, location } = state;
    if (location.isHostRoot) return;
    state.standIn = this.#standIn(target.name, location.path);
    this.#states.push(state);
  }

  #standIn(name: string, path: string): StandIn {
    const run = this.#run;
    return new StandIn(path, {
      isForSwap: false,
      others: this.#standIns,
      isInterrupted: () => run.isInterrupted,
      onWait: () => run.tell({ event: "notice", message: `${name}: another run works on the tree; waiting for it` }),
      allow: async (_standIn, session) => {
        const machine = await runningMachine(session, path);
        if (!machine) return;
        const summary = `${name}: the machine ${machine.name} runs from the tree; it is rehearsed on a copy of its files, in which no services run`;
        run.tell({ event: "warning", diagnostic: { severity: "warning", summary } });
      },
    });
  }

  /** Says once of a task that it is not rehearsed. */
  noteChecked({ play }: TargetPlay, work: TaskWork): void {
    if (this.#checked.has(work.op)) return;
    this.#checked.add(work.op);
    const message = `${titleFor(work)}: only checked, since it acts on a host itself, of which there is no clone`;
    play.run.tell({ event: "notice", message });
  }

  /** Tells what was changed, and takes the clones away. Never rejects but for bugs. */
  async end(): Promise<void> {
    const users = new Map<StandIn, TargetState[]>();
    for (const state of this.#states) {
      const standIn = state.standIn?.real;
      if (!standIn) continue;
      const known = users.get(standIn) ?? [];
      users.set(standIn, known);
      known.push(state);
    }
    const closing = new Limiter(SETTLED_AT_ONCE);
    const reports = [...users].map(([standIn, known]) => closing.run(() => this.#close(standIn, known)));
    // In the order of the targets, whoever is through first.
    for (const report of reports) for (const event of await report) this.#run.tell(event);
  }

  async #close(standIn: StandIn, users: readonly TargetState[]): Promise<readonly EngineEvent[]> {
    const [first] = users;
    if (!first || !standIn.isMade) {
      await standIn.leave();
      return [];
    }
    try {
      await Promise.all(users.map((state) => state.reopen()));
      const session = await liveSession(this.#run, first);
      try {
        return this.#run.isInterrupted ? [] : await this.#report(standIn, session, users);
      } finally {
        await standIn.discard(session);
      }
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      const [what] = error.diagnostics;
      const left = standIn.path === undefined ? "" : `; its clone ${standIn.path} is left, the next run takes it away`;
      const summary = `${first.target.name}: the rehearsal did not end well${left}: ${what?.summary ?? error.message}`;
      if (!first.isUnreachable && !this.#run.isInterrupted) first.isFailed = true;
      return [{ event: "warning", diagnostic: { severity: "warning", summary } }];
    } finally {
      await standIn.leave();
      for (const state of users) state.standIn = undefined;
    }
  }

  async #report(
    standIn: StandIn,
    session: HostSession,
    users: readonly TargetState[],
  ): Promise<readonly EngineEvent[]> {
    const { found, contents } = await standIn.differences(session, this.#run.isDiff);
    return users.map(({ target, location }) => ({
      event: "rehearsal",
      target: target.name,
      path: location.path,
      summary: summaryOf(found),
      lines: found.map(differenceLine),
      differences: found.map(differenceData),
      diffs: found.flatMap(({ path }) => contents.get(path) ?? []),
    }));
  }
}
