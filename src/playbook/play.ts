// The checked shape of plays and tasks: what the loader makes of YAML and the engine runs.

import type { Place } from "../diagnostic/diagnostic.js";
import type { AnyModule } from "../module/contract.js";
import type { Expression, Renderable, VarLayer } from "../module/value.js";

export interface Playbook {
  readonly file: string;
  readonly plays: readonly Play[];
}

/** What can be kept of trees that a play changes. */
export const trackWords = ["snapshot", "etckeeper"] as const;
export type TrackWord = (typeof trackWords)[number];

export interface Play {
  readonly name: string;
  readonly place: Place;
  readonly tags: ReadonlySet<string>;
  /** Pattern of targets. */
  readonly hosts: Renderable;
  readonly vars: VarLayer;
  readonly prompts: readonly VarPrompt[];
  /** What was answered to the prompts: above `vars`, of which it is a part. Filled before the play begins. */
  readonly answers: Map<string, Renderable | { readonly raw: unknown }>;
  /** vars_files as written (may hold templates; a list item may be a list: first that exists). */
  readonly varsFiles: readonly Renderable[];
  /** How the hosts are reached where the inventory says nothing. */
  readonly reach: ReachKeywords | undefined;
  readonly gatherFacts: boolean | undefined;
  readonly strategy: "free" | "linear";
  readonly serial: readonly (number | string)[] | undefined;
  readonly maxFailPercentage: number | undefined;
  readonly anyErrorsFatal: boolean;
  readonly order: "inventory" | "reverse_inventory" | "sorted" | "reverse_sorted" | "shuffle";
  /** Undefined: as the command line says. */
  readonly forceHandlers: boolean | undefined;
  /** What is kept of its trees before and after the run. */
  readonly track: ReadonlySet<TrackWord>;
  /**
   * Its targets act in clones of their trees, which are swapped in where all went well. `running`: what is done where a machine runs from the tree;
   * `keep`: how many trees that were replaced so are kept. Null: not even where the command line says so; undefined: as it says.
   */
  readonly transaction: { readonly running: "refuse" | "restart"; readonly keep: number } | null | undefined;
  /** Roles' defaults, lowest precedence, in order. */
  readonly roleDefaults: readonly VarLayer[];
  /** Roles' vars, above the play's vars and vars_files, in order. A role's tasks have their own once more in `vars`. */
  readonly roleVars: readonly VarLayer[];
  /** Names of its roles, and of what those depend on. */
  readonly roleNames: { readonly own: readonly string[]; readonly dependencies: readonly string[] };
  /** pre_tasks, flush, roles, tasks, flush, post_tasks, flush: in the order in which they run. */
  readonly nodes: readonly Node[];
  /** In the order in which they are written: the order in which they run. */
  readonly handlers: readonly Handler[];
  /** Directory that relative paths start from, and names for magic variables. */
  readonly directory: string;
}

/** A variable that a play asks the person for. */
export interface VarPrompt {
  readonly name: string;
  readonly place: Place;
  readonly source: string | undefined;
  readonly question: string | undefined;
  readonly default: Renderable | undefined;
  /** The answer is not shown while it is typed, nor anywhere later. */
  readonly isPrivate: boolean;
  readonly isConfirmed: boolean;
  /** Braces in the answer mean nothing. */
  readonly isUnsafe: boolean;
  /** The variable holds the answer's hash, as password_hash makes it. */
  readonly hash:
    | { readonly method: string; readonly salt: string | undefined; readonly saltSize: number | undefined }
    | undefined;
}

/** connection, remote_user, port and the become keywords, as they are written. */
export type ReachKeywords = Readonly<
  Record<"connection" | "user" | "port" | "becomeMethod" | "becomeExe" | "becomeFlags", Renderable | undefined>
>;

export type Node = Task | Block | Include | Meta;

/** What can be notified: a task, a file of tasks (include_tasks), an action of the engine. */
export type Handler = Exclude<Node, Block>;

/** What a task has of its own or inherited from its blocks, role and play: already resolved by the loader. */
export interface Inherited {
  readonly place: Place;
  readonly tags: ReadonlySet<string>;
  /** All must hold, outermost first. */
  readonly when: readonly Expression[];
  /** Innermost last. */
  readonly vars: readonly VarLayer[];
  readonly environment: readonly Renderable[];
  /** Of its programs: maps of limits, innermost last. */
  readonly limits: readonly Renderable[];
  /** What its programs may have beyond the entry's default: a list of words, or one. The innermost alone counts. */
  readonly allow: Renderable | undefined;
  readonly become: Renderable | undefined;
  readonly becomeUser: Renderable | undefined;
  readonly ignoreErrors: Renderable | undefined;
  readonly ignoreUnreachable: Renderable | undefined;
  readonly checkMode: Renderable | undefined;
  readonly diff: Renderable | undefined;
  readonly noLog: Renderable | undefined;
  readonly anyErrorsFatal: boolean;
  /** At most so many targets in a task at once; undefined: any number. */
  readonly throttle: number | undefined;
  /** Seconds that a task may take. */
  readonly timeoutSeconds: Renderable | undefined;
  /** At most so many of one physical host. */
  readonly throttlePerHost: number | undefined;
  readonly runOnce: boolean;
  readonly delegateTo: Renderable | undefined;
  readonly delegateFacts: boolean;
  /** Set for tasks of a role. */
  readonly role: RoleInfo | undefined;
  /** Where `src` files are looked up, first to last (role's, then playbook's), without the `files`/`templates` part. */
  readonly searchDirectories: readonly string[];
}

