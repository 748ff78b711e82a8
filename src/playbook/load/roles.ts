// Roles: found, read with their dependencies, and turned into tasks, handlers and layers of variables.

import { join } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { VarLayer } from "../../module/value.js";
import type { LoadContext } from "./context.js";
import { checkKeywords, ROLE_KEYWORDS } from "./keywords.js";
import { inherit, type Lineage } from "./lineage.js";
import { listItems } from "./list-items.js";
import type { Node, RoleInfo } from "../play.js";
import { fileFrom, findRole, layerFrom, metaOf, requestOf, type RoleRequest } from "./role-files.js";
import { loadHandlers, loadTaskFile, type Chain } from "./tasks.js";
import { plainBoolean, plainText, varsOf } from "./vars.js";
import { plainOf, type YamlNode } from "../yaml/yaml.js";

interface LoadedRole {
  readonly nodes: readonly Node[];
  readonly vars: readonly VarLayer[];
  readonly defaults: readonly VarLayer[];
}

const NOTHING: LoadedRole = { nodes: [], vars: [], defaults: [] };

/** The tasks of a play's `roles:`. */
export async function loadRoles(
  context: LoadContext,
  node: YamlNode | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const remedy = "Write each role on a line of its own with a dash.";
  const nodes: Node[] = [];
  for (const item of listItems(node, context.findings, "roles must be a list", remedy))
    nodes.push(...(await loadRoleEntry(context, item, lineage, chain)).nodes);
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
  const all: { nodes: Node[]; vars: VarLayer[]; defaults: VarLayer[] } = { nodes: [], vars: [], defaults: [] };
  for (const item of listItems(node, context.findings, "dependencies must be a list of roles")) {
    const one = await loadRoleEntry(context, item, lineage, chain);
    all.nodes.push(...one.nodes);
    all.vars.push(...one.vars);
    all.defaults.push(...one.defaults);
  }
  return all;
}
