// Parses Handlebars text to its syntax tree, with errors that teach. The only importer of handlebars.

import { parse as parseHandlebars } from "handlebars/dist/cjs/handlebars/compiler/base.js";
import { simpleTree } from "./simple-template.js";
import { remedyForMustache } from "../jinja/jinja-to-handlebars.js";

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 0. */
  readonly column: number;
}

interface Located {
  readonly loc: { readonly start: Position; readonly end: Position };
}

export interface PathNode extends Located {
  readonly type: "PathExpression";
  readonly data: boolean;
  readonly depth: number;
  readonly parts: readonly string[];
  readonly original: string;
}

export interface LiteralNode extends Located {
  readonly type: "StringLiteral" | "NumberLiteral" | "BooleanLiteral" | "NullLiteral" | "UndefinedLiteral";
  readonly value?: string | number | boolean | null;
}

export interface CallNode extends Located {
  readonly path: PathNode | LiteralNode;
  readonly params: readonly ExpressionNode[];
  readonly hash?: HashNode;
}

export interface SubExpressionNode extends CallNode {
  readonly type: "SubExpression";
}

export interface HashNode extends Located {
  readonly pairs: readonly { readonly key: string; readonly value: ExpressionNode }[];
}

export type ExpressionNode = PathNode | LiteralNode | SubExpressionNode;

export interface MustacheNode extends CallNode {
  readonly type: "MustacheStatement";
}

export interface BlockNode extends CallNode {
  readonly type: "BlockStatement";
  readonly program?: ProgramNode;
  readonly inverse?: ProgramNode;
}

export interface PartialNode extends Located {
  readonly type: "PartialStatement";
  readonly name: PathNode | SubExpressionNode | LiteralNode;
  readonly params: readonly ExpressionNode[];
  readonly hash?: HashNode;
  readonly indent: string;
}

export interface ContentNode extends Located {
  readonly type: "ContentStatement";
  readonly value: string;
}

export interface CommentNode extends Located {
  readonly type: "CommentStatement";
}

export interface PartialBlockNode extends Located {
  readonly type: "PartialBlockStatement";
  readonly name: PartialNode["name"];
  readonly params: readonly ExpressionNode[];
  readonly hash?: HashNode;
  readonly program: ProgramNode;
  readonly indent?: string;
}

export interface DecoratorNode extends Located {
  readonly type: "DecoratorBlock" | "Decorator";
  readonly path: PathNode;
  readonly params: readonly ExpressionNode[];
  readonly program?: ProgramNode;
}

export type StatementNode =
  | MustacheNode
  | BlockNode
  | PartialNode
  | ContentNode
  | CommentNode
  | PartialBlockNode
  | DecoratorNode;

export interface ProgramNode extends Located {
  readonly body: readonly StatementNode[];
  readonly blockParams?: readonly string[];
}

/** What is wrong at an index of the template's text. Turned into a CrunError where the text's place is known. */
export class TemplateFault extends Error {
  readonly index: number;
  readonly remedy: string | undefined;
  readonly detail: string | undefined;
  /** The text that the index is of, where it may be another one than that which is at work: a partial's. */
  readonly text: string | undefined;
  constructor(
    index: number,
    message: string,
    more: {
      readonly remedy?: string | undefined;
      readonly detail?: string | undefined;
      readonly text?: string;
    } = {},
  ) {
    super(message);
    this.name = "TemplateFault";
    this.index = index;
    this.remedy = more.remedy;
    this.detail = more.detail;
    this.text = more.text;
  }
}

/** The tree of a template, whitespace control already applied. Throws a TemplateFault. */
export function parseTemplate(text: string): ProgramNode {
  const simple = simpleTree(text);
  if (simple) return simple;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw locate(text, error instanceof Error ? error : new Error(String(error)));
  }
}

function parse(text: string): ProgramNode {
  // Handlebars' own types do not discriminate its nodes; ours describe the same objects.
  const tree: unknown = parseHandlebars(text);
  return tree as ProgramNode;
}

