// Two runs without root on one tree: the second waits for the first, which it names; who is killed keeps nobody out.

import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Login } from "../lab/login.js";
import { loginTree } from "../lab/login-tree.js";
import { requireOrSkip } from "../lab/needs.js";
import type { Finished } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { crunPath } from "./crun-tasks.js";

const slow = `
- hosts: all
  gather_facts: false
  tasks:
    - copy: { dest: /srv/first, content: "slow\\n" }
    - wait_for: { path: /srv/go }
    - copy: { dest: /srv/last, content: "slow\\n" }
`;
const quick = `
- hosts: all
  gather_facts: false
  tasks: [{ copy: { dest: /srv/first, content: "quick\\n" } }]
`;

describe("locks of trees without root", function () {
  this.timeout(60_000);
  const scope = testScope();
  let login: Login;
  let tree = "";

  before(function () {
    requireOrSkip(this, { root: true, tools: ["newuidmap", "busybox"], paths: [crunPath, "/bin/busybox"] });
    login = new Login(scope);
    const trees = join(login.home, "trees");
    mkdirSync(trees);
    chownSync(trees, Login.uid, Login.uid);
    tree = loginTree(join(trees, "web"));
    for (const [name, text] of Object.entries({ "slow.yml": slow, "quick.yml": quick }))
      writeFileSync(join(login.home, name), text);
  });

  const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const until = async (isSo: () => boolean, what: () => string): Promise<void> => {
    for (let tries = 0; !isSo(); tries++) {
      assert.ok(tries < 1500, what());
      await sleep(20);
    }
  };
  /** What it says can be read in the file meanwhile. */
  const play = (playbook: string, into: string, more: readonly string[] = []): Promise<Finished> => {
    const crun = [process.execPath, "@place@/dist/crun.js", "play", "-i", `local:${tree},`, ...more, playbook];
    return login.run(["sh", "-c", 'into=$1; shift; exec "$@" >"$into" 2>&1', "sh", join(login.home, into), ...crun]);
  };
  const said = (into: string): string => textOf(join(login.home, into));
  const begin = (into: string): Promise<Finished> => {
    for (const name of ["first", "last", "go"]) rmSync(join(tree, "srv", name), { force: true });
    return play("slow.yml", into);
  };

  it("the second run waits, names who holds the tree, and goes on by itself; --lock-timeout 0 does not wait", async () => {
    const one = begin("one");
    await until(
      () => textOf(join(tree, "srv/first")) === "slow\n",
      () => said("one"),
    );
    assert.equal((await play("quick.yml", "refused", ["--lock-timeout", "0"])).status, 2, said("refused"));
    assert.match(said("refused"), /crun play slow\.yml.*--lock-timeout 0 waits for nobody/s);
    const other = play("quick.yml", "other", ["--lock-timeout", "50"]);
    await until(
      () => said("other").includes("waiting"),
      () => said("other"),
    );
    assert.match(said("other"), /works on the tree \(crun play slow\.yml, run \S+\) since \d+ s; waiting for it/);
    assert.equal(textOf(join(tree, "srv/first")), "slow\n");
    // Beside the tree, and the login's own.
    assert.ok(readdirSync(join(login.home, "trees/.crun/locks")).length > 0);
    writeFileSync(join(tree, "srv/go"), "");
    assert.equal((await one).status, 0, said("one"));
    assert.equal((await other).status, 0, said("other"));
    assert.match(said("other"), /the tree is free, going on/);
    assert.deepEqual(
      ["first", "last"].map((name) => textOf(join(tree, "srv", name))),
      ["quick\n", "slow\n"],
    );
  });

  it("a holder that is killed keeps nobody out", async () => {
    const one = begin("killed");
    await until(
      () => textOf(join(tree, "srv/first")) === "slow\n",
      () => said("killed"),
    );
    const holder = readdirSync("/proc").find((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return words[0] === process.execPath && words.includes("slow.yml") && words.includes(`local:${tree},`);
      } catch {
        return false; // gone, or no process
      }
    });
    assert.ok(holder !== undefined);
    process.kill(Number(holder), "SIGKILL");
    await one;
    assert.equal((await play("quick.yml", "next", ["--lock-timeout", "20"])).status, 0, said("next"));
    assert.equal(textOf(join(tree, "srv/first")), "quick\n");
  });
});
