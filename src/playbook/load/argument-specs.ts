// Argument specs of roles: read from the meta files, checked as far as they are YAML, made into the role's first task.

import { join } from "node:path";
import { suggest } from "../../diagnostic/near.js";
import { argumentRules, argumentTypes, namesOf } from "../../module/argument-spec.js";
import type { Renderable } from "../../module/value.js";
import type { LoadContext } from "./context.js";
import { Findings } from "./findings.js";
import { GivenArguments } from "./given-arguments.js";
import type { Lineage } from "./lineage.js";
import type { Task } from "../play.js";
import type { RoleRequest } from "./role-files.js";
import { loadTask } from "./task.js";
import { staticValue } from "../template/template.js";
import { placeOf, plainOf, readYaml, type YamlMap, type YamlNode } from "../yaml/yaml.js";

/** The spec of one entry point. */
interface EntrySpec {
  readonly entry: string;
  readonly map: YamlMap;
}

/** The task that checks the role's arguments; undefined where no spec tells of its entry point. */
export async function validationTask(
  context: LoadContext,
  request: RoleRequest,
  path: string,
  meta: YamlMap | undefined,
  lineage: Lineage,
): Promise<Task | undefined> {
  const spec = request.isValidated ? specOf(context, request, path, meta) : undefined;
  if (!spec) return undefined;
  const options = mapAt(spec.map, "options");
  if (options) checkOptions(options, context.findings);
  checkParameters(context, request, options);
  const text = readYaml("argument spec", "validate_argument_spec:");
  const action = text?.kind === "map" ? text.entries.get("validate_argument_spec") : undefined;
  if (text?.kind !== "map" || !action) return undefined;
  // What is missing in the made-up task is filled in below.
  const task = await loadTask(text, action, lineage, context.registry, new Findings());
  if (!task) return undefined;
  const place = placeOf(request.node);
  const plain = staticValue(options ? plainOf(options) : {}, placeOf(spec.map));
  const rules = argumentRules.flatMap((rule): [string, Renderable][] => {
    const node = spec.map.entries.get(rule)?.value;
    return node ? [[rule, staticValue(plainOf(node))]] : [];
  });
  const about = { type: "role", name: request.name, argument_spec_name: spec.entry, path };
  return {
    ...task,
    place,
    name: staticValue(titleOf(spec)),
    tags: new Set([...lineage.tags, "always"]),
    args: {
      argument_spec: plain,
      provided_arguments: new GivenArguments(plain, undefined, place),
      validate_args_context: staticValue(about),
      ...Object.fromEntries(rules),
    },
  };
}

/** What an entry of `roles:` gives besides keywords is an argument, and must be one of the spec's. */
function checkParameters(
  { findings, files }: LoadContext,
  { name: role, node, params }: RoleRequest,
  options: YamlMap | undefined,
): void {
  const entries = [...(options?.entries ?? [])].map(([key, { value }]) => [key, plainOf(value)] as const);
  const known = [...namesOf(Object.fromEntries(entries))];
  for (const layer of params) {
    for (const name of layer.rank === "role parameter" ? layer.names() : []) {
      if (known.includes(name)) continue;
      const value = layer.get(name);
      const place = (value && "place" in value ? value.place : undefined) ?? placeOf(node);
      findings.add({
        severity: "error",
        summary: `the role ${role} has no argument ${JSON.stringify(name)}`,
        place,
        source: files.sourceLine(place),
        remedy:
          suggest(name, known) ??
          `${known.length > 0 ? `Its argument spec names ${known.join(", ")}.` : "Its argument spec names none."} A variable that is no argument stands below vars:.`,
      });
    }
  }
}

function titleOf({ entry, map }: EntrySpec): string {
  const short = map.entries.get("short_description")?.value;
  const title = `Validating arguments against arg spec '${entry}'`;
  return short?.kind === "scalar" && short.value !== null ? `${title} - ${short.text}` : title;
}

