// Limits where systemd is the only writer of cgroups: of programs, on the host and in a machine, and of units, read back.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { brief, lines, Workplace, type Told } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "./needs.js";
import { testScope } from "./scope.js";
import { labVm, type LabVm } from "./vm.js";

const unit = "crun-limits-test.service";
const dropIns = `/etc/systemd/system/${unit}.d`;
const overruling = `${dropIns}/90-site.conf`;

describe("lab: limits on a host with systemd", function () {
  this.timeout(300_000);
  const scope = testScope();
  let vm: LabVm;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv"],
      paths: [crunPath],
    });
    vm = await labVm(scope);
    await vm.startMachine("m1");
    await vm.must(
      `printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/${unit}; systemctl daemon-reload; systemctl start ${unit}`,
    );
    scope.defer(async () => {
      await vm.must(
        `systemctl stop ${unit}; rm -rf /etc/systemd/system/${unit} ${dropIns} \
           /run/systemd/system.control/${unit}.d; systemctl daemon-reload`,
      );
    });
    const lab = vm.variables;
    work = new Workplace(scope, { "hosts.yml": JSON.stringify({ all: { hosts: { lab, "lab:m1": {} } } }) });
  });

  const reach = ["-i", "hosts.yml", "--connect-timeout", "60"];
  const play = async (hosts: string, tasks: readonly object[]): Promise<Told> => {
    const site = work.write("site.yml", JSON.stringify([{ name: "lab", hosts, gather_facts: false, tasks }]));
    return await work.play([...reach, site]);
  };
  /** What crun has among the host's cgroups and units. */
  const left = async (): Promise<string> =>
    (
      await vm.must('find /sys/fs/cgroup -name "crun-[0-9]*"; systemctl list-units --all --no-legend "crun-[0-9]*"')
    ).trim();

  it("programs on the host and in a machine have cgroups of their own in a scope that is crun's, and say what limits did", async () => {
    const told = await play("lab,lab:m1", [
      {
        name: "shows",
        shell:
          "own=$(sed -n s/^0:://p /proc/self/cgroup); echo $own; cd /sys/fs/cgroup$own && cat memory.max pids.max cpu.max cpuset.cpus",
        limits: { memory_max: "64M", pids_max: 20, cpu_max: "50%", cpuset_cpus: "0" },
        register: "shown",
      },
      {
        name: "eats",
        command: "tail /dev/zero",
        limits: { memory_max: "24M", memory_swap_max: 0 },
        register: "eaten",
        ignore_errors: true,
      },
      { name: "refused", command: "true", limits: { cpuset_cpus: "900" }, register: "refused", ignore_errors: true },
      {
        name: "says",
        assert: {
          that: [
            'shown.stdout_lines[0].matches("^/system.slice/crun-[0-9]+(-limits)?.scope/crun-[0-9]+-[0-9]+$")',
            'shown.stdout_lines.filter(x, !x.contains("crun")) == ["67108864", "20", "50000 100000", "0"]',
            'eaten.rc == -9 && eaten.limit_reached == "killed: memory limit of 24 MiB reached"',
            'refused.msg.contains("the kernel refuses cpuset_cpus=900") && refused.msg.contains("ERANGE")',
          ],
        },
      },
    ]);
    for (const target of ["lab", "lab:m1"])
      assert.deepEqual(
        lines(told.results.filter((one) => one.target === target)),
        ["shows: changed", "eats: failed", "refused: failed", "says: ok"],
        brief(told),
      );
    assert.equal(await left(), "");
  });

  it("nothing is left when crun is killed while such a program runs in a machine, beneath the machine's own limits", async () => {
    const started = work.start([
      "exec",
      ...reach,
      "--limits",
      "pids_max=9",
      "lab:m1",
      "--",
      "sh",
      "-c",
      "sleep 7771 & sleep 7772",
    ]);
    const of =
      "cd /sys/fs/cgroup/machine.slice/systemd-nspawn@m1.service/payload/system.slice && cat crun-*/crun-*/pids.max && pgrep -c 'sleep' -f 777";
    let found = "";
    for (let tries = 0; !found.startsWith("9\n") && tries < 60; tries++) {
      found = (await vm.ssh(of)).stdout;
      await sleep(200);
    }
    assert.match(found, /^9\n/, started.shown());
    started.kill("SIGKILL");
    await started.ended;
    for (let tries = 0; (await left()) !== "" && tries < 60; tries++) await sleep(200);
    assert.equal(await left(), "");
    assert.equal((await vm.ssh("pgrep -f 'sleep 777[12]'")).stdout, "");
  });

  it("without systemd a program's cgroup lies beside crun's own: where the way to root hides systemd", async () => {
    const hiding = "/usr/local/bin/crun-limits-test";
    const script =
      '#!/bin/sh\nexec sudo unshare -m sh -c "mount -t tmpfs none /run/systemd; exec sudo \\"\\$@\\"" sh "$@"\n';
    await vm.must(`cat >${hiding} && chmod 755 ${hiding}`, { input: script });
    scope.defer(async () => void (await vm.must(`rm ${hiding}`)));
    const lab = {
      crun_host: vm.host,
      crun_port: vm.port,
      crun_user: "admin",
      crun_identity: vm.identityFile,
      crun_known_hosts: vm.knownHostsFile,
      crun_become_exe: hiding,
    };
    const hosts = work.write("hiding.yml", JSON.stringify({ all: { hosts: { lab } } }));
    const command = ["sh", "-c", "cat /proc/self/cgroup; exec tail /dev/zero"];
    const given = ["-i", hosts, "--connect-timeout", "60", "--limits", "memory_max=16M"];
    const done = await work.crun(["exec", ...given, "lab", "--", ...command]);
    assert.equal(done.status, 137, done.all);
    assert.match(done.stdout, /^0::\/user.slice\/user-\d+.slice\/crun-\d+-1$/m);
    assert.match(done.stderr, /killed: memory limit of 16 MiB reached/);
    assert.equal(await left(), "");
  });

  const limits = {
    unit,
    memory_max: "64M",
    cpu_max: "50%",
    pids_max: 30,
    io_max: [{ device: "/dev/vda", wbps: "1M" }],
  };

  it("of a unit are in force at once, in its drop-in, and again after a restart", async () => {
    const told = await play("lab", [
      { name: "set", cgroup: limits },
      { name: "again", cgroup: limits },
    ]);
    assert.deepEqual(lines(told.results), ["set: changed", "again: ok"], brief(told));
    const read = `cd /sys/fs/cgroup/system.slice/${unit} && cat memory.max cpu.max pids.max && grep -c wbps=1048576 io.max`;
    const expected = "67108864\n50000 100000\n30\n1\n";
    assert.equal(await vm.must(read), expected);
    await vm.must(`rm -rf /run/systemd/system.control/${unit}.d; systemctl daemon-reload; systemctl restart ${unit}`);
    assert.equal(await vm.must(read), expected);
  });

  it("that systemd passes over fail with both values, and name the drop-in that goes before crun's", async () => {
    await vm.must(`systemctl stop ${unit}; mkdir -p ${dropIns}; printf '[Service]\\nMemoryMax=100M\\n' >${overruling}`);
    const told = await play("lab", [
      { name: "overruled", cgroup: { ...limits, memory_max: "32M" }, ignore_errors: true },
      { name: "no device", cgroup: { unit, io_max: [{ device: "/dev/none", wbps: 1 }] }, ignore_errors: true },
      { name: "no unit", cgroup: { unit: "none.service", memory_max: "1M", persistent: false }, ignore_errors: true },
      { name: "gone", cgroup: { unit, state: "absent" } },
      { name: "still gone", cgroup: { unit, state: "absent" } },
    ]);
    assert.deepEqual(
      lines(told.results),
      ["overruled: failed", "no device: failed", "no unit: failed", "gone: changed", "still gone: ok"],
      brief(told),
    );
    const [{ message = "", remedy = "" } = {}, device, noUnit] = told.results;
    assert.match(message, /systemd goes by other limits .*memory_max is 100 MiB, though 32 MiB was set/);
    assert.ok(remedy.includes(overruling), remedy);
    assert.match(device?.message ?? "", /\/dev\/none is no block device/);
    assert.match(noUnit?.message ?? "", /none.service does not run/);
    assert.equal((await vm.ssh(`test -e ${dropIns}/50-crun-limits.conf`)).status, 1);
  });
});
