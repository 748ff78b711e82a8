// Makes closures of a Handlebars tree: strict, without HTML escaping, values keep their types.

import { suggest } from "../diagnostic/near.js";
import type { Scope } from "../module/value.js";
import { contextFrame, dataOf, localOf, rootFrame, type Frame } from "./frame.js";
import { helpers, HelperError, type HelperDefinition } from "./helpers/index.js";
import { handlebarsOfJinja } from "./jinja-to-handlebars.js";
import {
  indexOf,
  parseTemplate,
  TemplateFault,
  type BlockNode,
  type CallNode,
  type ExpressionNode,
  type LiteralNode,
  type MustacheNode,
  type PartialNode,
  type PathNode,
  type ProgramNode,
  type StatementNode,
} from "./template-ast.js";
import { isEmpty, OMIT, textOf } from "./values.js";

/** A variable that a template reads. `isOptional`: the template can do without it. */
export interface Reference {
  readonly name: string;
  readonly index: number;
  readonly isOptional: boolean;
}

/** Templates that `{{> name}}` names; undefined where there is none. */
export type Partials = (name: string) => CompiledTemplate | undefined;

export interface CompiledTemplate {
  readonly text: string;
  readonly references: readonly Reference[];
  /** No variable, no helper: always the same text. */
  readonly isStatic: boolean;
  /** The value of the one expression that the template is, or its text. */
  evaluate(scope: Scope): unknown;
  /** Always text. */
  renderText(frame: Frame): string;
}

type Eval = (frame: Frame) => unknown;
type Write = (frame: Frame) => string;

/**
 * How much may be missing: nothing; the last part of a path that does not name a variable itself (`{{#if item.shell}}`); anything
 * (`{{default a "x"}}`).
 */
type Strictness = "strict" | "lenient" | "optional";

/** Compiles a template. Throws a TemplateFault. */
export function compileTemplate(text: string, partials: Partials = () => undefined): CompiledTemplate {
  if (!text.includes("{{"))
    return { text, references: [], isStatic: true, evaluate: () => text, renderText: () => text };
  return new Compiler(text, partials).compile(parseTemplate(text));
}

const MISSING = undefined;

/** Names that are block params, by block, innermost last; and whether `this` is still the scope. */
interface Lexical {
  readonly locals: ReadonlySet<string>;
  /** How many contexts deep; -1: not known (a section that may or may not change it). */
  readonly depth: number;
}

class Compiler {
  readonly #text: string;
  readonly #partials: Partials;
  readonly #references: Reference[] = [];
  #isStatic = true;

  constructor(text: string, partials: Partials) {
    this.#text = text;
    this.#partials = partials;
  }

  compile(tree: ProgramNode): CompiledTemplate {
    const top: Lexical = { locals: new Set(), depth: 0 };
    const only = tree.body.length === 1 ? tree.body[0] : undefined;
    const value = only?.type === "MustacheStatement" && this.#isWhole(only) ? this.#mustache(only, top) : undefined;
    const write = value ? (frame: Frame) => this.#asText(value(frame), only?.loc.start) : this.#program(tree, top);
    return {
      text: this.#text,
      references: this.#references,
      isStatic: this.#isStatic,
      evaluate: value ? (scope) => value(rootFrame(scope)) : (scope) => write(rootFrame(scope)),
      renderText: write,
    };
  }

  /** Whitespace control may have eaten text around it: then the whole is text. */
  #isWhole(node: MustacheNode): boolean {
    return indexOf(this.#text, node.loc.start) === 0 && indexOf(this.#text, node.loc.end) === this.#text.length;
  }

  #index(node: { readonly loc: { readonly start: { readonly line: number; readonly column: number } } }): number {
    return indexOf(this.#text, node.loc.start);
  }

  #fault(node: { readonly loc: PathNode["loc"] }, message: string, remedy?: string): TemplateFault {
    return new TemplateFault(this.#index(node), message, { remedy });
  }

