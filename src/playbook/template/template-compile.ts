// Makes closures of a Handlebars tree: text, blocks, partials; without HTML escaping, values keep their types.

import { suggest } from "../../diagnostic/near.js";
import type { Scope } from "../../module/value.js";
import { rootFrame, type Frame } from "./frame.js";
import { helpers, type HelperDefinition } from "../helpers/index.js";
import {
  indexOf,
  parseTemplate,
  TemplateFault,
  type BlockNode,
  type ExpressionNode,
  type MustacheNode,
  type PartialNode,
  type PathNode,
  type ProgramNode,
  type StatementNode,
} from "./template-ast.js";
import { ExpressionCompiler, type Eval, type Lexical, type Reference, type Write } from "./template-expression.js";
import { isEmpty } from "../scope/values.js";
import { textOrigin } from "../yaml/source.js";

export type { Reference } from "./template-expression.js";

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

/** Compiles a template. Throws a TemplateFault. */
export function compileTemplate(text: string, partials: Partials = () => undefined): CompiledTemplate {
  if (!text.includes("{{"))
    return { text, references: [], isStatic: true, evaluate: () => text, renderText: () => text };
  return new Compiler(text, partials).compile(parseTemplate(text));
}

class Compiler extends ExpressionCompiler {
  readonly #partials: Partials;

  constructor(text: string, partials: Partials) {
    super(text);
    this.#partials = partials;
  }

  protected renderFile(path: string, text: string, scope: Scope): string {
    try {
      return compileTemplate(text, this.#partials).renderText(rootFrame(scope));
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      const origin = textOrigin(path, text);
      throw origin.source.error(origin.at(error.index), error.message, error);
    }
  }

  compile(tree: ProgramNode): CompiledTemplate {
    const top: Lexical = { locals: new Set(), depth: 0 };
    const only = tree.body.length === 1 ? tree.body[0] : undefined;
    const value = only?.type === "MustacheStatement" && this.#isWhole(only) ? this.#mustache(only, top) : undefined;
    const write = value ? (frame: Frame) => this.asText(value(frame), only?.loc.start) : this.#program(tree, top);
    return {
      text: this.text,
      references: this.references,
      isStatic: this.isStatic,
      evaluate: value ? (scope) => value(rootFrame(scope)) : (scope) => write(rootFrame(scope)),
      renderText: write,
    };
  }

  /** Whitespace control may have eaten text around it: then the whole is text. */
  #isWhole(node: MustacheNode): boolean {
    return indexOf(this.text, node.loc.start) === 0 && indexOf(this.text, node.loc.end) === this.text.length;
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
        return (frame) => this.asText(value(frame), node.loc.start);
      }
      case "BlockStatement":
        this.isStatic = false;
        return this.#block(node, lexical);
      case "PartialStatement":
        this.isStatic = false;
        return this.#partial(node, lexical);
      case "PartialBlockStatement":
        throw this.fault(
          node,
          "blocks that are handed to a partial ({{#> …}}) are not supported",
          "Write {{> name}} with arguments.",
        );
      case "Decorator":
      case "DecoratorBlock":
        throw this.fault(
          node,
          "decorators ({{* …}}) are not supported",
          "Put the part into a file of its own and write {{> name}}.",
        );
    }
  }

  #mustache(node: MustacheNode, lexical: Lexical): Eval {
    if (node.path.type !== "PathExpression") {
      if (node.params.length > 0)
        throw this.fault(
          node,
          "a value cannot take arguments",
          this.jinja(node) ?? "The helper comes first: {{helper value argument}}.",
        );
      return this.literal(node.path);
    }
    this.isStatic = false;
    if (node.params.length === 0 && !node.hash) {
      const { path } = node;
      const helper = this.helperName(path);
      const name = path.parts[0] ?? "";
      if (helper?.min !== 0 || lexical.locals.has(name)) return this.path(path, "strict", lexical);
      // A variable of that name goes first: {{now}} is the helper only where nobody has defined it.
      const variable = this.path(path, "optional", lexical);
      const call = this.call(node, helper, lexical);
      return (frame) => variable(frame) ?? call(frame);
    }
    return this.callOf(node, lexical);
  }

  #block(node: BlockNode, lexical: Lexical): Write {
    if (node.path.type !== "PathExpression")
      throw this.fault(node, "a block wants a name", "Write {{#if x}} … {{/if}}.");
    const [first] = node.params;
    switch (node.path.original) {
      case "if":
      case "unless":
        return this.#if(node, node.path.original === "if", lexical);
      case "each":
      case "with":
        if (!first || node.params.length > 1) throw this.fault(node, `{{#${node.path.original}}} takes one value`);
        return node.path.original === "each" ? this.#each(node, first, lexical) : this.#with(node, first, lexical);
      case "raw":
        return this.#program(node.program, lexical);
    }
    const helper = this.helperName(node.path);
    if (helper?.isPredicate && (node.params.length > 0 || node.hash)) {
      return this.#branch(node, this.call(node, helper, lexical), lexical);
    }
    if (helper && takesBlock(helper) && (node.params.length >= helper.min - 1 || node.hash)) {
      const call = this.call(node, helper, lexical, this.#program(node.program, lexical));
      return (frame) => this.asText(call(frame), node.loc.start);
    }
    if (node.params.length > 0 || node.hash) {
      const near = suggest(node.path.original, ["if", "unless", "each", "with", "raw", ...Object.keys(helpers)]);
      throw this.fault(node, `there is no block {{#${node.path.original} …}}`, near);
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
      throw this.fault(node, `{{#${name}}} takes one value`, `Compare with a helper: {{#${name} (eq a "x")}}.`);
    }
    const test = this.expression(condition, "lenient", lexical);
    const zero = node.hash?.pairs.find((pair) => pair.key === "includeZero");
    const includesZero = zero ? this.expression(zero.value, "strict", lexical) : undefined;
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
    const list = this.expression(of, "lenient", lexical);
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
    const value = this.expression(of, "lenient", lexical);
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
    const value = this.path(path, "lenient", lexical);
    const otherwise = this.#program(node.inverse, lexical);
    const unknownDepth: Lexical = { ...this.#inner(lexical, node.program, 0), depth: -1 };
    const body = this.#program(node.program, unknownDepth);
    const iterate = this.#iterate(node, value, unknownDepth, otherwise);
    return (frame) => {
      const context = value(frame);
      if (Array.isArray(context)) return iterate(frame);
      if (context === true) return body(frame);
      if (context === false || context === null || context === undefined) return otherwise(frame);
      return body({ scope: frame.scope, outer: frame, hasContext: true, context, data: undefined, locals: undefined });
    };
  }

  #partial(node: PartialNode, lexical: Lexical): Write {
    if (node.name.type === "SubExpression") throw this.fault(node, "the name of a partial must be written out");
    const name = node.name.type === "PathExpression" ? node.name.original : String(node.name.value);
    const partial = this.#partials(name);
    if (!partial)
      throw this.fault(
        node,
        `there is no partial ${JSON.stringify(name)}`,
        `It would be ${name}.hbs in the templates directory.`,
      );
    for (const reference of partial.references) this.references.push({ ...reference, index: this.index(node) });
    const [of] = node.params;
    const context = of ? this.expression(of, "strict", lexical) : undefined;
    const pairs = (node.hash?.pairs ?? []).map(
      (pair) => [pair.key, this.expression(pair.value, "strict", lexical)] as const,
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

/** Helpers of text take a block as their text; {{#items}} … {{/items}} goes through the variable. */
function takesBlock(helper: HelperDefinition): boolean {
  return !helper.isPredicate && helper.names[0] === "text";
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
