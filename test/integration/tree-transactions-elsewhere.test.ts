// Transactions where the storage, the connection or a machine makes a difference, and those that are refused before anything is done.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashTree } from "../lab/hash.js";
import { mountPointsBelow, unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { runKilled } from "../lab/killed.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { smallMachine } from "../lab/small-machine.js";
import { brief, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { eventsIn, treeYard, type TreeYard } from "./tree-fixtures.js";

const head = "- hosts: all\n  gather_facts: false\n  transaction: true\n";
const motd = `    - copy: { dest: /etc/motd, content: "new\\n" }\n`;

describe("transactions on overlays", function () {
  this.timeout(120_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });

  it("are of layers: swapped, thrown away, gone back from, rehearsed", async () => {
    const yard = await treeYard(scope, "directory");
    await yard.tree("base");
    const tree = join(yard.directory, "ov");
    const work = new Workplace(scope, { hosts: yard.inventory(["ov"]) });
    const mounts = (): readonly string[] => mountPointsBelow(yard.directory);
    scope.defer(async () => {
      for (const point of mounts().toReversed()) await unmount(point);
    });
    const make = "- hosts: all\n  gather_facts: false\n  tasks:\n    - tree: { clone: base, backend: overlay }\n";
    work.write("make.yml", make);
    assert.equal((await work.play(["-i", "hosts", "make.yml"])).status, 0);
    const [before, mounted] = [await hashTree(tree), mounts().length];
    const site = `${head}  tasks:\n${motd}    - fail: { msg: no }\n      when: has(vars.fails)\n`;
    work.write("site.yml", site);
    const rehearsed = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
    assert.deepEqual(
      eventsIn(rehearsed.stdout, "rehearsal").map(({ summary }) => summary),
      ["1 changed"],
      brief(rehearsed),
    );
    const failed = await work.play(["-i", "hosts", "-e", "fails=1", "site.yml"]);
    assert.equal(failed.status, 2, brief(failed));
    assert.deepEqual([await hashTree(tree), mounts().length], [before, mounted]);
    // What is in use cannot be unmounted: nothing is half swapped, and the next run finds what is to be done.
    const inside = spawn("sleep", ["300"], { cwd: join(tree, "etc") });
    const busy = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(busy.status, 2, brief(busy));
    assert.match(busy.stdout, /not swapped in: .*busy/);
    assert.deepEqual([await hashTree(tree), mounts().length], [before, mounted]);
    inside.kill();
    await once(inside, "close");
    const told = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(told.status, 0, brief(told));
    assert.equal(readFileSync(join(tree, "etc/motd"), "utf8"), "new\n");
    // The first of them was begun for the swap that failed.
    assert.deepEqual([yard.kept("making"), yard.kept("old")], [[], ["ov.2", "ov.2.json"]]);
    const back = await work.crun(["tree", "rollback", "-i", "hosts", "ov"]);
    assert.equal(back.status, 0, back.all);
    assert.equal(readFileSync(join(tree, "etc/motd"), "utf8"), "old\n");
  });
});

describe("overlays that stand in for trees", function () {
  this.timeout(120_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath], tools: ["unshare"] });
  });

  it("are mounted for the helper alone, so that nothing is mounted when it was killed; the tree's name always holds a tree", async () => {
    const yard = await treeYard(scope, "directory");
    await yard.tree("base");
    await must(["mount", "--bind", yard.directory, yard.directory]);
    scope.defer(async () => {
      // One that is shared goes with its copy where the root is shared, too.
      for (let points = mountPointsBelow(yard.directory); points.length > 0; points = mountPointsBelow(yard.directory))
        await must(["umount", "--lazy", points.at(-1) ?? ""]);
    });
    // What a run mounts in its namespace shows here, were it to stay.
    await must(["mount", "--make-rshared", yard.directory]);
    const work = new Workplace(scope, { hosts: yard.inventory(["ov"]) });
    work.write(
      "make.yml",
      "- hosts: all\n  gather_facts: false\n  tasks:\n    - tree: { clone: base, backend: overlay }\n",
    );
    const made = await work.play(["-i", "hosts", "make.yml"]);
    assert.equal(made.status, 0, brief(made));
    const tree = join(yard.directory, "ov");
    const own = mountPointsBelow(yard.directory).toSorted();
    const tasks = [0, 1, 2, 3]
      .map((index) => `    - copy: { dest: /etc/f${index}, content: "{{word}}\\n" }\n`)
      .join("");
    const runs = "    - command: { argv: [mkdir, /srv/made], creates: /srv/made }\n      ignore_errors: true\n";
    work.write("site.yml", `${head}  tasks:\n${tasks}${runs}`);
    const program = [process.execPath, crunPath];
    const argv = (word: string): string[] => [...program, "play", "-i", "hosts", "-e", `word=${word}`, "site.yml"];
    const options = { cwd: work.directory, env: work.environment };
    const whole = await runKilled(argv("first"), "nobody", 0, options);
    assert.equal(whole.end, "0", whole.output);
    const moments = 4;
    let last = "first";
    let isEmpty = false;
    const watch = setInterval(() => (isEmpty ||= !existsSync(join(tree, "etc/motd"))), 1);
    try {
      for (let moment = 0; moment < moments; moment++) {
        const afterMs = ((moment + 0.7) / moments) * whole.ranMs;
        const word = `word${moment}`;
        const left = await runKilled(argv(word), moment % 2 === 0 ? "helper" : "controller", afterMs, options);
        const what = `killed after ${afterMs.toFixed(0)} of ${whole.ranMs.toFixed(0)} ms: ${left.output}`;
        assert.deepEqual(left.processes, [], what);
        const stand = mountPointsBelow(yard.directory).filter((path) => path.includes("/.crun/making/"));
        assert.deepEqual(stand, [], what);
        const files = [0, 1, 2, 3].map((index) => readFileSync(join(tree, `etc/f${index}`), "utf8").trim());
        assert.equal(new Set(files).size, 1, `${what}: half of a transaction: ${files.join(" ")}`);
        assert.ok(files[0] === last || files[0] === word, `${what}: ${files[0]}`);
        last = `next${moment}`;
        const next = await work.play(["-i", "hosts", "-e", `word=${last}`, "site.yml"]);
        assert.equal(next.status, 0, `${what}\n${brief(next)}`);
        assert.equal(readFileSync(join(tree, "etc/f0"), "utf8"), `${last}\n`, what);
        assert.deepEqual(yard.kept("making"), [], `${what}\n${brief(next)}`);
      }
    } finally {
      clearInterval(watch);
    }
    assert.ok(!isEmpty, "the tree's name was empty for a moment");
    const stay = mountPointsBelow(yard.directory).filter((path) => !path.includes("/.crun/old/"));
    assert.deepEqual(stay.toSorted(), own);
    assert.deepEqual(yard.kept("making"), []);
  });
});

