// Makes closures of a template's blocks: if, unless, each, with, helpers as blocks, sections.

import { suggest } from "../../diagnostic/near.js";
import { helpers, type HelperDefinition } from "../helpers/index.js";
import { remedyForBlock } from "../jinja/jinja-to-handlebars.js";
import { isEmpty } from "../scope/values.js";
import type { BlockNode, ExpressionNode, PathNode, ProgramNode } from "./template-ast.js";
import { ExpressionCompiler, type Eval, type Lexical, type Write } from "./template-expression.js";

export abstract class BlockCompiler extends ExpressionCompiler {
  /** The text that the statements of a program give. */
  protected abstract program(node: ProgramNode | undefined, lexical: Lexical): Write;

  /** What stands between the braces that open a block. */
  private opening(node: BlockNode): string {
    const text = this.text.slice(this.index(node));
    return /^\{\{[~#^{]*([\s\S]*?)~?\}\}/.exec(text)?.[1] ?? "";
  }

  protected block(node: BlockNode, lexical: Lexical): Write {
    if (node.path.type !== "PathExpression")
      throw this.fault(node, "a block wants a name", "Write {{#if x}} … {{/if}}.");
    const [first] = node.params;
    switch (node.path.original) {
      case "if":
      case "unless":
        return this.#if(node, node.path.original === "if", lexical);
      case "each":
      case "with":
        if (!first || node.params.length > 1)
          throw this.fault(
            node,
            `{{#${node.path.original}}} takes one value`,
            remedyForBlock(this.opening(node)) ??
              `Write {{#${node.path.original} users}} … {{/${node.path.original}}}.`,
          );
        return node.path.original === "each" ? this.#each(node, first, lexical) : this.#with(node, first, lexical);
      case "raw":
        return this.program(node.program, lexical);
    }
    const helper = this.helperName(node.path);
    if (helper?.isPredicate && (node.params.length > 0 || node.hash)) {
      return this.#branch(node, this.call(node, helper, lexical), lexical);
    }
    const isBare = node.params.length === 0 && !node.hash;
    if (helper && takesBlock(helper) && isBare && helper.min === 1) return this.#bare(node, node.path, helper, lexical);
    if (helper && takesBlock(helper) && !isBare) {
      const call = this.call(node, helper, lexical, this.program(node.program, lexical));
      return (frame) => this.asText(call(frame), node.loc.start);
    }
    if (node.params.length > 0 || node.hash) {
      const near = suggest(node.path.original, ["if", "unless", "each", "with", "raw", ...Object.keys(helpers)]);
      throw this.fault(
        node,
        `there is no block {{#${node.path.original} …}}`,
        remedyForBlock(this.opening(node)) ?? near,
      );
    }
    return this.#section(node, node.path, lexical);
  }

  /** `{{#comment}}…{{/comment}}`: the variable of that name where there is one, else the helper with the block as its text. */
  #bare(node: BlockNode, path: PathNode, helper: HelperDefinition, lexical: Lexical): Write {
    const variable = this.path(path, "optional", lexical);
    const body = this.program(node.program, { ...this.#inner(lexical, node.program, 0), depth: -1 });
    const section = this.#section(node, path, lexical, body);
    const call = this.call(node, helper, lexical, body);
    return (frame) => (variable(frame) === undefined ? this.asText(call(frame), node.loc.start) : section(frame));
  }

  #branch(node: BlockNode, test: Eval, lexical: Lexical): Write {
    const then = this.program(node.program, lexical);
    const otherwise = this.program(node.inverse, lexical);
    return (frame) => (isEmpty(test(frame)) ? otherwise(frame) : then(frame));
  }

  #if(node: BlockNode, wanted: boolean, lexical: Lexical): Write {
    const name = wanted ? "if" : "unless";
    const [condition] = node.params;
    if (!condition || node.params.length > 1) {
      const remedy = `Compare with a helper: {{#${name} (eq a "x")}}.`;
      throw this.fault(node, `{{#${name}}} takes one value`, remedyForBlock(this.opening(node)) ?? remedy);
    }
    const test = this.expression(condition, "lenient", lexical);
    const zero = node.hash?.pairs.find((pair) => pair.key === "includeZero");
    const includesZero = zero ? this.expression(zero.value, "strict", lexical) : undefined;
    const then = this.program(node.program, lexical);
    const otherwise = this.program(node.inverse, lexical);
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
    const body = this.program(node.program, this.#inner(lexical, node.program, 1));
    return this.#iterate(node, list, body, this.program(node.inverse, lexical));
  }

  #iterate(node: BlockNode, list: Eval, body: Write, otherwise: Write): Write {
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
    const then = this.program(node.program, this.#inner(lexical, node.program, 1));
    const otherwise = this.program(node.inverse, lexical);
    const [param] = node.program?.blockParams ?? [];
    return (frame) => {
      const context = value(frame);
      if (isEmpty(context) && context !== 0) return otherwise(frame);
      const locals = param === undefined ? undefined : new Map([[param, context]]);
      return then({ scope: frame.scope, outer: frame, hasContext: true, context, data: undefined, locals });
    };
  }

  /** `{{#x}}…{{/x}}`: a list is walked, true keeps the context, a map becomes it, anything empty is the `{{else}}`. */
  #section(node: BlockNode, path: PathNode, lexical: Lexical, compiled?: Write): Write {
    const value = this.path(path, "lenient", lexical);
    const otherwise = this.program(node.inverse, lexical);
    const unknownDepth: Lexical = { ...this.#inner(lexical, node.program, 0), depth: -1 };
    const body = compiled ?? this.program(node.program, unknownDepth);
    const iterate = this.#iterate(node, value, body, otherwise);
    return (frame) => {
      const context = value(frame);
      if (Array.isArray(context)) return iterate(frame);
      if (context === true) return body(frame);
      if (context === false || context === null || context === undefined) return otherwise(frame);
      return body({ scope: frame.scope, outer: frame, hasContext: true, context, data: undefined, locals: undefined });
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
