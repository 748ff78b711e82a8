// Turns what YAML and templates gave into a module's checked parameters, with Ansible's conversions.

import { nearest } from "../diagnostic/near.js";
import type { AnyModule } from "./contract.js";
import type { ParamRules, ParamSpec, ParamSpecs } from "./param.js";

/** What is wrong with an argument. `param` is the name as it was written. */
export interface ParamProblem {
  readonly param: string | undefined;
  readonly message: string;
  readonly remedy?: string;
}

export interface ConvertedParams {
  readonly params: Readonly<Record<string, unknown>>;
  /** Keys that are no params, for modules that take them. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly problems: readonly ParamProblem[];
}

const trueWords = new Set(["true", "yes", "on", "1", "t", "y"]);
const falseWords = new Set(["false", "no", "off", "0", "f", "n"]);

const namesOf = new WeakMap<ParamSpecs, ReadonlyMap<string, string>>();

/** The main name of a param by any of its names, for a module. */
export function paramNames(specs: ParamSpecs): ReadonlyMap<string, string> {
  const known = namesOf.get(specs);
  if (known) return known;
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(specs)) {
    names.set(name, name);
    for (const alias of spec.aliases ?? []) names.set(alias, name);
  }
  namesOf.set(specs, names);
  return names;
}

/**
 * Checks names, types, choices and rules; fills in defaults. `isKnown` false for a param: its value is a template that is not
 * rendered yet; it counts as given and its value is not looked at.
 */
export function convertParams(
  module: AnyModule,
  given: Readonly<Record<string, unknown>>,
  isKnown: (param: string) => boolean = () => true,
): ConvertedParams {
  const names = paramNames(module.params);
  const params: Record<string, unknown> = {};
  const extra: Record<string, unknown> = {};
  const problems: ParamProblem[] = [];
  const writtenAs = new Map<string, string>();
  for (const [key, value] of Object.entries(given)) {
    const name = names.get(key);
    if (name === undefined) {
      if (module.hasOpenParams) extra[key] = value;
      else problems.push(unknownParam(module, key, names));
      continue;
    }
    const before = writtenAs.get(name);
    if (before !== undefined) {
      problems.push({
        param: key,
        message: `${module.name}: ${before} and ${key} are the same parameter`,
        remedy: `Write ${name} once.`,
      });
      continue;
    }
    const spec = module.params[name];
    if (!spec || value === null || value === undefined) continue;
    writtenAs.set(name, key);
    if (!isKnown(key)) {
      params[name] = undefined;
      continue;
    }
    const converted = spec.options ? convertOptions(module, key, spec, value) : convertValue(spec, value);
    if ("problems" in converted) problems.push(...converted.problems);
    else if ("problem" in converted) {
      problems.push({
        param: key,
        message: `${module.name}: ${key} ${spec.isSecret ? converted.problem.replace(/, not .*$/s, "") : converted.problem}`,
        ...(converted.remedy ? { remedy: converted.remedy } : {}),
      });
    } else params[name] = converted.value;
  }
  const isGiven = (name: string): boolean => writtenAs.has(name);
  for (const [name, spec] of Object.entries(module.params)) {
    if (isGiven(name)) continue;
    if (spec.required)
      problems.push({
        param: undefined,
        message: `${module.name}: the parameter ${name} is missing`,
        remedy: `Add ${name}: … to the task.`,
      });
    else if (spec.default !== undefined) params[name] = spec.default;
  }
  if (module.rules)
    problems.push(
      ...brokenRules(module, module.rules, params, isGiven, (name) => isKnown(writtenAs.get(name) ?? name)),
    );
  if (problems.length === 0 && module.check && [...writtenAs.values()].every((key) => isKnown(key))) {
    const sentence = module.check(params);
    if (sentence) problems.push({ param: undefined, message: `${module.name}: ${sentence}` });
  }
  return { params, extra, problems };
}

/** A dict whose keys are known: they are checked as params are. `true` and nothing stand for a dict without keys. */
function convertOptions(
  module: AnyModule,
  param: string,
  spec: ParamSpec,
  value: unknown,
): Converted | { readonly problems: readonly ParamProblem[] } {
  const { options = {}, shortFor } = spec;
  const isShort = shortFor !== undefined && (typeof value !== "object" || value === null) && value !== true;
  const isEmpty = value === true && Object.values(options).every((one) => one.required !== true);
  const dict = isShort ? { value: { [shortFor]: value } } : isEmpty ? { value: {} } : toDict(value);
  if ("problem" in dict) return dict;
  const { params, problems } = convertParams(
    {
      ...module,
      name: `${module.name}.${param}`,
      params: options,
      rules: {},
      check: () => undefined,
      hasOpenParams: false,
    },
    dict.value as Readonly<Record<string, unknown>>,
  );
  return problems.length > 0 ? { problems: problems.map((one) => ({ ...one, param })) } : { value: params };
}

