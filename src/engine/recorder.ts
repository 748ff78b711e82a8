// What the engine tells whoever writes down a run in check mode, so that a saved plan can be made of it.

import type { Place } from "../diagnostic/diagnostic.js";
import type { Change } from "../module/change.js";
import type { Observation, Probe } from "../module/probe.js";
import type { FileDiff } from "./events.js";
import type { Venue } from "./work.js";

/** A probe and what the tree itself answered to it. */
export interface RecordedLook {
  readonly probe: Probe;
  readonly observation: Observation;
}

/** What a task (or one item of its loop) would do on a target. */
export interface RecordedStep {
  /** Whose task it is. */
  readonly target: string;
  /** Where it acts: the target's own tree, or another for delegate_to. */
  readonly venue: Venue;
  readonly task: string;
  readonly module: string;
  readonly place: Place;
  readonly item: string | undefined;
  /** Stands for the loop on this target: the same for all of its items. */
  readonly loop: object | undefined;
  readonly isHandler: boolean;
  /** It counts as changed. */
  readonly isChanged: boolean;
  /** ignore_errors. */
  readonly isIgnored: boolean;
  /** no_log. */
  readonly isHidden: boolean;
  readonly throttle: number | undefined;
  readonly throttlePerHost: number | undefined;
  /** Where it fails nobody goes on: any_errors_fatal, run_once. */
  readonly isFatal: boolean;
  readonly message: string | undefined;
  /** With the places that their paths were observed to lead to. */
  readonly changes: readonly Change[];
  readonly diffs: readonly FileDiff[];
  /** What the tree said that they were planned from. */
  readonly looks: readonly RecordedLook[];
  /** Conditions on the result of a command, which was not run: CEL, and the variables that they read besides it. */
  readonly judge: RecordedJudge | undefined;
  /** Whether it notifies its handlers is known only when it has run. */
  readonly isDoubtful: boolean;
}

export interface RecordedJudge {
  readonly register: string | undefined;
  readonly failedWhen: readonly string[] | undefined;
  readonly changedWhen: readonly string[] | undefined;
  /** Tried again until this holds. */
  readonly until:
    | { readonly conditions: readonly string[]; readonly tries: number; readonly delayMs: number }
    | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Where what lies ahead of a target cannot be known any more, and why. */
export interface RecordedStop {
  readonly task: string;
  readonly place: Place;
  readonly why: string;
  /** Where the task would act. */
  readonly venue: Venue;
}

/** A wait between tasks. */
export interface RecordedPause {
  readonly task: string;
  readonly module: string;
  readonly place: Place;
  readonly venue: Venue;
  readonly ms: number;
}

/** Is told everything in the order in which a real run would do it. */
export interface Recorder {
  /** A batch of a play begins; nothing of it may be done before what came earlier. */
  beginPlay(play: {
    readonly title: string;
    readonly targets: readonly string[];
    readonly anyErrorsFatal: boolean;
    readonly maxFailPercentage: number | undefined;
  }): void;
  /** All targets waited for each other: what comes may not be done before what came. */
  barrier(): void;
  step(step: RecordedStep): void;
  /** Everybody waits. */
  pause(target: string, pause: RecordedPause): void;
  /** A task that changes nothing, but whose result others may read. */
  looked(target: string, venue: Venue, looks: readonly RecordedLook[]): void;
  stop(target: string, stop: RecordedStop): void;
}
