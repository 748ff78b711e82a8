// Every scenario of the file modules as a saved plan: what it applies is what the play does.

import assert from "node:assert/strict";
import type { Change } from "../../src/module/change.js";
import { FakeTree } from "../engine/fake-session.js";
import { loadModules, play, runPlays, task } from "../engine/playbooks.js";
import { scenarios } from "../integration/ansible-scenarios/all.js";
import type { Scenario } from "../integration/ansible-scenarios/scenario.js";
import { applied, planned } from "./plans.js";

const accounts = {
  "/etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n",
  "/etc/group": "root:x:0:\ndaemon:x:1:\nbin:x:2:\nadm:x:4:\napp:x:1000:\n",
};

/** Those that need nothing but a tree in memory, and come to their end. */
const own = scenarios.filter(
  ({ runs, files, programs, steps }) =>
    runs !== true &&
    files === undefined &&
    programs === undefined &&
    steps.every(({ changed, isCheck, freeForm }) => changed !== "failed" && !isCheck && freeForm === undefined),
);

describe("scenarios as saved plans", () => {
  before(loadModules);

  const treeOf = (scenario: Scenario): FakeTree => new FakeTree({ ...accounts, ...scenario.start });
  const playOf = (scenario: Scenario): ReturnType<typeof play> =>
    play(
      scenario.steps.map(({ module, params, vars, keywords }, index) =>
        task(module, params, { name: `step ${index + 1}`, ...(vars ? { vars } : {}), ...keywords }),
      ),
    );

  it("are many", () => assert.ok(own.length > 60, String(own.length)));

  for (const scenario of own) {
    it(`${scenario.id}: ${scenario.name}`, async () => {
      const [one, other] = [treeOf(scenario), treeOf(scenario)];
      const { plan, exitStatus } = await planned([playOf(scenario)], { "fake:a": one });
      const real = await runPlays([playOf(scenario)], { "fake:a": other });
      const done = await applied(plan, { "fake:a": one });
      const changed = (lines: readonly string[]): string[] => lines.filter((line) => line.endsWith(" changed"));
      // What ends early is a part of what the play does.
      const expected = changed(real.lines).slice(0, exitStatus === 3 ? changed(done.lines).length : undefined);
      assert.deepEqual(changed(done.lines), expected);
      assert.deepEqual(
        one.applied.map(plain),
        other.applied.slice(0, exitStatus === 3 ? one.applied.length : undefined).map(plain),
      );
      assert.notEqual(done.exitStatus, 2);
    });
  }
});

/** Names of backups tell when they were made; a plan, which looks for differences too, knows more of where paths lead. */
function plain(change: Change): unknown {
  const { real: _, ...expect } = change.kind === "exec" ? {} : change.expect;
  return JSON.parse(
    JSON.stringify({ ...change, expect }, (key, value: unknown) => (key === "bytes" ? undefined : value)).replaceAll(
      /\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~/g,
      "backup",
    ),
  );
}