function unknownParam(module: AnyModule, key: string, names: ReadonlyMap<string, string>): ParamProblem {
  const near = nearest(key, names.keys());
  // `{mode: u=rw,g=r}`: in braces YAML ends the value at the comma.
  if (near === undefined && /^[ugoa]*[-+=][rwxXst]*$/.test(key) && names.has("mode"))
    return {
      param: key,
      message: `${module.name} has no parameter ${JSON.stringify(key)}`,
      remedy: 'Put the mode in quotes: in braces a comma ends a value. mode: "u=rw,g=r"',
    };
  const remedy = near ? `Did you mean ${JSON.stringify(near)}?` : `It takes ${Object.keys(module.params).join(", ")}.`;
  return { param: key, message: `${module.name} has no parameter ${JSON.stringify(key)}`, remedy };
}

type Converted = { readonly value: unknown } | { readonly problem: string; readonly remedy?: string };

/** Converts one value as its spec wants it. */
export function convertValue(spec: ParamSpec, value: unknown): Converted {
  const converted = convertByType(spec, value);
  if ("problem" in converted) return converted;
  const [least, most] = spec.range ?? [-Infinity, Infinity];
  if (typeof converted.value === "number" && (converted.value < least || converted.value > most))
    return { problem: `must be from ${least} to ${most}, not ${converted.value}` };
  if (!spec.choices) return converted;
  const { choices } = spec;
  const values = Array.isArray(converted.value) ? converted.value : [converted.value];
  for (const one of values) {
    if (choices.some((choice) => choice === one)) continue;
    const same = choices.find((choice) => boolWord(choice) !== undefined && boolWord(choice) === boolWord(one));
    if (same !== undefined && !Array.isArray(converted.value)) return { value: same };
    const near = typeof one === "string" ? nearest(one, choices.map(String)) : undefined;
    const remedy = near ? { remedy: `Did you mean ${JSON.stringify(near)}?` } : {};
    return { problem: `must be one of ${choices.join(", ")}, not ${JSON.stringify(one)}`, ...remedy };
  }
  return converted;
}

function convertByType(spec: ParamSpec, value: unknown): Converted {
  switch (spec.type) {
    case "str":
    case "path":
      return toText(value);
    case "bool":
      return toBool(value);
    case "int":
      return toNumber(value, true);
    case "float":
      return toNumber(value, false);
    case "list":
      return toList(spec, value);
    case "dict":
      return toDict(value);
    case "mode":
      return toMode(value);
    case "content":
      return typeof value === "string"
        ? { value }
        : { value: typeof value === "object" ? pythonJson(value) : textOf(value) };
    case "raw":
    case "condition":
    case "expression":
      return { value };
  }
}

/** The word that Ansible's text of a scalar has: booleans as Python writes them. */
function textOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

function toText(value: unknown): Converted {
  if (typeof value === "string") return { value };
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return { value: textOf(value) };
  return { problem: `must be text, not ${kindOf(value)}` };
}

function boolWord(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const word = String(value).toLowerCase();
  return trueWords.has(word) ? true : falseWords.has(word) ? false : undefined;
}

function toBool(value: unknown): Converted {
  const word = typeof value === "object" ? undefined : boolWord(value);
  return word === undefined ? { problem: `must be true or false, not ${JSON.stringify(value)}` } : { value: word };
}

function toNumber(value: unknown, isInteger: boolean): Converted {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "bigint") return { value: Number(number) };
  if (typeof number === "number" && Number.isFinite(number) && (!isInteger || Number.isInteger(number)))
    return { value: number };
  return { problem: `must be ${isInteger ? "a whole number" : "a number"}, not ${JSON.stringify(value)}` };
}

function toList(spec: ParamSpec, value: unknown): Converted {
  const list: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === "string"
      ? value.split(",").map((one) => one.trim())
      : [value];
  if (!Array.isArray(value) && typeof value === "object") return { problem: `must be a list, not ${kindOf(value)}` };
  if (!spec.elements || spec.elements === "raw") return { value: list };
  const result: unknown[] = [];
  for (const item of list) {
    const element = convertByType({ type: spec.elements, doc: "" }, item);
    if ("problem" in element) return { problem: `item ${result.length + 1} ${element.problem}` };
    result.push(element.value);
  }
  return { value: result };
}

