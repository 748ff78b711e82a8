// Argument specs, as roles have them: values checked against types, choices and rules, in Ansible's words.

import { convertValue } from "./params.js";
import type { ParamType } from "./param.js";

type Map = Readonly<Record<string, unknown>>;

/** What is wrong. `option`: the outermost one that it is about, where it is about one. */
export interface ArgumentProblem {
  readonly option: string | undefined;
  readonly message: string;
}

/** Types that an option can have. */
export const argumentTypes = [
  "str",
  "list",
  "dict",
  "bool",
  "int",
  "float",
  "path",
  "raw",
  "json",
  "jsonarg",
  "bytes",
  "bits",
] as const;

/** Rules over several options, that stand beside `options`. */
export const argumentRules = [
  "mutually_exclusive",
  "required_together",
  "required_one_of",
  "required_if",
  "required_by",
] as const;

/** Checks values against the options of a spec and its rules. A value that the spec does not name is wrong, too. */
export function checkArguments(options: Map, rules: Map, values: Map): readonly ArgumentProblem[] {
  const given = known(options, values);
  return [
    ...checkLevel(options, rules, given, []),
    ...Object.entries(options).flatMap(([name, option]) =>
      checkInside(name, mapOf(option), withDefaults(options, given)[name], [name]),
    ),
    ...unsupported(options, values, []),
  ];
}

/** Names that options have, aliases among them. */
export function namesOf(options: Map): ReadonlySet<string> {
  return new Set(Object.entries(options).flatMap(([name, option]) => [name, ...textsOf(mapOf(option)["aliases"])]));
}

function unsupported(options: Map, given: Map, path: readonly string[]): ArgumentProblem[] {
  const names = namesOf(options);
  const odd = Object.keys(given).filter((key) => !names.has(key));
  if (odd.length === 0) return [];
  const paths = odd.map((key) => [...path, key].join("."));
  const known = [...names].toSorted().join(", ");
  return [{ option: path[0] ?? odd[0], message: `${paths.join(", ")}. Supported parameters include: ${known}.` }];
}

/** Values by main name: an alias stands for its option. */
function known(options: Map, values: Map): Map {
  const given: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const names = [name, ...textsOf(mapOf(option)["aliases"])];
    const used = names.find((one) => Object.hasOwn(values, one));
    if (used !== undefined) given[name] = values[used];
  }
  return given;
}

/** The same with the defaults of what is not given. */
function withDefaults(options: Map, given: Map): Map {
  const defaults = Object.entries(options).flatMap(([name, option]): [string, unknown][] => {
    const { default: fallback } = mapOf(option);
    return fallback === undefined || fallback === null ? [] : [[name, fallback]];
  });
  return { ...Object.fromEntries(defaults), ...given };
}

/** One level of options: what is missing, has the wrong type, is none of the choices, breaks a rule. */
function checkLevel(options: Map, rules: Map, given: Map, path: readonly string[]): ArgumentProblem[] {
  const values = withDefaults(options, given);
  const where = path.length === 0 ? "" : ` found in ${path.join(" -> ")}`;
  const problems: ArgumentProblem[] = [];
  const report = (message: string, option: string | undefined = path[0]): void =>
    void problems.push({ option: path[0] ?? option, message: message + where });
  for (const group of listsOf(rules["mutually_exclusive"])) {
    const both = group.filter((name) => Object.hasOwn(given, name));
    if (both.length > 1) report(`parameters are mutually exclusive: ${group.join("|")}`);
  }
  const missing = Object.entries(options).flatMap(([name, option]) =>
    mapOf(option)["required"] === true && !Object.hasOwn(values, name) ? [name] : [],
  );
  if (missing.length > 0) report(`missing required arguments: ${missing.toSorted().join(", ")}`, missing[0]);
  for (const [name, option] of Object.entries(options)) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    for (const message of valueProblems(name, mapOf(option), value)) report(message, name);
  }
  problems.push(...brokenRules(rules, values).map((message) => ({ option: path[0], message: message + where })));
  return problems;
}

/** The options of a map, or of each map of a list. */
function checkInside(name: string, option: Map, value: unknown, path: readonly string[]): ArgumentProblem[] {
  const inner = option["options"];
  const isMap = option["type"] === "dict";
  const isList = option["type"] === "list" && option["elements"] === "dict";
  if ((!isMap && !isList) || inner === undefined) return [];
  const wanted = value ?? (option["apply_defaults"] === true ? {} : undefined);
  if (wanted === undefined) return [];
  return (Array.isArray(wanted) ? wanted : [wanted]).flatMap((one): ArgumentProblem[] => {
    const options = mapOf(inner);
    if (typeof one !== "object" || one === null || Array.isArray(one))
      return [{ option: path[0], message: `value of '${name}' must be of type dict or list of dicts` }];
    const given = mapOf(one);
    const values = known(options, given);
    return [
      ...checkLevel(options, option, values, path),
      ...Object.entries(options).flatMap(([key, each]) => checkInside(key, mapOf(each), values[key], [...path, key])),
      ...unsupported(options, given, path),
    ];
  });
}

