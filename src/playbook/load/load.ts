// Reads a playbook: YAML to checked plays and tasks. Everything that is wrong is found, not only the first.

import { basename, dirname, isAbsolute, join } from "node:path";
import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { ModuleRegistry } from "../../module/contract.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import { nothingGathered, type LoadContext } from "./context.js";
import { PlaybookFiles, type FileReader } from "./files.js";
import { EarlyValues } from "./early.js";
import { Findings } from "./findings.js";
import { checkKeywords, IMPORT_PLAYBOOK_KEYWORDS, PLAY_KEYWORDS } from "./keywords.js";
import { checkModuleDefaults, inherit, NO_LINEAGE, passedOn, type Lineage } from "./lineage.js";
import type { Meta, Node, Play, Playbook, VarPrompt } from "../play.js";
import { reachOf } from "./reach.js";
import { loadRoles } from "./roles.js";
import type { Vault } from "../../vault/vault.js";
import { loadHandlers, loadTasks } from "./tasks.js";
import { staticValue, templateOf } from "../template/template.js";
import { isTemplateText, plainText, varsOf } from "./vars.js";
import {
  flagOf,
  numberOf,
  orderOf,
  serialOf,
  strategyOf,
  trackOf,
  transactionOf,
  varsFilesOf,
} from "./play-keywords.js";
import { answeredLayer, promptsOf } from "./prompts.js";
import { staticLayers } from "./vars-files.js";
import { placeOf, type YamlList, type YamlMap, type YamlNode } from "../yaml/yaml.js";

export interface LoadOptions {
  readonly modules: ModuleRegistry;
  /** Default: the real file system. */
  readonly reader?: FileReader;
  readonly workingDirectory?: string;
  /** Where roles are looked for besides `roles/` beside the playbook. */
  readonly rolesPath?: readonly string[];
  /** Variables of the command line, for what is needed before a target is at hand. */
  readonly extra?: VarLayer;
  /** Opens what is encrypted. */
  readonly vault?: Vault;
}

export interface LoadedPlaybook {
  readonly playbook: Playbook;
  /** Errors and warnings. With an error among them the playbook must not run. */
  readonly findings: readonly Diagnostic[];
  readonly files: PlaybookFiles;
}

/** Reads a playbook and all that it imports. Throws a CrunError only where there is nothing to go on with. */
export async function loadPlaybook(file: string, options: LoadOptions): Promise<LoadedPlaybook> {
  const files = new PlaybookFiles(options.reader, options.workingDirectory, options.vault);
  const findings = new Findings();
  const rolesPath = (options.rolesPath ?? []).map((path) => files.absolute(path));
  const path = files.absolute(file);
  if (files.kind(path) === undefined)
    throw new CrunError({
      severity: "error",
      summary: `there is no playbook ${JSON.stringify(file)}`,
      detail: `Looked for ${path}.`,
      remedy: suggest(basename(path), files.reader.list(dirname(path))),
    });
  if (files.kind(path) === "directory")
    throw new CrunError({
      severity: "error",
      summary: `${JSON.stringify(file)} is a directory, no playbook`,
      remedy: "Name a file in it.",
    });
  const plays = await loadFile(
    { modules: options.modules, files, findings, rolesPath, extra: options.extra ? [options.extra] : [] },
    path,
    { lineage: NO_LINEAGE, vars: [] },
    [path],
  );
  return { playbook: { file: files.shown(path), plays }, findings: findings.list, files };
}

interface Shared {
  readonly modules: ModuleRegistry;
  readonly files: PlaybookFiles;
  readonly findings: Findings;
  readonly rolesPath: readonly string[];
  readonly extra: readonly VarLayer[];
}

/** What `import_playbook` adds to each play. */
interface Above {
  readonly lineage: Lineage;
  readonly vars: readonly VarLayer[];
}

async function loadFile(shared: Shared, path: string, above: Above, chain: readonly string[]): Promise<Play[]> {
  const { files, findings } = shared;
  const node = findings.try(() => files.yaml(path));
  if (!node) {
    if (!findings.hasErrors)
      findings.add({
        severity: "error",
        summary: `${files.shown(path)} is empty`,
        place: { file: files.shown(path) },
        remedy: "A playbook is a list of plays: - hosts: all",
      });
    return [];
  }
  if (node.kind !== "list") {
    findings.at(node, "a playbook must be a list of plays", {
      remedy:
        node.kind === "map" && node.entries.has("hosts")
          ? "Write a dash before the first key: - hosts: …"
          : "Begin it with - hosts: PATTERN.",
    });
    return [];
  }
  return loadPlays(shared, node, path, above, chain);
}

