// Each helper has examples, each example gives what is said, and docs/HELPERS.md says what `crun doc helpers` knows.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { helpersPage } from "../../src/cli/doc-helpers.js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { exampleVariables, helperExamples } from "../../src/playbook/helpers/examples.js";
import { helpers } from "../../src/playbook/helpers/index.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import { templateOfText } from "../../src/playbook/template/template.js";

const scope = createScope([
  rawLayer("example", { ...exampleVariables, playbook_dir: join(process.cwd(), "test/playbook/helper-examples") }),
]);

describe("examples of helpers", () => {
  it("are there for every helper, and for nothing else", () =>
    assert.deepEqual(Object.keys(helperExamples).sort(), Object.keys(helpers).sort()));

  it("use the helper that they are for", () => {
    for (const [name, examples] of Object.entries(helperExamples))
      for (const [text] of examples) assert.match(text, new RegExp(`(^|[( ])${name}\\b`), name);
  });

  for (const [name, examples] of Object.entries(helperExamples))
    for (const [text, value] of examples)
      it(`${name}: {{${text}}}`, () => assert.deepEqual(templateOfText("t", `{{${text}}}`).render(scope), value));

  it("are on the page of helpers, which is up to date", () => {
    const page = helpersPage();
    if (process.env["CRUN_WRITE_EXPECTED"]) writeFileSync("docs/HELPERS.md", page);
    assert.equal(readFileSync("docs/HELPERS.md", "utf8"), page);
  });
});

describe("options of helpers in conditions", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['join(users, " ", {"attribute": "name"})', "joe ann"],
    ['sort(users, {"attribute": "name"}).map(u, u.name)', ["ann", "joe"]],
    ['map(users, {"attribute": "name"})', ["joe", "ann"]],
    ['map(users, {"attribute": "shell", "default": "-"})', ["/bin/bash", "-"]],
    ['map(["A-b"], "regex_replace", "[a]-", "+", {"ignorecase": true})', ["+b"]],
    ['combine(limits, {"tasks": 1})', { memory: "2G", tasks: 1 }],
    ['combine({"a": {"x": 1}}, {"a": {"y": 2}}, {"recursive": true})', { a: { x: 1, y: 2 } }],
    ['select([{"a": 1}, {"a": 2}], "eq", {"a": 1})', [{ a: 1 }]],
    ['dict({"a": 1})', { a: 1 }],
    ['to_json({"indent": 1})', '{"indent": 1}'],
    ['to_json(limits, {"sort_keys": true})', '{"memory": "2G", "tasks": 100}'],
    ['random(60, {"seed": name}) < 60', true],
    ['regex_replace("AbA", "a", "x", {"ignorecase": true, "count": 1})', "xbA"],
    ['max(users, {"attribute": "uid"}).name', "ann"],
    ['sequence({"count": 2})', ["1", "2"]],
    ['path_join("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")', "a/b/c/d/e/f/g/h/i/j"],
    ["-abs(-2)", -2],
  ];
  for (const [text, value] of cases) it(text, () => assert.deepEqual(conditionOf("when", text).evaluate(scope), value));
});
