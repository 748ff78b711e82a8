// Plays made of plain objects, and runs of them against fake hosts.

import type { AnyModule } from "../../src/module/contract.js";
import type { EngineEvent, TaskResultEvent } from "../../src/engine/events.js";
import { Run } from "../../src/engine/run.js";
import type { RunOptions, RunSummary } from "../../src/engine/run-options.js";
import type { Inventory, Target } from "../../src/inventory/inventory.js";
import type { Renderable, VarLayer } from "../../src/module/value.js";
import { evaluatedArgument } from "../../src/playbook/load/arguments.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import type { Block, Include, Inherited, Meta, Node, Play, Task } from "../../src/playbook/play.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { fileTemplate, templateOfValue } from "../../src/playbook/template/template.js";
import { modules } from "../../modules/index.js";
import { readYaml } from "../../src/playbook/yaml/yaml.js";
import { FakeHost, type FakeTree } from "./fake-session.js";

type Values = Readonly<Record<string, unknown>>;

const place = { file: "site.yml", line: 1, column: 1 };
const loaded = new Map<string, AnyModule>();

/** Reads the modules that the tests use. Call before `task`. */
export async function loadModules(): Promise<void> {
  for (const name of modules.names) {
    const module = await modules.load(name);
    if (module) loaded.set(name, module);
  }
}

export function addModule(module: AnyModule): void {
  loaded.set(module.name, module);
}

function layer(values: Values): VarLayer {
  const definitions = new Map(Object.entries(values).map(([name, value]) => [name, templateOfValue("vars", value)]));
  return { origin: "vars", get: (name) => definitions.get(name), names: () => definitions.keys() };
}

const conditions = (value: unknown): ReturnType<typeof conditionOf>[] =>
  value === undefined ? [] : (Array.isArray(value) ? value : [value]).map((one) => conditionOf("when", String(one)));
const optional = (value: unknown) => (value === undefined ? undefined : templateOfValue("value", value));

function inherited(keys: Values): Inherited {
  return {
    place,
    tags: new Set((keys["tags"] ?? []) as string[]),
    when: conditions(keys["when"]),
    vars: keys["vars"] ? [layer(keys["vars"] as Values)] : [],
    environment: keys["environment"] ? [templateOfValue("environment", keys["environment"])] : [],
    become: optional(keys["become"]),
    limits: keys["limits"] ? [templateOfValue("limits", keys["limits"])] : [],
    allow: optional(keys["allow"]),
    becomeUser: optional(keys["become_user"]),
    ignoreErrors: optional(keys["ignore_errors"]),
    ignoreUnreachable: optional(keys["ignore_unreachable"]),
    checkMode: optional(keys["check_mode"]),
    diff: optional(keys["diff"]),
    noLog: optional(keys["no_log"]),
    anyErrorsFatal: keys["any_errors_fatal"] === true,
    throttle: keys["throttle"] as number | undefined,
    timeoutSeconds: optional(keys["timeout"]),
    throttlePerHost: keys["throttle_per_host"] as number | undefined,
    runOnce: keys["run_once"] === true,
    delegateTo: optional(keys["delegate_to"]),
    delegateFacts: keys["delegate_facts"] === true,
    role: undefined,
    searchDirectories: ["."],
  };
}

/** Conditions are evaluated, everything else is rendered. */
function argument(module: AnyModule, name: string, value: unknown): Renderable {
  const type = module.params[name]?.type;
  const node = type === "condition" || type === "expression" ? readYaml("args", JSON.stringify(value)) : undefined;
  return node && (type === "condition" || type === "expression")
    ? evaluatedArgument(node, type, name)
    : templateOfValue(name, value);
}

/** A task: `task("copy", {dest: …}, {name: …, when: …})`, keywords as in YAML. */
export function task(module: string, args: Values, keys: Values = {}): Task {
  const found = loaded.get(module);
  if (!found) throw new Error(`no module ${module}`);
  const control = (keys["loop_control"] ?? {}) as Values;
  const notify =
    keys["notify"] === undefined
      ? []
      : Array.isArray(keys["notify"])
        ? (keys["notify"] as unknown[])
        : [keys["notify"]];
  return {
    ...inherited(keys),
    kind: "task",
    name: optional(keys["name"]),
    module: found,
    args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, argument(found, name, value)])),
    loop: optional(keys["loop"]),
    loopControl: {
      loopVar: String(control["loop_var"] ?? "item"),
      indexVar: control["index_var"] as string | undefined,
      label: optional(control["label"]),
      pauseSeconds: optional(control["pause"]),
      isExtended: control["extended"] === true,
      hasAllItems: true,
    },
    register: keys["register"] as string | undefined,
    until: keys["until"] === undefined ? undefined : conditions(keys["until"]),
    retries: optional(keys["retries"]),
    delaySeconds: optional(keys["delay"]),
    asyncSeconds: optional(keys["async"]),
    pollSeconds: optional(keys["poll"]),
    changedWhen: keys["changed_when"] === undefined ? undefined : conditions(keys["changed_when"]),
    failedWhen: keys["failed_when"] === undefined ? undefined : conditions(keys["failed_when"]),
    notify: notify.map((one) => templateOfValue("notify", one)),
    listen: (keys["listen"] ?? []) as string[],
  };
}

