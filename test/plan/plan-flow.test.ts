// Every case of the flow as a saved plan: it does what the play does, never something else, and never more.

import assert from "node:assert/strict";
import { cases } from "../engine/ansible-flow/twin.js";
import { setOf } from "../engine/ansible-flow/run-case.js";
import type { FakeTree } from "../engine/fake-session.js";
import { runPlays } from "../engine/playbooks.js";
import { applied, planned } from "./plans.js";

type Trees = Readonly<Record<string, FakeTree>>;

/** What was done to each tree, in order. */
function deeds(trees: Trees): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(trees).map(([name, tree]) => [
      name,
      tree.applied.map((change) =>
        change.kind === "exec" ? change.exec.argv.join(" ") : `${change.kind} ${change.path}`,
      ),
    ]),
  );
}

/** Whether all of `part` is in `whole`, in its order. */
function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  let from = 0;
  for (const one of part) {
    from = whole.indexOf(one, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

describe("flow as saved plans", () => {
  let whole = 0;
  for (const one of cases().filter(({ flags }) => !flags.includes("--check"))) {
    it(one.name, async () => {
      const [planning, playing] = [await setOf(one), await setOf(one)];
      const { plan, exitStatus } = await planned(planning.plays, planning.trees, planning.options);
      const before = deeds(planning.trees);
      const run = await applied(plan, planning.trees);
      const real = await runPlays(playing.plays, playing.trees, playing.options);
      const [done, expected] = [deeds(planning.trees), deeds(playing.trees)];
      for (const [name, list] of Object.entries(done)) {
        const own = list.slice(before[name]?.length);
        assert.ok(
          isWithin(own, expected[name] ?? []),
          `${name} did ${own.join(", ")}; the play did ${expected[name]?.join(", ")}`,
        );
        if (exitStatus === 0 && real.exitStatus === 0 && own.length > 0) assert.deepEqual(list, expected[name], name);
      }
      if (exitStatus !== 0 || real.exitStatus !== 0) return;
      whole++;
      for (const name of Object.keys(real.targets)) {
        const own = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith(`${name} `));
        assert.ok(
          isWithin(own(run.lines), own(real.lines)),
          `told ${own(run.lines).join(", ")}; the play ${own(real.lines).join(", ")}`,
        );
      }
    });
  }

  after(() => assert.ok(whole > 50, `${whole} cases are planned to the end`));
});