describe("plays on clones over SSH", function () {
  this.timeout(120_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath], tools: ["sshd"] });
  });

  it("are as here, for two trees of one host at once", async () => {
    const yard = await treeYard(scope, "directory");
    const trees = await Promise.all(["f1", "f2"].map((name) => yard.tree(name)));
    const before = await Promise.all(trees.map((tree) => hashTree(tree)));
    const host = await sshHost(scope);
    const reach = `ansible_host=${host.host} ansible_port=${host.port} ansible_user=root ansible_ssh_private_key_file=${host.identityFile} crun_known_hosts=${host.knownHostsFile}`;
    const work = new Workplace(scope, { hosts: `far ${reach} crun_trees=${yard.directory}\nfar:f1\nfar:f2\n` });
    const fails = `    - fail: { msg: no }\n      when: inventory_hostname == "far:f2"\n`;
    work.write(
      "site.yml",
      `- hosts: far:f1,far:f2\n  gather_facts: false\n  transaction: true\n  tasks:\n${motd}${fails}`,
    );
    const rehearsed = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
    assert.equal(rehearsed.status, 2, brief(rehearsed));
    assert.deepEqual(
      eventsIn(rehearsed.stdout, "rehearsal").map(({ target, summary }) => [target, summary]),
      [
        ["far:f1", "1 changed"],
        ["far:f2", "1 changed"],
      ],
    );
    assert.deepEqual(await Promise.all(trees.map((tree) => hashTree(tree))), before);
    const told = await work.play(["-i", "hosts", "site.yml"]);
    const outcomes = eventsIn(told.stdout, "transaction").map(
      ({ target, outcome }) => `${String(target)} ${String(outcome)}`,
    );
    assert.deepEqual(outcomes.sort(), ["far:f1 swapped", "far:f2 discarded"], brief(told));
    const back = await work.crun(["tree", "rollback", "-i", "hosts", "far:f1"]);
    assert.equal(back.status, 0, back.all);
    assert.deepEqual(await Promise.all(trees.map((tree) => hashTree(tree))), before);
    assert.deepEqual(yard.kept("making"), []);
  });
});

