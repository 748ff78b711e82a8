// Makes closures of a template's expressions: paths, literals, helpers. Strict: what is missing is an error that names it.

import { suggest } from "../../diagnostic/near.js";
import type { Scope } from "../../module/value.js";
import { contextFrame, dataOf, localOf, type Frame } from "./frame.js";
import { remedyForName } from "../scope/near-names.js";
import {
  checkCall,
  checkLiterals,
  HelperError,
  NothingThere,
  helpers,
  invoke,
  UNKNOWN,
  type HelperDefinition,
} from "../helpers/index.js";
import { absentHelper } from "../helpers/absent.js";
import { handlebarsOfJinja } from "../jinja/jinja-to-handlebars.js";
import {
  indexOf,
  TemplateFault,
  type CallNode,
  type ExpressionNode,
  type LiteralNode,
  type PathNode,
} from "./template-ast.js";
import { OMIT, textOf } from "../scope/values.js";
import type { TextOrigin } from "../yaml/source.js";

/** A variable that a template reads. `isOptional`: the template can do without it. */
export interface Reference {
  readonly name: string;
  readonly index: number;
  readonly isOptional: boolean;
  /** It may be an item's field as well: what stands around it is not known. */
  readonly isGuess?: boolean;
  /** The partial in which it stands. */
  readonly origin?: TextOrigin;
}

export type Eval = (frame: Frame) => unknown;
export type Write = (frame: Frame) => string;

/**
 * How much may be missing: nothing; the last part of a path that does not name a variable itself (`{{#if item.shell}}`); anything
 * (`{{default a "x"}}`).
 */
export type Strictness = "strict" | "lenient" | "optional";

const MISSING = undefined;

/** Names that are block params, by block, innermost last; and whether `this` is still the scope. */
export interface Lexical {
  readonly locals: ReadonlySet<string>;
  /** How many contexts deep; -1: not known (a section that may or may not change it). */
  readonly depth: number;
}

export abstract class ExpressionCompiler {
  protected readonly text: string;
  protected readonly references: Reference[] = [];
  /** No variable and no helper was met yet. */
  protected isStatic = true;

  constructor(text: string) {
    this.text = text;
  }

  /** The text that a template file of the controller gives with the variables of a scope. */
  protected abstract renderFile(path: string, text: string, scope: Scope): string;

  protected index(node: {
    readonly loc: { readonly start: { readonly line: number; readonly column: number } };
  }): number {
    return indexOf(this.text, node.loc.start);
  }

  protected fault(node: { readonly loc: PathNode["loc"] }, message: string, remedy?: string): TemplateFault {
    return new TemplateFault(this.index(node), message, { remedy, text: this.text });
  }

  /** What to write, if the mustache is Jinja. */
  protected jinja(node: { readonly loc: PathNode["loc"] }): string | undefined {
    const text = this.text.slice(indexOf(this.text, node.loc.start), indexOf(this.text, node.loc.end));
    const handlebars = handlebarsOfJinja(text.replace(/^\{\{\{?~?|~?\}\}\}?$/g, ""));
    return handlebars === undefined ? undefined : `Templates are Handlebars. Write ${handlebars}`;
  }

  protected asText(value: unknown, start?: { readonly line: number; readonly column: number }): string {
    if (typeof value === "string") return value;
    if (value === OMIT) {
      const index = start ? indexOf(this.text, start) : 0;
      throw new TemplateFault(index, "omit cannot be a part of text", {
        text: this.text,
        remedy: 'It must be the whole value: "{{default x omit}}".',
      });
    }
    return textOf(value);
  }

  protected helperName(path: PathNode): HelperDefinition | undefined {
    const name = path.parts[0];
    if (path.data || path.depth > 0 || path.parts.length !== 1 || name === undefined || path.original !== name)
      return undefined;
    return Object.hasOwn(helpers, name) ? helpers[name] : undefined;
  }

