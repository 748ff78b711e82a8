// Roles: found, read with their dependencies, and turned into tasks, handlers and layers of variables.

import { dirname, isAbsolute, join } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { VarLayer } from "../../module/value.js";
import type { LoadContext } from "./context.js";
import { checkKeywords, ROLE_KEYWORDS } from "./keywords.js";
import { inherit, type Lineage } from "./lineage.js";
import type { Include, Node, RoleInfo } from "../play.js";
import { checkTaskKeywords } from "./task.js";
import {
  includeNode,
  lineageBelowInclude,
  loadApart,
  loadHandlers,
  loadTaskFile,
  varsOfAction,
  type Chain,
} from "./tasks.js";
import { templateOf } from "../template/template.js";
import { isTemplateText, plainBoolean, plainText, varsOf, varsOfFile } from "./vars.js";
import { plainOf, type YamlEntry, type YamlMap, type YamlNode } from "../yaml/yaml.js";

/** What is asked of a role. `node` names it: messages point there. */
interface RoleRequest {
  readonly name: string;
  readonly node: YamlNode;
  readonly tasksFrom: string | undefined;
  readonly varsFrom: string | undefined;
  readonly defaultsFrom: string | undefined;
  readonly handlersFrom: string | undefined;
  /** `vars` of the entry: below the role's own. Seen by the whole play, as Ansible has it. */
  readonly vars: readonly VarLayer[];
  /** Other keys of the entry, `vars` of an import or include: above the role's own. */
  readonly params: readonly VarLayer[];
  readonly once: string | undefined;
  /** The same was read before: its handlers and variables are known. */
  readonly isRepeated: boolean;
}

interface LoadedRole {
  readonly nodes: readonly Node[];
  readonly vars: readonly VarLayer[];
  readonly defaults: readonly VarLayer[];
}

const EXTENSIONS = ["", ".yml", ".yaml", ".json"];
const NOTHING: LoadedRole = { nodes: [], vars: [], defaults: [] };

/** The tasks of a play's `roles:`. */
export async function loadRoles(
  context: LoadContext,
  node: YamlNode | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  if (!node || (node.kind === "scalar" && node.value === null)) return [];
  if (node.kind !== "list") {
    context.findings.at(node, "roles must be a list", { remedy: "Write each role on a line of its own with a dash." });
    return [];
  }
  const nodes: Node[] = [];
  for (const item of node.items) nodes.push(...(await loadRoleEntry(context, item, lineage, chain)).nodes);
  return nodes;
}

async function loadRoleEntry(
  context: LoadContext,
  item: YamlNode,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const { findings } = context;
  if (item.kind === "scalar" && typeof item.value === "string") {
    const name = plainText(item, "the name of a role", findings);
    return name === undefined
      ? NOTHING
      : loadOnce(context, { ...requestOf(name, item), vars: [], params: [] }, item, lineage, chain);
  }
  const entry = item.kind === "map" ? (item.entries.get("role") ?? item.entries.get("name")) : undefined;
  if (item.kind !== "map" || !entry) {
    findings.at(item, "an entry of roles needs the name of a role", {
      remedy: "Write - NAME, or - role: NAME with keywords below it.",
    });
    return NOTHING;
  }
  const name = plainText(entry.value, "the name of a role", findings);
  if (name === undefined) return NOTHING;
  const isParam = (key: string): boolean => !Object.hasOwn(ROLE_KEYWORDS, key);
  checkKeywords(item, ROLE_KEYWORDS, "a role", findings, isParam);
  const paramEntries = [...item.entries].filter(([key]) => isParam(key));
  for (const [key, { keyNode }] of paramEntries) {
    const near = suggest(key, Object.keys(ROLE_KEYWORDS));
    if (near)
      findings.warn(keyNode, `${JSON.stringify(key)} is no keyword of a role: it is taken for a variable`, {
        remedy: near,
      });
  }
  const vars = item.entries.get("vars");
  const request: RoleRequest = {
    ...requestOf(name, entry.value),
    vars: vars ? [varsOf(vars.value, `vars of role ${name}`, findings)] : [],
    params:
      paramEntries.length > 0
        ? [varsOf({ ...item, entries: new Map(paramEntries) }, `parameters of role ${name}`, findings)]
        : [],
  };
  return loadOnce(context, request, item, inherit(lineage, item, undefined, findings), chain);
}

