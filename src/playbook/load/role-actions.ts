// import_role and include_role.

import { suggest } from "../../diagnostic/near.js";
import type { LoadContext } from "./context.js";
import { inherit, withVars, type Lineage } from "./lineage.js";
import type { VarLayer } from "../../module/value.js";
import type { Include, Node, RolePart } from "../play.js";
import { findRole, requestOf, type RoleRequest } from "./role-files.js";
import { loadRole } from "./roles.js";
import { checkImportKeywords, checkTaskKeywords } from "./task.js";
import { includeNode, lineageBelowInclude, loadApart, varsOfAction, type Chain } from "./tasks.js";
import { templateOf, type Template } from "../template/template.js";
import { plainBoolean, plainText } from "./vars.js";
import { plainOf, type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from "../yaml/yaml.js";

const PARTS = ["tasks", "vars", "defaults", "handlers"] as const;

const PARAMS = [
  "name",
  "role",
  ...PARTS.map((part) => `${part}_from`),
  "apply",
  "public",
  "allow_duplicates",
  "rolespec_validate",
];

interface RoleAction {
  readonly nameNode: YamlScalar;
  /** `tasks_from` and the like, as they are written. */
  readonly from: ReadonlyMap<RolePart, YamlNode>;
  readonly isPublic: boolean;
  readonly isRepeatable: boolean;
  readonly isValidated: boolean;
}

function roleAction(context: LoadContext, action: YamlEntry): RoleAction | undefined {
  const { findings } = context;
  const map = action.value;
  const nameNode = map.kind === "map" ? (map.entries.get("name") ?? map.entries.get("role"))?.value : undefined;
  if (map.kind !== "map" || !nameNode || nameNode.kind !== "scalar" || nameNode.text === "") {
    const word =
      /^(?:name|role)=(\S+)$/.exec(map.kind === "scalar" ? map.text : "")?.[1] ??
      (map.kind === "scalar" && /^[\w./-]+$/.test(map.text) ? map.text : "NAME");
    findings.at(action.keyNode, `${action.key} needs the name of a role`, {
      remedy: `Write ${action.key}: {name: ${word}}.`,
    });
    return undefined;
  }
  for (const { key, keyNode } of map.entries.values()) {
    if (!PARAMS.includes(key))
      findings.at(keyNode, `${action.key} has no parameter ${JSON.stringify(key)}`, {
        remedy: suggest(key, PARAMS) ?? `Variables for the role stand under vars:, beside ${action.key}:.`,
      });
    else if (action.key.endsWith("import_role") && (key === "apply" || key === "public"))
      findings.at(keyNode, `import_role does not take ${key}`, {
        remedy:
          key === "apply"
            ? "Keywords beside import_role hold for all tasks of the role."
            : "What a role that is imported defines is seen by the whole play.",
      });
  }
  const from = PARTS.flatMap((part): [RolePart, YamlNode][] => {
    const node = map.entries.get(`${part}_from`)?.value;
    if (node && node.kind !== "scalar") findings.at(node, `${part}_from takes the name of a file`);
    return node?.kind === "scalar" && node.value !== null ? [[part, node]] : [];
  });
  const flag = (key: string, otherwise: boolean): boolean => {
    const node = map.entries.get(key)?.value;
    return (node && plainBoolean(node, key, findings)) ?? otherwise;
  };
  return {
    nameNode,
    from: new Map(from),
    isPublic: flag("public", false),
    isRepeatable: flag("allow_duplicates", true),
    isValidated: flag("rolespec_validate", true),
  };
}

/** The request for the role of that name. Uses with the same files and variables count as one. */
function requestFor(
  context: LoadContext,
  map: YamlMap,
  role: RoleAction,
  name: string,
  from: RoleRequest["from"],
  lineage: Lineage,
): { readonly request: RoleRequest; readonly path: string } | undefined {
  const above = lineage.role;
  const request = {
    ...requestOf(name, role.nameNode),
    from,
    isIncluded: true,
    isRepeatable: role.isRepeatable,
    isValidated: role.isValidated,
    parents: above ? [{ name: above.name, path: above.path }, ...above.parents] : [],
  };
  const path = findRole(context, request, lineage);
  if (path === undefined) return undefined;
  const vars = map.entries.get("vars")?.value;
  const key = JSON.stringify(["include", path, from, vars ? plainOf(vars) : null]);
  return { request: { ...request, key }, path };
}

/** As Ansible has it, what a role was given goes before what its includes and imports of other roles are given. */
function paramsOfParent({ roleParams }: Lineage): VarLayer[] {
  return roleParams.map((layer) => ({ ...layer, rank: "include parameter" }));
}

export async function importRole(
  context: LoadContext,
  map: YamlMap,
  action: YamlEntry,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const { findings } = context;
  checkImportKeywords(map, action, findings);
  const role = roleAction(context, action);
  if (!role) return [];
  const vars = varsOfAction(context, map, "import vars");
  const text = (node: YamlNode, what: string): string | undefined => {
    const settled = lineage.early.settled(node, what, withVars(lineage, vars), findings, "include_role");
    return settled && plainText(settled, what, findings);
  };
  const name = text(role.nameNode, "the role that import_role names");
  if (name === undefined) return [];
  const from: Partial<Record<RolePart, string>> = {};
  for (const [part, node] of role.from) {
    const file = text(node, `${part}_from`);
    if (file !== undefined) from[part] = file;
  }
  const found = requestFor(context, map, role, name, from, lineage);
  if (!found) return [];
  const own = inherit(withVars(lineage, paramsOfParent(lineage)), map, undefined, findings);
  const loaded = await loadRole(context, { ...found.request, vars, params: vars }, found.path, own, chain);
  const { roleNames, imported } = context.gathered;
  roleNames.own.push(name);
  imported.defaults.push(...loaded.defaults);
  imported.vars.push(...loaded.vars);
  imported.handlers.push(...loaded.handlers);
  return [...loaded.nodes];
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
  const from: Partial<Record<RolePart, Template>> = {};
  for (const [part, node] of role.from) {
    const template = context.findings.try(() => templateOf(node));
    if (template) from[part] = template;
  }
  const vars = varsOfAction(context, map, "include vars");
  const params = vars.map((layer) => ({ ...layer, rank: "include parameter" as const }));
  const beneath = [...params, ...paramsOfParent(lineage)];
  const below = lineageBelowInclude(context, action, lineage);
  return [
    includeNode(context, map, "include_role", withVars(lineage, params), { file: name, from }, async (one, files) => {
      let shown: Pick<Awaited<ReturnType<typeof loadRole>>, "vars" | "defaults"> | undefined;
      const loaded = await loadApart(context, async (inner) => {
        const found = requestFor(inner, map, role, one, files, below);
        // A role may include itself: what runs decides when it ends.
        if (!found) return [];
        const { request, path } = found;
        const own = await loadRole(inner, { ...request, vars, params: beneath }, path, below, chain.slice(0, 1));
        shown = own;
        inner.gathered.imported.handlers.push(...own.handlers);
        return [...own.nodes];
      });
      if (!role.isPublic || !shown) return loaded;
      const { defaults, vars: own } = shown;
      return { ...loaded, defaults: [...loaded.defaults, ...defaults], vars: [...loaded.vars, ...own] };
    }),
  ];
}
