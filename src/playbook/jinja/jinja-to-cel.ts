// Writes a Jinja expression as CEL, for messages that show what to write.

import { parseJinja, type Argument, type Jinja } from "./jinja.js";

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
  strip: (of) => `trim(${of})`,
  split: (of, args) => `split(${[of, ...args].join(", ")})`,
  replace: (of, args) => `replace(${[of, ...args].join(", ")})`,
  find: (of, [a]) => `${of}.indexOf(${a})`,
  get: (of, args) => `get(${[of, ...args].join(", ")})`,
  keys: (of) => `keys(${of})`,
  values: (of) => `values(${of})`,
  items: (of) => `dict2items(${of})`,
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
  "//": 5,
  "%": 5,
};
const SIGNS: Readonly<Record<string, string>> = { or: "||", and: "&&", "//": "/", "~": "+" };

function cel(node: Jinja, level: number): string {
  switch (node.kind) {
    case "literal":
      return typeof node.value === "string" ? quoteCel(node.value) : String(node.value);
    case "name":
      return node.name;
    case "attribute":
      return `${cel(node.of, 9)}.${node.name}`;
    case "item":
      return `${cel(node.of, 9)}[${cel(node.key, 0)}]`;
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
  return text.includes('"')
    ? `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
    : `"${text.replaceAll("\\", "\\\\")}"`;
}

function binary({ operator, left, right }: Extract<Jinja, { kind: "binary" }>, level: number): string {
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

function values(args: readonly Argument[]): string[] {
  if (args.some((one) => one.name !== undefined && one.name !== "default_value" && one.name !== "boolean"))
    throw new Untranslatable();
  return args.map((one) => cel(one.value, 0));
}

function call({ of, args }: Extract<Jinja, { kind: "call" }>): string {
  if (of.kind === "attribute") {
    const method = Object.hasOwn(METHODS, of.name) ? METHODS[of.name] : undefined;
    if (!method) throw new Untranslatable();
    return method(cel(of.of, 9), values(args));
  }
  if (of.kind !== "name") throw new Untranslatable();
  if (of.name === "lookup" || of.name === "query" || of.name === "q") {
    const [kind, ...rest] = args;
    if (kind?.value.kind !== "literal" || (kind.value.value !== "env" && kind.value.value !== "file"))
      throw new Untranslatable();
    return `${kind.value.value}(${values(rest).join(", ")})`;
  }
  return `${of.name}(${values(args).join(", ")})`;
}

function filter({ name, of, args }: Extract<Jinja, { kind: "filter" }>): string {
  const inner = cel(of, 0);
  if (name === "length" || name === "count") return `size(${inner})`;
  if ((name === "success" || name === "succeeded") && args.length === 0) return `!${cel(of, 9)}.failed`;
  if (["failed", "changed", "skipped"].includes(name) && args.length === 0) return `${cel(of, 9)}.${name}`;
  if (
    (name === "selectattr" || name === "rejectattr" || name === "select" || name === "reject" || name === "map") &&
    args.some((one) => one.name !== undefined)
  ) {
    const attribute = args.find((one) => one.name === "attribute")?.value;
    if (name === "map" && attribute?.kind === "literal") return `${cel(of, 9)}.map(x, x.${String(attribute.value)})`;
    throw new Untranslatable();
  }
  return `${name === "d" ? "default" : name}(${[inner, ...values(args)].join(", ")})`;
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
  const positive = positiveTest(name, of, argument, second);
  if (isNegated === (name !== "undefined")) {
    const equal = /^(.*) == null$/.exec(positive);
    if (equal) return wrap(`${equal[1]} != null`, level > 3);
    return /^[\w.]+(\(.*\))?$/.test(positive) && !positive.includes(" && ") ? `!${positive}` : `!(${positive})`;
  }
  return wrap(positive, level > 2 && / (&&|==|\|\|) /.test(positive));
}

/** `undefined` gives the CEL for `defined`: its caller turns the sense round. */
function positiveTest(name: string, of: Jinja, argument: Jinja | undefined, second: Jinja | undefined): string {
  const value = (): string => cel(of, 9);
  const other = (): string => {
    if (!argument) throw new Untranslatable();
    return cel(argument, 4);
  };
  switch (name) {
    case "defined":
    case "undefined":
      return isDefined(of);
    case "failed":
    case "failure":
      return `${value()}.failed`;
    case "succeeded":
    case "success":
    case "successful":
      return `!${value()}.failed`;
    case "changed":
    case "change":
      return `${value()}.changed`;
    case "finished":
    case "started":
      return `${value()}.${name} == 1`;
    case "skipped":
    case "skip":
      return `${value()}.skipped`;
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
    case "subset":
      return `size(difference(${cel(of, 0)}, ${other()})) == 0`;
    case "superset":
      return `size(difference(${other()}, ${cel(of, 0)})) == 0`;
    default:
      throw new Untranslatable();
  }
}
