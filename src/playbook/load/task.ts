// One task: which module it names, its arguments and keywords.

import { nearest, suggest } from "../../diagnostic/near.js";
import type { AnyModule, ModuleRegistry } from "../../module/contract.js";
import type { Renderable } from "../../module/value.js";
import type { Place } from "../../diagnostic/diagnostic.js";
import { GivenArguments } from "./given-arguments.js";
import { argumentsOf } from "./arguments.js";
import { conditionsOf, type Condition } from "../condition/condition.js";
import type { Findings } from "./findings.js";
import { ANSIBLE_MODULES, checkKeywords, INCLUDE_KEYWORDS, LOOP_CONTROL_KEYWORDS, TASK_KEYWORDS } from "./keywords.js";
import { passedOn, shortName, type Lineage } from "./lineage.js";
import { loopFor } from "./loop-words.js";
import { standIn } from "./stand-ins.js";
import type { LoopControl, Task } from "../play.js";
import { isTemplate, templateOf } from "../template/template.js";
import { checkVariableName, isTemplateText, plainBoolean, plainText, secondsOf, wordList } from "./vars.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { placeOf, type YamlEntry, type YamlMap } from "../yaml/yaml.js";

/** Actions that are no modules: the loader and the engine carry them out. */
export const ACTIONS: ReadonlySet<string> = new Set([
  "import_tasks",
  "include_tasks",
  "import_role",
  "include_role",
  "meta",
]);

/** Modules that act on the run alone, or have to be waited for: no jobs in Ansible either. */
const NEVER_JOBS: ReadonlySet<string> = new Set(
  (
    "add_host assert async_status debug fail gather_facts group_by include_vars pause set_fact set_stats validate_argument_spec " +
    "wait_for_connection"
  ).split(" "),
);

/** The entry that names the task's module or action; reports where there is none, or more than one. */
export function actionOf(map: YamlMap, registry: ModuleRegistry, findings: Findings): YamlEntry | undefined {
  const others = [...map.entries.values()].filter(
    ({ key }) => !Object.hasOwn(TASK_KEYWORDS, key) && !key.startsWith("with_"),
  );
  const isKnown = (key: string): boolean => registry.names.includes(shortName(key)) || ACTIONS.has(shortName(key));
  const known = others.filter(({ key }) => isKnown(key));
  const [first, second] = known;
  if (first && second) {
    findings.at(second.keyNode, `a task has one module; this one has ${first.key} and ${second.key}`, {
      remedy: "Make two tasks of it: the second begins with a dash of its own.",
    });
    return undefined;
  }
  if (first) {
    for (const { keyNode, key } of others)
      if (key !== first.key)
        findings.at(keyNode, `a task has no keyword ${JSON.stringify(key)}`, {
          remedy: first.value.kind === "map" || first.value.kind === "scalar" ? nearKeyword(key, first.key) : undefined,
        });
    return first;
  }
  const [unknown] = others;
  if (unknown) findings.at(unknown.keyNode, ...unknownModule(unknown.key, registry));
  else if (!map.entries.has("action") && !map.entries.has("local_action")) {
    findings.at(map, "this task names no module", {
      remedy: "Write the module as a key: copy: {src: motd, dest: /etc/motd}.",
    });
  }
  return undefined;
}

function nearKeyword(key: string, module: string): string {
  return suggest(key, Object.keys(TASK_KEYWORDS)) ?? `If it is a parameter of ${module}, indent it below ${module}:.`;
}

function unknownModule(key: string, registry: ModuleRegistry): [string, { readonly remedy?: string | undefined }] {
  const name = shortName(key);
  if (key === "include")
    return [
      '"include" is not taken',
      { remedy: "Write import_tasks (read at once) or include_tasks (read when it is reached)." },
    ];
  if (key === "import_playbook")
    return [
      "import_playbook stands beside plays, not among tasks",
      { remedy: "Write it at the left edge: - import_playbook: FILE.yml. A file of tasks is read by import_tasks." },
    ];
  const instead = standIn(name.split(".").at(-1) ?? name);
  if (ANSIBLE_MODULES.has(name))
    return [
      `the module ${JSON.stringify(name)} is not supported yet`,
      { remedy: instead ?? "`crun doc` lists the modules that there are." },
    ];
  if (instead !== undefined) return [`there is no module ${JSON.stringify(key)}`, { remedy: instead }];
  const near = nearest(name, [...registry.names, ...ACTIONS]) ?? nearest(key, Object.keys(TASK_KEYWORDS));
  const collection = /^\w+\.\w+\./.test(key)
    ? "Modules of collections are not known: crun's own have short names."
    : "`crun doc` lists the modules that there are.";
  return [
    `there is no module ${JSON.stringify(key)}`,
    { remedy: near === undefined ? collection : `Did you mean ${JSON.stringify(near)}?` },
  ];
}

