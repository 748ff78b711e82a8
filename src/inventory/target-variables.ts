// The variables of targets and groups as layers, in Ansible's order of precedence.

import { dirname, join, resolve } from "node:path";
import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import type { VarLayer } from "../module/value.js";
import type { Graph, GroupNode } from "./graph.js";
import type { Target } from "./inventory.js";
import type { Language } from "./language.js";
import { layerOf, readDataFile, varsOfFile } from "./layer.js";
import { memoByName } from "./memo.js";
import { Locked } from "../vault/vault.js";
import { withSourceLines } from "./report.js";
import type { NamedFiles } from "./oddities.js";
import { targetOf } from "./target-of.js";
import { VarsFolder } from "./vars-folder.js";

export interface VariableOptions {
  readonly language: Language;
  readonly warn: (diagnostic: Diagnostic) => void;
  /** A file's text; throws a CrunError. */
  readonly read: (file: string) => string;
  /** Where group_vars and host_vars may lie, in order. */
  readonly directories: { readonly inventory: readonly string[]; readonly playbook: string | undefined };
}

interface Folder {
  readonly path: string;
  names(): Iterable<string>;
  of(name: string): readonly VarLayer[];
}

export class TargetVariables {
  readonly #graph: Graph;
  readonly #targets: ReadonlyMap<string, Target>;
  readonly #language: Language;
  readonly #folders: ReturnType<typeof foldersOf>;
  readonly #known = new Map<string, readonly VarLayer[]>();

  constructor(graph: Graph, targets: ReadonlyMap<string, Target>, options: VariableOptions) {
    this.#graph = graph;
    this.#targets = targets;
    this.#language = options.language;
    this.#folders = foldersOf(options);
  }