export interface RoleInfo {
  readonly name: string;
  readonly path: string;
  /** Its own defaults after those of the roles that depend on it: for its tasks they lie above all other roles' defaults. */
  readonly defaults: readonly VarLayer[];
  /** Roles that it was imported or included from, the nearest first. */
  readonly parents: readonly { readonly name: string; readonly path: string }[];
  /** Same for all uses of a role with the same arguments: a target that has come through one of them, and ran a task of it, passes over the others. */
  readonly key: string;
  /** Items of the include's loop tell uses apart as well. */
  readonly isIncluded: boolean;
  /** It is not passed over (allow_duplicates). */
  readonly isRepeatable: boolean;
}

export interface Task extends Inherited {
  readonly kind: "task";
  /** As written, or made from the module's name and its free text. May be a template. */
  readonly name: Renderable | undefined;
  readonly module: AnyModule;
  /** Arguments under the params' main names (aliases resolved), module_defaults merged in. Static ones are converted and checked once. */
  readonly args: Readonly<Record<string, Renderable>>;
  /** A single template that must give a map of arguments (`args: "{{vars}}"`). */
  readonly loop: Renderable | undefined;
  readonly loopControl: LoopControl;
  readonly register: string | undefined;
  readonly until: readonly Expression[] | undefined;
  readonly retries: Renderable | undefined;
  readonly delaySeconds: Renderable | undefined;
  /** `async`: seconds that the task may take, as a job. */
  readonly asyncSeconds: Renderable | undefined;
  /** `poll`: 0 leaves the job in the background. */
  readonly pollSeconds: Renderable | undefined;
  readonly changedWhen: readonly Expression[] | undefined;
  readonly failedWhen: readonly Expression[] | undefined;
  readonly notify: readonly Renderable[];
  /** Handlers only. */
  readonly listen: readonly string[];
}

export interface LoopControl {
  readonly loopVar: string;
  readonly indexVar: string | undefined;
  readonly label: Renderable | undefined;
  readonly pauseSeconds: Renderable | undefined;
  readonly isExtended: boolean;
  /** extended_allitems: the extended `loop` holds all items. */
  readonly hasAllItems: boolean;
}

export interface Block extends Inherited {
  readonly kind: "block";
  readonly name: Renderable | undefined;
  readonly block: readonly Node[];
  readonly rescue: readonly Node[];
  readonly always: readonly Node[];
}

/** include_tasks and include_role: read when they are reached. import_* and `roles:` were expanded by the loader. */
export interface Include extends Inherited {
  readonly kind: "include";
  readonly name: Renderable | undefined;
  readonly action: "include_tasks" | "include_role";
  readonly loop: Renderable | undefined;
  readonly loopControl: LoopControl;
  readonly file: Renderable;
  /** include_role: `tasks_from` and the like, by the folder. */
  readonly from: Readonly<Partial<Record<RolePart, Renderable>>>;
  /** Handlers only. */
  readonly listen: readonly string[];
  /** Reads and checks the file (or role) that was rendered; the nodes inherit from this include. Throws a CrunError. */
  load(file: string, from?: IncludeWish["from"]): Promise<Included>;
}

/** Folders of a role of which an include can name the file. */
export type RolePart = "tasks" | "vars" | "defaults" | "handlers";

/** What an include comes to on a target. */
export interface IncludeWish {
  /** The file, or the role's name. */
  readonly file: string;
  readonly from: Readonly<Partial<Record<RolePart, string>>>;
}

export interface Included {
  readonly nodes: readonly Node[];
  readonly handlers: readonly Handler[];
  /** What public roles, and those that are imported in what was read, show to the tasks that come after it. */
  readonly defaults: readonly VarLayer[];
  readonly vars: readonly VarLayer[];
}

export interface Meta extends Inherited {
  readonly kind: "meta";
  readonly name: Renderable | undefined;
  /** Made by the loader: nobody wrote it. */
  readonly isImplicit: boolean;
  /** Handlers only. */
  readonly listen: readonly string[];
  readonly action:
    | "flush_handlers"
    /** Ends the tasks of a role: made by the loader, nobody writes it. */
    | "role_complete"
    | "end_play"
    | "end_batch"
    | "end_host"
    | "clear_facts"
    | "clear_host_errors"
    | "noop"
    | "reset_connection"
    | "refresh_inventory";
}
