// Goes through trees of Jinja: replaces nodes, and finds words that crun has no helper for.

import { suggest } from "../../diagnostic/near.js";
import { absentHelper } from "../helpers/absent.js";
import { helpers } from "../helpers/index.js";
import { helperOfTest } from "../helpers/test-names.js";
import { helperOfFilter, isLookup, RESULT_TESTS } from "./jinja-names.js";
import type { Jinja } from "./jinja.js";

/** The tree with nodes replaced, outermost first; what is replaced is not gone into. */
export function mapTree(node: Jinja, replace: (node: Jinja) => Jinja | undefined): Jinja {
  const other = replace(node);
  if (other) return other;
  const inner = (one: Jinja): Jinja => mapTree(one, replace);
  switch (node.kind) {
    case "literal":
    case "name":
      return node;
    case "attribute":
    case "unary":
      return { ...node, of: inner(node.of) };
    case "item":
      return { ...node, of: inner(node.of), key: inner(node.key) };
    case "slice":
      return { ...node, of: inner(node.of), start: node.start && inner(node.start), end: node.end && inner(node.end) };
    case "call":
      // The name of what is called is no variable.
      return {
        ...node,
        of: node.of.kind === "attribute" ? { ...node.of, of: inner(node.of.of) } : node.of,
        args: node.args.map((one) => ({ ...one, value: inner(one.value) })),
      };
    case "filter":
    case "test":
      return { ...node, of: inner(node.of), args: node.args.map((one) => ({ ...one, value: inner(one.value) })) };
    case "binary":
      return { ...node, left: inner(node.left), right: inner(node.right) };
    case "choice":
      return { ...node, test: inner(node.test), yes: inner(node.yes), no: node.no && inner(node.no) };
    case "list":
      return { ...node, items: node.items.map(inner) };
    case "map":
      return { ...node, entries: node.entries.map(([key, value]) => [inner(key), inner(value)]) };
  }
}

/** What to say about the first filter, test or lookup in the tree that is no helper here; undefined where all are. */
export function absentWord(tree: Jinja): string | undefined {
  let found: string | undefined;
  mapTree(tree, (node) => {
    const word = wordOf(node);
    if (word !== undefined && found === undefined) {
      const more = absentHelper(word);
      const near = suggest(word, Object.keys(helpers));
      found = `${word} is no helper here${more === undefined ? `.${near === undefined ? "" : ` ${near}`}` : `: ${lowerFirst(more)}`}`;
    }
    return undefined;
  });
  return found;
}

function wordOf(node: Jinja): string | undefined {
  switch (node.kind) {
    case "filter":
      return isHelper(helperOfFilter(node.name)) || Object.hasOwn(RESULT_TESTS, node.name) ? undefined : node.name;
    case "test":
      return isHelper(helperOfTest(node.name)) || Object.hasOwn(RESULT_TESTS, node.name) || STATES.has(node.name)
        ? undefined
        : node.name;
    case "call": {
      if (node.of.kind !== "name" || !["lookup", "query", "q"].includes(node.of.name)) return undefined;
      const kind = node.args[0]?.value;
      return kind?.kind === "literal" && typeof kind.value === "string" && !isLookup(kind.value)
        ? kind.value
        : undefined;
    }
    default:
      return undefined;
  }
}

/** Tests of jobs, which are fields of their results. */
const STATES = new Set(["finished", "started", "reachable", "unreachable"]);

function isHelper(name: string): boolean {
  return Object.hasOwn(helpers, name);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
