// Conditions and expressions of a playbook: CEL with errors that show the place and what to write.

import type { CrunError, Place } from "../../diagnostic/diagnostic.js";
import { suggest } from "../../diagnostic/near.js";
import type { Expression, Scope } from "../../module/value.js";
import { CelFault, compileCel, type CelProgram } from "./cel.js";
import { CEL_TYPE_NAMES } from "./cel-names.js";
import { absentHelper } from "../helpers/absent.js";
import { fromCel } from "./cel-values.js";
import { helpers } from "../helpers/index.js";
import { parseJinja } from "../jinja/jinja.js";
import { absentWord } from "../jinja/jinja-tree.js";
import { celOfJinja } from "../jinja/jinja-to-cel.js";
import { textOrigin, type TextOrigin } from "../yaml/source.js";
import { remedyForName } from "../scope/near-names.js";
import type { PlacedReference } from "../template/template.js";
import { describeValue } from "../scope/values.js";
import { originOf, placeOf, type YamlNode } from "../yaml/yaml.js";

/** A condition that can say where the variables stand that it reads. */
export interface Condition extends Expression {
  readonly references: readonly PlacedReference[];
}

const programs = new Map<string, CelProgram>();

/** Compiles the CEL text of a condition. Throws a CrunError that shows the CEL to write where it is Jinja. */
export function conditionOfText(text: string, origin: TextOrigin): Condition {
  return new CelCondition(text, origin, programOf(text, origin));
}

/** The condition or conditions of `when`, `until`, …: text, a boolean, or a list of them. Throws a CrunError. */
export function conditionsOf(node: YamlNode, keyword: string): Condition[] {
  if (node.kind === "list") return node.items.flatMap((one) => conditionsOf(one, keyword));
  const place = placeOf(node);
  if (node.kind === "map") {
    throw node.source.error(place, `${keyword} takes a condition, not a map`, {
      remedy: `Write ${keyword}: 'size(x) > 0', in quotes where it has a colon or begins with a brace.`,
    });
  }
  const { value } = node;
  if (typeof value === "boolean") return [new Constant(value, place)];
  if (typeof value === "string" && value.trim() !== "") return [conditionOfText(value, originOf(node))];
  if (value === null || value === "") return [];
  throw node.source.error(place, `${keyword} must be a condition, not ${describeValue(value)}`);
}

/** A condition of text that stands in no file; `name` stands for it. */
export function conditionOf(name: string, text: string): Condition {
  return conditionOfText(text, textOrigin(name, text));
}

class Constant implements Condition {
  readonly names: ReadonlySet<string> = new Set();
  readonly references = [];
  readonly text: string;
  readonly place: Place;
  readonly #value: boolean;
  constructor(value: boolean, place: Place) {
    this.#value = value;
    this.text = String(value);
    this.place = place;
  }
  evaluate(): boolean {
    return this.#value;
  }
  test(): boolean {
    return this.#value;
  }
}

class CelCondition implements Condition {
  readonly text: string;
  readonly place: Place;
  readonly names: ReadonlySet<string>;
  readonly #origin: TextOrigin;
  readonly #program: CelProgram;

  constructor(text: string, origin: TextOrigin, program: CelProgram) {
    this.text = text;
    this.#origin = origin;
    this.#program = program;
    this.place = origin.place;
    this.names = new Set(program.references.map((one) => one.name));
  }

  get references(): PlacedReference[] {
    return this.#program.references.map((one) => ({ ...one, origin: this.#origin }));
  }

