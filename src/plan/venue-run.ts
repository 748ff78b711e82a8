// Where a plan is applied, how far it is there, and the lock that is taken before the first change.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Counts } from "../engine/events.js";
import { holdTree, locksFor, type HoldOutcome } from "../engine/trees/hold-tree.js";
import type { HoldingOptions } from "../engine/trees/holds.js";
import type { TreeSession } from "../target/session.js";
import type { PlannedVenue } from "./saved-plan.js";
import type { TaskTally } from "./task-tally.js";
import type { Verdict } from "./verify.js";

/** A target while a plan is applied. */
export interface TargetRun {
  readonly name: string;
  readonly counts: Counts;
  isFailed: boolean;
  isUnreachable: boolean;
  /** The task at hand. */
  tally: TaskTally | undefined;
}

/** Where steps act. */
export interface VenueRun {
  readonly venue: PlannedVenue;
  tree: TreeSession | undefined;
  verdict: Verdict | CrunError | undefined;
  isRootless: boolean;
  /** Its lock, once that was asked for: whether it is had, and all is as it was planned from. */
  hold: Promise<boolean> | undefined;
  /** Something was changed there: it is not as the plan found it any more. */
  isTouched: boolean;
}

/** Rejects with a CrunError: exitStatus 4 where the connection is lost, 2 where somebody else holds the tree for too long. */
export function holdVenue(
  { venue, isRootless }: VenueRun,
  tree: TreeSession,
  wish: {
    readonly holding: HoldingOptions;
    readonly run: string;
    readonly notice: (message: string) => void;
    readonly isInterrupted: () => boolean;
  },
): Promise<HoldOutcome> {
  const { holding, run, notice, isInterrupted } = wish;
  // Without root nobody can be kept from a host's own root.
  if (isRootless && venue.path === "/") return Promise.resolve({ kind: "held", hasWaited: false });
  return holdTree(tree, {
    name: venue.name,
    locks: locksFor(venue.path, isRootless),
    holder: { ...holding.holder, run },
    timeoutMs: holding.timeoutMs,
    notice,
    isInterrupted,
  });
}

/** Another tree lies in the venue's place. */
export function goneVenue({ venue }: VenueRun): CrunError {
  const summary = `${venue.name}: another tree took its place while it was waited for`;
  return new CrunError({ severity: "error", summary, remedy: "Plan again." }, 4);
}
