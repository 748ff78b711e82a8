// Conditions: what they give, and the CEL that they show to those who write Jinja.

import assert from "node:assert/strict";
import { PendingVariable } from "../../src/module/value.js";
import { conditionOf, conditionsOf } from "../../src/playbook/condition/condition.js";
import { lazyMap } from "../../src/playbook/scope/lazy-map.js";
import { createScope, mapLayer, pendingVariable } from "../../src/playbook/scope/scope.js";
import { readYaml } from "../../src/playbook/yaml/yaml.js";
import { messageOf, scopeOf } from "./scopes.js";

const hostvars = lazyMap({
  has: (name) => name === "db1",
  get: () => ({ port: 5432 }),
  names: () => ["db1"],
});
const scope = scopeOf(
  "n: 5\nhalf: 2.5\nname: web\nurl: 'http://{{name}}'\nempty: ''\nnothing: null\nitems: [1, 2]\nlist: [1, 2]\ndict: {a: 1}\nint: 3\nflag: true\nwords: 'yes'",
  {
    facts: { os: { family: "Debian", version: "12.4", n: 3 } },
    out: { changed: true, failed: false, skipped: false, rc: 0, stdout: "ok then" },
    all: {
      changed: true,
      results: [
        { item: "a", rc: 0 },
        { item: "b", rc: 1 },
      ],
    },
    item: { name: "joe" },
    hostvars,
    groups: { web: ["n1:a"] },
    group_names: ["web"],
  },
);

const holds: readonly (readonly [string, boolean])[] = [
  ["true", true],
  ["flag", true],
  ["!flag", false],
  ["n == 5", true],
  ["n == 5.0", true],
  ["n > 4.5", true],
  ["n + half == 7.5", true],
  ["n * 2 == 10", true],
  ["n / 2 == 2", true],
  ["n % 2 == 1", true],
  ["facts.os.n % 2 == 1", true],
  ["facts.os.n / 2 == 1", true],
  ["half % 2 == 0.5", true],
  ['name == "web" && n == 5', true],
  ['name == "db" || n == 5', true],
  ['url == "http://web"', true],
  ["n in items", false],
  ["2 in items", true],
  ["2.0 in items", true],
  ['"a" in dict', true],
  ['"e" in name', true],
  ['"web" in group_names', true],
  ["nothing == null", true],
  ["name != null", true],
  ['n == "5"', false],
  ["has(vars.n)", true],
  ["has(vars.qqq)", false],
  ["has(vars.qqq) && qqq == 1", false],
  ["has(dict.a) && !has(dict.b)", true],
  ["vars.list == [1, 2]", true],
  ["vars.int == 3", true],
  ["out.rc == 0 && out.changed && !out.failed", true],
  ['"ok" in out.stdout', true],
  ["all.results.exists(r, r.rc == 1)", true],
  ["all.results.all(r, r.rc == 0)", false],
  ["all.results.filter(r, r.rc > 0).map(r, r.item) == ['b']", true],
  ['item.name == "joe"', true],
  ["hostvars['db1'].port == 5432", true],
  ["'db2' in hostvars", false],
  ["size(groups.web) == 1", true],
  ['int("3") == 3', true],
  ['int("x", 7) == 7', true],
  ['double("2.5") == half', true],
  ["string(n) == '5'", true],
  ["bool(words)", true],
  ['name.matches("e")', true],
  ['name.matches("^eb")', false],
  ['name.matches("(?i)^WEB$")', true],
  ['name.matches("(?P<x>w)\\\\w+")', true],
  ['"a\\nb".matches("a$")', false],
  ['name.startsWith("w") && name.endsWith("b") && name.contains("e")', true],
  ["default(qqq, 3) == 3", true],
  ["default(dict.q.r, 3) == 3", true],
  ["default(n, 3) == 5", true],
  ['default(empty, "x", true) == "x"', true],
  ["defined(n) && undefined(qqq) && undefined(dict.q)", true],
  ['upper(name) == "WEB"', true],
  ["join(items, '-') == '1-2'", true],
  ["length(items) == 2 && size(items) == 2", true],
  ["regex_replace(name, 'e', 'o') == 'wob'", true],
  ['version(facts.os.version, "12.10", "<")', true],
  ['version("1.10", "1.9", ">=")', true],
  ["n > 3 ? flag : false", true],
  ["[1, 'a', true].exists(x, x == 'a')", true],
  ["qqq || true", true],
  ["union([1], [2]) == [1, 2]", true],
  ["dict2items(dict)[0].key == 'a'", true],
];

