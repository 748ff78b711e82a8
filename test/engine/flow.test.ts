// The flow of tasks: conditions, loops, failures, blocks, handlers, includes, several targets.

import assert from "node:assert/strict";
import { crunFacts } from "../../src/engine/look/crun-facts.js";
import type { Node } from "../../src/playbook/play.js";
import { FakeTree } from "./fake-session.js";
import { block, include, loadModules, meta, play, runPlays, task } from "./playbooks.js";

const one = (tree = new FakeTree({ "/etc/hosts": "" })): Record<string, FakeTree> => ({ "fake:web1": tree });
const say = (name: string, keys: Record<string, unknown> = {}): ReturnType<typeof task> =>
  task("debug", { msg: name }, { name, ...keys });
const short = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^fake:/, ""));

describe("flow", () => {
  before(loadModules);

  it("skips by condition, and registers the skip", async () => {
    const ran = await runPlays(
      [play([say("a", { when: "false", register: "r" }), say("b", { when: "r.skipped && !r.failed && !r.changed" })])],
      one(),
    );
    assert.deepEqual(short(ran.lines), ["web1 a skipped", "web1 b ok"]);
    assert.deepEqual(ran.targets["fake:web1"], {
      ok: 1,
      changed: 0,
      failed: 0,
      skipped: 1,
      unreachable: 0,
      rescued: 0,
      ignored: 0,
    });
  });

  it("judges a condition by a result that is known only after the changes before it were applied", async () => {
    const nodes = [
      task("copy", { content: "x\n", dest: "/etc/y" }, { name: "write" }),
      task("stat", { path: "/etc/y" }, { name: "look", register: "seen" }),
      task("assert", { that: ['seen.stat.exists && seen.stat.mode == "0644"'] }, { name: "judge" }),
    ];
    const ran = await runPlays([play(nodes)], one());
    assert.deepEqual(short(ran.lines), ["web1 write changed", "web1 look ok", "web1 judge ok"]);
  });

  it("fails the task, not the target, whose command holds a NUL", async () => {
    const nodes = [task("command", { argv: ["a", "b\0c"] }, { name: "odd", ignore_errors: true }), say("next")];
    const ran = await runPlays([play(nodes)], one());
    assert.deepEqual(short(ran.lines), ["web1 odd failed", "web1 next ok"]);
    assert.match(ran.results[0]?.message ?? "", /holds a NUL/);
  });

  it("runs every item of a loop even where one fails, and fails the task afterwards", async () => {
    const nodes = [
      task(
        "command",
        { cmd: "{{item}}" },
        { name: "each", loop: ["good", "bad", "good2"], register: "r", ignore_errors: true },
      ),
      task("debug", { msg: "{{r.results.length}} {{r.results.[1].rc}} {{r.failed}}" }, { name: "show" }),
    ];
    const tree = new FakeTree();
    tree.programs["good"] = { stdout: "1" };
    tree.programs["good2"] = { stdout: "2" };
    tree.programs["bad"] = { status: 3, stderr: "no" };
    const ran = await runPlays([play(nodes)], one(tree));
    assert.deepEqual(short(ran.lines), ["web1 each failed", "web1 show ok"]);
    assert.equal(ran.results[1]?.result["msg"], "3 3 true");
    assert.equal(ran.targets["fake:web1"]?.ignored, 1);
    assert.equal(ran.exitStatus, 0);
    const items = ran.events
      .filter((event) => event.event === "item")
      .map((event) => `${event.of.item} ${event.of.status}`);
    assert.deepEqual(items, ["good changed", "bad failed", "good2 changed"]);
  });

  it("gives loops their names: index_var, loop_var, extended", async () => {
    const control = { loop_var: "x", index_var: "i", extended: true };
    const ran = await runPlays(
      [
        play([
          task("debug", { msg: "{{x}}{{i}}{{loop.last}}" }, { loop: ["a", "b"], loop_control: control, register: "r" }),
        ]),
      ],
      one(),
    );
    const results = ran.results[0]?.result["results"] as { readonly msg: string; readonly x: string }[];
    assert.deepEqual(
      results.map(({ msg, x }) => [msg, x]),
      [
        ["a0false", "a"],
        ["b1true", "b"],
      ],
    );
  });

  it("skips a task whose list is empty, and fails one whose loop is no list", async () => {
    const ran = await runPlays([play([say("a", { loop: [] }), say("b", { loop: "text" })])], one());
    assert.deepEqual(short(ran.lines), ["web1 a skipped", "web1 b failed"]);
    assert.match(ran.results[1]?.message ?? "", /loop needs a list/);
  });

  it("stops a target at its failure and lets the others go on", async () => {
    const nodes = [task("fail", { msg: "no" }, { name: "f", when: "inventory_hostname == 'fake:a'" }), say("after")];
    const ran = await runPlays([play(nodes)], { "fake:a": new FakeTree(), "fake:b": new FakeTree() });
    assert.deepEqual(short(ran.lines).sort(), ["a f failed", "b after ok", "b f skipped"]);
    assert.equal(ran.exitStatus, 2);
  });

  it("rescues a failed block, tells the rescue what failed, and runs always", async () => {
    const nodes = [
      block({
        block: [task("fail", { msg: "broken" }, { name: "f" }), say("never")],
        rescue: [
          task("debug", { msg: "{{ansible_failed_task.name}}: {{ansible_failed_result.msg}}" }, { name: "rescue" }),
        ],
        always: [say("always")],
      }),
      say("after"),
    ];
    const ran = await runPlays([play(nodes)], one());
    assert.deepEqual(short(ran.lines), ["web1 f failed", "web1 rescue ok", "web1 always ok", "web1 after ok"]);
    assert.equal(ran.results[1]?.result["msg"], "f: broken");
    assert.deepEqual([ran.targets["fake:web1"]?.rescued, ran.targets["fake:web1"]?.failed, ran.exitStatus], [1, 0, 0]);
  });

  it("runs always after a failure without rescue, and then still fails", async () => {
    const nodes = [
      block({ block: [task("fail", { msg: "x" }, { name: "f" })], always: [say("always")] }),
      say("after"),
    ];
    const ran = await runPlays([play(nodes)], one());
    assert.deepEqual(short(ran.lines), ["web1 f failed", "web1 always ok"]);
    assert.equal(ran.exitStatus, 2);
  });

  it("passes a failure in a rescue on to the outer rescue, after the inner always", async () => {
    const inner = block({
      block: [task("fail", {}, { name: "1" })],
      rescue: [task("fail", {}, { name: "2" })],
      always: [say("3")],
    });
    const ran = await runPlays([play([block({ block: [inner], rescue: [say("4")] })])], one());
    assert.deepEqual(short(ran.lines), ["web1 1 failed", "web1 2 failed", "web1 3 ok", "web1 4 ok"]);
    assert.equal(ran.targets["fake:web1"]?.rescued, 2);
  });

  it("runs notified handlers once, in the order of their definition, listeners too", async () => {
    const change = (path: string, notify: unknown): ReturnType<typeof task> =>
      task("copy", { dest: path, content: "x" }, { name: path, notify });
    const handlers = [say("h1"), say("h2"), say("h3", { listen: ["topic"] })];
    const nodes = [change("/1", "h2"), change("/2", ["h1", "topic"]), change("/3", "h2")];
    const ran = await runPlays([play(nodes, { handlers })], one());
    assert.deepEqual(short(ran.lines).slice(3), ["web1 h1 ok", "web1 h2 ok", "web1 h3 ok"]);
    const again = await runPlays([play(nodes, { handlers })], one(new FakeTree({ "/1": "x", "/2": "x", "/3": "x" })));
    assert.equal(again.results.length, 3);
  });

  it("runs handlers at meta flush_handlers, and leaves them out after a failure unless forced", async () => {
    const nodes = [
      task("copy", { dest: "/1", content: "x" }, { name: "c", notify: "h" }),
      meta("flush_handlers"),
      say("d"),
    ];
    const ran = await runPlays([play(nodes, { handlers: [say("h")] })], one());
    assert.deepEqual(short(ran.lines), ["web1 c changed", "web1 h ok", "web1 d ok"]);
    const failing = [
      task("copy", { dest: "/1", content: "x" }, { name: "c", notify: "h" }),
      task("fail", {}, { name: "f" }),
    ];
    const lost = await runPlays([play(failing, { handlers: [say("h")] })], one());
    assert.deepEqual(short(lost.lines), ["web1 c changed", "web1 f failed"]);
    const forced = await runPlays([play(failing, { handlers: [say("h")], forceHandlers: true })], one());
    assert.deepEqual(short(forced.lines), ["web1 c changed", "web1 f failed", "web1 h ok"]);
    assert.equal(forced.exitStatus, 2);
  });

  it("fails a task that notifies a handler that nobody wrote, with the near name", async () => {
    const ran = await runPlays(
      [play([task("copy", { dest: "/1", content: "x" }, { notify: "restrat" })], { handlers: [say("restart")] })],
      one(),
    );
    assert.match(ran.results[0]?.message ?? "", /no handler is called "restrat"/);
    assert.match(String(ran.results[0]?.diagnostics?.[0]?.remedy), /restart/);
  });

  it("judges by changed_when and failed_when, which see the registered name", async () => {
    const tree = new FakeTree();
    tree.programs["p"] = { status: 3, stdout: "same" };
    const nodes = [
      task(
        "command",
        { cmd: "p" },
        { name: "ok", register: "r", changed_when: "r.stdout != 'same'", failed_when: "r.rc > 3" },
      ),
      task("command", { cmd: "p" }, { name: "bad", register: "r", failed_when: "r.stdout == 'same'" }),
    ];
    const ran = await runPlays([play(nodes)], one(tree));
    assert.deepEqual(short(ran.lines), ["web1 ok ok", "web1 bad failed"]);
  });

  it("shows failed_when the message of what failed, and keeps it where that is no failure", async () => {
    const tree = new FakeTree();
    tree.programs["p"] = { status: 1 };
    const failedWhen = 'r.msg != "non-zero return code"';
    const nodes = [
      task("command", { cmd: "p" }, { name: "ran", register: "r", failed_when: failedWhen }),
      task("fail", { msg: "no" }, { name: "said", register: "r", failed_when: 'r.msg != "no"' }),
      task("command", { cmd: "p" }, { name: "tried", register: "r", until: 'r.msg != ""', failed_when: false }),
    ];
    const ran = await runPlays([play(nodes)], one(tree));
    assert.deepEqual(short(ran.lines), ["web1 ran changed", "web1 said ok", "web1 tried changed"]);
    assert.deepEqual(
      ran.results.map(({ result }) => result["msg"]),
      ["non-zero return code", "no", "non-zero return code"],
    );
  });

  it("counts what failed as a change only if something was changed", async () => {
    const tree = new FakeTree({ "/etc/a": "old" });
    const check = { content: "new", dest: "/etc/a", validate: "check %s" };
    const nodes = [
      task("copy", check, { name: "left", ignore_errors: true, notify: "told" }),
      task("copy", { ...check, backup: true }, { name: "kept", ignore_errors: true, notify: "told" }),
      task("command", { cmd: "p" }, { name: "ran", ignore_errors: true, notify: "told" }),
    ];
    const ran = await runPlays([play(nodes, { handlers: [say("told")] })], one(tree));
    assert.deepEqual(short(ran.lines), ["web1 left failed", "web1 kept failed", "web1 ran failed"]);
    assert.deepEqual(
      ran.results.map(({ result }) => [result["changed"], result["failed"]]),
      [
        [false, true],
        [true, true],
        [true, true],
      ],
    );
  });

  it("tries until it is true, counts attempts, and fails when they run out", async () => {
    const tree = new FakeTree();
    let count = 0;
    tree.programs["p"] = () => ({ stdout: String(++count) });
    const keys = { register: "r", until: "r.stdout == '3'", retries: 5, delay: 0 };
    const ran = await runPlays([play([task("command", { cmd: "p" }, { name: "p", ...keys })])], one(tree));
    assert.deepEqual([short(ran.lines), ran.results[0]?.result["attempts"]], [["web1 p changed"], 3]);
    const lost = await runPlays([play([task("command", { cmd: "p" }, { name: "p", ...keys, retries: 2 })])], one(tree));
    assert.deepEqual([short(lost.lines), lost.results[0]?.result["attempts"]], [["web1 p failed"], 2]);
    assert.equal(lost.results[0]?.message, "until did not come true in 3 attempts");
  });

  it("includes tasks, item by item, with the loop's variable", async () => {
    const files = { "a.yml": [task("debug", { msg: "in {{item}}" }, { name: "in" })] };
    const ran = await runPlays([play([include(files, "a.yml", { loop: ["x", "y"] }), say("after")])], one());
    assert.deepEqual(short(ran.lines), [
      "web1 include_tasks ok",
      "web1 include_tasks ok",
      "web1 in ok",
      "web1 in ok",
      "web1 after ok",
    ]);
    assert.equal(ran.results[3]?.result["msg"], "in y");
  });

  it("ends an include that includes itself without end", async () => {
    const files: Record<string, Node[]> = {};
    const self = include(files, "self.yml");
    files["self.yml"] = [say("again"), self];
    const ran = await runPlays([play([self])], one());
    assert.equal(ran.exitStatus, 2);
    assert.match(String(ran.results.at(-1)?.message), /include_tasks: includes lie 500 deep in each other/);
  });

  it("takes one round trip across an include that has nothing to change", async () => {
    const tree = new FakeTree({ "/a": "a", "/b": "b", "/c": "c" });
    const copy = (path: string): ReturnType<typeof task> => task("copy", { dest: `/${path}`, content: path });
    const ran = await runPlays([play([copy("a"), include({ "b.yml": [copy("b")] }, "b.yml"), copy("c")])], one(tree));
    assert.deepEqual([ran.targets["fake:web1"]?.changed, tree.roundTrips], [0, 1]);
  });

  it("runs a run_once task on the first target alone and gives all its result", async () => {
    const nodes = [
      task("command", { cmd: "p" }, { name: "once", run_once: true, register: "r" }),
      task("debug", { msg: "{{r.stdout}}" }, { name: "show" }),
    ];
    const trees = { "fake:a": new FakeTree(), "fake:b": new FakeTree() };
    trees["fake:a"].programs["p"] = { stdout: "from a" };
    const ran = await runPlays([play(nodes)], trees);
    assert.deepEqual(short(ran.lines).sort(), ["a once changed", "a show ok", "b show ok"]);
    assert.equal(ran.results.find((result) => result.target === "fake:b")?.result["msg"], "from a");
  });

  it("delegates to another target with the variables of the own", async () => {
    const trees = { "fake:a": new FakeTree(), "fake:b": new FakeTree() };
    const nodes = [
      task(
        "copy",
        { dest: "/{{replace inventory_hostname 'fake:' ''}}", content: "x" },
        { name: "c", delegate_to: "fake:b" },
      ),
    ];
    const ran = await runPlays([play(nodes)], trees);
    assert.deepEqual(short(ran.lines).sort(), ["a c changed", "b c changed"]);
    assert.deepEqual(
      [trees["fake:b"].text("/a"), trees["fake:b"].text("/b"), trees["fake:a"].text("/a")],
      ["x", "x", undefined],
    );
  });

  it("sees what another target's task did here", async () => {
    const trees = { "fake:a": new FakeTree(), "fake:b": new FakeTree() };
    const copy = (name: string, content: string, keys: Record<string, unknown>): ReturnType<typeof task> =>
      task("copy", { dest: "/x", content }, { name, ...keys });
    const nodes = [
      copy("own", "1", {}),
      copy("theirs", "2", { delegate_to: "fake:b", when: "inventory_hostname == 'fake:a'" }),
      copy("again", "1", {}),
    ];
    const ran = await runPlays([play(nodes)], trees);
    const again = ran.results
      .filter((result) => result.task === "again")
      .map((result) => `${result.target} ${result.status}`);
    assert.deepEqual(again.sort(), ["fake:a ok", "fake:b changed"]);
  });

  it("shows all variables of all targets, facts and numbers too", async () => {
    const tasks = [task("debug", { var: "vars" }), task("debug", { msg: "{{hostvars}}" })];
    const { results } = await runPlays([play(tasks, { playVars: { port: 80 } })], { "fake:a": new FakeTree({}) });
    assert.deepEqual(
      results.map(({ status }) => status),
      ["ok", "ok"],
    );
    const shown = JSON.stringify(results.map(({ result }) => result));
    assert.match(shown, /"port":80/);
    assert.match(shown, /"inventory_hostname":"fake:a"/);
  });

  it("reads another target's results through hostvars once all got there", async () => {
    const nodes = [
      task("set_fact", { mine: "{{inventory_hostname}}!" }),
      task("debug", { msg: "{{lookup (lookup hostvars 'fake:b') 'mine'}}" }, { name: "show" }),
    ];
    const ran = await runPlays([play(nodes)], { "fake:a": new FakeTree(), "fake:b": new FakeTree() });
    const shown = ran.results.filter((result) => result.task === "show").map((result) => result.result["msg"]);
    assert.deepEqual(shown, ["fake:b!", "fake:b!"]);
  });

  it("goes in lockstep with strategy linear: a task is over everywhere before the next begins", async () => {
    const nodes = [say("1"), say("2")];
    const ran = await runPlays([play(nodes, { strategy: "linear" })], {
      "fake:a": new FakeTree(),
      "fake:b": new FakeTree(),
    });
    assert.deepEqual(short(ran.lines), ["a 1 ok", "b 1 ok", "a 2 ok", "b 2 ok"]);
  });

  it("ends every target's play where any_errors_fatal, and plays nothing further", async () => {
    const nodes = [task("fail", {}, { name: "f", when: "inventory_hostname == 'fake:a'" }), say("after")];
    const ran = await runPlays([play(nodes, { anyErrorsFatal: true }), play([say("next")])], {
      "fake:a": new FakeTree(),
      "fake:b": new FakeTree(),
    });
    assert.deepEqual(short(ran.lines).sort(), ["a f failed", "b f skipped"]);
    assert.equal(ran.exitStatus, 2);
  });

  it("includes nothing in lockstep while another target's task may yet end the play", async () => {
    const late = new FakeTree();
    late.breaksAfter = 0;
    const { observe } = late;
    late.observe = async (probes) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return await observe.call(late, probes);
    };
    const nodes = [
      task("copy", { dest: "/1", content: "x" }, { name: "c" }),
      include({ "a.yml": [say("in")] }, "a.yml"),
    ];
    const ran = await runPlays([play(nodes, { anyErrorsFatal: true })], { "fake:a": new FakeTree(), "fake:b": late });
    assert.deepEqual(short(ran.lines), ["a c changed"]);
    assert.equal(ran.exitStatus, 2);
  });

  it("plays in batches with serial and stops when a whole batch failed", async () => {
    const trees = Object.fromEntries(["a", "b", "c", "d"].map((name) => [`fake:${name}`, new FakeTree()]));
    const nodes = [task("fail", {}, { name: "f", when: "inventory_hostname in ['fake:c', 'fake:d']" })];
    const ran = await runPlays([play(nodes, { serial: [1, 2] }), play([say("next")])], trees);
    assert.deepEqual(short(ran.lines), ["a f skipped", "b f skipped", "c f failed", "d f failed"]);
  });

  it("gives up a target whose connection is lost, with status 4, and goes on with the others", async () => {
    const trees = { "fake:a": new FakeTree(), "fake:b": new FakeTree() };
    trees["fake:a"].breaksAfter = 1;
    const ran = await runPlays([play([task("copy", { dest: "/1", content: "x" }, { name: "c" }), say("d")])], trees);
    assert.deepEqual(short(ran.lines), ["b c changed", "b d ok"]);
    assert.deepEqual([ran.targets["fake:a"]?.unreachable, ran.exitStatus], [1, 4]);
  });

  it("keeps registered results and set_fact for the next play, and for other targets' hostvars", async () => {
    const first = [
      task("set_fact", { mine: "{{inventory_hostname}}" }),
      task("command", { cmd: "p" }, { register: "r" }),
    ];
    const trees = { "fake:a": new FakeTree(), "fake:b": new FakeTree() };
    for (const tree of Object.values(trees)) tree.programs["p"] = { stdout: "out" };
    const shown = task(
      "debug",
      { msg: "{{mine}} {{r.stdout}} {{lookup (lookup hostvars 'fake:b') 'mine'}}" },
      { name: "show" },
    );
    const ran = await runPlays([play(first), play([shown], { hostsPattern: "fake:a" })], trees);
    assert.equal(ran.results.at(-1)?.result["msg"], "fake:a out fake:b");
  });

  it("lets at most so many targets into a task as throttle says", async () => {
    const trees = Object.fromEntries(["a", "b", "c", "d"].map((name) => [`fake:${name}`, new FakeTree()]));
    let within = 0;
    let most = 0;
    for (const tree of Object.values(trees)) {
      tree.programs["p"] = {};
      const apply = tree.apply.bind(tree);
      tree.apply = async (changes, options) => {
        most = Math.max(most, ++within);
        await new Promise((resolve) => setTimeout(resolve, 5));
        const outcomes = await apply(changes, options);
        within--;
        return outcomes;
      };
    }
    await runPlays([play([task("command", { cmd: "p" }, { throttle: 2 })])], trees);
    assert.equal(most, 2);
  });

  it("ends a target's play at meta end_host, without failing it", async () => {
    const nodes = [meta("end_host", { when: "inventory_hostname == 'fake:a'" }), say("after")];
    const ran = await runPlays([play(nodes)], { "fake:a": new FakeTree(), "fake:b": new FakeTree() });
    assert.deepEqual([short(ran.lines), ran.exitStatus], [["b after ok"], 0]);
  });

  it("begins nothing new once it is interrupted, and exits with 130", async () => {
    const tree = new FakeTree();
    tree.programs["p"] = {};
    const nodes = [
      task("command", { cmd: "p" }, { name: "p", notify: "h" }),
      task("copy", { dest: "/1", content: "x" }, { name: "c" }),
    ];
    const ran = await runPlays([play(nodes, { handlers: [say("h")] })], one(tree), {
      onEvent: (event, run) => void (event.event === "output" && run.interrupt()),
    });
    assert.deepEqual([short(ran.lines), ran.exitStatus, tree.text("/1")], [["web1 p changed"], 130, undefined]);
  });

  it("makes files of a become_user that user's, by the tree's own passwd", async () => {
    const tree = new FakeTree({ "/etc/passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n" });
    const nodes = [
      task("copy", { dest: "/1", content: "x" }, { name: "c", become: true, become_user: "web" }),
      task("command", { cmd: "p" }, { name: "p", become: true, become_user: "web", environment: { A: "b" } }),
    ];
    tree.programs["p"] = {};
    await runPlays([play(nodes)], one(tree));
    const stat = tree.model.answer({ kind: "stat", path: "/1" });
    assert.ok(stat.kind === "known" && stat.observation.kind === "stat");
    assert.deepEqual([stat.observation.stat?.uid, stat.observation.stat?.gid], [33, 34]);
    const exec = tree.applied.find((change) => change.kind === "exec");
    assert.ok(exec?.kind === "exec");
    assert.deepEqual([exec.exec.user, exec.exec.environment], ["web", { A: "b" }]);
  });

  it("hides a no_log task's result and every secret param", async () => {
    const nodes = [task("debug", { msg: "secret" }, { name: "d", no_log: true })];
    const ran = await runPlays([play(nodes)], one());
    assert.equal(JSON.stringify(ran.results).includes("secret"), false);
    assert.match(String(ran.results[0]?.result["censored"]), /no_log/);
  });
});

