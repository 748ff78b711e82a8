// Values of INI inventories are what Python's literal_eval makes of them, as in Ansible.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { literalOf } from "../../src/inventory/literal.js";
import { requireOrSkip } from "../lab/needs.js";

const cases: readonly (readonly [text: string, value: unknown])[] = [
  ["5", 5],
  ["-5", -5],
  ["+5", 5],
  ["0", 0],
  ["0644", "0644"],
  ["1_000", 1000],
  ["0x1F", 31],
  ["0o17", 15],
  ["0b101", 5],
  ["1.5", 1.5],
  ["1.", 1],
  [".5", 0.5],
  ["1e3", 1000],
  ["1.10", 1.1],
  ["12345678901234567890", "12345678901234567890"],
  ["10.0.0.1", "10.0.0.1"],
  ["2024-01-01", "2024-01-01"],
  ["5m", "5m"],
  ["1j", "1j"],
  ["True", true],
  ["False", false],
  ["None", null],
  ["true", "true"],
  ["yes", "yes"],
  ["Trueish", "Trueish"],
  ["'a b'", "a b"],
  ['"a b"', "a b"],
  ["'a' 'b'", "ab"],
  [String.raw`'a\tb\x41\u00e4\'c'`, "a\tbAä'c"],
  [String.raw`r'a\tb'`, String.raw`a\tb`],
  [String.raw`'a\db'`, String.raw`a\db`],
  ["u'x'", "x"],
  ["b'x'", "b'x'"],
  ["f'x'", "f'x'"],
  ["'''a'b'''", "a'b"],
  ["'open", "'open"],
  ["[1, 'a', True, None]", [1, "a", true, null]],
  ["[1, 'a',]", [1, "a"]],
  ["[]", []],
  ["[1 2]", "[1 2]"],
  ["[a, b]", "[a, b]"],
  ["(1, 2)", [1, 2]],
  ["(1)", 1],
  ["(1,)", [1]],
  ["()", []],
  ["1, 2", [1, 2]],
  ["1,", [1]],
  ["{'a': None, 'b': [1, {'c': 2}]}", { a: null, b: [1, { c: 2 }] }],
  ['{"a": 1, 2: "b"}', { a: 1, 2: "b" }],
  ["{1, 2, 1}", [1, 2]],
  ["{}", {}],
  ["{'a'}", ["a"]],
  ["{'a': 1, 'b'}", "{'a': 1, 'b'}"],
  ["{[1]: 2}", "{[1]: 2}"],
  ["5 # five", 5],
  ["abc # not a comment", "abc # not a comment"],
  ["[1] # one", [1]],
  ["{{ x }}", "{{ x }}"],
  ["{{'a'}}", "{{'a'}}"],
  ["[web]x", "[web]x"],
  ["", ""],
  ["a=b", "a=b"],
  ["__import__('os')", "__import__('os')"],
  ["1+1", "1+1"],
  ["-", "-"],
  [".", "."],
  ["...", "..."],
  [`${"[".repeat(5000)}`, "[".repeat(5000)],
];

describe("values of an INI inventory", () => {
  for (const [text, value] of cases) {
    const shown = text.length > 40 ? `${text.slice(0, 20)}…` : text;
    it(`${JSON.stringify(shown)} is ${JSON.stringify(value)?.slice(0, 40)}`, () =>
      assert.deepEqual(literalOf(text), value));
  }

  it("text that is no literal stays as it is, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
        const value = literalOf(text);
        if (typeof value === "string" && !/['"]/.test(text)) assert.equal(value, text);
      }),
    );
  });

  it("agrees with Python on what is a literal", function () {
    requireOrSkip(this, { tools: ["python3"] });
    const piece = fc.constantFrom(
      ..."0123456789.+-_xeE'\"\\[](){},:# aTFNbru".split(""),
      "True",
      "None",
      "False",
      "'a'",
      "1, ",
    );
    const texts = fc.sample(
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
      3000,
    );
    const program = [
      "import ast, json, sys, warnings",
      "warnings.simplefilter('ignore')",
      "def plain(v):",
      "  if isinstance(v, (list, tuple)): return [plain(x) for x in v]",
      "  if isinstance(v, (set, frozenset)): return {'set': sorted(repr(plain(x)) for x in v)}",
      "  if isinstance(v, dict): return {'null' if k is None else str(k).lower() if isinstance(k, bool) else str(k): plain(x) for k, x in v.items()}",
      "  if isinstance(v, (bytes, complex)) or v is ...: raise ValueError",
      "  if isinstance(v, float) and (v != v or v in (float('inf'), -float('inf'))): raise ValueError",
      "  return v",
      "out = []",
      "for text in json.load(sys.stdin):",
      "  try: out.append([True, plain(ast.literal_eval(text))])",
      "  except Exception: out.append([False, text])",
      "json.dump(out, sys.stdout)",
    ].join("\n");
    const answers = JSON.parse(
      execFileSync("python3", ["-c", program], { input: JSON.stringify(texts), encoding: "utf8" }),
    ) as readonly (readonly [boolean, unknown])[];
    let literals = 0;
    for (const [index, text] of texts.entries()) {
      const [isLiteral, value] = answers[index] ?? [false, text];
      // Sets have no order, floats as keys look otherwise, and what looks like a template stays one.
      if (JSON.stringify(value).includes('{"set"') || /\{\{/.test(text) || /[\d.]\s*:/.test(text)) continue;
      if (isLiteral) literals++;
      assert.deepEqual(literalOf(text), value, JSON.stringify(text));
    }
    assert.ok(literals > 100, `${literals} literals`);
  });
});
