// A plan is what the play would do, and is applied exactly so or not at all.

import assert from "node:assert/strict";
import type { EngineEvent } from "../../src/engine/events.js";
import { FakeTree } from "../engine/fake-session.js";
import { block, loadModules, play, runPlays, task } from "../engine/playbooks.js";
import { contentOf } from "../../src/module/content.js";
import { applied, planned } from "./plans.js";

const copy = (dest: string, content: string, keys = {}): ReturnType<typeof task> =>
  task("copy", { dest, content }, { name: dest, ...keys });
const command = (cmd: string, keys = {}): ReturnType<typeof task> => task("command", { cmd }, { name: cmd, ...keys });
const fresh = (): FakeTree => new FakeTree({ "/etc/motd": "hello\n" });

describe("plan and apply", () => {
  before(loadModules);

  const site = (): Parameters<typeof runPlays>[0] => [
    play(
      [
        copy("/etc/motd", "bye\n", { notify: ["note"] }),
        task("file", { path: "/srv/app", state: "directory", mode: "0750" }, { name: "dir" }),
        copy("/srv/app/x", "x\n"),
        task("file", { path: "/srv/app/l", src: "x", state: "link" }, { name: "link" }),
      ],
      { handlers: [copy("/etc/note", "n\n", { name: "note" })] },
    ),
  ];

  it("does what the play does: same changes, in the same order, same numbers", async () => {
    const [one, other] = [fresh(), fresh()];
    const { plan } = await planned(site(), { "fake:a": one });
    assert.equal(one.batches.length, 0, "planning changes nothing");
    const done = await applied(plan, { "fake:a": one });
    const real = await runPlays(site(), { "fake:a": other });
    assert.deepEqual(done.lines, real.lines);
    assert.deepEqual(one.applied, other.applied);
    assert.equal(done.exitStatus, 0);
    assert.deepEqual(recapOf(done), recapOf(real));
    assert.equal(one.batches.length, 1, "files go in one batch");
  });

  it("ends before the first task that a command leaves uncertain, says which and why, and exits with 3", async () => {
    const tree = fresh();
    tree.programs["p"] = {};
    const list = [
      copy("/etc/motd", "bye\n"),
      command("p"),
      command("q"),
      copy("/etc/motd", "bye\n", { name: "looks" }),
      copy("/x", "x"),
    ];
    const { plan, exitStatus, warnings } = await planned([play(list)], { "fake:a": tree });
    assert.equal(exitStatus, 3);
    assert.deepEqual(
      plan.steps.map((step) => step.task),
      ["/etc/motd", "p", "q"],
    );
    assert.deepEqual(warnings, [
      "the plan of fake:a ends before “looks”: what it looks at may be changed by a command before it, which only a run can tell",
    ]);
  });

  it("goes on past what only shows and sets, and ends before what could fail", async () => {
    const list = (last: ReturnType<typeof task>): Parameters<typeof runPlays>[0] => [
      play([
        command("p", { register: "r" }),
        task("debug", { msg: "{{r.stdout}}" }, { name: "debug" }),
        task("set_fact", { out: "{{r.stdout}}" }, { name: "fact" }),
        last,
        command("q"),
      ]),
    ];
    const done = await planned(list(command("s")), { "fake:a": fresh() });
    assert.deepEqual(
      done.plan.steps.map((step) => step.task),
      ["p", "s", "q"],
    );
    assert.equal(done.exitStatus, 0);
    const asserted = await planned(list(task("assert", { that: "r.rc == 0" }, { name: "assert" })), {
      "fake:a": fresh(),
    });
    assert.deepEqual(asserted.warnings, [
      "the plan of fake:a ends before “assert”: r.rc is known only after a real run",
    ]);
    assert.deepEqual(
      asserted.plan.steps.map((step) => step.task),
      ["p"],
    );
    const used = await planned(list(copy("/x", "{{out}}")), { "fake:a": fresh() });
    assert.deepEqual(used.warnings, ["the plan of fake:a ends before “/x”: out is known only after a real run"]);
  });

  it("plans handlers that planned changes notify, and no handler whose notification a command's result decides", async () => {
    const handlers = [command("h", { name: "h" })];
    const doubtful = command("p", { register: "r", changed_when: "'x' in r.stdout", notify: ["h"] });
    const { plan, warnings } = await planned([play([doubtful], { handlers })], { "fake:a": fresh() });
    assert.deepEqual(
      plan.steps.map((step) => step.task),
      ["p"],
    );
    assert.deepEqual(warnings, [
      "the plan of fake:a ends before “h”: whether “p” notifies it is known only when that has run",
    ]);
    const sure = await planned([play([command("p", { notify: ["h"] })], { handlers })], { "fake:a": fresh() });
    assert.deepEqual(
      sure.plan.steps.map((step) => [step.task, step.isHandler]),
      [
        ["p", false],
        ["h", true],
      ],
    );
  });

  it("keeps nothing of a target that would fail or is unreachable, and says so", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh(), "fake:c": fresh() };
    trees["fake:c"].breaksAfter = 0;
    const bad = copy("/no/such/x", "x", { when: "inventory_hostname == 'fake:b'", name: "bad" });
    const { plan, exitStatus } = await planned([play([copy("/x", "x"), bad])], trees);
    assert.equal(exitStatus, 4);
    assert.deepEqual(
      plan.targets.map(({ end }) => end.kind),
      ["complete", "failed", "unreachable"],
    );
    assert.deepEqual(
      plan.steps.map((step) => step.target),
      ["fake:a"],
    );
  });

  it("leaves check_mode false to the planning and check_mode true to nobody", async () => {
    const tree = fresh();
    tree.programs["p"] = { stdout: "yes" };
    const list = [
      command("p", { check_mode: false, register: "r", changed_when: false }),
      copy("/x", "x", { when: "r.stdout == 'yes'" }),
      copy("/y", "y", { check_mode: true }),
    ];
    const { plan } = await planned([play(list)], { "fake:a": tree });
    assert.deepEqual(
      plan.steps.map((step) => step.task),
      ["/x"],
    );
  });

  it("speaks of the real run where variables ask for check mode", async () => {
    const { plan } = await planned([play([copy("/x", "x", { when: "!check_mode" })])], { "fake:a": fresh() });
    assert.equal(plan.steps.length, 1);
  });

  describe("a tree that moved is refused before anything of it is changed", () => {
    const one = (): Parameters<typeof runPlays>[0] => [play([copy("/new", "new\n"), copy("/etc/motd", "bye\n")])];
    const cases: readonly (readonly [string, (tree: FakeTree) => void, RegExp])[] = [
      [
        "content",
        (tree) => tree.tamper("/etc/motd", "evil\n"),
        /^\/etc\/motd: its content is another: sha256 \w{12}, it was \w{12}/m,
      ],
      [
        "mode",
        (tree) => tree.model.predict([{ kind: "setAttributes", path: "/etc/motd", mode: 0o600, expect: {} }]),
        /^\/etc\/motd: its mode is 0600, it was 0644/m,
      ],
      [
        "owner",
        (tree) => tree.model.predict([{ kind: "setAttributes", path: "/etc/motd", uid: 7, expect: {} }]),
        /^\/etc\/motd: its owner is 7:0, it was 0:0/m,
      ],
      [
        "removal",
        (tree) => tree.model.predict([{ kind: "remove", path: "/etc/motd", expect: {} }]),
        /^\/etc\/motd: it is gone, it was a file \(0644, 0:0, sha256 \w{12}\)$/m,
      ],
      [
        "a new file in the way",
        (tree) => tree.tamper("/new", "mine\n"),
        /^\/new: it is a file \(0644, 0:0, sha256 \w{12}\), nothing was there/m,
      ],
      [
        "another type",
        (tree) =>
          tree.model.predict([
            { kind: "remove", path: "/etc/motd", expect: {} },
            { kind: "makeDirectory", path: "/etc/motd", expect: {} },
          ]),
        /^\/etc\/motd: it is a directory \(0755, 0:0\), it was a file/m,
      ],
      [
        "a parent that is a link now",
        (tree) =>
          tree.model.predict([
            { kind: "makeDirectory", path: "/other", expect: {} },
            { kind: "writeFile", path: "/other/motd", content: contentOf("hello\n"), mode: 0o644, expect: {} },
            { kind: "remove", path: "/etc", isRecursive: true, expect: {} },
            { kind: "makeLink", path: "/etc", target: "/other", expect: {} },
          ]),
        /^\/etc\/motd: it leads to \/other\/motd, it led to \/etc\/motd/m,
      ],
    ];
    for (const [what, tamper, expected] of cases) {
      it(what, async () => {
        const trees = { "fake:a": fresh(), "fake:b": fresh() };
        const { plan } = await planned(one(), trees);
        tamper(trees["fake:a"]);
        const done = await applied(plan, trees);
        assert.deepEqual(done.lines, ["fake:a refused failed", "fake:b /new changed", "fake:b /etc/motd changed"]);
        assert.match(done.results[0]?.message ?? "", expected);
        assert.equal(trees["fake:a"].batches.length, 0, "nothing was sent there");
        assert.equal(trees["fake:b"].text("/etc/motd"), "bye\n");
        assert.equal(done.exitStatus, 2);
      });
    }

    it("shows the difference of a text", async () => {
      const trees = { "fake:a": fresh() };
      const { plan } = await planned(one(), trees);
      trees["fake:a"].tamper("/etc/motd", "evil\n");
      const done = await applied(plan, trees);
      assert.deepEqual(done.results[0]?.diffs, [
        {
          title: "/etc/motd",
          before: "hello\n",
          after: "evil\n",
          beforeTitle: "/etc/motd (when planned)",
          afterTitle: "/etc/motd (now)",
        },
      ]);
    });

    it("heeds what a registered result was seen from, and creates of a command", async () => {
      const list = [
        task("stat", { path: "/flag" }, { name: "stat", register: "f" }),
        copy("/x", "x", { when: "!f.stat.exists" }),
        task("command", { cmd: "p", creates: "/made" }, { name: "p" }),
      ];
      for (const path of ["/flag", "/made"]) {
        const tree = fresh();
        const { plan } = await planned([play(list)], { "fake:a": tree });
        tree.tamper(path, "");
        const done = await applied(plan, { "fake:a": tree });
        assert.deepEqual(done.lines, ["fake:a refused failed"], path);
        assert.match(done.results[0]?.message ?? "", new RegExp(`^${path}: `, "m"));
      }
    });

    it("is not bothered by a user who is of no account to the plan, and is by the one that owns a file of it", async () => {
      const passwd = "root:x:0:0::/:\nwww:x:33:33::/:\n";
      const tree = (): FakeTree => new FakeTree({ "/etc/passwd": passwd, "/etc/group": "root:x:0:\n" });
      const plain = tree();
      const { plan } = await planned([play([copy("/x", "x")])], { "fake:a": plain });
      plain.tamper("/etc/passwd", `${passwd}more:x:40:40::/:\n`);
      assert.equal((await applied(plan, { "fake:a": plain })).exitStatus, 0);
      const owned = tree();
      const other = await planned([play([task("copy", { dest: "/x", content: "x", owner: "www" }, { name: "x" })])], {
        "fake:a": owned,
      });
      owned.tamper("/etc/passwd", passwd.replace("33:33", "34:34"));
      const done = await applied(other.plan, { "fake:a": owned });
      assert.match(done.results[0]?.message ?? "", /^\/etc\/passwd: its content is another/m);
    });

    it("fails the step whose file moves between the look and the change", async () => {
      const tree = fresh();
      const { plan } = await planned(one(), { "fake:a": tree });
      tree.beforeApply = () => tree.tamper("/etc/motd", "evil\n");
      const done = await applied(plan, { "fake:a": tree });
      assert.deepEqual(done.lines, ["fake:a /new changed", "fake:a /etc/motd failed"]);
      assert.equal(tree.text("/etc/motd"), "evil\n");
      assert.match(done.results[1]?.remedy ?? "", /plan again/);
    });
  });

  it("says that a plan was applied already, or in part, and does nothing", async () => {
    const list = [copy("/x", "x"), copy("/y", "y")];
    const tree = fresh();
    const { plan } = await planned([play(list)], { "fake:a": tree });
    assert.equal((await applied(plan, { "fake:a": tree })).exitStatus, 0);
    const again = await applied(plan, { "fake:a": tree });
    assert.equal(again.exitStatus, 2);
    assert.equal(again.results[0]?.message, "this plan was applied already: the tree is as the plan leaves it");
    const half = fresh();
    half.tamper("/x", "x");
    const part = await applied(plan, { "fake:a": half });
    assert.match(part.results[0]?.remedy ?? "", /applied in part/);
    assert.equal(half.text("/y"), undefined);
  });

  it("judges commands by the conditions of their tasks, with the variables of the time of planning", async () => {
    const list = [
      command("p", { register: "r", failed_when: "r.rc > most", changed_when: "'new' in r.stdout", vars: { most: 3 } }),
      command("q", { register: "r", failed_when: "r.stdout != 'fine'" }),
      command("s", { ignore_errors: true }),
      command("t"),
    ];
    const tree = fresh();
    tree.programs["p"] = { status: 3, stdout: "old" };
    tree.programs["q"] = { status: 5, stdout: "fine" };
    tree.programs["s"] = { status: 1, stderr: "no" };
    tree.programs["t"] = { status: 9, stderr: "boom" };
    const { plan } = await planned([play([...list, command("u")])], { "fake:a": tree });
    assert.equal(plan.steps.length, 5);
    const done = await applied(plan, { "fake:a": tree });
    assert.deepEqual(done.lines, ["fake:a p ok", "fake:a q changed", "fake:a s failed", "fake:a t failed"]);
    assert.equal(done.results[2]?.isIgnored, true);
    assert.deepEqual(
      [done.results[3]?.result["rc"], done.results[3]?.result["stderr"], done.results[3]?.message],
      [9, "boom", "non-zero return code"],
    );
    const real = await runPlays([play([...list, command("u")])], { "fake:a": withPrograms(tree) });
    assert.deepEqual(done.lines, real.lines);
    assert.deepEqual(recapOf(done), recapOf(real));
  });

  it("tries again until a result is as wanted, as often as the task says", async () => {
    const again = { register: "r", until: "r.stdout == 'up'", retries: 3, delay: 0 };
    const list = [command("p", again), command("q", { ...again, ignore_errors: true }), command("s")];
    const trees = (): FakeTree => {
      const tree = fresh();
      let tries = 0;
      tree.programs["p"] = () => ({ stdout: ++tries === 3 ? "up" : "down" });
      tree.programs["q"] = { stdout: "down" };
      tree.programs["s"] = {};
      return tree;
    };
    const [one, other] = [trees(), trees()];
    const { plan, exitStatus } = await planned([play(list)], { "fake:a": one });
    assert.equal(exitStatus, 0);
    const done = await applied(plan, { "fake:a": one });
    const real = await runPlays([play(list)], { "fake:a": other });
    assert.deepEqual(done.lines, real.lines);
    assert.equal(one.applied.length, other.applied.length);
    assert.deepEqual(
      done.results.map(({ result }) => result["attempts"]),
      real.results.map(({ result }) => result["attempts"]),
    );
    assert.deepEqual(recapOf(done), recapOf(real));
  });

  it("ends before a task whose condition reads what a plan cannot hold", async () => {
    const list = [command("p", { register: "r", failed_when: "r.rc > vars.most", vars: { most: 3 } })];
    const { plan, warnings } = await planned([play(list)], { "fake:a": fresh() });
    assert.equal(plan.steps.length, 0);
    assert.match(warnings[0] ?? "", /a condition on its result reads vars, which a plan cannot hold/);
  });

  it("keeps the order between targets where the play waits, and plays behind each other", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const plays = [
      play([copy("/1", "1"), copy("/2", "2", { run_once: true }), copy("/3", "3")], { strategy: "linear" }),
      play([copy("/4", "4")], { serial: [1] }),
    ];
    const { plan } = await planned(plays, trees);
    const done = await applied(plan, trees);
    const order = done.lines.map((line) => line.split(" ").slice(0, 2).join(" "));
    assert.deepEqual(order.slice(0, 2).toSorted(), ["fake:a /1", "fake:b /1"]);
    assert.equal(order[2], "fake:a /2");
    assert.deepEqual(order.slice(3, 5).toSorted(), ["fake:a /3", "fake:b /3"]);
    assert.deepEqual(order.slice(5), ["fake:a /4", "fake:b /4"]);
  });

  it("acts for one target in another's tree, and refuses who would act in a tree that moved", async () => {
    const plays = [
      play([copy("/x", "x", { delegate_to: "fake:b", when: "inventory_hostname == 'fake:a'" }), copy("/y", "y")]),
    ];
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const { plan } = await planned(plays, trees);
    assert.deepEqual(plan.steps.map((step) => [step.target, step.venue]).toSorted(), [
      ["fake:a", "fake:a"],
      ["fake:a", "fake:b"],
      ["fake:b", "fake:b"],
    ]);
    await applied(plan, trees);
    assert.equal(trees["fake:b"].text("/x"), "x");
    const others = { "fake:a": fresh(), "fake:b": fresh() };
    const next = await planned(plays, others);
    others["fake:b"].tamper("/x", "mine");
    const done = await applied(next.plan, others);
    assert.match(done.results[0]?.message ?? "", /^fake:b, where a task of it acts, is not as it was/);
    assert.equal(others["fake:a"].text("/y"), undefined);
  });

  it("stops others where a target whose plan ends early would have acted before them", async () => {
    const late = copy("/x", "x", { delegate_to: "fake:b", when: "inventory_hostname == 'fake:a'", name: "late" });
    const list = [
      command("p", { when: "inventory_hostname == 'fake:a'", register: "r" }),
      copy("/s", "{{r.stdout}}", { when: "inventory_hostname == 'fake:a'", name: "unknown" }),
      late,
      copy("/y", "y"),
    ];
    const { plan, warnings } = await planned([play(list, { strategy: "linear" })], {
      "fake:a": fresh(),
      "fake:b": fresh(),
    });
    assert.deepEqual(
      plan.steps.map((step) => `${step.target} ${step.task}`),
      ["fake:a p"],
    );
    assert.equal(warnings.length, 2);
    assert.match(
      warnings[1] ?? "",
      /the plan of fake:b ends before “\/y”: it acts in fake:b after a target whose plan ends before that/,
    );
  });

  it("ends a play with any_errors_fatal, or without a target left, as the play does", async () => {
    const trees = (): Record<string, FakeTree> => ({ "fake:a": fresh(), "fake:b": fresh() });
    const fatal = trees();
    const { plan } = await planned([play([copy("/x", "x")], { anyErrorsFatal: true })], fatal);
    fatal["fake:a"]?.tamper("/x", "mine");
    assert.deepEqual((await applied(plan, fatal)).lines, ["fake:a refused failed"]);
    assert.equal(fatal["fake:b"]?.text("/x"), undefined);
    const rolling = trees();
    const serial = await planned([play([copy("/x", "x")], { serial: [1] })], rolling);
    rolling["fake:a"]?.tamper("/x", "mine");
    const done = await applied(serial.plan, rolling);
    assert.deepEqual(done.lines, ["fake:a refused failed"]);
    assert.ok(
      done.events.some((event) => event.event === "warning" && /has no target left/.test(event.diagnostic.summary)),
    );
  });

  it("looks again before a later batch begins, which may be much later", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const { plan } = await planned([play([copy("/new", "new"), copy("/etc/motd", "bye\n")], { serial: [1] })], trees);
    trees["fake:a"].beforeApply = () => trees["fake:b"].tamper("/etc/motd", "evil\n");
    const done = await applied(plan, trees);
    assert.deepEqual(done.lines, ["fake:a /new changed", "fake:a /etc/motd changed", "fake:b refused failed"]);
    assert.equal(trees["fake:b"].batches.length, 0);
  });

  it("ends the play for all where a run_once task fails, and lets so many through as throttle says", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const once = await planned([play([command("migrate", { run_once: true }), copy("/x", "x")])], trees);
    trees["fake:a"].programs["migrate"] = { status: 1 };
    const done = await applied(once.plan, trees);
    assert.deepEqual(done.lines, ["fake:a migrate failed"]);
    assert.equal(trees["fake:b"].text("/x"), undefined);
    for (const keys of [{ throttle: 1 }, { throttle_per_host: 1 }]) {
      const others = Object.fromEntries(["a", "b", "c"].map((name) => [`fake:${name}`, fresh()]));
      for (const tree of Object.values(others)) tree.programs["p"] = {};
      const { plan } = await planned([play([command("p", keys)])], others);
      let [atWork, most] = [0, 0];
      const onEvent = (event: EngineEvent): void => {
        if (event.event === "start") most = Math.max(most, ++atWork);
        else if (event.event === "result") atWork--;
      };
      assert.equal((await applied(plan, others, { onEvent })).results.length, 3);
      assert.equal(most, 1, JSON.stringify(keys));
    }
  });

  it("is over for a target whose connection is lost, and goes on with the others", async () => {
    const trees = { "fake:a": fresh(), "fake:b": fresh() };
    const { plan } = await planned([play([copy("/x", "x"), command("p"), command("q")])], trees);
    for (const tree of Object.values(trees)) for (const name of ["p", "q"]) tree.programs[name] = {};
    trees["fake:a"].breaksAfter = 2;
    const done = await applied(plan, trees);
    assert.deepEqual(
      done.lines.filter((line) => line.startsWith("fake:a")),
      ["fake:a /x changed", "fake:a p changed"],
    );
    assert.equal(done.lines.filter((line) => line.startsWith("fake:b")).length, 3);
    assert.equal(done.exitStatus, 4);
  });

  it("begins nothing new once it is interrupted", async () => {
    const tree = fresh();
    for (const name of ["p", "q"]) tree.programs[name] = {};
    const { plan } = await planned([play([copy("/x", "x"), command("p"), command("q")])], { "fake:a": tree });
    const done = await applied(
      plan,
      { "fake:a": tree },
      {
        onEvent: (event, application) => void (event.event === "result" && application.interrupt()),
      },
    );
    assert.deepEqual(done.lines, ["fake:a /x changed", "fake:a p changed"]);
    assert.equal(done.exitStatus, 130);
  });

  it("only looks in check mode", async () => {
    const tree = fresh();
    const { plan } = await planned([play([copy("/x", "x")])], { "fake:a": tree });
    const done = await applied(plan, { "fake:a": tree }, { isCheck: true });
    assert.deepEqual([done.lines, done.exitStatus, tree.batches.length], [["fake:a /x changed"], 0, 0]);
    tree.tamper("/x", "mine");
    assert.equal((await applied(plan, { "fake:a": tree }, { isCheck: true })).exitStatus, 2);
  });

  it("connects to nobody for whom there is nothing to do", async () => {
    const trees = { "fake:a": fresh(), "fake:b": new FakeTree({ "/etc/motd": "bye\n" }) };
    const { plan } = await planned([play([copy("/etc/motd", "bye\n")])], trees);
    trees["fake:b"].breaksAfter = 0;
    const done = await applied(plan, trees);
    assert.equal(done.exitStatus, 0);
    assert.deepEqual(Object.keys(recapOf(done)), ["fake:a", "fake:b"]);
  });

  it("hides what no_log hides, and masks secrets in what it shows", async () => {
    const list = [
      copy("/secret", "hush hush", { no_log: true }),
      task("user", { name: "joe", password: "$6$swordfish" }, { name: "user" }),
      command("tell $6$swordfish"),
    ];
    const tree = new FakeTree({
      "/etc/passwd": "root:x:0:0::/:\n",
      "/etc/group": "root:x:0:\n",
      "/etc/shadow": "root:*:1::::::\n",
      "/etc/gshadow": "root:*::\n",
      "/home/x": "",
    });
    const { plan, warnings } = await planned([play(list)], { "fake:a": tree });
    const shown = JSON.stringify(plan.steps.map(({ task: name, texts, diffs }) => ({ name, texts, diffs })));
    assert.equal(shown.includes("hush"), false, shown);
    assert.equal(shown.includes("swordfish"), false, shown);
    assert.deepEqual(warnings, []);
  });

  it("plans the restart of a service behind its new configuration, by what runs of it and not by its times", async () => {
    const machine = { name: "web", leader: 9, cgroup: "/x", uidShift: 0, init: "systemd", hasPrivateUsers: false };
    const booted = (): FakeTree => {
      const tree = new FakeTree({
        "/etc/web.conf": "old\n",
        "/lib/systemd/system/web.service": "[Service]\nExecStart=/x\n",
      });
      tree.machine = machine;
      let second = 0;
      tree.programs["systemctl show --no-pager web.service"] = () => ({
        stdout: `LoadState=loaded\nActiveState=active\nSubState=running\nCPUUsageNSec=${++second}\n`,
      });
      tree.programs["systemctl restart web.service"] = {};
      return tree;
    };
    const plays = [
      play([copy("/etc/web.conf", "new\n", { notify: ["web"] })], {
        handlers: [task("service", { name: "web", state: "restarted" }, { name: "web" })],
      }),
    ];
    const tree = booted();
    const { plan, exitStatus } = await planned(plays, { "fake:a": tree });
    assert.equal(exitStatus, 0);
    assert.deepEqual(
      plan.steps.map((step) => step.texts.at(-1)),
      [plan.steps[0]?.texts.at(-1), "run systemctl restart web.service"],
    );
    assert.equal((await applied(plan, { "fake:a": tree })).exitStatus, 0);
    const stopped = booted();
    const next = await planned(plays, { "fake:a": stopped });
    stopped.programs["systemctl show --no-pager web.service"] = {
      stdout: "LoadState=loaded\nActiveState=failed\nSubState=failed\n",
    };
    const refused = await applied(next.plan, { "fake:a": stopped });
    assert.match(
      refused.results[0]?.message ?? "",
      /“systemctl show --no-pager web\.service” gives another answer than it gave/,
    );
    const off = booted();
    const last = await planned(plays, { "fake:a": off });
    off.machine = undefined;
    assert.match(
      (await applied(last.plan, { "fake:a": off })).results[0]?.message ?? "",
      /no machine runs from the tree, it was the machine web/,
    );
  });

  it("leaves what a rescue would do to a run", async () => {
    const nodes = [
      block({ block: [command("p")], rescue: [copy("/rescued", "x")] }),
      copy("/x", "x", { check_mode: true }),
    ];
    const tree = fresh();
    tree.programs["p"] = { status: 1 };
    const { plan } = await planned([play(nodes)], { "fake:a": tree });
    const done = await applied(plan, { "fake:a": tree });
    assert.deepEqual([done.lines, done.exitStatus], [["fake:a p failed"], 2]);
    assert.equal(tree.text("/rescued"), undefined);
  });
});

function recapOf(ran: { readonly events: readonly { readonly event: string }[] }): Record<string, unknown> {
  const recap = ran.events.find((event) => event.event === "recap");
  return recap && "targets" in recap ? { ...(recap.targets as Record<string, unknown>) } : {};
}

function withPrograms(tree: FakeTree): FakeTree {
  const copied = fresh();
  Object.assign(copied.programs, tree.programs);
  return copied;
}
