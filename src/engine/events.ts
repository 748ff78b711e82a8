// What the engine tells while it works; reports consume nothing else.

import type { Diagnostic, Place } from "../diagnostic/diagnostic.js";

/** Counts of one target, Ansible's meaning: `ok` includes `changed`; `rescued` and `ignored` count apart. */
export interface Counts {
  ok: number;
  changed: number;
  failed: number;
  skipped: number;
  unreachable: number;
  rescued: number;
  ignored: number;
}

export type TaskStatus = "ok" | "changed" | "failed" | "skipped" | "unreachable";

/** One file's difference. Undefined side: absent. Binary or secret content is described, not shown. */
export interface FileDiff {
  readonly title: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly beforeTitle?: string;
  readonly afterTitle?: string;
}

export interface TaskResultEvent {
  readonly event: "result";
  readonly play: string;
  readonly task: string;
  readonly module: string;
  readonly place: Place;
  readonly target: string;
  readonly status: TaskStatus;
  readonly isHandler: boolean;
  /** Failed, but ignore_errors or a rescue took it. */
  readonly isIgnored: boolean;
  readonly isRescued: boolean;
  /** Check mode could not know: depends on a command that was not run. */
  readonly mayChange: boolean;
  /** Where it acted, if that was another target (delegate_to). */
  readonly delegate?: string;
  /** Loop items' labels and their results come one by one before the task's own result. */
  readonly item?: string;
  /** The registered result, masked; no_log results hold only `censored`. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly message?: string;
  readonly remedy?: string;
  readonly diagnostics?: readonly Diagnostic[];
  readonly diffs: readonly FileDiff[];
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

export type EngineEvent =
  | { readonly event: "run"; readonly runId: string; readonly isCheck: boolean; readonly targets: number }
  | { readonly event: "play"; readonly play: string; readonly place: Place; readonly targets: readonly string[] }
  /** A target begins a task: for live progress. */
  | { readonly event: "start"; readonly play: string; readonly task: string; readonly target: string }
  | { readonly event: "item"; readonly of: TaskResultEvent }
  | TaskResultEvent
  | {
      readonly event: "output";
      readonly target: string;
      readonly task: string;
      readonly stream: "stdout" | "stderr";
      readonly data: Uint8Array;
    }
  | {
      readonly event: "unreachable";
      readonly target: string;
      /** In which task. */
      readonly task?: string;
      /** It is the target of a delegate_to that cannot be reached. */
      readonly delegate?: string;
      readonly message: string;
      readonly diagnostics: readonly Diagnostic[];
    }
  /** What came of a target's part in a play's transaction. */
  | {
      readonly event: "transaction";
      readonly target: string;
      /** Of the tree on its host. */
      readonly path: string;
      readonly outcome: "swapped" | "unchanged" | "discarded" | "failed";
      readonly message: string;
      /** The number under which the old tree is kept. */
      readonly old?: number;
      readonly remedy?: string;
    }
  /** What a rehearsal has changed in a target's clone. */
  | {
      readonly event: "rehearsal";
      readonly target: string;
      readonly path: string;
      /** `2 added, 1 removed, 3 changed`; `no difference`. */
      readonly summary: string;
      /** One for each difference, for people. */
      readonly lines: readonly string[];
      readonly differences: readonly Readonly<Record<string, unknown>>[];
      /** Of files' contents, with -D. */
      readonly diffs: readonly FileDiff[];
    }
  | { readonly event: "warning"; readonly diagnostic: Diagnostic }
  /** What the person in front of it should see now (pause). */
  | { readonly event: "notice"; readonly message: string }
  | {
      readonly event: "recap";
      readonly targets: Readonly<Record<string, Counts>>;
      readonly durationMs: number;
      /** What set_stats gave; absent: nothing. */
      readonly stats?: RunStats;
    };

/** Figures that tasks gave for the end of the run. */
export interface RunStats {
  readonly run: Readonly<Record<string, unknown>>;
  readonly targets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Takes events in the order in which they happen. */
export type EventSink = (event: EngineEvent) => void;
