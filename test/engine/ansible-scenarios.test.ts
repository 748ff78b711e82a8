// The scenarios of Ansible's own tests of the language, written anew: recap, exit status and the order of results as ansible-playbook 2.14 gave them.

import assert from "node:assert/strict";
import { comeOf } from "./ansible-flow/run-case.js";
import { cases, differencesOf, recordedOf } from "./ansible-flow/twin.js";

const stale = "node build/test/engine/ansible-flow/record/record.js records it";

describe("scenarios of Ansible's own tests", () => {
  for (const target of new Set(cases().map((one) => one.target))) {
    describe(target, () => {
      const recorded = recordedOf(target);
      const differences = differencesOf(target);
      for (const one of cases().filter((each) => each.target === target)) {
        const short = one.name.slice(target.length + 1);
        const differs = differences[short];
        it(differs ? `${one.name}, other than Ansible: ${differs.why}` : one.name, async () => {
          const expected = recorded[short];
          assert.ok(expected, `was never recorded: ${stale}`);
          assert.equal(expected.of, one.of, `was changed since it was recorded: ${stale}`);
          const came = await comeOf(one);
          assert.deepEqual(await comeOf(one, "linear"), came, "in lockstep something else comes of it");
          const { results, recap, exit } = expected;
          if (!differs) assert.deepEqual(came, { results, recap, exit });
          else {
            assert.notDeepEqual(came, { results, recap, exit }, "differs no more");
            assert.deepEqual(came, { results: differs.results, recap: differs.recap, exit: differs.exit });
          }
        });
      }
    });
  }
});
