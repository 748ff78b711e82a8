// Goes through the tree of a CEL expression: which variables it reads, which helpers it calls and how.

import { nearest } from "../../diagnostic/near.js";
import { CEL_TYPE_NAMES } from "./cel-names.js";
import { checkCall, checkLiterals, helpers, UNKNOWN, type HelperDefinition } from "../helpers/index.js";

export interface CelReference {
  readonly name: string;
  readonly index: number;
  readonly isOptional: boolean;
}

/** A function that is called but does not exist. */
export interface UnknownCall {
  readonly name: string;
  readonly index: number;
}

/** A call that cannot be right. */
export interface CallMistake {
  readonly index: number;
  readonly message: string;
  readonly remedy: string | undefined;
}

/** CEL's own functions that are called like helpers, with the arguments for which CEL's own is meant. */
const OWN_FUNCTIONS = new Set(["has", "size", "type", "dyn", "timestamp", "duration", "bytes", "double", "uint"]);

/** Methods of Python's text and maps, which Jinja has and CEL has not. */
const PYTHON_METHODS = new Set(
  "startswith endswith lower upper strip lstrip rstrip find rfind get keys values items title capitalize isdigit replace splitlines".split(
    " ",
  ),
);

interface AstNode {
  readonly op: string;
  readonly args: unknown;
  readonly start?: number;
  readonly pos?: number;
}

/** Makes a call known to the environment and gives the name under which it is. */
type Register = (name: string, count: number, hasOptions: boolean) => string;

/** Functions of which the first argument may be missing; and what goes through a list with a variable of its own. */
const MACROS = new Set(["default", "defined", "undefined", "mandatory"]);
const COMPREHENSIONS = new Set(["all", "exists", "exists_one", "map", "filter"]);

function isNode(value: unknown): value is AstNode {
  return (
    typeof value === "object" && value !== null && "op" in value && typeof value.op === "string" && "args" in value
  );
}

/** Collects the variables of an expression and gives calls of helpers their registered names. */
export class TreeReader {
  readonly references: CelReference[] = [];
  unknownCall: UnknownCall | undefined;
  callFault: CallMistake | undefined;
  /** A text that is a template from end to end: it is compared as it stands. */
  bracesIndex: number | undefined;
  readonly #register: Register;

  constructor(register: Register) {
    this.#register = register;
  }

  visit(node: unknown, bound: ReadonlySet<string>, isOptional = false): void {
    if (Array.isArray(node)) {
      for (const one of node) this.visit(one, bound, isOptional);
      return;
    }
    if (!isNode(node)) return;
    switch (node.op) {
      case "value":
        if (typeof node.args === "string" && /^\s*\{\{[^}]*\}\}\s*$/.test(node.args))
          this.bracesIndex ??= node.start ?? 0;
        return;
      case "id":
        if (typeof node.args === "string" && !bound.has(node.args) && !CEL_TYPE_NAMES.has(node.args))
          this.#refer(node.args, node, isOptional);
        return;
      case ".":
      case ".?":
        this.#access(node, bound, isOptional);
        return;
      case "call":
        this.#call(node, bound);
        return;
      case "rcall":
        this.#method(node, bound);
        return;
      default:
        this.visit(node.args, bound, isOptional);
    }
  }

  #refer(name: string, node: AstNode, isOptional: boolean): void {
    this.references.push({ name, index: node.pos ?? node.start ?? 0, isOptional });
  }

  #access(node: AstNode, bound: ReadonlySet<string>, isOptional: boolean): void {
    const [left, name]: unknown[] = Array.isArray(node.args) ? node.args : [];
    if (isNode(left) && left.op === "id" && left.args === "vars" && typeof name === "string" && !bound.has("vars")) {
      this.#refer(name, node, isOptional || node.op === ".?");
    }
    this.visit(left, bound, isOptional);
  }

  #call(node: AstNode, bound: ReadonlySet<string>): void {
    if (!Array.isArray(node.args)) return;
    const [name, args]: unknown[] = node.args;
    if (typeof name !== "string" || !Array.isArray(args)) return;
    if (name === "has" || MACROS.has(name)) {
      const [first, ...others]: unknown[] = args;
      const isField = name === "has" && isNode(first) && first.op === "." && !isVars(first);
      this.visit(first, bound, !isField && name !== "mandatory");
      this.visit(others, bound);
      return;
    }
    const helper = Object.hasOwn(helpers, name) ? helpers[name] : undefined;
    if (helper && !(OWN_FUNCTIONS.has(name) && args.length < 2)) {
      const options = optionsOf(helper, args);
      const count = args.length - (options ? 1 : 0);
      const fault =
        checkCall(name, helper, count, options ?? []) ??
        checkLiterals(name, helper, args.slice(0, count).map(literalOf), options ? entriesOf(args.at(-1)) : {});
      if (fault) this.callFault ??= { ...fault, index: node.start ?? node.pos ?? 0 };
      node.args[0] = this.#register(name, count, options !== undefined);
    } else if (!OWN_FUNCTIONS.has(name) && !CEL_TYPE_NAMES.has(name))
      this.unknownCall ??= { name, index: node.start ?? node.pos ?? 0 };
    this.visit(args, bound);
  }

  #method(node: AstNode, bound: ReadonlySet<string>): void {
    if (!Array.isArray(node.args)) return;
    const [name, receiver, args]: unknown[] = node.args;
    if (typeof name !== "string" || !Array.isArray(args)) return;
    if (PYTHON_METHODS.has(name)) this.unknownCall ??= { name, index: node.pos ?? node.start ?? 0 };
    if (name === "matches") {
      const { search } = helpers;
      const fault = search && checkLiterals(name, search, [UNKNOWN, ...args.map(literalOf)], {});
      if (fault) this.callFault ??= { ...fault, index: node.start ?? node.pos ?? 0 };
    }
    if (name === "matches") node.args[0] = this.#register(name, 1, false);
    this.visit(receiver, bound);
    const [variable, ...others]: unknown[] = args;
    const isBinding = (COMPREHENSIONS.has(name) && args.length >= 2) || (name === "bind" && args.length === 3);
    if (isBinding && isNode(variable) && variable.op === "id" && typeof variable.args === "string") {
      this.visit(others, new Set([...bound, variable.args]));
    } else this.visit(args, bound);
  }
}