describe("transactions that cannot be", function () {
  this.timeout(60_000);
  const scope = testScope();
  let yard: TreeYard;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, paths: [crunPath], tools: ["systemd-nspawn"] });
    yard = await treeYard(scope, "directory");
    work = new Workplace(scope);
  });

  it("are refused on a host's own root, before anything is done", async () => {
    const file = join(scope.tempDir("host"), "file");
    work.write("hosts", "local\n");
    work.write("site.yml", `${head}  tasks:\n    - copy: { dest: ${file}, content: x }\n`);
    const told = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(told.status, 2, brief(told));
    assert.match(String(told.results[0]?.message), /host's own root, which no transaction can swap/);
    assert.ok(!existsSync(file));
    assert.equal((await work.play(["-i", "hosts", "-C", "site.yml"])).status, 2);
    const atomic = await work.play(["-i", "hosts", "--atomic", "plain.yml".replace("plain", "site")], {});
    assert.equal(atomic.status, 2);
    work.write(
      "plain.yml",
      `- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: ${file}, content: x }\n`,
    );
    const plain = await work.play(["-i", "hosts", "--atomic", "plain.yml"]);
    assert.equal(plain.status, 0, brief(plain));
    assert.ok(existsSync(file));
  });

  it("are refused for what changes the tree itself in their midst, and for saved plans", async () => {
    const tree = await yard.tree("amid");
    work.write("hosts", yard.inventory(["amid"]));
    work.write("site.yml", `${head}  tasks:\n${motd}    - tree: { state: absent }\n`);
    const told = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(told.status, 2, brief(told));
    assert.match(String(told.results.at(-1)?.message), /would change amid itself while the play's transaction acts/);
    assert.equal(readFileSync(join(tree, "etc/motd"), "utf8"), "old\n");
    const plan = await work.crun(["plan", "-i", "hosts", "site.yml"]);
    assert.equal(plan.status, 1);
    assert.match(plan.stderr, /is a transaction, which a saved plan cannot be/);
  });

  it("are refused while a machine runs from the tree", async () => {
    const small = await smallMachine(scope);
    const tree = join(yard.directory, "runs");
    await must(["cp", "--archive", "--no-target-directory", small, tree]);
    work.write("hosts", yard.inventory(["runs"]));
    work.write("site.yml", `${head}  tasks:\n${motd}`);
    const argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory", tree];
    const machine = spawn(argv[0] ?? "", argv.slice(1), { stdio: "ignore" });
    try {
      let told: Told;
      do told = await work.play(["-i", "hosts", "site.yml"]);
      while (told.status === 0);
      assert.equal(told.status, 2, brief(told));
      for (const only of ["--check", "--rehearse"]) {
        const foretold = await work.play(["-i", "hosts", only, "site.yml"]);
        assert.equal(foretold.results[0]?.message, told.results[0]?.message, brief(foretold));
        assert.equal(foretold.status, 2);
      }
      assert.match(
        String(told.results[0]?.message),
        /the machine runs runs from .*, whose tree a transaction would swap/,
      );
      const restart = await work.play([
        "-i",
        "hosts",
        work.write("restart.yml", `${head.replace("true", "restart")}  tasks:\n${motd}`),
      ]);
      assert.match(String(restart.results[0]?.message), /no service has started it, so it cannot be restarted/);
      const back = await work.crun(["tree", "rollback", "-i", "hosts", "runs"]);
      assert.equal(back.status, 2);
      assert.match(back.stderr, /the machine runs runs from it/);
      work.write(
        "rehearsed.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/issue, content: x }\n",
      );
      const rehearsed = await work.play(["-i", "hosts", "--rehearse", "rehearsed.yml"]);
      assert.equal(rehearsed.status, 0, brief(rehearsed));
      assert.match(rehearsed.stdout, /it is rehearsed on a copy of its files/);
      assert.ok(!existsSync(join(tree, "etc/issue")));
    } finally {
      machine.kill("SIGTERM");
      await once(machine, "exit");
    }
  });

  it("are over before they begin where there is no room for a clone", async () => {
    const directory = scope.tempDir("room");
    await must(["mount", "-t", "tmpfs", "-o", "size=1500k", "none", directory]);
    scope.defer(() => unmount(directory));
    mkdirSync(join(directory, "t"));
    writeFileSync(join(directory, "t/big"), Buffer.alloc(1_000_000, 1));
    work.write("hosts", `t crun_host=local crun_path=${directory}/t\n`);
    work.write("site.yml", `${head}  tasks:\n    - copy: { dest: /new, content: x }\n`);
    const told = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(told.status, 2, brief(told));
    assert.match(String(told.results[0]?.message), /cannot be copied: cp ended with 1: .*No space left on device/);
    assert.deepEqual(readdirSync(join(directory, ".crun/making")), []);
    assert.deepEqual(readdirSync(join(directory, "t")), ["big"]);
  });

  it("leave nothing to go back to", async () => {
    await yard.tree("never");
    work.write("hosts", yard.inventory(["never", "absent"]));
    const never = await work.crun(["tree", "rollback", "-i", "hosts", "never"]);
    assert.equal(never.status, 2);
    assert.match(never.stderr, /never: no tree is kept that it could go back to/);
    const absent = await work.crun(["tree", "rollback", "-i", "hosts", "absent"]);
    assert.equal(absent.status, 4);
    assert.match(absent.stderr, /there is no tree/);
  });

  it("let a tree be made in the play, and act in a clone of what was made", async () => {
    work.write("hosts", yard.inventory(["fresh"]));
    const tasks = `    - tree: { scratch: true }\n    - file: { path: /etc, state: directory }\n    - fail: { msg: no }\n      when: has(vars.fails)\n`;
    work.write("site.yml", `${head}  tasks:\n${tasks}`);
    const failed = await work.play(["-i", "hosts", "-e", "fails=1", "site.yml"]);
    assert.equal(failed.status, 2, brief(failed));
    const tree = join(yard.directory, "fresh");
    assert.ok(existsSync(tree) && !existsSync(join(tree, "etc")));
    const told = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(told.status, 0, brief(told));
    assert.ok(existsSync(join(tree, "etc")));
    assert.deepEqual(yard.kept("making"), []);
    writeFileSync(join(tree, "etc/passwd"), "");
  });
});
