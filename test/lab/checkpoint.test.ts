// Checkpoints by criu on the lab host: a program in a tree is written down, killed, and goes on with what it had in memory.

import assert from "node:assert/strict";
import { brief, lines, Workplace, type Told } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "./needs.js";
import { testScope } from "./scope.js";
import { labVm, type LabVm } from "./vm.js";

/** Counts in memory, and writes down how far it is. */
const program = "#!/bin/sh\nn=0\nwhile :; do n=$((n + 1)); echo $n >/var/tmp/count; sleep 0.1; done\n";

describe("lab: checkpoints of programs in trees", function () {
  this.timeout(300_000);
  const scope = testScope();
  const work = new Workplace(scope);
  const tree = "/var/lib/machines/counted";
  let vm: LabVm;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "mkfs.btrfs", "setpriv"],
      paths: [crunPath, "/dev/loop-control"],
    });
    vm = await labVm(scope);
    scope.defer(async () => {
      await vm.ssh(
        `for root in /proc/[0-9]*/root; do [ "$(readlink $root)" != ${tree} ] || kill -KILL $(echo $root | cut -d / -f 3); done`,
      );
      const gone = await play([{ tree: { state: "absent" } }]);
      assert.equal(gone.status, 0, brief(gone));
      await vm.must("rm -rf /var/lib/machines/.crun/checkpoints/counted");
    });
    const made = await play([
      { tree: { clone: "m2" } },
      { copy: { dest: "/usr/local/bin/count", content: program, mode: "0755" } },
    ]);
    assert.equal(made.status, 0, brief(made));
  });

  async function play(tasks: readonly object[]): Promise<Told> {
    const lab = {
      crun_host: vm.host,
      crun_port: vm.port,
      crun_identity: vm.identityFile,
      crun_known_hosts: vm.knownHostsFile,
    };
    const hosts = work.write("hosts.yml", JSON.stringify({ all: { hosts: { lab, "lab:counted": {} } } }));
    const site = work.write("site.yml", JSON.stringify([{ hosts: "lab:counted", gather_facts: false, tasks }]));
    return await work.play(["-i", hosts, "--connect-timeout", "60", site]);
  }

  /** Starts a program in the tree; its number on the host. */
  async function started(command: string): Promise<number> {
    return Number(await vm.must(`${command} >/dev/null 2>&1 & echo $!`));
  }
  const count = async (): Promise<number> => Number(await vm.must(`sleep 0.5; cat ${tree}/var/tmp/count`));

  it("are taken once while the program runs, and bring back what it had in memory", async () => {
    const pid = await started(`setsid chroot ${tree} /usr/local/bin/count </dev/null`);
    await count();
    const taken = { name: "taken", checkpoint: { name: "warm", pid } };
    const told = await play([taken, { ...taken, name: "again" }]);
    assert.deepEqual(lines(told.results), ["taken: changed", "again: ok"], brief(told));
    const before = await count();
    assert.ok((await count()) > before, "it runs on");
    await vm.must(`kill -KILL ${pid}; while [ -e /proc/${pid} ]; do sleep 0.05; done; echo 0 >${tree}/var/tmp/count`);
    const running = { name: "running", checkpoint: { name: "warm", state: "running" } };
    const back = await play([running, { ...running, name: "still" }]);
    assert.deepEqual(lines(back.results), ["running: changed", "still: ok"], brief(back));
    assert.equal((await vm.must(`readlink /proc/${pid}/root`)).trim(), tree);
    assert.ok((await count()) > 3, "it counts on from where it was");
    const absent = await play([{ name: "absent", checkpoint: { name: "warm", state: "absent" } }]);
    assert.deepEqual(lines(absent.results), ["absent: changed"], brief(absent));
    assert.equal((await vm.must("ls /var/lib/machines/.crun/checkpoints/counted")).trim(), "");
  });

  it("are refused in criu's own words where something of the program is outside, and leave nothing", async () => {
    // its output is a socket of the host's journal
    await vm.must(`systemd-run -q --unit=crun-socket chroot ${tree} /bin/sleep 300`);
    const pid = Number(await vm.must("sleep 0.5; systemctl show -P MainPID crun-socket"));
    const told = await play([{ name: "tied", checkpoint: { name: "tied", pid } }]);
    await vm.must("systemctl stop crun-socket");
    assert.deepEqual(lines(told.results), ["tied: failed"], brief(told));
    assert.match(told.results[0]?.message ?? "", /criu ended with 1: .*(?:socket|unix)/s);
    assert.equal((await vm.must("ls /var/lib/machines/.crun/checkpoints/counted")).trim(), "");
  });

  it("are not taken of machines, nor of other processes of the host", async () => {
    const leader = Number(await vm.must("machinectl show m1 -p Leader --value"));
    const told = await play([
      { name: "machine", checkpoint: { name: "no", pid: leader }, ignore_errors: true },
      { name: "nobody", checkpoint: { name: "no", pid: 4_000_000 }, ignore_errors: true },
    ]);
    const [machine, nobody] = told.results;
    assert.match(machine?.message ?? "", new RegExp(`process ${leader} does not run in ${tree}`));
    assert.match(nobody?.message ?? "", /there is no process 4000000/);
  });
});