describe("facts", () => {
  before(loadModules);

  const trees = (): Record<string, FakeTree> =>
    Object.fromEntries(
      ["a", "b"].map((name) => [
        `fake:${name}`,
        new FakeTree({ "/etc/os-release": `ID=${name}\nNAME="The ${name}"\n`, "/etc/hosts": "" }),
      ]),
    );
  const shows = (): ReturnType<typeof task> =>
    task("debug", { msg: "{{facts.os}} {{facts.kernel}}" }, { name: "show" });

  it("are gathered along with the first look where something reads them, the host's once for all its trees", async () => {
    const both = trees();
    const nodes = [task("copy", { dest: "/etc/hosts", content: "" }, { name: "c" }), shows()];
    const ran = await runPlays([play(nodes)], both, { facts: crunFacts });
    const shown = ran.results.filter((result) => result.task === "show").map((result) => result.result["msg"]);
    assert.deepEqual(shown.sort(), ["a 6.1.0", "b 6.1.0"]);
    const looks = Object.values(both).map((tree) => tree.observed);
    assert.deepEqual(
      looks.map((look) => look.length),
      [1, 1],
    );
    const fibs = looks.flat(2).filter((probe) => "path" in probe && probe.path === "/proc/net/fib_trie");
    assert.equal(fibs.length, 1);
  });

  it("are not asked for where nothing reads them, and not even then where gather_facts is false", async () => {
    const quiet = trees();
    await runPlays([play([say("x")])], quiet, { facts: crunFacts });
    assert.deepEqual(
      Object.values(quiet).map((tree) => tree.roundTrips),
      [0, 0],
    );
    const ran = await runPlays([play([shows()], { gatherFacts: false })], trees(), { facts: crunFacts });
    assert.deepEqual(
      ran.results.map((result) => result.status),
      ["failed", "failed"],
    );
    assert.match(ran.results[0]?.message ?? "", /facts/);
  });

  it("are found through a variable that leads to them, too", async () => {
    const both = trees();
    const ran = await runPlays(
      [play([task("debug", { msg: "{{name}}" }, { name: "show" })], { playVars: { name: "{{facts.os_name}}" } })],
      both,
      { facts: crunFacts },
    );
    assert.deepEqual(ran.results.map((result) => result.result["msg"]).sort(), ["The a", "The b"]);
  });
});
