// Loads variables from files of the controller while the play runs.

import { defineModule, type Context, type LocalSource, type Plan, type Refusal } from "../src/module/contract.js";
import { checkRegex, pythonRegex } from "../src/module/regex.js";

export default defineModule({
  name: "include_vars",
  summary: "Load variables from files of the controller",
  doc: "From here on they hold for the target, for the rest of the run: stronger than variables of plays, roles and tasks, weaker than set_fact and registered results. Their values may be templates, which are rendered when they are used. Files are looked for in the role's vars/, then beside the playbook.",
  params: {
    file: { type: "path", source: { folder: "vars" }, doc: "A file of variables; free text, too." },
    dir: {
      type: "path",
      source: { folder: "vars", followsLinks: true },
      doc: "A directory: all files beneath it, in the order of their names.",
    },
    name: { type: "str", doc: "The one variable, a map, that gets them all." },
    depth: { type: "int", default: 0, doc: "dir: levels to go down; 0: all." },
    files_matching: { type: "str", doc: "dir: only files whose names match this regular expression." },
    ignore_files: {
      type: "list",
      elements: "str",
      doc: "dir: no files whose names end in one of these regular expressions.",
    },
    extensions: {
      type: "list",
      elements: "str",
      default: ["yaml", "yml", "json"],
      doc: "dir: what names of files may end in.",
    },
    ignore_unknown_extensions: {
      type: "bool",
      default: false,
      doc: "dir: pass over files with other endings instead of failing.",
    },
    hash_behaviour: { type: "str", choices: ["replace", "merge"], doc: "Maps are always replaced; merge is refused." },
  },
  rules: { mutuallyExclusive: [["file", "dir"]], requiredOneOf: [["file", "dir"]] },
  freeForm: "file",
  effects: "variables",
  neverChanges: true,
  returns: { ansible_facts: "The variables as they are written.", ansible_included_var_files: "The files." },
  check: (params) => problemOf(params),
  observe: () => ({}),
  plan(params, _seen, context): Plan {
    const problem = problemOf(params);
    if (problem !== undefined) return { changes: [], refusal: { message: problem, result: { message: problem } } };
    const found = pathsOf(params, context);
    if ("message" in found) return { changes: [], refusal: { ...found, result: { message: found.message } } };
    return {
      changes: [],
      effects: [{ kind: "includeVars", paths: found, under: params.name }],
      concludeEffects: ([outcome]) => ({
        result: { ansible_facts: outcome?.values ?? {}, ansible_included_var_files: found },
      }),
    };
  },
  examples: [
    { title: "The variables of a distribution", yaml: 'include_vars: "{{facts.os}}.yml"\n' },
    { title: "All of a directory under one name", yaml: "include_vars:\n  dir: sites\n  name: sites\n" },
  ],
});

interface Params {
  readonly dir: string | undefined;
  readonly name: string | undefined;
  readonly depth: number;
  readonly files_matching: string | undefined;
  readonly ignore_files: readonly string[] | undefined;
  readonly extensions: readonly string[];
  readonly ignore_unknown_extensions: boolean;
  readonly hash_behaviour: string | undefined;
}

function problemOf(params: Params): string | undefined {
  const { name, dir, depth, files_matching: matching, ignore_files: ignored = [] } = params;
  if (params.hash_behaviour === "merge")
    return "hash_behaviour: merge is not taken: write the merged map with {{combine a b recursive=true}}";
  if (name !== undefined && !/^[A-Za-z_]\w*$/.test(name)) return `${JSON.stringify(name)} is no name for a variable`;
  if (depth < 0) return "depth is a number of levels from 0 on";
  const isOfDirectory = depth > 0 || matching !== undefined || ignored.length > 0 || params.ignore_unknown_extensions;
  if (dir === undefined && isOfDirectory)
    return "You are mixing file only and dir only arguments, these are incompatible";
  return [matching, ...ignored].map(checkRegex).find((one) => one !== undefined);
}

function pathsOf(params: Params, { sources }: Context): readonly string[] | Refusal {
  const { file, dir } = sources;
  if (file?.kind === "file") return [file.path];
  if (file) return { message: `${file.path} is a directory`, remedy: "Write dir: instead of file:." };
  if (dir?.kind === "file")
    return { message: `${dir.path} is not a directory`, remedy: "Write file: instead of dir:." };
  return dir ? filesIn(dir, params) : { message: "there is nothing to include" };
}

function filesIn(source: LocalSource & { readonly kind: "directory" }, params: Params): readonly string[] | Refusal {
  const { depth, extensions } = params;
  const wanted = params.files_matching === undefined ? undefined : pythonRegex(params.files_matching).regex;
  const ignored = (params.ignore_files ?? []).map((one) => pythonRegex(`${one}$`).regex);
  const paths: string[] = [];
  for (const { name, kind } of [...source.entries].sort((a, b) => byDirectory(a.name, b.name))) {
    const parts = name.split("/");
    const base = parts.at(-1) ?? "";
    if (kind === "directory" || (depth > 0 && parts.length > depth)) continue;
    if (wanted && !wanted.test(base)) continue;
    if (ignored.some((one) => one.test(base))) continue;
    const dot = base.lastIndexOf(".");
    if (extensions.includes(dot > 0 ? base.slice(dot + 1) : "")) paths.push(`${source.path}/${name}`);
    else if (!params.ignore_unknown_extensions) {
      const message = `${source.path}/${name} does not have a valid extension: ${extensions.join(", ")}`;
      return { message, remedy: "Add its ending to extensions, or say ignore_unknown_extensions: true." };
    }
  }
  return paths;
}

/** A directory's own files before those beneath it, both by name. */
function byDirectory(one: string, other: string): number {
  const [a, b] = [one, other].map((name) => [name.slice(0, Math.max(0, name.lastIndexOf("/"))), name]);
  const at = a?.[0] === b?.[0] ? 1 : 0;
  return (a?.[at] ?? "") < (b?.[at] ?? "") ? -1 : 1;
}
