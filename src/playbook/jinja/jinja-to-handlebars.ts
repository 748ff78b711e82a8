// Writes a Jinja expression as Handlebars, for messages that show what to write.

import { parseJinja, type Argument, type Jinja } from "./jinja.js";

class Untranslatable extends Error {}

/** What to write instead of a mustache that Handlebars does not understand; `inside` stands between the braces. */
export function remedyForMustache(inside: string): string {
  const handlebars = handlebarsOfJinja(inside);
  if (handlebars !== undefined) return `Templates are Handlebars. Write ${handlebars}`;
  if (/^[#^]?\s*(if|unless)\s/.test(inside) && /[=<>!]|\band\b|\bor\b/.test(inside)) {
    const [, block, test = ""] = /^[#^]?\s*(\w+)\s+([\s\S]*)$/.exec(inside) ?? [];
    const inner = handlebarsOfJinja(test);
    if (inner !== undefined) return `Write {{#${block} ${inner.slice(2, -2).replace(/^(.*\s.*)$/s, "($1)")}}}`;
  }
  return "Templates are Handlebars: {{name}}, {{map.field}}, {{list.[0]}}, {{helper value argument}}, {{helper (other value)}}.";
}

/** The Handlebars of a Jinja expression, braces and all; undefined where it has none. */
export function handlebarsOfJinja(text: string): string | undefined {
  const tree = parseJinja(text);
  if (!tree) return undefined;
  try {
    if (tree.kind === "binary" && tree.operator === "~")
      return parts(tree)
        .map((one) => (one.kind === "literal" ? String(one.value) : mustache(one)))
        .join("");
    return mustache(tree);
  } catch (error) {
    if (error instanceof Untranslatable) return undefined;
    throw error;
  }
}

function parts(node: Jinja): Jinja[] {
  return node.kind === "binary" && node.operator === "~" ? [...parts(node.left), ...parts(node.right)] : [node];
}

function mustache(node: Jinja): string {
  const text = expression(node);
  return `{{${text.startsWith("(") ? text.slice(1, -1) : text}}}`;
}

const OPERATORS: Readonly<Record<string, string>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "//": "divide",
  "%": "modulo",
  "**": "pow",
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  and: "and",
  or: "or",
  in: "in",
};

const METHODS: Readonly<Record<string, string>> = {
  startswith: "startswith",
  endswith: "endswith",
  lower: "lower",
  upper: "upper",
  strip: "trim",
  split: "split",
  replace: "replace",
  get: "get",
  keys: "keys",
  values: "values",
  items: "dict2items",
};

/** A path, a literal, or a call in parentheses. */
function expression(node: Jinja): string {
  switch (node.kind) {
    case "literal":
      return typeof node.value === "string" ? quote(node.value) : String(node.value);
    case "name":
      return node.name;
    case "attribute":
      return field(node.of, node.name);
    case "item":
      if (node.key.kind !== "literal") return `(lookup ${expression(node.of)} ${expression(node.key)})`;
      return typeof node.key.value === "string" && /^[A-Za-z_]\w*$/.test(node.key.value)
        ? field(node.of, node.key.value)
        : `${path(node.of)}.[${String(node.key.value)}]`;
    case "unary":
      return node.operator === "not" ? `(not ${expression(node.of)})` : `(subtract 0 ${expression(node.of)})`;
    case "choice":
      return `(ternary ${expression(node.test)} ${expression(node.yes)} ${node.no ? expression(node.no) : '""'})`;
    case "binary": {
      const helper = OPERATORS[node.operator];
      if (helper === undefined) throw new Untranslatable();
      return `(${helper} ${expression(node.left)} ${expression(node.right)})`;
    }
    case "filter":
      return `(${[node.name === "d" ? "default" : node.name, expression(node.of), ...argumentsOf(node.args)].join(" ")})`;
    case "call":
      return call(node);
    case "test":
      if (node.name === "defined" || node.name === "undefined")
        return node.isNegated === (node.name === "defined")
          ? `(not (defined ${expression(node.of)}))`
          : `(defined ${expression(node.of)})`;
      throw new Untranslatable();
    case "list":
    case "map":
      throw new Untranslatable();
  }
}

function field(of: Jinja, name: string): string {
  const text = expression(of);
  return text.startsWith("(") ? `(lookup ${text} "${name}")` : `${path(of)}.${name}`;
}

function path(node: Jinja): string {
  const text = expression(node);
  if (text.startsWith("(") || text.startsWith('"')) throw new Untranslatable();
  return text;
}

function argumentsOf(args: readonly Argument[]): string[] {
  return args.map((one) => (one.name === undefined ? expression(one.value) : `${one.name}=${expression(one.value)}`));
}

function call({ of, args }: Extract<Jinja, { kind: "call" }>): string {
  if (of.kind === "attribute") {
    const helper = Object.hasOwn(METHODS, of.name) ? METHODS[of.name] : undefined;
    if (helper === undefined) throw new Untranslatable();
    return `(${[helper, expression(of.of), ...argumentsOf(args)].join(" ")})`;
  }
  if (of.kind !== "name") throw new Untranslatable();
  if (of.name === "lookup" || of.name === "query" || of.name === "q") {
    const [kind, ...rest] = args;
    if (kind?.value.kind !== "literal" || (kind.value.value !== "env" && kind.value.value !== "file"))
      throw new Untranslatable();
    return `(${[String(kind.value.value), ...argumentsOf(rest)].join(" ")})`;
  }
  if (of.name === "range") return `(${["range", ...argumentsOf(args)].join(" ")})`;
  throw new Untranslatable();
}

function quote(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}
