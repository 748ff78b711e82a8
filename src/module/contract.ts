// The contract between a module and the engine: params, observe, plan.

import type { Change, Outcome } from "./change.js";
import type { Effect, EffectOutcome } from "./effect.js";
import type { ParamRules, ParamSpecs, ParamsOf } from "./param.js";
import type { Content, ObservationOf, Probe } from "./probe.js";
import type { Reach } from "./reach.js";

/** Probes by name; a list where their number depends on the params. */
export type Probes = Readonly<Record<string, Probe | readonly Probe[]>>;

/** What was seen, under the names of the probes. */
export type Seen<P extends Probes> = {
  readonly [K in keyof P]: P[K] extends Probe
    ? ObservationOf<P[K]>
    : P[K] extends readonly (infer E extends Probe)[]
      ? readonly ObservationOf<E>[]
      : never;
};

/** A file or directory of the controller that a param names. Digests are hex. */
export type LocalSource =
  | {
      readonly kind: "file";
      /** Where it was found. */
      readonly path: string;
      readonly mode: number;
      readonly content: Content;
      readonly sha1: string;
      readonly md5: string;
    }
  | {
      readonly kind: "directory";
      readonly path: string;
      readonly mode: number;
      /** Parents before children, names relative. */
      readonly entries: readonly LocalEntry[];
    };

export interface LocalEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "link";
  readonly mode: number;
  readonly content?: Content;
  readonly sha1?: string;
  readonly target?: string;
}

/** What a module may know besides its params and what was seen. Fixed for a task on a target; no clock, no I/O behind it. */
export interface Context {
  readonly target: {
    readonly name: string;
    readonly host: string;
    /** As the target's name has it: undefined too for a plain name whose variables say where the tree lies. */
    readonly tree: string | undefined;
    /** Of the tree on the host; `/` is the host's own root. */
    readonly path: string;
    readonly entry: string;
    /** Where trees with plain names lie on the host. */
    readonly trees: string;
    /** How new trees are stored there (crun_backend), where the inventory says so. */
    readonly backend?: string;
  };
  /** When the task was begun, and the run's process id: for names of backups and for dates. */
  readonly startedAt: Date;
  readonly pid: number;
  /** Who exec changes run as, if the task says become_user. */
  readonly becomeUser: string | undefined;
  /** The task's `environment`: what its programs find besides the standard variables. */
  readonly environment: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, LocalSource>>;
  /** Keys that are no params, for modules with `hasOpenParams` (set_fact, add_host). */
  readonly extra: Readonly<Record<string, unknown>>;
  /** How long the task has waited for what it looks at, in milliseconds; 0 at the first look (see `Plan.again`). */
  readonly elapsedMs: number;
  /** How many -v the run was given. */
  readonly verbosity: number;
  /** The kernel's name for the host's machine, as `x86_64`. */
  readonly architecture: string;
  /** What crun can have on the host, where it is not root. */
  readonly reach: Reach;
  /** A job that this run began on the target (`async` with `poll: 0`), as it is now; undefined: there is none of that id. */
  job(id: string): JobState | undefined;
}

/** A job at a moment. */
export interface JobState {
  readonly isFinished: boolean;
  /** What the task would have registered; of a job that still runs, its id and that it was started. */
  readonly result: ResultFields & { readonly changed: boolean; readonly failed: boolean; readonly msg: string };
  readonly remedy?: string | undefined;
}

/** Keys that `register` gets, Ansible's names. `changed failed skipped msg` are added by the engine. */
export type ResultFields = Readonly<Record<string, unknown>>;

/** Why a task cannot be done. `message` is one sentence; `remedy` says what to do. */
export interface Refusal {
  readonly message: string;
  readonly remedy?: string;
  readonly result?: ResultFields;
}

export interface Plan {
  /** Empty: converged. */
  readonly changes: readonly Change[];
  readonly result?: ResultFields;
  /** Shown as the task's message and registered as `msg`. */
  readonly message?: string;
  readonly warnings?: readonly string[];
  /** Nothing is done and the task fails. */
  readonly refusal?: Refusal;
  /** Ansible's `skipped: true` with a reason in `message`. */
  readonly isSkipped?: boolean;
  /**
   * Of a module that acts on the host: what the target's tree will be once the changes are done. Check mode looks at `likeTree` (a path on the
   * host) from then on; of `unknown` it says that later tasks may change something.
   */
  readonly leaves?: { readonly likeTree: string } | "unknown";
  /** Of a module that acts on the host: the target's tree is unmounted, so crun itself must not have it open meanwhile. */
  readonly unmounts?: boolean;
  /** Without changes of its own it tells of what a job has changed (async_status). */
  readonly isChangedByJob?: boolean;
  /** The id of a job that need not be remembered any more. */
  readonly forgetsJob?: string;
  /** Variables for the target from here on (set_fact). */
  readonly facts?: Readonly<Record<string, unknown>>;
  /**
   * What is done to the run, in order, in check mode too, once all that was planned before is done. Only of modules that say so (`effects`), and
   * not beside changes.
   */
  readonly effects?: readonly Effect[];
  /**
   * Not there yet: the engine carries the changes out, if there are any, then looks and plans again after this time (`context.elapsedMs` is more than 0 from
   * then on). In check mode, which does not wait, the plan counts as it is.
   */
  readonly again?: { readonly afterMs: number };
  /** Carried out when one of the changes failed or was stopped: what was half made goes away. What comes of them counts nowhere. */
  readonly onFailure?: readonly Change[];
  /** More for `--diff` than the engine sees in the changes (a command's limits, a package list). */
  readonly diff?: readonly { readonly title: string; readonly before: string; readonly after: string }[];
  /** Pure: what the outcomes of the changes (one each, in order, as far as they were tried) make of the result. Not called in check mode. */
  conclude?(outcomes: readonly Outcome[]): Conclusion;
  /** Pure: the same of effects, one outcome each. */
  concludeEffects?(outcomes: readonly EffectOutcome[]): Conclusion;
}