function toDict(value: unknown): Converted {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { value };
  if (typeof value === "string") {
    if (value.trimStart().startsWith("{")) {
      try {
        const parsed: unknown = JSON.parse(value);
        if (typeof parsed === "object" && parsed !== null) return { value: parsed };
      } catch (error) {
        return { problem: `is no valid JSON: ${error instanceof Error ? error.message : String(error)}` };
      }
    }
    if (value.includes("=")) {
      return {
        value: Object.fromEntries(
          value
            .split(/[\s,]+/)
            .flatMap((pair) =>
              pair.includes("=") ? [[pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]] : [],
            ),
        ),
      };
    }
  }
  return { problem: `must be a map, not ${kindOf(value)}` };
}

const symbolicMode =
  /^[ugoa]*[-+=](?:[rwxXst]*|[ugo])(?:[-+=](?:[rwxXst]*|[ugo]))*(?:,[ugoa]*[-+=](?:[rwxXst]*|[ugo])(?:[-+=](?:[rwxXst]*|[ugo]))*)*$/;

function toMode(value: unknown): Converted {
  if (typeof value === "number") {
    const digits = String(value);
    const meant = /^[0-7]{3,4}$/.test(digits) ? digits.padStart(4, "0") : undefined;
    const remedy = meant
      ? `Write it as text with a leading zero: "${meant}".`
      : 'Write it as text, as "0644" or "u=rw,g=r,o=r".';
    return { problem: `is the number ${digits}, which is no mode`, remedy };
  }
  if (typeof value === "string") {
    if (/^0?o?[0-7]{1,5}$/.test(value) || value === "preserve" || value === "" || symbolicMode.test(value))
      return { value };
    return { problem: `must be octal ("0644") or symbolic ("u=rw,g=r,o=r"), not ${JSON.stringify(value)}` };
  }
  return { problem: `must be a mode, not ${kindOf(value)}` };
}

/** JSON as Python's json.dumps writes it: a space after commas and colons, non-ASCII escaped. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => pythonJson(one)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, one]) => `${asciiJson(key)}: ${pythonJson(one)}`)
      .join(", ")}}`;
  }
  if (typeof value === "string") return asciiJson(value);
  return typeof value === "bigint" ? value.toString() : (JSON.stringify(value) ?? "null");
}

function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function kindOf(value: unknown): string {
  return value === null
    ? "nothing"
    : Array.isArray(value)
      ? "a list"
      : typeof value === "object"
        ? "a map"
        : `a ${typeof value}`;
}

function brokenRules(
  module: AnyModule,
  rules: ParamRules,
  params: Readonly<Record<string, unknown>>,
  isGiven: (name: string) => boolean,
  isKnown: (name: string) => boolean,
): ParamProblem[] {
  const problems: ParamProblem[] = [];
  const report = (message: string): void =>
    void problems.push({ param: undefined, message: `${module.name}: ${message}` });
  for (const group of rules.mutuallyExclusive ?? []) {
    const both = group.filter((name) => isGiven(name));
    if (both.length > 1) report(`${both.join(" and ")} exclude each other`);
  }
  for (const group of rules.requiredTogether ?? []) {
    const missing = group.filter((name) => !isGiven(name));
    if (missing.length > 0 && missing.length < group.length)
      report(`${group.join(" and ")} are needed together; ${missing.join(", ")} is missing`);
  }
  for (const group of rules.requiredOneOf ?? []) {
    if (!group.some((name) => isGiven(name))) report(`one of ${group.join(", ")} is needed`);
  }
  for (const rule of rules.requiredIf ?? []) {
    if ((isGiven(rule.param) && !isKnown(rule.param)) || params[rule.param] !== rule.is) continue;
    const missing = rule.needs.filter((name) => !isGiven(name));
    if (rule.any ? missing.length === rule.needs.length : missing.length > 0) {
      report(`${rule.param}: ${String(rule.is)} needs ${rule.any ? "one of " : ""}${missing.join(", ")}`);
    }
  }
  for (const [name, needs] of Object.entries(rules.requiredBy ?? {})) {
    const missing = isGiven(name) ? needs.filter((one) => !isGiven(one)) : [];
    if (missing.length > 0) report(`${name} needs ${missing.join(", ")}`);
  }
  return problems;
}
