// Keywords whose templates cannot be rendered, or come to nonsense: the task fails and is rescued, the run goes on.

import assert from "node:assert/strict";
import { FakeTree } from "./fake-session.js";
import { block, loadModules, play, runPlays, task, type Ran } from "./playbooks.js";

const bad = "{{known.missing}}";

async function playWith(keys: Record<string, unknown>, lost = false): Promise<Ran> {
  const tree = new FakeTree();
  tree.otherProgram = () => ({ status: 1 });
  if (lost) tree.breaksAfter = 0;
  const tried = task("command", { cmd: "p" }, { name: "tried", ...keys });
  const rescued = task("debug", { msg: "{{ansible_failed_result.msg}}" }, { name: "rescued" });
  return runPlays([play([block({ block: [tried], rescue: [rescued] })], { playVars: { known: {}, word: "soon" } })], {
    "fake:a": tree,
  });
}

describe("keywords that cannot be told", () => {
  before(loadModules);

  const until = { until: "1 == 2" };
  const loop = { loop: ["1", "2"] };
  const cases: readonly [string, Record<string, unknown>, RegExp][] = [
    ["ignore_errors", { ignore_errors: bad }, /known has no "missing"/],
    ["check_mode", { check_mode: bad }, /known has no "missing"/],
    ["diff", { diff: bad }, /known has no "missing"/],
    ["timeout", { timeout: bad }, /known has no "missing"/],
    ["delay", { ...until, delay: bad }, /known has no "missing"/],
    ["delay that is no number", { ...until, delay: "{{word}}" }, /delay must be a number, not "soon"/],
    ["retries", { ...until, retries: bad }, /known has no "missing"/],
    ["retries that are no number", { ...until, retries: "{{word}}" }, /retries must be a number, not "soon"/],
    ["loop_control.pause", { ...loop, loop_control: { pause: bad } }, /items failed|known has no/],
    ["delegate_to", { delegate_to: bad }, /known has no "missing"/],
    ["become_user", { become: true, become_user: bad }, /known has no "missing"/],
    ["environment", { environment: { A: bad } }, /known has no "missing"/],
    ["loop", { loop: bad }, /known has no "missing"/],
    ["when", { when: "known.missing == 1" }, /no "missing" in known/],
  ];
  for (const [name, keys, message] of cases)
    it(`${name}: the task fails, and its rescue runs`, async () => {
      const ran = await playWith(keys);
      assert.deepEqual(ran.lines, ["fake:a tried failed", "fake:a rescued ok"]);
      assert.match(ran.results[0]?.message ?? "", message);
      assert.equal(ran.exitStatus, 0);
    });

  it("ignore_unreachable: the target is unreachable", async () => {
    const ran = await playWith({ ignore_unreachable: bad }, true);
    assert.deepEqual([ran.lines, ran.exitStatus], [[], 4]);
  });

  it("what another keyword ignores is ignored", async () => {
    const ran = await playWith({ ...until, retries: bad, ignore_errors: true });
    assert.deepEqual([ran.lines, ran.results[0]?.isIgnored], [["fake:a tried failed"], true]);
  });

  it("ignore_errors holds for items of a batch that stops midway", async () => {
    const tree = new FakeTree({ "/etc/hosts": "" });
    const file = (name: string, keys: Record<string, unknown>): ReturnType<typeof task> =>
      task("copy", { dest: "{{item}}", content: "x" }, { name, loop: ["/missing/a", "/b"], ...keys });
    const ran = await runPlays(
      [play([file("ignored", { ignore_errors: "{{known.yes}}" })], { playVars: { known: { yes: true } } })],
      {
        "fake:a": tree,
      },
    );
    assert.equal(ran.exitStatus, 0);
    assert.equal(tree.text("/b"), "x");
  });
});