  protected callOf(node: CallNode, lexical: Lexical, strictness: Strictness = "strict"): Eval {
    // To Handlebars this name of a helper is a literal.
    const { undefined: isUndefined } = helpers;
    if (node.path.type === "UndefinedLiteral" && isUndefined) return this.call(node, isUndefined, lexical);
    if (node.path.type !== "PathExpression")
      throw this.fault(node, "a value cannot take arguments", "The helper comes first: {{helper value argument}}.");
    const helper = this.helperName(node.path);
    if (helper) return this.call(node, helper, lexical, undefined, strictness);
    if (node.path.original === "lookup") return this.lookup(node, lexical);
    throw this.fault(
      node.path,
      `there is no helper ${JSON.stringify(node.path.original)}`,
      this.#otherWord(node.path.original, node) ??
        absentHelper(node.path.original) ??
        this.jinja(node) ??
        suggest(node.path.original, [...Object.keys(helpers), "lookup"]) ??
        "A name that is followed by a value is a helper; `crun doc helpers` lists them.",
    );
  }

  /** Words that are half Handlebars, half something else. */
  #otherWord(name: string, node: CallNode): string | undefined {
    if (/^(elif|elsif|elseif)$/.test(name)) {
      const test =
        this.jinja(node)?.replace(/^.*Write \{\{/, "") ??
        this.text.slice(this.index(node.path) + name.length).split("}}")[0];
      return `Write {{else if ${(test ?? "").trim()}}}`;
    }
    const [only] = node.params;
    const endsInDot =
      only?.type === "PathExpression" &&
      only.parts.length === 0 &&
      this.text[indexOf(this.text, only.loc.start)] === ".";
    return endsInDot ? `A name does not end in a dot: {{${name}}}.` : undefined;
  }

  /** `lookup map key`: what Handlebars has built in; a missing key is an error here, the last step may be missing in blocks. */
  protected lookup(node: CallNode, lexical: Lexical, strictness: Strictness = "strict"): Eval {
    const [of, by] = node.params;
    if (!of || !by || node.params.length > 2)
      throw this.fault(node, "lookup takes a map or list and a key", "Write (lookup hostvars name).");
    const map = this.expression(of, strictness === "optional" ? "optional" : "strict", lexical);
    const key = this.expression(by, "strict", lexical);
    return (frame) => {
      const from = map(frame);
      const name = String(key(frame));
      const value = fieldOf(from, name);
      if (value === MISSING && strictness === "strict") throw this.noField(node, textOfNode(of), name, from);
      return value;
    };
  }

  protected call(
    node: CallNode,
    helper: HelperDefinition,
    lexical: Lexical,
    body?: Write,
    strictness: Strictness = "strict",
  ): Eval {
    const name = node.path.type === "PathExpression" ? node.path.original : "undefined";
    const named = node.hash?.pairs ?? [];
    const count = node.params.length + (body ? 1 : 0);
    const fault = checkCall(
      name,
      helper,
      count,
      named.map((pair) => pair.key),
    );
    if (fault) throw this.fault(node, fault.message, this.jinja(node) ?? fault.remedy);
    const written = checkLiterals(
      name,
      helper,
      [...(body ? [UNKNOWN] : []), ...node.params.map(valueOf)],
      Object.fromEntries(named.map((pair) => [pair.key, valueOf(pair.value)])),
    );
    if (written) throw this.fault(node, written.message, written.remedy);
    const params = node.params.map((one, index) =>
      this.expression(one, helper.isOptional?.(index) ? "optional" : "strict", lexical),
    );
    const pairs = named.map((pair) => [pair.key, this.expression(pair.value, "strict", lexical)] as const);
    const noHash = {};
    const readsFile = name === "template";
    return (frame) => {
      const args: unknown[] = body ? [body(frame)] : [];
      for (const param of params) args.push(param(frame));
      const hash = pairs.length === 0 ? noHash : Object.fromEntries(pairs.map(([key, value]) => [key, value(frame)]));
      const { scope } = frame;
      try {
        return invoke(
          name,
          helper,
          args,
          readsFile ? { hash, scope, renderFile: (path, text) => this.renderFile(path, text, scope) } : { hash, scope },
        );
      } catch (error) {
        if (!(error instanceof HelperError)) throw error;
        if (error instanceof NothingThere && strictness === "optional") return MISSING;
        throw this.fault(node, error.message, error.remedy);
      }
    };
  }

  protected expression(node: ExpressionNode, strictness: Strictness, lexical: Lexical): Eval {
    switch (node.type) {
      case "PathExpression":
        return this.path(node, strictness, lexical);
      case "SubExpression":
        if (node.path.type === "PathExpression" && node.path.original === "lookup")
          return this.lookup(node, lexical, strictness);
        return this.callOf(node, lexical, strictness);
      default:
        return this.literal(node);
    }
  }

  protected literal(node: LiteralNode): Eval {
    const value = node.type === "UndefinedLiteral" ? MISSING : node.type === "NullLiteral" ? null : node.value;
    return () => value;
  }

  protected path(node: PathNode, strictness: Strictness, lexical: Lexical): Eval {
    if (node.data) return this.dataPath(node, strictness);
    const [name, ...rest] = node.parts;
    if (name !== undefined && node.depth === 0 && lexical.locals.has(name) && node.original.startsWith(name)) {
      return this.fields((frame) => localOf(frame, name), name, rest, node, strictness);
    }
    const { depth } = node;
    const isRoot = lexical.depth >= 0 && depth >= lexical.depth;
    if (name !== undefined && (isRoot || lexical.depth < 0))
      this.refer(name, node, strictness === "optional", lexical.depth < 0);
    if (name === undefined) return (frame) => contextValue(contextFrame(frame, depth), frame.scope);
    const head: Eval = (frame) => {
      const at = contextFrame(frame, depth);
      if (!at.outer) {
        // Not the outermost frame's own: arguments of a partial may lie over it.
        if (frame.scope.has(name)) return frame.scope.get(name);
        if (strictness === "optional") return MISSING;
        throw this.undefinedVariable(node, name, frame.scope);
      }
      const value = fieldOf(at.context, name);
      if (value === MISSING && (strictness === "strict" || (strictness === "lenient" && rest.length > 0))) {
        throw this.notInItem(node, name, frame.scope, at.context);
      }
      return value;
    };
    return this.fields(head, name, rest, node, strictness);
  }

  protected refer(name: string, node: PathNode, isOptional: boolean, isGuess = false): void {
    const index = this.index(node);
    if (name === "vars" && node.parts[1] !== undefined)
      this.references.push({ name: node.parts[1], index, isOptional, isGuess });
    this.references.push({ name, index, isOptional, isGuess });
  }

  protected dataPath(node: PathNode, strictness: Strictness): Eval {
    const [name, ...rest] = node.parts;
    if (name === "root") {
      const [first, ...others] = rest;
      if (first === undefined) return (frame) => frame.scope.get("vars");
      this.refer(first, node, strictness === "optional");
      const head: Eval = (frame) => {
        if (frame.scope.has(first)) return frame.scope.get(first);
        if (strictness === "optional") return MISSING;
        throw this.undefinedVariable(node, first, frame.scope);
      };
      return this.fields(head, first, others, node, strictness);
    }
    const key = name ?? "";
    const head: Eval = (frame) => {
      const value = dataOf(frame, key, node.depth);
      if (value === MISSING && strictness === "strict") {
        throw this.fault(
          node,
          `@${key} is not set here`,
          "@index, @key, @first and @last are set inside {{#each}}; @root names all variables.",
        );
      }
      return value;
    };
    return this.fields(head, `@${key}`, rest, node, strictness);
  }

  protected fields(head: Eval, name: string, rest: readonly string[], node: PathNode, strictness: Strictness): Eval {
    const [only, more] = rest;
    if (only === undefined) return head;
    const last = rest.length - 1;
    if (more === undefined && strictness === "strict") {
      return (frame) => {
        const from = head(frame);
        const value = fieldOf(from, only);
        if (value === MISSING) throw this.noField(node, name, only, from);
        return value;
      };
    }
    return (frame) => {
      let value = head(frame);
      for (let index = 0; index <= last; index++) {
        const from = value;
        const part = rest[index] ?? "";
        value = fieldOf(from, part);
        if (value !== MISSING) continue;
        if (strictness === "optional" || (strictness === "lenient" && index === last)) return MISSING;
        throw this.noField(node, [name, ...rest.slice(0, index)].join("."), part, from);
      }
      return value;
    };
  }

  protected undefinedVariable(node: PathNode, name: string, scope: Scope): TemplateFault {
    const isHelper = Object.hasOwn(helpers, name);
    const near = remedyForName(name, scope.names());
    return this.fault(
      node,
      `the variable ${JSON.stringify(name)} is not defined`,
      isHelper
        ? `${name} is a helper: it wants a value, as {{${name} x}}.${near ? ` ${near}` : ""}`
        : (near ?? `Define it (vars, inventory, -e), or write {{default ${node.original} "…"}} if it may be missing.`),
    );
  }

  protected notInItem(node: PathNode, name: string, scope: Scope, context: unknown): TemplateFault {
    const remedy = scope.has(name)
      ? `Inside {{#each}} and {{#with}} names are those of the item. The variable is {{@root.${node.parts.join(".")}}}.`
      : typeof context === "object" && context !== null
        ? suggest(name, Object.keys(context))
        : "The item itself is {{this}}.";
    return this.fault(node, `the item has no ${JSON.stringify(name)}`, remedy);
  }

  protected noField(node: { readonly loc: PathNode["loc"] }, of: string, name: string, from: unknown): TemplateFault {
    if (from === null) return this.fault(node, `${of} is null: it has no ${JSON.stringify(name)}`);
    if (Array.isArray(from)) {
      const remedy = /^\d+$/.test(name)
        ? from.length === 0
          ? "It is empty."
          : `Its items are ${of}.[0] to ${of}.[${from.length - 1}].`
        : `Write ${of}.[0].${name} for the first item, map ${of} attribute="${name}" for all.`;
      return this.fault(node, `the list ${of} has ${from.length} items: there is no ${JSON.stringify(name)}`, remedy);
    }
    if (typeof from !== "object")
      return this.fault(node, `${of} is ${describe(from)}: it has no ${JSON.stringify(name)}`);
    const keys = Object.keys(from);
    const known = keys.length > 0 && keys.length <= 12 ? `It has ${keys.join(", ")}.` : undefined;
    return this.fault(node, `${of} has no ${JSON.stringify(name)}`, suggest(name, keys) ?? known);
  }
}

/** The value of a literal; UNKNOWN for what the run tells. */
function valueOf(node: ExpressionNode): unknown {
  if (node.type === "PathExpression" || node.type === "SubExpression" || node.type === "UndefinedLiteral")
    return UNKNOWN;
  return node.type === "NullLiteral" ? null : node.value;
}

function contextValue(frame: Frame, scope: Scope): unknown {
  return frame.outer ? frame.context : scope.get("vars");
}

/** An own field of a map, an item of a list, the length of text or a list; undefined where there is none. */
function fieldOf(from: unknown, name: string): unknown {
  if (from === null || from === undefined) return MISSING;
  if (typeof from === "object") return Object.hasOwn(from, name) ? Reflect.get(from, name) : MISSING;
  return typeof from === "string" && name === "length" ? from.length : MISSING;
}

function textOfNode(node: ExpressionNode): string {
  return node.type === "PathExpression" ? node.original : "the value";
}

function describe(value: unknown): string {
  return typeof value === "string" ? "text" : typeof value === "number" ? "a number" : `a ${typeof value}`;
}