function requestOf(name: string, node: YamlNode): RoleRequest {
  return {
    name,
    node,
    tasksFrom: undefined,
    varsFrom: undefined,
    defaultsFrom: undefined,
    handlersFrom: undefined,
    vars: [],
    params: [],
    once: undefined,
    isRepeated: false,
  };
}

/** An entry of `roles:` or of dependencies: with the very same arguments it runs once on a target, unless it allows more. */
async function loadOnce(
  context: LoadContext,
  request: RoleRequest,
  entry: YamlNode,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const path = findRole(context, request, lineage);
  if (path === undefined || isCircular(context, request, path, chain)) return NOTHING;
  const { role: _role, name: _name, ...given } = entry.kind === "map" ? asRecord(plainOf(entry)) : {};
  const key = JSON.stringify([path, given]);
  const duplicates = metaOf(context, path)?.entries.get("allow_duplicates");
  const isRepeatable =
    duplicates !== undefined && plainBoolean(duplicates.value, "allow_duplicates", context.findings) === true;
  const isRepeated = context.gathered.seen.has(key);
  context.gathered.seen.add(key);
  return loadRole(context, { ...request, once: isRepeatable ? undefined : key, isRepeated }, path, lineage, chain);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The role's directory; reports where it was looked for. */
function findRole(context: LoadContext, { name, node }: RoleRequest, lineage: Lineage): string | undefined {
  const { files, directory, findings } = context;
  const parents = [
    join(directory, "roles"),
    ...context.rolesPath,
    directory,
    ...(lineage.role ? [dirname(lineage.role.path)] : []),
  ];
  const candidates = isAbsolute(name) ? [name] : [...new Set(parents.map((parent) => join(parent, name)))];
  const path = candidates.find((one) => files.kind(one) === "directory");
  if (path !== undefined) return path;
  const known = [join(directory, "roles"), ...context.rolesPath].flatMap((parent) => files.reader.list(parent));
  findings.at(node, `there is no role ${JSON.stringify(name)}`, {
    detail: `Looked for ${candidates.map((one) => files.shown(one)).join(", ")}.`,
    remedy:
      suggest(name, known) ??
      (/^\w+\.\w+\./.test(name) ? "Roles of collections are not known: copy the role below roles/." : undefined),
  });
  return undefined;
}

function mainFile(context: LoadContext, role: string, folder: string, from: string | undefined): string | undefined {
  return context.files.firstFile(EXTENSIONS.map((extension) => join(role, folder, (from ?? "main") + extension)));
}

/** The file that `tasks_from` and the like name; reports where it is missing. */
function fileFrom(
  context: LoadContext,
  request: RoleRequest,
  role: string,
  folder: string,
  from: string | undefined,
): string | undefined {
  const path = mainFile(context, role, folder, from);
  if (path === undefined && from !== undefined) {
    const shown = context.files.shown(join(role, folder));
    const names = context.files.reader.list(join(role, folder)).map((one) => one.replace(/\.(ya?ml|json)$/, ""));
    context.findings.at(request.node, `the role ${request.name} has no ${folder}/${from}`, {
      detail: `Looked in ${shown}.`,
      remedy: suggest(from, names),
    });
  }
  return path;
}

function layerFrom(
  context: LoadContext,
  request: RoleRequest,
  role: string,
  folder: "vars" | "defaults",
  from: string | undefined,
): VarLayer[] {
  const path = fileFrom(context, request, role, folder, from);
  const layer =
    path === undefined ? undefined : context.findings.try(() => varsOfFile(context.files, path, context.findings));
  return layer ? [layer] : [];
}

function metaOf(context: LoadContext, role: string): YamlMap | undefined {
  const path = mainFile(context, role, "meta", undefined);
  const node = path === undefined ? undefined : context.findings.try(() => context.files.yaml(path));
  if (node && node.kind !== "map") context.findings.at(node, "the meta file of a role must be a map");
  return node?.kind === "map" ? node : undefined;
}

/** Reports a role that is being read already. */
function isCircular(context: LoadContext, request: RoleRequest, path: string, chain: Chain): boolean {
  if (chain.includes(path)) {
    const circle = [...chain.slice(chain.indexOf(path)), path].filter((one) => context.files.kind(one) === "directory");
    context.findings.at(request.node, `the role ${request.name} depends on itself`, {
      detail: circle.map((one) => context.files.shown(one)).join(" → "),
    });
    return true;
  }
  return false;
}

async function loadRole(
  context: LoadContext,
  request: RoleRequest,
  path: string,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  if (isCircular(context, request, path, chain)) return NOTHING;
  const ownDefaults = layerFrom(context, request, path, "defaults", request.defaultsFrom);
  const ownVars = layerFrom(context, request, path, "vars", request.varsFrom);
  const own = [...request.vars, ...ownVars, ...request.params];
  const info = (defaults: readonly VarLayer[]): RoleInfo => ({
    name: request.name,
    path,
    defaults,
    once: request.once,
  });
  const above = lineage.role?.defaults ?? [];
  const searchDirectories = [...new Set([path, join(path, "tasks"), ...lineage.searchDirectories])];
  const asParent: Lineage = {
    ...lineage,
    role: info([...above, ...ownDefaults]),
    vars: [...lineage.vars, ...own],
    searchDirectories,
  };
  const dependencies = await loadDependencies(context, path, asParent, [...chain, path]);
  const role = info([...dependencies.defaults, ...above, ...ownDefaults]);
  const inside: Lineage = { ...asParent, role, vars: [...lineage.vars, ...dependencies.vars, ...own] };
  if (!request.isRepeated) {
    context.gathered.defaults.push(...ownDefaults);
    context.gathered.vars.push(...request.vars, ...ownVars);
  }
  const tasks = fileFrom(context, request, path, "tasks", request.tasksFrom);
  const nodes = tasks === undefined ? [] : await loadTaskFile(context, tasks, inside, [...chain, path]);
  const handlers = fileFrom(context, request, path, "handlers", request.handlersFrom);
  if (handlers !== undefined && !request.isRepeated) {
    const list = context.findings.try(() => context.files.yaml(handlers));
    context.gathered.handlers.push(...(await loadHandlers(context, list, inside, [...chain, path, handlers])));
  }
  return {
    nodes: [...dependencies.nodes, ...nodes],
    vars: [...dependencies.vars, ...ownVars],
    defaults: [...dependencies.defaults, ...ownDefaults],
  };
}

async function loadDependencies(
  context: LoadContext,
  path: string,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const node = metaOf(context, path)?.entries.get("dependencies")?.value;
  if (!node || (node.kind === "scalar" && node.value === null)) return NOTHING;
  if (node.kind !== "list") {
    context.findings.at(node, "dependencies must be a list of roles");
    return NOTHING;
  }
  const all: { nodes: Node[]; vars: VarLayer[]; defaults: VarLayer[] } = { nodes: [], vars: [], defaults: [] };
  for (const item of node.items) {
    const one = await loadRoleEntry(context, item, lineage, chain);
    all.nodes.push(...one.nodes);
    all.vars.push(...one.vars);
    all.defaults.push(...one.defaults);
  }
  return all;
}

const ROLE_ACTION_PARAMS = [
  "name",
  "role",
  "tasks_from",
  "vars_from",
  "defaults_from",
  "handlers_from",
  "apply",
  "public",
  "allow_duplicates",
  "rolespec_validate",
];

interface RoleAction {
  readonly nameNode: YamlNode;
  readonly isPublic: boolean;
  requestFor(name: string): RoleRequest;
}

function roleAction(context: LoadContext, action: YamlEntry): RoleAction | undefined {
  const { findings } = context;
  const map = action.value;
  const nameNode = map.kind === "map" ? (map.entries.get("name") ?? map.entries.get("role"))?.value : undefined;
  if (map.kind !== "map" || !nameNode || nameNode.kind !== "scalar" || nameNode.text === "") {
    findings.at(action.keyNode, `${action.key} needs the name of a role`, {
      remedy: `Write ${action.key}: {name: NAME}.`,
    });
    return undefined;
  }
  for (const { key, keyNode } of map.entries.values()) {
    if (!ROLE_ACTION_PARAMS.includes(key))
      findings.at(keyNode, `${action.key} has no parameter ${JSON.stringify(key)}`, {
        remedy: suggest(key, ROLE_ACTION_PARAMS) ?? `Variables for the role stand under vars:, beside ${action.key}:.`,
      });
  }
  const text = (key: string): string | undefined => {
    const node = map.entries.get(key)?.value;
    return node && plainText(node, key, findings);
  };
  const [tasksFrom, varsFrom, defaultsFrom, handlersFrom] = [
    "tasks_from",
    "vars_from",
    "defaults_from",
    "handlers_from",
  ].map(text);
  const visible = map.entries.get("public")?.value;
  return {
    nameNode,
    isPublic: visible !== undefined && plainBoolean(visible, "public", findings) === true,
    requestFor: (name) => ({ ...requestOf(name, nameNode), tasksFrom, varsFrom, defaultsFrom, handlersFrom }),
  };
}

export async function importRole(
  context: LoadContext,
  map: YamlMap,
  action: YamlEntry,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  checkTaskKeywords(map, action, context.findings);
  const loop = map.entries.get("loop");
  if (loop)
    context.findings.at(loop.keyNode, "import_role cannot loop: it is read before the play begins", {
      remedy: "Write include_role.",
    });
  const role = roleAction(context, action);
  if (!role) return [];
  if (isTemplateText(role.nameNode)) {
    context.findings.at(role.nameNode, "import_role is read before any variable is known", {
      remedy: "Write include_role, or the role's name.",
    });
    return [];
  }
  const name = plainText(role.nameNode, "the name of a role", context.findings);
  if (name === undefined) return [];
  const request = role.requestFor(name);
  const path = findRole(context, request, lineage);
  if (path === undefined) return [];
  const vars = varsOfAction(context, map, "import vars");
  const own = inherit(lineage, map, undefined, context.findings);
  return [...(await loadRole(context, { ...request, vars, params: vars }, path, own, chain)).nodes];
}

export function includeRole(
  context: LoadContext,
  map: YamlMap,
  action: YamlEntry,
  lineage: Lineage,
  chain: Chain,
): Include[] {
  checkTaskKeywords(map, action, context.findings);
  const role = roleAction(context, action);
  const name = role && context.findings.try(() => templateOf(role.nameNode));
  if (!role || !name) return [];
  const below = lineageBelowInclude(context, action, lineage);
  const params = varsOfAction(context, map, "include vars");
  return [
    includeNode(context, map, "include_role", lineage, name, async (one) => {
      const loaded = await loadApart(context, async (inner) => {
        const request = { ...role.requestFor(one), params };
        const path = findRole(inner, request, below);
        // A role may include itself: what runs decides when it ends.
        return path === undefined ? [] : [...(await loadRole(inner, request, path, below, chain.slice(0, 1))).nodes];
      });
      return role.isPublic ? loaded : { ...loaded, defaults: [] };
    }),
  ];
}
