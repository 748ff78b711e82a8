// Runs that do not come to their end: killed, interrupted, without input, on a full disk, on a tree that nobody may write to.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashTree } from "../lab/hash.js";
import { holders, mountPointsBelow, unmount } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree, rootOverlay } from "../lab/trees.js";
import { assertNoStack, brief, Workplace, type Started } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const fileCount = 40;
const contents = { old: "old\n".repeat(20_000), new: "new\n".repeat(20_000) };

/** Files and commands by turns, so that a kill meets either. */
const playbook = `
- hosts: all
  tasks:
    - copy: { src: new, dest: "/srv/broken/{{item}}" }
      loop: [${Array.from({ length: fileCount / 2 }, (_, index) => index).join(", ")}]
    - shell: "sleep 0.2; echo first >> /srv/broken/log"
      args: { creates: /srv/broken/log }
    - copy: { src: new, dest: "/srv/broken/{{item}}" }
      loop: [${Array.from({ length: fileCount / 2 }, (_, index) => index + fileCount / 2).join(", ")}]
    - shell: "sleep 0.2; mkdir /srv/broken/done"
      args: { creates: /srv/broken/done }
    - user: { name: broken }
`;

interface Process {
  readonly pid: number;
  /** When it started, since the number may be another's later. */
  readonly started: string;
}

function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
  } catch {
    // gone
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // gone
    return [];
  }
}

/** All that a process has started, the nearest first. */
function descendants(pid: number): Process[] {
  return childrenOf(pid).flatMap((child) => {
    const started = startOf(child);
    return started === undefined ? [] : [{ pid: child, started }, ...descendants(child)];
  });
}

async function until(isSo: () => boolean, what: () => string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!isSo()) {
    assert.ok(Date.now() < deadline, what());
    await sleep(10);
  }
}

/** Watches what a run starts until it is over, and then that nothing of it stays: no process, no mount. */
function watch(started: Started, tree: string): { readonly nothingLeft: () => Promise<void> } {
  const seen = new Map<number, string>();
  const look = (): void => {
    for (const one of descendants(started.pid)) seen.set(one.pid, one.started);
  };
  const timer = setInterval(look, 10);
  void started.ended.then(() => clearInterval(timer));
  return {
    nothingLeft: async () => {
      const alive = (): number[] => [...seen].filter(([pid, when]) => startOf(pid) === when).map(([pid]) => pid);
      await until(
        () => alive().length === 0 && holders(tree).length === 0,
        () => `still there: ${alive().join(" ")} ${holders(tree).join(", ")}`,
      );
      assert.ok(seen.size > 0, "there was a helper to be watched");
      assert.equal(mountPointsBelow(tree).length, 1);
    },
  };
}

