// Finds variables that nothing can define.

import type { Diagnostic } from "../../diagnostic/diagnostic.js";
import { remedyForName } from "../scope/near-names.js";
import type { VarLayer } from "../../module/value.js";
import type { Inherited, Include, Play, Task } from "../play.js";
import { isTemplate, type PlacedReference, type Template } from "../template/template.js";
import type { Walked } from "./walk.js";

/** Names that crun itself gives a value. */
export const MAGIC_NAMES: ReadonlySet<string> = new Set(
  (
    "vars omit inventory_hostname inventory_hostname_short target group_names groups hostvars play_targets playbook_dir " +
    "role_name role_path ansible_role_name ansible_parent_role_names ansible_parent_role_paths facts crun_version run_id " +
    "ansible_play_role_names ansible_dependent_role_names ansible_role_names check_mode ansible_check_mode " +
    "ansible_diff_mode ansible_play_hosts ansible_play_hosts_all ansible_play_batch ansible_play_name play_hosts " +
    "ansible_failed_hosts ansible_current_hosts ansible_verbosity ansible_run_tags ansible_skip_tags ansible_forks " +
    "role_names ansible_limit ansible_inventory_sources ansible_version " +
    "ansible_managed template_path template_fullpath template_destpath ansible_failed_task ansible_failed_result"
  ).split(" "),
);

/** Where values come from: names that the inventory and the command line define, and what the playbook itself does. */
export class Sources {
  readonly #names = new Set<string>(MAGIC_NAMES);
  readonly #definitions = new Map<string, Template[]>();
  /** Some of the values are encrypted. */
  hasEncrypted = false;
  /** Something may define any name: a file with a templated name, a module that reads variables. */
  isOpen = false;

  addNames(names: Iterable<string>): void {
    for (const name of names) this.#names.add(name);
  }

  addLayer(layer: VarLayer): void {
    for (const name of layer.names()) {
      this.#names.add(name);
      const value = layer.get(name);
      if (!value || "raw" in value || value.isStatic || !isTemplate(value)) continue;
      if (value.encrypted !== undefined && value.encrypted.length > 0) this.hasEncrypted = true;
      const known = this.#definitions.get(name);
      if (known) known.push(value);
      else this.#definitions.set(name, [value]);
    }
  }

  /** What a task leaves behind. */
  addTask(task: Task): void {
    if (task.register !== undefined) this.#names.add(task.register);
    if (task.module.hasOpenParams && Object.keys(task.args).some((name) => name.includes("{{"))) this.isOpen = true;
    if (task.module.hasOpenParams)
      this.addNames(Object.keys(task.args).filter((name) => !Object.hasOwn(task.module.params, name)));
    for (const layer of task.vars) this.addLayer(layer);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  definitions(name: string): readonly Template[] {
    return this.#definitions.get(name) ?? [];
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }
}

/** Names that a loop gives its items. */
export function loopNames({ loop, loopControl }: Pick<Task | Include, "loop" | "loopControl">): string[] {
  if (!loop) return [];
  const index = loopControl.indexVar === undefined ? [] : [loopControl.indexVar, "ansible_index_var"];
  return [
    loopControl.loopVar,
    "ansible_loop_var",
    ...index,
    ...(loopControl.isExtended ? ["loop", "ansible_loop"] : []),
  ];
}

/** What an inherited keyword may look up. */
export function* keywordsOf(node: Inherited): Generator<object | undefined> {
  yield* node.when;
  yield* node.environment;
  yield* node.limits;
  yield* [
    node.allow,
    node.become,
    node.becomeUser,
    node.ignoreErrors,
    node.ignoreUnreachable,
    node.checkMode,
    node.diff,
    node.noLog,
    node.delegateTo,
  ];
}

/** What a task may look up, keywords included. */
export function* partsOf(task: Task): Generator<object | undefined> {
  yield* keywordsOf(task);
  yield* Object.values(task.args);
  yield* task.until ?? [];
  yield* task.changedWhen ?? [];
  yield* task.failedWhen ?? [];
  yield* task.notify;
  yield* [task.loop, task.loopControl.label, task.loopControl.pauseSeconds, task.retries, task.delaySeconds];
  yield* [task.asyncSeconds, task.pollSeconds, task.timeoutSeconds];
}

function hasReferences(value: object): value is { readonly references: readonly PlacedReference[] } {
  return "references" in value;
}

/** The variables that the parts name. */
export function referencesOf(parts: Iterable<object | undefined>): PlacedReference[] {
  return [...parts].flatMap((one) => (one && hasReferences(one) ? one.references : []));
}

/** Reports variables that are read but that nothing defines: the first place in each file. */
export function undefinedVariables(
  walked: Walked,
  sources: Sources,
  templatesOf: (task: Task) => readonly Template[],
): Diagnostic[] {
  const finder = new Finder(sources, loopsOf(walked));
  for (const { task, around } of walked.tasks) {
    finder.look(
      [...referencesOf(partsOf(task)), ...referencesOf(templatesOf(task))],
      [...loopNames(task), ...around.flatMap(loopNames)],
    );
  }
  for (const { node, around } of walked.others) {
    const own = node.kind === "include" ? [node.file, node.loop, ...Object.values(node.from)] : [];
    const loops = node.kind === "include" ? loopNames(node) : [];
    finder.look(referencesOf([...keywordsOf(node), ...own]), [...loops, ...around.flatMap(loopNames)]);
  }
  return finder.found;
}

/** Reports variables in what plays say of how their hosts are reached that nothing defines. */
export function undefinedInReach(plays: readonly Play[], sources: Sources): Diagnostic[] {
  const finder = new Finder(sources, new Set());
  for (const { reach } of plays) finder.look(referencesOf(Object.values(reach ?? {})), []);
  return finder.found;
}

function loopsOf({ tasks, others }: Walked): ReadonlySet<string> {
  const includes = others.flatMap(({ node }) => (node.kind === "include" ? [node] : []));
  return new Set([...tasks.map(({ task }) => task), ...includes].flatMap(loopNames));
}

/** Reports variables in the names of vars_files that nothing defines, unless another such file did. */
export function undefinedInNames(plays: readonly Play[], sources: Sources): Diagnostic[] {
  const finder = new Finder(sources, new Set());
  for (const play of plays) {
    const [first] = play.varsFiles.filter((one) => !one.isStatic);
    finder.look(referencesOf([first]), []);
  }
  return finder.found;
}

class Finder {
  readonly found: Diagnostic[] = [];
  readonly #sources: Sources;
  /** Names of any loop: what is defined beneath one may read them. */
  readonly #loops: ReadonlySet<string>;
  readonly #reported = new Set<string>();

