// The CEL environment of conditions: crun's helpers and operators. The only importer of cel-js.

import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import type { Scope } from "../../module/value.js";
import { fromCel, toCel } from "./cel-values.js";
import { helpers, HelperError } from "../helpers/index.js";
import { firstMatch } from "../helpers/bounded-match.js";
import { regexOf } from "../helpers/regex.js";

/** What cel-js says about an expression, with the place inside it. */
export class CelFault extends Error {
  readonly code: string;
  readonly start: number | undefined;
  readonly remedy: string | undefined;
  constructor(message: string, code: string, start: number | undefined, remedy?: string) {
    super(message);
    this.name = "CelFault";
    this.code = code;
    this.start = start;
    this.remedy = remedy;
  }
}

export interface CelReference {
  readonly name: string;
  readonly index: number;
  readonly isOptional: boolean;
}

export interface CelProgram {
  readonly references: readonly CelReference[];
  /** A function that is called but does not exist. */
  readonly unknownCall: { readonly name: string; readonly index: number } | undefined;
  run(scope: Scope): unknown;
}

/** Names that CEL gives a meaning of its own; variables so named are reached as `vars.NAME`. */
export const CEL_TYPE_NAMES: ReadonlySet<string> = new Set([
  "bool",
  "bytes",
  "double",
  "dyn",
  "int",
  "list",
  "map",
  "null_type",
  "string",
  "timestamp",
  "duration",
  "type",
  "uint",
  "optional",
  "cel",
]);

/** Helpers are registered under a prefix: some bear the names of CEL's own functions. */
const PREFIX = "crun_";
const MOST_ARGUMENTS = 8;
const MACROS = new Set(["default", "defined", "undefined", "mandatory"]);
const COMPREHENSIONS = new Set(["all", "exists", "exists_one", "map", "filter"]);

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

interface MacroParts {
  readonly args: readonly unknown[];
}

let scopeAtWork: Scope | undefined;

/** Made when the first condition is compiled: many plays have none, and it knows hundreds of functions. */
let environment: Environment | undefined;

function makeEnvironment(): Environment {
  const made = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  });
  const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
    "%": (a, b) => a % b,
  };
  for (const [sign, compute] of Object.entries(arithmetic)) {
    const mixed = (a: unknown, b: unknown): number => compute(Number(a), Number(b));
    made.registerOperator(`int ${sign} double: double`, mixed);
    made.registerOperator(`double ${sign} int: double`, mixed);
    if (sign === "%") made.registerOperator("double % double: double", mixed);
  }
  made.registerOperator("string in string: bool", (a: string, b: string) => b.includes(a));
  made.registerFunction(
    "string.crun_matches(string): bool",
    (text: string, pattern: string) => firstMatch(regexOf(pattern, ""), text) !== null,
  );
  registerMacros(made);
  return made;
}

/** Helpers that the environment has: each is registered when an expression first calls it. */
const registered = new Set<string>();

function registerHelper(made: Environment, name: string): void {
  const helper = helpers[name];
  if (!helper || registered.has(name)) return;
  registered.add(name);
  const handler = (...args: unknown[]): unknown => {
    if (!scopeAtWork) throw new Error("a condition is evaluated without a scope");
    const last = args.at(-1);
    const hash = args.length > helper.max && typeof last === "object" && last !== null ? fromCel(args.pop()) : {};
    return toCel(
      helper.call(args.map(fromCel), { hash: { ...(typeof hash === "object" ? hash : {}) }, scope: scopeAtWork }),
    );
  };
  for (let count = helper.min; count <= Math.min(helper.max + 1, MOST_ARGUMENTS); count++) {
    const result = helper.isPredicate && count <= helper.max ? "bool" : "dyn";
    made.registerFunction(
      `${PREFIX}${name}(${Array.from({ length: count }, () => "dyn").join(", ")}): ${result}`,
      handler,
    );
  }
}

interface Runner {
  run(node: unknown, context: unknown): unknown;
}

interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof EvaluationError &&
    (error.code === "unknown_variable" || error.code === "no_such_key" || error.code === "index_out_of_range")
  );
}

