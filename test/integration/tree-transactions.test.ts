// Transactions on real trees: all of a play, or nothing of it; whoever fails, is interrupted or lost leaves the old tree, byte for byte.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { eventsIn, treeYard, type Storage, type TreeYard } from "./tree-fixtures.js";

const head = "- hosts: all\n  gather_facts: false\n  transaction: true\n";
const motd = `    - copy: { dest: /etc/motd, content: "new\\n" }\n`;

for (const storage of ["directory", "btrfs"] as const satisfies readonly Storage[]) {
  describe(`transactions on trees (${storage})`, function () {
    this.timeout(120_000);
    const scope = testScope();
    let yard: TreeYard;
    let work: Workplace;

    before(async function () {
      requireOrSkip(this, {
        root: true,
        paths: [crunPath],
        tools: ["busybox", ...(storage === "btrfs" ? ["btrfs"] : [])],
      });
      yard = await treeYard(scope, storage);
      work = new Workplace(scope);
    });

    const text = (tree: string, path: string): string => readFileSync(join(tree, path), "utf8");
    async function play(names: readonly string[], playbook: string, more: readonly string[] = []) {
      work.write("hosts", yard.inventory(names));
      work.write("site.yml", playbook);
      const told = await work.play(["-i", "hosts", "site.yml", ...more]);
      const outcomes = eventsIn(told.stdout, "transaction").map(
        ({ target, outcome }) => `${String(target)} ${String(outcome)}`,
      );
      return { ...told, outcomes: outcomes.sort() };
    }

    it("swaps in what a play that went well has made, and keeps the old tree", async () => {
      const tree = await yard.tree("well");
      const before = await hashTree(tree);
      const inode = lstatSync(tree, { bigint: true });
      const told = await play(["well"], `${head}  tasks:\n${motd}    - file: { path: /srv/data/3, state: absent }\n`);
      assert.equal(told.status, 0, brief(told));
      assert.deepEqual(told.outcomes, ["well swapped"]);
      assert.equal(text(tree, "etc/motd"), "new\n");
      assert.ok(!existsSync(join(tree, "srv/data/3")));
      const after = lstatSync(tree, { bigint: true });
      assert.ok(after.ino !== inode.ino || after.dev !== inode.dev, "it is another tree");
      assert.deepEqual(yard.kept("making"), []);
      const old = join(yard.directory, ".crun/old/well.1");
      assert.equal(await hashTree(old), before);
      const note = JSON.parse(readFileSync(`${old}.json`, "utf8")) as Record<string, unknown>;
      assert.deepEqual([note["version"], note["why"], note["play"]], [1, "transaction", "all"]);
      const again = await play(["well"], `${head}  tasks:\n${motd}`);
      assert.deepEqual([again.status, again.outcomes], [0, ["well unchanged"]]);
      assert.deepEqual(yard.kept("old"), ["well.1", "well.1.json"]);
      assert.deepEqual(yard.kept("making"), []);
    });

    it("acts in a clone of a tree that an earlier play of the run has looked at, and refuses one in which its job still runs", async () => {
      const tree = await yard.tree("looked");
      for (const name of ["bin", "proc"]) mkdirSync(join(tree, name), { recursive: true });
      copyFileSync("/usr/bin/busybox", join(tree, "bin/sleep"));
      const before = await hashTree(tree);
      const look = "- hosts: all\n  gather_facts: false\n  tasks: [{ stat: { path: /etc/motd } }]\n";
      const fails = `${look}${head}  tasks:\n${motd}    - fail: {}\n`;
      assert.deepEqual((await play(["looked"], fails)).outcomes, ["looked discarded"]);
      assert.equal(await hashTree(tree), before);
      const told = await play(["looked"], `${look}${head}  tasks:\n${motd}`);
      assert.deepEqual([told.status, told.outcomes], [0, ["looked swapped"]], brief(told));
      assert.equal(text(tree, "etc/motd"), "new\n");
      const job =
        "- hosts: all\n  gather_facts: false\n  tasks: [{ command: sleep 60, async: 60, poll: 0, changed_when: false }]\n";
      const busy = await play(["looked"], `${job}${head}  tasks:\n    - copy: { dest: /etc/motd, content: "x\\n" }\n`);
      assert.deepEqual([busy.status, busy.outcomes], [2, []], brief(busy));
      assert.match(busy.all, /a job of an earlier play still runs in the tree/);
      assert.equal(text(tree, "etc/motd"), "new\n");
    });

    it("keeps as many old trees as the play says", async () => {
      const tree = await yard.tree("many");
      const transaction = (keep: number): string => head.replace("true", `{ keep: ${keep} }`);
      for (const [count, keep] of [2, 2, 2].entries()) {
        const told = await play(
          ["many"],
          `${transaction(keep)}  tasks:\n    - copy: { dest: /etc/count, content: "${count}" }\n`,
        );
        assert.equal(told.status, 0, brief(told));
      }
      assert.equal(text(tree, "etc/count"), "2");
      const mine = (): readonly string[] => yard.kept("old").filter((name) => name.startsWith("many."));
      assert.deepEqual(mine(), ["many.2", "many.2.json", "many.3", "many.3.json"]);
      await play(["many"], `${transaction(0)}  tasks:\n    - copy: { dest: /etc/count, content: "3" }\n`);
      assert.equal(text(tree, "etc/count"), "3");
      assert.deepEqual(mine(), []);
    });

    const failing = {
      "in the middle": `  tasks:\n${motd}    - fail: { msg: no }\n    - copy: { dest: /etc/late, content: late }\n`,
      "in a handler": `  tasks:\n    - copy: { dest: /etc/motd, content: "new\\n" }\n      notify: stumble\n  handlers:\n    - { name: stumble, fail: { msg: no } }\n`,
      "in an always": `  tasks:\n    - block:\n        - copy: { dest: /etc/motd, content: "new\\n" }\n      always:\n        - fail: { msg: no }\n`,
      "where errors are cleared": `  tasks:\n${motd}    - fail: { msg: no }\n      when: true\n    - meta: clear_host_errors\n`,
    };
    for (const [where, tasks] of Object.entries(failing)) {
      it(`leaves the old tree where a play fails ${where}`, async () => {
        const name = `fails-${where.replaceAll(" ", "-")}`;
        const tree = await yard.tree(name);
        const before = await hashTree(tree);
        const told = await play([name], head + tasks);
        assert.equal(told.status, 2, brief(told));
        assert.deepEqual(told.outcomes, [`${name} discarded`]);
        assert.equal(await hashTree(tree), before);
        assert.deepEqual(yard.kept("making"), []);
      });
    }

    it("swaps where a failure was rescued or ignored, or the play was ended in good order", async () => {
      const rescued = `  tasks:\n    - block:\n        - fail: { msg: no }\n      rescue:\n    ${motd}`;
      const ignored = `  tasks:\n    - fail: { msg: no }\n      ignore_errors: true\n${motd}`;
      const ended = `  tasks:\n${motd}    - meta: end_play\n    - fail: { msg: no }\n`;
      for (const [index, tasks] of [rescued, ignored, ended].entries()) {
        const name = `fine${index}`;
        const tree = await yard.tree(name);
        const told = await play([name], head + tasks);
        assert.equal(told.status, 0, brief(told));
        assert.deepEqual(told.outcomes, [`${name} swapped`]);
        assert.equal(text(tree, "etc/motd"), "new\n");
      }
    });

    it("settles each target for itself, side by side, batch by batch, for all plays with --atomic", async () => {
      const names = ["a1", "a2", "a3", "a4"];
      const trees = await Promise.all(names.map((name) => yard.tree(name)));
      const before = await Promise.all(trees.map((tree) => hashTree(tree)));
      const tasks = `${motd}    - fail: { msg: no }\n      when: inventory_hostname in ["a2", "a3"]\n`;
      const told = await play(names, `- hosts: all\n  gather_facts: false\n  serial: 2\n  tasks:\n${tasks}`, [
        "--atomic",
      ]);
      assert.equal(told.status, 2, brief(told));
      assert.deepEqual(told.outcomes, ["a1 swapped", "a2 discarded", "a3 discarded", "a4 swapped"]);
      assert.deepEqual(
        trees.map((tree) => text(tree, "etc/motd")),
        ["new\n", "old\n", "old\n", "new\n"],
      );
      assert.equal(await hashTree(String(trees[1])), before[1]);
      assert.equal(await hashTree(String(trees[2])), before[2]);
    });

    it("throws away what targets have made that a broken-off play did not bring to its end", async () => {
      const names = ["b1", "b2"];
      const trees = await Promise.all(names.map((name) => yard.tree(name)));
      const keywords = "  any_errors_fatal: true\n";
      const tasks = `${motd}    - fail: { msg: no }\n      when: inventory_hostname == "b2"\n    - copy: { dest: /etc/late, content: late }\n`;
      const told = await play(names, `${head}${keywords}  tasks:\n${tasks}`);
      assert.equal(told.status, 2, brief(told));
      assert.deepEqual(told.outcomes, ["b1 discarded", "b2 discarded"]);
      for (const tree of trees) assert.equal(text(tree, "etc/motd"), "old\n");
    });

    it("acts in the clone of another target of the play where a task is delegated to it", async () => {
      const [one, other] = [await yard.tree("d1"), await yard.tree("d2")];
      const tasks = `    - copy: { dest: /etc/from-d1, content: x }\n      delegate_to: d2\n      when: inventory_hostname == "d1"\n    - fail: { msg: no }\n      when: inventory_hostname == "d2"\n`;
      const told = await play(["d1", "d2"], `${head}  tasks:\n${tasks}`);
      assert.deepEqual(told.outcomes, ["d2 discarded"], brief(told));
      assert.ok(!existsSync(join(other, "etc/from-d1")) && !existsSync(join(one, "etc/from-d1")));
    });

    it("takes two names of one tree for one", async () => {
      const tree = await yard.tree("twice");
      const tasks = `    - copy: { dest: "/etc/{{inventory_hostname}}", content: "{{target.path}}" }\n`;
      work.write("hosts", yard.inventory(["twice"]) + yard.inventory(["twice"]).replace("twice", "again"));
      work.write("site.yml", `${head}  tasks:\n${tasks}`);
      const told = await work.play(["-i", "hosts", "site.yml"]);
      assert.equal(told.status, 0, brief(told));
      assert.deepEqual([text(tree, "etc/twice"), text(tree, "etc/again")], [tree, tree]);
      assert.deepEqual(
        yard.kept("old").filter((name) => name.startsWith("twice.")),
        ["twice.1", "twice.1.json"],
      );
    });

    it("does not lose what somebody else has changed meanwhile", async () => {
      const tree = await yard.tree("moved");
      const writes = `    - copy: { dest: ${tree}/etc/issue, content: "somebody's\\n" }\n      delegate_to: local\n`;
      work.write("hosts", `local\n${yard.inventory(["moved"])}`);
      work.write("site.yml", `${head.replace("all", "moved")}  tasks:\n${motd}${writes}`);
      const told = await work.play(["-i", "hosts", "site.yml"]);
      assert.equal(told.status, 2, brief(told));
      const [event] = eventsIn(told.stdout, "transaction");
      assert.match(String(event?.["message"]), /changed meanwhile by somebody else.*: \/etc, \/etc\/issue/);
      assert.deepEqual([text(tree, "etc/motd"), text(tree, "etc/issue")], ["old\n", "somebody's\n"]);
      assert.deepEqual(yard.kept("making"), []);
      assert.equal(told.recap["moved"]?.failed, 1);
    });

    it("throws away what was interrupted", async () => {
      const tree = await yard.tree("stopped");
      const before = await hashTree(tree);
      work.write("hosts", yard.inventory(["stopped"]));
      work.write(
        "site.yml",
        `${head}  tasks:\n${motd}    - meta: flush_handlers\n    - pause: { seconds: 30 }\n${motd}`,
      );
      const started = work.start(["play", "--output", "json", "-i", "hosts", "site.yml"]);
      while (yard.kept("making").length === 0) await sleep(20);
      while (!started.shown().includes('"changed"')) await sleep(20);
      started.kill("SIGINT");
      const ran = await started.ended;
      assert.equal(ran.status, 130, ran.all);
      assert.deepEqual(
        eventsIn(ran.stdout, "transaction").map(({ outcome }) => outcome),
        ["discarded"],
      );
      assert.equal(await hashTree(tree), before);
      assert.deepEqual(yard.kept("making"), []);
    });

    it("leaves the old tree where the connection is lost, and takes the clone away over another one", async () => {
      const tree = await yard.tree("lost");
      const before = await hashTree(tree);
      work.write("hosts", yard.inventory(["lost"]));
      work.write(
        "site.yml",
        `${head}  tasks:\n${motd}    - meta: flush_handlers\n    - pause: { seconds: 2 }\n    - copy: { dest: /etc/late, content: late }\n`,
      );
      const started = work.start(["play", "--output", "json", "-i", "hosts", "site.yml"]);
      while (!started.shown().includes('"changed"')) await sleep(20);
      const helpers = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, "utf8").trim().split(" ");
      assert.equal(helpers.length, 1);
      process.kill(Number(helpers[0]), "SIGKILL");
      const ran = await started.ended;
      assert.equal(ran.status, 4, ran.all);
      assert.deepEqual(
        eventsIn(ran.stdout, "transaction").map(({ outcome }) => outcome),
        ["discarded"],
        ran.all,
      );
      assert.equal(await hashTree(tree), before);
      assert.deepEqual(yard.kept("making"), []);
    });

    it("leaves the old tree where it is killed, and the next run takes away what it has left", async () => {
      const tree = await yard.tree("killed");
      const before = await hashTree(tree);
      work.write("hosts", yard.inventory(["killed"]));
      work.write("site.yml", `${head}  tasks:\n${motd}    - meta: flush_handlers\n    - pause: { seconds: 30 }\n`);
      const started = work.start(["play", "--output", "json", "-i", "hosts", "site.yml"]);
      while (!started.shown().includes('"changed"')) await sleep(20);
      started.kill("SIGKILL");
      await started.ended;
      assert.equal(await hashTree(tree), before);
      assert.equal(yard.kept("making").length, 1);
      const told = await play(["killed"], `${head}  tasks:\n${motd}`);
      assert.deepEqual(told.outcomes, ["killed swapped"], brief(told));
      assert.deepEqual(yard.kept("making"), []);
    });

    it("goes back to the old tree, and forward again", async () => {
      const tree = await yard.tree("back");
      const before = await hashTree(tree);
      assert.equal((await play(["back"], `${head}  tasks:\n${motd}`)).status, 0);
      const after = await hashTree(tree);
      const rollback = (...more: string[]) =>
        work.crun(["tree", "rollback", "-i", "hosts", "--output", "json", "back", ...more]);
      const listed = await rollback("--list");
      assert.deepEqual(
        eventsIn(listed.stdout, "old").map(({ number, why, play: name }) => [number, why, name]),
        [[1, "transaction", "all"]],
      );
      const [first, second] = [await rollback(), await hashTree(tree)];
      assert.deepEqual([first.status, second], [0, before], first.all);
      const [third, fourth] = [await rollback("--to", "1"), await hashTree(tree)];
      assert.deepEqual([third.status, fourth], [0, after], third.all);
      const none = await rollback("--to", "7");
      assert.equal(none.status, 2);
      assert.match(none.stderr, /back: there is no old tree 7[^]*There is 1\./);
      assert.equal(await hashTree(tree), after);
      assert.deepEqual(yard.kept("making"), []);
    });

    it("goes on in the clone behind a reset connection, beside what keeps track of the tree", async () => {
      const tree = await yard.tree("reset");
      const tasks = `${motd}    - meta: reset_connection\n    - copy: { dest: /etc/late, content: late }\n`;
      const told = await play(["reset"], `${head}  track: [snapshot]\n  tasks:\n${tasks}`);
      assert.deepEqual([told.status, told.outcomes], [0, ["reset swapped"]], brief(told));
      assert.deepEqual([text(tree, "etc/motd"), text(tree, "etc/late")], ["new\n", "late"]);
      const diff = await work.crun(["tree", "diff", "-i", "hosts", "--output", "json", "reset@1", "reset@2"]);
      assert.equal(diff.status, 2, diff.all);
      assert.match(diff.stdout, /"\/etc\/late"/);
    });

    it("leaves no old tree behind of a tree that is removed", async () => {
      await yard.tree("gone");
      assert.equal((await play(["gone"], `${head}  tasks:\n${motd}`)).status, 0);
      const removed = await work.crun(["tree", "rm", "-i", "hosts", "gone"]);
      assert.equal(removed.status, 0, removed.all);
      assert.ok(!existsSync(join(yard.directory, "gone")));
      assert.deepEqual(
        yard.kept("old").filter((name) => name.startsWith("gone.")),
        [],
      );
    });

    it("waits for another run that acts in a clone of the same tree", async () => {
      const tree = await yard.tree("shared");
      const go = join(scope.tempDir("go"), "go");
      work.write("hosts", yard.inventory(["shared"]));
      const copy = (name: string): string => `${head}  tasks:\n    - copy: { dest: /etc/${name}, content: x }\n`;
      work.write("slow.yml", `${copy("first")}    - wait_for: { path: ${go} }\n      delegate_to: local\n`);
      work.write("quick.yml", copy("second"));
      const first = work.start(["play", "--output", "json", "-i", "hosts", "slow.yml"]);
      while (!first.shown().includes('"changed"')) await sleep(20);
      const second = work.start(["play", "--output", "json", "-i", "hosts", "quick.yml"]);
      while (!second.shown().includes("works on the tree (crun play slow.yml")) await sleep(20);
      assert.ok(!existsSync(join(tree, "etc/first")));
      writeFileSync(go, "");
      const [one, other] = [await first.ended, await second.ended];
      assert.deepEqual([one.status, other.status], [0, 0], one.all + other.all);
      assert.deepEqual([text(tree, "etc/first"), text(tree, "etc/second")], ["x", "x"]);
    });
  });
}
