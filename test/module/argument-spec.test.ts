// Argument specs of roles: each kind of mistake, in Ansible's words.

import assert from "node:assert/strict";
import { checkArguments } from "../../src/module/argument-spec.js";

type Map = Readonly<Record<string, unknown>>;

const cases: readonly (readonly [
  title: string,
  options: Map,
  values: Map,
  messages: readonly string[],
  rules?: Map,
])[] = [
  ["nothing asked, nothing wrong", { a: {} }, {}, []],
  ["missing", { a: { required: true }, b: { required: true } }, {}, ["missing required arguments: a, b"]],
  ["null counts as given", { a: { required: true, type: "int" } }, { a: null }, []],
  ["a default counts as given", { a: { required: true, default: 1 } }, {}, []],
  ["an alias stands for its option", { a: { required: true, aliases: ["b"] } }, { b: 1 }, []],
  ["numbers as text", { a: { type: "int" }, b: { type: "float" } }, { a: "12", b: "1.5" }, []],
  [
    "no number",
    { a: { type: "int" } },
    { a: "x" },
    ["argument 'a' is of type str and cannot be converted to int: \"x\""],
  ],
  [
    "no whole number",
    { a: { type: "int" } },
    { a: 1.5 },
    ["argument 'a' is of type number and cannot be converted to int: 1.5"],
  ],
  ["Ansible's words for booleans", { a: { type: "bool" } }, { a: "yes" }, []],
  [
    "no boolean",
    { a: { type: "bool" } },
    { a: "maybe" },
    ["argument 'a' is of type str and cannot be converted to bool: \"maybe\""],
  ],
  ["text with commas is a list", { a: { type: "list" } }, { a: "x,y" }, []],
  [
    "no list",
    { a: { type: "list" } },
    { a: { x: 1 } },
    ["argument 'a' is of type dict and cannot be converted to list: {\"x\":1}"],
  ],
  [
    "no map",
    { a: { type: "dict" } },
    { a: ["x"] },
    ["argument 'a' is of type list and cannot be converted to dict: [\"x\"]"],
  ],
  ["anything is text", { a: { type: "str" }, b: {} }, { a: ["x"], b: 5 }, []],
  [
    "wrong elements",
    { a: { type: "list", elements: "int" } },
    { a: [1, "x"] },
    ["Elements value for option 'a' is of type str and cannot be converted to int: \"x\""],
  ],
  ["a choice", { a: { choices: ["x", "y"] }, b: { type: "int", choices: [1, 2] } }, { a: "x", b: "2" }, []],
  ["none of the choices", { a: { choices: ["x", "y"] } }, { a: "z" }, ["value of a must be one of: x, y, got: z"]],
  [
    "choices of a list",
    { a: { type: "list", choices: ["x", "y"] } },
    { a: ["x", "z"] },
    ["value of a must be one or more of: x, y. Got no match for: z"],
  ],
  [
    "exclusive",
    { a: {}, b: {} },
    { a: 1, b: 2 },
    ["parameters are mutually exclusive: a|b"],
    { mutually_exclusive: [["a", "b"]] },
  ],
  ["a default excludes nothing", { a: { default: 1 }, b: {} }, { b: 2 }, [], { mutually_exclusive: [["a", "b"]] }],
  [
    "together",
    { a: {}, b: {} },
    { a: 1 },
    ["parameters are required together: a, b"],
    { required_together: [["a", "b"]] },
  ],
  ["one of", { a: {}, b: {} }, {}, ["one of the following is required: a, b"], { required_one_of: [["a", "b"]] }],
  [
    "if",
    { a: {}, b: {} },
    { a: "on" },
    ["a is on but all of the following are missing: b"],
    { required_if: [["a", "on", ["b"]]] },
  ],
  [
    "if, any",
    { a: {}, b: {}, c: {} },
    { a: "on" },
    ["a is on but any of the following are missing: b, c"],
    { required_if: [["a", "on", ["b", "c"], true]] },
  ],
  ["if not", { a: {}, b: {} }, { a: "off" }, [], { required_if: [["a", "on", ["b"]]] }],
  ["by", { a: {}, b: {} }, { a: 1 }, ["missing parameter(s) required by 'a': b"], { required_by: { a: ["b"] } }],
  [
    "inside of a map",
    { m: { type: "dict", options: { a: { required: true }, b: { type: "int" } } } },
    { m: { b: "x", c: 1 } },
    [
      "missing required arguments: a found in m",
      "argument 'b' is of type str and cannot be converted to int: \"x\" found in m",
      "m.c. Supported parameters include: a, b.",
    ],
  ],
  [
    "inside of maps of a list, at any depth",
    { l: { type: "list", elements: "dict", options: { m: { type: "dict", options: { a: { choices: [1] } } } } } },
    { l: [{ m: { a: 1 } }, { m: { a: 2 } }] },
    ["value of a must be one of: 1, got: 2 found in l -> m"],
  ],
  [
    "no map in a list of maps",
    { l: { type: "list", elements: "dict", options: { a: {} } } },
    { l: ["x"] },
    [
      "Elements value for option 'l' is of type str and cannot be converted to dict: \"x\"",
      "value of 'l' must be of type dict or list of dicts",
    ],
  ],
  [
    "apply_defaults looks into a map that is not given",
    { m: { type: "dict", apply_defaults: true, options: { a: { required: true } } } },
    {},
    ["missing required arguments: a found in m"],
  ],
  [
    "what the spec does not name",
    { a: { aliases: ["x"] }, m: { type: "dict", options: { o: {} } } },
    { b: 1, x: 2, m: { p: 1 } },
    ["m.p. Supported parameters include: o.", "b. Supported parameters include: a, m, x."],
  ],
];

describe("argument specs", () => {
  for (const [title, options, values, messages, rules = {}] of cases) {
    it(title, () => {
      assert.deepEqual(
        checkArguments(options, rules, values).map((one) => one.message),
        messages,
      );
    });
  }
});