  /** What to write, if the mustache is Jinja. */
  #jinja(node: { readonly loc: PathNode["loc"] }): string | undefined {
    const text = this.#text.slice(indexOf(this.#text, node.loc.start), indexOf(this.#text, node.loc.end));
    const handlebars = handlebarsOfJinja(text.replace(/^\{\{\{?~?|~?\}\}\}?$/g, ""));
    return handlebars === undefined ? undefined : `Templates are Handlebars. Write ${handlebars}`;
  }

  #asText(value: unknown, start?: { readonly line: number; readonly column: number }): string {
    if (typeof value === "string") return value;
    if (value === OMIT) {
      const index = start ? indexOf(this.#text, start) : 0;
      throw new TemplateFault(index, "omit cannot be a part of text", {
        remedy: 'It must be the whole value: "{{default x omit}}".',
      });
    }
    return textOf(value);
  }

  #program(node: ProgramNode | undefined, lexical: Lexical): Write {
    const parts = (node?.body ?? []).map((one) => this.#statement(one, lexical)).filter((one) => one !== undefined);
    const [first, second] = parts;
    if (!first) return () => "";
    if (!second) return first;
    return (frame) => {
      let text = "";
      for (const part of parts) text += part(frame);
      return text;
    };
  }

  #statement(node: StatementNode, lexical: Lexical): Write | undefined {
    switch (node.type) {
      case "ContentStatement": {
        const { value } = node;
        return value === "" ? undefined : () => value;
      }
      case "CommentStatement":
        return undefined;
      case "MustacheStatement": {
        const value = this.#mustache(node, lexical);
        return (frame) => this.#asText(value(frame), node.loc.start);
      }
      case "BlockStatement":
        this.#isStatic = false;
        return this.#block(node, lexical);
      case "PartialStatement":
        this.#isStatic = false;
        return this.#partial(node, lexical);
      case "PartialBlockStatement":
        throw this.#fault(
          node,
          "blocks that are handed to a partial ({{#> …}}) are not supported",
          "Write {{> name}} with arguments.",
        );
      case "Decorator":
      case "DecoratorBlock":
        throw this.#fault(
          node,
          "decorators ({{* …}}) are not supported",
          "Put the part into a file of its own and write {{> name}}.",
        );
    }
  }

  #mustache(node: MustacheNode, lexical: Lexical): Eval {
    if (node.path.type !== "PathExpression") {
      if (node.params.length > 0)
        throw this.#fault(
          node,
          "a value cannot take arguments",
          this.#jinja(node) ?? "The helper comes first: {{helper value argument}}.",
        );
      return this.#literal(node.path);
    }
    this.#isStatic = false;
    if (node.params.length === 0 && !node.hash) {
      const { path } = node;
      const helper = this.#helperName(path);
      const takesNothing = helper !== undefined && helper.min === 0 && !lexical.locals.has(path.parts[0] ?? "");
      if (takesNothing && path.parts.length === 1) return this.#call(node, helper, lexical);
      return this.#path(path, "strict", lexical);
    }
    return this.#callOf(node, lexical);
  }

  #helperName(path: PathNode): HelperDefinition | undefined {
    const name = path.parts[0];
    if (path.data || path.depth > 0 || path.parts.length !== 1 || name === undefined || path.original !== name)
      return undefined;
    return Object.hasOwn(helpers, name) ? helpers[name] : undefined;
  }

  #callOf(node: CallNode, lexical: Lexical): Eval {
    if (node.path.type !== "PathExpression")
      throw this.#fault(node, "a value cannot take arguments", "The helper comes first: {{helper value argument}}.");
    const helper = this.#helperName(node.path);
    if (helper) return this.#call(node, helper, lexical);
    if (node.path.original === "lookup") return this.#lookup(node, lexical);
    throw this.#fault(
      node.path,
      `there is no helper ${JSON.stringify(node.path.original)}`,
      this.#jinja(node) ??
        suggest(node.path.original, [...Object.keys(helpers), "lookup"]) ??
        "A name that is followed by a value is a helper; `crun doc --helpers` lists them.",
    );
  }

  /** `lookup map key`: what Handlebars has built in; a missing key is an error here, the last step may be missing in blocks. */
  #lookup(node: CallNode, lexical: Lexical, strictness: Strictness = "strict"): Eval {
    const [of, by] = node.params;
    if (!of || !by || node.params.length > 2)
      throw this.#fault(node, "lookup takes a map or list and a key", "Write (lookup hostvars name).");
    const map = this.#expression(of, strictness === "optional" ? "optional" : "strict", lexical);
    const key = this.#expression(by, "strict", lexical);
    return (frame) => {
      const from = map(frame);
      const name = String(key(frame));
      const value = fieldOf(from, name);
      if (value === MISSING && strictness === "strict") throw this.#noField(node, textOfNode(of), name, from);
      return value;
    };
  }

  #call(node: CallNode, helper: HelperDefinition, lexical: Lexical, body?: Write): Eval {
    const count = node.params.length + (body ? 1 : 0);
    const name = node.path.type === "PathExpression" ? node.path.original : "";
    if (count < helper.min || count > helper.max)
      throw this.#fault(node, `${name} takes ${helper.args}`, `Write {{${name} ${helper.args}}}.`);
    const params = node.params.map((one, index) =>
      this.#expression(one, helper.isOptional?.(index) ? "optional" : "strict", lexical),
    );
    const pairs = (node.hash?.pairs ?? []).map(
      (pair) => [pair.key, this.#expression(pair.value, "strict", lexical)] as const,
    );
    const { call } = helper;
    const noHash = {};
    return (frame) => {
      const args: unknown[] = body ? [body(frame)] : [];
      for (const param of params) args.push(param(frame));
      const hash = pairs.length === 0 ? noHash : Object.fromEntries(pairs.map(([key, value]) => [key, value(frame)]));
      try {
        return call(args, { hash, scope: frame.scope });
      } catch (error) {
        if (!(error instanceof HelperError)) throw error;
        throw this.#fault(node, `${name}: ${error.message}`, error.remedy);
      }
    };
  }

  #expression(node: ExpressionNode, strictness: Strictness, lexical: Lexical): Eval {
    switch (node.type) {
      case "PathExpression":
        return this.#path(node, strictness, lexical);
      case "SubExpression":
        if (node.path.type === "PathExpression" && node.path.original === "lookup")
          return this.#lookup(node, lexical, strictness);
        return this.#callOf(node, lexical);
      default:
        return this.#literal(node);
    }
  }

  #literal(node: LiteralNode): Eval {
    const value = node.type === "UndefinedLiteral" ? MISSING : node.type === "NullLiteral" ? null : node.value;
    return () => value;
  }

  #path(node: PathNode, strictness: Strictness, lexical: Lexical): Eval {
    if (node.data) return this.#dataPath(node, strictness);
    const [name, ...rest] = node.parts;
    if (name !== undefined && node.depth === 0 && lexical.locals.has(name) && node.original.startsWith(name)) {
      return this.#fields((frame) => localOf(frame, name), name, rest, node, strictness);
    }
    const { depth } = node;
    const isRoot = lexical.depth >= 0 && depth >= lexical.depth;
    if (name !== undefined && lexical.depth >= 0 && isRoot) this.#refer(name, node, strictness === "optional");
    if (name === undefined) return (frame) => contextValue(contextFrame(frame, depth));
    const head: Eval = (frame) => {
      const at = contextFrame(frame, depth);
      if (!at.outer) {
        if (at.scope.has(name)) return at.scope.get(name);
        if (strictness === "optional") return MISSING;
        throw this.#undefinedVariable(node, name, frame.scope);
      }
      const value = fieldOf(at.context, name);
      if (value === MISSING && (strictness === "strict" || (strictness === "lenient" && rest.length > 0))) {
        throw this.#notInItem(node, name, frame.scope, at.context);
      }
      return value;
    };
    return this.#fields(head, name, rest, node, strictness);
  }

  #refer(name: string, node: PathNode, isOptional: boolean): void {
    const index = this.#index(node);
    if (name === "vars" && node.parts[1] !== undefined)
      this.#references.push({ name: node.parts[1], index, isOptional });
    this.#references.push({ name, index, isOptional });
  }

  #dataPath(node: PathNode, strictness: Strictness): Eval {
    const [name, ...rest] = node.parts;
    if (name === "root") {
      const [first, ...others] = rest;
      if (first === undefined) return (frame) => frame.scope.get("vars");
      this.#refer(first, node, strictness === "optional");
      const head: Eval = (frame) => {
        if (frame.scope.has(first)) return frame.scope.get(first);
        if (strictness === "optional") return MISSING;
        throw this.#undefinedVariable(node, first, frame.scope);
      };
      return this.#fields(head, first, others, node, strictness);
    }
    const key = name ?? "";
    const head: Eval = (frame) => {
      const value = dataOf(frame, key, node.depth);
      if (value === MISSING && strictness === "strict") {
        throw this.#fault(
          node,
          `@${key} is not set here`,
          "@index, @key, @first and @last are set inside {{#each}}; @root names all variables.",
        );
      }
      return value;
    };
    return this.#fields(head, `@${key}`, rest, node, strictness);
  }

  #fields(head: Eval, name: string, rest: readonly string[], node: PathNode, strictness: Strictness): Eval {
    const [only, more] = rest;
    if (only === undefined) return head;
    const last = rest.length - 1;
    if (more === undefined && strictness === "strict") {
      return (frame) => {
        const from = head(frame);
        const value = fieldOf(from, only);
        if (value === MISSING) throw this.#noField(node, name, only, from);
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
        throw this.#noField(node, [name, ...rest.slice(0, index)].join("."), part, from);
      }
      return value;
    };
  }

  #undefinedVariable(node: PathNode, name: string, scope: Scope): TemplateFault {
    const helper = Object.hasOwn(helpers, name) ? ` ${name} is a helper: it wants a value, as {{${name} x}}.` : "";
    const near = suggest(name, scope.names());
    return this.#fault(
      node,
      `the variable ${JSON.stringify(name)} is not defined`,
      `${near ?? `Define it (vars, inventory, -e), or write {{default ${node.original} "…"}} if it may be missing.`}${helper}`,
    );
  }

  #notInItem(node: PathNode, name: string, scope: Scope, context: unknown): TemplateFault {
    const remedy = scope.has(name)
      ? `Inside {{#each}} and {{#with}} names are those of the item. The variable is {{@root.${node.parts.join(".")}}}.`
      : typeof context === "object" && context !== null
        ? suggest(name, Object.keys(context))
        : "The item itself is {{this}}.";
    return this.#fault(node, `the item has no ${JSON.stringify(name)}`, remedy);
  }

  #noField(node: { readonly loc: PathNode["loc"] }, of: string, name: string, from: unknown): TemplateFault {
    if (from === null) return this.#fault(node, `${of} is null: it has no ${JSON.stringify(name)}`);
    if (Array.isArray(from)) {
      return this.#fault(
        node,
        `the list ${of} has ${from.length} items: there is no ${JSON.stringify(name)}`,
        `Write ${of}.[0] for the first item.`,
      );
    }
    if (typeof from !== "object")
      return this.#fault(node, `${of} is ${describe(from)}: it has no ${JSON.stringify(name)}`);
    const keys = Object.keys(from);
    const known = keys.length > 0 && keys.length <= 12 ? `It has ${keys.join(", ")}.` : undefined;
    return this.#fault(node, `${of} has no ${JSON.stringify(name)}`, suggest(name, keys) ?? known);
  }

  #block(node: BlockNode, lexical: Lexical): Write {
    if (node.path.type !== "PathExpression")
      throw this.#fault(node, "a block wants a name", "Write {{#if x}} … {{/if}}.");
    const [first] = node.params;
    switch (node.path.original) {
      case "if":
      case "unless":
        return this.#if(node, node.path.original === "if", lexical);
      case "each":
      case "with":
        if (!first || node.params.length > 1) throw this.#fault(node, `{{#${node.path.original}}} takes one value`);
        return node.path.original === "each" ? this.#each(node, first, lexical) : this.#with(node, first, lexical);
      case "raw":
        return this.#program(node.program, lexical);
    }
    const helper = this.#helperName(node.path);
    if (helper?.isPredicate && (node.params.length > 0 || node.hash)) {
      return this.#branch(node, this.#call(node, helper, lexical), lexical);
    }
    if (helper && (node.params.length >= helper.min - 1 || node.hash) && !helper.isPredicate) {
      const call = this.#call(node, helper, lexical, this.#program(node.program, lexical));
      return (frame) => this.#asText(call(frame), node.loc.start);
    }
    if (node.params.length > 0 || node.hash) {
      const near = suggest(node.path.original, ["if", "unless", "each", "with", "raw", ...Object.keys(helpers)]);
      throw this.#fault(node, `there is no block {{#${node.path.original} …}}`, near);
    }
    return this.#section(node, node.path, lexical);
  }

  #branch(node: BlockNode, test: Eval, lexical: Lexical): Write {
    const then = this.#program(node.program, lexical);
    const otherwise = this.#program(node.inverse, lexical);
    return (frame) => (isEmpty(test(frame)) ? otherwise(frame) : then(frame));
  }

  #if(node: BlockNode, wanted: boolean, lexical: Lexical): Write {
    const name = wanted ? "if" : "unless";
    const [condition] = node.params;
    if (!condition || node.params.length > 1) {
      throw this.#fault(node, `{{#${name}}} takes one value`, `Compare with a helper: {{#${name} (eq a "x")}}.`);
    }
    const test = this.#expression(condition, "lenient", lexical);
    const zero = node.hash?.pairs.find((pair) => pair.key === "includeZero");
    const includesZero = zero ? this.#expression(zero.value, "strict", lexical) : undefined;
    const then = this.#program(node.program, lexical);
    const otherwise = this.#program(node.inverse, lexical);
    return (frame) => {
      const value = test(frame);
      const isTrue = !isEmpty(value) || (value === 0 && Boolean(includesZero?.(frame)));
      return isTrue === wanted ? then(frame) : otherwise(frame);
    };
  }

  #inner(lexical: Lexical, node: ProgramNode | undefined, deeper: number): Lexical {
    const locals = node?.blockParams?.length ? new Set([...lexical.locals, ...node.blockParams]) : lexical.locals;
    return { locals, depth: lexical.depth < 0 ? -1 : lexical.depth + deeper };
  }

  #each(node: BlockNode, of: ExpressionNode, lexical: Lexical): Write {
    const list = this.#expression(of, "lenient", lexical);
    return this.#iterate(node, list, this.#inner(lexical, node.program, 1), this.#program(node.inverse, lexical));
  }

  #iterate(node: BlockNode, list: Eval, inner: Lexical, otherwise: Write): Write {
    const body = this.#program(node.program, inner);
    const params = node.program?.blockParams ?? [];
    return (frame) => {
      const value = list(frame);
      const entries = entriesOf(value);
      if (entries.length === 0) return otherwise(frame);
      let text = "";
      for (const [index, [key, item]] of entries.entries()) {
        const data = new Map<string, unknown>([
          ["key", key],
          ["index", index],
          ["first", index === 0],
          ["last", index === entries.length - 1],
        ]);
        const locals =
          params.length === 0 ? undefined : new Map(params.map((name, at) => [name, at === 0 ? item : key]));
        text += body({ scope: frame.scope, outer: frame, hasContext: true, context: item, data, locals });
      }
      return text;
    };
  }

  #with(node: BlockNode, of: ExpressionNode, lexical: Lexical): Write {
    const value = this.#expression(of, "lenient", lexical);
    const then = this.#program(node.program, this.#inner(lexical, node.program, 1));
    const otherwise = this.#program(node.inverse, lexical);
    const [param] = node.program?.blockParams ?? [];
    return (frame) => {
      const context = value(frame);
      if (isEmpty(context) && context !== 0) return otherwise(frame);
      const locals = param === undefined ? undefined : new Map([[param, context]]);
      return then({ scope: frame.scope, outer: frame, hasContext: true, context, data: undefined, locals });
    };
  }

  /** `{{#x}}…{{/x}}`: a list is walked, true keeps the context, a map becomes it, anything empty is the `{{else}}`. */
  #section(node: BlockNode, path: PathNode, lexical: Lexical): Write {
    const value = this.#path(path, "lenient", lexical);
    const otherwise = this.#program(node.inverse, lexical);
    const unknownDepth: Lexical = { ...this.#inner(lexical, node.program, 0), depth: -1 };
    const body = this.#program(node.program, unknownDepth);
    const iterate = this.#iterate(node, value, unknownDepth, otherwise);
    return (frame) => {
      const context = value(frame);
      if (Array.isArray(context)) return iterate(frame);
      if (context === true) return body(frame);
      if (context === false || context === null || context === MISSING) return otherwise(frame);
      return body({ scope: frame.scope, outer: frame, hasContext: true, context, data: undefined, locals: undefined });
    };
  }

  #partial(node: PartialNode, lexical: Lexical): Write {
    if (node.name.type === "SubExpression") throw this.#fault(node, "the name of a partial must be written out");
    const name = node.name.type === "PathExpression" ? node.name.original : String(node.name.value);
    const partial = this.#partials(name);
    if (!partial)
      throw this.#fault(
        node,
        `there is no partial ${JSON.stringify(name)}`,
        `It would be ${name}.hbs in the templates directory.`,
      );
    for (const reference of partial.references) this.#references.push({ ...reference, index: this.#index(node) });
    const [of] = node.params;
    const context = of ? this.#expression(of, "strict", lexical) : undefined;
    const pairs = (node.hash?.pairs ?? []).map(
      (pair) => [pair.key, this.#expression(pair.value, "strict", lexical)] as const,
    );
    const { indent } = node;
    return (frame) => {
      let scope = frame.scope;
      if (pairs.length > 0) {
        const values = new Map(pairs.map(([key, value]) => [key, { raw: value(frame) }]));
        scope = scope.with({
          origin: `arguments of ${name}`,
          get: (key) => values.get(key),
          names: () => values.keys(),
        });
      }
      const inner: Frame = context
        ? { ...rootFrame(scope), outer: rootFrame(scope), context: context(frame) }
        : { ...frame, scope };
      const text = partial.renderText(inner);
      return indent === "" ? text : text.replace(/^(?=[\s\S])/gm, indent);
    };
  }
}

function contextValue(frame: Frame): unknown {
  return frame.outer ? frame.context : frame.scope.get("vars");
}

/** An own field of a map, an item of a list, the length of text or a list; undefined where there is none. */
function fieldOf(from: unknown, name: string): unknown {
  if (from === null || from === undefined) return MISSING;
  if (typeof from === "object") return Object.hasOwn(from, name) ? Reflect.get(from, name) : MISSING;
  return typeof from === "string" && name === "length" ? from.length : MISSING;
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function textOfNode(node: ExpressionNode): string {
  return node.type === "PathExpression" ? node.original : "the value";
}

function describe(value: unknown): string {
  return typeof value === "string" ? "text" : typeof value === "number" ? "a number" : `a ${typeof value}`;
}
