// Makes closures of a Handlebars tree: text, values, partials; without HTML escaping, values keep their types.

import type { Scope } from "../../module/value.js";
import { HelperError, isMap } from "../helpers/definition.js";
import { textOrigin } from "../yaml/source.js";
import { contextFrame, inlineOf, partialBlockOf, rootFrame, type Frame } from "./frame.js";
import {
  indexOf,
  parseTemplate,
  TemplateFault,
  type MustacheNode,
  type PartialBlockNode,
  type PartialNode,
  type ProgramNode,
  type StatementNode,
} from "./template-ast.js";
import { BlockCompiler } from "./template-blocks.js";
import type { Eval, Lexical, Reference, Write } from "./template-expression.js";
import { faultIn, PartialTable, type Partial, type PartialPlaces } from "./template-partials.js";

export type { Reference } from "./template-expression.js";

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

/** Compiles a template. `places`: where its partials are. Throws a TemplateFault; a CrunError for what is wrong in a partial. */
export function compileTemplate(text: string, places?: PartialPlaces): CompiledTemplate {
  if (!text.includes("{{"))
    return { text, references: [], isStatic: true, evaluate: () => text, renderText: () => text };
  const table = new PartialTable(places, (inner, own) => compileWith(inner, own, places));
  const template = compileWith(text, table, places);
  table.check();
  return template;
}

function compileWith(text: string, table: PartialTable, places: PartialPlaces | undefined): CompiledTemplate {
  return new Compiler(text, table, places).compile(parseTemplate(text));
}

/** Template files that are rendered within one another at the moment, by the helper template. */
let filesUnderWay = 0;
const DEEPEST_FILES = 50;

class Compiler extends BlockCompiler {
  readonly #partials: PartialTable;
  readonly #places: PartialPlaces | undefined;

  constructor(text: string, partials: PartialTable, places: PartialPlaces | undefined) {
    super(text);
    this.#partials = partials;
    this.#places = places;
  }

