// Lists of tasks: blocks, imports, includes, meta, and tasks themselves.

import { dirname } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";
import type { VarLayer } from "../../module/value.js";
import { suggest } from "../../diagnostic/near.js";
import { nothingGathered, type LoadContext } from "./context.js";
import { Findings } from "./findings.js";
import { findTaskFile } from "./include-file.js";
import { APPLY_KEYWORDS, BLOCK_KEYWORDS, checkKeywords, TASK_KEYWORDS } from "./keywords.js";
import { checkModuleDefaults, inherit, passedOn, shortName, withVars, type Lineage } from "./lineage.js";
import { listItems } from "./list-items.js";
import type { Block, Handler, Include, Included, IncludeWish, Inherited, Meta, Node } from "../play.js";
import { importRole, includeRole } from "./role-actions.js";
import {
  ACTIONS,
  actionOf,
  checkImportKeywords,
  checkTaskKeywords,
  listenOf,
  loadTask,
  loopControlOf,
  loopOf,
  nameOf,
} from "./task.js";
import { templateOf } from "../template/template.js";
import { oneOf, plainText, varsOf } from "./vars.js";
import { placeOf, type YamlEntry, type YamlMap, type YamlNode } from "../yaml/yaml.js";

/** Files that are being read, outermost first; the last one is at hand. */
export type Chain = readonly string[];

/** The nodes of a list of tasks. What is wrong goes to the findings. */
export async function loadTasks(
  context: LoadContext,
  node: YamlNode | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const nodes: Node[] = [];
  const remedy = "Each task begins with a dash.";
  for (const item of listItems(node, context.findings, "a list of tasks was expected here", remedy)) {
    if (item.kind !== "map") {
      if (!(item.kind === "scalar" && item.value === null))
        context.findings.at(item, "a task must be a map", {
          remedy: "Write - name: …, and the module as a key below it.",
        });
      continue;
    }
    nodes.push(...(await loadEntry(context, item, lineage, chain)));
  }
  return nodes;
}

async function loadEntry(context: LoadContext, map: YamlMap, lineage: Lineage, chain: Chain): Promise<Node[]> {
  const { findings } = context;
  checkModuleDefaults(map, context.registry.names, findings);
  if (map.entries.has("block")) return [await loadBlock(context, map, lineage, chain)];
  for (const part of ["rescue", "always"]) {
    const entry = map.entries.get(part);
    if (entry) {
      findings.at(entry.keyNode, `${part} without block`, {
        remedy: `Put the tasks that it belongs to under block:, beside ${part}:.`,
      });
      return [];
    }
  }
  if (map.entries.has("hosts") && map.entries.size > 1 && !context.registry.names.includes("hosts")) {
    findings.at(map, "a play stands among tasks", {
      remedy: "Plays stand in playbooks; a file of tasks holds tasks alone (import_playbook reads a playbook).",
    });
    return [];
  }
  const written = actionOf(map, context.registry, findings);
  const action = written && withArgs(map, written);
  if (!action) {
    const keyword = map.entries.get("action") ?? map.entries.get("local_action");
    if (keyword) checkTaskKeywords(map, keyword, findings);
    for (const one of ["action", "local_action"]) {
      const entry = map.entries.get(one);
      if (entry)
        findings.at(entry.keyNode, `${JSON.stringify(one)} is not taken`, {
          remedy:
            one === "action"
              ? "Write the module's name as the key."
              : "Write the module's name as the key, and delegate_to: local.",
        });
    }
    return [];
  }
  switch (shortName(action.key)) {
    case "import_tasks":
      return importTasks(context, map, action, lineage, chain);
    case "include_tasks":
      return includeTasks(context, map, action, lineage, chain);
    case "import_role":
      return importRole(context, map, action, lineage, chain);
    case "include_role":
      return includeRole(context, map, action, lineage, chain);
    case "meta":
      return metaOf(context, map, action, lineage);
  }
  const task = await loadTask(map, action, inherit(lineage, map, "task vars", findings), context.registry, findings);
  return task ? [task] : [];
}

/** An import or include whose parameters stand under `args:` has them all in one map. */
function withArgs(map: YamlMap, action: YamlEntry): YamlEntry {
  const args = map.entries.get("args")?.value;
  if (!ACTIONS.has(shortName(action.key)) || args?.kind !== "map") return action;
  const file: YamlEntry = { key: "file", keyNode: action.keyNode, value: action.value };
  const own = action.value.kind === "map" ? action.value.entries : new Map([["file", file]]);
  return { ...action, value: { ...args, entries: new Map([...args.entries, ...own]) } };
}

