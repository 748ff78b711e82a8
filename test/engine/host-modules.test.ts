// Modules that act on the host: the target's tree from outside, and what that means for the tasks around them.

import assert from "node:assert/strict";
import { contentOf } from "../../src/module/content.js";
import { defineModule } from "../../src/module/contract.js";
import { FakeHost, FakeTree } from "./fake-session.js";
import { addModule, loadModules, play, runPlays, task, type Ran } from "./playbooks.js";

/** Makes `/made-NAME` on the host, and says what it leaves. */
const outside = defineModule({
  name: "outside",
  summary: "",
  actsOn: "host",
  params: {
    like: { type: "str", doc: "" },
    fails: { type: "bool", default: false, doc: "" },
  },
  examples: [],
  observe: ({ like }, { target }) => ({
    mark: { kind: "stat", path: `/made-${target.tree ?? "none"}` } as const,
    like: { kind: "stat", path: like ?? "/" } as const,
  }),
  plan: ({ like, fails }, { mark }, { target }) => {
    const path = `/made-${target.tree ?? "none"}`;
    if (mark.stat) return { changes: [] };
    const made = { kind: "writeFile", path, content: contentOf("x"), mode: 0o644, uid: 0, gid: 0 } as const;
    return {
      changes: [
        { ...made, expect: { type: "absent" } },
        ...(fails ? [{ kind: "exec", exec: { argv: ["breaks"] } } as const] : []),
      ],
      leaves: like === undefined ? "unknown" : { likeTree: like },
      onFailure: [{ kind: "remove", path, expect: { type: "file" } }],
    };
  },
});

/** Starts something that needs three looks until it is there, or says that it has died. */
const starting = defineModule({
  name: "starting",
  summary: "",
  effects: "target",
  params: { dies: { type: "bool", default: false, doc: "" } },
  examples: [],
  observe: () => ({ state: { kind: "exec", exec: { argv: ["state"] } } as const }),
  plan: ({ dies }, { state }, { elapsedMs }) => {
    const said = Buffer.from(state.stdout).toString();
    if (elapsedMs === 0) {
      const mark = {
        kind: "writeFile",
        path: "/started",
        content: contentOf("x"),
        mode: 0o644,
        uid: 0,
        gid: 0,
      } as const;
      return {
        changes: [
          { ...mark, expect: { type: "absent" } },
          { kind: "exec", exec: { argv: ["start"] } },
        ],
        result: { state: "begun" },
        again: { afterMs: 1 },
      };
    }
    if (said === "up") return { changes: [], result: { state: "up" } };
    return dies ? { changes: [], refusal: { message: "it died" } } : { changes: [], again: { afterMs: 1 } };
  },
});

const copy = (dest: string, keys = {}) => task("copy", { dest, content: "here" }, keys);

