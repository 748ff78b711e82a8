// A role's directory and the files in it: where they are looked for, what is said where they are missing.

import { dirname, extname, isAbsolute, join, relative } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import type { VarLayer } from "../../module/value.js";
import type { LoadContext } from "./context.js";
import type { PlaybookFiles } from "./files.js";
import type { Lineage } from "./lineage.js";
import type { RoleInfo, RolePart } from "../play.js";
import { varsOfFile } from "./vars.js";
import type { YamlMap, YamlNode } from "../yaml/yaml.js";

/** What is asked of a role. `node` names it: messages point there. */
export interface RoleRequest {
  readonly name: string;
  readonly node: YamlNode;
  /** Files to take instead of main, by the folder. */
  readonly from: Readonly<Partial<Record<RolePart, string>>>;
  /** `vars` of the entry, import or include: below the role's own. Seen by the whole play, as Ansible has it. */
  readonly vars: readonly VarLayer[];
  /** Other keys of an entry, `vars` of an import or include: above the role's own. */
  readonly params: readonly VarLayer[];
  /** Of its arguments: the same for uses that count as one. */
  readonly key: string;
  readonly isIncluded: boolean;
  /** Undefined: as the role's meta file says. */
  readonly isRepeatable: boolean | undefined;
  /** Its arguments are checked against what its meta files say of them. */
  readonly isValidated: boolean;
  /** Roles that it is imported or included from, the nearest first. */
  readonly parents: RoleInfo["parents"];
}

const EXTENSIONS = [".yml", ".yaml", ".json"];

/** A request for the role alone. */
export function requestOf(name: string, node: YamlNode): RoleRequest {
  return {
    name,
    node,
    from: {},
    vars: [],
    params: [],
    key: "",
    isRepeatable: undefined,
    isIncluded: false,
    isValidated: true,
    parents: [],
  };
}

/** The role's directory; reports where it was looked for. */
export function findRole(context: LoadContext, { name, node }: RoleRequest, lineage: Lineage): string | undefined {
  const { files, directory, findings } = context;
  const parents = [
    join(directory, "roles"),
    ...context.rolesPath,
    ...(lineage.role ? [dirname(lineage.role.path)] : []),
    directory,
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

/** The files of a role's folder that are meant: `main`, or the one that `from` names; of a directory of variables all. */
function filesOf({ files }: LoadContext, folder: string, from: string | undefined, takesDirectory: boolean): string[] {
  const endings = from === undefined ? [...EXTENSIONS, ""] : ["", ...EXTENSIONS];
  for (const path of endings.map((ending) => join(folder, (from ?? "main") + ending))) {
    const kind = files.kind(path);
    if (kind === "file") return [path];
    if (kind === "directory" && takesDirectory) return filesBelow(files, path);
  }
  return [];
}

/** Files of variables in a directory and below, by name; hidden ones and backups are none. */
function filesBelow(files: PlaybookFiles, directory: string): string[] {
  return files.reader
    .list(directory)
    .toSorted()
    .flatMap((name) => {
      if (name.startsWith(".") || name.endsWith("~")) return [];
      const path = join(directory, name);
      const ending = extname(name);
      const kind = files.kind(path);
      if (kind === "directory") return ending === "" ? filesBelow(files, path) : [];
      return kind === "file" && (ending === "" || EXTENSIONS.includes(ending)) ? [path] : [];
    });
}

/** The files that are meant; reports where one that `tasks_from` and the like name is missing. */
function partOf(context: LoadContext, request: RoleRequest, role: string, part: RolePart): string[] {
  const folder = join(role, part);
  const from = request.from[part];
  const { files, findings } = context;
  if (from !== undefined && relative(folder, join(folder, from)).startsWith("..")) {
    findings.at(request.node, `${part}_from: ${JSON.stringify(from)} lies outside of the role's ${part}/`);
    return [];
  }
  const paths = filesOf(context, folder, from, part === "vars" || part === "defaults");
  if (paths.length === 0 && from !== undefined) {
    const names = files.reader.list(folder).map((one) => one.replace(/\.(ya?ml|json)$/, ""));
    findings.at(request.node, `the role ${request.name} has no ${part}/${from}`, {
      detail: `Looked in ${files.shown(folder)}.`,
      remedy: suggest(from, names),
    });
  }
  return paths;
}

/** The file of a role's tasks or handlers. */
export function taskFileOf(
  context: LoadContext,
  request: RoleRequest,
  role: string,
  part: "tasks" | "handlers",
): string | undefined {
  return partOf(context, request, role, part)[0];
}

/** A role's variables: of several files the later ones are stronger. */
export function layersOf(
  context: LoadContext,
  request: RoleRequest,
  role: string,
  part: "vars" | "defaults",
): VarLayer[] {
  return partOf(context, request, role, part).flatMap((path) => {
    const layer = context.findings.try(() => varsOfFile(context.files, path, context.findings));
    return layer ? [layer] : [];
  });
}

const META_KEYS = ["dependencies", "allow_duplicates", "argument_specs", "galaxy_info", "collections"];

/** The role's meta file; reports one that is no map. */
export function metaOf(context: LoadContext, role: string): YamlMap | undefined {
  const [path] = filesOf(context, join(role, "meta"), undefined, false);
  const node = path === undefined ? undefined : context.findings.try(() => context.files.yaml(path));
  if (node && node.kind !== "map") context.findings.at(node, "the meta file of a role must be a map");
  if (node?.kind !== "map") return undefined;
  for (const { key, keyNode } of node.entries.values()) {
    const near = META_KEYS.includes(key) ? undefined : suggest(key, META_KEYS);
    if (near)
      context.findings.warn(keyNode, `the meta file of a role has no key ${JSON.stringify(key)}`, { remedy: near });
  }
  return node;
}