function valueProblems(name: string, option: Map, value: unknown): string[] {
  const type = typeof option["type"] === "string" ? option["type"] : "str";
  const converted = convert(type, value);
  if ("problem" in converted) return [`argument '${name}' ${converted.problem}`];
  const elements = option["elements"];
  if (typeof elements === "string" && Array.isArray(converted.value)) {
    const wrong = converted.value.flatMap((one: unknown): string[] => {
      const element = convert(elements, one);
      return "problem" in element ? [`Elements value for option '${name}' ${element.problem}`] : [];
    });
    if (wrong.length > 0) return wrong;
  }
  return choiceProblems(name, option["choices"], converted.value);
}

function choiceProblems(name: string, choices: unknown, value: unknown): string[] {
  if (!Array.isArray(choices)) return [];
  const words = choices.map(String);
  const isChoice = (one: unknown): boolean => choices.includes(one) || words.includes(String(one));
  if (Array.isArray(value)) {
    const odd = value.filter((one) => !isChoice(one));
    return odd.length === 0
      ? []
      : [
          `value of ${name} must be one or more of: ${words.join(", ")}. Got no match for: ${odd.map(String).join(", ")}`,
        ];
  }
  return isChoice(value) ? [] : [`value of ${name} must be one of: ${words.join(", ")}, got: ${String(value)}`];
}

type Converted = { readonly value: unknown } | { readonly problem: string };

/** As Ansible converts: whatever can be text is text, JSON may be text or a structure. */
function convert(type: string, value: unknown): Converted {
  switch (type) {
    case "str":
    case "path":
      return { value: typeof value === "object" ? value : String(value) };
    case "raw":
    case "json":
    case "jsonarg":
      return { value };
    case "bytes":
    case "bits":
      return /^(?:\d+(?:\.\d+)?|\.\d+)\s*[A-Za-z]*$/.test(String(value).trim())
        ? { value }
        : { problem: wrongType(value, type) };
    default: {
      const known = paramType(type);
      if (!known) return { value };
      const converted = convertValue({ type: known, doc: "" }, value);
      return "problem" in converted ? { problem: wrongType(value, type) } : { value: converted.value };
    }
  }
}

function paramType(type: string): ParamType | undefined {
  return (["bool", "int", "float", "list", "dict"] as const).find((one) => one === type);
}

function wrongType(value: unknown, type: string): string {
  const kind = Array.isArray(value) ? "list" : typeof value === "object" ? "dict" : kinds[typeof value];
  return `is of type ${kind ?? typeof value} and cannot be converted to ${type}: ${JSON.stringify(value)}`;
}

const kinds: Readonly<Record<string, string>> = { string: "str", boolean: "bool", number: "number", bigint: "int" };

function brokenRules(rules: Map, values: Map): string[] {
  const has = (name: string): boolean => Object.hasOwn(values, name);
  const messages: string[] = [];
  for (const group of listsOf(rules["required_together"]))
    if (group.some(has) && !group.every(has)) messages.push(`parameters are required together: ${group.join(", ")}`);
  for (const group of listsOf(rules["required_one_of"]))
    if (!group.some(has)) messages.push(`one of the following is required: ${group.join(", ")}`);
  const conditions: readonly unknown[] = Array.isArray(rules["required_if"]) ? rules["required_if"] : [];
  for (const rule of conditions) {
    if (!Array.isArray(rule)) continue;
    const [param, is, needs, any] = rule as readonly unknown[];
    if (typeof param !== "string" || !has(param) || String(values[param]) !== String(is)) continue;
    const missing = textsOf(needs).filter((name) => !has(name));
    if (any === true ? missing.length === textsOf(needs).length : missing.length > 0)
      messages.push(
        `${param} is ${String(is)} but ${any === true ? "any" : "all"} of the following are missing: ${missing.join(", ")}`,
      );
  }
  for (const [param, needs] of Object.entries(mapOf(rules["required_by"]))) {
    const missing = has(param) ? textsOf(needs).filter((name) => !has(name)) : [];
    if (missing.length > 0) messages.push(`missing parameter(s) required by '${param}': ${missing.join(", ")}`);
  }
  return messages;
}

function mapOf(value: unknown): Map {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Groups of names. */
function listsOf(value: unknown): string[][] {
  return Array.isArray(value) ? value.map((one: unknown) => textsOf(one)) : [];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : [];
}
