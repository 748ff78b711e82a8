// Scenarios of the modules that touch no tree: assert, debug, fail, set_fact. Conditions and templates are written as both languages have them.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const late = { failsLate: true } as const;
type More = Partial<Step>;
const expect = (params: Step["params"], changed: Step["changed"], more: More = {}): Step =>
  step("assert", params, changed, more);
const debug = (params: Step["params"], changed: Step["changed"], more: More = {}): Step =>
  step("debug", params, changed, more);
const setFact = (params: Step["params"], changed: Step["changed"], more: More = {}): Step =>
  step("set_fact", params, changed, more);

export const assertScenarios: readonly Scenario[] = [
  {
    name: "in a loop, quiet or not",
    runs: true,
    steps: [true, false].map((quiet) =>
      expect({ that: "item == 'a'", quiet }, false, {
        keywords: { loop: ["a"] },
        result: { "results.0.msg": "All assertions passed" },
      }),
    ),
  },
  {
    name: "the first that does not hold is told, quiet or not",
    runs: true,
    steps: [true, false].map((quiet) =>
      expect({ that: ["1 == 1", "1 == 2", "1 == 3"], quiet }, "failed", {
        message: "Assertion failed",
        result: { assertion: "1 == 2", evaluated_to: false, changed: false },
        ...late,
      }),
    ),
  },
  {
    name: "its own words, by either name",
    runs: true,
    steps: [
      expect({ that: "1 == 2", fail_msg: "a" }, "failed", { message: "a", ...late }),
      expect({ that: "1 == 2", msg: "b" }, "failed", { message: "b", ...late }),
      expect({ that: "1 == 2", fail_msg: "" }, "failed", { message: "", ...late }),
      expect({ that: "1 == 1", success_msg: "c" }, false, { message: "c" }),
      expect({ that: "1 == 1", fail_msg: "a" }, false, { message: "All assertions passed" }),
    ],
  },
  {
    name: "several lines stay a list in the result",
    runs: true,
    steps: [
      expect({ that: "1 == 2", fail_msg: ["a", "b"] }, "failed", { result: { msg: ["a", "b"] }, ...late }),
      expect({ that: "1 == 1", success_msg: ["c", "d"] }, false, { result: { msg: ["c", "d"] } }),
    ],
  },
  {
    name: "messages that are no text",
    runs: true,
    steps: [
      expect({ that: "1 == 2", fail_msg: 5 }, "failed", {
        message: /Incorrect type for fail_msg or msg, expected a string or list/,
      }),
      expect({ that: "1 == 2", fail_msg: [5] }, "failed", {
        message: /Type of one of the elements in fail_msg or msg list is not string type/,
      }),
      expect({ that: "1 == 1", success_msg: 5 }, "failed", {
        message: /Incorrect type for success_msg, expected a string or list/,
      }),
      expect({ that: "1 == 1", success_msg: [5] }, "failed", {
        message: /Type of one of the elements in success_msg list is not string type/,
      }),
    ],
  },
  {
    name: "true alone holds, and so does nothing at all",
    runs: true,
    steps: [expect({ that: true }, false), expect({ that: [] }, false), expect({ that: false }, "failed", late)],
  },
  {
    name: "without that it cannot be",
    runs: true,
    steps: [expect({ msg: "x" }, "failed", { message: /\bthat\b/ })],
  },
  {
    name: "reads results of earlier tasks, in check mode as well",
    runs: true,
    steps: [
      step("stat", { path: "/t/nothing" }, false, { keywords: { register: "seen" } }),
      expect({ that: ["seen.stat.exists == false", "seen.failed == false"] }, false),
      expect({ that: "seen.stat.exists" }, "failed", { isCheck: true, ...late }),
    ],
  },
];

export const debugScenarios: readonly Scenario[] = [
  {
    name: "a variable in a loop",
    runs: true,
    steps: [
      debug({ var: "item" }, false, {
        keywords: { loop: [1, 2, 3] },
        result: { "results.0.item": 1, "results.2.item": 3 },
      }),
    ],
  },
  {
    name: "sets no facts from what it shows",
    runs: true,
    steps: [
      setFact({ seen_facts: { nonfact: 1 } }, false),
      debug({ var: "seen_facts" }, false, { result: { seen_facts: { nonfact: 1 } } }),
      debug({ var: "nonfact" }, false, { result: { nonfact: "VARIABLE IS NOT DEFINED!" } }),
    ],
  },
  {
    name: "nested names and elements",
    runs: true,
    steps: [
      debug({ var: "a.b" }, false, { vars: { a: { b: [1, { c: "x" }] } }, result: { changed: false } }),
      debug({ var: "a['b'][0]" }, false, { vars: { a: { b: ["one", { c: "x" }] } }, result: { "a['b'][0]": "one" } }),
    ],
  },
  {
    name: "a message of any type",
    runs: true,
    steps: [
      debug({ msg: "text" }, false, { result: { msg: "text" } }),
      debug({ msg: [1, { a: "b" }] }, false, { result: { msg: [1, { a: "b" }] } }),
      debug({ msg: 5 }, false, { result: { msg: 5 } }),
      debug({ msg: "{{five}}" }, false, { vars: { five: "5" }, result: { msg: "5" } }),
      debug({ msg: "{{list}}" }, false, { vars: { list: [1, 2] }, result: { msg: [1, 2] } }),
      debug({}, false, { result: { msg: "Hello world!" } }),
    ],
  },
  {
    name: "below its verbosity it is skipped",
    runs: true,
    steps: [
      debug({ msg: "x", verbosity: 1 }, false, {
        result: { skipped_reason: "Verbosity threshold not met.", skipped: true, msg: undefined },
      }),
      debug({ msg: "x", verbosity: 0 }, false, { result: { msg: "x" } }),
    ],
  },
  {
    name: "msg and var at once",
    runs: true,
    steps: [debug({ msg: "x", var: "y" }, "failed", { message: /msg'? and '?var/ })],
  },
  {
    name: "fails where failed_when says so, its message kept",
    runs: true,
    steps: [
      debug({ msg: "x" }, "failed", {
        keywords: { failed_when: true },
        message: "x",
        result: { failed_when_result: true },
        ...late,
      }),
    ],
  },
];

