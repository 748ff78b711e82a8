// The CEL environment of conditions: crun's helpers and operators. The only importer of cel-js.

import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from "@marcbachmann/cel-js";
import type { Scope } from "../../module/value.js";
import { fromCel, toCel } from "./cel-values.js";
import { TreeReader, type CallMistake, type CelReference, type UnknownCall } from "./cel-tree.js";
import { helpers, HelperError, invoke, limitMessage, NothingThere } from "../helpers/index.js";
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

export interface CelProgram {
  readonly references: readonly CelReference[];
  /** A function that is called but does not exist. */
  readonly unknownCall: UnknownCall | undefined;
  /** A helper that is called with too few values, or with options that it has not. */
  readonly callFault: CallMistake | undefined;
  /** Where a text stands that is a template from end to end. */
  readonly bracesIndex: number | undefined;
  run(scope: Scope): unknown;
}

/** Helpers are registered under a prefix: some bear the names of CEL's own functions. */
const PREFIX = "crun_";
/** Ends the name of a call with options. */
const OPTIONS = "_with_options";

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

/** Calls that the environment knows: each is registered when an expression first makes it. */
const registered = new Set<string>();

/** The registered name of a call of a helper, with so many values and, perhaps, a map of options behind them. */
function registerCall(made: Environment, name: string, count: number, hasOptions: boolean): string {
  const own = `${PREFIX}${name}${hasOptions ? OPTIONS : ""}`;
  const helper = helpers[name];
  if (!helper || registered.has(`${own}/${count}`)) return own;
  registered.add(`${own}/${count}`);
  const handler = (...args: unknown[]): unknown => {
    if (!scopeAtWork) throw new Error("a condition is evaluated without a scope");
    const values = args.map(fromCel);
    const last = hasOptions ? values.pop() : {};
    const hash = typeof last === "object" && last !== null ? { ...last } : {};
    return toCel(invoke(name, helper, values, { hash, scope: scopeAtWork }));
  };
  const types = Array.from({ length: count + (hasOptions ? 1 : 0) }, () => "dyn").join(", ");
  made.registerFunction(`${own}(${types}): ${helper.isPredicate ? "bool" : "dyn"}`, handler);
  return own;
}

interface Runner {
  run(node: unknown, context: unknown): unknown;
}

interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
}

const MISSING_CODES: ReadonlySet<string> = new Set(["unknown_variable", "no_such_key", "index_out_of_bounds"]);

function isMissing(error: unknown): boolean {
  if (error instanceof NothingThere) return true;
  return error instanceof EvaluationError && (MISSING_CODES.has(error.code) || error.cause instanceof NothingThere);
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
  macro("default(ast): dyn", "dyn", (runner, [of], context) => value(runner, of, context)?.value ?? "");
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
  macro("mandatory(ast, ast): dyn", "dyn", (runner, [of, message], context) => {
    const found = value(runner, of, context);
    if (!found) throw new HelperError(`mandatory: ${String(runner.run(message, context))}`);
    return found.value;
  });
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
  const reader = new TreeReader((name, count, hasOptions) =>
    name === "matches" ? `${PREFIX}matches` : registerCall(known, name, count, hasOptions),
  );
  // The library types its nodes loosely; the reader looks at each before it uses it.
  reader.visit(parsed.ast, new Set());
  return {
    references: reader.references,
    unknownCall: reader.unknownCall,
    callFault: reader.callFault,
    bracesIndex: reader.bracesIndex,
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
    if (error instanceof RangeError) throw new CelFault(limitMessage(error), "limit", undefined);
    if (error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError) {
      const cause: unknown = error.cause;
      if (cause instanceof HelperError) throw new CelFault(cause.message, "helper", error.range?.start, cause.remedy);
      throw new CelFault(error.summary.replaceAll(PREFIX, "").replaceAll(OPTIONS, ""), error.code, error.range?.start);
    }
    throw error;
  }
}
