// Writes a Jinja expression as CEL, for messages that show what to write.

import { CEL_TYPE_NAMES } from "../condition/cel-names.js";
import { parseJinja, type Argument, type Jinja } from "./jinja.js";
import { helperOfTest } from "../helpers/test-names.js";
import { helperOfFilter, isChain, isFallback, lookupCall, RESULT_TESTS } from "./jinja-names.js";

class Untranslatable extends Error {}

/** The CEL of a Jinja expression; undefined where it has none. */
export function celOfJinja(text: string): string | undefined {
  const tree = parseJinja(text);
  if (!tree) return undefined;
  try {
    return cel(tree, 0);
  } catch (error) {
    if (error instanceof Untranslatable) return undefined;
    throw error;
  }
}

const METHODS: Readonly<Record<string, (of: string, args: readonly string[]) => string>> = {
  startswith: (of, [a]) => `${of}.startsWith(${a})`,
  endswith: (of, [a]) => `${of}.endsWith(${a})`,
  lower: (of) => `lower(${of})`,
  upper: (of) => `upper(${of})`,
  strip: (of, args) => `trim(${[of, ...args].join(", ")})`,
  split: (of, args) => `split(${[of, ...args].join(", ")})`,
  replace: (of, args) => `replace(${[of, ...args].join(", ")})`,
  find: (of, [a]) => `${of}.indexOf(${a})`,
  get: (of, args) => `get(${[of, ...args].join(", ")})`,
  keys: (of) => `keys(${of})`,
  values: (of) => `values(${of})`,
  items: (of) => `items(${of})`,
  startsWith: (of, [a]) => `${of}.startsWith(${a})`,
  endsWith: (of, [a]) => `${of}.endsWith(${a})`,
  matches: (of, [a]) => `${of}.matches(${a})`,
  contains: (of, [a]) => `${of}.contains(${a})`,
  size: (of) => `size(${of})`,
};

const LEVELS: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  "==": 3,
  "!=": 3,
  "<": 3,
  "<=": 3,
  ">": 3,
  ">=": 3,
  in: 3,
  "+": 4,
  "-": 4,
  "~": 4,
  "*": 5,
  "/": 5,
  "%": 5,
};
const SIGNS: Readonly<Record<string, string>> = { or: "||", and: "&&", "~": "+" };

function cel(node: Jinja, level: number): string {
  switch (node.kind) {
    case "literal":
      return typeof node.value === "string" ? quoteCel(node.value) : String(node.value);
    case "name":
      return CEL_TYPE_NAMES.has(node.name) ? `vars.${node.name}` : node.name;
    case "attribute":
      return `${cel(node.of, 9)}.${node.name}`;
    case "item":
      if (node.key.kind === "unary" && node.key.of.kind === "literal" && node.key.of.value === 1)
        return `last(${cel(node.of, 0)})`;
      return `${cel(node.of, 9)}[${cel(node.key, 0)}]`;
    case "slice":
      return `slice(${[cel(node.of, 0), node.start ? cel(node.start, 0) : "0", ...(node.end ? [cel(node.end, 0)] : [])].join(", ")})`;
    case "list":
      return `[${node.items.map((one) => cel(one, 0)).join(", ")}]`;
    case "map":
      return `{${node.entries.map(([key, value]) => `${cel(key, 0)}: ${cel(value, 0)}`).join(", ")}}`;
    case "unary":
      return node.operator === "not" ? negated(cel(node.of, 8), node.of) : `-${cel(node.of, 8)}`;
    case "choice":
      return wrap(`${cel(node.test, 1)} ? ${cel(node.yes, 1)} : ${node.no ? cel(node.no, 0) : "null"}`, level > 0);
    case "binary":
      return binary(node, level);
    case "call":
      return call(node);
    case "filter":
      return filter(node);
    case "test":
      return test(node, level);
  }
}

function wrap(text: string, isNeeded: boolean): string {
  return isNeeded ? `(${text})` : text;
}

function negated(text: string, of: Jinja): string {
  return text.startsWith("!") && of.kind === "test" ? text.slice(1) : `!${text}`;
}