const MUSTACHE = /\\?\{\{\{?\{?~?(!--[\s\S]*?--|!?)([\s\S]*?)~?\}\}\}?\}?/g;

/** Finds the mustache at which parsing breaks: Handlebars itself says only the line. */
function locate(text: string, error: Error): TemplateFault {
  const nul = text.indexOf("\0");
  if (nul !== -1)
    return new TemplateFault(nul, "a template must be text: this has a NUL byte", {
      remedy: "Copy the file as it is (copy).",
    });
  const mismatch = /^(\S+) doesn't match (\S+) - (\d+):(\d+)$/.exec(error.message);
  if (mismatch) {
    const index = indexOf(text, { line: Number(mismatch[3]), column: Number(mismatch[4]) });
    return new TemplateFault(
      Math.max(0, text.lastIndexOf("{{", index)),
      `the block {{#${mismatch[1]}}} is closed by {{/${mismatch[2]}}}`,
      {
        remedy: `Write {{/${mismatch[1]}}}, or close {{#${mismatch[2]}}} first.`,
      },
    );
  }
  const open: { name: string; index: number }[] = [];
  let end = 0;
  const mustaches = [...text.matchAll(MUSTACHE)].filter((one) => !one[0].startsWith("\\") && one[1] === "");
  const broken = firstBroken(text, mustaches);
  for (const [at, match] of mustaches.entries()) {
    const inside = (match[2] ?? "").trim();
    end = match.index + match[0].length;
    const block = /^[#^]\s*(\S+)/.exec(inside);
    const close = /^\/\s*(\S+)/.exec(inside);
    if (at === broken) {
      if (close && open.length === 0)
        return new TemplateFault(match.index, `{{/${close[1]}}} closes a block that was not opened`);
      return faultOfMustache(match.index, match[0], inside);
    }
    if (block) open.push({ name: block[1] ?? "", index: match.index });
    if (close) open.pop();
  }
  const unclosed = text.indexOf("{{", end);
  if (unclosed !== -1) {
    return new TemplateFault(unclosed, "{{ is not closed", {
      remedy: "Write }} at its end, or \\{{ for the braces themselves.",
    });
  }
  const last = open.at(-1);
  if (last)
    return new TemplateFault(last.index, `the block {{#${last.name}}} is not closed`, {
      remedy: `Write {{/${last.name}}} at its end.`,
    });
  return new TemplateFault(0, `the template cannot be read: ${error.message.split("\n").at(-1) ?? ""}`);
}

/** Which mustache is the first that no template can have there; what begins with a broken text is broken. */
function firstBroken(text: string, mustaches: readonly RegExpExecArray[]): number {
  let low = 0;
  let high = mustaches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const one = mustaches[middle];
    if (one && fails(text.slice(0, one.index + one[0].length))) high = middle;
    else low = middle + 1;
  }
  return low;
}

function fails(text: string): boolean {
  try {
    parse(text);
    return false;
  } catch (error) {
    return !(error instanceof Error && error.message.includes("got 'EOF'"));
  }
}

function faultOfMustache(index: number, whole: string, inside: string): TemplateFault {
  const isElse = /^else\b/.test(inside);
  return new TemplateFault(
    index,
    isElse ? `${oneLine(whole)} stands outside of a block` : `${oneLine(whole)} is no Handlebars expression`,
    {
      remedy: remedyForMustache(inside),
    },
  );
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

let lines: { readonly text: string; readonly starts: readonly number[] } = { text: "", starts: [0] };

/** Index in the text of a Handlebars position. Where lines begin is remembered for the text that was asked about last. */
export function indexOf(text: string, position: Position): number {
  if (position.line === 1) return position.column;
  if (lines.text !== text) {
    const starts = [0];
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    lines = { text, starts };
  }
  return (lines.starts[position.line - 1] ?? text.length) + position.column;
}