function isVars(node: AstNode): boolean {
  const left: unknown = Array.isArray(node.args) ? node.args[0] : undefined;
  return isNode(left) && left.op === "id" && left.args === "vars";
}

/**
 * The names in a map that is written out as the last argument, if they are options: all are known as such, or there are more values than
 * the helper takes. A map that is a value of its own, `combine(a, {"x": 1})`, has other keys.
 */
function optionsOf(helper: HelperDefinition, args: readonly unknown[]): string[] | undefined {
  const last = args.at(-1);
  if (args.length < 2 && helper.min > 0) return undefined;
  if (!isNode(last) || last.op !== "map" || !Array.isArray(last.args) || last.args.length === 0) return undefined;
  const keys = last.args.map((entry: unknown) => (Array.isArray(entry) ? literalText(entry[0]) : undefined));
  const names = keys.filter((key) => key !== undefined);
  if (names.length < keys.length) return undefined;
  const known = new Set([...helper.names.slice(1), ...helper.options, ...innerOptions(helper, args)]);
  const isTaken = helper.takesAlso === "any";
  if (isTaken || args.length > helper.max || names.every((name) => known.has(name))) return names;
  // Misspelt: told as such where the call is checked.
  return names.length > 0 && names.every((name) => known.has(name) || nearest(name, known) !== undefined)
    ? names
    : undefined;
}

/** The value of a literal; UNKNOWN for what the run tells. */
function literalOf(node: unknown): unknown {
  if (!isNode(node) || node.op !== "value") return UNKNOWN;
  return typeof node.args === "bigint" ? Number(node.args) : node.args;
}

function entriesOf(map: unknown): Readonly<Record<string, unknown>> {
  if (!isNode(map) || !Array.isArray(map.args)) return {};
  return Object.fromEntries(
    map.args.flatMap((entry: unknown) => {
      const [key, value]: unknown[] = Array.isArray(entry) ? entry : [];
      const name = literalText(key);
      return name === undefined ? [] : [[name, literalOf(value)]];
    }),
  );
}

function literalText(node: unknown): string | undefined {
  return isNode(node) && node.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/** Options of the helper or test that is named for each item, as in `map(list, "regex_replace", "a", "b", {"ignorecase": true})`. */
function innerOptions(helper: HelperDefinition, args: readonly unknown[]): readonly string[] {
  if (helper.takesAlso !== "inner") return [];
  return args.flatMap((one) => {
    const name = literalText(one);
    const inner = name !== undefined && Object.hasOwn(helpers, name) ? helpers[name] : undefined;
    return inner ? [...inner.names.slice(Math.max(1, inner.min)), ...inner.options] : [];
  });
}
