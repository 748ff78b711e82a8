// What a task does to the run instead of to a tree, as data: the engine carries it out.

/** Adds a target to the inventory, or groups and variables to one that is there. */
export interface AddHostEffect {
  readonly kind: "addHost";
  readonly name: string;
  readonly groups: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
}

/** Puts the task's target into a group, which lies beneath the parents. */
export interface AddToGroupEffect {
  readonly kind: "addToGroup";
  readonly group: string;
  readonly parents: readonly string[];
}

/** Waits for a time, or (without one) for the person at the terminal. */
export interface PauseEffect {
  readonly kind: "pause";
  readonly ms: number | undefined;
  /** What is shown; absent: that Enter goes on. */
  readonly prompt: string | undefined;
  readonly isEchoed: boolean;
}

/** Variables of the controller's files for the task's target, later files on top; their values are templates. */
export interface IncludeVarsEffect {
  readonly kind: "includeVars";
  readonly paths: readonly string[];
  /** The one variable that holds them all; undefined: each is one. */
  readonly under: string | undefined;
}

/** Figures for the end of the run. */
export interface AddStatsEffect {
  readonly kind: "addStats";
  readonly data: Readonly<Record<string, unknown>>;
  readonly isPerTarget: boolean;
  /** Added to what is there already (numbers, texts, lists, maps), else instead of it. */
  readonly isAdded: boolean;
}

/** Gathers the target's facts anew. */
export interface GatherFactsEffect {
  readonly kind: "gatherFacts";
}

/** Connects anew until the host answers. */
export interface ReconnectEffect {
  readonly kind: "reconnect";
  readonly delayMs: number;
  readonly sleepMs: number;
  readonly timeoutMs: number;
}

export type Effect =
  | AddHostEffect
  | AddToGroupEffect
  | PauseEffect
  | IncludeVarsEffect
  | AddStatsEffect
  | GatherFactsEffect
  | ReconnectEffect;

/** What came of an effect. */
export interface EffectOutcome {
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** The inventory is another one than before (addHost, addToGroup). */
  readonly isChanged?: boolean;
  /** What was typed (pause). */
  readonly input?: string;
  /** There is nobody at a terminal who could be asked (pause). */
  readonly isUnattended?: boolean;
  /** The variables as they are written (includeVars), the facts (gatherFacts). */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Why it did not come about (reconnect). */
  readonly failure?: string;
}
