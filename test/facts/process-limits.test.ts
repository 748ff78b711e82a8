// Limits of processes: as they are written, where their cgroups go, what makes them, what the kernel has counted.

import assert from "node:assert/strict";
import type { CgroupLayout } from "../../src/facts/cgroup-layout.js";
import {
  eventProbes,
  failureOfStep,
  makerOfCgroup,
  membership,
  planProcessCgroup,
  possibleBases,
  processCgroupName,
  readEvents,
  type LimitBase,
} from "../../src/facts/cgroup-process.js";
import { limitsOf, parseWrittenLimit, reachedText, writtenLimits } from "../../src/facts/process-limits.js";
import type { Exit, Failure } from "../../src/module/probe.js";

const v2: CgroupLayout = { version: 2, isHybrid: false, controllers: ["cpu", "memory", "pids"], isSystemd: false };
const v1: CgroupLayout = {
  version: 1,
  isHybrid: false,
  controllers: ["blkio", "cpu", "cpuset", "memory", "pids"],
  isSystemd: false,
};
const unified: LimitBase = {
  layout: v2,
  directories: new Map([["", "/sys/fs/cgroup/a"]]),
  cpuset: { cpus: "", mems: "" },
};
const legacy: LimitBase = {
  layout: v1,
  directories: new Map(v1.controllers.map((one) => [one, `/sys/fs/cgroup/${one}/a`])),
  cpuset: { cpus: "0-3", mems: "0" },
};

describe("limits as they are written", () => {
  for (const [map, problem] of [
    [{ memory_max: "lots" }, /memory_max: "lots" is no amount/],
    [{ memry_max: "1M" }, /no limit "memry_max"/],
    [{ pids_max: true }, /pids_max must be an amount, not true/],
    [{ pids_max: ["1"] }, /pids_max must be an amount/],
    [{ io_max: [] }, /io_max cannot be set for a process/],
    [{ cpuset_cpus: "" }, /cpuset_cpus is empty/],
    [{ cpu_weight: 0 }, /"0" is no weight/],
  ] as const) {
    it(`${JSON.stringify(map)} is refused`, () => {
      const written = writtenLimits(map);
      assert.match("problem" in written ? written.problem : "", problem);
    });
  }

  it("numbers and text are the same, and what is left out is not there", () => {
    const written = writtenLimits({ pids_max: 20, memory_max: " 64M ", cpu_max: "gone" }, (value) => value === "gone");
    assert.deepEqual(written, { limits: { pids_max: "20", memory_max: "64M" } });
  });

  it("`max` is no limit to set", () => {
    assert.deepEqual(limitsOf({ pids_max: "max", memory_max: "1K", cpu_max: "max" }), { memory_max: 1024 });
  });

  it("NAME=VALUE of the command line", () => {
    assert.deepEqual(parseWrittenLimit("cpu_max=50000 100000"), ["cpu_max", "50000 100000"]);
    assert.ok("problem" in parseWrittenLimit("memory_max"));
    assert.ok("problem" in parseWrittenLimit("=1"));
  });
});

describe("where cgroups of processes go", () => {
  it("with v1 beneath their own, else at the hierarchy's top", () => {
    const paths = membership("4:memory:/x/y\n3:cpu,cpuacct:/\n2:name=systemd:/z:z\n0::/\n");
    assert.equal(paths.get("name=systemd"), "/z:z");
    const bases = possibleBases(v1, paths);
    assert.deepEqual(bases.get("memory"), ["/sys/fs/cgroup/memory/x/y", "/sys/fs/cgroup/memory"]);
    assert.deepEqual(bases.get("cpu"), ["/sys/fs/cgroup/cpu"]);
    assert.deepEqual(bases.get("pids"), ["/sys/fs/cgroup/pids"]);
  });

  for (const [own, expected] of [
    ["/", ["/sys/fs/cgroup"]],
    ["/openrc.sshd", ["/sys/fs/cgroup"]],
    ["/lxc/web/payload", ["/sys/fs/cgroup/lxc/web", "/sys/fs/cgroup"]],
  ] as const) {
    it(`with v2 beside their own, as no process may be where controllers are handed down: ${own}`, () =>
      assert.deepEqual(possibleBases(v2, membership(`0::${own}\n`)).get(""), expected));
  }

  it("names tell who made them", () => {
    assert.equal(makerOfCgroup(processCgroupName(4711, 3)), 4711);
    for (const name of ["crun", "crun-1", "crun-x-1", "crun-1-1-1", "web1"])
      assert.equal(makerOfCgroup(name), undefined);
  });
});

/** What is done, a line each. */
function steps(base: LimitBase, written: Readonly<Record<string, string>>): string[] {
  const planned = planProcessCgroup(base, "n", written);
  assert.ok(!("problem" in planned), JSON.stringify(planned));
  return planned.steps.map(({ path, value }) => (value === undefined ? `make ${path}` : `${path}=${value}`));
}

