// The lab host is a real one: systemd is PID 1, cgroup v2 has its controllers, machines run, sudo asks whom it should.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { requireOrSkip } from "./needs.js";
import { Scope, testScope } from "./scope.js";
import type { LabVm } from "./vm.js";
import { PWADMIN_PASSWORD, labVm } from "./vm.js";

describe("lab: the VM", function () {
  this.timeout(300_000);
  const scope = testScope();
  let vm: LabVm;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv"] });
    vm = await labVm(scope);
  });

  it("has systemd as PID 1 and no failed unit", async () => {
    assert.equal((await vm.must("cat /proc/1/comm")).trim(), "systemd");
    assert.equal((await vm.must("systemctl is-system-running")).trim(), "running");
  });

  it("has cgroup v2 alone, with all controllers, and no swap", async () => {
    assert.equal((await vm.must("stat -fc %T /sys/fs/cgroup")).trim(), "cgroup2fs");
    const controllers = (await vm.must("cat /sys/fs/cgroup/cgroup.controllers")).trim().split(" ");
    for (const controller of ["cpu", "cpuset", "io", "memory", "pids"]) {
      assert.ok(controllers.includes(controller), controller);
    }
    assert.equal((await vm.must("swapon --show --noheadings")).trim(), "");
  });

  it("has today's date although it was saved earlier", async () => {
    assert.ok(Math.abs(Number(await vm.must("date +%s")) - Date.now() / 1000) < 30);
  });

  it("lets an unprivileged user become root with sudo, one without and one only with the password", async () => {
    assert.equal((await vm.must("id -u", { as: "admin" })).trim(), "1000");
    assert.equal((await vm.must("sudo -n id -u", { as: "admin" })).trim(), "0");
    assert.notEqual((await vm.ssh("sudo -n true", { as: "pwadmin" })).status, 0);
    assert.notEqual((await vm.ssh("sudo -S -k true", { as: "pwadmin", input: "wrong\n" })).status, 0);
    const input = `${PWADMIN_PASSWORD}\n`;
    assert.equal((await vm.must("sudo -S -k -p '' id -u", { as: "pwadmin", input })).trim(), "0");
  });

  it("reaches no network but answers over the forwarded port", async () => {
    const command = "timeout 5 bash -c 'echo > /dev/tcp/10.0.2.2/22' 2>/dev/null";
    assert.notEqual((await vm.ssh(command)).status, 0);
  });

  it("runs the machine m1 under machine.slice, without a user namespace", async () => {
    await vm.startMachine("m1");
    assert.match(await vm.must("machinectl show m1 -p Unit -p Class"), /Class=container/);
    assert.match(await vm.must("cat /proc/$(machinectl show m1 -p Leader --value)/cgroup"), /\/machine\.slice\//);
    assert.match(await vm.must("cat /proc/$(machinectl show m1 -p Leader --value)/uid_map"), /^\s*0\s+0\s/);
    assert.equal((await vm.must("systemd-run -q -M m1 --wait -P cat /proc/1/comm")).trim(), "systemd");
  });

  it("a second copy is another machine, whose m2 starts in a user namespace and stops, and it goes with its scope", async () => {
    const inner = new Scope();
    const own = await labVm(inner, { own: true });
    await own.must("touch /root/only-here");
    assert.notEqual((await vm.ssh("test -e /root/only-here")).status, 0);
    await own.startMachine("m2");
    assert.match(await own.must("cat /proc/$(machinectl show m2 -p Leader --value)/uid_map"), /^\s*0\s+[1-9]/);
    await own.stopMachine("m2");
    assert.notEqual((await own.ssh("machinectl show m2")).status, 0);
    await inner.end();
    assert.ok(!existsSync(own.directory));
  });
});
