// Reads what most templates are, text with {{name}} or {{map.field}} in it, without Handlebars' slow parser.

import type { Position, ProgramNode, StatementNode } from "./template-ast.js";

const MUSTACHE = /\{\{[ \t]*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[ \t]*\}\}/g;
/** Words that mean something else to Handlebars. */
const WORDS = new Set(["this", "else", "as", "true", "false", "null", "undefined"]);

/** The tree that Handlebars would give; undefined for a template with anything else in it. */
export function simpleTree(text: string): ProgramNode | undefined {
  const body: StatementNode[] = [];
  const start: Position = { line: 1, column: 0 };
  let at = start;
  let end = 0;
  const content = (value: string): void => {
    if (value === "") return;
    const next = moved(at, value);
    body.push({ type: "ContentStatement", value, loc: { start: at, end: next } });
    at = next;
  };
  for (const match of text.matchAll(MUSTACHE)) {
    const [whole, original = ""] = match;
    const parts = original.split(".");
    const before = text.slice(end, match.index);
    if (parts.some((part) => WORDS.has(part)) || !isPlain(before)) return undefined;
    content(before);
    const from = { line: at.line, column: at.column + whole.indexOf(original) };
    const to = { line: at.line, column: from.column + original.length };
    const next = { line: at.line, column: at.column + whole.length };
    const path = {
      type: "PathExpression",
      data: false,
      depth: 0,
      parts,
      original,
      loc: { start: from, end: to },
    } as const;
    body.push({ type: "MustacheStatement", path, params: [], loc: { start: at, end: next } });
    at = next;
    end = match.index + whole.length;
  }
  const rest = text.slice(end);
  if (!isPlain(rest)) return undefined;
  content(rest);
  return { body, loc: { start, end: at } };
}

/** Nothing in it that Handlebars would look at: braces in pairs, a backslash before them, a brace that could join the next ones. */
function isPlain(text: string): boolean {
  return (
    !text.includes("{{") && !text.endsWith("{") && !text.endsWith("\\") && !text.startsWith("}") && !text.includes("\0")
  );
}

function moved(from: Position, text: string): Position {
  const last = text.lastIndexOf("\n");
  if (last === -1) return { line: from.line, column: from.column + text.length };
  let lines = 0;
  for (let index = text.indexOf("\n"); index !== -1; index = text.indexOf("\n", index + 1)) lines++;
  return { line: from.line + lines, column: text.length - last - 1 };
}