const jinja: readonly (readonly [string, string])[] = [
  ["foo is defined", "has(vars.foo)"],
  ["foo is not defined", "!has(vars.foo)"],
  ["foo is undefined", "!has(vars.foo)"],
  ["foo.bar is defined", "has(vars.foo) && has(foo.bar)"],
  ["foo.bar is not defined", "!(has(vars.foo) && has(foo.bar))"],
  ["foo is defined and foo", "has(vars.foo) && foo"],
  ["n == 5 and name == 'web'", 'n == 5 && name == "web"'],
  ["n == 5 or not flag", "n == 5 || !flag"],
  ["not (n == 5 and flag)", "!(n == 5 && flag)"],
  ["n == 5 and (flag or name == 'x')", 'n == 5 && (flag || name == "x")'],
  ["name not in ['a', 'b']", '!(name in ["a", "b"])'],
  ["out is failed", "out.failed"],
  ["out is not failed", "!out.failed"],
  ["out is succeeded", "!out.failed"],
  ["out is changed and n > 1", "out.changed && n > 1"],
  ["out is skipped", "out.skipped"],
  ["out|failed", "out.failed"],
  ["out | success", "!out.failed"],
  ["nothing is none", "nothing == null"],
  ["nothing is not none", "nothing != null"],
  ["items | length > 0", "size(items) > 0"],
  ["name | default('x') == 'x'", 'default(name, "x") == "x"'],
  ["words | bool", "bool(words)"],
  ["name is match('we')", 'name.matches("^we")'],
  ["name is search('e')", 'name.matches("e")'],
  ["facts.os.version is version('12', '>=')", 'version(facts.os.version, "12", ">=")'],
  ["name is string", "type(name) == string"],
  ["dict is mapping", "type(dict) == map"],
  ["2 is in items", "2 in items"],
  ["n is divisibleby(5)", "n % 5 == 0"],
  ["name.startswith('w') and flag", 'name.startsWith("w") && flag'],
  ["'x' if flag else 'y'", 'flag ? "x" : "y"'],
  ["lookup('env', 'HOME') == '/root' and flag", 'env("HOME") == "/root" && flag'],
  ["name ~ 'x' == 'webx'", 'string(name) + "x" == "webx"'],
  ["{{ n }}", "n"],
  ["{{ n }} == 5 and flag", "n == 5 && flag"],
];

const mistakes: readonly (readonly [string, string])[] = [
  [
    "name",
    'error: the condition "name" gives the text "web", not true or false\n  at when:1:1\n  1 | name\n    | ^\n  Write name != "", or bool(name) for words like yes and no.',
  ],
  [
    "n",
    'error: the condition "n" gives the number 5, not true or false\n  at when:1:1\n  1 | n\n    | ^\n  Write n != 0.',
  ],
  [
    "vars.list",
    'error: the condition "vars.list" gives a list of 2 items, not true or false\n  at when:1:1\n  1 | vars.list\n    | ^\n  Write size(vars.list) > 0.',
  ],
  [
    "nothing",
    'error: the condition "nothing" gives null, not true or false\n  at when:1:1\n  1 | nothing\n    | ^\n  Write nothing != null.',
  ],
  [
    "flag && nme == 1",
    'error: the variable "nme" is not defined\n  at when:1:9\n  1 | flag && nme == 1\n    |         ^\n  Did you mean "name"?',
  ],
  [
    "qqqqq == 1",
    'error: the variable "qqqqq" is not defined\n  at when:1:1\n  1 | qqqqq == 1\n    | ^\n  If it may be missing, ask first: has(vars.qqqqq) && …, or write default(qqqqq, …).',
  ],
  [
    "dict.q == 1",
    'error: there is no "q" in dict\n  at when:1:6\n  1 | dict.q == 1\n    |      ^\n  If it may be missing, ask first: has(dict.q) && …',
  ],
  ["flag == True", "error: True is no word of CEL\n  at when:1:9\n  1 | flag == True\n    |         ^\n  Write true."],
  ["n = 5", "error: = does not compare\n  at when:1:3\n  1 | n = 5\n    |   ^\n  Write ==."],
  [
    'n < "3"',
    'error: a number < text is not possible\n  at when:1:1\n  1 | n < "3"\n    | ^\n  Convert one side: int(x), double(x) or string(x).',
  ],
  [
    "!name",
    'error: ! does not go with text\n  at when:1:1\n  1 | !name\n    | ^\n  ! takes a boolean: write x == "", size(x) == 0, or !bool(x).',
  ],
  [
    "int == 3",
    "error: a type == a number is not possible\n  at when:1:1\n  1 | int == 3\n    | ^\n  Conditions are CEL. Write vars.int == 3",
  ],
  [
    "uper(name) == 'x'",
    'error: there is no function "uper"\n  at when:1:1\n  1 | uper(name) == \'x\'\n    | ^\n  Did you mean "upper"?',
  ],
  [
    "n == 5 &&",
    'error: this is no CEL expression: unexpected token: the end\n  at when:1:10\n  1 | n == 5 &&\n    |          ^\n  Conditions are CEL: a == "x" && (b > 1 || !c), x in [1, 2], has(vars.x), size(list) > 0.',
  ],
  ["name.matches('[')", "error: matches: \"[\" has a [ without its ]\n  at when:1:1\n  1 | name.matches('[')\n    | ^"],
];