  protected renderFile(path: string, text: string, scope: Scope): string {
    if (filesUnderWay >= DEEPEST_FILES)
      throw new HelperError(
        `templates render each other without end: ${path} again`,
        "One of them must end it: {{#if …}}.",
      );
    filesUnderWay++;
    try {
      return compileTemplate(text, this.#places && { ...this.#places, file: path }).renderText(rootFrame(scope));
    } catch (error) {
      throw error instanceof TemplateFault ? faultIn(textOrigin(path, text), error) : error;
    } finally {
      filesUnderWay--;
    }
  }

  compile(tree: ProgramNode): CompiledTemplate {
    const top: Lexical = { locals: new Set(), depth: 0 };
    const only = tree.body.length === 1 ? tree.body[0] : undefined;
    const value = only?.type === "MustacheStatement" && this.#isWhole(only) ? this.#mustache(only, top) : undefined;
    const write = value ? (frame: Frame) => this.asText(value(frame), only?.loc.start) : this.program(tree, top);
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

  protected program(node: ProgramNode | undefined, lexical: Lexical): Write {
    const statements = node?.body ?? [];
    const inlines = this.#inlines(statements);
    const parts = statements.map((one) => this.#statement(one, lexical)).filter((one) => one !== undefined);
    const write = joined(parts);
    if (inlines.size === 0) return write;
    return (frame) => write({ ...frame, outer: frame, hasContext: false, data: undefined, locals: undefined, inlines });
  }

  /** The partials that a block defines for what stands in it, wherever in it they stand. */
  #inlines(statements: readonly StatementNode[]): ReadonlyMap<string, Write> {
    const found = new Map<string, Write>();
    for (const node of statements) {
      if (node.type !== "DecoratorBlock") continue;
      const [name] = node.params;
      if (node.path.original !== "inline" || name?.type !== "StringLiteral" || typeof name.value !== "string")
        throw this.fault(node, "the only decorator is inline", 'Write {{#*inline "name"}} … {{/inline}}.');
      this.#partials.inlineNames.add(name.value);
      found.set(name.value, this.program(node.program, ANYWHERE));
    }
    return found;
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
        return this.block(node, lexical);
      case "PartialStatement":
        this.isStatic = false;
        return this.#partial(node, lexical);
      case "PartialBlockStatement":
        this.isStatic = false;
        return this.#partial(node, lexical, node.program);
      case "DecoratorBlock":
        return undefined;
      case "Decorator":
        throw this.fault(node, "the only decorator is inline", 'Write {{#*inline "name"}} … {{/inline}}.');
    }
  }

  #mustache(node: MustacheNode, lexical: Lexical): Eval {
    if (node.path.type !== "PathExpression") {
      if (node.path.type === "UndefinedLiteral" && node.params.length > 0) return this.callOf(node, lexical);
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

  /** `{{> name context a=b}}`, and `{{#> name}} … {{/name}}` with its block. */
  #partial(node: PartialNode | PartialBlockNode, lexical: Lexical, block?: ProgramNode): Write {
    const [of] = node.params;
    if (node.params.length > 1)
      throw this.fault(node, "a partial takes one context", 'Other values have names: {{> name title="x"}}.');
    const context = of ? this.expression(of, "strict", lexical) : undefined;
    const pairs = (node.hash?.pairs ?? []).map(
      (pair) => [pair.key, this.expression(pair.value, "strict", lexical)] as const,
    );
    const content = block ? this.program(block, ANYWHERE) : undefined;
    const inlines = block ? this.#inlines(block.body) : undefined;
    const open = this.#opener(node, lexical, content, new Set(pairs.map(([name]) => name)));
    const { indent } = node;
    return (frame) => {
      const hash = pairs.map(([key, value]) => [key, value(frame)] as const);
      let inner = argumentsOf(frame, context, hash);
      if (content || (inlines && inlines.size > 0))
        inner = {
          ...inner,
          outer: inner,
          inlines: inlines ?? NO_INLINES,
          hasContext: false,
          data: undefined,
          locals: undefined,
          partialBlock: content,
        };
      const text = open(inner, frame);
      return indent === undefined || indent === "" ? text : text.replace(/^(?=[\s\S])/gm, indent);
    };
  }

  /** What renders the partial of a node in a frame; `content` stands for one that is not there. */
  #opener(
    node: PartialNode | PartialBlockNode,
    lexical: Lexical,
    content: Write | undefined,
    given: ReadonlySet<string>,
  ): (frame: Frame, caller: Frame) => string {
    if (node.name.type === "SubExpression") {
      const named = this.expression(node.name, "strict", lexical);
      return (frame, caller) => {
        const name = String(named(caller));
        const partial = this.#partials.get(name);
        if (!partial) throw this.#noPartial(node, name);
        return this.#render(node, partial, frame);
      };
    }
    const name = node.name.type === "PathExpression" ? node.name.original : String(node.name.value);
    if (name === "@partial-block") {
      return (frame) => {
        const found = partialBlockOf(frame);
        if (!found)
          throw this.fault(
            node,
            "there is no block to put here",
            "{{> @partial-block}} stands in a partial that {{#> name}} … {{/name}} opens.",
          );
        // In the block itself the name means the block further out.
        return found.write({
          ...frame,
          outer: frame,
          hasContext: false,
          data: undefined,
          locals: undefined,
          partialBlock: found.outer,
        });
      };
    }
    const partial = this.#partials.get(name);
    if (partial) this.#referTo(partial, lexical, node, given);
    else if (!content) this.#partials.miss(name, this.#noPartial(node, name));
    return (frame) => {
      const inline = inlineOf(frame, name);
      if (inline)
        return this.#partials.within(
          name,
          () => inline(frame),
          (message, remedy) => this.fault(node, message, remedy),
        );
      if (partial) return this.#render(node, partial, frame);
      if (content) return content(frame);
      throw this.#noPartial(node, name);
    };
  }

  #noPartial(node: PartialNode | PartialBlockNode, name: string): TemplateFault {
    return this.fault(node, `there is no partial ${JSON.stringify(name)}`, this.#partials.remedy(name));
  }

  #render(node: PartialNode | PartialBlockNode, partial: Partial, frame: Frame): string {
    const work = (): string => {
      try {
        return partial.template?.renderText(frame) ?? "";
      } catch (error) {
        throw error instanceof TemplateFault && error.text === partial.text ? faultIn(partial.origin, error) : error;
      }
    };
    return this.#partials.within(partial.name, work, (message, remedy) => this.fault(node, message, remedy));
  }

  /** What a partial reads, the template reads, unless it is given to it; inside a block and with a context it may be an item's. */
  #referTo(partial: Partial, lexical: Lexical, node: PartialNode | PartialBlockNode, given: ReadonlySet<string>): void {
    const isSure = lexical.depth === 0 && node.params.length === 0;
    for (const one of partial.template?.references ?? []) {
      if (given.has(one.name)) continue;
      this.references.push({ ...one, origin: one.origin ?? partial.origin, isGuess: one.isGuess === true || !isSure });
    }
  }
}

/** Where what is rendered elsewhere is compiled: nothing is known of the contexts around it. */
const ANYWHERE: Lexical = { locals: new Set(), depth: -1 };
const NO_INLINES: ReadonlyMap<string, Write> = new Map();

function joined(parts: readonly Write[]): Write {
  const [first, second] = parts;
  if (!first) return () => "";
  if (!second) return first;
  return (frame) => {
    let text = "";
    for (const part of parts) text += part(frame);
    return text;
  };
}

/** The frame of a partial: its context, with its arguments over it. */
function argumentsOf(frame: Frame, context: Eval | undefined, hash: readonly (readonly [string, unknown])[]): Frame {
  const at = contextFrame(frame, 0);
  if (!context && !at.outer) {
    if (hash.length === 0) return frame;
    const values = new Map(hash.map(([key, value]) => [key, { raw: value }]));
    const scope = frame.scope.with({
      origin: "arguments of a partial",
      get: (key) => values.get(key),
      names: () => values.keys(),
    });
    return { ...frame, scope };
  }
  if (!context && hash.length === 0) return frame;
  const value = context ? context(frame) : at.context;
  const whole = hash.length === 0 ? value : { ...(isMap(value) ? value : {}), ...Object.fromEntries(hash) };
  return { scope: frame.scope, outer: frame, hasContext: true, context: whole, data: undefined, locals: undefined };
}
