// Keeps track of trees (play keyword `track`): before a run's first change of a tree, and when the run has ended.

import { CrunError } from "../../diagnostic/diagnostic.js";
import type { Scope } from "../../module/value.js";
import type { TrackWord } from "../../playbook/play.js";
import type { TreeSession } from "../../target/session.js";
import { Snapshots } from "../../target/snapshots.js";
import type { SnapshotInfo } from "../../tree/snapshot.js";
import { commitEtc } from "./etckeeper.js";
import type { Run } from "../run.js";
import type { TargetState } from "../target-state.js";

/** What the command line says of it. */
export interface TrackingOptions {
  /** In all plays. */
  readonly words: ReadonlySet<TrackWord>;
  /** Who runs crun, as `alice@desk`. */
  readonly by: string;
  /** As it was named. */
  readonly playbook: string;
}

/** How many runs' snapshots of a tree stay, where `crun_keep_snapshots` does not say otherwise. */
const defaultKeep = 10;

type Moment = "before" | "after";

interface Tracked {
  readonly words: Set<TrackWord>;
  keep: number;
  /** What has to be done before the tree is changed. */
  begun: Promise<void>;
}

export class Tracking {
  readonly #run: Run;
  readonly #options: TrackingOptions;
  readonly #runId: string;
  readonly #tracked = new Map<TargetState, Tracked>();

  constructor(run: Run, options: TrackingOptions, runId: string) {
    this.#run = run;
    this.#options = options;
    this.#runId = runId;
  }

  /**
   * Before changes are made in the tree of `state`: what a play with these words wants to be done first. Rejects with a CrunError where that cannot be done:
   * then nothing must be changed.
   */
  async begin(
    state: TargetState,
    words: ReadonlySet<TrackWord>,
    scope: () => Scope,
    open: () => Promise<TreeSession>,
  ): Promise<void> {
    const wanted = new Set([...words, ...this.#options.words]);
    if (wanted.size === 0) return;
    const known = this.#tracked.get(state);
    const fresh = [...wanted].filter((word) => known?.words.has(word) !== true);
    if (known && fresh.length === 0) return known.begun;
    const tracked: Tracked = known ?? { words: new Set(), keep: defaultKeep, begun: Promise.resolve() };
    this.#tracked.set(state, tracked);
    for (const word of fresh) tracked.words.add(word);
    tracked.begun = tracked.begun.then(async () => {
      tracked.keep = keepOf(scope());
      if (fresh.includes("snapshot")) await this.#snapshot(state, "before", undefined);
      if (fresh.includes("etckeeper")) await this.#commit(state, "before", open);
    });
    return tracked.begun;
  }

  /** When all plays have ended: keeps what they made of the trees. What cannot be done is told. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#tracked].map(async ([state, { words, keep, begun }]) => {
        const { host } = state.target;
        const hasBegun = await begun.then(
          () => true,
          () => false, // told when it was tried
        );
        if (!hasBegun || state.isUnreachable) return;
        await this.#run.slots.while(host, async () => {
          await this.#run.treeLimits.of(host, state).run(async () => {
            // The other way round than before: the snapshot holds what was committed.
            if (words.has("etckeeper")) await this.#told(() => this.#commit(state, "after", () => state.open()));
            if (words.has("snapshot")) await this.#told(() => this.#snapshot(state, "after", keep));
          });
        });
      }),
    );
    this.#tracked.clear();
  }

  async #snapshot(state: TargetState, kind: Moment, keep: number | undefined): Promise<void> {
    const { target, location } = state;
    if (location.isHostRoot) {
      if (kind === "before") this.#warn(`${target.name} is a host's own root, of which no snapshots are kept`);
      return;
    }
    await state.open();
    const { session } = state;
    if (!session) return;
    const snapshots = new Snapshots(session, location.path, target.name, state.standIn?.isMade === true);
    try {
      const { by, playbook } = this.#options;
      const info = await snapshots.take(
        { kind, takenAt: new Date().toISOString(), run: this.#runId, playbook, by },
        keep,
      );
      this.#tell(`${target.name}: ${kind} the run: ${storedAs(info)}`);
    } finally {
      await snapshots.close();
    }
  }

  async #commit(state: TargetState, moment: Moment, open: () => Promise<TreeSession>): Promise<void> {
    const { by, playbook } = this.#options;
    const subject = moment === "before" ? "changed outside of crun, before the run" : "run";
    const name = state.target.name;
    const outcome = await commitEtc(await open(), name, `crun: ${subject} ${this.#runId} of ${playbook} by ${by}`);
    if (outcome === "committed") this.#tell(`${name}: ${moment} the run: /etc was committed by etckeeper`);
    // A play may install it: before the run it need not be there.
    if (outcome === "absent" && moment === "after")
      this.#warn(`${name}: /etc was not committed: the tree has no etckeeper`);
  }

  async #told(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      for (const diagnostic of error.diagnostics)
        this.#run.tell({ event: "warning", diagnostic: { ...diagnostic, severity: "warning" } });
    }
  }

  #warn(summary: string): void {
    this.#run.tell({ event: "warning", diagnostic: { severity: "warning", summary } });
  }

  #tell(message: string): void {
    if (this.#run.verbosity > 0) this.#run.tell({ event: "notice", message });
  }
}

function storedAs({ number, storage }: SnapshotInfo): string {
  return `snapshot ${number}${storage === "manifest" ? " (a manifest: the storage has none)" : ""}`;
}

function keepOf(scope: Scope): number {
  if (!scope.has("crun_keep_snapshots")) return defaultKeep;
  const value = scope.get("crun_keep_snapshots");
  const keep = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof keep === "number" && Number.isInteger(keep) && keep > 0) return keep;
  throw new CrunError(
    {
      severity: "error",
      summary: `crun_keep_snapshots must be how many runs' snapshots of a tree stay, not ${JSON.stringify(value)}`,
      remedy: "Write a number from 1.",
    },
    2,
  );
}