  evaluate(scope: Scope): unknown {
    return fromCel(this.#run(scope));
  }

  test(scope: Scope): boolean {
    const value = this.#run(scope);
    if (typeof value === "boolean") return value;
    const name = this.text.trim();
    if (CEL_TYPE_NAMES.has(name))
      throw at(
        this.#origin,
        0,
        `${JSON.stringify(name)} is the name of a type in CEL`,
        `The variable is vars.${name}.`,
      );
    const given = fromCel(value);
    throw at(
      this.#origin,
      0,
      `the condition ${JSON.stringify(this.text)} gives ${describeValue(given)}, not true or false`,
      remedyForValue(given, this.text),
    );
  }

  #run(scope: Scope): unknown {
    try {
      return this.#program.run(scope);
    } catch (error) {
      if (error instanceof CelFault) throw explain(error, this.text, this.#origin, scope);
      throw error;
    }
  }
}

function at(origin: TextOrigin, index: number, summary: string, remedy?: string): CrunError {
  return origin.source.error(origin.at(index), summary, { remedy });
}

function programOf(text: string, origin: TextOrigin): CelProgram {
  const before = programs.get(text);
  if (before) return before;
  let program: CelProgram;
  try {
    program = compileCel(text);
  } catch (error) {
    if (error instanceof CelFault) throw explainSyntax(error, text, origin);
    throw error;
  }
  if (program.unknownCall) {
    const { name, index } = program.unknownCall;
    throw at(
      origin,
      index,
      `there is no function ${JSON.stringify(name)}`,
      rewritten(text) ??
        absentHelper(name)?.replace(/\{\{(\w+) [^}]*\}\}/g, "$1(…)") ??
        suggest(name, [...Object.keys(helpers), "has", "size", "type", "double"]) ??
        'Functions take the value first: lower(x), split(x, ","); text has startsWith, endsWith, contains and matches.',
    );
  }
  if (program.bracesIndex !== undefined) {
    const bare = text.replace(/(["'])\s*\{\{\s*([^}]*?)\s*\}\}\s*\1/g, "$2");
    throw at(
      origin,
      program.bracesIndex,
      "a template inside a text is not rendered here",
      `Conditions read variables by their names. Write ${bare}`,
    );
  }
  if (program.callFault) {
    const { message, index, remedy } = program.callFault;
    throw at(origin, index, message, remedy);
  }
  programs.set(text, program);
  return program;
}

function rewritten(text: string): string | undefined {
  const cel = celOfJinja(text);
  if (cel === undefined || bare(cel) === bare(text) || !isCel(cel)) return undefined;
  return `Conditions are CEL. Write ${cel}`;
}

/** Without blanks and the kind of quotes: what is left must differ for a remedy. */
function bare(text: string): string {
  return text.replace(/['"\s]/g, "");
}

function isCel(text: string): boolean {
  try {
    return compileCel(text).unknownCall === undefined;
  } catch (error) {
    if (error instanceof CelFault) return false;
    throw error;
  }
}

function explainSyntax(fault: CelFault, text: string, origin: TextOrigin): CrunError {
  const tree = parseJinja(text);
  const absent = tree && absentWord(tree);
  const remedy = absent === undefined ? rewritten(text) : `Conditions are CEL. ${absent}`;
  if (/^\s*\{\{[\s\S]*\}\}\s*$/.test(text)) {
    return at(
      origin,
      0,
      "an expression stands here without braces around it",
      remedy ?? `Write ${text.replace(/^\s*\{\{\s*|\s*\}\}\s*$/g, "")}`,
    );
  }
  if (text.includes("{{"))
    return at(
      origin,
      text.indexOf("{{"),
      "an expression stands here without braces inside it",
      remedy ?? "Write the variable's name alone.",
    );
  const start = Math.min(fault.start ?? 0, text.length);
  const sign = /=~|!~|===|!==|<>/.exec(text);
  if (sign && start >= sign.index && start <= sign.index + sign[0].length)
    return at(origin, sign.index, `${sign[0]} is no operator of CEL`, remedy ?? otherOperator(text, sign[0]));
  if (/^\s*if\s/.test(text))
    return at(origin, 0, "a condition stands without if", `Write ${text.replace(/^\s*if\s+/, "")}`);
  if (/^\s*[^=!<>]*[^=!<>]=[^=]/.test(text) && text[start] === "=")
    return at(origin, start, "= does not compare", "Write ==.");
  const reserved = /^reserved identifier: (\w+)/i.exec(fault.message)?.[1];
  if (reserved)
    return at(origin, start, `${JSON.stringify(reserved)} is a word of CEL`, `The variable is vars.${reserved}.`);
  if (remedy) return at(origin, start, `${JSON.stringify(text.trim())} is no CEL expression`, remedy);
  return at(
    origin,
    start,
    `this is no CEL expression: ${readable(fault.message)}`,
    'Conditions are CEL: a == "x" && (b > 1 || !c), x in [1, 2], has(vars.x), size(list) > 0.',
  );
}

function otherOperator(text: string, sign: string): string {
  const [left = "", right = ""] = text.split(sign).map((one) => one.trim());
  if (sign === "=~") return `Write ${left}.matches(${right})`;
  if (sign === "!~") return `Write !${left}.matches(${right})`;
  return `Write ${left} ${sign === "===" ? "==" : "!="} ${right}`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

const TOKENS: Readonly<Record<string, string>> = {
  RBRACKET: "]",
  RPAREN: ")",
  RBRACE: "}",
  LBRACKET: "[",
  LPAREN: "(",
  LBRACE: "{",
  COLON: ":",
  COMMA: ",",
  IDENTIFIER: "a name",
  EOF: "the end",
  IN: "in",
  GT: ">",
  LT: "<",
  GE: ">=",
  LE: "<=",
  EQ: "==",
  NE: "!=",
  OR: "||",
  AND: "&&",
  DOT: "a dot",
  PLUS: "+",
  MINUS: "-",
};

function readable(message: string): string {
  return lowerFirst(message).replace(/\b[A-Z]{2,}\b/g, (token) => TOKENS[token] ?? token);
}

const PYTHON_WORDS: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null", none: "null" };

function explain(fault: CelFault, text: string, origin: TextOrigin, scope: Scope): CrunError {
  const index = fault.start ?? 0;
  const jinja = rewritten(text);
  const bounds = /index (\d+) >= size (\d+)/.exec(fault.message);
  if (bounds) {
    const remedy = `If it may be missing, ask first: size(…) > ${bounds[1]} && …`;
    return at(origin, index, `the list has ${bounds[2]} items: there is no [${bounds[1]}]`, remedy);
  }
  switch (fault.code) {
    case "unknown_variable": {
      const name = fault.message.replace(/^Unknown variable: /, "");
      const word = Object.hasOwn(PYTHON_WORDS, name) ? PYTHON_WORDS[name] : undefined;
      if (word !== undefined) return at(origin, index, `${name} is no word of CEL`, `Write ${word}.`);
      return at(
        origin,
        index,
        `the variable ${JSON.stringify(name)} is not defined`,
        remedyForName(name, scope.names()) ??
          `If it may be missing, ask first: has(vars.${name}) && …, or write default(${name}, …).`,
      );
    }
    case "no_such_key": {
      const name = fault.message.replace(/^No such key: /, "");
      const path = new RegExp(`[\\w.\\[\\]"']+\\.${name}\\b`).exec(text)?.[0];
      return at(
        origin,
        index,
        `there is no ${JSON.stringify(name)}${path ? ` in ${path.slice(0, -name.length - 1)}` : ""}`,
        path ? `If it may be missing, ask first: has(${path}) && …` : undefined,
      );
    }
    case "no_such_overload":
    case "no_matching_overload":
      return at(origin, index, lowerFirst(overload(fault.message)), jinja ?? remedyForOverload(fault.message));
    case "invalid_logical_operand":
    case "invalid_condition_type":
      return at(
        origin,
        index,
        lowerFirst(fault.message)
          .replace(/^logical operator requires bool operands/, "&& and || take booleans")
          .replace(/got '(\w+)'$/, (_, type: string) => `not ${kindName(type)}`),
        jinja ?? '&&, || and ! take booleans: compare (x != "", size(x) > 0), or write bool(x).',
      );
    default:
      if (fault.message.startsWith("has() invalid")) {
        const name = /\bhas\(\s*(\w+)\s*\)/.exec(text)?.[1];
        return at(
          origin,
          index,
          "has takes a field",
          `Write has(vars.${name === undefined || name === "vars" ? "x" : name}), or has(map.field).`,
        );
      }
      return at(origin, index, lowerFirst(fault.message), fault.remedy ?? jinja);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  int: "a number",
  double: "a number",
  bool: "a boolean",
  list: "a list",
  map: "a map",
  null: "null",
  dyn: "a value",
  type: "a type",
};

function kindName(type: string): string {
  const bare = type
    .trim()
    .replace(/^dyn<(.*)>$/, "$1")
    .replace(/<.*$/, "");
  return Object.hasOwn(KINDS, bare) ? (KINDS[bare] ?? bare) : bare;
}

function overload(message: string): string {
  const binary = /^no such overload: (.+?) (==|!=|<=|>=|<|>|\+|-|\*|\/|%|in) (.+)$/.exec(message);
  if (binary) return `${kindName(binary[1] ?? "")} ${binary[2]} ${kindName(binary[3] ?? "")} is not possible`;
  const unary = /^no such overload: ([!-])(.+)$/.exec(message);
  if (unary) return `${unary[1]} does not go with ${kindName(unary[2] ?? "")}`;
  const call = /^found no matching overload for '(?:(.*?)\.)?(\w+)\((.*)\)'$/.exec(message);
  if (call) {
    const args = (call[3] ?? "")
      .split(/,\s*(?![^<]*>)/)
      .filter((one) => one !== "")
      .map(kindName)
      .join(", ");
    return call[1] === undefined
      ? `${call[2]}(${args}) is not possible`
      : `${kindName(call[1])} has no method ${call[2]}(${args})`;
  }
  return message;
}

function remedyForOverload(message: string): string | undefined {
  if (/: (type) |(==|!=|<|>|in) type$/.test(message))
    return `${[...CEL_TYPE_NAMES].slice(0, 4).join(", ")}, … are names of types in CEL: a variable so named is vars.list, vars.map, …`;
  if (/string.*(<|>|\+|-).*(int|double)|(int|double).*(<|>|\+|-).*string/.test(message))
    return "Convert one side: int(x), double(x) or string(x).";
  if (/overload: !/.test(message)) return '! takes a boolean: write x == "", size(x) == 0, or !bool(x).';
  const going = /'.*\.(all|exists|exists_one|filter|map)\(/.exec(message)?.[1];
  if (going) return `Write x.${going}(one, …): a name for the item, then what is asked of it.`;
  if (/'list.*\.contains\(/.test(message)) return "In a list: value in x.";
  if (/'size\(/.test(message)) return "size takes text, a list or a map.";
  if (/'.*\..*\(/.test(message))
    return 'Helpers take the value first: lower(x), split(x, ","). Text itself has startsWith, endsWith, contains, matches.';
  return undefined;
}

function remedyForValue(value: unknown, text: string): string {
  const name = /^[\w.]+$/.test(text) ? text : "…";
  if (typeof value === "string")
    return `Write ${name === "…" ? "a comparison" : `${name} != ""`}, or bool(${name}) for words like yes and no.`;
  if (typeof value === "number") return `Write ${name} != 0.`;
  if (value === null) return `Write ${name} != null.`;
  if (Array.isArray(value) || typeof value === "object") return `Write size(${name}) > 0.`;
  return "Write a comparison.";
}