async function loadPlays(
  shared: Shared,
  list: YamlList,
  path: string,
  above: Above,
  chain: readonly string[],
): Promise<Play[]> {
  const { findings } = shared;
  const plays: Play[] = [];
  for (const item of list.items) {
    if (item.kind !== "map") findings.at(item, "a play must be a map", { remedy: "Begin it with - hosts: PATTERN." });
    else if (item.entries.has("import_playbook"))
      plays.push(...(await importPlaybook(shared, item, path, above, chain)));
    else if (!item.entries.has("hosts") && isTask(item, shared.modules)) {
      findings.at(item, "a task stands among plays", {
        remedy: "Put it under tasks: of a play that begins with - hosts: PATTERN.",
      });
      return plays;
    } else plays.push(await loadPlay(shared, item, path, above));
  }
  return plays;
}

function isTask(map: YamlMap, modules: ModuleRegistry): boolean {
  return [...map.entries.keys()].some(
    (key) =>
      modules.names.includes(key.replace(/^ansible\.builtin\./, "")) || key === "block" || key.startsWith("include_"),
  );
}

async function importPlaybook(
  shared: Shared,
  map: YamlMap,
  path: string,
  above: Above,
  chain: readonly string[],
): Promise<Play[]> {
  const { files, findings } = shared;
  checkKeywords(map, IMPORT_PLAYBOOK_KEYWORDS, "import_playbook", findings);
  const node = map.entries.get("import_playbook")?.value;
  const vars = map.entries.get("vars");
  const known = vars ? [...above.vars, varsOf(vars.value, "import_playbook vars", findings)] : above.vars;
  const early = new EarlyValues(() => known.toReversed(), shared.extra);
  const written = node && early.settled(node, "the playbook that import_playbook names", { vars: [] }, findings);
  const name = written && plainText(written, "import_playbook", findings);
  if (!node || name === undefined) return [];
  const target = isAbsolute(name) ? name : join(dirname(path), name);
  if (!files.isFile(target)) {
    findings.at(node, `there is no playbook ${JSON.stringify(name)}`, { detail: `Looked for ${files.shown(target)}.` });
    return [];
  }
  if (chain.includes(target)) {
    findings.at(node, `${name} imports itself`, {
      detail: [...chain.slice(chain.indexOf(target)), target].map((one) => files.shown(one)).join(" → "),
    });
    return [];
  }
  const below: Above = {
    lineage: inherit({ ...above.lineage, early }, map, undefined, findings),
    vars: known,
  };
  return loadFile(shared, target, below, [...chain, target]);
}

async function loadPlay(shared: Shared, map: YamlMap, path: string, above: Above): Promise<Play> {
  const { findings } = shared;
  checkKeywords(map, PLAY_KEYWORDS, "a play", findings);
  checkModuleDefaults(map, shared.modules.names, findings);
  const directory = dirname(path);
  const gathered = nothingGathered();
  const context: LoadContext = {
    registry: shared.modules,
    files: shared.files,
    findings,
    directory,
    rolesPath: shared.rolesPath,
    gathered,
  };
  const node = (key: string): YamlNode | undefined => map.entries.get(key)?.value;
  const varsNode = node("vars");
  const own = varsNode ? varsOf(varsNode, "play vars", findings) : undefined;
  const answers: Play["answers"] = new Map();
  const asks = map.entries.has("vars_prompt") ? [answeredLayer(answers)] : [];
  // What import_playbook gives wins over the play's own, the outer import over the inner.
  const vars = stack("play vars", [...(own ? [own] : []), ...above.vars.toReversed(), ...asks]);
  const varsFiles = varsFilesOf(node("vars_files"), findings);
  const early = new EarlyValues(
    () => [vars, ...staticLayers(varsFiles, directory, shared.files)],
    shared.extra,
    () => asked(prompts),
  );
  const prompts = promptsOf(node("vars_prompt"), early, findings);
  const inherited = inherit({ ...above.lineage, early }, map, undefined, findings);
  const lineage: Lineage = { ...inherited, searchDirectories: [directory] };
  const settled = (key: string): YamlNode | undefined => {
    const written = node(key);
    return written && early.settled(written, key, { vars: [] }, findings);
  };
  const hosts = hostsOf(map, findings);
  const chain = [path];
  const before = await loadTasks(context, node("pre_tasks"), lineage, chain);
  const roles = await loadRoles(context, node("roles"), lineage, chain);
  const tasks = await loadTasks(context, node("tasks"), lineage, chain);
  const after = await loadTasks(context, node("post_tasks"), lineage, chain);
  const handlers = await loadHandlers(context, node("handlers"), lineage, chain);
  return {
    name: playName(map, findings),
    place: placeOf(map),
    tags: lineage.tags,
    hosts,
    vars,
    prompts,
    answers,
    varsFiles,
    reach: reachOf(map, findings),
    gatherFacts: flagOf(settled("gather_facts"), "gather_facts", findings),
    strategy: strategyOf(settled("strategy"), findings),
    serial: serialOf(settled("serial"), findings),
    maxFailPercentage: numberOf(settled("max_fail_percentage"), "max_fail_percentage", findings),
    anyErrorsFatal: lineage.anyErrorsFatal,
    order: orderOf(settled("order"), findings),
    track: trackOf(settled("track"), findings),
    forceHandlers: flagOf(settled("force_handlers"), "force_handlers", findings),
    transaction: transactionOf(settled("transaction"), findings),
    roleDefaults: [...gathered.listed.defaults, ...gathered.imported.defaults],
    roleVars: [...gathered.listed.vars, ...gathered.imported.vars],
    roleNames: gathered.roleNames,
    nodes: [...part(before, lineage, map), ...part([...roles, ...tasks], lineage, map), ...part(after, lineage, map)],
    handlers: [...gathered.listed.handlers, ...handlers, ...gathered.imported.handlers],
    directory,
  };
}

