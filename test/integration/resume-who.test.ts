// Whether a run still goes on: its process is asked for, not its number. And what a run with a transaction goes on with.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lineOf, parseJournal, type Runner } from "../../src/engine/journal/records.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace, type Started } from "./cli.js";

const site = `
- hosts: web1
  tasks:
    - { name: one, copy: { dest: /srv/one, content: "1\\n" }, notify: restart }
    - { name: waits, wait_for: { path: /srv/go } }
    - { name: two, copy: { dest: /srv/two, content: "2\\n" } }
  handlers:
    - { name: restart, shell: "echo restarted >>/srv/restarted" }
`;

/** The second tree stops in the middle; \`go\` lies beside the trees, where clones do not change it. */
const swapped = `
- hosts: web1,web2
  serial: 1
  transaction: true
  tasks:
    - { name: one, copy: { dest: /srv/one, content: "1\\n" }, notify: restart }
    - { name: waits, wait_for: { path: GO }, delegate_to: local, when: inventory_hostname == "web2" }
    - { name: two, copy: { dest: /srv/two, content: "2\\n" } }
  handlers:
    - { name: restart, shell: "echo restarted >>/srv/restarted" }
`;

async function until(isSo: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 600, what());
    await sleep(25);
  }
}

describe("runs that were broken off, or not", function () {
  this.timeout(60_000);
  const scope = testScope();
  let trees = "";
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true });
    trees = scope.tempDir("trees");
    for (const name of ["web1", "web2"]) {
      await must(["cp", "-a", emptyTree(scope), join(trees, name)]);
      for (const directory of ["srv", "bin"]) mkdirSync(join(trees, name, directory), { recursive: true });
      await must(["cp", "/usr/bin/busybox", join(trees, name, "bin/sh")]);
      mkdirSync(join(trees, name, "proc"), { recursive: true });
    }
    work = new Workplace(scope, {
      "site.yml": site,
      "swapped.yml": swapped.replace("GO", join(trees, "go")),
      hosts: `local\nweb1 crun_host=local crun_path=${join(trees, "web1")}\nweb2 crun_host=local crun_path=${join(trees, "web2")}\n`,
    });
  });

  const at = (tree: string, name: string): string => join(trees, tree, "srv", name);
  const textOf = (tree: string, name: string): string =>
    existsSync(at(tree, name)) ? readFileSync(at(tree, name), "utf8") : "";
  const newest = (): string =>
    join(work.home, "state/crun/runs", readdirSync(join(work.home, "state/crun/runs")).toSorted().at(-1) ?? "");

  const begun = async (): Promise<Started> => {
    for (const name of ["one", "two", "go", "restarted"]) await must(["rm", "-f", at("web1", name)]);
    const started = work.start(["play", "-i", "hosts", "site.yml"]);
    await until(() => existsSync(at("web1", "one")), started.shown);
    return started;
  };

  /** As if another process had written the journal. */
  const pretend = (runner: Partial<Runner>): void => {
    const journal = join(newest(), "journal");
    const { records } = parseJournal(readFileSync(journal));
    const lines = records.map((one) =>
      lineOf(one.kind === "run" ? { ...one, runner: { ...one.runner, ...runner } } : one),
    );
    writeFileSync(journal, lines.join(""));
    const writer = join(newest(), "writer");
    if (!existsSync(writer)) return;
    const held: unknown = JSON.parse(readFileSync(writer, "utf8"));
    assert.ok(typeof held === "object");
    writeFileSync(writer, JSON.stringify({ ...held, ...runner }));
  };
  const stateNow = async (): Promise<string> => {
    const { stdout } = await work.crun(["runs"]);
    return stdout.split("\n").find((line) => line.includes(newest().split("/").at(-1) ?? "")) ?? "";
  };

  it("one that goes on is refused with who works on it; doing what the message says lets it be gone on with", async () => {
    const started = await begun();
    const refused = await work.crun(["play", "--resume"]);
    assert.equal(refused.status, 1, refused.all);
    const told =
      /is still going on: (\S+)@\S+ works on it, process (\d+)[\s\S]*(kill -INT (\d+)) lets the tasks at hand/.exec(
        refused.stderr,
      );
    assert.equal(Number(told?.[2]), started.pid, refused.stderr);
    assert.match((await work.crun(["runs", "rm", newest().split("/").at(-1) ?? ""])).stderr, /is still going on/);
    await must(["sh", "-c", told?.[3] ?? "false"]);
    writeFileSync(at("web1", "go"), "");
    assert.equal((await started.ended).status, 130);
    const resumed = await work.crun(
      /crun (play --resume \S+) does the rest/.exec(refused.stderr)?.[1]?.split(" ") ?? [],
    );
    assert.equal(resumed.status, 0, resumed.all);
    assert.deepEqual([textOf("web1", "two"), textOf("web1", "restarted")], ["2\n", "restarted\n"]);
  });

  it("one whose process is dead was broken off: killed, its number another's by now, or from before the machine's start", async () => {
    const started = await begun();
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const other = "00000000-0000-4000-8000-000000000000";
    const own = readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ")[19] ?? "";
    started.kill("SIGKILL");
    await started.ended;
    assert.match(await stateNow(), / killed /);
    // This process lives: it is taken for the run if it is so in all three.
    pretend({ pid: process.pid, ticks: own, boot });
    assert.match(await stateNow(), / going on /);
    pretend({ pid: process.pid, ticks: `${Number(own) + 1}`, boot });
    assert.match(await stateNow(), / killed /);
    pretend({ pid: process.pid, ticks: own, boot: other });
    assert.match(await stateNow(), / killed /);
    writeFileSync(at("web1", "go"), "");
    const resumed = await work.crun(["play", "--resume"]);
    assert.equal(resumed.status, 0, resumed.all);
    assert.deepEqual([textOf("web1", "two"), textOf("web1", "restarted")], ["2\n", "restarted\n"]);
  });

  it("one that was begun on another machine, or in a container of its own, is not taken for killed: it goes on where a person says so", async () => {
    const started = await begun();
    const other = "00000000-0000-4000-8000-000000000000";
    const ours = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    started.kill("SIGKILL");
    await started.ended;
    writeFileSync(at("web1", "go"), "");
    const id = newest().split("/").at(-1) ?? "";
    for (const runner of [
      { boot: other, machine: "another", by: "alice@desk" },
      { boot: ours, pids: "1", by: "alice@desk" },
    ]) {
      pretend(runner);
      assert.match(await stateNow(), / elsewhere /);
      const refused = await work.crun(["play", "--resume"]);
      assert.equal(refused.status, 1, refused.all);
      assert.match(
        refused.stderr,
        /was begun elsewhere, by alice@desk \(process \d+\), and has not said that it ended/,
      );
      assert.match(refused.stderr, new RegExp(`crun play --resume ${id} --take-over does the rest`));
      const kept = await work.crun(["runs", "rm", id]);
      assert.equal(kept.status, 1, kept.all);
      assert.match(kept.stderr, /begun elsewhere/);
      await work.crun(["runs", "prune", "--keep", "0"]);
      assert.ok(existsSync(newest()), "a run that may go on elsewhere was forgotten");
    }
    const resumed = await work.crun(["play", "--resume", id, "--take-over"]);
    assert.equal(resumed.status, 0, resumed.all);
    assert.deepEqual([textOf("web1", "two"), textOf("web1", "restarted")], ["2\n", "restarted\n"]);
    assert.match(await stateNow(), / finished /);
  });

  it("--take-over does not take a run from who works on it here, and both options are for --resume alone", async () => {
    const started = await begun();
    const refused = await work.crun(["play", "--resume", "--take-over"]);
    assert.match(refused.stderr, /is still going on/);
    for (const option of ["--take-over", "--despite-changes"]) {
      const alone = await work.crun(["play", "-i", "hosts", option, "site.yml"]);
      assert.equal(alone.status, 1, alone.all);
      assert.match(alone.stderr, new RegExp(`${option} is for a run that goes on: crun play --resume`));
    }
    started.kill("SIGKILL");
    await started.ended;
  });

  for (const signal of ["SIGKILL", "SIGINT"] as const)
    it(`a transaction that is ended by ${signal} begins anew in its tree alone; what was swapped in stays, and handlers run once`, async () => {
      await must(["rm", "-rf", join(trees, "go"), join(trees, ".crun")]);
      for (const tree of ["web1", "web2"])
        for (const name of ["one", "two", "restarted"]) await must(["rm", "-f", at(tree, name)]);
      const started = work.start(["play", "-i", "hosts", "swapped.yml"]);
      const making = join(trees, ".crun/making");
      const clone = (): string | undefined =>
        existsSync(making) ? readdirSync(making).find((name) => name.startsWith("web2.")) : undefined;
      await until(() => {
        const name = clone();
        return name !== undefined && existsSync(join(making, name, "srv/one"));
      }, started.shown);
      started.kill(signal);
      if (signal === "SIGINT") {
        await until(() => started.shown().includes("interrupted"), started.shown);
        writeFileSync(join(trees, "go"), "");
      }
      const { status } = await started.ended;
      assert.equal(status, signal === "SIGINT" ? 130 : null, started.shown());
      assert.deepEqual([textOf("web1", "two"), textOf("web1", "restarted")], ["2\n", "restarted\n"]);
      assert.deepEqual(
        ["one", "two", "restarted"].map((name) => existsSync(at("web2", name))),
        [false, false, false],
      );
      writeFileSync(join(trees, "go"), "");
      const resumed = await work.play(["--resume", "swapped.yml"]);
      assert.equal(resumed.status, 0, resumed.all);
      for (const tree of ["web1", "web2"])
        assert.deepEqual(
          [textOf(tree, "one"), textOf(tree, "two"), textOf(tree, "restarted")],
          ["1\n", "2\n", "restarted\n"],
        );
      assert.deepEqual([...new Set(resumed.results.map(({ target }) => target))], ["web2"]);
      assert.deepEqual(existsSync(making) ? readdirSync(making) : [], []);
      assert.deepEqual(resumed.recap["web1"], { ...resumed.recap["web2"], ok: 3, skipped: 1 });
    });
});