describe("conditions", () => {
  for (const [text, value] of holds) {
    it(`${text} is ${value}`, () => {
      assert.equal(conditionOf("when", text).test(scope), value);
    });
  }
  for (const [text, cel] of jinja) {
    it(`${text} is Jinja: shows ${cel}`, () => {
      const message = messageOf(() => conditionOf("when", text));
      assert.ok(message.endsWith(`\n  Conditions are CEL. Write ${cel}`), message);
      assert.doesNotThrow(() => conditionOf("when", cel));
    });
  }
  for (const [text, message] of mistakes) {
    it(`${text} says what is wrong`, () => {
      assert.equal(
        messageOf(() => conditionOf("when", text).test(scope)),
        message,
      );
    });
  }

  it("gives plain numbers, not CEL's own", () => {
    assert.deepEqual(conditionOf("var", "{'a': n, 'b': [n + 1]}").evaluate(scope), { a: 5, b: [6] });
  });

  it("takes a list of which all must hold, and YAML's own booleans", () => {
    const node = readYaml("f", "when: [n == 5, true, 'name == \"web\"']");
    assert.ok(node?.kind === "map");
    const value = node.entries.get("when")?.value;
    assert.ok(value);
    assert.deepEqual(
      conditionsOf(value, "when").map((one) => one.test(scope)),
      [true, true, true],
    );
  });

  it("names what it reads, and what it can do without", () => {
    const condition = conditionOf(
      "when",
      "has(vars.a) && b.c == 1 && [1].exists(x, x == d) && default(e, 1) == 1 && vars.f == 1",
    );
    const optional = new Map(condition.references.map((one) => [one.name, one.isOptional]));
    assert.deepEqual(Object.fromEntries(optional), { a: true, vars: false, b: false, d: false, e: true, f: false });
  });

  it("lets it be seen that a variable is not known yet", () => {
    const pending = createScope([mapLayer("p", new Map([["later", pendingVariable("later")]]))]);
    assert.throws(() => conditionOf("when", "later.rc == 0").test(pending), PendingVariable);
    assert.throws(() => conditionOf("when", "has(vars.later)").test(pending), PendingVariable);
  });

  it("gives up regular expressions that would go on for ever", () => {
    const long = scopeOf("a: 1", { text: "a".repeat(40), huge: "a".repeat(1_000_001) });
    assert.equal(conditionOf("when", "text.matches('^(a+)+$')").test(long), true);
    assert.match(
      messageOf(() => conditionOf("when", "text.matches('(a+)+b')").test(long)),
      /takes too long[^]*Nested repetitions/,
    );
    assert.match(
      messageOf(() => conditionOf("when", "huge.matches('a')").test(long)),
      /1000001 characters; 1000000 can be searched/,
    );
  });
});