export const failScenarios: readonly Scenario[] = [
  {
    name: "words of its own or Ansible's",
    runs: true,
    steps: [
      step("fail", {}, "failed", { message: "Failed as requested from task", result: { changed: false }, ...late }),
      step("fail", { msg: "why" }, "failed", { message: "why", ...late }),
      step("fail", { msg: "{{why}}" }, "failed", { vars: { why: "because" }, message: "because", ...late }),
    ],
  },
  {
    name: "a message of any type",
    runs: true,
    steps: [
      step("fail", { msg: { a: 1 } }, "failed", { result: { msg: { a: 1 } }, ...late }),
      step("fail", { msg: ["x", "y"] }, "failed", { result: { msg: ["x", "y"] }, ...late }),
      step("fail", { msg: 5 }, "failed", { result: { msg: 5 }, ...late }),
    ],
  },
  {
    name: "only where its condition holds",
    runs: true,
    steps: [step("fail", { msg: "no" }, false, { keywords: { when: "1 == 2" }, result: { skipped: true } })],
  },
];

export const setFactScenarios: readonly Scenario[] = [
  {
    name: "each round of a loop sees what the last one set",
    runs: true,
    steps: [
      setFact({ grown: "{{grown}}{{item}}" }, false, {
        vars: { grown: "one," },
        keywords: { loop: ["two,", "three"] },
        result: { changed: false },
      }),
      expect({ that: "grown == 'one,two,three'" }, false),
    ],
  },
  {
    name: "yes, no, true and false become booleans, whatever their case and wherever they come from",
    runs: true,
    steps: [
      setFact({ a: "yes", b: "No", c: "TRUE", d: "{{text}}", e: true, f: "on", g: "0", h: ["no"] }, false, {
        vars: { text: "false" },
        result: { ansible_facts: { a: true, b: false, c: true, d: false, e: true, f: "on", g: "0", h: ["no"] } },
      }),
      expect({ that: ["a == true", "b == false", "c == true", "d == false", "f == 'on'"] }, false),
    ],
  },
  {
    name: "types are kept: numbers, lists, maps, empty keys",
    runs: true,
    steps: [
      setFact({ five: 5, list: [1, "2"], map: { "": "bar{{one}}" } }, false, {
        vars: { one: "1" },
        result: { ansible_facts: { five: 5, list: [1, "2"], map: { "": "bar1" } } },
      }),
      expect({ that: ["five + 1 == 6"] }, false),
    ],
  },
  {
    name: "a name may be a template",
    runs: true,
    steps: [
      setFact({ "{{name}}_port": 80 }, false, { vars: { name: "web" }, result: { ansible_facts: { web_port: 80 } } }),
      expect({ that: "web_port == 80" }, false),
      setFact({ "{{item}}_port": 81 }, false, { keywords: { loop: ["web", "db"] } }),
      expect({ that: ["web_port == 81", "db_port == 81"] }, false),
    ],
  },
  {
    name: "what is no name is refused",
    runs: true,
    steps: [setFact({ "1a": 1 }, "failed", { message: /The variable name '1a' is not valid/, ...late })],
  },
  {
    name: "nothing to set is a failure",
    runs: true,
    steps: [
      setFact({}, "failed", { message: /No key\/value pairs provided/, ...late }),
      setFact({ cacheable: true }, "failed", { message: /No key\/value pairs provided/, ...late }),
    ],
  },
  {
    name: "is stronger than variables of later tasks, and cacheable is taken",
    runs: true,
    steps: [
      setFact({ kept: "new", cacheable: true }, false, { result: { ansible_facts: { kept: "new" } } }),
      expect({ that: "kept == 'new'" }, false),
      expect({ that: "kept == 'new'" }, false, { vars: { kept: "task" } }),
    ],
  },
  {
    name: "only where its condition holds; in check mode as well",
    runs: true,
    steps: [
      setFact({ chosen: "a" }, false),
      setFact({ chosen: "b" }, false, { keywords: { when: "chosen == 'z'" }, result: { skipped: true } }),
      setFact({ chosen: "c" }, false, { isCheck: true }),
      expect({ that: "chosen == 'c'" }, false),
    ],
  },
];