function quoteCel(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\r", "\\r");
  return text.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`;
}

function binary({ operator, left, right }: Extract<Jinja, { kind: "binary" }>, level: number): string {
  // CEL divides whole numbers to whole numbers.
  if (operator === "/") return `divide(${cel(left, 0)}, ${cel(right, 0)})`;
  if (operator === "//") return `floor_divide(${cel(left, 0)}, ${cel(right, 0)})`;
  if (isChain(operator, left)) throw new Untranslatable();
  if (isFallback(operator, right)) return `default(${cel(left, 0)}, ${cel(right, 0)}, true)`;
  if (operator === "**") return `pow(${cel(left, 0)}, ${cel(right, 0)})`;
  const own = LEVELS[operator] ?? 0;
  const side = (node: Jinja, at: number): string =>
    operator === "~" &&
    !(node.kind === "literal" && typeof node.value === "string") &&
    !(node.kind === "binary" && node.operator === "~")
      ? `string(${cel(node, 0)})`
      : cel(node, at);
  return wrap(`${side(left, own)} ${SIGNS[operator] ?? operator} ${side(right, own + 1)}`, level > own);
}

/** Arguments by position, then a map of those by name. */
function values(args: readonly Argument[]): string[] {
  const named = args.filter((one) => one.name !== undefined);
  const positional = args.filter((one) => one.name === undefined).map((one) => cel(one.value, 0));
  if (named.length === 0) return positional;
  return [...positional, `{${named.map((one) => `"${one.name}": ${cel(one.value, 0)}`).join(", ")}}`];
}

function call({ of, args }: Extract<Jinja, { kind: "call" }>): string {
  if (of.kind === "attribute") {
    const method = Object.hasOwn(METHODS, of.name) ? METHODS[of.name] : undefined;
    if (!method) throw new Untranslatable();
    return method(cel(of.of, 9), values(args));
  }
  if (of.kind !== "name") throw new Untranslatable();
  if (of.name === "lookup" || of.name === "query" || of.name === "q") {
    return lookup(of.name, args);
  }
  return `${of.name}(${values(args).join(", ")})`;
}

function lookup(name: string, args: readonly Argument[]): string {
  const [kind, of] = args;
  if (kind?.value.kind === "literal" && kind.value.value === "vars" && of) {
    const variable = of.value.kind === "literal" ? String(of.value.value) : `vars[${cel(of.value, 0)}]`;
    const other = args.find((one) => one.name === "default");
    return other ? `default(${variable}, ${cel(other.value, 0)})` : variable;
  }
  const found = lookupCall(name, args);
  if (!found) throw new Untranslatable();
  const text = `${found.helper}(${values(found.args).join(", ")})`;
  if (found.wrap === "join") return `join(${text}, ",")`;
  return found.wrap === "array" ? `[${text}]` : text;
}

function filter({ name, of, args }: Extract<Jinja, { kind: "filter" }>): string {
  const inner = cel(of, 0);
  if (name === "length" || name === "count") return `size(${inner})`;
  if (Object.hasOwn(RESULT_TESTS, name) && args.length === 0) return resultField(name, of);
  const attribute = args.find((one) => one.name === "attribute")?.value;
  if (
    name === "map" &&
    args.length === 1 &&
    attribute?.kind === "literal" &&
    /^[A-Za-z_]\w*$/.test(String(attribute.value))
  )
    return `${cel(of, 9)}.map(x, x.${String(attribute.value)})`;
  if (helperOfFilter(name) === "default") return defaulted(inner, args);
  return `${helperOfFilter(name)}(${[inner, ...values(args)].join(", ")})`;
}

/** Not a helper but a form of its own: its arguments have places alone. */
function defaulted(inner: string, args: readonly Argument[]): string {
  const at = (name: string, index: number): Jinja | undefined =>
    args.find((one) => one.name === name)?.value ?? args.filter((one) => one.name === undefined)[index]?.value;
  const [other, flag] = [at("default_value", 0), at("boolean", 1)];
  return `default(${[inner, other ? cel(other, 0) : '""', ...(flag ? [cel(flag, 0)] : [])].join(", ")})`;
}

function resultField(name: string, of: Jinja): string {
  const asked = RESULT_TESTS[name];
  return `${asked?.isNegated ? "!" : ""}${cel(of, 9)}.${asked?.field ?? name}`;
}

function isDefined(of: Jinja): string {
  const steps: string[] = [];
  let at: Jinja = of;
  while (
    at.kind === "attribute" ||
    (at.kind === "item" &&
      at.key.kind === "literal" &&
      typeof at.key.value === "string" &&
      /^[A-Za-z_]\w*$/.test(at.key.value))
  ) {
    const name = at.kind === "attribute" ? at.name : String(at.key.kind === "literal" ? at.key.value : "");
    steps.unshift(`has(${dotted(at.of)}.${name})`);
    at = at.of;
  }
  if (at.kind !== "name") throw new Untranslatable();
  return [`has(vars.${at.name})`, ...steps].join(" && ");
}

function dotted(node: Jinja): string {
  return node.kind === "item" && node.key.kind === "literal" && typeof node.key.value === "string"
    ? `${dotted(node.of)}.${node.key.value}`
    : cel(node, 9);
}

function test({ name, of, args, isNegated }: Extract<Jinja, { kind: "test" }>, level: number): string {
  const [argument, second] = args.map((one) => one.value);
  const positive = positiveTest(name, of, args, argument, second);
  if (isNegated === (name !== "undefined")) {
    const equal = /^(.*) == null$/.exec(positive);
    if (equal) return wrap(`${equal[1]} != null`, level > 3);
    if (/^![\w.]+$/.test(positive)) return positive.slice(1);
    return /^[\w.]+(\(.*\))?$/.test(positive) && !positive.includes(" && ") ? `!${positive}` : `!(${positive})`;
  }
  return wrap(positive, level > 2 && / (&&|==|\|\|) /.test(positive));
}

/** `undefined` gives the CEL for `defined`: its caller turns the sense round. */
function positiveTest(
  name: string,
  of: Jinja,
  args: readonly Argument[],
  argument: Jinja | undefined,
  second: Jinja | undefined,
): string {
  const value = (): string => cel(of, 9);
  const other = (): string => {
    if (!argument) throw new Untranslatable();
    return cel(argument, 4);
  };
  if (Object.hasOwn(RESULT_TESTS, name)) return resultField(name, of);
  if (args.some((one) => one.name !== undefined)) return asHelper(name, of, args);
  switch (name) {
    case "defined":
    case "undefined":
      return isDefined(of);
    case "finished":
    case "started":
      return `${value()}.${name} == 1`;
    case "none":
      return `${value()} == null`;
    case "true":
    case "false":
      return `${value()} == ${name}`;
    case "string":
      return `type(${value()}) == string`;
    case "boolean":
      return `type(${value()}) == bool`;
    case "integer":
      return `type(${value()}) == int`;
    case "mapping":
      return `type(${value()}) == map`;
    case "sequence":
    case "iterable":
    case "list":
      return `type(${value()}) == list`;
    case "match":
      return argument?.kind === "literal" && typeof argument.value === "string"
        ? `${value()}.matches(${quoteCel(`^${argument.value.replace(/^\^/, "")}`)})`
        : `match(${value()}, ${other()})`;
    case "search":
    case "regex":
      return `${value()}.matches(${other()})`;
    case "version":
    case "version_compare":
      return `version(${value()}, ${other()}${second ? `, ${cel(second, 0)}` : ""})`;
    case "in":
      return `${cel(of, 4)} in ${other()}`;
    case "contains":
      return `${other()} in ${cel(of, 4)}`;
    case "eq":
    case "equalto":
      return `${cel(of, 4)} == ${other()}`;
    case "ne":
      return `${cel(of, 4)} != ${other()}`;
    case "divisibleby":
      return `${cel(of, 5)} % ${other()} == 0`;
    case "odd":
      return `${cel(of, 5)} % 2 == 1`;
    case "even":
      return `${cel(of, 5)} % 2 == 0`;
    default:
      return asHelper(name, of, args);
  }
}

function asHelper(name: string, of: Jinja, args: readonly Argument[]): string {
  return `${helperOfTest(name)}(${[cel(of, 0), ...values(args)].join(", ")})`;
}