  constructor(sources: Sources, loops: ReadonlySet<string>) {
    this.#sources = sources;
    this.#loops = loops;
  }

  /** Looks at what one task reads, and what those variables read in turn. */
  look(references: readonly PlacedReference[], loops: readonly string[]): void {
    const optional = new Set(references.filter((one) => one.isOptional).map((one) => one.name));
    const local = new Set(loops);
    const seen = new Set<string>();
    const queue = [...references];
    for (const next of queue) {
      const { name } = next;
      if (!this.#sources.has(name) && !local.has(name)) {
        if (!optional.has(name) && !next.isOptional) this.#report(next, local);
        continue;
      }
      // The loop's own item is meant, whatever else bears its name.
      if (local.has(name) || seen.has(name)) continue;
      seen.add(name);
      for (const one of this.#sources.definitions(name)) {
        const inner = one.references;
        const guarded = new Set(inner.filter((two) => two.isOptional).map((two) => two.name));
        const isOpen = (read: string): boolean => guarded.has(read) || (this.#loops.has(read) && !local.has(read));
        queue.push(...inner.filter((two) => !isOpen(two.name)));
      }
    }
  }

  #report({ name, origin, index }: PlacedReference, local: ReadonlySet<string>): void {
    const place = origin.at(index);
    const key = `${name}\0${place.file}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.found.push(
      origin.source.finding(place, `the variable ${JSON.stringify(name)} is not defined anywhere`, {
        remedy: this.#remedy(name, local),
      }),
    );
  }

  #remedy(name: string, local: ReadonlySet<string>): string {
    const near = remedyForName(name, [...this.#sources.names, ...local]);
    if (near) return near;
    return "Define it in vars, in the inventory or with -e, or give a default: {{default NAME '…'}}, in conditions has(vars.NAME) && ….".replaceAll(
      "NAME",
      name,
    );
  }
}

/** All sources of a playbook. `outside`: those of the inventory and the command line; undefined from a function: there may be any. */
export function sourcesOf(
  plays: readonly Play[],
  walked: Walked,
  outside: Iterable<VarLayer>,
  fileLayers: (play: Play) => readonly VarLayer[] | undefined,
  taskLayers: (task: Task) => readonly VarLayer[] | undefined,
): Sources {
  const sources = new Sources();
  for (const layer of outside) sources.addLayer(layer);
  for (const play of plays) {
    for (const layer of [play.vars, ...play.roleDefaults, ...play.roleVars]) sources.addLayer(layer);
    sources.addNames(play.prompts.map(({ name }) => name));
    const layers = fileLayers(play);
    if (!layers) sources.isOpen = true;
    for (const layer of layers ?? []) sources.addLayer(layer);
  }
  for (const layer of walked.layers) sources.addLayer(layer);
  for (const { task } of walked.tasks) {
    sources.addTask(task);
    const layers = taskLayers(task);
    if (!layers) sources.isOpen = true;
    for (const layer of layers ?? []) sources.addLayer(layer);
    for (const layer of task.role?.defaults ?? []) sources.addLayer(layer);
  }
  for (const { node } of walked.others) for (const layer of node.vars) sources.addLayer(layer);
  if (walked.openPlays.size > 0) sources.isOpen = true;
  return sources;
}
