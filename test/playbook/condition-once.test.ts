// Conditions are compiled once, however many targets they are judged for.

import assert from "node:assert/strict";
import { Environment } from "@marcbachmann/cel-js";
import { conditionOf } from "../../src/playbook/condition/condition.js";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";

describe("a condition", () => {
  const text = 'port > 1024 && name.matches("^web") && join(sort(groups), ",") == "a,b" && default(missing, 3) == 3';
  const original = Environment.prototype.parse;
  let parsed = 0;
  before(() => {
    Environment.prototype.parse = function (this: Environment, ...args: Parameters<typeof original>) {
      parsed++;
      return original.apply(this, args);
    };
  });
  after(() => {
    Environment.prototype.parse = original;
  });

  it("is parsed when it is loaded, and never again: not for a target, not where another task has the same", () => {
    const one = conditionOf("when", text);
    assert.equal(parsed, 1);
    for (let target = 0; target < 2000; target++) {
      const scope = createScope([
        rawLayer("target", { port: 1000 + target, name: `web${target}`, groups: ["b", "a"] }),
      ]);
      assert.equal(one.test(scope), 1000 + target > 1024);
    }
    conditionOf("until", text);
    assert.equal(parsed, 1);
  });

  it("costs microseconds a target, not milliseconds", () => {
    const one = conditionOf("when", text);
    const scope = createScope([rawLayer("target", { port: 2000, name: "web1", groups: ["b", "a"] })]);
    one.test(scope);
    const before = process.cpuUsage();
    for (let round = 0; round < 20_000; round++) one.test(scope);
    const { user } = process.cpuUsage(before);
    assert.ok(user / 20_000 < 500, `${user / 20_000} µs`);
  });
});
