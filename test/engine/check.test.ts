// Check mode: nothing is done, and what is said is what a real run does.

import assert from "node:assert/strict";
import { FakeTree } from "./fake-session.js";
import { loadModules, play, runPlays, task } from "./playbooks.js";

describe("check mode", () => {
  before(loadModules);

  const nodes = (): ReturnType<typeof task>[] => [
    task("file", { path: "/srv", state: "directory" }, { name: "dir" }),
    task("copy", { dest: "/srv/a", content: "a\n" }, { name: "copy" }),
    task("file", { path: "/srv/a", mode: "0600" }, { name: "mode" }),
    task("copy", { dest: "/etc/motd", content: "hello\n" }, { name: "same" }),
  ];
  const fresh = (): FakeTree => new FakeTree({ "/etc/motd": "hello\n" });

  it("changes nothing and predicts exactly the tasks that the real run changes", async () => {
    const tree = fresh();
    const checked = await runPlays([play(nodes())], { "fake:a": tree }, { isCheck: true });
    assert.equal(tree.batches.length, 0);
    const real = await runPlays([play(nodes())], { "fake:a": tree });
    assert.deepEqual(checked.lines, real.lines);
    assert.equal(
      checked.results.some((result) => result.mayChange),
      false,
    );
  });

  it("counts a command that would run as changed, and says may change of what depends on it", async () => {
    const tree = fresh();
    const list = [
      task("command", { cmd: "p" }, { name: "p", register: "r" }),
      task("debug", { msg: "x" }, { name: "changed", when: "r.changed" }),
      task("debug", { msg: "x" }, { name: "rc", when: "r.rc == 0" }),
      task("copy", { dest: "/etc/motd", content: "hello\n" }, { name: "looks" }),
      task("copy", { dest: "/made/by/p", content: "x" }, { name: "needs", register: "made" }),
      task("file", { path: "{{made.dest}}.d", state: "directory" }, { name: "after" }),
    ];
    const ran = await runPlays([play(list)], { "fake:a": tree }, { isCheck: true });
    assert.equal(tree.batches.length, 0);
    assert.deepEqual(
      ran.results.map((one) => [one.task, one.status, one.mayChange]),
      [
        ["p", "changed", false],
        ["changed", "ok", false],
        ["rc", "ok", true],
        ["looks", "ok", true],
        ["needs", "changed", true],
        ["after", "changed", true],
      ],
    );
    assert.equal(ran.exitStatus, 0);
  });

  it("does not take what a result will have for missing because of numbers in it, as those of a loop or of until", async () => {
    const list = [
      task("command", { cmd: "p" }, { name: "loop", register: "r", loop: [1, 2] }),
      task("debug", { msg: "x" }, { name: "item", when: "r.results[0].rc == 0" }),
      task("command", { cmd: "p" }, { name: "until", register: "u", until: "u.stdout == 'up'", retries: 1, delay: 0 }),
    ];
    const ran = await runPlays([play(list)], { "fake:a": fresh() }, { isCheck: true });
    assert.deepEqual(
      ran.results.map((one) => [one.task, one.status, one.mayChange]),
      [
        ["loop", "changed", false],
        ["item", "ok", true],
        ["until", "changed", true],
      ],
    );
  });

  it("believes changed_when false: the tree is as it was, only the result is not known", async () => {
    const list = [
      task("command", { cmd: "p" }, { name: "p", register: "r", changed_when: "false" }),
      task("copy", { dest: "/etc/motd", content: "bye\n" }, { name: "looks" }),
      task("copy", { dest: "/x", content: "{{r.stdout}}" }, { name: "reads" }),
    ];
    const ran = await runPlays([play(list)], { "fake:a": fresh() }, { isCheck: true });
    assert.deepEqual(
      ran.results.map((one) => [one.task, one.status, one.mayChange]),
      [
        ["p", "ok", false],
        ["looks", "changed", false],
        ["reads", "changed", true],
      ],
    );
  });

  it("does not take a fact for undefined that is set from a command's result", async () => {
    const list = [
      task("set_fact", { old: 1 }, { name: "old" }),
      task("command", { cmd: "p" }, { name: "p", register: "r" }),
      task("set_fact", { rc: "{{r.rc}}", old: "{{r.rc}}" }, { name: "fact" }),
      task("assert", { that: "rc == 0" }, { name: "assert" }),
      task("debug", { msg: "x" }, { name: "old again", when: "old == 1" }),
      task("set_fact", { old: 2 }, { name: "sometimes", when: "r.rc == 0" }),
      task("file", { path: "/srv/{{old}}", state: "directory" }, { name: "file" }),
    ];
    const ran = await runPlays([play(list)], { "fake:a": fresh() }, { isCheck: true });
    assert.deepEqual(
      ran.results.map((one) => [one.task, one.status, one.mayChange]),
      [
        ["old", "ok", false],
        ["p", "changed", false],
        ["fact", "ok", true],
        ["assert", "ok", true],
        ["old again", "ok", true],
        ["sometimes", "ok", true],
        ["file", "changed", true],
      ],
    );
  });

  it("fails where the real run would fail", async () => {
    const ran = await runPlays(
      [play([task("copy", { dest: "/no/such/a", content: "x" }, { name: "c" })])],
      { "fake:a": fresh() },
      { isCheck: true },
    );
    assert.deepEqual(ran.lines, ["fake:a c failed"]);
  });

  it("leaves the task with check_mode true alone in a real run, and really runs the one with check_mode false in a check", async () => {
    const tree = fresh();
    tree.programs["p"] = { stdout: "out" };
    const ran = await runPlays(
      [
        play([
          task("command", { cmd: "p" }, { name: "p", check_mode: false, register: "r" }),
          task("debug", { msg: "{{r.stdout}}" }, { name: "d" }),
        ]),
      ],
      { "fake:a": tree },
      { isCheck: true },
    );
    assert.equal(ran.results[1]?.result["msg"], "out");
    await runPlays([play([task("copy", { dest: "/x", content: "x" }, { name: "c", check_mode: true })])], {
      "fake:a": tree,
    });
    assert.equal(tree.text("/x"), undefined);
  });

  it("keeps what it predicted when a task with check_mode false really runs in between", async () => {
    const tree = fresh();
    tree.programs["p"] = { stdout: "out" };
    const list = [
      task("file", { path: "/srv", state: "directory" }, { name: "dir" }),
      task("command", { cmd: "p" }, { name: "p", check_mode: false, changed_when: false }),
      task("copy", { dest: "/srv/a", content: "a" }, { name: "copy" }),
    ];
    const ran = await runPlays([play(list)], { "fake:a": tree }, { isCheck: true });
    assert.deepEqual(
      ran.results.map((one) => [one.task, one.status, one.mayChange]),
      [
        ["dir", "changed", false],
        ["p", "ok", false],
        ["copy", "changed", false],
      ],
    );
  });

  it("knows in a later play, and where a task was delegated to, what an earlier one would have made", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const dir = (path: string, keys = {}): ReturnType<typeof task> =>
      task("file", { path, state: "directory" }, { name: path, ...keys });
    const first = play([dir("/srv"), dir("/only", { delegate_to: "fake:b", when: "inventory_hostname == 'fake:a'" })]);
    const second = play(
      [
        task("copy", { dest: "/srv/a", content: "a" }, { name: "in srv" }),
        task("copy", { dest: "/only/a", content: "a" }, { name: "in only", when: "inventory_hostname == 'fake:b'" }),
      ],
      { strategy: "linear" },
    );
    const checked = await runPlays([first, second], trees, { isCheck: true });
    assert.equal(checked.exitStatus, 0, checked.lines.join("\n"));
    const real = await runPlays([first, second], trees);
    assert.deepEqual(checked.lines.toSorted(), real.lines.toSorted());
    assert.equal(trees["fake:b"].text("/only/a"), "a");
  });

  it("predicts nothing of a task that check_mode true keeps from ever doing anything", async () => {
    const list = [
      task("file", { path: "/srv", state: "directory" }, { name: "dir", check_mode: true }),
      task("copy", { dest: "/srv/a", content: "a" }, { name: "copy", ignore_errors: true }),
    ];
    const checked = await runPlays([play(list)], { "fake:a": fresh() }, { isCheck: true });
    const real = await runPlays([play(list)], { "fake:a": fresh() });
    assert.deepEqual(checked.lines, real.lines);
    assert.deepEqual(real.lines, ["fake:a dir changed", "fake:a copy failed"]);
  });

  it("shows differences of files, old and new, and hides secrets in them", async () => {
    const tree = fresh();
    const ran = await runPlays(
      [play([task("copy", { dest: "/etc/motd", content: "bye\n" }, { name: "c" })])],
      { "fake:a": tree },
      { isCheck: true, isDiff: true },
    );
    assert.deepEqual(ran.results[0]?.diffs, [{ title: "/etc/motd", before: "hello\n", after: "bye\n" }]);
  });
});
