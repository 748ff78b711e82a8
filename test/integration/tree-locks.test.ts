// Two runs on one tree: the second waits, and is told for whom; nothing of a holder that is gone keeps anybody out.

import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Login } from "../lab/login.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace, type Started } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

/** Changes the tree, waits until the file is there, changes it again. */
const slow = `
- hosts: all
  tasks:
    - { name: first, copy: { dest: /srv/first, content: "{{who}}\\n" } }
    - { name: waits, wait_for: { path: "/srv/go-{{who}}" } }
    - { name: last, copy: { dest: /srv/last, content: "{{who}}\\n" } }
`;
const quick = `
- hosts: all
  tasks: [{ name: quick, copy: { dest: /srv/first, content: "quick\\n" } }]
`;

const locks = "/run/crun/locks";

describe("locks of trees", function () {
  this.timeout(60_000);
  const scope = testScope();
  let tree = "";
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true });
    const trees = scope.tempDir("trees");
    tree = join(trees, "web1");
    await must(["cp", "-a", emptyTree(scope), tree]);
    mkdirSync(join(tree, "srv"), { recursive: true });
    work = new Workplace(scope, {
      "slow.yml": slow,
      "quick.yml": quick,
      hosts: `web1 crun_connection=local crun_path=${tree}\n`,
    });
  });

  const until = async (what: () => boolean, why: string): Promise<void> => {
    for (let tries = 0; tries < 400; tries++) {
      if (what()) return;
      await sleep(25);
    }
    assert.fail(why);
  };
  const at = (name: string): string => join(tree, "srv", name);
  const textOf = (name: string): string => {
    try {
      return readFileSync(at(name), "utf8").trim();
    } catch {
      // not there yet
      return "";
    }
  };
  const begin = async (who: string): Promise<Started> => {
    const started = work.start(["play", "-i", "hosts", "-e", `who=${who}`, "slow.yml"]);
    await until(() => textOf("first") === who, `the first run does not begin: ${started.shown()}`);
    return started;
  };
  const letGo = (who: string): void => writeFileSync(at(`go-${who}`), "");
  /** The tree's own lock file: other tests have theirs in the same directory. */
  const lockFile = (): string => {
    const { dev, ino } = statSync(tree);
    return join(locks, `${dev.toString(16)}-${ino.toString(16)}`);
  };
  const lies = (): boolean => readdirSync(locks).some((name) => join(locks, name) === lockFile());
  const isGone = async (): Promise<void> => await until(() => !lies(), `${lockFile()} is left`);

  it("a play that changes waits for the one before, which it names, and goes on by itself", async () => {
    const one = await begin("one");
    const other = work.start(["play", "-i", "hosts", "quick.yml"]);
    await until(() => other.shown().includes("waiting"), other.shown());
    assert.match(
      other.shown(),
      /web1: \S+@\S+ \(process \d+\) works on the tree \(crun play slow\.yml, run \S+\) since \d+ s; waiting for it, up to 10 min/,
    );
    assert.match(other.shown(), new RegExp(`process ${one.pid}\\)`));
    assert.equal(textOf("first"), "one");
    assert(lies());
    letGo("one");
    assert.equal((await one.ended).status, 0);
    const { status, all } = await other.ended;
    assert.equal(status, 0, all);
    assert.match(all, /the tree is free, going on/);
    assert.equal(textOf("first"), "quick");
    assert.equal(textOf("last"), "one");
    await isGone();
  });

  it("crun doctor removes what killed runs have left on trees that are gone, nothing that is held, young or something else", async () => {
    const one = await begin("swept");
    const uptime = Math.floor(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]));
    const files = {
      left: join(locks, "fffffff1-1"),
      young: join(locks, "fffffff1-2"),
      empty: join(locks, "fffffff1-3"),
      other: join(locks, "crun-test-note"),
      held: lockFile(),
    };
    // Whoever holds it does not look at the text.
    for (const file of [files.left, files.held, files.other]) writeFileSync(file, `${uptime - 600}\n{}`);
    writeFileSync(files.young, `${uptime}\n{}`);
    writeFileSync(files.empty, "");
    try {
      const doctor = await work.crun(["doctor", `local:${tree}`]);
      assert.match(doctor.stdout, /locks of trees: \d+ lock files? of killed runs, which nobody held, removed/);
      const there = Object.values(files).map((file) => readdirSync(locks).includes(basename(file)));
      assert.deepEqual(there, [false, true, true, true, true]);
      // The lock itself is still the run's.
      const other = await work.crun(["play", "-i", "hosts", "--lock-timeout", "0", "quick.yml"]);
      assert.equal(other.status, 2, other.all);
    } finally {
      letGo("swept");
      assert.equal((await one.ended).status, 0);
      for (const file of Object.values(files)) rmSync(file, { force: true });
    }
  });

  it("by whatever name the tree is known; --lock-timeout 0 waits for nobody and fails", async () => {
    const link = join(scope.tempDir("names"), "link");
    const mount = join(scope.tempDir("mounts"), "tree");
    symlinkSync(tree, link);
    mkdirSync(mount);
    const one = await begin("two");
    for (const path of [link, mount]) {
      const argv = [
        process.execPath,
        crunPath,
        "play",
        "-i",
        "hosts",
        "-e",
        `crun_path=${path}`,
        "--lock-timeout",
        "0",
        "quick.yml",
      ];
      const alone = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount --bind "$1" "$2" && shift 2 && exec "$@"',
        "sh",
        tree,
        mount,
        ...argv,
      ];
      const { status, stdout } = await run(alone, { cwd: work.directory, env: work.environment });
      assert.equal(status, 2, stdout);
      assert.match(stdout, /crun play slow\.yml.*--lock-timeout 0 waits for nobody/);
    }
    // Who changes nothing, and who only looks, asks for no lock.
    const idle = await work.crun(["play", "-i", "hosts", "-C", "--lock-timeout", "0", "quick.yml"]);
    assert.equal(idle.status, 0, idle.all);
    const exec = await work.crun(["facts", "-i", "hosts", "web1"]);
    assert.equal(exec.status, 0, exec.all);
    letGo("two");
    await one.ended;
    const again = work.start(["play", "-i", "hosts", "-e", "who=three", "slow.yml"]);
    await until(() => textOf("first") === "three", again.shown());
    writeFileSync(at("first"), "quick\n");
    const converged = await work.crun(["play", "-i", "hosts", "--lock-timeout", "0", "quick.yml"]);
    assert.equal(converged.status, 0, converged.all);
    letGo("three");
    await again.ended;
  });

  it("crun apply waits as plays do", async () => {
    work.write("other.yml", "- hosts: all\n  tasks: [{ name: other, copy: { dest: /srv/other, content: x } }]\n");
    await work.crun(["plan", "-i", "hosts", "-o", "other.plan", "other.yml"]);
    const one = await begin("five");
    const refused = await work.crun(["apply", "-i", "hosts", "--lock-timeout", "0", "other.plan"]);
    assert.equal(refused.status, 4, refused.all);
    assert.match(refused.stdout, /crun play slow\.yml.*--lock-timeout 0 waits for nobody/);
    const waiting = work.start(["apply", "-i", "hosts", "other.plan"]);
    await until(() => waiting.shown().includes("waiting"), waiting.shown());
    letGo("five");
    await one.ended;
    const { status, all } = await waiting.ended;
    assert.equal(status, 0, all);
    assert.equal(textOf("other"), "x");
  });

  it("a holder that is killed leaves nothing that keeps others out", async () => {
    const one = await begin("four");
    one.kill("SIGKILL");
    await one.ended;
    const { status, all } = await work.crun(["play", "-i", "hosts", "--lock-timeout", "20", "quick.yml"]);
    assert.equal(status, 0, all);
    assert.equal(textOf("first"), "quick");
    await isGone();
  });

  it("the next run takes over what a killed helper left, and removes it", async () => {
    const one = await begin("six");
    const holders = holdersOf(lockFile());
    assert.equal(holders.length, 1);
    for (const pid of holders) process.kill(pid, "SIGKILL");
    await until(() => holdersOf(lockFile()).length === 0, "it is still held");
    one.kill("SIGKILL");
    await one.ended;
    assert(lies());
    const { status, all } = await work.crun(["play", "-i", "hosts", "--lock-timeout", "0", "quick.yml"]);
    assert.equal(status, 0, all);
    await isGone();
  });

  it("without root they lie beside the tree, and are removed as well", async () => {
    const login = new Login(scope);
    const path = join(login.home, "web1");
    mkdirSync(path);
    chownSync(path, Login.uid, Login.uid);
    const [made] = await login.tasks(path, [{ copy: { dest: "/made", content: "x" } }]);
    assert.equal(made?.status, "changed", made?.message);
    assert.deepEqual(readdirSync(join(login.home, ".crun")), ["locks"]);
    await until(() => readdirSync(join(login.home, ".crun/locks")).length === 0, "one is left");
  });

  it("nobody else leads them elsewhere, or keeps the owner of a tree from it, where both may write beside it", async () => {
    const login = new Login(scope);
    const shared = scope.tempDir("shared");
    chmodSync(shared, 0o1777);
    const path = join(shared, "web1");
    mkdirSync(path);
    const own = join(login.home, "own");
    mkdirSync(own);
    for (const one of [path, own]) chownSync(one, Login.uid, Login.uid);
    const away = {
      "a link to a directory of the owner's": () => symlinkSync(own, join(shared, ".crun")),
      "a directory of somebody else's": () => mkdirSync(join(shared, ".crun"), { mode: 0o777 }),
    };
    for (const [what, put] of Object.entries(away)) {
      put();
      const tasks = [{ copy: { dest: "/made", content: what } }];
      writeFileSync(join(login.home, "site.yml"), JSON.stringify([{ hosts: "all", gather_facts: false, tasks }]));
      const { status, stdout } = await login.crun(["play", "-i", `local:${path},`, "site.yml"]);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /trees cannot be locked there/, what);
      assert.equal(readFileSync(join(path, "made"), "utf8"), what);
      assert.deepEqual(readdirSync(own), [], what);
      assert.deepEqual(readdirSync(join(shared, ".crun")), [], what);
      rmSync(join(shared, ".crun"), { recursive: true });
    }
  });

  it("a host on which no lock can be taken is told of, and the play goes on", async () => {
    rmSync(at("first"), { force: true });
    const argv = [process.execPath, crunPath, "play", "-i", "hosts", "quick.yml"];
    const script = 'mount -t tmpfs -o ro none /run && exec "$@"';
    const { status, stdout } = await run(["unshare", "--mount", "sh", "-c", script, "sh", ...argv], {
      cwd: work.directory,
      env: work.environment,
    });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /web1: trees cannot be locked there, .*read-only file system/);
    assert.equal(textOf("first"), "quick");
  });

  it("plays whose targets wait for each other do not wait for each other in a circle", async () => {
    const trees = scope.tempDir("pair");
    for (const name of ["a", "b"]) {
      await must(["cp", "-a", emptyTree(scope), join(trees, name)]);
      mkdirSync(join(trees, name, "srv"), { recursive: true });
    }
    const hosts = ["a", "b"].map((name) => `${name} crun_connection=local crun_path=${join(trees, name)}\n`);
    work.write("pair", hosts.join(""));
    work.write("pair-back", hosts.toReversed().join(""));
    work.write(
      "linear.yml",
      `- hosts: all\n  strategy: linear\n  tasks:\n${[1, 2, 3].map((n) => `    - copy: { dest: /srv/f${n}, content: "{{who}}" }\n`).join("")}`,
    );
    const runs = [1, 2, 3, 4].map((n) =>
      work.start([
        "play",
        "-i",
        n % 2 === 0 ? "pair" : "pair-back",
        "-e",
        `who=${n}`,
        "--lock-timeout",
        "30",
        "linear.yml",
      ]),
    );
    for (const one of runs) {
      const { status, all } = await one.ended;
      assert.equal(status, 0, all);
    }
    // Each run was alone in both trees from its first change to its last.
    for (const name of ["a", "b"]) {
      const left = new Set([1, 2, 3].map((n) => readFileSync(join(trees, name, "srv", `f${n}`), "utf8")));
      assert.equal(left.size, 1, name);
    }
  });
});

/** Processes that have the file open. */
function holdersOf(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
      } catch {
        // it has ended meanwhile
        return false;
      }
    });
}
