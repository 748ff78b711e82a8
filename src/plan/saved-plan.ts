// What a saved plan holds: the changes of each target in order, what they were planned from, and what is left when they are made.

import type { Place } from "../diagnostic/diagnostic.js";
import type { FileDiff } from "../engine/events.js";
import type { Change } from "../module/change.js";
import type { Probe, Root } from "../module/probe.js";
import type { Sight, State } from "./sight.js";

export interface SavedPlan {
  readonly made: Made;
  readonly plays: readonly PlannedPlay[];
  readonly targets: readonly PlannedTarget[];
  readonly venues: readonly PlannedVenue[];
  /** In the order in which they are made; steps of different targets and of one stage at once. */
  readonly steps: readonly PlannedStep[];
}

/** When, by whom and from what it was made. */
export interface Made {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `user@host` of the controller. */
  readonly by: string;
  readonly playbooks: readonly { readonly path: string; readonly sha256: string }[];
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly startAtTask?: string;
}

/** One batch of a play's targets. */
export interface PlannedPlay {
  readonly title: string;
  readonly targets: readonly string[];
  readonly anyErrorsFatal: boolean;
  readonly maxFailPercentage?: number;
}

export interface PlannedTarget {
  readonly name: string;
  readonly end: End;
}

/** How far the plan of a target goes. */
export type End =
  | { readonly kind: "complete" }
  /** What the task would do can only be known when what comes before it was done. */
  | { readonly kind: "open"; readonly task: string; readonly place: Place; readonly why: string }
  /** The play would fail there: nothing of the target is kept. */
  | { readonly kind: "failed"; readonly task: string; readonly why: string }
  | { readonly kind: "unreachable"; readonly why: string };

/** A tree that is looked at and changed. */
export interface PlannedVenue {
  /** The target's name; a host's own root bears the host's. */
  readonly name: string;
  readonly host: string;
  readonly path: string;
  readonly looks: readonly PlannedLook[];
  /** What lies there when all is done. */
  readonly after: readonly Left[];
}

/** What was asked while planning, and what of the answer must still be so. */
export interface PlannedLook {
  readonly probe: Probe;
  readonly sight: Sight;
  /** The file's text, where it may be shown: for differences. */
  readonly text?: Uint8Array;
}

/** A path that the plan changes, and how it leaves it. */
export interface Left {
  readonly path: string;
  readonly at: Root;
  readonly follow: boolean;
  readonly state: State;
}

export interface PlannedStep {
  readonly stage: number;
  /** Index among the plays. */
  readonly play: number;
  readonly target: string;
  readonly venue: string;
  readonly task: string;
  readonly module: string;
  readonly place: Place;
  readonly item?: string;
  /** Items of one loop bear one number: where one fails the others are done all the same, and together they count as one task. */
  readonly loop?: number;
  readonly isHandler: boolean;
  readonly isChanged: boolean;
  readonly isIgnored: boolean;
  /** no_log: neither texts nor differences tell what it is about. */
  readonly isHidden: boolean;
  readonly throttle?: number;
  readonly throttlePerHost?: number;
  /** Where it fails nobody goes on. */
  readonly isFatal: boolean;
  /** Nothing is changed: what comes after waits so long. */
  readonly pauseMs?: number;
  readonly judge?: Judge;
  readonly changes: readonly Change[];
  /** A line for each change, secrets masked. */
  readonly texts: readonly string[];
  /** Secrets masked. */
  readonly diffs: readonly FileDiff[];
}

/** Conditions on a command's result: CEL texts, and the values of what they read besides it. */
export interface Judge {
  readonly register?: string;
  readonly failedWhen?: readonly string[];
  readonly changedWhen?: readonly string[];
  /** All must hold; `tries` counts the first. */
  readonly until?: { readonly conditions: readonly string[]; readonly tries: number; readonly delayMs: number };
  readonly variables: Readonly<Record<string, unknown>>;
}
