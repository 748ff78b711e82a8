// import_role and include_role.

import { suggest } from "../../diagnostic/near.js";
import type { LoadContext } from "./context.js";
import { inherit, type Lineage } from "./lineage.js";
import type { Include, Node } from "../play.js";
import { findRole, requestOf, type RoleRequest } from "./role-files.js";
import { loadRole } from "./roles.js";
import { checkTaskKeywords } from "./task.js";
import { includeNode, lineageBelowInclude, loadApart, varsOfAction, type Chain } from "./tasks.js";
import { templateOf } from "../template/template.js";
import { isTemplateText, plainBoolean, plainText } from "./vars.js";
import type { YamlEntry, YamlMap, YamlNode } from "../yaml/yaml.js";

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
