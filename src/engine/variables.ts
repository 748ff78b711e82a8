// The variables of one target: layers by precedence, magic names, what tasks registered.

import type { Inventory } from "../inventory/inventory.js";
import type { Renderable, Scope, VarLayer } from "../module/value.js";
import { lazyMap } from "../playbook/scope/lazy-map.js";
import type { RoleInfo } from "../playbook/play.js";
import { pendingVariable, rawLayer } from "../playbook/scope/scope.js";

/** A scope that remembers what it rendered. */
export interface ForgetfulScope extends Scope {
  /** Forgets what was rendered from these names; without names all. */
  forget(names?: Iterable<string>): void;
}

/** Makes a scope of layers, lowest precedence first. */
export type ScopeFactory = (layers: readonly VarLayer[]) => ForgetfulScope;

/** What a variable holds; `pending` where only a real run could tell it. */
export type Known = { readonly raw: unknown } | "pending";

/** What tasks gave a target: registered results and facts that were set. Kept from play to play. */
export class Learned {
  readonly #values = new Map<string, Known>();
  /** What looking ahead supposes. */
  readonly #supposed = new Map<string, Known>();
  readonly #watchers = new Set<(name: string) => void>();
  /** As the tasks see it. */
  readonly layer: VarLayer = {
    origin: "registered results and set_fact",
    get: (name) => valueOf(name, this.#values.get(name)),
    names: () => this.#values.keys(),
  };
  /** As looking ahead sees it. */
  readonly aheadLayer: VarLayer = {
    origin: "registered results and set_fact",
    get: (name) => valueOf(name, this.#supposed.get(name) ?? this.#values.get(name)),
    names: () => new Set([...this.#values.keys(), ...this.#supposed.keys()]),
  };

  /** Is told the name of each variable that gets another value. Gives what ends that. */
  watch(watcher: (name: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  known(name: string): Known | undefined {
    return this.#values.get(name);
  }

  /** Sets a value, `pending` where only a real run could tell it; undefined takes it away. Gives what undoes it. */
  set(name: string, value: Known | undefined): () => void {
    const before = this.#values.get(name);
    this.#put(name, value);
    return () => this.#put(name, before);
  }

  suppose(name: string, value: Known): void {
    this.#supposed.set(name, value);
  }

  forgetSuppositions(): void {
    this.#supposed.clear();
  }

  #put(name: string, value: Known | undefined): void {
    if (value === undefined) this.#values.delete(name);
    else this.#values.set(name, value);
    this.#tell(name);
  }

  #tell(name: string): void {
    for (const watcher of this.#watchers) watcher(name);
  }
}

function valueOf(name: string, value: Known | undefined): { readonly raw: unknown } | Renderable | undefined {
  return value === "pending" ? pendingVariable(name) : value;
}

/** Variables that include_vars gave a target: the last ones win. Kept from play to play. */
export class IncludedVars {
  readonly #layers: VarLayer[] = [];
  readonly layer = joinedLayer("include_vars", () => this.#layers);

  add(layer: VarLayer): void {
    this.#layers.push(layer);
  }
}

/** Layers that may become others while the run goes on as one, lowest precedence first. */
export function joinedLayer(origin: string, layers: () => readonly VarLayer[]): VarLayer {
  return {
    origin,
    get(name) {
      const all = layers();
      for (let index = all.length - 1; index >= 0; index--) {
        const found = all[index]?.get(name);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    names: () => new Set(layers().flatMap((layer) => [...layer.names()])),
  };
}

/** The variable `groups`: another value once the inventory has changed, so that what was made of it is made anew. */
export function groupsOf(inventory: Inventory): () => unknown {
  const { changes } = inventory;
  const first = Object.fromEntries(inventory.groups);
  let known: { readonly version: number; readonly value: unknown } = { version: changes?.version ?? 0, value: first };
  return () => {
    const version = changes?.version ?? 0;
    if (known.version === version) return known.value;
    const { groups: now } = inventory;
    const value = lazyMap({ has: (name) => now.has(name), get: (name) => now.get(name), names: () => now.keys() });
    known = { version, value };
    return known.value;
  };
}

/** Names that the engine gives a value when it is read. */
export function magicLayer(values: Readonly<Record<string, () => unknown>>): VarLayer {
  return {
    origin: "crun",
    get: (name) => (Object.hasOwn(values, name) ? { raw: values[name]?.() } : undefined),
    names: () => Object.keys(values),
  };
}

/** The variables of one target during one play. Scopes are made once for each list of task variables and role. */
export class TargetScopes {
  readonly #make: ScopeFactory;
  readonly #below: readonly VarLayer[];
  readonly #learned: readonly VarLayer[];
  readonly #above: readonly VarLayer[];
  readonly #scopes = new Map<RoleInfo | undefined, Map<readonly VarLayer[], ForgetfulScope>>();
  readonly #plain: ForgetfulScope;
  readonly #defaults: VarLayer[];
  /** Variables of roles that were included and are public: above those of the play. */
  readonly #shown: VarLayer[] = [];
  #shows = false;

  /**
   * `defaults` are those of the play's roles, `below` lies beneath the task's own variables, `learned` on top of them, `above` on top of all
   * (extra variables, magic names).
   */
  constructor(
    make: ScopeFactory,
    defaults: readonly VarLayer[],
    below: readonly VarLayer[],
    learned: readonly VarLayer[],
    above: readonly VarLayer[],
  ) {
    this.#make = make;
    this.#defaults = [...defaults];
    this.#below = below;
    this.#learned = learned;
    this.#above = above;
    this.#plain = make([...defaults, ...below, ...learned, ...above]);
  }

  /** Defaults and variables of a public role that was included: visible from now on, above those of the roles before it. */
  show(defaults: readonly VarLayer[], vars: readonly VarLayer[]): void {
    const add = (known: VarLayer[], layers: readonly VarLayer[]): void => {
      for (const layer of layers) if (!known.includes(layer)) known.push(layer);
    };
    if (defaults.length + vars.length === 0) return;
    add(this.#defaults, defaults);
    add(this.#shown, vars);
    this.#shows = true;
    this.#scopes.clear();
  }

  /** The scope for a task with these variables, in this role. */
  of(taskVars: readonly VarLayer[], role: RoleInfo | undefined): Scope {
    if (taskVars.length === 0 && !this.#shows && role === undefined) return this.#plain;
    let scopes = this.#scopes.get(role);
    if (!scopes) {
      scopes = new Map();
      this.#scopes.set(role, scopes);
    }
    let scope = scopes.get(taskVars);
    if (!scope) {
      const ranked = (rank: VarLayer["rank"]): VarLayer[] => taskVars.filter((layer) => layer.rank === rank);
      scope = this.#make([
        ...this.#defaults,
        ...(role?.defaults ?? []),
        ...this.#below,
        ...this.#shown,
        ...ranked("role variable"),
        ...ranked(undefined),
        ...this.#learned,
        ...ranked("role parameter"),
        ...ranked("include parameter"),
        ...this.#above,
        ...(role ? [namesOf(role)] : []),
      ]);
      scopes.set(taskVars, scope);
    }
    return scope;
  }

  /** A variable (or all) may have another value from now on. */
  forget(name?: string): void {
    const names = name === undefined ? undefined : [name];
    this.#plain.forget(names);
    for (const scopes of this.#scopes.values()) for (const scope of scopes.values()) scope.forget(names);
  }
}

/** Magic names of a role's tasks. */
function namesOf({ name, path, parents }: RoleInfo): VarLayer {
  const above = {
    ansible_parent_role_names: parents.map((one) => one.name),
    ansible_parent_role_paths: parents.map((one) => one.path),
  };
  const own = { role_name: name, ansible_role_name: name, role_path: path };
  return rawLayer("role", parents.length > 0 ? { ...own, ...above } : own);
}

/** `hostvars`: each target's variables, looked up when they are read. */
export function hostvarsOf(names: () => Iterable<string>, scopeOf: (name: string) => Scope | undefined): unknown {
  const views = new Map<string, unknown>();
  return lazyMap({
    has: (name) => scopeOf(name) !== undefined,
    get: (name) => {
      const scope = scopeOf(name);
      if (!scope) return undefined;
      const view =
        views.get(name) ??
        lazyMap({ has: (one) => scope.has(one), get: (one) => scope.get(one), names: () => scope.names() });
      views.set(name, view);
      return view;
    },
    names,
  });
}
