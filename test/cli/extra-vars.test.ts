// `-e` in all its forms gives the values that Ansible takes from it, later ones stronger, and says what is wrong with it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extraVarLayers, extraVars } from "../../src/cli/extra-vars.js";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { createScope } from "../../src/playbook/scope/scope.js";

/** Values by name, rendered. */
function valuesOf(...given: string[]): Record<string, unknown> {
  const scope = createScope([extraVars(given)]);
  return Object.fromEntries([...scope.names()].map((name) => [name, scope.get(name)]));
}

// What ansible-core 2.14 made of the same arguments.
const good: readonly (readonly [given: readonly string[], values: Record<string, unknown>])[] = [
  [["a=1"], { a: "1" }],
  [["a=true b=null"], { a: "true", b: "null" }],
  [['a="x y" b=2'], { a: "x y", b: "2" }],
  [["a='x y'"], { a: "x y" }],
  [[String.raw`a=x\ny`], { a: "x\ny" }],
  [[String.raw`a=x\\y`], { a: String.raw`x\y` }],
  [[String.raw`a=\d+\.\w`], { a: String.raw`\d+\.\w` }],
  [[String.raw`a=\u00e4\x41`], { a: "äA" }],
  [[String.raw`a="x\"y"`], { a: 'x"y' }],
  [['a=x"y z"w'], { a: 'x"y z"w' }],
  [['a="x"y'], { a: '"x"y' }],
  [["a="], { a: "" }],
  [["a=1=2"], { a: "1=2" }],
  [["a={{ b }} b=3"], { a: "3", b: "3" }],
  [['{"a": 1, "b": [true, null, 1.5], "c": {"d": "x"}}'], { a: 1, b: [true, null, 1.5], c: { d: "x" } }],
  [
    ["{a: 1, b: yes, c: 2024-01-01, d: 12345678901234567890, e: ~}"],
    { a: 1, b: "yes", c: "2024-01-01", d: "12345678901234567890", e: null },
  ],
  [["a: [1, 2]"], { a: [1, 2] }],
  [["a: 1\nb: 2"], { a: 1, b: 2 }],
  [["a=1", '{"a": 2}', "a: 3"], { a: 3 }],
  [['{"a": 2, "b": 1}', "a=1"], { a: "1", b: 1 }],
  [[""], {}],
];

const bad: readonly (readonly [given: string, message: RegExp])[] = [
  ["novalue", /-e novalue: has no value: "novalue"/],
  ["a=1 b", /has no value: "b"/],
  ["=1", /has no value/],
  ['a="x', /has an open double quote/],
  ["my-var=1", /"my-var" is no name for a variable\n {2}.*my_var/],
  ["1a=1", /_1a/],
  ['{"a": 1', /at -e \{"a": 1:1/],
  ["[1, 2]", /must be a map of variables\n {2}at -e \[1, 2\]:1:1/],
  ['{"my-var": 1}', /"my-var" is no name for a variable\n {2}at -e .*:1:3/],
  ["/etc/vars.yml", /looks like the path of a file\n {2}Write -e @\/etc\/vars\.yml/],
  ["./vars.yml", /Write -e @\.\/vars\.yml/],
  ["@/no/such/file", /cannot be read[^]*Is the path right\?/],
  ["@/", /is a directory/],
];

describe("cli: -e", () => {
  for (const [given, values] of good)
    it(`-e ${given.join(" -e ")} gives ${JSON.stringify(values)}`, () => assert.deepEqual(valuesOf(...given), values));
  for (const [given, message] of bad)
    it(`-e ${given} is refused with what to write`, () =>
      assert.throws(
        () => extraVars([given]),
        (error) => error instanceof CrunError && message.test(error.message),
      ));

  describe("from a file", () => {
    let directory: string;
    beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "crun-extra-"))));
    afterEach(() => rmSync(directory, { recursive: true }));
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return `@${join(directory, name)}`;
    };

    it("YAML and JSON keep their types, and an empty file is no variables", () => {
      assert.deepEqual(valuesOf(file("a.yml", "a: 1\nb: [x]\n"), file("b.json", '{"a": 2}')), { a: 2, b: ["x"] });
      assert.deepEqual(valuesOf(file("empty.yml", "# nothing\n")), {});
    });
    it("a file that is no map, or has a name that is none, is refused with its line", () => {
      assert.throws(
        () => extraVars([file("list.yml", "- a\n")]),
        /must be a map of variables\n {2}at .*list\.yml:1:1\n {2}1 \| - a/,
      );
      assert.throws(() => extraVars([file("name.yml", "ok: 1\nmy-var: 2\n")]), /name\.yml:2:1\n {2}2 \| my-var: 2/);
    });
    it("each -e knows where its values stand", () => {
      const layers = extraVarLayers(["a=1", file("a.yml", "---\na: 2\n")]);
      assert.deepEqual(
        layers.map((layer) => layer.placeOf?.("a")?.line),
        [undefined, 2],
      );
      assert.equal(layers[0]?.placeOf?.("a")?.file, "-e a=1");
    });
  });
});
