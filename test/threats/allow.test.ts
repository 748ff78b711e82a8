// What tasks and commands are allowed beyond the default: that it is given where it is said, nowhere else, and refused where it cannot be had.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

describe("threats: what is allowed", function () {
  this.timeout(60_000);
  const scope = testScope();
  let work = "";
  let tree = "";

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc"] });
    work = scope.tempDir("allow");
    tree = join(work, "tree");
    for (const name of ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "root"])
      mkdirSync(join(tree, name), { recursive: true });
    writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
    writeFileSync(join(tree, "etc/group"), "root:x:0:\nuser:x:1000:\n");
    const source = join(repositoryRoot(), "test/threats/drop-payload.c");
    execFileSync("gcc", ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", join(tree, "bin/payload"), source]);
  });

  async function crun(...words: readonly string[]): Promise<{ readonly text: string; readonly status: number | null }> {
    const done = await run([process.execPath, crunPath, ...words], { timeoutMs: 30_000, cwd: work });
    return { text: done.stdout + done.stderr, status: done.status };
  }

  const exec = (options: readonly string[], ...words: readonly string[]): ReturnType<typeof crun> =>
    crun("exec", ...options, `local:${tree}`, "--", "/bin/payload", ...words);

  it("a capability is root's alone, and comes with what it governs", async () => {
    const { text } = await exec(["--allow", "CAP_SYS_ADMIN", "--allow", "CAP_NET_RAW"], "state");
    assert.match(text, /^CapBnd:\t00000000882421fb$/m);
    assert.match(text, /^CapEff:\t00000000882421fb$/m);
    const calls = (await exec(["--allow", "CAP_SYS_ADMIN,CAP_NET_RAW"], "calls")).text;
    assert.match(calls, /^native mount (?!EPERM)/m);
    assert.match(calls, /^native socket_packet done$/m);
    assert.match(calls, /^native keyctl ENOSYS$/m, "no capability governs it");
    const user = (await exec(["--allow", "CAP_SYS_ADMIN", "-u", "user"], "state")).text;
    assert.match(user, /^CapBnd:\t0{16}$/m);
    assert.match(user, /^NoNewPrivs:\t1$/m);
  });

  it("groups of calls are let through one by one, and all of them by all_calls", async () => {
    const some = (await exec(["--allow", "keyrings,personality"], "calls")).text;
    assert.match(some, /^native keyctl done$/m);
    assert.match(some, /^native personality_read_implies_exec done$/m);
    assert.match(some, /^native userfaultfd EPERM$/m);
    const all = (await exec(["--allow", "all_calls"], "state")).text;
    assert.match(all, /^Seccomp:\t0$/m);
  });

  it("a device opens for the process alone that is allowed it, and for its user", async () => {
    const devices = ["/dev/full", "/dev/loop0", "/dev/kmsg"];
    assert.equal((await exec([], "open", ...devices)).text, "/dev/full done\n/dev/loop0 ENOENT\n/dev/kmsg ENOENT\n");
    const allowed = await exec(["--allow", "/dev/kmsg", "-u", "user"], "open", ...devices);
    // That its mode is the tree's to decide does not hold: whoever is allowed it opens it. The kernel's own question comes after.
    assert.match(allowed.text, /^\/dev\/full done\n\/dev\/loop0 ENOENT\n\/dev\/kmsg (done|EPERM)\n$/);
    const deep = await exec(["--allow", "/dev/net/tun"], "open", "/dev/net/tun");
    assert.match(deep.text, /^\/dev\/net\/tun (done|ENODEV|ENXIO)\n$|no device/);
  });

  it("what cannot be had runs nothing, and says why", async () => {
    const cases = [
      [["--allow", "/dev/nowhere"], /the host has no device \/dev\/nowhere/],
      [["--allow", "/dev/pts"], /the host has no device \/dev\/pts/],
      [["--entry", "chroot", "--allow", "/dev/full"], /devices are allowed in the entry unshare alone/],
      [["--allow", "CAP_NET_RAV"], /--allow: "CAP_NET_RAV" cannot be allowed[^]*Did you mean "CAP_NET_RAW"/],
    ] as const;
    for (const [options, message] of cases) {
      const { text, status } = await exec(options, "state");
      assert.match(text, message);
      assert.notEqual(status, 0);
      assert.doesNotMatch(text, /resuid/);
    }
  });

  it("the keyword nearest to a task counts, the variable beneath it, and an empty list takes all back", async () => {
    writeFileSync(
      join(work, "play.yml"),
      JSON.stringify([
        {
          hosts: `local:${tree}`,
          gather_facts: false,
          vars: { crun_allow: ["CAP_NET_RAW"] },
          tasks: [
            { name: "variable", command: "/bin/payload state", register: "variable" },
            {
              block: [
                { command: "/bin/payload state", register: "block" },
                {
                  command: "/bin/payload state",
                  register: "task",
                  allow: ["{{extra}}"],
                  vars: { extra: "CAP_SYS_TIME" },
                },
                { command: "/bin/payload state", register: "none", allow: [] },
              ],
              allow: ["CAP_SYS_NICE", "keyrings"],
            },
          ],
        },
      ]),
    );
    const report = await run([process.execPath, crunPath, "play", "play.yml", "--output", "json"], {
      cwd: work,
      timeoutMs: 30_000,
    });
    const sets = [...report.stdout.matchAll(/CapBnd:\\t0{8}([0-9a-f]{8})/g)].map(([, set]) => set);
    assert.deepEqual(
      [...new Set(sets)],
      ["880421fb", "888401fb", "8a0401fb", "880401fb"],
      report.stdout + report.stderr,
    );
  });

  it("a variable that allows what cannot be is refused before the first connection", async () => {
    writeFileSync(join(work, "hosts"), `local:${tree} crun_allow=CAP_SYS_ADMIM\n`);
    writeFileSync(
      join(work, "empty.yml"),
      JSON.stringify([{ hosts: "all", gather_facts: false, tasks: [{ command: "/bin/payload" }] }]),
    );
    const { text, status } = await crun("play", "-i", "hosts", "empty.yml");
    assert.equal(status, 1);
    assert.match(text, /crun_allow: "CAP_SYS_ADMIM" cannot be allowed[^]*Did you mean "CAP_SYS_ADMIN"/);
  });

  it("what is allowed to a host itself, which nothing is kept from, is told by its place, once, where a program runs", async () => {
    writeFileSync(
      join(work, "host.yml"),
      `- hosts: local
  gather_facts: false
  allow: [keyrings] # told: the play
  tasks:
    - command: /bin/true
    - command: /bin/true
    - command: /bin/true
      allow: [CAP_SYS_ADMIN] # told: a task
- hosts: local
  gather_facts: false
  allow: [keyrings]
  tasks:
    - debug: { msg: no program }
    - command: /bin/true
      allow: []
- hosts: local:${tree}
  gather_facts: false
  tasks:
    - command: /bin/payload
      allow: [keyrings]
    - command: /bin/true
      delegate_to: host
      allow: [keyrings] # told: delegated
`,
    );
    writeFileSync(join(work, "plain"), `local\nlocal:${tree}\n`);
    const lines = readFileSync(join(work, "host.yml"), "utf8").split("\n");
    const { text, status } = await crun("play", "-i", "plain", "--check", "host.yml");
    assert.equal(status, 0, text);
    const told = [
      ...text.matchAll(/warning: allow does nothing on local: .*\n {2}at host\.yml:(\d+):\d+\n {2}Say it where/g),
    ];
    const places = told.map(([, line]) => lines[Number(line) - 1]?.split("# ")[1]);
    assert.deepEqual(places, ["told: the play", "told: a task", "told: delegated"], text);
  });

  it("on the command line it is refused where there is no tree", async () => {
    writeFileSync(join(work, "both"), `local crun_allow=keyrings\nlocal:${tree}\n`);
    const refused = await crun("exec", "--allow", "keyrings", "local", "--", "/bin/echo", "ran");
    assert.match(refused.text, /error: --allow does nothing on local: that is a host itself.*\n.*name a tree/);
    assert.doesNotMatch(refused.text, /^ran/m);
    assert.equal(refused.status, 1);
    const mixed = await crun("exec", "-i", "both", "--allow", "keyrings", "all", "--", "/bin/payload", "state");
    assert.match(mixed.text, /warning: --allow does nothing on local/);
    const variable = await crun("exec", "-i", "both", "local", "--", "/bin/echo", "ran");
    assert.match(variable.text, /^ran\nwarning: crun_allow does nothing on local.*\n.*Set it for trees alone/);
    assert.equal(variable.status, 0);
  });
});
