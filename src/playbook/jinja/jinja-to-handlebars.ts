// Writes a Jinja expression as Handlebars, for messages that show what to write.

import { absentWord } from "./jinja-tree.js";
import { parseJinja, type Argument, type Jinja } from "./jinja.js";
import { helperOfTest } from "../helpers/test-names.js";
import { helperOfFilter, isChain, isFallback, lookupCall, RESULT_TESTS } from "./jinja-names.js";

class Untranslatable extends Error {}

/** What to write instead of a mustache that Handlebars does not understand; `inside` stands between the braces. */
export function remedyForMustache(inside: string): string {
  const tree = parseJinja(inside);
  const absent = tree && absentWord(tree);
  if (absent !== undefined) return `Templates are Handlebars. ${absent}`;
  const handlebars = tree && handlebarsOfTree(tree);
  if (handlebars !== undefined) return `Templates are Handlebars. Write ${handlebars}`;
  const block = /^[#^]/.test(inside) ? remedyForBlock(inside.slice(1)) : undefined;
  if (block !== undefined) return block;
  if (/^else\b/.test(inside)) return "{{else}} stands inside a block: {{#if x}} … {{else}} … {{/if}}.";
  return "Templates are Handlebars: {{name}}, {{map.field}}, {{list.[0]}}, {{helper value argument}}, {{helper (other value)}}.";
}

/** What to write instead of the opening of a block, `if a == b`, `for u in users`; undefined where nothing is known. */
export function remedyForBlock(opening: string): string | undefined {
  const loop = /^\s*(?:for|each)\s+(?:(\w+)\s*,\s*)?(\w+)\s+in\s+([\s\S]+)$/.exec(opening);
  if (loop) return eachOf(loop[3] ?? "", loop[2] ?? "", loop[1]);
  const named = /^\s*each\s+([\s\S]+?)\s+as\s+(\w+)\s*$/.exec(opening);
  if (named) return eachOf(named[1] ?? "", named[2] ?? "");
  const [, block, test = ""] = /^\s*(if|unless)\s+([\s\S]*)$/.exec(opening) ?? [];
  const inner = block === undefined ? undefined : handlebarsOfJinja(test);
  return inner === undefined ? undefined : `Write {{#${block} ${argument(inner)}}}`;
}

function eachOf(list: string, item: string, key?: string): string | undefined {
  // Jinja's loops over the items of a map name the key first.
  const of = key === undefined ? list : list.replace(/\.items\(\)\s*$|\s*\|\s*(dictsort|items)\s*$/, "");
  const inner = handlebarsOfJinja(of);
  return inner === undefined
    ? undefined
    : `Write {{#each ${argument(inner)} as |${item}${key === undefined ? "" : ` ${key}`}|}} … {{/each}}`;
}

/** An expression as an argument: without its braces, a call in parentheses. */
function argument(mustache: string): string {
  const inner = mustache.slice(2, -2);
  return /\s/.test(inner) && !/^(['"]).*\1$/s.test(inner) ? `(${inner})` : inner;
}

/** The Handlebars of a Jinja block tag, `{% for u in users %}`; undefined where it has none. */
export function handlebarsOfTag(tag: string): string | undefined {
  const [, word = "", rest = ""] = /^\{%[-+]?\s*(\w+)\s*([\s\S]*?)\s*[-+]?%\}$/.exec(tag) ?? [];
  switch (word) {
    case "for":
      return remedyForBlock(`for ${rest.replace(/\s+if\s[\s\S]*$|\s+recursive$/, "")}`);
    case "if":
      return remedyForBlock(`if ${rest}`);
    case "elif": {
      const inner = handlebarsOfJinja(rest);
      return inner === undefined ? undefined : `Write {{else if ${argument(inner)}}}`;
    }
    case "else":
      return "Write {{else}}";
    case "endfor":
      return "Write {{/each}}";
    case "endif":
      return "Write {{/if}}";
    case "raw":
      return "Write {{{{raw}}}} … {{{{/raw}}}}";
    case "include": {
      const name = /^(['"])(.*)\1/.exec(rest)?.[2];
      return name === undefined ? undefined : `Write {{> ${name.replace(/\.(j2|jinja2?)$/, "")}}}`;
    }
    case "set": {
      const [, name = "", value = ""] = /^(\w+)\s*=\s*([\s\S]+)$/.exec(rest) ?? [];
      const inner = handlebarsOfJinja(value);
      return inner === undefined
        ? undefined
        : `Write {{#with ${argument(inner)} as |${name}|}} … {{/with}}, or set it in vars`;
    }
    default:
      return undefined;
  }
}

/** The Handlebars of a Jinja expression, braces and all; undefined where it has none. */
export function handlebarsOfJinja(text: string): string | undefined {
  const tree = parseJinja(text);
  return tree && handlebarsOfTree(tree);
}

/** The Handlebars of an expression that was read; undefined where it has none. */
export function handlebarsOfTree(tree: Jinja): string | undefined {
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
  "//": "floor_divide",
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
  "~": "join",
};

const METHODS: Readonly<Record<string, string>> = {
  startswith: "startswith",
  endswith: "endswith",
  lower: "lower",
  upper: "upper",
  split: "split",
  replace: "replace",
  get: "get",
  keys: "keys",
  values: "values",
  items: "items",
  strip: "trim",
  capitalize: "capitalize",
  title: "title",
  splitlines: "splitlines",
  format: "format",
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
      if (node.key.kind === "unary" && node.key.of.kind === "literal" && node.key.of.value === 1)
        return `(last ${expression(node.of)})`;
      if (node.key.kind !== "literal" || expression(node.of).startsWith("("))
        return `(lookup ${expression(node.of)} ${expression(node.key)})`;
      return typeof node.key.value === "string" && /^[A-Za-z_]\w*$/.test(node.key.value)
        ? field(node.of, node.key.value)
        : `${path(node.of)}.[${String(node.key.value)}]`;
    case "unary":
      if (node.operator === "not") return `(not ${expression(node.of)})`;
      return node.of.kind === "literal" ? `-${String(node.of.value)}` : `(subtract 0 ${expression(node.of)})`;
    case "choice":
      return `(ternary ${expression(node.test)} ${expression(node.yes)} ${node.no ? expression(node.no) : '""'})`;
    case "binary":
      if (isChain(node.operator, node.left)) throw new Untranslatable();
      if (isFallback(node.operator, node.right))
        return `(default ${expression(node.left)} ${expression(node.right)} true)`;
      return binary(node);
    case "filter":
      return filter(node);
    case "call":
      return call(node);
    case "test":
      return test(node);
    case "slice":
      return `(${["slice", expression(node.of), node.start ? expression(node.start) : "0", ...(node.end ? [expression(node.end)] : [])].join(" ")})`;
    case "list":
      return `(${["array", ...node.items.map(expression)].join(" ")})`;
    case "map":
      return map(node.entries);
  }
}

function map(entries: Extract<Jinja, { kind: "map" }>["entries"]): string {
  const isPlain = entries.every(([key]) => key.kind === "literal" && /^[A-Za-z_][\w-]*$/.test(String(key.value)));
  const pairs = entries.map(([key, value]) =>
    isPlain && key.kind === "literal"
      ? `${String(key.value)}=${expression(value)}`
      : `(array ${expression(key)} ${expression(value)})`,
  );
  return isPlain ? `(${["dict", ...pairs].join(" ")})` : `(dict (${["array", ...pairs].join(" ")}))`;
}

function isText(node: Jinja): boolean {
  return (node.kind === "literal" && typeof node.value === "string") || (node.kind === "binary" && isText(node.left));
}

function isList(node: Jinja): boolean {
  return node.kind === "list" || (node.kind === "binary" && (isList(node.left) || isList(node.right)));
}

function binary(node: Extract<Jinja, { kind: "binary" }>): string {
  const { operator, left, right } = node;
  const [a, b] = [expression(left), expression(right)];
  if (operator === "~" || (operator === "+" && (isText(left) || isText(right)))) return `(join (array ${a} ${b}))`;
  if (operator === "+" && isList(node)) return `(concat ${a} ${b})`;
  const helper = OPERATORS[operator];
  if (helper === undefined) throw new Untranslatable();
  return `(${helper} ${a} ${b})`;
}

function filter({ name, of, args }: Extract<Jinja, { kind: "filter" }>): string {
  if (Object.hasOwn(RESULT_TESTS, name) && args.length === 0) return resultField(of, name);
  return `(${[helperOfFilter(name), expression(of), ...argumentsOf(args)].join(" ")})`;
}

function resultField(of: Jinja, name: string): string {
  const asked = RESULT_TESTS[name];
  const text = field(of, asked?.field ?? name);
  return asked?.isNegated ? `(not ${text})` : text;
}

function test({ name, of, args, isNegated }: Extract<Jinja, { kind: "test" }>): string {
  if (Object.hasOwn(RESULT_TESTS, name) && args.length === 0) {
    const text = resultField(of, name);
    if (!isNegated) return text;
    return text.startsWith("(not ") ? text.slice(5, -1) : `(not ${text})`;
  }
  if (name === "finished" || name === "started") return `(${isNegated ? "ne" : "eq"} ${field(of, name)} 1)`;
  const isUndefined = name === "undefined";
  const helper = isUndefined ? "defined" : helperOfTest(name);
  const text = `(${[helper, expression(of), ...argumentsOf(args)].join(" ")})`;
  return isNegated === isUndefined ? text : `(not ${text})`;
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
  if (of.name === "lookup" || of.name === "query" || of.name === "q") return lookup(of.name, args);
  if (["range", "dict", "now"].includes(of.name)) return `(${[of.name, ...argumentsOf(args)].join(" ")})`;
  throw new Untranslatable();
}

function lookup(name: string, args: readonly Argument[]): string {
  const [kind, of] = args;
  if (kind?.value.kind === "literal" && kind.value.value === "vars" && of) {
    const variable = of.value.kind === "literal" ? String(of.value.value) : `(lookup vars ${expression(of.value)})`;
    const other = args.find((one) => one.name === "default");
    return other ? `(default ${variable} ${expression(other.value)})` : variable;
  }
  const found = lookupCall(name, args);
  if (!found) throw new Untranslatable();
  const text = `(${[found.helper, ...argumentsOf(found.args)].join(" ")})`;
  if (found.wrap === "join") return `(join ${text} ",")`;
  return found.wrap === "array" ? `(array ${text})` : text;
}

/** A backslash before a quote is the only escape that Handlebars knows. */
function quote(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  return `"${text.replaceAll('"', '\\"')}"`;
}
