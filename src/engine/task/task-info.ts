// What can be said of a task once for all targets: its static arguments, the names it uses, what it needs.

import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import { namedSpecs } from "../../module/param.js";
import { convertParams } from "../../module/params.js";
import type { Probe } from "../../module/probe.js";
import type { Renderable } from "../../module/value.js";
import type { Task } from "../../playbook/play.js";
import { templateOfValue } from "../../playbook/template/template.js";
import { settled } from "../../playbook/scope/lazy-map.js";
import { OMIT } from "../../playbook/scope/values.js";
import { SharedPlans } from "../look/alike.js";
import type { Prepared } from "./prepared.js";

export interface Arguments {
  readonly params: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Lists that become shorter while a play runs. */
const listsOfTargets = [
  "ansible_play_hosts",
  "ansible_play_batch",
  "play_hosts",
  "ansible_current_hosts",
  "ansible_failed_hosts",
];

const nothing: Readonly<Record<string, unknown>> = {};

export class TaskInfo {
  readonly task: Task;
  /** The name where it is no template, else as it is written in the module's name. */
  readonly title: string;
  readonly hasStaticTitle: boolean;
  /** Argument names in order. */
  readonly argNames: readonly string[];
  /** Root names that anything in the task may look up. */
  readonly names: ReadonlySet<string>;
  readonly usesHostvars: boolean;
  /** It reads what other targets do: their variables, or which of them are still there. */
  readonly usesOthers: boolean;
  /** The result is looked at by the task itself or later tasks. */
  readonly needsResult: boolean;
  /** Params that name files of the controller. */
  readonly sourceNames: readonly string[];
  readonly secretNames: readonly string[];
  /** What was asked for the last target, unless something of its own went into it: the next one mostly asks the same. */
  asked: Prepared | undefined;
  /** What was asked on the chance that it will be, before all was known. */
  glanced: { readonly args: Arguments; readonly probes: readonly Probe[] } | undefined;
  /** What was looked through for secrets last: mostly the next target's arguments are the same. */
  searched: Arguments | undefined;
  /** Plans that targets share. */
  readonly plans = new SharedPlans();
  /** The last target's arguments, and what they were made of. */
  #last: Arguments | undefined;
  #rendered: readonly unknown[] = [];
  readonly #args: readonly (readonly [string, Renderable])[];
  /** Maps of all variables are looked through now: what is wrong in them is the task's fault, not the report's. */
  readonly #readsAll: boolean;
  /** Names of arguments that are templates (set_fact), by the text that they are. */
  readonly #nameTemplates: ReadonlyMap<string, Renderable & { readonly names: ReadonlySet<string> }>;
  readonly isStatic: boolean;

  constructor(task: Task) {
    this.task = task;
    this.#args = Object.entries(task.args);
    this.argNames = this.#args.map(([name]) => name);
    const open = task.module.hasOpenParams ? this.argNames.filter((one) => one.includes("{{")) : [];
    this.#nameTemplates = new Map(open.map((one) => [one, templateOfValue(one, one, task.place)]));
    this.isStatic = open.length === 0 && this.#args.every(([, value]) => value.isStatic);
    const name = task.name;
    this.hasStaticTitle = name === undefined || name.isStatic;
    this.title = name === undefined ? task.module.name : titleOf(name);
    const names = new Set<string>();
    for (const source of [...namesIn(task), ...this.#nameTemplates.values()])
      for (const one of source.names) names.add(one);
    this.names = names;
    this.usesHostvars = names.has("hostvars");
    this.usesOthers = this.usesHostvars || listsOfTargets.some((one) => names.has(one));
    this.needsResult =
      task.register !== undefined ||
      task.until !== undefined ||
      task.changedWhen !== undefined ||
      task.failedWhen !== undefined;
    this.#readsAll = this.#args.some(([, { names }]) => names.has("vars") || names.has("hostvars"));
    const specs = namedSpecs(task.module.params);
    this.sourceNames = specs.flatMap(([param, spec]) => (spec.source ? [param] : []));
    this.secretNames = specs.flatMap(([param, spec]) => (spec.isSecret ? [param] : []));
  }

  /** The arguments rendered, converted and checked. Throws a CrunError that says what is wrong, or PendingVariable. */
  argumentsFor(scope: Parameters<Renderable["render"]>[0]): Arguments {
    if (this.isStatic && this.#last) return this.#last;
    const rendered = this.#args.map(([, value]) =>
      this.#readsAll ? settled(value.render(scope)) : value.render(scope),
    );
    // The same for most targets: what is known of the one's is known of the other's.
    if (this.#last && this.#nameTemplates.size === 0 && isEqual(this.#rendered, rendered)) return this.#last;
    const given: Record<string, unknown> = {};
    for (let index = 0; index < rendered.length; index++) {
      const name = this.argNames[index];
      const value = rendered[index];
      if (name === undefined || value === undefined || value === OMIT) continue;
      const template = this.#nameTemplates.get(name);
      given[template ? String(template.render(scope)) : name] = value;
    }
    const { params, extra, problems } = convertParams(this.task.module, given);
    if (problems.length > 0)
      throw new CrunError(
        problems.map((one) => this.#diagnostic(one)),
        2,
      );
    this.#rendered = rendered;
    return (this.#last = { params, extra: this.task.module.hasOpenParams ? extra : nothing });
  }

  #diagnostic(problem: {
    readonly param: string | undefined;
    readonly message: string;
    readonly remedy?: string;
  }): Diagnostic {
    const place = (problem.param === undefined ? undefined : this.task.args[problem.param]?.place) ?? this.task.place;
    return { severity: "error", summary: problem.message, place, remedy: problem.remedy };
  }
}

/** Plain data compared by value. */
function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one))
    return (
      Array.isArray(other) && one.length === other.length && one.every((item, index) => isEqual(item, other[index]))
    );
  if (Array.isArray(other) || !isPlain(one) || !isPlain(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isEqual(Reflect.get(one, key), Reflect.get(other, key)))
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function titleOf(name: Renderable): string {
  if (!name.isStatic) return "";
  try {
    return String(name.render(emptyScope));
  } catch {
    // A static value never looks anything up; a name that cannot be rendered is shown as nothing.
    return "";
  }
}

const emptyScope: Parameters<Renderable["render"]>[0] = {
  has: () => false,
  get: () => undefined,
  names: () => [],
  with: () => emptyScope,
};

/** Everything in a task that looks up variables. */
function* namesIn(task: Task): Generator<{ readonly names: ReadonlySet<string> }> {
  yield* Object.values(task.args);
  yield* task.when;
  yield* task.environment;
  yield* task.limits;
  if (task.allow) yield task.allow;
  yield* task.notify;
  yield* task.until ?? [];
  yield* task.changedWhen ?? [];
  yield* task.failedWhen ?? [];
  for (const layer of task.vars) {
    for (const name of layer.names()) {
      const value = layer.get(name);
      if (value && !("raw" in value)) yield value;
    }
  }
  for (const one of [task.asyncSeconds, task.pollSeconds, task.timeoutSeconds]) if (one) yield one;
  for (const one of [task.name, task.loop, task.becomeUser, task.become, task.delegateTo, task.loopControl.label])
    if (one) yield one;
}