describe("broken runs", function () {
  this.timeout(120_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();

  async function prepared(): Promise<{ tree: string; work: Workplace; args: string[] }> {
    const tree = await rootOverlay(scope);
    const directory = join(tree, "srv/broken");
    mkdirSync(directory);
    for (let index = 0; index < fileCount; index++) writeFileSync(join(directory, String(index)), contents.old);
    const work = new Workplace(scope, { "site.yml": playbook, "files/new": contents.new });
    return { tree, work, args: ["-i", `local:${tree},`, "site.yml"] };
  }

  /** Each file is the old one or the new one, whole, and there is no other. */
  function assertWhole(tree: string): void {
    const directory = join(tree, "srv/broken");
    const names = readdirSync(directory).filter((name) => !["log", "done"].includes(name));
    assert.deepEqual(
      names.filter((name) => !/^\d+$/.test(name)),
      [],
    );
    assert.equal(names.length, fileCount);
    for (const name of names) {
      const text = readFileSync(join(directory, name), "utf8");
      assert.ok(text === contents.old || text === contents.new, `${name} is neither the old nor the new one`);
    }
  }

  async function assertConverges(tree: string, work: Workplace, args: readonly string[]): Promise<void> {
    const next = await work.play(args);
    assert.equal(next.status, 0, brief(next));
    const directory = join(tree, "srv/broken");
    for (let index = 0; index < fileCount; index++)
      assert.equal(readFileSync(join(directory, String(index)), "utf8"), contents.new);
    assert.ok(existsSync(join(directory, "done")));
    const last = await work.play(args);
    assert.equal(last.recap[`local:${tree}`]?.changed, 0, brief(last));
  }

  for (const [who, count] of [
    ["controller", 5],
    ["helper", 5],
  ] as const) {
    it(`a ${who} killed at any moment leaves no process, no mount, no half file; the next run converges`, async () => {
      const { tree, work, args } = await prepared();
      let broken = 0;
      for (let round = 0; round < count; round++) {
        const started = work.start(["play", ...args]);
        const { nothingLeft } = watch(started, tree);
        await until(
          () => childrenOf(started.pid).length > 0,
          () => `no helper: ${started.shown()}`,
        );
        // The first comes before any run can be over.
        await sleep(Math.random() * (round === 0 ? 20 : 700));
        const [helper] = childrenOf(started.pid);
        if (who === "controller") started.kill("SIGKILL");
        else if (helper !== undefined) process.kill(helper, "SIGKILL");
        const { status, signal, all } = await started.ended;
        assertNoStack(all);
        if (who === "controller") {
          if (signal === "SIGKILL") broken++;
        } else if (status !== 0) {
          broken++;
          assert.equal(status, 4, all);
          assert.match(all, /helper|connection/);
        }
        await nothingLeft();
        assertWhole(tree);
      }
      assert.ok(broken > 0, "no run was hit");
      await assertConverges(tree, work, args);
    });
  }

  it("Ctrl-C once lets what runs come to its end and begins nothing more: status 130, and what was stopped is told", async () => {
    const { tree, work, args } = await prepared();
    work.write(
      "site.yml",
      '- hosts: all\n  tasks:\n    - shell: "touch /srv/begun; sleep 1; touch /srv/ended"\n    - file: { path: /srv/more, state: touch }\n',
    );
    const started = work.start(["play", ...args]);
    const { nothingLeft } = watch(started, tree);
    await until(() => existsSync(join(tree, "srv/begun")), started.shown);
    started.kill("SIGINT");
    const { status, all } = await started.ended;
    assert.equal(status, 130, all);
    assertNoStack(all);
    assert.match(all, /interrupted: what runs comes to its end/);
    assert.ok(existsSync(join(tree, "srv/ended")));
    assert.ok(!existsSync(join(tree, "srv/more")));
    await nothingLeft();
  });

  it("Ctrl-C twice ends what runs at once", async () => {
    const { tree, work, args } = await prepared();
    work.write(
      "site.yml",
      '- hosts: all\n  tasks:\n    - shell: "touch /srv/begun; sleep 60; touch /srv/ended"\n    - file: { path: /srv/more, state: touch }\n',
    );
    const started = work.start(["play", ...args]);
    const { nothingLeft } = watch(started, tree);
    await until(() => existsSync(join(tree, "srv/begun")), started.shown);
    const begin = Date.now();
    started.kill("SIGINT");
    await sleep(200);
    started.kill("SIGINT");
    const { status, all } = await started.ended;
    assert.ok(Date.now() - begin < 20_000, "it waited for the command");
    assert.equal(status, 130, all);
    assertNoStack(all);
    await nothingLeft();
    assert.ok(!existsSync(join(tree, "srv/ended")));
    assert.ok(!existsSync(join(tree, "srv/more")));
  });

  it("needs no input: a play and a command with stdin closed do as ever", async () => {
    const { tree, work, args } = await prepared();
    const shell = ["sh", "-c", 'exec "$@" <&-', "sh", process.execPath, crunPath];
    const options = { cwd: work.directory, env: work.environment };
    const play = await run([...shell, "play", ...args], options);
    assert.equal(play.status, 0, play.stdout + play.stderr);
    assertNoStack(play.stdout + play.stderr);
    assertWhole(tree);
    const exec = await run([...shell, "exec", `local:${tree}`, "--", "sh", "-c", "cat; exit 3"], options);
    assert.equal(exec.status, 3, exec.stdout + exec.stderr);
    assertNoStack(exec.stdout + exec.stderr);
  });

  it("a reader that goes away shows no stack and leaves nothing running", async () => {
    const { tree, work, args } = await prepared();
    const script = '"$@" | head -n 1 >/dev/null';
    const done = await run(
      ["sh", "-c", script, "sh", process.execPath, crunPath, "play", "--output", "json", ...args],
      {
        cwd: work.directory,
        env: work.environment,
      },
    );
    assertNoStack(done.stdout + done.stderr);
    await until(
      () => holders(tree).length === 0,
      () => holders(tree).join(", "),
    );
    assertWhole(tree);
    await assertConverges(tree, work, args);
  });

  it("a full disk: files are the old ones, the error says so, and room makes the next run converge", async () => {
    const tree = join(scope.tempDir("full"), "tree");
    mkdirSync(tree);
    await must(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tree]);
    scope.defer(async () => await unmount(tree));
    mkdirSync(join(tree, "etc"));
    const account = { passwd: "root:x:0:0::/root:/bin/sh\n", group: "root:x:0:\n", big: "old\n" };
    for (const [name, text] of Object.entries(account)) writeFileSync(join(tree, "etc", name), text);
    const work = new Workplace(scope, {
      "site.yml":
        "- hosts: all\n  tasks:\n    - copy: { src: big, dest: /etc/big }\n    - copy: { content: x, dest: /etc/after }\n",
      "files/big": "new\n".repeat(100_000),
    });
    const args = ["-i", `local:${tree},`, "site.yml"];
    const full = await work.crun(["play", ...args]);
    assert.equal(full.status, 2, full.all);
    assert.match(full.all, /no space left|disk is full|full/i);
    assert.match(full.all, /\/etc\/big/);
    assert.match(full.all, /site\.yml:3/);
    assert.equal(readFileSync(join(tree, "etc/big"), "utf8"), "old\n");
    assert.deepEqual(readdirSync(join(tree, "etc")).sort(), ["big", "group", "passwd"]);
    await must(["mount", "-o", "remount,size=4m", tree]);
    assert.equal((await work.crun(["play", ...args])).status, 0);
    assert.equal(readFileSync(join(tree, "etc/big"), "utf8").length, 400_000);
    assert.equal((await work.play(args)).recap[`local:${tree}`]?.changed, 0);
  });

  it("a tree that is mounted read-only: nothing is changed, the error says so; looking at it is fine", async () => {
    const writable = emptyTree(scope);
    const tree = join(scope.tempDir("read-only"), "tree");
    mkdirSync(tree);
    await must(["mount", "--bind", writable, tree]);
    scope.defer(async () => await unmount(tree));
    await must(["mount", "-o", "remount,bind,ro", tree]);
    const work = new Workplace(scope, {
      "site.yml":
        "- hosts: all\n  tasks:\n    - stat: { path: /etc/passwd }\n    - user: { name: www }\n    - copy: { content: x, dest: /etc/x }\n",
    });
    const before = await hashTree(writable);
    const { status, all } = await work.crun(["play", "-i", `local:${tree},`, "site.yml"]);
    assert.equal(status, 2, all);
    assert.match(all, /read-only/i);
    assert.match(all, /site\.yml:4/);
    assert.equal(await hashTree(writable), before);
  });
});
