// Arguments become checked parameters with Ansible's conversions, and problems are named with their remedy.

import assert from "node:assert/strict";
import { defineModule } from "../../src/module/contract.js";
import { convertParams, convertValue, pythonJson } from "../../src/module/params.js";
import type { ParamSpec } from "../../src/module/param.js";

const doc = "";
const module = defineModule({
  name: "sample",
  summary: "",
  params: {
    path: { type: "path", required: true, aliases: ["dest", "name"], doc },
    state: { type: "str", choices: ["present", "absent"], default: "present", doc },
    mode: { type: "mode", doc },
    a: { type: "str", doc },
    b: { type: "str", doc },
    items: { type: "list", elements: "int", doc },
  },
  rules: {
    mutuallyExclusive: [["a", "b"]],
    requiredIf: [{ param: "state", is: "absent", needs: ["a"] }],
    requiredBy: { mode: ["b"] },
  },
  observe: () => ({}),
  plan: () => ({ changes: [] }),
  examples: [],
});

describe("conversion of a value", () => {
  const cases: [ParamSpec["type"], unknown, unknown][] = [
    ["bool", "yes", true],
    ["bool", "Off", false],
    ["bool", 1, true],
    ["bool", "0", false],
    ["str", 5, "5"],
    ["str", true, "True"],
    ["int", "42", 42],
    ["float", "1.5", 1.5],
    ["list", "a, b", ["a", "b"]],
    ["list", "a", ["a"]],
    ["list", 5, [5]],
    ["dict", '{"a": 1}', { a: 1 }],
    ["dict", "a=1, b=2", { a: "1", b: "2" }],
    ["mode", "0644", "0644"],
    ["mode", "u=rwX,g-w,o=", "u=rwX,g-w,o="],
    ["content", { b: 1, a: ["é"] }, '{"b": 1, "a": ["\\u00e9"]}'],
  ];
  for (const [type, given, wanted] of cases) {
    it(`takes ${JSON.stringify(given)} for a ${type} as ${JSON.stringify(wanted)}`, () => {
      assert.deepEqual(convertValue({ type, doc }, given), { value: wanted });
    });
  }

  const wrong: [ParamSpec["type"], unknown, RegExp][] = [
    ["bool", "maybe", /true or false, not "maybe"/],
    ["int", "1.5", /whole number/],
    ["str", ["a"], /text, not a list/],
    ["dict", "x", /a map, not a string/],
    ["mode", 644, /Write it as text with a leading zero: "0644"/],
    ["mode", 420, /Write it as text with a leading zero: "0420"/],
    ["mode", "rw-r--r--", /octal/],
  ];
  for (const [type, given, message] of wrong) {
    it(`refuses ${JSON.stringify(given)} for a ${type}`, () => {
      const converted = convertValue({ type, doc }, given);
      assert.ok("problem" in converted);
      assert.match(`${converted.problem} ${converted.remedy ?? ""}`, message);
    });
  }

  it("writes structures as Python's json does", () => {
    assert.equal(pythonJson({ a: [1, true, null, "x"], b: {} }), '{"a": [1, true, null, "x"], "b": {}}');
  });
});

describe("parameters of a task", () => {
  const problemsOf = (given: Record<string, unknown>): string =>
    convertParams(module, given)
      .problems.map(({ message, remedy }) => `${message}. ${remedy ?? ""}`)
      .join("\n");

  it("are filled with defaults and known by their aliases", () => {
    const { params, problems } = convertParams(module, { dest: "/x", items: "1,2" });
    assert.deepEqual(problems, []);
    assert.deepEqual(params, { path: "/x", state: "present", items: [1, 2] });
  });
  it("count as absent where they are null", () => assert.match(problemsOf({ path: null }), /path is missing/));
  it("name the near one where one is unknown", () =>
    assert.match(problemsOf({ path: "/x", sate: "x" }), /no parameter "sate". Did you mean "state"/));
  it("are refused twice under two names", () =>
    assert.match(problemsOf({ path: "/x", name: "/y" }), /the same parameter/));
  it("must be one of the choices", () =>
    assert.match(problemsOf({ path: "/x", state: "presnt" }), /one of present, absent.*Did you mean "present"/));
  it("keep the rules between them", () => {
    assert.match(problemsOf({ path: "/x", a: "1", b: "2" }), /a and b exclude each other/);
    assert.match(problemsOf({ path: "/x", state: "absent" }), /state: absent needs a/);
    assert.match(problemsOf({ path: "/x", mode: "0644" }), /mode needs b/);
  });
  it("are not judged by value where the value is a template still", () => {
    assert.deepEqual(convertParams(module, { path: "{{p}}", state: "{{s}}" }, () => false).problems, []);
  });
});
