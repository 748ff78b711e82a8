// What one task (or one item of its loop) asks of a target: arguments, context, probes.

import { writtenSecrets } from "./written-secrets.js";
import { CrunError } from "../../diagnostic/diagnostic.js";
import type { WrittenLimits } from "../../facts/process-limits.js";
import type { Change } from "../../module/change.js";
import { MAKE_USER } from "../../module/failure-text.js";
import type { Context, JobState, LocalSource, Plan, Probes, Seen } from "../../module/contract.js";
import type { Model } from "../../module/model.js";
import { specOf, valueOf } from "../../module/param.js";
import type { ExecSpec, Observation, Probe, ReadProbe } from "../../module/probe.js";
import { refusalOfIds } from "../../module/ids.js";
import { wholeReach, type Ground, type Reach } from "../../module/reach.js";
import type { Scope } from "../../module/value.js";
import type { Task } from "../../playbook/play.js";
import { OMIT, textOf } from "../../playbook/scope/values.js";
import { haveSameSources } from "../look/alike.js";
import { allowFor } from "./allow-of.js";
import { limitsFor } from "./limits-of.js";
import type { Masker } from "./masker.js";
import type { Sources } from "./sources.js";
import type { Arguments, TaskInfo } from "./task-info.js";

/** Thrown where something of the host is asked for and no connection was made yet. */
export class NeedsConnection extends Error {}

/** Where tasks act: fixed for a target and a play. */
export interface ContextBase {
  readonly target: Context["target"];
  /** Undefined before the connection is up. */
  architecture(): string | undefined;
  /** Undefined before the connection is up. */
  reach?(): Reach | undefined;
  /** What changes are made in. */
  readonly ground: Ground;
}

const noSources: Readonly<Record<string, LocalSource>> = {};
const noEnvironment: Readonly<Record<string, string>> = {};

/** The module's context; notes whether something that differs from target to target was read. */
export class TaskContext implements Context {
  readonly pid = process.pid;
  readonly verbosity: number;
  readonly sources: Readonly<Record<string, LocalSource>>;
  readonly extra: Readonly<Record<string, unknown>>;
  isSpecific = false;
  readonly #base: ContextBase;
  readonly #becomeUser: string | undefined;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #jobOf: JobLookup;
  #startedAt: Date | undefined;
  #waitingSince: number | undefined;
  #elapsedMs = 0;

  constructor(
    base: ContextBase,
    verbosity: number,
    user: { readonly becomeUser: string | undefined; readonly environment: Readonly<Record<string, string>> },
    sources: Readonly<Record<string, LocalSource>>,
    extra: Readonly<Record<string, unknown>>,
    jobOf: JobLookup = () => undefined,
  ) {
    this.#base = base;
    this.verbosity = verbosity;
    this.#becomeUser = user.becomeUser;
    this.#environment = user.environment;
    this.sources = sources;
    this.extra = extra;
    this.#jobOf = jobOf;
  }

  get target(): Context["target"] {
    this.isSpecific = true;
    return this.#base.target;
  }