function asked(prompts: readonly VarPrompt[]): ReadonlySet<string> {
  return new Set(prompts.map(({ name }) => name));
}

/** Tasks, and the handlers that they notified; also where there are none: handlers may have notified others. */
function part(nodes: readonly Node[], lineage: Lineage, map: YamlMap): Node[] {
  const flush: Meta = {
    ...passedOn(lineage),
    tags: new Set(["always"]),
    when: [],
    kind: "meta",
    name: undefined,
    isImplicit: true,
    listen: [],
    action: "flush_handlers",
    place: placeOf(map),
  };
  return [...nodes, flush];
}

function stack(origin: string, layers: readonly VarLayer[]): VarLayer {
  if (layers.length === 1 && layers[0]) return layers[0];
  return {
    origin,
    get: (name) => layers.reduce<ReturnType<VarLayer["get"]>>((found, layer) => layer.get(name) ?? found, undefined),
    names: () => new Set(layers.flatMap((layer) => [...layer.names()])),
    placeOf: (name) => layers.findLast((layer) => layer.get(name) !== undefined)?.placeOf?.(name),
  };
}

function hostsOf(map: YamlMap, findings: Findings): Renderable {
  const entry = map.entries.get("hosts");
  const nothing = staticValue("", placeOf(map));
  if (!entry) {
    findings.at(map, "this play has no hosts", {
      remedy: "Write hosts: all, a group, a target HOST:TREE, or several with commas.",
    });
    return nothing;
  }
  const { value } = entry;
  if (value.kind === "list") {
    if (value.items.length === 0) findings.at(value, "hosts is empty");
    if (value.items.some(isTemplateText)) return findings.try(() => templateOf(value)) ?? nothing;
    const names = value.items.map((one) => plainText(one, "hosts", findings)).filter((one) => one !== undefined);
    return staticValue(names.join(","), placeOf(value));
  }
  if (value.kind === "map" || value.value === null || value.text.trim() === "") {
    findings.at(value.kind === "map" ? value : entry.keyNode, "hosts must be a pattern of targets", {
      remedy: "Write hosts: all, a group, or a target HOST:TREE.",
    });
    return nothing;
  }
  if (value.isEncrypted) return staticValue(plainText(value, "hosts", findings) ?? "", placeOf(value));
  if (!isTemplateText(value)) return staticValue(value.text, placeOf(value));
  return findings.try(() => templateOf(value)) ?? nothing;
}

function playName(map: YamlMap, findings: Findings): string {
  const node = map.entries.get("name")?.value;
  const hosts = map.entries.get("hosts")?.value;
  const fallback =
    hosts?.kind === "scalar"
      ? hosts.text
      : hosts?.kind === "list"
        ? hosts.items.map((one) => (one.kind === "scalar" ? one.text : "")).join(",")
        : "";
  if (!node) return fallback;
  if (node.kind === "scalar") return node.value === null ? fallback : node.text;
  findings.at(node, "a name must be text");
  return fallback;
}
