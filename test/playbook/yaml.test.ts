// Reading YAML: values, places, and what is refused.

import assert from "node:assert/strict";
import fc from "fast-check";
import { originOf, placeOf, plainOf, readYaml, toYaml, type YamlNode } from "../../src/playbook/yaml/yaml.js";
import { messageOf } from "./scopes.js";

const scalars: readonly (readonly [string, unknown])[] = [
  ["5", 5],
  ["-5", -5],
  ["0", 0],
  ["0644", "0644"],
  ["-07", "-07"],
  ["00", "00"],
  ["0.5", 0.5],
  ["0o644", "0o644"],
  ["0x1F", 31],
  ["1_000", "1_000"],
  ["12345678901234567890", "12345678901234567890"],
  ["1.5", 1.5],
  ["1e3", 1000],
  [".inf", Infinity],
  ["12:30", "12:30"],
  ["2026-01-01", "2026-01-01"],
  ["true", true],
  ["True", true],
  ["yes", "yes"],
  ["on", "on"],
  ["no", "no"],
  ["null", null],
  ["~", null],
  ["", null],
  ["'5'", "5"],
  ['"true"', "true"],
  ["!!str 5", "5"],
  ['!!int "5"', 5],
  ["!unsafe '{{x}}'", "{{x}}"],
];

function valueOf(text: string): YamlNode {
  const node = readYaml("f.yml", text);
  assert.ok(node);
  return node;
}

describe("YAML", () => {
  for (const [text, value] of scalars) {
    it(`a: ${text} gives ${JSON.stringify(value)}`, () => {
      assert.deepEqual(plainOf(valueOf(`a: ${text}`)), { a: value });
    });
  }

  it("merges with <<, own keys first, whatever the order", () => {
    const text = "base: &b {x: 1, y: 1}\nmore: &m {y: 2, z: 2}\none: {<<: *b, x: 0}\ntwo:\n  y: 0\n  <<: [*m, *b]\n";
    const { one, two } = plainOf(valueOf(text)) as { one: unknown; two: unknown };
    assert.deepEqual(one, { x: 0, y: 1 });
    assert.deepEqual(two, { y: 0, z: 2, x: 1 });
  });

  it("knows the place of every node", () => {
    const node = valueOf("a:\n  - b: [1,\n      two]\n");
    assert.ok(node.kind === "map");
    const list = node.entries.get("a")?.value;
    assert.ok(list?.kind === "list");
    const inner = list.items[0];
    assert.ok(inner?.kind === "map");
    const b = inner.entries.get("b")?.value;
    assert.ok(b?.kind === "list" && b.items[1]);
    assert.deepEqual(
      [list, inner, b, b.items[1]].map((one) => [placeOf(one).line, placeOf(one).column]),
      [
        [2, 3],
        [2, 5],
        [2, 8],
        [3, 7],
      ],
    );
  });

  it("knows where a character of a text stands: plain, quoted, literal", () => {
    const node = valueOf("a: plain text\nb: 'quoted'\nc: |\n  one\n   two\n");
    assert.ok(node.kind === "map");
    const at = (key: string, index: number): unknown => {
      const value = node.entries.get(key)?.value;
      assert.ok(value?.kind === "scalar");
      const { line, column } = originOf(value).at(index);
      return [line, column];
    };
    assert.deepEqual(
      [at("a", 6), at("b", 1), at("c", 5)],
      [
        [1, 10],
        [2, 6],
        [5, 4],
      ],
    );
  });

  it("takes an empty file and one with comments alone for nothing", () => {
    assert.equal(readYaml("f", ""), undefined);
    assert.equal(readYaml("f", "# x\n---\n# y\n"), undefined);
  });

  for (const [text, expected] of [
    ["a: 1\nb: 2\na: 3\n", /the key "a" stands here a second time\n {2}at f:3:1[^]*first given in line 1/],
    ["a: 1\n---\nb: 2\n", /a second document begins here\n {2}at f:2:1/],
    ["---\na: 1\n---\nb: 2\n", /a second document begins here\n {2}at f:3:1/],
    ["a: &x [*x]\n", /the anchor "x" contains itself/],
    ["a: !foo b\n", /unknown tag !foo/],
    ["a: !!int x\n", /"x" is no !!int/],
    ["<<: 5\n", /"<<" takes a map or a list of maps/],
    ["? [a]\n: b\n", /a key must be text, not a list/],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.match(
        messageOf(() => readYaml("f", text)),
        expected,
      );
    });
  }

  it("law: reads back what it wrote, compact or not", () => {
    const key = fc.stringMatching(/^[a-z]{1,5}$/);
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("any"), { maxLength: 4 }),
        fc.dictionary(key, tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, fc.boolean(), (one, isCompact) => {
        const node = readYaml("f", toYaml({ one }, 2, 80, isCompact));
        assert.deepEqual(node && plainOf(node), JSON.parse(JSON.stringify({ one })));
      }),
    );
  });
});