describe("modules that act on the host", () => {
  before(async () => {
    await loadModules();
    addModule(outside);
    addModule(starting);
  });

  async function run(nodes: Parameters<typeof play>[0], trees: Record<string, FakeTree>, options = {}): Promise<Ran> {
    return runPlays([play(nodes, { hostsPattern: "node1:web,node1:db" })], trees, options);
  }

  it("look and change there, one for each target, and say whose tree it is", async () => {
    const host = new FakeTree();
    const trees = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: host };
    const ran = await run([task("outside", {})], trees);
    assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results));
    assert.deepEqual([host.text("/made-web"), host.text("/made-db")], ["x", "x"]);
    assert.deepEqual(ran.results.map(({ target, delegate }) => `${target} ${delegate ?? "itself"}`).toSorted(), [
      "node1:db itself",
      "node1:web itself",
    ]);
  });

  it("come before anything looks at a tree that they make", async () => {
    const host = new FakeTree();
    const trees: Record<string, FakeTree> = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: host };
    const opened: string[] = [];
    const open = FakeHost.prototype.openTree;
    FakeHost.prototype.openTree = function (path) {
      const name = path.split(":")[1];
      if (name !== undefined) opened.push(host.text(`/made-${name}`) === undefined ? `${name} too early` : name);
      return open.call(this, path);
    };
    try {
      const ran = await run([task("outside", {}), copy("/a"), copy("/b")], trees);
      assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results));
    } finally {
      FakeHost.prototype.openTree = open;
    }
    assert.deepEqual(opened.toSorted(), ["db", "web"]);
  });

  it("have what was planned before them done before, and the tree opened anew behind them", async () => {
    const host = new FakeTree();
    const web = new FakeTree();
    const trees = { "node1:web": web, "node1:db": new FakeTree(), node1: host };
    host.beforeApply = () => assert.ok(web.text("/a") !== undefined || host.text("/made-web") === undefined);
    await run([copy("/a"), task("outside", {}, { when: "inventory_hostname == 'node1:web'" }), copy("/b")], trees);
    assert.equal(web.closed, true);
    assert.equal(web.text("/b"), "here");
  });

  it("take away what a failure has half made", async () => {
    const host = new FakeTree();
    host.programs["breaks"] = { status: 3, stderr: "no" };
    const trees = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: host };
    const ran = await run([task("outside", { fails: true })], trees);
    assert.equal(ran.exitStatus, 2);
    assert.deepEqual([host.text("/made-web"), host.text("/made-db")], [undefined, undefined]);
  });

  it("in check mode: later tasks look at the tree that theirs would be a copy of", async () => {
    const base = new FakeTree({ "/a": "here" });
    const host = new FakeTree({ "/base": { type: "directory" } });
    const trees = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: host, "node1:/base": base };
    const ran = await run([task("outside", { like: "/base" }), copy("/a"), copy("/b")], trees, {
      isCheck: true,
    });
    assert.equal(host.text("/made-web"), undefined);
    assert.deepEqual(
      ran.results.filter(({ target }) => target === "node1:web").map(({ status, mayChange }) => [status, mayChange]),
      [
        ["changed", false],
        ["ok", false],
        ["changed", false],
      ],
    );
  });

  it("in check mode: of a tree that nobody can look at later tasks say that they may change it", async () => {
    const trees = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: new FakeTree() };
    const ran = await run([task("outside", {}), copy("/a"), task("debug", { msg: "x" })], trees, { isCheck: true });
    assert.equal(ran.exitStatus, 0);
    assert.deepEqual(
      ran.results.filter(({ target }) => target === "node1:web").map(({ task, mayChange }) => [task, mayChange]),
      [
        ["outside", false],
        ["copy", true],
        ["debug", false],
      ],
    );
  });

  it("act on the tree that delegate_to names, and tell so", async () => {
    const host = new FakeTree();
    const trees = { "node1:web": new FakeTree(), "node1:db": new FakeTree(), node1: host };
    const ran = await run([task("outside", {}, { delegate_to: "node1:db", run_once: true })], trees);
    assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results));
    assert.deepEqual([host.text("/made-web"), host.text("/made-db")], [undefined, "x"]);
    assert.equal(ran.results[0]?.delegate, "node1:db");
  });
});

describe("modules that wait for what they begin", () => {
  before(async () => {
    await loadModules();
    addModule(starting);
  });

  function tree(): FakeTree {
    const web = new FakeTree();
    let looks = 0;
    web.programs["start"] = {};
    web.programs["state"] = () => ({ stdout: ++looks > 3 ? "up" : "coming" });
    return web;
  }

  it("have their changes done once, then look until it is there; the differences are kept", async () => {
    const web = tree();
    const ran = await runPlays(
      [play([task("starting", {})], { hostsPattern: "node1:web" })],
      { "node1:web": web },
      { isDiff: true },
    );
    assert.equal(ran.exitStatus, 0, JSON.stringify(ran.results));
    assert.deepEqual(
      web.applied.map(({ kind }) => kind),
      ["writeFile", "exec"],
    );
    const [result] = ran.results;
    assert.deepEqual([result?.status, result?.result["state"]], ["changed", "up"]);
    assert.deepEqual(
      result?.diffs.map(({ title }) => title),
      ["/started"],
    );
  });

  it("fail where it does not come about", async () => {
    const ran = await runPlays([play([task("starting", { dies: true })], { hostsPattern: "node1:web" })], {
      "node1:web": tree(),
    });
    assert.deepEqual(
      ran.results.map(({ status, message }) => [status, message]),
      [["failed", "it died"]],
    );
  });

  it("in check mode: would change, and wait for nothing", async () => {
    const web = tree();
    const ran = await runPlays(
      [play([task("starting", {})], { hostsPattern: "node1:web" })],
      { "node1:web": web },
      { isCheck: true },
    );
    assert.deepEqual(
      ran.results.map(({ status }) => status),
      ["changed"],
    );
    assert.deepEqual(web.applied, []);
  });
});
