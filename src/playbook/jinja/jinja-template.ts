// Writes a whole text of Jinja, tags and all, as Handlebars, for messages that show what to write.

import { handlebarsOfTree } from "./jinja-to-handlebars.js";
import { mapTree } from "./jinja-tree.js";
import { parseJinja, type Jinja } from "./jinja.js";

/** A tag of Jinja: what stands in text that Handlebars would leave as it is. */
export const JINJA_TAG =
  /\{%[-+]?\s*(?:if|for|set|else|elif|endif|endfor|include|import|extends|macro|block|raw|filter|with)\b[\s\S]*?%\}/;

const PIECE = /(\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}|\{#[\s\S]*?#\})/;

interface Block {
  readonly end: "endif" | "endfor";
  /** Names that a loop gives its items; undefined for a condition. */
  readonly names: readonly string[] | undefined;
}

class Untranslatable extends Error {}

/** The Handlebars of a text with Jinja's tags; undefined where something in it has none. */
export function handlebarsOfTemplate(text: string): string | undefined {
  const writer = new Writer();
  try {
    const whole = text
      .split(PIECE)
      .map((piece) => writer.piece(piece))
      .join("");
    return writer.isClosed() ? whole : undefined;
  } catch (error) {
    if (error instanceof Untranslatable) return undefined;
    throw error;
  }
}

class Writer {
  readonly #blocks: Block[] = [];

  isClosed(): boolean {
    return this.#blocks.length === 0;
  }

  piece(piece: string): string {
    if (piece.startsWith("{#")) return `{{!-- ${piece.slice(2, -2).trim()} --}}`;
    if (piece.startsWith("{{")) return this.#value(piece.replace(/^\{\{-?|-?\}\}$/g, ""), piece);
    return piece.startsWith("{%") ? this.#tag(piece) : piece;
  }

  #value(inside: string, piece: string): string {
    const mustache = this.#expression(inside);
    return `${piece.startsWith("{{-") ? mustache.replace("{{", "{{~") : mustache}`.replace(
      /\}\}$/,
      piece.endsWith("-}}") ? "~}}" : "}}",
    );
  }

  #tag(piece: string): string {
    const [, open = "", word = "", rest = "", close = ""] =
      /^\{%([-+]?)\s*(\w+)\s*([\s\S]*?)\s*([-+]?)%\}$/.exec(piece) ?? [];
    const [left, right] = [open === "-" ? "{{~" : "{{", close === "-" ? "~}}" : "}}"];
    return `${left}${this.#statement(word, rest)}${right}`;
  }

  #statement(word: string, rest: string): string {
    switch (word) {
      case "if":
        this.#blocks.push({ end: "endif", names: undefined });
        return `#if ${this.#argument(rest)}`;
      case "elif":
        return `else if ${this.#argument(rest)}`;
      case "else":
        return "else";
      case "for":
        return this.#loop(rest);
      case "endif":
      case "endfor":
        if (this.#blocks.pop()?.end !== word) throw new Untranslatable();
        return word === "endif" ? "/if" : "/each";
      default:
        throw new Untranslatable();
    }
  }

  #loop(rest: string): string {
    const [, first = "", second, of = ""] = /^(\w+)(?:\s*,\s*(\w+))?\s+in\s+([\s\S]+)$/.exec(rest) ?? [];
    if (first === "" || /\s(?:if|recursive)\b/.test(of)) throw new Untranslatable();
    // Over the items of a map Jinja names the key first.
    const list = second === undefined ? of : of.replace(/\.items\(\)\s*$|\s*\|\s*(?:dictsort|items)\s*$/, "");
    if (second !== undefined && list === of) throw new Untranslatable();
    const argument = this.#argument(list);
    const names = second === undefined ? [first] : [second, first];
    this.#blocks.push({ end: "endfor", names });
    return `#each ${argument} as |${names.join(" ")}|`;
  }

  /** An expression as an argument: a call in parentheses. */
  #argument(text: string): string {
    const inner = this.#expression(text).slice(2, -2);
    return /\s/.test(inner) && !/^(['"]).*\1$/s.test(inner) ? `(${inner})` : inner;
  }

  #expression(text: string): string {
    const tree = parseJinja(text);
    const mustache = tree && handlebarsOfTree(this.#placed(tree));
    if (mustache === undefined) throw new Untranslatable();
    return mustache;
  }

  /** Names as they are reached inside of loops: the items' as they are, variables from the root, loop.index as @index. */
  #placed(tree: Jinja): Jinja {
    const loops = this.#blocks.filter((one) => one.names !== undefined);
    if (loops.length === 0) return tree;
    const own = new Set(loops.flatMap((one) => one.names ?? []));
    return mapTree(tree, (node) => {
      if (node.kind === "attribute" && node.of.kind === "name" && node.of.name === "loop") return loopField(node.name);
      if (node.kind !== "name") return undefined;
      if (node.name === "loop") throw new Untranslatable();
      return own.has(node.name) ? node : { kind: "name", name: `@root.${node.name}` };
    });
  }
}

function loopField(name: string): Jinja {
  const index: Jinja = { kind: "name", name: "@index" };
  switch (name) {
    case "index":
      return { kind: "binary", operator: "+", left: index, right: { kind: "literal", value: 1 } };
    case "index0":
      return index;
    case "first":
    case "last":
      return { kind: "name", name: `@${name}` };
    default:
      throw new Untranslatable();
  }
}
