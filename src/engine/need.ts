// What a walk through a play cannot go on without.

import type { Change } from "../module/change.js";
import type { Probe } from "../module/probe.js";
import type { Include, IncludeWish } from "../playbook/play.js";
import type { Venue } from "./work.js";

/** The walk itself never waits: it says what it needs and is called again when that is there. */
export type Need =
  | { readonly kind: "done" }
  | { readonly kind: "connect"; readonly venue: Venue }
  | { readonly kind: "observe"; readonly venue: Venue; readonly probes: readonly Probe[] }
  | { readonly kind: "facts" }
  /** Apply the batch. */
  | { readonly kind: "flush" }
  /** Begin the task at hand as a job. */
  | { readonly kind: "job"; readonly venue: Venue; readonly changes: readonly Change[]; readonly seconds: number }
  /** Wait for the other targets. */
  | { readonly kind: "meet" }
  /** Another target does this task for all. */
  | { readonly kind: "follow" }
  /** Wait until few enough others are in the task. */
  | { readonly kind: "permit" }
  | { readonly kind: "load"; readonly include: Include; readonly wishes: readonly IncludeWish[] }
  /** Carry out the effects of the plan of the item at hand. */
  | { readonly kind: "effects" }
  /** Read the inventory anew, once for all who met. */
  | { readonly kind: "refresh"; readonly met: readonly number[] | undefined }
  /** Give up the target's connection. */
  | { readonly kind: "reset" }
  | { readonly kind: "sleep"; readonly ms: number }
  /** --step: ask whether the operation at hand is to be carried out. */
  | { readonly kind: "ask"; readonly title: string };
