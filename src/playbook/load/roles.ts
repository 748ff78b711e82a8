// Roles: found, read with their dependencies, and turned into tasks, handlers and layers of variables.

import { dirname } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { VarLayer } from "../../module/value.js";
import { validationTask } from "./argument-specs.js";
import type { LoadContext } from "./context.js";
import { checkKeywords, ROLE_KEYWORDS } from "./keywords.js";
import { inherit, passedOn, type Lineage } from "./lineage.js";
import type { Findings } from "./findings.js";
import { listItems } from "./list-items.js";
import type { Handler, Meta, Node, RoleInfo } from "../play.js";
import { findRole, layersOf, metaOf, requestOf, taskFileOf, type RoleRequest } from "./role-files.js";
import { loadHandlers, loadTaskFile, type Chain } from "./tasks.js";
import { plainBoolean, plainText, varsOf } from "./vars.js";
import { placeOf, plainOf, type YamlMap, type YamlNode } from "../yaml/yaml.js";

export interface LoadedRole {
  readonly nodes: readonly Node[];
  readonly vars: readonly VarLayer[];
  readonly defaults: readonly VarLayer[];
  /** Those of what it depends on first. */
  readonly handlers: readonly Handler[];
}

const NOTHING: LoadedRole = { nodes: [], vars: [], defaults: [], handlers: [] };

/** The tasks of a play's `roles:`. */
export async function loadRoles(
  context: LoadContext,
  node: YamlNode | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const remedy = "Write each role on a line of its own with a dash.";
  const nodes: Node[] = [];
  for (const item of listItems(node, context.findings, "roles must be a list", remedy)) {
    const name = nameOfEntry(item);
    if (name !== undefined) context.gathered.roleNames.own.push(name);
    const role = await loadRoleEntry(context, item, lineage, chain);
    nodes.push(...role.nodes);
    context.gathered.listed.defaults.push(...role.defaults);
    context.gathered.listed.vars.push(...role.vars);
    context.gathered.listed.handlers.push(...role.handlers);
  }
  return nodes;
}

function nameOfEntry(item: YamlNode): string | undefined {
  const node = item.kind === "map" ? (item.entries.get("role") ?? item.entries.get("name"))?.value : item;
  return node?.kind === "scalar" ? node.text : undefined;
}

async function loadRoleEntry(
  context: LoadContext,
  item: YamlNode,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const { findings } = context;
  if (item.kind === "scalar" && typeof item.value === "string") {
    const name = roleName(item, lineage, findings);
    return name === undefined ? NOTHING : loadListed(context, requestOf(name, item), [], lineage, chain);
  }
  const entry = item.kind === "map" ? (item.entries.get("role") ?? item.entries.get("name")) : undefined;
  if (item.kind !== "map" || !entry) {
    findings.at(item, "an entry of roles needs the name of a role", {
      remedy: "Write - NAME, or - role: NAME with keywords below it.",
    });
    return NOTHING;
  }
  const name = roleName(entry.value, lineage, findings);
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
  const keywordEntries = new Map([...item.entries].filter(([key]) => !isParam(key)));
  const params = varsOf({ ...item, entries: new Map(paramEntries) }, `parameters of role ${name}`, findings);
  const request: RoleRequest = {
    ...requestOf(name, entry.value),
    vars: vars ? [varsOf(vars.value, `vars of role ${name}`, findings)] : [],
    params: paramEntries.length > 0 ? [{ ...params, rank: "role parameter" }] : [],
  };
  // Other keywords do not tell uses of a role apart.
  const telling = [...item.entries].filter(([key]) => isParam(key) || ["when", "tags", "vars"].includes(key));
  const given = telling.map(([key, { value }]) => [key, plainOf(value)]);
  return loadListed(
    context,
    request,
    given,
    inherit(lineage, { ...item, entries: keywordEntries }, undefined, findings),
    chain,
  );
}

function roleName(node: YamlNode, lineage: Lineage, findings: Findings): string | undefined {
  const settled = lineage.early.settled(node, "the name of a role", lineage, findings);
  return settled && plainText(settled, "the name of a role", findings);
}

