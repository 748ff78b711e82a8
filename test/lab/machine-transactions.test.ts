// Transactions of trees that machines run from, on a real host: restarted where that is asked for, and back to the old tree where the new one does not come up.

import assert from "node:assert/strict";
import { eventsIn } from "../integration/tree-fixtures.js";
import { crunPath } from "../integration/crun-tasks.js";
import { brief, Workplace, type Told } from "../integration/cli.js";
import { requireOrSkip } from "./needs.js";
import { must } from "./process.js";
import { testScope } from "./scope.js";
import { smallMachine } from "./small-machine.js";
import { labVm, type LabVm } from "./vm.js";

const name = "crun-swap";
const unit = `systemd-nspawn@${name}`;
const tree = `/var/lib/machines/${name}`;

describe("lab: transactions of running machines", function () {
  this.timeout(300_000);
  const scope = testScope();
  let vm: LabVm;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv", "ldd", "tar"],
      paths: [crunPath],
    });
    vm = await labVm(scope);
    work = new Workplace(scope);
    scope.defer(async () => {
      await vm.must(
        `systemctl kill --signal=KILL ${unit} 2>/dev/null; systemctl stop ${unit}; systemctl reset-failed
         rm -rf ${tree} /var/lib/machines/.crun/${name}* /var/lib/machines/.crun/*/${name}* /etc/systemd/nspawn/${name}.nspawn`,
      );
    });
    const archive = `${await smallMachine(scope)}.tar`;
    await must(["tar", "-C", archive.replace(/\.tar$/, ""), "-cf", archive, "."]);
    await must(["scp", "-F", vm.sshConfigFile, "-q", archive, "lab-root:/root/crun-swap.tar"]);
    await vm.must(
      `mkdir ${tree} && tar -C ${tree} -xf /root/crun-swap.tar && rm /root/crun-swap.tar && mkdir -p /etc/systemd/nspawn &&
       printf '[Network]\\nVirtualEthernet=no\\n' >/etc/systemd/nspawn/${name}.nspawn && systemctl start ${unit}`,
    );
    const lab = vm.variables;
    work.write("hosts.yml", JSON.stringify({ all: { hosts: { lab, [`lab:${name}`]: {} } } }));
  });

  async function play(tasks: readonly object[], transaction: unknown = "restart"): Promise<Told> {
    const plays = [{ hosts: `lab:${name}`, gather_facts: false, transaction, tasks }];
    return work.play(["-i", "hosts.yml", "--connect-timeout", "60", work.write("site.yml", JSON.stringify(plays))]);
  }
  const outcomes = (told: Told) => eventsIn(told.stdout, "transaction").map(({ outcome }) => outcome);
  const leader = async (): Promise<string> => (await vm.must(`machinectl show -p Leader --value ${name}`)).trim();
  const inMachine = async (path: string): Promise<string> =>
    (await vm.must(`cat /proc/$(machinectl show -p Leader --value ${name})/root${path}`)).trim();

  it("are refused where nothing is said, and restart the machine where that is said, once", async () => {
    const write = [{ copy: { dest: "/etc/motd", content: "new\n" } }];
    const before = await leader();
    const refused = await play(write, true);
    assert.equal(refused.status, 2, brief(refused));
    assert.match(String(refused.results[0]?.message), /the machine crun-swap runs from/);
    assert.equal(await leader(), before);
    const told = await play(write);
    assert.deepEqual([told.status, outcomes(told)], [0, ["swapped"]], told.stdout + told.stderr);
    const after = await leader();
    assert.notEqual(after, before);
    assert.equal(await inMachine("/etc/motd"), "new");
    const again = await play(write);
    assert.deepEqual([again.status, outcomes(again)], [0, ["unchanged"]], brief(again));
    assert.equal(await leader(), after);
  });

  it("give a machine that does not come up its old tree back", async () => {
    const told = await play([{ copy: { dest: "/sbin/init", content: "#!/bin/sh\nexit 3\n", mode: "0755" } }]);
    assert.deepEqual([told.status, outcomes(told)], [2, ["failed"]], told.stdout + told.stderr);
    assert.match(told.stdout, /it did not come up from the new tree, and runs from the old one again/);
    assert.equal(await inMachine("/etc/motd"), "new");
    assert.equal((await vm.must(`grep -c trap ${tree}/sbin/init; ls /var/lib/machines/.crun/making`)).trim(), "1");
  });

  it("are gone back from with a restart", async () => {
    const rollback = (...more: readonly string[]) =>
      work.crun(["tree", "rollback", "-i", "hosts.yml", "--connect-timeout", "60", `lab:${name}`, ...more]);
    const refused = await rollback();
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /the machine crun-swap runs from it/);
    const back = await rollback("--restart");
    assert.equal(back.status, 0, back.all);
    const gone = await vm.ssh(`test -e /proc/$(machinectl show -p Leader --value ${name})/root/etc/motd`);
    assert.notEqual(gone.status, 0);
  });
});
