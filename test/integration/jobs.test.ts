// Jobs on real trees: beside other tasks, in the same namespaces, killed with their time, with the run and with crun; on the host they live on.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { holders, mountPointsBelow } from "../lab/mounts.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { bootableTree, overlayTree, rootOverlay } from "../lab/trees.js";
import { brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const plays = (hosts: string, tasks: string): string => `- hosts: ${hosts}\n  gather_facts: false\n  tasks:\n${tasks}`;

/** Processes whose arguments hold the word, of the whole machine. */
function processesWith(word: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const isIt = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(word);
      return isIt && readlinkSync(`/proc/${name}/exe`).endsWith("/sleep") ? [Number(name)] : [];
    } catch {
      return []; // gone meanwhile, or a thread of the kernel
    }
  });
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!isSo()) {
    assert.ok(Date.now() < deadline, what);
    // it looks at all processes of the machine
    await sleep(100);
  }
}

describe("jobs on real trees", function () {
  this.timeout(120_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();
  let mark = 0;
  /** A number of seconds that no other process sleeps. */
  const rare = (): string => `${86_400 + process.pid}.${++mark}${Date.now() % 100_000}`;

  async function site(tasks: string): Promise<{ tree: string; work: Workplace; args: string[] }> {
    const tree = await rootOverlay(scope);
    const work = new Workplace(scope, { "site.yml": plays("all", tasks) });
    return { tree, work, args: ["-i", `local:${tree},`, "site.yml"] };
  }

  it("go on beside other tasks, which see their processes, and bring their output", async () => {
    const { work, args } = await site(`
    - shell: |
        echo begun > /run/sign
        while [ ! -e /srv/go ]; do sleep 0.05; done
        echo "out of $$"; echo err >&2; exit 4
      async: 60
      poll: 0
      register: job
    - shell: "for i in 1 2 3 4 5 6 7 8 9; do [ -e /run/sign ] && break; sleep 0.1; done; cat /run/sign; ps ax | grep -c '[w]hile'"
      register: seen
    - stat: { path: /srv/left }
      register: before
    - file: { path: /srv/go, state: touch }
    - async_status: { jid: "{{job.ansible_job_id}}" }
      register: done
      until: done.finished == 1
      retries: 100
      delay: 0.1
      failed_when: done.rc != 4
`);
    const ran = await work.play(args);
    assert.equal(ran.status, 0, brief(ran));
    const outputs = ran.results.map(({ result }) => result["stdout"]).filter((one) => typeof one === "string");
    assert.match(String(outputs[0]), /^begun\n[1-9]/);
    assert.match(String(outputs.at(-1)), /^out of \d+$/);
    assert.equal(ran.results.at(-1)?.result["stderr"], "err");
  });

  it("are killed with all that they started when their time is over; so are tasks with timeout or poll", async () => {
    const [first, second, third] = [rare(), rare(), rare()];
    const { work, args } = await site(`
    - shell: "setsid sleep ${first} & sleep ${first}"
      async: 1
      poll: 0
      register: job
    - shell: "setsid sleep ${second} & sleep ${second}"
      async: 1
      poll: 5
      ignore_errors: true
    - shell: "setsid sleep ${third} & sleep ${third}"
      timeout: 1
      ignore_errors: true
    - async_status: { jid: "{{job.ansible_job_id}}" }
      register: done
      until: done.finished == 1
      retries: 300
      delay: 0.1
      ignore_errors: true
    - shell: "ps axww | grep '[s]leep ${Math.floor(Number(first))}' || true"
`);
    const begin = Date.now();
    const ran = await work.play(args);
    assert.equal(ran.status, 0, brief(ran));
    assert.ok(Date.now() - begin < 30_000);
    assert.deepEqual(
      ran.results.filter(({ status }) => status === "failed").map(({ message }) => message),
      [
        "async task did not complete within the requested time - 1s",
        "The shell action failed to execute in the expected time frame (1) and was terminated",
        "Timeout exceeded",
      ],
    );
    assert.equal(ran.results.at(-1)?.result["stdout"], "");
    assert.deepEqual([first, second, third].flatMap(processesWith), []);
  });

  it("that nobody waited for end with the run, with a warning", async () => {
    const word = rare();
    const { tree, work, args } = await site(`
    - name: endless
      shell: "setsid sleep ${word} & sleep ${word}"
      async: 3600
      poll: 0
`);
    const ran = await work.crun(["play", ...args]);
    assert.equal(ran.status, 0, ran.all);
    assert.match(ran.all, /the job of the task "endless" on local:\S+ was ended with the run, after \d+ s/);
    assert.deepEqual(processesWith(word), []);
    assert.deepEqual(holders(tree), []);
  });

  for (const who of ["crun", "the helper"] as const) {
    it(`leave no process and no mount in the tree when ${who} is killed`, async () => {
      const word = rare();
      const { tree, work, args } = await site(`
    - shell: "setsid sleep ${word} & sleep ${word}"
      async: 3600
      poll: 0
      loop: [1, 2, 3]
    - command: sleep ${word}
`);
      const started = work.start(["play", ...args]);
      await until(() => processesWith(word).length === 7, `not all begun: ${started.shown()}`);
      if (who === "crun") started.kill("SIGKILL");
      else {
        const children = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, "utf8").trim().split(" ");
        const [helper] = children.map(Number);
        assert.ok(helper !== undefined);
        process.kill(helper, "SIGKILL");
      }
      const { all } = await started.ended;
      if (who !== "crun") assert.match(all, /unreachable|connection|helper/);
      await until(() => processesWith(word).length === 0 && holders(tree).length === 0, "something of it is left");
      assert.equal(mountPointsBelow(tree).length, 1);
    });
  }

  it("in a machine that runs are its processes: they live on after the run, and end with their time", async function () {
    requireOrSkip(this, { tools: ["systemd-nspawn", "mmdebstrap"] });
    const tree = await overlayTree(scope, await bootableTree());
    const word = rare();
    const log = join(scope.tempDir("boot"), "log");
    const machine = spawn(
      "systemd-nspawn",
      ["--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe", `--directory=${tree}`],
      { stdio: ["ignore", openSync(log, "w"), "ignore"] },
    );
    const ended = new Promise((resolve) => machine.once("exit", resolve));
    scope.defer(async () => {
      machine.kill("SIGTERM");
      await Promise.race([ended, sleep(5000)]);
      machine.kill("SIGKILL");
      await ended;
    });
    const work = new Workplace(scope, {
      hosts: `m crun_host=local crun_path=${tree} crun_entry=machine\n`,
      "site.yml": plays(
        "all",
        `
    - command: cat /proc/1/comm
    - shell: "sleep 1; id -un > /root/sign; sleep ${word}"
      async: 1
      poll: 0
`,
      ),
    });
    let ran = await work.play(["-i", "hosts", "site.yml"]);
    for (let turn = 0; turn < 30 && ran.status !== 0; turn++) {
      await sleep(1000);
      ran = await work.play(["-i", "hosts", "site.yml"]);
    }
    assert.equal(ran.status, 0, `${brief(ran)}${readFileSync(log, "utf8")}`);
    assert.equal(ran.results[0]?.result["stdout"], "systemd");
    assert.doesNotMatch(ran.all, /was ended with the run/);
    await until(() => processesWith(word).length > 0, "it was ended with the run");
    assert.equal(readFileSync(join(tree, "root/sign"), "utf8"), "root\n");
    await until(() => processesWith(word).length === 0, "its time was not watched");
  });

  it("on the host live on after the run, and end with their time", async () => {
    const word = rare();
    const directory = scope.tempDir("host");
    const work = new Workplace(scope, {
      "site.yml": plays(
        "localhost",
        `
    - shell: "while sleep 0.05; do echo much; done & sleep ${word} & sleep 1; echo written > ${join(directory, "later")}; sleep ${word}"
      async: 4
      poll: 0
`,
      ),
    });
    const ran = await work.crun(["play", "-i", "localhost,", "site.yml"]);
    assert.equal(ran.status, 0, ran.all);
    assert.doesNotMatch(ran.all, /warning/);
    assert.equal(processesWith(word).length > 0, true, "it was ended with the run");
    await until(() => existsSync(join(directory, "later")), "it did not go on");
    await until(() => processesWith(word).length === 0, "its time was not watched");
  });
});