/** An entry of `roles:` or of dependencies. */
async function loadListed(
  context: LoadContext,
  request: RoleRequest,
  given: readonly unknown[],
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const path = findRole(context, request, lineage);
  if (path === undefined || isCircular(context, request, path, chain)) return NOTHING;
  const parents = lineage.role?.parents ?? [];
  return loadRole(context, { ...request, key: JSON.stringify([path, given]), parents }, path, lineage, chain);
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

/** The role's tasks behind those of what it depends on; its handlers and variables go to what the play gathers. */
export async function loadRole(
  context: LoadContext,
  request: RoleRequest,
  path: string,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  if (isCircular(context, request, path, chain)) return NOTHING;
  const meta = metaOf(context, path);
  const ownDefaults = layersOf(context, request, path, "defaults");
  const ownVars = layersOf(context, request, path, "vars");
  const variables = [...request.vars, ...ownVars].map((layer) => ({ ...layer, rank: "role variable" as const }));
  const own = [...variables, ...request.params];
  const isRepeatable = request.isRepeatable ?? allowsDuplicates(context, meta);
  const info = (defaults: readonly VarLayer[]): RoleInfo => ({
    name: request.name,
    path,
    defaults,
    parents: request.parents,
    key: request.key,
    isIncluded: request.isIncluded,
    isRepeatable,
  });
  const above = lineage.role?.defaults ?? [];
  const rolePaths = [...new Set([path, ...lineage.rolePaths])];
  const asParent: Lineage = {
    ...lineage,
    role: info([...above, ...ownDefaults]),
    vars: [...lineage.vars, ...own],
    rolePaths,
    roleParams: request.params.filter((layer) => layer.rank === "role parameter"),
    searchDirectories: [...rolePaths, context.directory],
  };
  const dependencies = await loadDependencies(context, meta, asParent, [...chain, path]);
  const role = info([...dependencies.defaults, ...above, ...ownDefaults]);
  const inside: Lineage = { ...asParent, role, vars: [...lineage.vars, ...dependencies.vars, ...own] };
  // The same was read before: its handlers are known.
  const isRepeated = context.gathered.seen.has(request.key);
  context.gathered.seen.add(request.key);
  const validation = await validationTask(context, request, path, meta, inside);
  const tasks = taskFileOf(context, request, path, "tasks");
  const nodes = tasks === undefined ? [] : await loadTaskFile(context, tasks, inside, [...chain, path]);
  const file = isRepeated ? undefined : taskFileOf(context, request, path, "handlers");
  const handlers: Handler[] = [];
  if (file !== undefined) {
    const list = context.findings.try(() => context.files.yaml(file));
    const searchDirectories = [...rolePaths, dirname(file), context.directory];
    handlers.push(...(await loadHandlers(context, list, { ...inside, searchDirectories }, [...chain, path, file])));
  }
  const end: Meta = {
    ...passedOn(inside),
    kind: "meta",
    name: undefined,
    listen: [],
    isImplicit: true,
    action: "role_complete",
    place: placeOf(request.node),
    tags: new Set(["always"]),
    when: [],
  };
  return {
    nodes: [...dependencies.nodes, ...(validation ? [validation] : []), ...nodes, end],
    vars: [...dependencies.vars, ...variables],
    defaults: [...dependencies.defaults, ...ownDefaults],
    handlers: [...dependencies.handlers, ...handlers],
  };
}

function allowsDuplicates(context: LoadContext, meta: YamlMap | undefined): boolean {
  const entry = meta?.entries.get("allow_duplicates");
  return entry !== undefined && plainBoolean(entry.value, "allow_duplicates", context.findings) === true;
}

async function loadDependencies(
  context: LoadContext,
  meta: YamlMap | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<LoadedRole> {
  const node = meta?.entries.get("dependencies")?.value;
  const all: { nodes: Node[]; vars: VarLayer[]; defaults: VarLayer[]; handlers: Handler[] } = {
    nodes: [],
    vars: [],
    defaults: [],
    handlers: [],
  };
  for (const item of listItems(node, context.findings, "dependencies must be a list of roles")) {
    const one = await loadRoleEntry(context, item, lineage, chain);
    const name = nameOfEntry(item);
    if (name !== undefined) context.gathered.roleNames.dependencies.push(name);
    all.nodes.push(...one.nodes);
    all.vars.push(...one.vars);
    all.defaults.push(...one.defaults);
    all.handlers.push(...one.handlers);
  }
  return all;
}
