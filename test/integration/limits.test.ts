// Processes under limits, for real: in cgroups of their own from their first instruction on, and nothing of it left, whatever dies.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { rootOverlay } from "../lab/trees.js";
import { brief, lines, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const top = "/sys/fs/cgroup";
const isUnified = existsSync(join(top, "cgroup.controllers"));

/** Cgroups of limited processes on this machine, by their directories. */
function limited(directory = top, depth = 0): string[] {
  if (depth > 6) return [];
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((one) => one.isDirectory())
      .map(({ name }) => name);
  } catch {
    return []; // it went meanwhile
  }
  return names.flatMap((name) => {
    const path = join(directory, name);
    return /^crun-\d+-\d+$/.test(name) ? [path] : limited(path, depth + 1);
  });
}

async function eventually(isSo: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 200, what);
    await sleep(50);
  }
}

/** Eats memory until it is killed. */
const glutton = ["tail", "/dev/zero"];

describe("processes under limits", function () {
  this.timeout(120_000);
  const scope = testScope();
  let work: Workplace;
  let tree: string;
  let others: readonly string[];

  before(async function () {
    requireOrSkip(this, { root: true, paths: [crunPath, top] });
    tree = await rootOverlay(scope);
    work = new Workplace(scope, {
      "hosts.yml": JSON.stringify({ all: { hosts: { "local:t": { crun_path: tree } } } }),
    });
    others = limited();
  });

  /** Those that this test has made. */
  const left = (): string[] => limited().filter((path) => !others.includes(path));
  const target = ["-i", "hosts.yml", "local:t", "--"];

  for (const [where, reach] of [
    ["in a tree", target],
    ["on the host", ["-i", "hosts.yml", "local", "--"]],
  ] as const) {
    describe(where, () => {
      const exec = (limits: readonly string[], command: readonly string[]) =>
        work.crun(["exec", ...limits.flatMap((one) => ["--limits", one]), ...reach, ...command]);

      it("are in their cgroup when they begin, and it has the limits; it goes with them", async () => {
        const given = ["memory_max=64M", "pids_max=20", "cpu_max=50%"].flatMap((one) => ["--limits", one]);
        const started = work.start(["exec", ...given, ...reach, "sh", "-c", "echo here; exec sleep 60"]);
        await eventually(() => started.shown().includes("here"), started.shown());
        const read = (file: string): string[] =>
          left()
            .filter((path) => existsSync(join(path, file)))
            .map((path) => readFileSync(join(path, file), "utf8").trim());
        const [pid] = read("cgroup.procs");
        assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /sleep/);
        if (isUnified) {
          assert.deepEqual(
            [read("memory.max"), read("pids.max"), read("cpu.max")],
            [["67108864"], ["20"], ["50000 100000"]],
          );
        } else {
          const files = ["memory.limit_in_bytes", "pids.max", "cpu.cfs_quota_us"];
          assert.equal(left().length, 3);
          assert.deepEqual(new Set(read("cgroup.procs")), new Set([pid]));
          // Those of another hierarchy that has files of these names have no limit in them.
          assert.deepEqual(
            files.map((file) => read(file).find((text) => !/^(?:max|-1|9223372036854771712)$/.test(text))),
            ["67108864", "20", "50000"],
          );
        }
        started.kill("SIGTERM");
        assert.equal((await started.ended).status, 143);
        assert.deepEqual(left(), []);
      });

      it("are killed at their memory's limit, and it is said", async () => {
        const done = await exec(["memory_max=16M"], glutton);
        assert.equal(done.status, 137, done.all);
        assert.match(done.stderr, /killed: memory limit of 16 MiB reached/);
        assert.deepEqual(left(), []);
      });

      it("make no more processes than they may, and it is said", async () => {
        const done = await exec(["pids_max=3"], ["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 0.2 & done; wait"]);
        assert.notEqual(done.status, 0);
        assert.match(done.stderr, /it could not make another process: the limit of 3 was reached/);
      });

      it("do not start where the kernel refuses a limit, in the kernel's words", async () => {
        const done = await exec(["pids_max=5", "cpuset_cpus=4000"], ["echo", "never"]);
        assert.equal(done.status, 126, done.all);
        assert.equal(done.stdout, "");
        assert.match(done.stderr, /the kernel refuses cpuset_cpus=4000 \(.*cpuset\.cpus\): .*\(E[A-Z]+\)/);
        assert.deepEqual(left(), []);
      });

      it("leave nothing when crun is killed: no process, no cgroup", async () => {
        const command = ["sh", "-c", "sleep 61 & echo here; sleep 62"];
        const started = work.start(["exec", "--limits", "pids_max=9", ...reach, ...command]);
        await eventually(() => started.shown().includes("here"), started.shown());
        const pids = left().flatMap((path) => readFileSync(`${path}/cgroup.procs`, "utf8").split("\n").filter(Boolean));
        started.kill("SIGKILL");
        await started.ended;
        await eventually(() => left().length === 0, `still there: ${left().join(" ")}`);
        for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}/cmdline`), `${pid} lives`);
      });
    });
  }

  it("leave nothing at whatever moment crun is killed", async () => {
    for (let round = 0; round < 6; round++) {
      const started = work.start([
        "exec",
        "--limits",
        "pids_max=9",
        "--limits",
        "memory_max=64M",
        ...target,
        "sleep",
        "0.1",
      ]);
      await sleep(150 + 60 * round + Math.random() * 60);
      started.kill("SIGKILL");
      await started.ended;
      await eventually(() => left().length === 0, `round ${round}: still there: ${left().join(" ")}`);
    }
  });

  it("other targets' limits come from crun_limits; several targets tell each for itself", async () => {
    work.write(
      "two.yml",
      JSON.stringify({
        all: {
          hosts: { "local:a": { crun_path: tree, crun_limits: { memory_max: "16M" } }, "local:b": { crun_path: tree } },
        },
      }),
    );
    const done = await work.crun([
      "exec",
      "-i",
      "two.yml",
      "all",
      "--",
      "sh",
      "-c",
      "head -c 60000000 /dev/zero | tail | wc -c",
    ]);
    assert.equal(done.status, 0, done.all);
    const failing = await work.crun(["exec", "-i", "two.yml", "all", "--limits", "memory_max=max", "--", "true"]);
    assert.equal(failing.status, 0, failing.all);
    const killed = await work.crun(["exec", "-i", "two.yml", "all", "--limits", "memory_max=8M", "--", ...glutton]);
    assert.equal(killed.status, 2);
    assert.match(killed.stderr, /a.*memory limit of 8 MiB reached/);
    assert.match(killed.stderr, /b.*memory limit of 8 MiB reached/);
  });

  it("what is wrong with --limits is told before anything is reached", async () => {
    for (const [given, message] of [
      [["--limits", "memry_max=1M"], /there is no limit "memry_max"[\s\S]*Did you mean "memory_max"/],
      [["--limits", "memory_max=lots"], /memory_max: "lots" is no amount/],
      [["--limits", "memory_max"], /Write NAME=VALUE/],
      [["--limit", "memory_max=1M"], /--limit chooses targets[\s\S]*--limits memory_max=1M/],
    ] as const) {
      const done = await work.crun(["exec", ...given, ...target, "true"]);
      assert.equal(done.status, 1, done.all);
      assert.match(done.stderr, message);
    }
  });

  it("a stale cgroup is swept by the next one whose maker is gone; one whose maker lives stays", async () => {
    const known = await work.crun([
      "exec",
      "--limits",
      "pids_max=9",
      "-i",
      "hosts.yml",
      "local",
      "--",
      "cat",
      "/proc/self/cgroup",
    ]);
    const line = known.stdout.split("\n").find((one) => (isUnified ? one.startsWith("0::") : /:pids:/.test(one))) ?? "";
    const base = join(top, isUnified ? "" : "pids", line.split(":")[2] ?? "", "..");
    const ended = (await run(["sh", "-c", "echo $$"])).stdout.trim();
    const [stale, fresh] = [`${base}/crun-${ended}-1`, `${base}/crun-${process.pid}-1`];
    mkdirSync(stale);
    mkdirSync(fresh);
    try {
      const done = await work.crun(["exec", "--limits", "pids_max=9", ...target, "true"]);
      assert.equal(done.status, 0, done.all);
      assert.deepEqual([existsSync(stale), existsSync(fresh)], [false, true]);
    } finally {
      rmdirSync(fresh);
    }
  });

  describe("of tasks", () => {
    const play = async (tasks: readonly object[], keywords: object = {}, more: readonly string[] = []) => {
      const site = work.write(
        "site.yml",
        JSON.stringify([{ name: "p", hosts: "local:t", gather_facts: false, ...keywords, tasks }]),
      );
      return await work.play(["-i", "hosts.yml", ...more, site]);
    };
    /** What the program finds: its limit on processes, as it sees its cgroup from within. */
    const grow = { shell: "for i in 1 2 3 4 5 6; do sleep 0.1 & done; wait" };

    it("hold for command, shell, script and what modules run, from play, block and task, the innermost first", async () => {
      const script = work.write("grow.sh", `#!/bin/sh\n${grow.shell}\n`);
      const told = await play(
        [
          { name: "play's", ...grow, ignore_errors: true },
          { name: "script's", script, ignore_errors: true },
          { name: "wider", ...grow, limits: { pids_max: 50 } },
          { name: "lifted", ...grow, limits: { pids_max: "max" } },
          {
            name: "block",
            limits: { memory_max: "{{little}}" },
            block: [{ name: "eats", command: { argv: glutton }, register: "eaten", ignore_errors: true }],
          },
          {
            name: "says",
            assert: { that: ['eaten.limit_reached == "killed: memory limit of 12 MiB reached"', "eaten.rc == -9"] },
          },
          { name: "loops", shell: "{{item}}", loop: ["true", grow.shell], ignore_errors: true },
          { name: "file", copy: { content: "x", dest: "/tmp/of-limits" } },
        ],
        { limits: { pids_max: 4 }, vars: { little: "12M" } },
      );
      assert.deepEqual(
        lines(told.results),
        [
          "play's: failed",
          "script's: failed",
          "wider: changed",
          "lifted: changed",
          "eats: failed",
          "says: ok",
          "loops: failed",
          "file: changed",
        ],
        brief(told),
      );
      assert.match(told.results[0]?.message ?? "", /could not make another process: the limit of 4 was reached/);
      assert.match(told.results[4]?.message ?? "", /non-zero return code: killed: memory limit of 12 MiB reached/);
      assert.deepEqual(left(), []);
    });

    it("that the kernel or the host's cgroups refuse fail the task, and what comes before it is done", async () => {
      const told = await play(
        [
          { name: "before", copy: { content: "1", dest: "/tmp/of-limits" } },
          { name: "refused", command: "true", limits: { cpuset_cpus: "4000" }, ignore_errors: true },
          { name: "checked", command: "true", limits: { cpuset_cpus: "4000" }, check_mode: true },
          { name: "nonsense", command: "true", limits: { pids_max: "{{many}}" } },
        ],
        { vars: { many: "many" } },
      );
      assert.deepEqual(
        lines(told.results),
        ["before: changed", "refused: failed", "checked: changed", "nonsense: failed"],
        brief(told),
      );
      assert.match(told.results[1]?.message ?? "", /the kernel refuses cpuset_cpus=4000/);
      assert.match(told.results[3]?.message ?? "", /limits: pids_max: "many" is no amount/);
      assert.deepEqual(left(), []);
    });

    it("hold for jobs, and are in saved plans", async () => {
      const told = await play([
        { name: "job", ...grow, limits: { pids_max: 4 }, async: 20, poll: 0, register: "job" },
        {
          name: "waits",
          async_status: { jid: "{{job.ansible_job_id}}" },
          register: "seen",
          until: "seen.finished == 1",
          delay: 0.1,
          retries: 100,
          ignore_errors: true,
        },
        { name: "says", assert: { that: ['seen.limit_reached.contains("limit of 4")'] } },
      ]);
      assert.deepEqual(lines(told.results), ["job: changed", "waits: failed", "says: ok"], brief(told));
      const site = work.write(
        "planned.yml",
        JSON.stringify([
          {
            hosts: "local:t",
            gather_facts: false,
            tasks: [{ name: "eats", command: { argv: glutton }, limits: { memory_max: "12M" } }],
          },
        ]),
      );
      const planned = await work.crun(["plan", "-i", "hosts.yml", "-o", "saved.plan", site]);
      assert.equal(planned.status, 0, planned.all);
      assert.match((await work.crun(["show", "saved.plan"])).all, /limited to memory_max=12M/);
      const applied = await work.crun(["apply", "-i", "hosts.yml", "saved.plan"]);
      assert.equal(applied.status, 2, applied.all);
      assert.match(applied.all, /memory limit of 12 MiB reached/);
      assert.deepEqual(left(), []);
    });
  });
});
