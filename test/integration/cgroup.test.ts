// The module cgroup on this machine's own kernel: cgroup v1 without systemd, in cgroups of the test's own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { brief, lines, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const top = "/sys/fs/cgroup";
const name = `crun-test-${process.pid}`;
const directory = (controller: string): string => `${top}/${controller}/${name}`;
const read = (controller: string, file: string): string =>
  readFileSync(`${directory(controller)}/${file}`, "utf8").trim();

describe("the module cgroup with v1", function () {
  this.timeout(60_000);
  const scope = testScope();
  let work: Workplace;

  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath, `${top}/memory`, `${top}/pids`, `${top}/cpuset`] });
    work = new Workplace(scope);
    scope.defer(() => {
      for (const one of ["memory", "pids", "cpu", "cpuset", "blkio"])
        if (existsSync(directory(one))) rmdirSync(directory(one));
    });
  });

  const play = async (...tasks: readonly object[]): Promise<Told> => {
    const site = work.write("site.yml", JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
    return await work.play([site]);
  };

  it("sets, reads back, finds as it is, changes, takes away", async () => {
    const limits = {
      path: name,
      memory_max: "64M",
      pids_max: 20,
      cpu_max: "150%",
      cpu_weight: "200",
      cpuset_cpus: "0",
    };
    const told = await play(
      { name: "set", cgroup: limits },
      { name: "again", cgroup: limits },
      { name: "more", cgroup: { ...limits, memory_max: "65M" } },
    );
    assert.deepEqual(lines(told.results), ["set: changed", "again: ok", "more: changed"], brief(told));
    const set = [
      read("memory", "memory.limit_in_bytes"),
      read("pids", "pids.max"),
      read("cpu", "cpu.cfs_quota_us"),
      read("cpu", "cpu.shares"),
      read("cpuset", "cpuset.cpus"),
    ];
    assert.deepEqual(set, [String(65 * 2 ** 20), "20", "150000", "2048", "0"]);
    const absent = { path: name, state: "absent" };
    const gone = await play({ name: "gone", cgroup: absent }, { name: "still", cgroup: absent });
    assert.deepEqual(lines(gone.results), ["gone: changed", "still: ok"], brief(gone));
    assert.equal(read("pids", "pids.max"), "max");
  });

  it("sets none of several where the kernel refuses one: new cgroups go, old values come back", async () => {
    const fresh = `${name}/new`;
    const told = await play(
      { name: "new", cgroup: { path: fresh, pids_max: 5, cpuset_cpus: "4000" }, ignore_errors: true },
      { name: "old", cgroup: { path: name, pids_max: 5, cpuset_cpus: "4000" }, ignore_errors: true },
      { name: "older", cgroup: { path: name, memory_high: "1M" }, ignore_errors: true },
    );
    assert.deepEqual(lines(told.results), ["new: failed", "old: failed", "older: failed"], brief(told));
    for (const { message = "" } of told.results.slice(0, 2))
      assert.match(message, /cannot write .*cpuset\.cpus: .*\(E[A-Z]+\)/);
    assert.match(told.results[2]?.message ?? "", /cgroup v1 of this host has no memory_high/);
    assert.ok(!existsSync(directory("pids") + "/new") && !existsSync(directory("cpuset") + "/new"));
    assert.equal(read("pids", "pids.max"), "max");
  });

  it("is refused by the kernel where memory in use does not fit, and the process lives", async () => {
    const eater = spawn("sh", ["-c", "read go; x=$(head -c 40000000 /dev/zero | tr '\\0' x); echo full; sleep 60"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    try {
      writeFileSync(`${directory("memory")}/cgroup.procs`, String(eater.pid));
      eater.stdin.write("\n");
      await new Promise((resolve) => eater.stdout.once("data", resolve));
      const told = await play({ name: "little", cgroup: { path: name, memory_max: "8M" }, ignore_errors: true });
      assert.deepEqual(lines(told.results), ["little: failed"], brief(told));
      assert.match(told.results[0]?.message ?? "", /memory\.limit_in_bytes.*busy \(EBUSY\)/);
      assert.ok(Number(read("memory", "memory.limit_in_bytes")) > 2 ** 40);
      assert.equal(eater.exitCode, null);
    } finally {
      const ended = new Promise((resolve) => eater.once("close", resolve));
      eater.kill("SIGKILL");
      for (const pid of read("memory", "cgroup.procs").split("\n").filter(Boolean))
        process.kill(Number(pid), "SIGKILL");
      await ended;
    }
  });
});
