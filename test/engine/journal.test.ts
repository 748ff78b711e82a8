// The journal's form: what was written whole is read, whatever the end looks like; secrets are in none of it.

import assert from "node:assert/strict";
import { History } from "../../src/engine/journal/history.js";
import { Journal } from "../../src/engine/journal/journal.js";
import { lineOf, parseJournal, type JournalRecord } from "../../src/engine/journal/records.js";
import { Masker } from "../../src/engine/task/masker.js";
import { Death, MemoryStore, runUntil } from "./mortal.js";
import { FakeTree } from "./fake-session.js";
import { loadModules, play, task } from "./playbooks.js";

const records: readonly JournalRecord[] = [
  { kind: "op", op: 1, key: "1:1@site.yml:1:1", title: "one\nüñí" },
  { kind: "steps", target: "web1", play: 1, steps: [[1, "c"]] },
  {
    kind: "batch",
    records: [
      { kind: "steps", target: "web1", play: 1, steps: [[2, "c"]] },
      { kind: "step", target: "web1", play: 1, op: 3, status: "o", result: {} },
    ],
  },
  { kind: "end", at: "", exitStatus: 0 },
];
const single = (lines: readonly JournalRecord[]): readonly JournalRecord[] =>
  lines.flatMap((one) => (one.kind === "batch" ? one.records : [one]));