/** Reads a task whose module is known. `lineage` is its own already. */
export async function loadTask(
  map: YamlMap,
  entry: YamlEntry,
  lineage: Lineage,
  registry: ModuleRegistry,
  findings: Findings,
): Promise<Task | undefined> {
  const module = await registry.load(shortName(entry.key));
  if (!module) {
    findings.at(entry.keyNode, ...unknownModule(entry.key, registry));
    return undefined;
  }
  checkTaskKeywords(map, entry, findings);
  return taskOf(map, entry, module, lineage, findings);
}

/** Reports keywords that a task has not or not yet, and with_*. */
export function checkTaskKeywords(map: YamlMap, action: YamlEntry, findings: Findings): void {
  const others = (key: string): boolean => key === action.key || !Object.hasOwn(TASK_KEYWORDS, key);
  const isInclude = shortName(action.key).startsWith("include_") && ACTIONS.has(shortName(action.key));
  checkKeywords(map, isInclude ? INCLUDE_KEYWORDS : TASK_KEYWORDS, isInclude ? action.key : "a task", findings, others);
  for (const { key, keyNode, value } of map.entries.values()) {
    if (key.startsWith("with_"))
      findings.at(keyNode, `${JSON.stringify(key)} is not taken`, { remedy: loopFor(key, value) });
  }
}

/** As for any task; an import is read before the play begins, and cannot loop. */
export function checkImportKeywords(map: YamlMap, action: YamlEntry, findings: Findings): void {
  checkTaskKeywords(map, action, findings);
  const loop = map.entries.get("loop");
  if (!loop) return;
  const name = shortName(action.key);
  findings.at(loop.keyNode, `${name} cannot loop: it is read before the play begins`, {
    remedy: `Write ${name.replace("import_", "include_")}.`,
  });
}

function taskOf(map: YamlMap, entry: YamlEntry, module: AnyModule, lineage: Lineage, findings: Findings): Task {
  const { notify, moduleDefaults } = lineage;
  const conditions = (keyword: string): readonly Condition[] | undefined => {
    const node = map.entries.get(keyword)?.value;
    return node && findings.try(() => conditionsOf(node, keyword));
  };
  return {
    ...passedOn(lineage),
    kind: "task",
    runOnce: lineage.runOnce || module.runsOnce === true,
    place: placeOf(map),
    name: nameOf(map, findings),
    module,
    args: withVariables(
      module,
      argumentsOf(module, entry, map.entries.get("args")?.value, moduleDefaults.get(module.name), findings),
      placeOf(map),
    ),
    loop: loopOf(map, findings),
    loopControl: loopControlOf(map, findings),
    register: registerOf(map, findings),
    until: conditions("until"),
    retries: templateAt(map, "retries", findings),
    delaySeconds: templateAt(map, "delay", findings),
    ...asyncOf(map, module, findings),
    changedWhen: conditions("changed_when"),
    failedWhen: conditions("failed_when"),
    notify,
    listen: listenOf(map, lineage, findings),
  };
}

/** async and poll; a module that does nothing on the target cannot be a job. */
function asyncOf(map: YamlMap, module: AnyModule, findings: Findings): Pick<Task, "asyncSeconds" | "pollSeconds"> {
  const async = map.entries.get("async");
  const poll = map.entries.get("poll");
  const asyncSeconds = async && secondsOf(async.value, "async", findings);
  const isOff = asyncSeconds?.isStatic === true && Number(asyncSeconds.render(NO_SCOPE)) === 0;
  if (async && asyncSeconds && !isOff && NEVER_JOBS.has(module.name))
    findings.at(async.keyNode, `async is not supported for ${module.name}: it does nothing on the target`, {
      remedy: "Take async and poll out of this task.",
    });
  if (poll && !async)
    findings.warn(poll.keyNode, "poll has no effect without async", {
      remedy: "Write async: SECONDS, the longest time that the task may take.",
    });
  return { asyncSeconds, pollSeconds: poll && secondsOf(poll.value, "poll", findings) };
}