describe("what makes a process's cgroup", () => {
  it("v2: controllers are handed down, one directory, one file a limit", () => {
    assert.deepEqual(steps(unified, { memory_max: "64M", pids_max: "20", cpu_max: "max" }), [
      "/sys/fs/cgroup/a/cgroup.subtree_control=+memory +pids",
      "make /sys/fs/cgroup/a/n",
      "/sys/fs/cgroup/a/n/memory.max=67108864",
      "/sys/fs/cgroup/a/n/pids.max=20",
    ]);
  });

  it("v1: a directory in each hierarchy, cpuset filled before a process may come", () => {
    assert.deepEqual(steps(legacy, { cpuset_cpus: "1", cpu_max: "50%", cpu_weight: "200" }), [
      "make /sys/fs/cgroup/cpu/a/n",
      "/sys/fs/cgroup/cpu/a/n/cpu.cfs_quota_us=50000",
      "/sys/fs/cgroup/cpu/a/n/cpu.shares=2048",
      "make /sys/fs/cgroup/cpuset/a/n",
      "/sys/fs/cgroup/cpuset/a/n/cpuset.mems=0",
      "/sys/fs/cgroup/cpuset/a/n/cpuset.cpus=1",
    ]);
  });

  it("nothing where no limit is one", () => {
    assert.deepEqual(planProcessCgroup(unified, "n", { pids_max: "max" }), { steps: [], directories: [] });
  });

  for (const [base, written, problem] of [
    [legacy, { memory_high: "1M" }, /cgroup v1 of this host has no such limit/],
    [unified, { cpuset_cpus: "0" }, /no cpuset controller where crun may set it/],
  ] as const) {
    it(`is refused: ${JSON.stringify(written)} of v${base.layout.version}`, () => {
      const planned = planProcessCgroup(base, "n", written);
      assert.match("problem" in planned ? planned.problem : "", problem);
    });
  }

  it("a step that fails is told in the kernel's words", () => {
    const planned = planProcessCgroup(unified, "n", { memory_max: "64M" });
    assert.ok(!("problem" in planned));
    const failure = (errno: number, path: string): Failure => ({
      errno,
      code: "system",
      step: "limit",
      path,
      message: "",
    });
    const told = planned.steps.map(({ path, what }) => failureOfStep(what, failure(16, path)).message);
    assert.deepEqual(told, [
      "/sys/fs/cgroup/a hands no controllers down, as processes run in it",
      "no cgroup could be made for the process (/sys/fs/cgroup/a/n): busy",
      "the kernel refuses memory_max=64M (/sys/fs/cgroup/a/n/memory.max): busy",
    ]);
  });
});

describe("what limits did to a process", () => {
  const exit = (kind: Exit["kind"], value: number): Exit => ({ kind, value, wallMs: 1, cpuMs: 1 });
  const events = (base: LimitBase, files: Readonly<Record<string, string>>) => {
    const probes = eventProbes(base, ["/d"]);
    return readEvents(
      probes,
      probes.map(({ path }) => {
        const text = files[path.slice(3)];
        return text === undefined ? undefined : Buffer.from(text);
      }),
    );
  };

  it("is counted by v2 and v1", () => {
    const v2Files = { "memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n", "pids.events": "max 2\n" };
    assert.deepEqual(events(unified, v2Files), { memoryReached: 13, oomKills: 1, pidsReached: 2 });
    const v1Files = { "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "memory.failcnt": "7\n" };
    assert.deepEqual(events(legacy, v1Files), { memoryReached: 7, oomKills: 2, pidsReached: 0 });
    assert.deepEqual(events(unified, {}), { memoryReached: 0, oomKills: 0, pidsReached: 0 });
  });

  for (const [name, counts, ended, text] of [
    ["nothing", [0, 0, 0], exit("exited", 1), undefined],
    ["reached, but not killed", [9, 0, 0], exit("exited", 0), undefined],
    ["killed itself", [9, 1, 0], exit("signaled", 9), "killed: memory limit of 64 MiB reached"],
    ["a child killed", [9, 1, 0], exit("exited", 137), "a process of it killed: memory limit of 64 MiB reached"],
    ["children killed", [9, 3, 0], exit("exited", 1), "3 processes of it killed: memory limit of 64 MiB reached"],
    ["killed by another's need", [0, 1, 0], exit("signaled", 9), "killed: the memory around it ran out"],
    [
      "no more processes",
      [0, 0, 4],
      exit("exited", 2),
      "it could not make another process: the limit of 20 was reached",
    ],
  ] as const) {
    it(name, () => {
      const [memoryReached, oomKills, pidsReached] = counts;
      const said = reachedText({ memory_max: "64M", pids_max: "20" }, { memoryReached, oomKills, pidsReached }, ended);
      assert.equal(said, text);
    });
  }
});