  get startedAt(): Date {
    this.isSpecific = true;
    return (this.#startedAt ??= new Date());
  }

  /** The next look comes later. */
  wait(): void {
    this.#waitingSince ??= performance.now();
  }

  /** A look begins: all that is planned from it sees the same time. */
  look(): void {
    if (this.#waitingSince !== undefined) this.#elapsedMs = performance.now() - this.#waitingSince;
  }

  get elapsedMs(): number {
    this.isSpecific = true;
    return this.#elapsedMs;
  }

  get becomeUser(): string | undefined {
    return this.#becomeUser;
  }

  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  get architecture(): string {
    this.isSpecific = true;
    const known = this.#base.architecture();
    if (known === undefined) throw new NeedsConnection();
    return known;
  }

  get reach(): Reach {
    this.isSpecific = true;
    if (this.#base.reach === undefined) return wholeReach;
    const known = this.#base.reach();
    if (known === undefined) throw new NeedsConnection();
    return known;
  }

  job(id: string): JobState | undefined {
    this.isSpecific = true;
    return this.#jobOf(this.#base.target.name, id);
  }
}

/** A task's wants for one target, rendered. */
export interface Prepared {
  readonly args: Arguments;
  readonly context: TaskContext;
  readonly probes: Probes;
  /** The user that the task's programs run as and its new files belong to. Undefined: root. */
  readonly becomeUser: string | undefined;
  readonly environment: Readonly<Record<string, string>> | undefined;
  /** Of the programs that change something. */
  readonly limits: WrittenLimits | undefined;
  /** Of the same programs: what they may have beyond the entry's default. */
  readonly allow: readonly string[] | undefined;
  /** What its probes were answered, as long as `knowledge` is the venue's. */
  look: { readonly seen: Seen<Probes>; readonly isCertain: true; readonly knowledge: object } | undefined;
}

export interface PrepareWith {
  readonly sources: Sources;
  readonly masker: Masker;
  readonly base: ContextBase;
  readonly becomesByDefault: boolean;
  /** Whom tasks become that do not say it. */
  readonly becomeUser?: string | undefined;
  readonly verbosity: number;
  readonly jobOf: JobLookup;
}

/** A job of a target, by its id. */
export type JobLookup = (target: string, id: string) => JobState | undefined;

/** Renders a task's arguments and asks its module what to look at. Throws CrunError, PendingVariable or NeedsConnection. */
export function prepare(info: TaskInfo, scope: Scope, using: PrepareWith): Prepared {
  const { task } = info;
  const args = info.argumentsFor(scope);
  for (const name of info.secretNames) using.masker.add(valueOf(args.params, name));
  if (info.searched !== args) {
    const isOpen = task.module.hasOpenParams === true;
    for (const secret of writtenSecrets(isOpen ? args.extra : args.params, !isOpen)) using.masker.add(secret);
    info.searched = args;
  }
  const sources = info.sourceNames.length === 0 ? noSources : sourcesOf(info, args, scope, using.sources);
  const context = contextFor(info, args, scope, using, sources);
  const { becomeUser } = context;
  const environment = task.environment.length === 0 ? undefined : context.environment;
  const limits = limitsFor(task, scope);
  const allow = allowFor(task, scope);
  const known = info.asked;
  if (known && environment === undefined && isAskedAlike(known, args, context))
    return { args, context, probes: known.probes, becomeUser, environment, limits, allow, look: undefined };
  const probes = decorateProbes(task.module.observe(args.params, context), becomeUser, environment);
  const prepared: Prepared = { args, context, probes, becomeUser, environment, limits, allow, look: undefined };
  if (!context.isSpecific && environment === undefined) info.asked = prepared;
  return prepared;
}

/** What the module may know of a task with these arguments. */
export function contextFor(
  { task }: TaskInfo,
  args: Arguments,
  scope: Scope,
  using: PrepareWith,
  sources: TaskContext["sources"],
): TaskContext {
  const becomeUser = becomeUserOf(task, scope, using);
  const environment = task.environment.length === 0 ? noEnvironment : environmentOf(task, scope);
  return new TaskContext(using.base, using.verbosity, { becomeUser, environment }, sources, args.extra, using.jobOf);
}

/** Whether all that the probes are made from is the same for both. */
function isAskedAlike(known: Prepared, args: Arguments, context: TaskContext): boolean {
  return (
    known.args === args &&
    known.becomeUser === context.becomeUser &&
    haveSameSources(known.context.sources, context.sources)
  );
}

/** Second look, for modules that have one. */
export function prepareMore(info: TaskInfo, prepared: Prepared, seen: Seen<Probes>): Probes | undefined {
  const more = info.task.module.observeMore?.(prepared.args.params, seen, prepared.context);
  return more && decorateProbes(more, prepared.becomeUser, prepared.environment);
}

function becomeUserOf(task: Task, scope: Scope, using: PrepareWith): string | undefined {
  if (!task.becomeUser && using.becomeUser === undefined) return undefined;
  const isWanted = task.become ? isTrue(task.become.render(scope)) : using.becomesByDefault;
  if (!isWanted) return undefined;
  const user = task.becomeUser ? String(task.becomeUser.render(scope)) : (using.becomeUser ?? "");
  return user === "root" || user === "" ? undefined : user;
}

/** Truth of a keyword's value, Ansible's words taken. */
export function isTrue(value: unknown): boolean {
  if (typeof value === "string") return ["true", "yes", "on", "1", "y", "t"].includes(value.toLowerCase());
  return value === true || value === 1;
}

function environmentOf(task: Task, scope: Scope): Readonly<Record<string, string>> {
  const merged: Record<string, string> = {};
  for (const one of task.environment) {
    const value = one.render(scope);
    const maps: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const map of maps) {
      if (map === undefined || map === null || map === "") continue;
      if (typeof map !== "object") {
        throw new CrunError(
          {
            severity: "error",
            summary: `environment must be a map, not ${JSON.stringify(map)}`,
            place: one.place ?? task.place,
          },
          2,
        );
      }
      for (const [name, given] of Object.entries(map)) {
        if (given === OMIT) continue;
        if (name === "" || /[=\0]/.test(name)) {
          const summary = `environment: ${JSON.stringify(name)} cannot be the name of a variable`;
          throw new CrunError({ severity: "error", summary, place: one.place ?? task.place }, 2);
        }
        merged[name] = textOf(given);
      }
    }
  }
  return merged;
}

/** The files that params name, found, read and rendered; `standIn` instead of rendering. */
export function sourcesOf(
  info: TaskInfo,
  { params }: Arguments,
  scope: Scope,
  sources: Sources,
  standIn?: (path: string, mode: number) => LocalSource,
): Readonly<Record<string, LocalSource>> {
  const { task } = info;
  const found: Record<string, LocalSource> = {};
  for (const param of info.sourceNames) {
    const rule = specOf(task.module.params, param)?.source;
    const value = valueOf(params, param);
    if (!rule || typeof value !== "string" || value === "") continue;
    if (rule.unless !== undefined && valueOf(params, rule.unless) === true) continue;
    const name = rule.isCommandLine ? firstWord(value) : value;
    const place = task.args[param.split(".")[0] ?? param]?.place ?? task.place;
    const query = {
      name,
      folder: rule.folder,
      directories: task.searchDirectories,
      place,
      asked: `${task.module.name}: ${param}`,
    };
    const path = sources.find(query);
    if (!rule.isTemplate)
      found[param] = sources.read(path, place, {
        followsLinks: isWanted(rule.followsLinks, params),
        isOpened: rule.decryptedBy === undefined || params[rule.decryptedBy] !== false,
      });
    else if (standIn) found[param] = standIn(path, sources.modeOf(path, query));
    else found[param] = sources.render(path, query, scope, String(params["dest"] ?? ""));
  }
  return found;
}

function isWanted(flag: string | true | undefined, params: Arguments["params"]): boolean {
  return flag === true || (flag !== undefined && params[flag] !== false);
}

/** The first word of a command line, quotes and backslashes heeded. */
function firstWord(line: string): string {
  const match = /^\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s\\]|\\.)+))/s.exec(line);
  return (match?.[1] ?? match?.[2] ?? match?.[3] ?? line).replace(/\\(.)/gs, "$1");
}

