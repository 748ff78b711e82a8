// The options of the command line, as checked values.

import type { TrackWord } from "../playbook/play.js";
import type { VaultFlags } from "./vault-keys.js";

/** Options that every command which reaches hosts takes. */
export interface ReachOptions {
  readonly inventory: readonly string[];
  readonly limit: string | undefined;
  readonly extraVars: readonly string[];
  readonly forks: number | undefined;
  readonly verbosity: number;
  readonly user: string | undefined;
  readonly become: boolean;
  readonly becomeMethod: string | undefined;
  readonly becomeUser: string | undefined;
  readonly asksBecomePass: boolean;
  readonly asksPass: boolean;
  readonly acceptsNewHostKeys: boolean;
  readonly connectTimeoutSeconds: number;
  readonly connectRetries: number;
  /** How long trees are waited for that somebody else works on. */
  readonly lockTimeoutSeconds?: number | undefined;
  readonly entry: string | undefined;
  readonly vault: VaultFlags;
}

export interface PlayOptions extends ReachOptions {
  readonly playbooks: readonly string[];
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly isCheck: boolean;
  readonly isDiff: boolean;
  readonly startAtTask: string | undefined;
  readonly forcesHandlers: boolean;
  /** What is kept of trees in all plays. */
  readonly track?: readonly TrackWord[];
  /** The plays run on throwaway clones of the trees. */
  readonly isRehearsal?: boolean;
  /** Plays are transactions where they do not say otherwise. */
  readonly isAtomic?: boolean;
  /** Asks before each task. */
  readonly isStepped: boolean;
  /** `list`: shows what `lists` names. */
  readonly action: "play" | "list" | "syntax-check";
  readonly lists: ReadonlySet<"tasks" | "hosts" | "tags">;
  readonly output: "auto" | "plain" | "json";
  /** Where the run is written down, or `none`. */
  readonly runs?: string | undefined;
}

export interface ApplyOptions extends ReachOptions {
  readonly isCheck: boolean;
  readonly isDiff: boolean;
  /** Also what is not planned to the end. */
  readonly isPartial: boolean;
  readonly output: "auto" | "plain" | "json";
}

export interface ExecOptions extends ReachOptions {
  readonly pattern: string;
  readonly command: readonly string[];
  readonly asUser: string | undefined;
  readonly tty: boolean | undefined;
  /** `NAME=VALUE`, as memory_max=64M. */
  readonly limits: readonly string[];
  /** Words, some with commas between: CAP_NET_RAW, io_uring, /dev/fuse. */
  readonly allow: readonly string[];
}
