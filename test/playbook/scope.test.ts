// Scopes: precedence, lazy values, cycles, what is remembered and what is not.

import assert from "node:assert/strict";
import { PendingVariable, type Renderable, type VarLayer } from "../../src/module/value.js";
import { createScope, mapLayer, pendingVariable, rawLayer } from "../../src/playbook/scope/scope.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { layerOf, messageOf } from "./scopes.js";

describe("scopes", () => {
  it("takes the value of the highest layer", () => {
    const scope = createScope([layerOf("a: 1\nb: 1"), layerOf("a: 2"), rawLayer("top", { c: 3 })]);
    assert.deepEqual([scope.get("a"), scope.get("b"), scope.get("c")], [2, 1, 3]);
    assert.deepEqual([...scope.names()].sort(), ["a", "b", "c"]);
    assert.equal(scope.origin("c"), "top");
  });

  it("renders a lower variable with the higher values", () => {
    const scope = createScope([layerOf("url: 'http://{{host}}'\nhost: a"), layerOf("host: b")]);
    assert.equal(scope.get("url"), "http://b");
  });

  it("renders a variable anew where something that it leads to is shadowed, and only there", () => {
    let count = 0;
    const counted: Renderable = {
      place: undefined,
      isStatic: false,
      names: new Set(["x"]),
      render: (scope) => `${++count}:${String(scope.get("x"))}`,
    };
    const scope = createScope([mapLayer("m", new Map([["a", counted]])), layerOf("x: 0\nouter: '{{a}}'")]);
    assert.equal(scope.get("outer"), "1:0");
    assert.equal(scope.with(rawLayer("loop", { item: 1 })).get("outer"), "1:0");
    assert.equal(scope.with(rawLayer("loop", { x: 1 })).get("outer"), "2:1");
    assert.equal(scope.get("outer"), "1:0");
  });

  it("sees at once that a layer changed", () => {
    const values = new Map<string, { raw: unknown }>();
    const mutable: VarLayer = { origin: "registered", get: (name) => values.get(name), names: () => values.keys() };
    const scope = createScope([layerOf("line: 'rc={{out.rc}}'\nout: {rc: none}"), mutable]);
    assert.equal(scope.get("line"), "rc=none");
    values.set("out", { raw: { rc: 1 } });
    assert.equal(scope.get("line"), "rc=1");
    values.set("out", { raw: { rc: 2 } });
    assert.equal(scope.get("line"), "rc=2");
    values.delete("out");
    assert.equal(scope.get("line"), "rc=none");
  });

  it("never renders data", () => {
    const scope = createScope([rawLayer("facts", { evil: "{{secret}}" }), layerOf("show: 'got {{evil}}'")]);
    assert.equal(scope.get("show"), "got {{secret}}");
  });

  it("shows a cycle and where it begins", () => {
    const scope = createScope([layerOf("a: '{{b}}'\nb: 'x{{c}}'\nc: '{{a}}'")]);
    assert.equal(
      messageOf(() => scope.get("a")),
      "error: the variable \"a\" is made of itself: a → b → c → a\n  at vars.yml:1:5\n  1 | a: '{{b}}'\n    |     ^\n" +
        "  Variables are rendered when they are used, so a name always means the innermost definition.\n  Give one of them another name.",
    );
    const own = createScope([layerOf("x: 1")]).with(layerOf("x: '{{x}}1'"));
    assert.match(
      messageOf(() => own.get("x")),
      /made of itself: x → x/,
    );
  });

  it("names near ones where a variable is not defined", () => {
    assert.match(
      messageOf(() => createScope([layerOf("http_port: 1")]).get("htp_port")),
      /Did you mean "http_port"\?/,
    );
  });

  it("lets what is pending be known only when it is looked up", () => {
    const scope = createScope([
      mapLayer("p", new Map([["out", pendingVariable("out")]])),
      layerOf("a: '{{out.rc}}'\nb: 1"),
    ]);
    assert.ok(scope.has("out"));
    assert.equal(scope.get("b"), 1);
    assert.throws(
      () => scope.get("a"),
      (error) => error instanceof PendingVariable && error.variable === "out",
    );
  });

  it("has vars, the map of all: lazily", () => {
    const scope = createScope([layerOf("a: 1\nbroken: '{{nowhere}}'\nb: '{{vars.a}}'\nc: '{{lookup vars \"a\"}}'")]);
    assert.equal(scope.get("b"), 1);
    assert.equal(scope.get("c"), 1);
    assert.deepEqual(Object.keys(scope.get("vars") ?? {}), ["a", "broken", "b", "c"]);
    assert.equal(scope.with(layerOf("a: 2")).get("b"), 2);
  });

  it("renders a template in the scope of the task that uses it", () => {
    const scope = createScope([layerOf("greeting: 'hi {{item}}'")]);
    const template = templateOfText("t", "{{greeting}}");
    assert.deepEqual(
      ["a", "b"].map((item) => template.render(scope.with(rawLayer("loop", { item })))),
      ["hi a", "hi b"],
    );
  });
});