function decorateProbes(
  probes: Probes,
  user: string | undefined,
  environment: Readonly<Record<string, string>> | undefined,
): Probes {
  if (user === undefined && environment === undefined) return probes;
  const decorate = (probe: Probe): Probe =>
    probe.kind === "exec" ? { ...probe, exec: decorateExec(probe.exec, user, environment) } : probe;
  return Object.fromEntries(
    Object.entries(probes).map(([name, one]) => [
      name,
      "kind" in one ? decorate(one as Probe) : (one as readonly Probe[]).map(decorate),
    ]),
  );
}

function decorateExec(
  exec: ExecSpec,
  user: string | undefined,
  environment: Readonly<Record<string, string>> | undefined,
  limits?: WrittenLimits,
  allow?: readonly string[],
): ExecSpec {
  return {
    ...exec,
    ...(limits ? { limits } : {}),
    ...(allow ? { allow } : {}),
    ...(user !== undefined && exec.user === undefined ? { user } : {}),
    ...(environment ? { environment: { ...environment, ...exec.environment } } : {}),
  };
}

const passwdProbe: ReadProbe = { kind: "read", path: "/etc/passwd" };

/** A plan with the task's user and environment in its changes; or probes that are missing for it. */
export function decoratePlan(
  plan: Plan,
  prepared: Prepared,
  venue: { readonly model: Model },
): Plan | { readonly missing: readonly Probe[] } {
  const { becomeUser, environment, limits, allow } = prepared;
  const isPlain = [becomeUser, environment, limits, allow].every((one) => one === undefined);
  const refusal = refusalOfIds(plan.changes);
  if (refusal) return { changes: [], refusal };
  if (isPlain || plan.changes.length === 0) return plan;
  let owner: { readonly uid: number; readonly gid: number } | undefined;
  if (becomeUser !== undefined && plan.changes.some(takesOwner)) {
    const answer = venue.model.answer(passwdProbe);
    if (answer.kind === "ask") return { missing: [answer.probe] };
    owner = ownerIn(answer.observation, becomeUser);
    if (!owner) {
      return {
        changes: [],
        refusal: {
          message: `become_user: the tree has no user ${JSON.stringify(becomeUser)}`,
          remedy: MAKE_USER,
        },
      };
    }
  }
  const changes = plan.changes.map((change): Change => {
    if (change.kind === "exec")
      return { ...change, exec: decorateExec(change.exec, becomeUser, environment, limits, allow) };
    return owner && takesOwner(change) ? { ...owner, ...change } : change;
  });
  return { ...plan, changes, ...(plan.conclude ? { conclude: (outcomes) => plan.conclude?.(outcomes) ?? {} } : {}) };
}

function takesOwner(change: Change): boolean {
  const isMade =
    change.kind === "writeFile" ||
    change.kind === "makeDirectory" ||
    change.kind === "makeLink" ||
    change.kind === "copyFile";
  return isMade && change.uid === undefined && (change.expect.type === "absent" || change.kind === "makeDirectory");
}

function ownerIn(observation: Observation, user: string): { readonly uid: number; readonly gid: number } | undefined {
  const text =
    observation.kind === "read" && observation.content ? Buffer.from(observation.content).toString("latin1") : "";
  for (const line of text.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name !== user && uid !== user) continue;
    if (/^\d+$/.test(uid ?? "") && /^\d+$/.test(gid ?? "")) return { uid: Number(uid), gid: Number(gid) };
  }
  return /^\d+$/.test(user) ? { uid: Number(user), gid: Number(user) } : undefined;
}
