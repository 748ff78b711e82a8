// Jobs: what async, poll and timeout make of tasks, in fake trees.

import assert from "node:assert/strict";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { contentOf } from "../../src/module/content.js";
import { FakeTree } from "./fake-session.js";
import { block, loadModules, play, runPlays, task } from "./playbooks.js";

type Ran = Awaited<ReturnType<typeof runPlays>>;

/** A promise and what resolves it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const one = (tree: FakeTree): Record<string, FakeTree> => ({ web1: tree });
const job = (cmd: string, keys: Record<string, unknown> = {}): ReturnType<typeof task> =>
  task("command", { cmd }, { name: cmd, async: 60, poll: 0, register: "job", ...keys });
const status = (keys: Record<string, unknown> = {}, jid = "{{job.ansible_job_id}}"): ReturnType<typeof task> =>
  task("async_status", { jid }, { name: "status", register: "state", ...keys });
const waiting = { until: "state.finished == 1", retries: 200, delay: 0.01 };

const resultOf = (ran: Ran, name: string): Readonly<Record<string, unknown>> =>
  ran.results.findLast((result) => result.task === name)?.result ?? {};
const warnings = (ran: Ran): string[] =>
  ran.events.flatMap((event) => (event.event === "warning" ? [event.diagnostic.summary] : []));

describe("jobs", () => {
  before(loadModules);

  it("begin at once, go on beside later tasks, and give their result to async_status", async () => {
    const tree = new FakeTree();
    const { opened, open } = gate();
    tree.programs["long"] = { stdout: "done\n", ends: opened };
    tree.programs["other"] = () => {
      open();
      return { stdout: "" };
    };
    const nodes = [job("long"), status(), task("command", { cmd: "other" }, { name: "other" }), status(waiting)];
    const ran = await runPlays([play(nodes)], one(tree));
    const begun = resultOf(ran, "long");
    assert.match(String(begun["ansible_job_id"]), /^j\d+\.\d+$/);
    assert.deepEqual([begun["started"], begun["finished"], begun["changed"]], [1, 0, true]);
    assert.match(String(begun["results_file"]), /^\/.*\.ansible_async\/j/);
    const [first, last] = ran.results.filter((result) => result.task === "status");
    assert.deepEqual([first?.status, first?.result["finished"]], ["ok", 0]);
    assert.deepEqual(
      [last?.status, last?.result["finished"], last?.result["stdout"], last?.result["rc"]],
      ["changed", 1, "done", 0],
    );
    assert.deepEqual(warnings(ran), []);
  });

  it("of a loop run all at the same time", async () => {
    const tree = new FakeTree();
    const { opened, open } = gate();
    let begun = 0;
    for (const name of ["a", "b", "c"])
      tree.programs[name] = () => {
        if (++begun === 3) open();
        return { stdout: name, ends: opened };
      };
    const nodes = [
      job("{{item}}", { name: "each", loop: ["a", "b", "c"] }),
      status({ ...waiting, loop: "{{job.results}}" }, "{{item.ansible_job_id}}"),
      task("debug", { msg: "{{join (map state.results attribute='stdout') ','}}" }, { name: "show" }),
    ];
    const ran = await runPlays([play(nodes)], one(tree));
    assert.equal(resultOf(ran, "show")["msg"], "a,b,c");
  });

  it("that fail make async_status fail, which a rescue takes", async () => {
    const tree = new FakeTree();
    tree.programs["bad"] = { status: 3, stdout: "x" };
    const nodes = [
      job("bad"),
      block({
        block: [status(waiting)],
        rescue: [task("debug", { msg: "{{ansible_failed_result.rc}}" }, { name: "rescued" })],
      }),
    ];
    const ran = await runPlays([play(nodes)], one(tree));
    assert.equal(resultOf(ran, "rescued")["msg"], 3);
    assert.deepEqual([ran.targets["web1"]?.rescued, ran.targets["web1"]?.failed], [1, 0]);
  });

  it("change what was seen of the tree before", async () => {
    const tree = new FakeTree();
    const { opened, open } = gate();
    const write = { kind: "writeFile", path: "/made", content: contentOf("x"), expect: {} } as const;
    tree.programs["make"] = { ends: opened, changes: [write] };
    tree.programs["go"] = () => {
      open();
      return {};
    };
    const nodes = [
      job("make"),
      task("stat", { path: "/made" }, { name: "before", register: "before" }),
      task("command", { cmd: "go" }, { name: "go" }),
      status(waiting),
      task("stat", { path: "/made" }, { name: "after" }),
    ];
    const ran = await runPlays([play(nodes)], one(tree));
    const exists = (name: string): unknown => (resultOf(ran, name)["stat"] as { exists: boolean }).exists;
    assert.deepEqual([exists("before"), exists("after")], [false, true]);
  });

  it("are known on their own target alone, and not after cleanup", async () => {
    const trees = { web1: new FakeTree(), web2: new FakeTree() };
    for (const tree of Object.values(trees)) tree.programs["long"] = { stdout: "" };
    const nodes = [
      job("long"),
      status(
        { name: "other's", ignore_errors: true },
        "{{lookup (lookup (lookup hostvars 'web1') 'job') 'ansible_job_id'}}",
      ),
      status(waiting),
      task("async_status", { jid: "{{job.ansible_job_id}}", mode: "cleanup" }, { name: "cleanup" }),
      status({ name: "gone", ignore_errors: true }),
    ];
    const ran = await runPlays([play(nodes)], trees);
    const of = (target: string, name: string, key = "msg"): unknown =>
      ran.results.find((result) => result.target === target && result.task === name)?.result[key];
    assert.equal(of("web2", "other's"), "could not find job");
    assert.notEqual(of("web1", "other's"), "could not find job");
    assert.equal(of("web2", "gone"), "could not find job");
    assert.equal(of("web1", "cleanup", "erased"), of("web1", "long", "results_file"));
  });

  it("that still run at the end are ended, with a warning for each", async () => {
    const tree = new FakeTree();
    tree.programs["endless"] = { ends: new Promise(() => undefined) };
    const ran = await runPlays([play([job("endless")])], one(tree));
    assert.equal(ran.exitStatus, 0);
    assert.equal(warnings(ran).length, 1);
    assert.match(warnings(ran)[0] ?? "", /the job of the task "endless" on web1 was ended with the run/);
  });

  it("of tasks that run no program are over at once", async () => {
    const nodes = [
      task("copy", { content: "x", dest: "/x" }, { name: "write", async: 60, poll: 0, register: "job" }),
      status(),
    ];
    const ran = await runPlays([play(nodes)], one(new FakeTree()));
    assert.deepEqual([resultOf(ran, "write")["finished"], resultOf(ran, "write")["changed"]], [1, true]);
    assert.deepEqual([resultOf(ran, "status")["finished"], resultOf(ran, "status")["dest"]], [1, "/x"]);
  });

  it("lost with their connection are failed jobs", async () => {
    const tree = new FakeTree();
    const { opened, open } = gate();
    const lost = opened.then(() => {
      throw new CrunError({ severity: "error", summary: "the connection was lost" }, 4);
    });
    tree.programs["long"] = { ends: lost };
    tree.programs["go"] = () => {
      open();
      return {};
    };
    const ran = await runPlays(
      [play([job("long"), task("command", { cmd: "go" }, { name: "go" }), status(waiting)])],
      one(tree),
    );
    assert.equal(ran.exitStatus, 2);
    assert.match(String(resultOf(ran, "status")["msg"]), /^the job was lost with its connection: the connection was/);
  });

  it("in check mode would change, and nothing is known of what they would give", async () => {
    const tree = new FakeTree();
    const nodes = [
      job("long"),
      status(waiting),
      task("debug", { msg: "{{state.stdout}}" }, { name: "output" }),
      task("debug", { msg: "next" }, { name: "next" }),
    ];
    const ran = await runPlays([play(nodes)], one(tree), { isCheck: true });
    assert.deepEqual(
      ran.results.map((result) => [result.task, result.status, result.mayChange]),
      [
        ["long", "changed", false],
        ["status", "ok", true],
        ["output", "ok", true],
        ["next", "ok", false],
      ],
    );
    assert.deepEqual(tree.batches, []);
  });

  it("wait for what was planned before them", async () => {
    const tree = new FakeTree();
    let seen: string | undefined;
    tree.programs["read"] = () => {
      seen ??= tree.text("/conf");
      return {};
    };
    const ran = await runPlays(
      [play([task("copy", { content: "ready", dest: "/conf" }, { name: "write" }), job("read"), status(waiting)])],
      one(tree),
    );
    assert.equal(ran.exitStatus, 0);
    assert.equal(seen, "ready");
  });

  it("with a poll of their own are tasks like others, with a job's keys and a time limit", async () => {
    const tree = new FakeTree();
    tree.programs["short"] = { stdout: "x" };
    const ran = await runPlays([play([job("short", { poll: 5 })])], one(tree));
    assert.deepEqual([resultOf(ran, "short")["finished"], resultOf(ran, "short")["stdout"]], [1, "x"]);
    const [change] = tree.applied;
    assert.ok(change?.kind === "exec" && change.exec.timeoutMs !== undefined && change.exec.timeoutMs <= 60_000);
  });

  it("and times that are no numbers fail the task when they are rendered", async () => {
    const ran = await runPlays(
      [play([job("x", { async: "{{limit}}", vars: { limit: "soon" } })])],
      one(new FakeTree()),
    );
    assert.match(String(resultOf(ran, "x")["msg"]), /async must be a whole number of seconds, not "soon"/);
  });

  it("timeout gives a task's programs together so much time, its tries each", async () => {
    const tree = new FakeTree();
    tree.programs["short"] = { status: 1 };
    const keys = {
      name: "t",
      timeout: 7,
      until: "r.rc == 0",
      register: "r",
      retries: 1,
      delay: 0,
      ignore_errors: true,
    };
    await runPlays([play([task("command", { cmd: "short" }, keys)])], one(tree));
    const times = tree.applied.map((change) => (change.kind === "exec" ? change.exec.timeoutMs : undefined));
    assert.equal(times.length, 2);
    for (const time of times) assert.ok(time !== undefined && time > 6000 && time <= 7000, String(times));
  });
});

describe("check mode of a task that judges its own result", () => {
  before(loadModules);

  for (const [keyword, keys] of Object.entries({
    until: { until: "r.rc == 0", retries: 2, delay: 0 },
    failed_when: { failed_when: "r.rc != 0" },
    "failed_when of the message": { failed_when: 'r.msg != ""' },
    "failed_when after until": { until: "r.rc == 0", failed_when: 'r.rc != 0 || r.stdout == "x"' },
  }))
    it(`${keyword}: what only a real run can tell may change it`, async () => {
      const nodes = [task("command", { cmd: "x" }, { name: "t", register: "r", ...keys })];
      const ran = await runPlays([play(nodes)], one(new FakeTree()), { isCheck: true });
      assert.deepEqual([ran.results[0]?.status, ran.results[0]?.mayChange], ["changed", true]);
    });

  it("and fails without it is told without fields that are not known", async () => {
    const nodes = [task("command", { cmd: "x" }, { name: "t", register: "r", failed_when: "true" })];
    const ran = await runPlays([play(nodes)], one(new FakeTree()), { isCheck: true });
    const result = ran.results[0]?.result ?? {};
    assert.equal(ran.results[0]?.status, "failed");
    assert.deepEqual([result["rc"], result["stdout"]], [undefined, undefined]);
  });
});

describe("no_log", () => {
  before(loadModules);

  it("hides a program's output while it runs, too, and judges each item by itself", async () => {
    const tree = new FakeTree();
    for (const word of ["open", "closed"]) tree.programs[`echo ${word}`] = { stdout: `${word}\n` };
    const items = [
      { word: "open", hide: false },
      { word: "closed", hide: true },
    ];
    const ran = await runPlays(
      [
        play([
          task("copy", { content: "x", dest: "/x" }, { name: "before", no_log: true }),
          task("command", { cmd: "echo {{item.word}}" }, { name: "each", loop: items, no_log: "{{item.hide}}" }),
        ]),
      ],
      one(tree),
    );
    const said = ran.events.flatMap((event) =>
      event.event === "output" ? [`${event.task}: ${Buffer.from(event.data).toString()}`] : [],
    );
    assert.deepEqual(said, ["each: open\n"]);
    const shown = ran.events.flatMap((event) => (event.event === "item" ? [event.of] : []));
    assert.deepEqual(
      shown.map((item) => [item.item === "(censored)", "censored" in item.result]),
      [
        [false, false],
        [true, true],
      ],
    );
    assert.ok("censored" in resultOf(ran, "each"));
  });

  it("that cannot be judged hides", async () => {
    const tree = new FakeTree();
    tree.programs["echo x"] = { stdout: "x\n" };
    const ran = await runPlays(
      [play([task("command", { cmd: "echo x" }, { name: "odd", no_log: "{{nothing.like.it}}" })])],
      one(tree),
    );
    assert.ok("censored" in resultOf(ran, "odd"));
    assert.ok(!ran.events.some((event) => event.event === "output"));
  });
});
