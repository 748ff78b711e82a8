// A role's directory and the files in it: where they are looked for, what is said where they are missing.

import { dirname, isAbsolute, join } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { VarLayer } from "../../module/value.js";
import type { LoadContext } from "./context.js";
import type { Lineage } from "./lineage.js";
import { varsOfFile } from "./vars.js";
import type { YamlMap, YamlNode } from "../yaml/yaml.js";

/** What is asked of a role. `node` names it: messages point there. */
export interface RoleRequest {
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

const EXTENSIONS = ["", ".yml", ".yaml", ".json"];

/** A request for the role alone. */
export function requestOf(name: string, node: YamlNode): RoleRequest {
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

/** The role's directory; reports where it was looked for. */
export function findRole(context: LoadContext, { name, node }: RoleRequest, lineage: Lineage): string | undefined {
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
export function fileFrom(
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

export function layerFrom(
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

export function metaOf(context: LoadContext, role: string): YamlMap | undefined {
  const path = mainFile(context, role, "meta", undefined);
  const node = path === undefined ? undefined : context.findings.try(() => context.files.yaml(path));
  if (node && node.kind !== "map") context.findings.at(node, "the meta file of a role must be a map");
  return node?.kind === "map" ? node : undefined;
}