/** meta/argument_specs.yml, else `argument_specs` of the meta file. The entry point is `main`, or what `tasks_from` names. */
function specOf(
  context: LoadContext,
  { from }: RoleRequest,
  path: string,
  meta: YamlMap | undefined,
): EntrySpec | undefined {
  const { files, findings } = context;
  const file = files.firstFile(["yml", "yaml", "json"].map((end) => join(path, "meta", `argument_specs.${end}`)));
  const own = file === undefined ? meta : findings.try(() => files.yaml(file));
  const specs = own?.kind === "map" ? own.entries.get("argument_specs") : undefined;
  if (file !== undefined && own && !specs)
    findings.at(own, "a file of argument specs begins with argument_specs:", {
      remedy: "Below it stands a map for each entry point: main: {options: {…}}.",
    });
  if (!specs || (specs.value.kind === "scalar" && specs.value.value === null)) return undefined;
  if (specs.value.kind !== "map") {
    findings.at(specs.value, "argument_specs must be a map of entry points", { remedy: "Write main: {options: {…}}." });
    return undefined;
  }
  const wanted = from.tasks ?? "main";
  const bare = wanted.replace(/\.(ya?ml|json)$/, "");
  const entry = specs.value.entries.get(wanted) ?? specs.value.entries.get(bare);
  if (!entry || (entry.value.kind === "scalar" && entry.value.value === null)) return undefined;
  if (entry.value.kind === "map" && entry.value.entries.size === 0) return undefined;
  if (entry.value.kind === "map") return { entry: entry.key, map: entry.value };
  findings.at(entry.value, "an argument spec must be a map", { remedy: "Write options: below it." });
  return undefined;
}

function mapAt(map: YamlMap, key: string): YamlMap | undefined {
  const node = map.entries.get(key)?.value;
  return node?.kind === "map" ? node : undefined;
}

const OPTION_KEYS = [
  "description",
  "type",
  "required",
  "default",
  "choices",
  "elements",
  "options",
  "aliases",
  "no_log",
  "version_added",
  "apply_defaults",
  "fallback",
  "deprecated",
  ...argumentRules,
];

/** Reports types that there are not, and keys that are probably meant otherwise. */
function checkOptions(options: YamlMap, findings: Findings): void {
  for (const { key, value } of options.entries.values()) {
    if (value.kind === "scalar" && value.value === null) continue;
    if (value.kind !== "map") {
      findings.at(value, `the option ${JSON.stringify(key)} of an argument spec must be a map`, {
        remedy: `Write ${key}: {type: str}.`,
      });
      continue;
    }
    for (const part of ["type", "elements"]) {
      const type = value.entries.get(part)?.value;
      if (type) checkType(type, part, findings);
    }
    const choices = value.entries.get("choices")?.value;
    if (choices && choices.kind !== "list") findings.at(choices, "choices must be a list");
    for (const one of value.entries.values()) {
      const near = OPTION_KEYS.includes(one.key) ? undefined : suggest(one.key, OPTION_KEYS);
      if (near)
        findings.warn(one.keyNode, `an option of an argument spec has no key ${JSON.stringify(one.key)}`, {
          remedy: near,
        });
    }
    const isRequired = value.entries.get("required")?.value;
    const fallback = value.entries.get("default");
    if (fallback && isRequired?.kind === "scalar" && isRequired.value === true)
      findings.warn(fallback.keyNode, `${key} is required and has a default: the default counts as given`, {
        remedy: `Leave out one of them; a role's defaults stand in defaults/main.yml.`,
      });
    const inner = mapAt(value, "options");
    if (inner) checkOptions(inner, findings);
  }
}

function checkType(node: YamlNode, what: string, findings: Findings): void {
  const text = node.kind === "scalar" ? node.text : "";
  if (argumentTypes.some((one) => one === text)) return;
  findings.at(node, `${what} cannot be ${JSON.stringify(text)}`, {
    remedy: suggest(text, argumentTypes) ?? `It is one of ${argumentTypes.join(", ")}.`,
  });
}