export interface Conclusion {
  readonly result?: ResultFields;
  readonly message?: string;
  /** Only to take back: a command that reported that it changed nothing. */
  readonly changed?: boolean;
  readonly warnings?: readonly string[];
  readonly refusal?: Refusal;
}

export interface Example {
  readonly title: string;
  /** YAML of one task or a list of tasks. */
  readonly yaml: string;
}

/**
 * A module. `observe` and `plan` are pure: same arguments, same answer; no I/O, clock, randomness or await. The law
 * `plan(predict(plan(s), s)) = []` holds for every module and is tested.
 */
export interface Module<S extends ParamSpecs, A extends Probes, B extends Probes> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly doc?: string;
  readonly params: S;
  readonly rules?: ParamRules;
  /** The param that free text goes to (`command: ls -l`). */
  readonly freeForm?: keyof S & string;
  readonly hasOpenParams?: boolean;
  /** Its open params become variables of the target (set_fact). */
  readonly setsVariables?: boolean;
  /**
   * `host`: probes and changes are of the host that the target lies on, while `context.target` is the target all the same, a tree that need not be
   * there (tree, machine). The target's own tree is opened anew once something was changed.
   */
  readonly actsOn?: "tree" | "host";
  /** Why it can do nothing on a host where crun is not root: half a sentence. What is as it is wanted stays `ok` there. */
  readonly takesRoot?: string;
  /** Ansible's bypass of the host loop: done once for all targets of the play, by the first (add_host, pause). */
  readonly runsOnce?: boolean;
  /**
   * Its plan may have effects or wait: what lies behind it is looked at afterwards. `run`: on all targets, so all are waited for behind it.
   * `variables`: on the target's variables alone, which spoils nothing that was looked at.
   */
  readonly effects?: "target" | "run" | "variables";
  /** It only talks to the controller (debug, assert): whatever is not known yet, nothing will change. */
  readonly neverChanges?: boolean;
  /** Nothing that becomes known only in a real run can make it fail: a saved plan goes on past it (debug, set_fact). */
  readonly neverFails?: boolean;
  /** Keys of the result, for the documentation. */
  readonly returns?: Readonly<Record<string, string>>;
  readonly examples: readonly Example[];
  /** Checks beyond types, at preflight where no value is a template: a sentence for what is wrong, or nothing. */
  check?(params: ParamsOf<S>): string | undefined;
  observe(params: ParamsOf<S>, context: Context): A;
  /** Only where the second look depends on the first. */
  observeMore?(params: ParamsOf<S>, seen: Seen<A>, context: Context): B;
  plan(params: ParamsOf<S>, seen: Seen<A> & Seen<B>, context: Context): Plan;
}

/** A module as the engine holds it, its own types forgotten. */
export interface AnyModule {
  readonly name: string;
  readonly summary: string;
  readonly doc?: string;
  readonly params: ParamSpecs;
  readonly rules?: ParamRules;
  readonly freeForm?: string;
  readonly hasOpenParams?: boolean;
  readonly setsVariables?: boolean;
  readonly actsOn?: "tree" | "host";
  readonly takesRoot?: string;
  readonly runsOnce?: boolean;
  readonly effects?: "target" | "run" | "variables";
  readonly neverChanges?: boolean;
  readonly neverFails?: boolean;
  readonly returns?: Readonly<Record<string, string>>;
  readonly examples: readonly Example[];
  check?(params: Readonly<Record<string, unknown>>): string | undefined;
  observe(params: Readonly<Record<string, unknown>>, context: Context): Probes;
  observeMore?(params: Readonly<Record<string, unknown>>, seen: Seen<Probes>, context: Context): Probes;
  plan(params: Readonly<Record<string, unknown>>, seen: Seen<Probes>, context: Context): Plan;
}

/** Defines a module: checks its types against each other, then forgets them. */
export function defineModule<const S extends ParamSpecs, A extends Probes, B extends Probes = Record<never, never>>(
  module: Module<S, A, B>,
): AnyModule {
  return module as unknown as AnyModule;
}

/** Modules by name; each is loaded when it is first asked for. */
export interface ModuleRegistry {
  readonly names: readonly string[];
  load(name: string): Promise<AnyModule | undefined>;
}
