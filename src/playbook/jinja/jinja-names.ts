// Names of Jinja's filters, tests and lookups that are called otherwise here.

import type { Argument, Jinja } from "./jinja.js";

const FILTERS: Readonly<Record<string, string>> = {
  d: "default",
  e: "escape",
  tojson: "to_json",
  count: "length",
  issubset: "subset",
  issuperset: "superset",
};

/** The helper that a filter is; collections' names stand without the collection. */
export function helperOfFilter(name: string): string {
  return Object.hasOwn(FILTERS, name) ? (FILTERS[name] ?? name) : name;
}

/** How a result is asked: as a field, or that of it which is turned round. */
export const RESULT_TESTS: Readonly<Record<string, { readonly field: string; readonly isNegated: boolean }>> = {
  failed: { field: "failed", isNegated: false },
  failure: { field: "failed", isNegated: false },
  succeeded: { field: "failed", isNegated: true },
  success: { field: "failed", isNegated: true },
  successful: { field: "failed", isNegated: true },
  changed: { field: "changed", isNegated: false },
  change: { field: "changed", isNegated: false },
  skipped: { field: "skipped", isNegated: false },
  skip: { field: "skipped", isNegated: false },
};

/** Lookups that are helpers; `gives`: what the helper gives where Ansible's lookup gives a list. */
const LOOKUPS: Readonly<Record<string, { readonly helper: string; readonly gives: "one" | "list" }>> = {
  env: { helper: "env", gives: "one" },
  file: { helper: "file", gives: "one" },
  template: { helper: "template", gives: "one" },
  pipe: { helper: "pipe", gives: "one" },
  first_found: { helper: "first_found", gives: "one" },
  csvfile: { helper: "csvfile", gives: "one" },
  ini: { helper: "ini", gives: "one" },
  lines: { helper: "lines", gives: "list" },
  fileglob: { helper: "fileglob", gives: "list" },
  dict: { helper: "dict2items", gives: "list" },
  items: { helper: "concat", gives: "list" },
  list: { helper: "array", gives: "list" },
  indexed_items: { helper: "indexed_items", gives: "list" },
  nested: { helper: "nested", gives: "list" },
  together: { helper: "together", gives: "list" },
  subelements: { helper: "subelements", gives: "list" },
  sequence: { helper: "sequence", gives: "list" },
  varnames: { helper: "varnames", gives: "list" },
};

/** `a or "x"` gives one of the two, where `or` gives true or false here. */
export function isFallback(operator: string, right: Jinja): boolean {
  const isValue = right.kind === "literal" && (typeof right.value === "string" || typeof right.value === "number");
  return operator === "or" && (isValue || right.kind === "list" || right.kind === "map");
}

/** `1 < n < 10`: Python compares n twice; neither Handlebars nor CEL has words for it as one. */
export function isChain(operator: string, left: Jinja): boolean {
  return /^[<>]=?$/.test(operator) && left.kind === "binary" && /^[<>]=?$/.test(left.operator);
}

/** A call of lookup or query as the helper that it is; undefined where there is none. */
export function lookupCall(
  name: string,
  args: readonly Argument[],
):
  | { readonly helper: string; readonly args: readonly Argument[]; readonly wrap: "join" | "array" | undefined }
  | undefined {
  const [first, ...rest] = args;
  const kind = first?.value.kind === "literal" && typeof first.value.value === "string" ? first.value.value : undefined;
  const word = kind?.replace(/^(?:ansible\.builtin|community\.general)\./, "");
  const lookup = word !== undefined && Object.hasOwn(LOOKUPS, word) ? LOOKUPS[word] : undefined;
  if (!lookup) return undefined;
  const wantsList = rest.some((one) => one.name === "wantlist") || name !== "lookup";
  const given = rest.filter((one) => one.name !== "wantlist" && one.name !== "errors");
  const wrap = lookup.gives === "list" ? (wantsList ? undefined : "join") : wantsList ? "array" : undefined;
  const [value] = given;
  const isShort = (word === "ini" || word === "csvfile") && given.length === 1;
  return { helper: lookup.helper, args: isShort && value ? words(value) : given, wrap };
}

/** `key section=a file=b`, as older playbooks write it. */
function words(argument: Argument): readonly Argument[] {
  const { value } = argument;
  if (value.kind !== "literal" || typeof value.value !== "string") return [argument];
  return value.value.split(/\s+/).map((word) => {
    const [, name, text = word] = /^(\w+)=(.*)$/.exec(word) ?? [];
    return { name, value: { kind: "literal", value: text } };
  });
}

/** Whether a lookup is a helper here. */
export function isLookup(kind: string): boolean {
  const word = kind.replace(/^(?:ansible\.builtin|community\.general)\./, "");
  return word === "vars" || Object.hasOwn(LOOKUPS, word);
}
