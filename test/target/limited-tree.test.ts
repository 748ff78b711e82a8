// Programs with limits among other changes: what is sent to the helper, and whose outcome is whose.

import assert from "node:assert/strict";
import { statOf } from "../../src/module/model-node.js";
import type { Change, Outcome } from "../../src/module/change.js";
import type { ExecSpec, Exit, Failure, Observation, Probe } from "../../src/module/probe.js";
import { HostLimits } from "../../src/target/host-limits.js";
import { LimitedTree } from "../../src/target/limited-tree.js";
import type { ApplyOptions, RunningExec, TreeSession } from "../../src/target/session.js";

const ok: Exit = { kind: "exited", value: 0, wallMs: 1, cpuMs: 1 };

/** A host with cgroup v2 and no systemd, whose kernel files say what `files` holds. */
class FakeHost implements TreeSession {
  readonly done: string[] = [];
  /** Ends of paths whose step is refused. */
  readonly refused: string[] = [];
  readonly files: Record<string, string> = {
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
    "/proc/self/cgroup": "0::/\n",
  };
  /** How programs end, by name. */
  readonly exits: Record<string, Exit> = {};

  observe(probes: readonly Probe[]): Promise<readonly Observation[]> {
    return Promise.resolve(probes.map((probe) => this.#answer(probe)));
  }

  #answer(probe: Probe): Observation {
    const path = "path" in probe ? probe.path : "";
    const text = this.files[path];
    if (probe.kind === "machine") return { kind: "machine", machine: undefined };
    if (probe.kind === "list") return { kind: "list", real: path, stat: undefined, isTruncated: false, entries: [] };
    if (probe.kind === "stat")
      return { kind: "stat", real: path, stat: path === "/sys/fs/cgroup" ? statOf("directory") : undefined };
    const content = text === undefined ? undefined : Buffer.from(text);
    return { kind: "read", real: path, stat: undefined, sha256: undefined, content, isTooLarge: false };
  }

  apply(changes: readonly Change[], options: ApplyOptions = {}): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [index, change] of changes.entries()) {
      const steps = change.kind === "exec" ? (change.exec.cgroups ?? []) : [];
      for (const { path, value } of steps) this.done.push(value === undefined ? `make ${path}` : `${path}=${value}`);
      this.done.push(change.kind === "exec" ? `exec ${change.exec.argv[0]}` : `${change.kind} ${change.path}`);
      const outcome = this.#outcome(change);
      outcomes.push(outcome);
      options.onOutcome?.(index, outcome);
      if (change.kind === "exec") options.onOutput?.(index, "stdout", Buffer.from("x"));
      if (outcome.exit && (outcome.exit.kind !== "exited" || outcome.exit.value !== 0)) break;
    }
    return Promise.resolve(outcomes);
  }

  #outcome(change: Change): Outcome {
    if (change.kind !== "exec") return {};
    const refused = change.exec.cgroups?.find(({ path }) => this.refused.some((one) => path.endsWith(one)));
    if (!refused) return { exit: this.exits[change.exec.argv[0] ?? ""] ?? ok };
    const failure: Failure = { errno: 22, code: "system", step: "limit", path: refused.path, message: "" };
    return { exit: { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 } };
  }

  exec(): Promise<RunningExec> {
    return Promise.reject(new Error("not asked for"));
  }

  start(): Promise<RunningExec> {
    return this.exec();
  }

  hold(): Promise<Outcome> {
    return Promise.resolve({});
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const exec = (name: string, limits?: ExecSpec["limits"]): Change => ({
  kind: "exec",
  exec: { argv: [name], ...(limits ? { limits } : {}) },
});
const write: Change = { kind: "remove", path: "/x", expect: {} };

function limited(): { readonly host: FakeHost; readonly tree: LimitedTree } {
  const host = new FakeHost();
  const limits = new HostLimits(() => host, 7);
  return { host, tree: new LimitedTree(host, limits, "/t", { entry: "auto", isHostRoot: false }) };
}

describe("programs with limits", () => {
  it("without limits all goes through as it is", async () => {
    const { host, tree } = limited();
    await tree.apply([write, exec("a")]);
    assert.deepEqual(host.done, ["remove /x", "exec a"]);
  });

  it("what makes a cgroup goes with its program; outcomes keep their places", async () => {
    const { host, tree } = limited();
    const heard: number[] = [];
    const output: number[] = [];
    const outcomes = await tree.apply(
      [write, exec("a", { pids_max: "5" }), write, exec("b", { memory_max: "1M" }), write],
      {
        onOutcome: (index) => heard.push(index),
        onOutput: (index) => output.push(index),
      },
    );
    assert.deepEqual(host.done.slice(0, 11), [
      "remove /x",
      "/sys/fs/cgroup/cgroup.subtree_control=+pids",
      "make /sys/fs/cgroup/crun-7-1",
      "/sys/fs/cgroup/crun-7-1/pids.max=5",
      "exec a",
      "remove /x",
      "/sys/fs/cgroup/cgroup.subtree_control=+memory",
      "make /sys/fs/cgroup/crun-7-2",
      "/sys/fs/cgroup/crun-7-2/memory.max=1048576",
      "exec b",
      "remove /x",
    ]);
    assert.deepEqual(host.done.slice(11).sort(), ["remove /sys/fs/cgroup/crun-7-1", "remove /sys/fs/cgroup/crun-7-2"]);
    assert.deepEqual(outcomes, [{}, { exit: ok }, {}, { exit: ok }, {}]);
    assert.deepEqual(
      [heard, output],
      [
        [0, 1, 2, 3, 4],
        [1, 3],
      ],
    );
  });

  it("a limit that the kernel refuses is its program's failure, and nothing behind it is done", async () => {
    const { host, tree } = limited();
    host.refused.push("memory.max");
    const outcomes = await tree.apply([write, exec("a", { memory_max: "1M" }), write]);
    assert.equal(outcomes.length, 2);
    assert.match(outcomes[1]?.exit?.failure?.message ?? "", /the kernel refuses memory_max=1M .*invalid argument/);
    assert.deepEqual(host.done.slice(-1), ["remove /sys/fs/cgroup/crun-7-1"]);
  });

  it("so is a limit that the host does not have; what comes before is done", async () => {
    const { host, tree } = limited();
    const heard: number[] = [];
    const changes = [write, exec("a", { cpuset_cpus: "0" }), write];
    const outcomes = await tree.apply(changes, { onOutcome: (index) => heard.push(index) });
    assert.deepEqual(host.done, ["remove /x"]);
    assert.match(outcomes[1]?.failure?.message ?? "", /no cpuset controller/);
    assert.deepEqual([outcomes.length, heard], [2, [0, 1]]);
  });

  it("but not where something before it failed", async () => {
    const { host, tree } = limited();
    host.exits["fails"] = { ...ok, value: 3 };
    const outcomes = await tree.apply([exec("fails"), exec("a", { cpuset_cpus: "0" })]);
    assert.deepEqual(outcomes, [{ exit: { ...ok, value: 3 } }]);
  });

  it("what the kernel counted is in the program's end", async () => {
    const { host, tree } = limited();
    host.exits["a"] = { kind: "signaled", value: 9, wallMs: 1, cpuMs: 1 };
    host.files["/sys/fs/cgroup/crun-7-1/memory.events"] = "max 3\noom 1\noom_kill 1\n";
    const [outcome] = await tree.apply([exec("a", { memory_max: "1M" })]);
    assert.equal(outcome?.exit?.note, "killed: memory limit of 1 MiB reached");
  });

  it("`max` alone makes no cgroup", async () => {
    const { host, tree } = limited();
    await tree.apply([exec("a", { memory_max: "max" })]);
    assert.deepEqual(host.done, ["exec a"]);
  });

  it("a host without cgroups refuses", async () => {
    const { host, tree } = limited();
    delete host.files["/sys/fs/cgroup/cgroup.controllers"];
    const [outcome] = await tree.apply([exec("a", { memory_max: "1M" })]);
    assert.match(outcome?.failure?.message ?? "", /no cgroup controllers/);
  });
});
