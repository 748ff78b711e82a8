// delegate_to in crun's own words: the tree's host, this machine, and what is told of it.

import assert from "node:assert/strict";
import { FakeTree } from "./fake-session.js";
import { loadModules, play, runPlays, task, type Ran } from "./playbooks.js";

/** A tree whose programs say where they ran. */
function tree(name: string, ran: string[]): FakeTree {
  const made = new FakeTree();
  made.otherProgram = ([program = ""]) => {
    ran.push(`${program} on ${name}`);
    return { stdout: name };
  };
  return made;
}

async function delegate(to: unknown, keys: Record<string, unknown> = {}): Promise<{ ran: Ran; where: string[] }> {
  const where: string[] = [];
  const names = ["node1:web", "node2:web", "node1", "node2", "local", "localhost"];
  const trees = Object.fromEntries(names.map((name) => [name, tree(name, where)]));
  const nodes = [task("command", { cmd: "p" }, { name: "p", delegate_to: to, register: "out", ...keys })];
  const ran = await runPlays([play(nodes, { hostsPattern: "node1:web,node2:web" })], trees);
  return { ran, where: where.toSorted() };
}

describe("delegate_to", () => {
  before(loadModules);

  const cases: readonly [string, unknown, Record<string, unknown>, readonly string[]][] = [
    ["host is each tree's own host", "host", {}, ["p on node1", "p on node2"]],
    ["local is this machine", "local", { run_once: true }, ["p on local"]],
    ["localhost is this machine, too", "localhost", { run_once: true }, ["p on localhost"]],
    ["a host by its name", "node2", {}, ["p on node2", "p on node2"]],
    ["another tree", "node2:web", {}, ["p on node2:web", "p on node2:web"]],
    ["a template of the target's own names", "{{target.host}}", {}, ["p on node1", "p on node2"]],
    ["omit is no delegation", "{{omit}}", {}, ["p on node1:web", "p on node2:web"]],
    ["an item each", "{{item}}", { loop: ["node1", "host"], run_once: true }, ["p on node1", "p on node1"]],
  ];
  for (const [name, to, keys, expected] of cases)
    it(name, async () => {
      const { ran, where } = await delegate(to, keys);
      assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results));
      assert.deepEqual(where, expected);
    });

  it("is told with each result, but for the target itself", async () => {
    const other = await delegate("node2:web");
    assert.deepEqual(other.ran.results.map(({ target, delegate: on }) => `${target} -> ${on ?? "itself"}`).toSorted(), [
      "node1:web -> node2:web",
      "node2:web -> itself",
    ]);
  });

  it("fails the task where a template comes to a name that nothing bears, with the near one", async () => {
    const { ran } = await delegate("{{target.tree}}2:web", { ignore_errors: true });
    const [first] = ran.results;
    assert.match(first?.message ?? "", /the inventory has no target "web2:web"/);
    assert.match(first?.remedy ?? "", /Did you mean "node[12]:web"\?|Add it to the inventory/);
  });

  it("forgets the connection of the delegate that is lost, not that of the target", async () => {
    const where: string[] = [];
    const lost = new FakeTree();
    lost.breaksAfter = 0;
    const trees = { "node1:web": tree("node1:web", where), "node2:web": lost };
    const nodes = [
      task("command", { cmd: "here" }, { name: "here" }),
      task("command", { cmd: "p" }, { name: "there", delegate_to: "node2:web", ignore_unreachable: true }),
      task("command", { cmd: "again" }, { name: "again" }),
    ];
    const ran = await runPlays([play(nodes, { hostsPattern: "node1:web" })], trees);
    assert.deepEqual(where, ["here on node1:web", "again on node1:web"]);
    assert.deepEqual(ran.lines, ["node1:web here changed", "node1:web there unreachable", "node1:web again changed"]);
  });
});