export function block(parts: { block: Node[]; rescue?: Node[]; always?: Node[] }, keys: Values = {}): Block {
  return {
    ...inherited(keys),
    kind: "block",
    name: undefined,
    block: parts.block,
    rescue: parts.rescue ?? [],
    always: parts.always ?? [],
  };
}

export function meta(action: Meta["action"], keys: Values = {}): Meta {
  return { ...inherited(keys), kind: "meta", name: undefined, isImplicit: false, listen: [], action };
}

export function include(files: Readonly<Record<string, Node[]>>, file: string, keys: Values = {}): Include {
  return {
    ...inherited(keys),
    kind: "include",
    name: optional(keys["name"]),
    action: "include_tasks",
    loop: optional(keys["loop"]),
    loopControl: {
      loopVar: "item",
      indexVar: undefined,
      label: undefined,
      pauseSeconds: undefined,
      isExtended: false,
      hasAllItems: true,
    },
    listen: [],
    file: templateOfValue("file", file),
    from: {},
    load: (name) => {
      const nodes = files[name];
      return nodes
        ? Promise.resolve({ nodes, handlers: [], defaults: [], vars: [] })
        : Promise.reject(new Error(`no ${name}`));
    },
  };
}

export function play(
  nodes: Node[],
  keys: Partial<Play> & { readonly hostsPattern?: string; readonly playVars?: Values } = {},
): Play {
  const { hostsPattern, playVars, ...rest } = keys;
  return {
    name: "site",
    place,
    tags: new Set(),
    hosts: templateOfValue("hosts", hostsPattern ?? "all"),
    vars: layer(playVars ?? {}),
    prompts: [],
    answers: new Map(),
    varsFiles: [],
    reach: undefined,
    gatherFacts: undefined,
    strategy: "free",
    serial: undefined,
    maxFailPercentage: undefined,
    anyErrorsFatal: false,
    order: "inventory",
    forceHandlers: false,
    track: new Set(),
    transaction: undefined,
    roleDefaults: [],
    roleVars: [],
    roleNames: { own: [], dependencies: [] },
    nodes: [...nodes, meta("flush_handlers")],
    handlers: [],
    directory: ".",
    ...rest,
  };
}

export interface Ran extends RunSummary {
  readonly events: readonly EngineEvent[];
  /** Results of tasks in the order in which they came. */
  readonly results: readonly TaskResultEvent[];
  /** `target task status` of each result. */
  readonly lines: readonly string[];
  readonly run: Run;
}

/** Runs plays against trees by target name (`fake:web1`). */
export async function runPlays(
  plays: readonly Play[],
  trees: Readonly<Record<string, FakeTree>>,
  options: Partial<RunOptions> & {
    readonly vars?: Readonly<Record<string, Values>>;
    /** One that was loaded, where groups matter: its targets have trees of their names. */
    readonly inventory?: Inventory;
    readonly onEvent?: (event: EngineEvent, run: Run) => void;
  } = {},
): Promise<Ran> {
  const { vars, onEvent, ...rest } = options;
  const events: EngineEvent[] = [];
  const targets = new Map<string, Target>(
    Object.keys(trees).map((name) => {
      const [host = name, tree] = name.split(":");
      return [name, { name, host, tree, groups: [] }];
    }),
  );
  const names = [...targets.keys()];
  const inventory: Inventory = options.inventory ?? {
    targets,
    groups: new Map([
      ["all", names],
      ["ungrouped", names],
    ]),
    varsOf: (name) => [rawLayer("inventory", vars?.[name] ?? {})],
    match: (pattern) =>
      [...targets.values()].filter(({ name }) => pattern === "all" || pattern.split(",").includes(name)),
  };
  const hosts = new Map<string, FakeHost>();
  for (const target of targets.values()) {
    const own = Object.fromEntries(Object.entries(trees).filter(([name]) => name.split(":")[0] === target.host));
    hosts.set(target.host, new FakeHost(target.host, own));
  }
  const run: Run = new Run({
    inventory,
    openHost: (host) => {
      const found = hosts.get(host);
      return found ? Promise.resolve(found) : Promise.reject(new Error(`no host ${host}`));
    },
    locate: ({ name }) => ({ path: name, entry: "auto", isHostRoot: !name.includes(":"), trees: "/" }),
    makeScope: createScope,
    compileText: fileTemplate,
    loadVarsFile: () => undefined,
    extraVars: [],
    ...rest,
    sink: (event) => {
      events.push(event);
      onEvent?.(event, run);
    },
  });
  const summary = await run.plays([{ file: "site.yml", plays }]);
  const results = events.filter((event) => event.event === "result");
  return { ...summary, events, results, lines: results.map((one) => `${one.target} ${one.task} ${one.status}`), run };
}
