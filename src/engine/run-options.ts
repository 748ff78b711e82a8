// What a run is told from outside, and what it comes to.

import type { Inventory, Target } from "../inventory/inventory.js";
import type { VarLayer } from "../module/value.js";
import type { StartGate } from "../playbook/start-at.js";
import type { PlayReach } from "../target/address.js";
import type { HostSession } from "../target/session.js";
import type { Counts, EventSink } from "./events.js";
import type { FactGatherer } from "./look/fact-look.js";
import type { LostTrees } from "./lost-trees.js";
import type { Magic } from "./magic.js";
import type { History } from "./journal/history.js";
import type { Journal } from "./journal/journal.js";
import type { Recorder } from "./recorder.js";
import type { TagSelection } from "./selection.js";
import type { StepMode } from "./steps.js";
import type { Location, OpenHost } from "./target-state.js";
import type { Masker } from "./task/masker.js";
import type { SourceOpener, TextCompiler } from "./task/sources.js";
import type { HoldingOptions } from "./trees/holds.js";
import type { TrackingOptions } from "./trees/tracking.js";
import type { ScopeFactory } from "./variables.js";
import type { VarsFileLoader } from "./vars-files.js";

export interface RunOptions {
  readonly inventory: Inventory;
  /** Targets to keep to; undefined: all. */
  readonly limit?: { has(name: string): boolean; readonly size: number } | undefined;
  /** Targets that stand for trees of a host that could not be looked at, and why: unreachable from the start. */
  readonly lost?: LostTrees;
  readonly openHost: OpenHost;
  readonly locate: (target: Target) => Location;
  readonly makeScope: ScopeFactory;
  readonly compileText: TextCompiler;
  /** Opens files of the controller that are encrypted. */
  readonly openSource?: SourceOpener;
  readonly loadVarsFile: VarsFileLoader;
  /** Files of variables for include_vars, later ones on top, each variable by itself or all under one name. Throws a CrunError. */
  readonly readVars?: (
    paths: readonly string[],
    under: string | undefined,
  ) => { readonly layer: VarLayer; readonly plain: Readonly<Record<string, unknown>> };
  /** Asks the person at the terminal; absent: there is nobody. Undefined: the question was ended without an answer. */
  readonly ask?:
    | ((question: string, options: { readonly isSecret: boolean }) => Promise<string | undefined>)
    | undefined;
  /** Gives up a host's session, unless there is another one already: the next `openHost` makes one. */
  readonly dropHost?: (host: string, session: HostSession, play?: PlayReach) => Promise<void>;
  /** The next `openHost` makes another session; this one stays for whoever works with it. */
  readonly leaveHost?: (host: string, session: HostSession, play?: PlayReach) => Promise<void>;
  /** Whom tasks become that do not say it. */
  readonly becomeUser?: string | undefined;
  /** Reads the inventory's sources anew. Rejects with a CrunError. */
  readonly refreshInventory?: () => Promise<void>;
  /** Looks anew for the trees that rules (`node1:web*`) stand for. Rejects with a CrunError. */
  readonly findTrees?: () => Promise<void>;
  readonly facts?: FactGatherer | undefined;
  readonly extraVars: readonly VarLayer[];
  /** Magic variables that the command line gives. */
  readonly magic?: Magic;
  readonly masker?: Masker | undefined;
  readonly sink: EventSink;
  /** Writes down what a run in check mode would do: variables say then what they say in the real run. */
  readonly recorder?: Recorder | undefined;
  /** Absent: nobody is kept from working on the same trees. */
  readonly holding?: HoldingOptions | undefined;
  /** Absent: what is done is not written down. */
  readonly journal?: Journal | undefined;
  /** What is done already of a run that was broken off. */
  readonly history?: History | undefined;
  /** Absent: plays keep nothing of their trees, whatever they say. */
  readonly tracking?: TrackingOptions | undefined;
  readonly isCheck?: boolean;
  readonly isDiff?: boolean;
  /** The plays run on throwaway clones of the trees, and what they changed is told. */
  readonly isRehearsal?: boolean;
  /** Plays that do not say otherwise are transactions. */
  readonly isAtomic?: boolean;
  readonly becomesByDefault?: boolean;
  readonly verbosity?: number;
  readonly tags?: TagSelection | undefined;
  /** --force-handlers: where a play does not say otherwise. */
  readonly forcesHandlers?: boolean;
  readonly startAt?: StartGate | undefined;
  readonly steps?: StepMode | undefined;
  readonly forks?: number;
  /** Trees of one host at work at once. */
  readonly treesPerHost?: number;
  readonly version?: string;
  /** Sets the clock and the dice for tests. */
  readonly runId?: string;
}

export interface RunSummary {
  readonly targets: Readonly<Record<string, Counts>>;
  /** 0, 2 (failed), 4 (unreachable) or 130 (interrupted). */
  readonly exitStatus: number;
}