async function loadBlock(context: LoadContext, map: YamlMap, lineage: Lineage, chain: Chain): Promise<Block> {
  const { findings } = context;
  checkKeywords(map, BLOCK_KEYWORDS, "a block", findings);
  const own = inherit(lineage, map, "block vars", findings);
  const part = (key: string): Promise<Node[]> => loadTasks(context, map.entries.get(key)?.value, own, chain);
  return {
    ...inheritedOf(own, map),
    kind: "block",
    name: nameOf(map, findings),
    block: await part("block"),
    rescue: await part("rescue"),
    always: await part("always"),
  };
}

/** What a node keeps of its lineage, with its own place. */
export function inheritedOf(lineage: Lineage, map: YamlMap): Inherited {
  return { ...passedOn(lineage), place: placeOf(map) };
}

/** The `file` of an import or include: text, or `file:` in a map. */
function fileNode(context: LoadContext, action: YamlEntry): YamlNode | undefined {
  const { findings } = context;
  const node = action.value.kind === "map" ? action.value.entries.get("file")?.value : action.value;
  if (action.value.kind === "map") {
    for (const { key, keyNode } of action.value.entries.values()) {
      if (key !== "file" && key !== "apply")
        findings.at(keyNode, `${action.key} has no parameter ${JSON.stringify(key)}`, {
          remedy:
            suggest(key, ["file", "apply"]) ??
            (Object.hasOwn(TASK_KEYWORDS, key)
              ? `Write ${key}: beside ${action.key}:, not below it.`
              : `It takes file and apply; variables stand under vars:, beside ${action.key}:.`),
        });
    }
  }
  if (!node || node.kind !== "scalar" || node.text === "") {
    findings.at(action.keyNode, `${action.key} needs the name of a file`, {
      remedy:
        node?.kind === "list"
          ? `Write one for each file${action.key.includes("include") ? `, or ${action.key}: "{{item}}" with the list under loop:` : ""}.`
          : `Write ${action.key}: FILE.yml.`,
    });
    return undefined;
  }
  return node;
}

async function importTasks(
  context: LoadContext,
  map: YamlMap,
  action: YamlEntry,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const { findings } = context;
  checkImportKeywords(map, action, findings);
  const node = fileNode(context, action);
  if (!node) return [];
  const own = inherit(lineage, map, "import vars", findings);
  const settled = own.early.settled(node, "the file that import_tasks names", own, findings, "include_tasks");
  const name = settled && plainText(settled, action.key, findings);
  if (name === undefined) return [];
  const found = findTaskFile(context, lineage, chain.at(-1) ?? "", name);
  if ("detail" in found) {
    findings.at(node, `there is no file ${JSON.stringify(name)}`, found);
    return [];
  }
  if (chain.includes(found.path)) {
    findings.at(node, `${name} imports itself`, {
      detail: [...chain.slice(chain.indexOf(found.path)), found.path]
        .map((path) => context.files.shown(path))
        .join(" → "),
    });
    return [];
  }
  return loadTaskFile(context, found.path, own, chain);
}

/** The nodes of a task file. */
export async function loadTaskFile(
  context: LoadContext,
  path: string,
  lineage: Lineage,
  chain: Chain,
): Promise<Node[]> {
  const node = context.findings.try(() => context.files.yaml(path));
  const searchDirectories = [...new Set([...lineage.rolePaths, dirname(path), context.directory])];
  return loadTasks(context, node, { ...lineage, searchDirectories }, [...chain, path]);
}

/** What is passed on to what an include reads: what surrounds it, and what `apply` says; not its own when and tags. */
export function lineageBelowInclude(context: LoadContext, action: YamlEntry, own: Lineage): Lineage {
  const { findings } = context;
  const apply = action.value.kind === "map" ? action.value.entries.get("apply")?.value : undefined;
  if (!apply) return own;
  if (apply.kind !== "map") {
    findings.at(apply, "apply must be a map of keywords", { remedy: "Write apply: {tags: [x]}." });
    return own;
  }
  checkKeywords(apply, APPLY_KEYWORDS, "apply", findings);
  return inherit(own, apply, "apply vars", findings);
}

/** The `vars` of an import or include. */
export function varsOfAction(context: LoadContext, map: YamlMap, origin: string): VarLayer[] {
  const vars = map.entries.get("vars");
  return vars ? [varsOf(vars.value, origin, context.findings)] : [];
}

function includeTasks(
  context: LoadContext,
  map: YamlMap,
  action: YamlEntry,
  lineage: Lineage,
  chain: Chain,
): Include[] {
  const { findings } = context;
  checkTaskKeywords(map, action, findings);
  const node = fileNode(context, action);
  const file = node && findings.try(() => templateOf(node));
  if (!node || !file) return [];
  const vars = varsOfAction(context, map, "include vars").map((layer) => ({
    ...layer,
    rank: "include parameter" as const,
  }));
  const { runOnce } = inherit(lineage, map, undefined, new Findings());
  const below = lineageBelowInclude(context, action, { ...withVars(lineage, vars), runOnce });
  const place = placeOf(node);
  return [
    includeNode(context, map, "include_tasks", withVars(lineage, vars), { file, from: {} }, async (name) => {
      const found = findTaskFile(context, lineage, chain.at(-1) ?? "", name);
      if ("detail" in found) throw node.source.error(place, `there is no file ${JSON.stringify(name)}`, found);
      return loadApart(context, (inner) => loadTaskFile(inner, found.path, below, chain));
    }),
  ];
}