/** A module that checks variables by their names sees them. */
function withVariables(module: AnyModule, args: Task["args"], place: Place): Task["args"] {
  const spec = args["argument_spec"];
  if (module.name !== "validate_argument_spec" || !spec) return args;
  const given = args["provided_arguments"];
  const provided = given && isTemplate(given) ? given : undefined;
  return { ...args, provided_arguments: new GivenArguments(spec, provided, place) };
}

/** Topics that a handler listens to: a list, or one text (commas belong to it). */
export function listenOf(map: YamlMap, lineage: Lineage, findings: Findings): string[] {
  const written = map.entries.get("listen")?.value;
  const node = written && lineage.early.settled(written, "listen", lineage, findings);
  if (!node) return [];
  if (node.kind === "list") return wordList(node, "listen", findings);
  const text = plainText(node, "listen", findings);
  return text === undefined ? [] : [text];
}

export function nameOf(map: YamlMap, findings: Findings): Renderable | undefined {
  const node = map.entries.get("name")?.value;
  if (!node || (node.kind === "scalar" && node.value === null)) return undefined;
  if (node.kind !== "scalar") {
    findings.at(node, "a name must be text");
    return undefined;
  }
  return findings.try(() => templateOf(node));
}

function templateAt(map: YamlMap, keyword: string, findings: Findings): Renderable | undefined {
  const node = map.entries.get(keyword)?.value;
  if (!node) return undefined;
  const isNumber = node.kind === "scalar" && node.value !== null && Number.isFinite(Number(node.value));
  if (!isNumber && !isTemplateText(node)) {
    findings.at(node, `${keyword} must be a number`);
    return undefined;
  }
  return findings.try(() => templateOf(node));
}

/** The list to go through; undefined where the task has no loop. */
export function loopOf(map: YamlMap, findings: Findings): Renderable | undefined {
  const node = map.entries.get("loop")?.value;
  if (!node) return undefined;
  if (node.kind === "map")
    findings.at(node, "loop must be a list, not a map", {
      remedy: 'To go through a map write loop: "{{dict2items NAME}}".',
    });
  else if (node.kind === "scalar" && !isTemplateText(node)) {
    const isName = typeof node.value === "string" && /^[A-Za-z_][\w.]*$/.test(node.value);
    findings.at(node, "loop must be a list", {
      remedy: isName ? `Write loop: "{{${node.text}}}".` : "Write one item a line, each with a dash.",
    });
  } else return findings.try(() => templateOf(node));
  return undefined;
}

export function loopControlOf(map: YamlMap, findings: Findings): LoopControl {
  const node = map.entries.get("loop_control")?.value;
  const none: LoopControl = {
    loopVar: "item",
    indexVar: undefined,
    label: undefined,
    pauseSeconds: undefined,
    isExtended: false,
    hasAllItems: false,
  };
  if (!node) return none;
  if (node.kind !== "map") {
    findings.at(node, "loop_control must be a map", { remedy: "Write loop_control: {loop_var: name}." });
    return none;
  }
  checkKeywords(node, LOOP_CONTROL_KEYWORDS, "loop_control", findings);
  const variable = (key: string): string | undefined => {
    const entry = node.entries.get(key);
    if (!entry) return undefined;
    if (entry.value.kind !== "scalar") {
      findings.at(entry.value, `${key} takes the name of a variable`);
      return undefined;
    }
    return checkVariableName(entry.value.text, entry.value, findings) ? entry.value.text : undefined;
  };
  const flag = (key: string): boolean | undefined => {
    const value = node.entries.get(key)?.value;
    return value && plainBoolean(value, key, findings);
  };
  const label = node.entries.get("label")?.value;
  return {
    loopVar: variable("loop_var") ?? "item",
    indexVar: variable("index_var"),
    label: label && findings.try(() => templateOf(label)),
    pauseSeconds: templateAt(node, "pause", findings),
    isExtended: flag("extended") === true,
    hasAllItems: flag("extended_allitems") ?? true,
  };
}

function registerOf(map: YamlMap, findings: Findings): string | undefined {
  const node = map.entries.get("register")?.value;
  if (!node) return undefined;
  if (node.kind !== "scalar" || node.text === "") {
    findings.at(node, "register takes the name of a variable");
    return undefined;
  }
  return checkVariableName(node.text, node, findings) ? node.text : undefined;
}
