// Attacks from inside where systemd is the host's init: a tree entered by systemd-nspawn in a scope of its own, and a machine that is joined.

import assert from "node:assert/strict";
import { Workplace } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { holes, payload } from "../threats/hostile-entries.js";
import { requireOrSkip } from "./needs.js";
import { testScope } from "./scope.js";
import { labVm, type LabVm } from "./vm.js";

/** Information about the kernel that systemd-nspawn shows to its containers. */
const shownByNspawn =
  /row 17 (?:\/proc\/(?:vmallocinfo|slabinfo|timer_list|sched_debug)|\/sys\/firmware\/dmi\/tables\/DMI)$/;
/** Root of a machine may mount in it, and trace what crun runs there: both stay its own. And systemd-nspawn 252 leaves it sysrq. */
const ownOfMachine = /row 16 mounts$| of crun's | traced crun's |row 17 sysrq$/;

describe("lab: threats on a host with systemd", function () {
  this.timeout(300_000);
  const scope = testScope();
  let vm: LabVm;
  let work: Workplace;
  let inventory: readonly string[];

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "gcc"],
      paths: [crunPath],
    });
    vm = await labVm(scope);
    await vm.startMachine("m1");
    work = new Workplace(scope);
    const hosts = { lab: { ...vm.variables, crun_user: "root" }, "lab:m1": {}, "lab:m2": { crun_entry: "nspawn" } };
    inventory = ["-i", work.write("hosts.yml", JSON.stringify({ all: { hosts } })), "--connect-timeout", "60"];
    const copy = { copy: { src: payload(), dest: "/root/payload", mode: "0755" } };
    const site = work.write(
      "site.yml",
      JSON.stringify([{ hosts: "lab:m1,lab:m2", gather_facts: false, tasks: [copy] }]),
    );
    const told = await work.play([...inventory, site]);
    assert.equal(told.status, 0, told.all);
    scope.defer(async () => {
      await vm.must("rm -f /var/lib/machines/m1/root/payload /var/lib/machines/m2/root/payload");
      // Its root may do to it what it likes, and did: the tests that come get one that is whole.
      await vm.stopMachine("m1");
      await vm.startMachine("m1");
    });
  });

  for (const [way, target] of [
    ["nspawn", "lab:m2"],
    ["machine", "lab:m1"],
  ] as const) {
    it(`of root of a tree are held (${way})`, async () => {
      await vm.must("mkdir -p /srv/threat && echo host-secret > /srv/threat/secret");
      const inode = (await vm.must("stat -c %i /srv/threat/secret")).trim();
      const reach = ["reach", "/srv/threat/secret", "host-secret", inode];
      const roles = [...reach, "--", "kernel", "--", "faults", "--", "programs", "0"];
      const done = await work.crun(["exec", ...inventory, target, "--", "/root/payload", ...roles]);
      assert.equal(done.status, 0, done.all);
      assert.match(done.stdout, /^row 5 writing into programs/m, done.all);
      const found = holes(done.stdout).filter(
        (line) => !shownByNspawn.test(line) && (way === "nspawn" || !ownOfMachine.test(line)),
      );
      assert.deepEqual(found, []);
      const left = await vm.must(
        "ls /run/systemd/nspawn/propagate 2>/dev/null; machinectl list --no-legend; cat /proc/sys/kernel/hostname",
      );
      assert.doesNotMatch(left, /m2|escaped/);
    });
  }
});