  /** What an inventory file says of a group. */
  readonly writtenOfGroup = memoByName((name: string): readonly VarLayer[] => {
    const vars = this.#graph.groups.get(name)?.vars ?? [];
    return vars.length > 0 ? [layerOf(`inventory group ${name}`, vars, this.#language)] : [];
  });

  /** Layers of a group alone. */
  ofGroup(name: string): readonly VarLayer[] {
    const { inventoryGroups, playbookGroups } = this.#folders;
    return [...this.writtenOfGroup(name), ...[...inventoryGroups, ...playbookGroups].flatMap((one) => one.of(name))];
  }

  /** All that group_vars and host_vars hold, for whatever name; without what no key opens. */
  allFiles(): readonly VarLayer[] {
    return Object.values(this.#folders)
      .flat()
      .flatMap((folder) => [...folder.names()].flatMap((name) => unlessLocked(() => folder.of(name))));
  }

  /** What group_vars and host_vars have files for. */
  namedFiles(): readonly NamedFiles[] {
    const { inventoryGroups, playbookGroups, inventoryHosts, playbookHosts } = this.#folders;
    const named = (kind: NamedFiles["kind"], folders: readonly Folder[]): NamedFiles[] =>
      folders.map(({ path, names }) => ({ path, kind, names: [...names()] }));
    return [
      ...named("group", [...inventoryGroups, ...playbookGroups]),
      ...named("host", [...inventoryHosts, ...playbookHosts]),
    ];
  }

  of(name: string): readonly VarLayer[] {
    const known = this.#known.get(name);
    if (known) return known;
    const layers = this.layers(name, this.#groupsOf(name), []);
    this.#known.set(name, layers);
    return layers;
  }

  /** Of a target in these groups; `own` lies beneath what its host_vars say. */
  layers(name: string, groups: readonly string[], own: readonly VarLayer[]): readonly VarLayer[] {
    const { host } = this.#targets.get(name) ?? targetOf(name, []);
    // Groups of a host hold for all its trees, below the trees' own.
    const inherited = host === name ? [] : this.#groupsOf(host).filter((one) => !groups.includes(one));
    const chain = [...inherited, ...groups];
    return [
      ...this.#ofChain(chain.length === 0 ? "ungrouped" : chain.join("\n")),
      ...(host === name ? [] : [...this.#ofEntry(host), ...this.#hostFiles(host)]),
      ...this.#ofEntry(name),
      ...own,
      ...this.#hostFiles(name),
    ];
  }

  #groupsOf(name: string): readonly string[] {
    return (this.#graph.groupsOf.get(name) ?? []).map((group: GroupNode) => group.name);
  }

  /** Of groups, lowest precedence first. Targets lie in a few such lists only. */
  readonly #ofChain = memoByName((key: string): readonly VarLayer[] => {
    const chain = key.split("\n");
    const { inventoryGroups, playbookGroups } = this.#folders;
    const each = (folders: readonly Folder[], groups: readonly string[]): VarLayer[] =>
      folders.flatMap((folder) => groups.flatMap((one) => folder.of(one)));
    return [
      ...this.writtenOfGroup("all"),
      ...chain.flatMap((one) => this.writtenOfGroup(one)),
      ...each(inventoryGroups, ["all"]),
      ...each(playbookGroups, ["all"]),
      ...each(inventoryGroups, chain),
      ...each(playbookGroups, chain),
    ];
  });

  #hostFiles(name: string): readonly VarLayer[] {
    const { inventoryHosts, playbookHosts } = this.#folders;
    return [...inventoryHosts, ...playbookHosts].flatMap((folder) => folder.of(name));
  }

  #ofEntry(name: string): readonly VarLayer[] {
    const entry = this.#graph.entries.get(name);
    if (!entry) return [];
    const own = entry.vars.length > 0 ? [layerOf(`inventory entry ${name}`, entry.vars, this.#language)] : [];
    return [this.#sourceLayer(entry.file ?? ""), ...own];
  }

  /** `inventory_file` and `inventory_dir` of what the file names. */
  readonly #sourceLayer = memoByName((file: string): VarLayer => {
    const place = { file };
    const path = file === "" ? null : resolve(file);
    const written = { inventory_file: path, inventory_dir: path === null ? null : dirname(path) };
    return layerOf(
      "inventory source",
      Object.entries(written).map(([name, value]) => ({ kind: "plain", name, value, place })),
      this.#language,
    );
  });
}

function unlessLocked(read: () => readonly VarLayer[]): readonly VarLayer[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof Locked) return [];
    throw error;
  }
}

/** They are listed and read once for an inventory and all that is made of it later. */
const foldersByOptions = new WeakMap<
  VariableOptions,
  Readonly<Record<"inventoryGroups" | "playbookGroups" | "inventoryHosts" | "playbookHosts", readonly Folder[]>>
>();

function foldersOf(options: VariableOptions) {
  const known = foldersByOptions.get(options);
  if (known) return known;
  const { inventory, playbook } = options.directories;
  const beside = playbook === undefined ? [] : [playbook];
  const folders = {
    inventoryGroups: inventory.map((one) => folderLayers(one, "group_vars", "inventory", options)),
    playbookGroups: beside.map((one) => folderLayers(one, "group_vars", "playbook", options)),
    inventoryHosts: inventory.map((one) => folderLayers(one, "host_vars", "inventory", options)),
    playbookHosts: beside.map((one) => folderLayers(one, "host_vars", "playbook", options)),
  };
  foldersByOptions.set(options, folders);
  return folders;
}

/** Files of a group_vars or host_vars as layers with the name of their level. */
function folderLayers(
  directory: string,
  folder: "group_vars" | "host_vars",
  side: "inventory" | "playbook",
  { language, warn, read }: VariableOptions,
): Folder {
  const path = join(directory, folder);
  const files = new VarsFolder(path, warn);
  return {
    path,
    names: () => files.names(),
    of: memoByName((name: string): readonly VarLayer[] =>
      files.filesFor(name).map((file) => {
        const text = read(file);
        try {
          return layerOf(
            `${side} ${folder}/${name}`,
            varsOfFile(readDataFile(file, text, language), language),
            language,
          );
        } catch (error) {
          if (!(error instanceof CrunError) || error instanceof Locked || language.isEncrypted(text)) throw error;
          // Read long after the inventory: the lines are still at hand only here.
          const lines = text.split(/\r\n|\n|\r/);
          const lineOf = (one: string, line: number): string | undefined =>
            one === file ? lines[line - 1] : undefined;
          throw new CrunError(withSourceLines(error.diagnostics, lineOf));
        }
      }),
    ),
  };
}