/** Functions whose first argument may be missing. */
function registerMacros(made: Environment): void {
  const value = (runner: Runner, node: unknown, context: unknown): { value: unknown } | undefined => {
    try {
      return { value: runner.run(node, context) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const macro = (
    signature: string,
    type: string,
    evaluate: (runner: Runner, args: readonly unknown[], context: unknown) => unknown,
  ): void => {
    made.registerFunction(signature, ({ args }: MacroParts) => ({
      args,
      async: false,
      typeCheck(checker: Checker, self: MacroParts, context: unknown): unknown {
        for (const one of self.args) checker.check(one, context);
        return checker.getType(type);
      },
      evaluate: (runner: Runner, self: MacroParts, context: unknown): unknown => evaluate(runner, self.args, context),
    }));
  };
  macro("default(ast, ast): dyn", "dyn", (runner, [of, other], context) => {
    const found = value(runner, of, context);
    return found ? found.value : runner.run(other, context);
  });
  macro("default(ast, ast, ast): dyn", "dyn", (runner, [of, other, flag], context) => {
    const found = value(runner, of, context);
    const isUsed = found && !(runner.run(flag, context) === true && isNothing(found.value));
    return isUsed ? found.value : runner.run(other, context);
  });
  macro("defined(ast): bool", "bool", (runner, [of], context) => value(runner, of, context) !== undefined);
  macro("undefined(ast): bool", "bool", (runner, [of], context) => value(runner, of, context) === undefined);
  macro("mandatory(ast): dyn", "dyn", (runner, [of], context) => runner.run(of, context));
}

function isNothing(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

/** The variables of a scope as CEL looks them up. */
class ScopeContext extends Map<string, unknown> {
  readonly #scope: Scope;
  constructor(scope: Scope) {
    super();
    this.#scope = scope;
  }
  override get(name: string): unknown {
    return this.#scope.has(name) ? toCel(this.#scope.get(name)) : undefined;
  }
}

/** Parses an expression. Throws a CelFault. */
export function compileCel(text: string): CelProgram {
  const known = (environment ??= makeEnvironment());
  const parsed = guarded(() => known.parse(text));
  const collector = new Collector((name) => registerHelper(known, name));
  // The library types its nodes loosely; the collector looks at each before it uses it.
  collector.visit(parsed.ast, new Set());
  return {
    references: collector.references,
    unknownCall: collector.unknownCall,
    run(scope) {
      const before = scopeAtWork;
      scopeAtWork = scope;
      try {
        return guarded(() => parsed(new ScopeContext(scope)) as unknown);
      } finally {
        scopeAtWork = before;
      }
    },
  };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof HelperError) throw new CelFault(error.message, "helper", undefined, error.remedy);
    if (error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError) {
      const cause: unknown = error.cause;
      if (cause instanceof HelperError) throw new CelFault(cause.message, "helper", error.range?.start, cause.remedy);
      throw new CelFault(error.summary.replaceAll(PREFIX, ""), error.code, error.range?.start);
    }
    throw error;
  }
}

function isNode(value: unknown): value is AstNode {
  return (
    typeof value === "object" && value !== null && "op" in value && typeof value.op === "string" && "args" in value
  );
}

/** Collects the variables of an expression and gives calls of helpers their registered names. */
class Collector {
  readonly references: CelReference[] = [];
  unknownCall: { readonly name: string; readonly index: number } | undefined;
  readonly #useHelper: (name: string) => void;

  constructor(useHelper: (name: string) => void) {
    this.#useHelper = useHelper;
  }

  visit(node: unknown, bound: ReadonlySet<string>, isOptional = false): void {
    if (Array.isArray(node)) {
      for (const one of node) this.visit(one, bound, isOptional);
      return;
    }
    if (!isNode(node)) return;
    switch (node.op) {
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
        if (Array.isArray(node.args)) this.visit(node.args, bound, isOptional);
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
    if (Object.hasOwn(helpers, name) && !(OWN_FUNCTIONS.has(name) && args.length < 2)) {
      this.#useHelper(name);
      node.args[0] = PREFIX + name;
    } else if (!OWN_FUNCTIONS.has(name) && !CEL_TYPE_NAMES.has(name))
      this.unknownCall ??= { name, index: node.start ?? node.pos ?? 0 };
    this.visit(args, bound);
  }

  #method(node: AstNode, bound: ReadonlySet<string>): void {
    if (!Array.isArray(node.args)) return;
    const [name, receiver, args]: unknown[] = node.args;
    if (typeof name !== "string" || !Array.isArray(args)) return;
    if (PYTHON_METHODS.has(name)) this.unknownCall ??= { name, index: node.pos ?? node.start ?? 0 };
    if (name === "matches") node.args[0] = `${PREFIX}matches`;
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