describe("journal", () => {
  before(loadModules);

  it("is read up to the last whole line, wherever it was torn", () => {
    const lines = records.map((one) => Buffer.from(lineOf(one)));
    const whole = Buffer.concat(lines);
    for (let length = 0; length <= whole.length; length++) {
      const read = parseJournal(whole.subarray(0, length));
      let count = 0;
      let sum = 0;
      while (count < lines.length && sum + (lines[count]?.length ?? 0) <= length) sum += lines[count++]?.length ?? 0;
      assert.deepEqual(read, { records: single(records.slice(0, count)), length: sum, damagedLine: undefined });
    }
  });

  it("names the line where any byte before the last line is another one", () => {
    const whole = Buffer.from(records.map(lineOf).join(""));
    const last = whole.lastIndexOf(10, whole.length - 2) + 1;
    for (let at = 0; at < last; at++) {
      if (whole[at] === 10) continue;
      const bent = Buffer.from(whole);
      bent[at] = (bent[at] ?? 0) ^ 1;
      const read = parseJournal(bent);
      const line = whole.subarray(0, at).filter((byte) => byte === 10).length + 1;
      assert.equal(read.damagedLine, line, `byte ${at}`);
      assert.deepEqual(read.records, single(records.slice(0, line - 1)));
    }
  });

  it("keeps no secret: what holds one is masked, what no_log hides is left out, and both are done again where they are read", async () => {
    const masker = new Masker();
    masker.add("tops3cret");
    const tree = new FakeTree();
    tree.otherProgram = ([program = ""]) => ({
      stdout: program === "tell" ? "it is tops3cret\n" : program === "hide" ? "h1dden\n" : "",
      status: program === "fail" ? 1 : 0,
    });
    const tasks = [
      task("command", { cmd: "tell" }, { name: "tells", register: "told" }),
      task("command", { cmd: "hide" }, { name: "hides tops3cret", register: "hidden", no_log: true }),
      task("set_fact", { made: "x{{told.stdout}}" }, { name: "makes" }),
      task("set_fact", { copy_of: "is {{hidden.stdout}}" }, { name: "copies" }),
      task("copy", { dest: "/made", content: "{{made}} {{copy_of}}" }, { name: "writes" }),
      task("command", { cmd: "fail" }, { name: "fails with {{told.stdout}}", register: "failed" }),
    ];
    const run = { plays: [play(tasks)], trees: { a: tree }, options: { masker } };
    const { ran, journal } = await runUntil(run, new Death());
    assert.equal(ran?.exitStatus, 2);
    const text = journal.toString();
    assert.ok(!/tops3cret|h1dden/.test(text), text);
    assert.equal(tree.text("/made"), "xit is tops3cret is h1dden");
    const programs = (): (string | undefined)[] =>
      tree.applied.flatMap((one) => (one.kind === "exec" ? [one.exec.argv[0]] : []));
    assert.deepEqual(programs(), ["tell", "hide", "fail"]);
    const again = await runUntil(run, new Death(), journal);
    assert.equal(again.ran?.exitStatus, 2);
    assert.deepEqual(programs().slice(3), ["tell", "hide", "fail"]);
    assert.equal(tree.text("/made"), "xit is tops3cret is h1dden");
    assert.ok(!/tops3cret|h1dden/.test(again.journal.toString()));
  });

  it("takes a step as done whose secret nobody reads, and a variable that comes to the same", async () => {
    const masker = new Masker();
    masker.add("tops3cret");
    const tree = new FakeTree();
    tree.otherProgram = ([program = ""]) => ({ stdout: "h1dden\n", status: program === "fail" ? 1 : 0 });
    const tasks = [
      task("command", { cmd: "hide" }, { register: "hidden", no_log: true }),
      task("set_fact", { made: "pw tops3cret" }),
      task("command", { cmd: "once" }),
      task("command", { cmd: "fail {{made}}" }),
    ];
    const run = { plays: [play(tasks)], trees: { a: tree }, options: { masker } };
    const { journal } = await runUntil(run, new Death());
    await runUntil(run, new Death(), journal);
    const programs = tree.applied.flatMap((one) => (one.kind === "exec" ? [one.exec.argv.join(" ")] : []));
    assert.deepEqual(programs, ["hide", "once", "fail pw tops3cret", "fail pw tops3cret"]);
  });

  it("does not do items of a loop again that are done, whenever it was killed", async () => {
    const items = [1, 2, 3, 4];
    const once = async (at: number): Promise<boolean> => {
      const counts = new Map<string, number>();
      const tree = new FakeTree();
      tree.otherProgram = (argv) => {
        counts.set(argv.join(" "), (counts.get(argv.join(" ")) ?? 0) + 1);
        return { stdout: `${argv[1]}\n` };
      };
      const tasks = [
        task("command", { cmd: "item {{item}}" }, { loop: items, register: "came" }),
        task("copy", { dest: "/came", content: "{{#each came.results}}{{stdout}}{{/each}}" }),
      ];
      const run = { plays: [play(tasks)], trees: { a: tree }, options: {} };
      const first = await runUntil(run, new Death(at));
      if (!first.ran) await runUntil(run, new Death(), first.journal);
      assert.equal(tree.text("/came"), "1234", `killed at ${at}`);
      const runs = items.map((item) => counts.get(`item ${item}`) ?? 0);
      // One of them may have been at work.
      assert.ok(runs.reduce((sum, one) => sum + one, 0) <= items.length + 1, `${at}: ${runs.join()}`);
      return first.ran !== undefined;
    };
    for (let at = 1; !(await once(at)); at++);
  });

  it("tries items of a loop again that failed, not those after them, and knows what ignored failures had changed", async () => {
    const once = async (at: number): Promise<boolean> => {
      const ran: string[] = [];
      const tree = new FakeTree();
      let isBroken = true;
      tree.otherProgram = ([program = "", item = ""]) => {
        ran.push(`${program} ${item}`);
        return { status: (program === "ignored" || isBroken) && item === "1" ? 1 : 0 };
      };
      const loop = { loop: [1, 2], register: "came" };
      const tasks = [
        task("command", { cmd: "ignored {{item}}" }, { ...loop, ignore_errors: true, changed_when: "item == 1" }),
        task("copy", { dest: "/changed", content: "{{came.changed}}" }),
        task("command", { cmd: "fails {{item}}" }, loop),
      ];
      const run = { plays: [play(tasks)], trees: { a: tree }, options: {} };
      const first = await runUntil(run, new Death(at));
      const before = ran.length;
      isBroken = false;
      const { ran: second } = await runUntil(run, new Death(), first.journal);
      assert.equal(second?.exitStatus, 0, `killed at ${at}`);
      assert.equal(tree.text("/changed"), "True", `killed at ${at}`);
      const again = ran.slice(before).filter((one) => ran.slice(0, before).includes(one) && one !== "fails 1");
      // One of them may have been at work; and a loop that was over and failed is tried again as a whole.
      assert.ok(again.length <= 1, `killed at ${at}, again: ${again.join()}`);
      return first.ran !== undefined;
    };
    for (let at = 1; !(await once(at)); at++);
  });

  it("knows all of what was sent together or nothing, wherever it was torn: what was looked at before the last change is not looked at after it", async () => {
    const line = { path: "/f", line: "two" };
    const tasks = [
      task("copy", { dest: "/f", content: "one\n" }),
      task("copy", { dest: "/f", content: "one\n" }, { register: "again" }),
      task("lineinfile", line),
      task("copy", { dest: "/changed", content: "{{again.changed}}" }),
    ];
    const once = async (at: number): Promise<boolean> => {
      const tree = new FakeTree();
      const run = { plays: [play(tasks)], trees: { a: tree }, options: {} };
      const first = await runUntil(run, new Death(at));
      if (!first.ran) await runUntil(run, new Death(), first.journal);
      assert.deepEqual([tree.text("/f"), tree.text("/changed")], ["one\ntwo\n", "False"], `killed at ${at}`);
      return first.ran !== undefined;
    };
    for (let at = 1; !(await once(at)); at++);
  });

  it("tries what failed again, wherever the journal was torn after the failure", async () => {
    const tree = new FakeTree();
    let isBroken = true;
    tree.otherProgram = () => ({ status: isBroken ? 1 : 0 });
    const run = { plays: [play([task("command", { cmd: "fails" })])], trees: { a: tree }, options: {} };
    const { journal } = await runUntil(run, new Death());
    isBroken = false;
    for (let end = journal.indexOf(10); end >= 0; end = journal.indexOf(10, end + 1)) {
      const { ran } = await runUntil(run, new Death(), journal.subarray(0, end + 1));
      assert.equal(ran?.exitStatus, 0, journal.toString("utf8", 0, end));
    }
  });

  it("goes on where a target was lost, though others failed there and elsewhere", async () => {
    const trees = { a: new FakeTree(), b: new FakeTree() };
    let isBroken = true;
    for (const tree of Object.values(trees))
      tree.otherProgram = ([program = ""]) => ({ status: program === "fails" && isBroken ? 1 : 0 });
    const tasks = [
      task("command", { cmd: "one" }, { name: "one", notify: "h" }),
      task("command", { cmd: "fails" }, { name: "fails", when: "inventory_hostname == 'b'" }),
      task("copy", { dest: "/two", content: "x" }, { name: "two" }),
    ];
    const handler = task("copy", { dest: "/h", content: "x" }, { name: "h" });
    const run = { plays: [play(tasks, { handlers: [handler] })], trees, options: {} };
    trees.a.breaksAfter = 1;
    const first = await runUntil(run, new Death());
    assert.equal(first.ran?.exitStatus, 4);
    assert.ok(!trees.a.text("/h") && !trees.b.text("/h"));
    trees.a.breaksAfter = Infinity;
    isBroken = false;
    const { ran } = await runUntil(run, new Death(), first.journal);
    assert.equal(ran?.exitStatus, 0);
    assert.deepEqual(ran?.lines.toSorted(), [
      "a h changed",
      "a two changed",
      "b fails changed",
      "b h changed",
      "b two changed",
    ]);
    assert.deepEqual(
      [trees.a.text("/two"), trees.b.text("/two"), trees.a.text("/h"), trees.b.text("/h")],
      ["x", "x", "x", "x"],
    );
  });

  it("begins a job again that went on, and keeps what came of one that was over", async () => {
    const tree = new FakeTree();
    let isFast = false;
    tree.otherProgram = ([program = ""]) =>
      program === "slow" && !isFast ? { ends: new Promise(() => undefined) } : { stdout: `${program}\n` };
    const tasks = [
      task("command", { cmd: "quick" }, { name: "quick", async: 60, poll: 0, register: "quick" }),
      task(
        "async_status",
        { jid: "{{quick.ansible_job_id}}" },
        { register: "q", until: "q.finished == 1", retries: 9, delay: 0 },
      ),
      task("command", { cmd: "slow" }, { name: "slow", async: 60, poll: 0, register: "slow" }),
      task("command", { cmd: "stops" }),
      task(
        "async_status",
        { jid: "{{slow.ansible_job_id}}" },
        { register: "s", until: "s.finished == 1", retries: 9, delay: 0 },
      ),
      task("copy", { dest: "/came", content: "{{q.stdout}} {{s.stdout}}" }),
    ];
    const death = new Death();
    const run = { plays: [play(tasks)], trees: { a: tree }, options: {} };
    tree.programs["stops"] = () => {
      death.kill();
      return {};
    };
    const first = await runUntil(run, death);
    assert.equal(first.ran, undefined);
    isFast = true;
    tree.programs["stops"] = {};
    const { ran } = await runUntil(run, new Death(), first.journal);
    assert.equal(ran?.exitStatus, 0, ran?.lines.join("\n"));
    assert.equal(tree.text("/came"), "quick slow");
    const warnings = ran.events.flatMap((event) => (event.event === "warning" ? [event.diagnostic.summary] : []));
    assert.ok(warnings.some((one) => /a: a job went on when the run stopped, and is begun again/.test(one)));
    assert.ok(warnings.some((one) => /the task "command" was at work .* is done again: it runs a command/.test(one)));
  });

  it("tells which handlers wait", async () => {
    const tree = new FakeTree();
    tree.otherProgram = ([program = ""]) => ({ status: program === "fail" ? 1 : 0 });
    const handler = task("debug", { msg: "x" }, { name: "restart" });
    const other = task("debug", { msg: "x" }, { name: "other" });
    const tasks = [
      task("command", { cmd: "one" }, { notify: "restart" }),
      task("command", { cmd: "fail" }, { notify: "other" }),
    ];
    const run = { plays: [play(tasks, { handlers: [handler, other] })], trees: { a: tree }, options: {} };
    const { journal } = await runUntil(run, new Death());
    const history = new History(parseJournal(journal).records);
    const pending = history.targets.get("a")?.pending((op) => history.titleOf(op));
    assert.deepEqual([...(pending?.get(1) ?? [])], ["restart"]);
  });

  it("writes what is about to be sent for good before it is sent, and shares the work", async () => {
    const death = new Death();
    const store = new MemoryStore(death);
    const journal = new Journal(store, new Masker());
    journal.step("a", 1, 1, "o");
    assert.equal(store.bytes.length, 0);
    await journal.doing({ kind: "doing", target: "b", play: 1, steps: [[2, 0, 0]] });
    assert.deepEqual(
      parseJournal(store.bytes).records.map(({ kind }) => kind),
      ["doing", "steps"],
    );
  });
});
