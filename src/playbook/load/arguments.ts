// A task's arguments: free text, maps, aliases; checked as far as they are known.

import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import type { AnyModule } from "../../module/contract.js";
import type { Evaluated } from "../../module/param.js";
import { convertParams, paramNames } from "../../module/params.js";
import { PendingVariable, type Renderable, type Scope } from "../../module/value.js";
import { conditionsOf, type Condition } from "../condition/condition.js";
import type { Findings } from "./findings.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import { pairsOf, splitFreeForm } from "./free-form.js";
import type { TextOrigin } from "../yaml/source.js";
import { staticValue, templateOf, textTemplate, type PlacedReference, type Template } from "../template/template.js";
import { originOf, placeOf, type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from "../yaml/yaml.js";

/** An argument as it was written. */
interface Given {
  readonly key: string;
  readonly keyNode: YamlScalar;
  readonly valueNode: YamlNode;
  readonly value: Template;
}

/** Arguments under the params' main names. Reports what is wrong with those that are no templates. */
export function argumentsOf(
  module: AnyModule,
  moduleEntry: YamlEntry,
  argsNode: YamlNode | undefined,
  defaults: YamlMap | undefined,
  findings: Findings,
): Readonly<Record<string, Renderable>> {
  const names = paramNames(module.params);
  const given = new Map<string, Given>();
  const add = (one: Given | undefined): void => void (one && given.set(one.key, one));
  if (argsNode) for (const one of extraArguments(module, argsNode, findings)) add(one);
  const own = ownArguments(module, moduleEntry, findings);
  for (const one of own ?? []) add(one);
  const mains = new Set([...given.keys()].map((key) => names.get(key) ?? key));
  for (const entry of defaults?.entries.values() ?? []) {
    if (!mains.has(names.get(entry.key) ?? entry.key)) add(argument(module, entry, findings));
  }
  if (own) check(module, moduleEntry, given, findings);
  return Object.fromEntries([...given.values()].map((one) => [names.get(one.key) ?? one.key, one.value]));
}

function argument(module: AnyModule, entry: YamlEntry, findings: Findings): Given {
  const name = paramNames(module.params).get(entry.key);
  const type = name === undefined ? undefined : module.params[name]?.type;
  const value = findings.try(() =>
    type === "condition" || type === "expression"
      ? evaluatedArgument(entry.value, type, entry.key)
      : templateOf(entry.value),
  );
  return { key: entry.key, keyNode: entry.keyNode, valueNode: entry.value, value: value ?? new Broken(entry.value) };
}

/** Stands for an argument that could not be read: that was told already. */
class Broken implements Template {
  readonly isStatic = false;
  readonly names: ReadonlySet<string> = new Set();
  readonly references = [];
  readonly place;
  constructor(node: YamlNode) {
    this.place = placeOf(node);
  }
  render(): undefined {
    return undefined;
  }
}

function extraArguments(module: AnyModule, node: YamlNode, findings: Findings): Given[] {
  if (node.kind === "map") return [...node.entries.values()].map((entry) => argument(module, entry, findings));
  if (node.kind === "scalar" && node.value === null) return [];
  findings.at(node, "args must be a map of arguments", { remedy: "Write a line name: value for each." });
  return [];
}

/** Undefined where they cannot be read at all. */
function ownArguments(module: AnyModule, entry: YamlEntry, findings: Findings): Given[] | undefined {
  const node = entry.value;
  if (node.kind === "map") return [...node.entries.values()].map((one) => argument(module, one, findings));
  if (node.kind === "list") {
    findings.at(node, `${module.name} takes a map of arguments, not a list`);
    return undefined;
  }
  if (node.value === null) return [];
  const text = node.text;
  const takesCommand = module.freeForm !== undefined && "chdir" in module.params;
  const pairs = takesCommand ? undefined : pairsOf(text);
  if (pairs) {
    const lines = pairs.map((one) => `  ${one.name}: ${yamlText(one.value)}`);
    findings.at(node, `${module.name}: arguments as name=value are not taken`, {
      remedy: `Write a map:\n  ${entry.key}:\n  ${lines.join("\n  ")}`,
    });
    return undefined;
  }
  if (module.freeForm === undefined) {
    const names = Object.keys(module.params);
    const example = names.find((name) => module.params[name]?.required) ?? names[0] ?? "name";
    findings.at(node, `${module.name} takes a map of arguments, not text`, {
      remedy: `Write ${entry.key}: {${example}: …}.`,
    });
    return undefined;
  }
  if (!takesCommand || typeof node.value !== "string")
    return [
      {
        key: module.freeForm,
        keyNode: entry.keyNode,
        valueNode: node,
        value: typeof node.value === "string" ? templateOfScalar(node, findings) : staticValue(text, placeOf(node)),
      },
    ];
  return freeArguments(module.freeForm, entry.keyNode, node, findings);
}

function templateOfScalar(node: YamlScalar, findings: Findings): Template {
  return findings.try(() => templateOf(node)) ?? staticValue(node.text, placeOf(node));
}

function yamlText(value: string): string {
  return /^[\w./-]+$/.test(value)
    ? /^0\d+$/.test(value)
      ? `"${value}"`
      : value
    : `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function freeArguments(freeForm: string, keyNode: YamlScalar, node: YamlScalar, findings: Findings): Given[] {
  const parts = splitFreeForm(node.text);
  const origin = originOf(node);
  const shifted = (index: number): TextOrigin =>
    index < 0
      ? { ...origin, at: () => origin.place }
      : { source: origin.source, place: origin.at(index), at: (at) => origin.at(index + at) };
  const make = (key: string, text: string, index: number): Given | undefined => {
    const value = node.isUnsafe
      ? staticValue(text, placeOf(node))
      : findings.try(() => textTemplate(text, shifted(index)));
    return value && { key, keyNode, valueNode: node, value };
  };
  const own = parts.text === "" ? [] : [make(freeForm, parts.text, parts.index)];
  // One that the module does not take is refused by name, as everywhere.
  const inline = parts.params.map((one) => make(one.name, one.value, one.valueIndex));
  return [...own, ...inline].filter((one) => one !== undefined);
}

/** A condition or expression as an argument: it is evaluated, not rendered; an undefined variable is a part of its result. */
export function evaluatedArgument(node: YamlNode, type: "condition" | "expression", keyword: string): Template {
  const conditions = conditionsOf(node, keyword);
  return new EvaluatedArgument(conditions, type === "condition", node);
}

class EvaluatedArgument implements Template {
  readonly isStatic = false;
  readonly names: ReadonlySet<string>;
  readonly place;
  readonly #conditions: readonly Condition[];
  readonly #isList: boolean;
  constructor(conditions: readonly Condition[], isList: boolean, node: YamlNode) {
    this.#conditions = conditions;
    this.#isList = isList;
    this.names = new Set(conditions.flatMap((one) => [...one.names]));
    this.place = placeOf(node);
  }
  /** What they read may be missing where it is only to be shown. */
  get references(): PlacedReference[] {
    const all = this.#conditions.flatMap((one) => one.references);
    return this.#isList ? all : all.map((one) => ({ ...one, isOptional: true }));
  }
  render(scope: Scope): Evaluated | readonly Evaluated[] | undefined {
    const values = this.#conditions.map((one) => evaluate(one, scope));
    return this.#isList ? values : values[0];
  }
}

function evaluate(condition: Condition, scope: Scope): Evaluated {
  try {
    return { text: condition.text, value: condition.evaluate(scope) };
  } catch (error) {
    if (error instanceof PendingVariable || !(error instanceof CrunError)) throw error;
    return { text: condition.text, value: undefined, error: error.diagnostics[0]?.summary ?? error.message };
  }
}

function check(module: AnyModule, moduleEntry: YamlEntry, given: ReadonlyMap<string, Given>, findings: Findings): void {
  const values = Object.fromEntries(
    [...given].map(([key, one]) => [key, one.value.isStatic ? one.value.render(NO_SCOPE) : NOT_KNOWN]),
  );
  const { problems } = convertParams(module, values, (key) => given.get(key)?.value.isStatic ?? true);
  const hasUnknown = problems.some((one) => one.param !== undefined && !paramNames(module.params).has(one.param));
  for (const problem of problems) {
    // What is missing was probably meant by the name that is unknown.
    if (hasUnknown && problem.param === undefined && problem.message.endsWith(" is missing")) continue;
    const at = problem.param === undefined ? undefined : given.get(problem.param);
    const isUnknown = at !== undefined && !paramNames(module.params).has(at.key);
    const node: YamlNode = at ? (isUnknown ? at.keyNode : at.valueNode) : moduleEntry.keyNode;
    const finding: Diagnostic = node.source.finding(placeOf(node), problem.message, { remedy: problem.remedy });
    findings.add(finding);
  }
}

const NOT_KNOWN = "{{…}}";
