// Loops: what long ones cost, what is shown of their items, what is left out.

import assert from "node:assert/strict";
import { FakeTree } from "./fake-session.js";
import { loadModules, play, runPlays, task } from "./playbooks.js";

const items = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Processor time of a play in ms. */
async function cost(nodes: Parameters<typeof play>[0]): Promise<number> {
  const before = process.cpuUsage();
  const ran = await runPlays([play(nodes)], { "fake:a": new FakeTree({ "/etc/hosts": "" }) });
  assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results.at(-1)?.message));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("loops", () => {
  before(loadModules);

  const kinds: readonly [string, (count: number) => Parameters<typeof play>[0]][] = [
    ["debug", (count) => [task("debug", { msg: "{{item}}" }, { loop: items(count), register: "out" })]],
    [
      "extended, with all items",
      (count) => [
        task(
          "debug",
          { msg: "{{ansible_loop.index}}" },
          { loop: items(count), loop_control: { extended: true }, register: "out" },
        ),
        task("debug", { msg: "{{out.results.[1].ansible_loop.length}}" }),
      ],
    ],
    [
      "files that are as wanted",
      (count) => [task("file", { path: "/etc/hosts", state: "file" }, { loop: items(count), register: "out" })],
    ],
    ["skipped", (count) => [task("debug", { msg: "x" }, { loop: items(count), when: "item < 0" })]],
  ];
  for (const [name, nodes] of kinds)
    it(`of ten thousand items cost ten times what a thousand cost: ${name}`, async function () {
      this.timeout(60_000);
      await cost(nodes(1000));
      const small = await cost(nodes(1000));
      const large = await cost(nodes(10_000));
      assert.ok(large < 40 * Math.max(small, 20), `1,000: ${small} ms, 10,000: ${large} ms`);
    });

  it("show neither labels nor items of a no_log task", async () => {
    const secret = "hunter2";
    const keys = { loop: [secret], loop_control: { label: "for {{item}}" }, no_log: true, name: "quiet" };
    const ran = await runPlays([play([task("debug", { msg: "{{item}}" }, keys)])], { "fake:a": new FakeTree() });
    assert.ok(ran.events.some((event) => event.event === "item"));
    assert.doesNotMatch(JSON.stringify(ran.events), /hunter2/);
  });

  it("leave out items that are omit, and hold lists that templates make", async () => {
    const keys = { loop: ["a", "{{default vars.missing omit}}", "c"], name: "some" };
    const ran = await runPlays([play([task("debug", { msg: "{{item}}" }, keys)])], { "fake:a": new FakeTree() });
    const shown = ran.events.flatMap((event) => (event.event === "item" ? [event.of.item] : []));
    assert.deepEqual(shown, ["a", "c"]);
  });
});
