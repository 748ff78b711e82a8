// Batches: how many round trips a play takes, and what becomes of a batch that stops midway.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crunFacts } from "../../src/engine/look/crun-facts.js";
import { FakeTree } from "./fake-session.js";
import { block, include, loadModules, play, runPlays, task } from "./playbooks.js";

describe("batches", () => {
  before(loadModules);

  const files = (): ReturnType<typeof task>[] => [
    task("file", { path: "/srv", state: "directory", mode: "0755" }, { name: "dir" }),
    task("copy", { dest: "/srv/a", content: "{{inventory_hostname}}\n", mode: "0644" }, { name: "copy" }),
    task("file", { path: "/srv/l", src: "a", state: "link" }, { name: "link" }),
    task("lineinfile", { path: "/etc/hosts", line: "127.0.0.1 localhost" }, { name: "line" }),
  ];

  it("applies what many tasks change in one batch, planned against the predicted tree", async () => {
    const tree = new FakeTree({
      "/etc/hosts": "",
      "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
      "/etc/group": "root:x:0:\n",
    });
    const ran = await runPlays([play(files())], { "fake:web1": tree });
    assert.deepEqual(ran.lines, [
      "fake:web1 dir changed",
      "fake:web1 copy changed",
      "fake:web1 link changed",
      "fake:web1 line changed",
    ]);
    assert.equal(tree.text("/srv/a"), "fake:web1\n");
    assert.equal(tree.batches.length, 1);
    assert.equal(tree.observed.length, 1);
    assert.equal(ran.exitStatus, 0);
  });

  it("takes one round trip for a play that has nothing to change, facts and registered results without probes included", async () => {
    const tree = new FakeTree({ "/etc/hosts": "", "/etc/passwd": "", "/etc/group": "" });
    await runPlays([play(files())], { "fake:web1": tree });
    const before = tree.roundTrips;
    const nodes = [
      task("set_fact", { where: "/srv" }),
      ...files(),
      block({ block: [task("stat", { path: "{{where}}/a" }, { name: "stat" })] }),
    ];
    const ran = await runPlays([play(nodes)], { "fake:web1": tree });
    assert.equal(tree.roundTrips - before, 1);
    assert.equal(ran.targets["fake:web1"]?.changed, 0);
    assert.equal(ran.targets["fake:web1"]?.ok, 6);
  });

  it("takes one round trip where a template waits for facts: its file comes with them, and is compared when the text is known", async () => {
    const directory = mkdtempSync(join(tmpdir(), "crun-batches-"));
    try {
      const src = join(directory, "page.hbs");
      writeFileSync(src, "{{facts.hostname}} {{inventory_hostname}}\n");
      const nodes = [task("template", { src, dest: "/page", mode: "0644" }, { name: "page" })];
      const tree = new FakeTree({ "/etc/hostname": "web\n", "/etc/passwd": "", "/etc/group": "" });
      const run = async () => runPlays([play(nodes)], { "fake:web1": tree }, { facts: crunFacts });
      assert.deepEqual((await run()).lines, ["fake:web1 page changed"]);
      assert.equal(tree.text("/page"), "web fake:web1\n");
      const looks = tree.observed.length;
      assert.deepEqual((await run()).lines, ["fake:web1 page ok"]);
      assert.equal(tree.observed.length - looks, 1);
      writeFileSync(src, "{{facts.hostname}}\n");
      assert.deepEqual((await run()).lines, ["fake:web1 page changed"]);
      assert.equal(tree.text("/page"), "web\n");
      const large = new FakeTree({ "/etc/hostname": "web\n", "/page": "x".repeat(100_000) });
      assert.deepEqual((await runPlays([play(nodes)], { "fake:web1": large }, { facts: crunFacts })).lines, [
        "fake:web1 page changed",
      ]);
      assert.equal(large.text("/page"), "web\n");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("takes one round trip for fifty items of an include that find everything as it is, and two where they change everything", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
    const inside = [
      task("file", { path: "/srv/{{item}}", state: "directory", mode: "0755" }),
      task("copy", { dest: "/srv/{{item}}/a", content: "{{item}}\n", mode: "0644" }),
      task("file", { path: "/srv/{{item}}/l", src: "a", state: "link" }),
    ];
    const nodes = [
      task("file", { path: "/srv", state: "directory", mode: "0755" }),
      include({ "site.yml": inside, "none.yml": [] }, "{{ternary (eq item 's7') 'none' 'site'}}.yml", { loop: names }),
      task("copy", { dest: "/srv/end", content: "x", mode: "0644" }),
    ];
    const tree = new FakeTree({ "/etc/passwd": "", "/etc/group": "" });
    const first = await runPlays([play(nodes)], { "fake:web1": tree });
    assert.equal(first.targets["fake:web1"]?.changed, 49 * 3 + 2);
    assert.equal(tree.roundTrips, 2);
    const second = await runPlays([play(nodes)], { "fake:web1": tree });
    assert.equal(second.targets["fake:web1"]?.changed, 0);
    assert.equal(tree.roundTrips, 3);
  });

  it("looks again after a command, whose effect nobody knows", async () => {
    const tree = new FakeTree({ "/etc/hosts": "x\n" });
    tree.programs["touch-it"] = { changes: [{ kind: "remove", path: "/etc/hosts", expect: {} }] };
    const ran = await runPlays(
      [
        play([
          task("command", { cmd: "touch-it" }, { name: "run" }),
          task("copy", { dest: "/etc/hosts", content: "x\n" }, { name: "copy" }),
        ]),
      ],
      { "fake:web1": tree },
    );
    assert.deepEqual(ran.lines, ["fake:web1 run changed", "fake:web1 copy changed"]);
  });

  it("takes back what it supposed of the tasks behind the one that failed", async () => {
    const tree = new FakeTree({ "/etc/hosts": "" });
    const nodes = [
      task("file", { path: "/a", state: "directory" }, { name: "first" }),
      task("copy", { dest: "/b", content: "b" }, { name: "second", register: "r" }),
      task("copy", { dest: "/c", content: "c" }, { name: "third", register: "s", notify: "h" }),
    ];
    tree.beforeApply = () => {
      tree.beforeApply = undefined;
      tree.model.predict([{ kind: "makeDirectory", path: "/b", expect: {} }]);
    };
    const ran = await runPlays([play(nodes, { handlers: [task("debug", { msg: "handler" }, { name: "h" })] })], {
      "fake:web1": tree,
    });
    assert.deepEqual(ran.lines, ["fake:web1 first changed", "fake:web1 second failed"]);
    assert.equal(tree.text("/c"), undefined);
    assert.equal(ran.exitStatus, 2);
  });

  it("plans a task again when the tree moved under it, and never overwrites what it has not seen", async () => {
    const tree = new FakeTree({ "/etc/hosts": "one\n" });
    let tampered = false;
    tree.beforeApply = () => {
      if (!tampered) tree.tamper("/etc/hosts", "one\ntwo\n");
      tampered = true;
    };
    const ran = await runPlays([play([task("lineinfile", { path: "/etc/hosts", line: "three" }, { name: "line" })])], {
      "fake:web1": tree,
    });
    assert.deepEqual(ran.lines, ["fake:web1 line changed"]);
    assert.equal(tree.text("/etc/hosts"), "one\ntwo\nthree\n");
    assert.equal(tree.batches.length, 2);
  });

  it("gives up after three more tries where something changes the file all the time, and says so", async () => {
    const tree = new FakeTree({ "/etc/hosts": "0\n" });
    let count = 0;
    tree.beforeApply = () => tree.tamper("/etc/hosts", `${++count}\n`);
    const ran = await runPlays([play([task("lineinfile", { path: "/etc/hosts", line: "x" }, { name: "line" })])], {
      "fake:web1": tree,
    });
    assert.equal(tree.batches.length, 4);
    assert.deepEqual(ran.lines, ["fake:web1 line failed"]);
    assert.match(ran.results[0]?.remedy ?? "", /changes this file at the same time/);
  });

  it("keeps each target's pace and result apart", async () => {
    const trees = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`fake:t${index}`, new FakeTree({ "/etc/hosts": "" })]),
    );
    const ran = await runPlays([play(files())], trees);
    assert.equal(ran.results.length, 80);
    for (const [name, tree] of Object.entries(trees)) {
      assert.equal(tree.roundTrips, 2);
      assert.equal(tree.text("/srv/a"), `${name}\n`);
    }
  });
});
