// throttle and throttle_per_host: how many targets are in a task at the same time, in all and of one host.

import assert from "node:assert/strict";
import { FakeTree } from "./fake-session.js";
import { block, loadModules, play, runPlays, task } from "./playbooks.js";

interface Most {
  readonly all: number;
  readonly ofOneHost: number;
}

/** Plays on so many trees of each host; gives how many were at work at once. */
async function mostAtWork(
  hosts: number,
  treesOfEach: number,
  nodes: Parameters<typeof play>[0],
  keys: Parameters<typeof play>[1] = {},
): Promise<Most> {
  const trees: Record<string, FakeTree> = {};
  const within = new Map<string, number>();
  let all = 0;
  let ofOneHost = 0;
  for (let host = 0; host < hosts; host++) {
    for (let index = 0; index < treesOfEach; index++) {
      const tree = new FakeTree();
      tree.otherProgram = () => ({});
      const apply = tree.apply.bind(tree);
      tree.apply = async (changes, options) => {
        const now = (within.get(String(host)) ?? 0) + 1;
        within.set(String(host), now);
        ofOneHost = Math.max(ofOneHost, now);
        all = Math.max(
          all,
          [...within.values()].reduce((sum, one) => sum + one, 0),
        );
        await new Promise((resolve) => setTimeout(resolve, 3));
        const outcomes = await apply(changes, options);
        within.set(String(host), (within.get(String(host)) ?? 0) - 1);
        return outcomes;
      };
      trees[`host${host}:tree${index}`] = tree;
    }
  }
  const ran = await runPlays([play(nodes, keys)], trees);
  assert.equal(ran.exitStatus, 0);
  assert.equal(ran.results.length, hosts * treesOfEach);
  return { all, ofOneHost };
}

const work = (keys: Record<string, unknown>): ReturnType<typeof task> => task("command", { cmd: "apt" }, keys);

describe("throttles", () => {
  before(loadModules);

  const cases: readonly [string, Record<string, unknown>, Most][] = [
    ["without any all are at work at once", {}, { all: 8, ofOneHost: 4 }],
    ["throttle bounds the targets of all hosts", { throttle: 3 }, { all: 3, ofOneHost: 3 }],
    ["throttle_per_host bounds those of each host", { throttle_per_host: 1 }, { all: 2, ofOneHost: 1 }],
    ["throttle_per_host of two", { throttle_per_host: 2 }, { all: 4, ofOneHost: 2 }],
    ["both together: the narrower one holds", { throttle: 1, throttle_per_host: 2 }, { all: 1, ofOneHost: 1 }],
    ["0 is no bound", { throttle: 0, throttle_per_host: 0 }, { all: 8, ofOneHost: 4 }],
  ];
  for (const [name, keys, most] of cases)
    it(name, async () => {
      const got = await mostAtWork(2, 4, [work(keys)]);
      assert.ok(got.all <= most.all && got.ofOneHost <= most.ofOneHost, JSON.stringify(got));
      // Who may be at work is: a bound that lets nobody in would pass as well.
      assert.equal(got.ofOneHost, most.ofOneHost, JSON.stringify(got));
    });

  it("holds in a block, in lockstep and with a failing target", async () => {
    const nodes = [block({ block: [work({ throttle_per_host: 1 })] })];
    assert.equal((await mostAtWork(1, 5, nodes, { strategy: "linear" })).ofOneHost, 1);
    const trees = Object.fromEntries(["a", "b", "c"].map((name) => [`h:${name}`, new FakeTree()]));
    const ran = await runPlays([play([work({ throttle_per_host: 1, name: "w" })])], trees);
    assert.equal(ran.exitStatus, 2);
    assert.equal(ran.results.length, 3, "a failure gives its place back");
  });

  it("bounds a delegate's host, not that of the targets", async () => {
    let within = 0;
    let most = 0;
    const lb = new FakeTree();
    lb.otherProgram = () => ({});
    const apply = lb.apply.bind(lb);
    lb.apply = async (changes, options) => {
      most = Math.max(most, ++within);
      await new Promise((resolve) => setTimeout(resolve, 3));
      within--;
      return apply(changes, options);
    };
    const trees = { "h1:a": new FakeTree(), "h2:b": new FakeTree(), "h3:c": new FakeTree(), "lb:x": lb };
    const nodes = [work({ throttle_per_host: 1, delegate_to: "lb:x" })];
    const ran = await runPlays([play(nodes, { hostsPattern: "h1:a,h2:b,h3:c" })], trees);
    assert.deepEqual([ran.exitStatus, most], [0, 1]);
  });
});