/** An include; what it reads is read once for each name. `lineage` has its variables already. */
export function includeNode(
  context: LoadContext,
  map: YamlMap,
  action: Include["action"],
  lineage: Lineage,
  what: Pick<Include, "file" | "from">,
  read: (file: string, from: IncludeWish["from"]) => Promise<Included>,
): Include {
  const { findings } = context;
  const loaded = new Map<string, Promise<Included>>();
  return {
    ...inheritedOf(inherit(lineage, map, undefined, findings), map),
    kind: "include",
    name: nameOf(map, findings),
    action,
    loop: loopOf(map, findings),
    loopControl: loopControlOf(map, findings),
    ...what,
    listen: listenOf(map, lineage, findings),
    load(file, from = {}) {
      const key = JSON.stringify([file, from]);
      const before = loaded.get(key) ?? read(file, from);
      loaded.set(key, before);
      return before;
    },
  };
}

/** Reads something while the play runs: its findings are its own. Throws a CrunError where it has errors. */
export async function loadApart(
  context: LoadContext,
  read: (inner: LoadContext) => Promise<Node[]>,
): Promise<Included> {
  const inner: LoadContext = { ...context, findings: new Findings(), gathered: nothingGathered() };
  const nodes = await read(inner);
  const errors = inner.findings.list.filter((one) => one.severity === "error");
  if (errors.length > 0) throw new CrunError(errors, 2);
  return { nodes, ...inner.gathered.imported };
}

/** The words that `meta` takes. */
export const META_ACTIONS = [
  "flush_handlers",
  "end_play",
  "end_batch",
  "end_host",
  "clear_facts",
  "clear_host_errors",
  "noop",
  "reset_connection",
  "refresh_inventory",
] as const;

function metaOf(context: LoadContext, map: YamlMap, action: YamlEntry, lineage: Lineage): Meta[] {
  const { findings } = context;
  checkTaskKeywords(map, action, findings);
  const node =
    action.value.kind === "map" ? (action.value.entries.get("free_form")?.value ?? action.value) : action.value;
  if (node.kind === "scalar" && node.text === "end_role") {
    findings.at(node, "meta: end_role came with later versions of Ansible and is not taken", {
      remedy: "Put the rest of the role in a block with a when, or into a file of its own that is included.",
    });
    return [];
  }
  const isTarget = node.kind === "scalar" && node.text === "end_target";
  const word = isTarget ? "end_host" : oneOf(node, "meta", META_ACTIONS, findings);
  if (word === undefined) return [];
  const inherited = inheritedOf(inherit(lineage, map, "task vars", findings), map);
  const own = { name: nameOf(map, findings), listen: listenOf(map, lineage, findings), isImplicit: false };
  return [{ ...inherited, kind: "meta", ...own, action: word }];
}

/** The handlers of a list, imports expanded. */
export async function loadHandlers(
  context: LoadContext,
  node: YamlNode | undefined,
  lineage: Lineage,
  chain: Chain,
): Promise<Handler[]> {
  const nodes = await loadTasks(context, node, lineage, chain);
  // The tasks of a role that was imported here; its end tells of it once.
  const imported = new Set(nodes.filter(isRoleEnd).map((one) => one.role));
  return nodes.flatMap((one): Handler[] => {
    if (one.role && imported.has(one.role) && !isRoleEnd(one)) return [];
    const refusal = refusalOf(one);
    if (!refusal && one.kind !== "block") return [one];
    context.findings.add({
      severity: "error",
      summary: `${refusal?.what ?? "a block"} cannot be a handler`,
      place: one.place,
      source: context.files.sourceLine(one.place),
      remedy: refusal?.remedy ?? "Write tasks one by one; several can listen to one name.",
    });
    return [];
  });
}

function isRoleEnd(node: Node): boolean {
  return node.kind === "meta" && node.action === "role_complete";
}

function refusalOf(node: Node): { readonly what: string; readonly remedy: string } | undefined {
  if (isRoleEnd(node) || (node.kind === "include" && node.action === "include_role"))
    return {
      what: isRoleEnd(node) ? "import_role" : "include_role",
      remedy: "Write include_tasks or import_tasks; a role's own handlers come with it.",
    };
  if (node.kind === "meta" && node.action === "flush_handlers")
    return { what: "meta: flush_handlers", remedy: "Handlers that a handler notifies run after it by themselves." };
  return undefined;
}
