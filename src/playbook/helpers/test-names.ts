// Jinja's names of tests that have another name as a helper.

const TESTS: Readonly<Record<string, string>> = {
  equalto: "eq",
  "==": "eq",
  "!=": "ne",
  lessthan: "lt",
  greaterthan: "gt",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
  none: "is_none",
  true: "is_true",
  false: "is_false",
  string: "is_string",
  number: "is_number",
  integer: "is_integer",
  float: "is_float",
  boolean: "is_boolean",
  mapping: "is_mapping",
  sequence: "is_list",
  iterable: "is_list",
  list: "is_list",
  lower: "is_lower",
  upper: "is_upper",
  file: "is_file",
  directory: "is_dir",
  link: "is_link",
  abs: "is_abs",
  mount: "is_mount",
  same_file: "is_same_file",
  uri: "is_uri",
  url: "is_url",
  urn: "is_urn",
  issubset: "subset",
  issuperset: "superset",
  sameas: "eq",
  version_compare: "version",
};

/** Names that tests have in Jinja alone. */
export const testNames: readonly string[] = Object.keys(TESTS);

/** The helper that asks what a test of Jinja asks. */
export function helperOfTest(name: string): string {
  return Object.hasOwn(TESTS, name) ? (TESTS[name] ?? name) : name;
}
