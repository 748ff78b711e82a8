// playbooks/fleet on the lab host: eight machines from nothing over SSH, limited, updated two at a time, one killed and brought back.

import assert from "node:assert/strict";
import { join } from "node:path";
import { brief, Workplace, type Told } from "../integration/cli.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "./needs.js";
import { repositoryRoot } from "./process.js";
import { testScope } from "./scope.js";
import { labVm, type LabVm } from "./vm.js";

const names = Array.from({ length: 8 }, (_, index) => `web${index + 1}`);
const targets = names.map((name) => `node1:${name}`);

/** From when until when a machine's program was not there, in seconds of the lab host's clock. */
interface Away {
  readonly from: number;
  readonly to: number;
}

describe("lab: playbooks/fleet, eight machines of one base", function () {
  this.timeout(400_000);
  const scope = testScope();
  const work = new Workplace(scope);
  const playbooks = join(repositoryRoot(), "playbooks", "fleet");
  let vm: LabVm;
  let reach: readonly string[];

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "mkfs.btrfs", "setpriv"],
      paths: [crunPath, "/dev/loop-control"],
    });
    // It takes as long as half of the others together: beside them.
    vm = await labVm(scope, { own: true });
    const variables = {
      crun_host: vm.host,
      crun_port: vm.port,
      crun_identity: vm.identityFile,
      crun_known_hosts: vm.knownHostsFile,
      base_archive: "/srv/machine.tar",
    };
    reach = ["-i", join(playbooks, "hosts.yml"), "--connect-timeout", "60", "-e", JSON.stringify(variables)];
    scope.defer(async () => {
      const absent = JSON.stringify([
        {
          hosts: "web",
          gather_facts: false,
          tasks: [{ machine: { state: "absent", force: true } }, { tree: { state: "absent" } }],
        },
        { hosts: "bases", gather_facts: false, tasks: [{ tree: { state: "absent" } }] },
      ]);
      const gone = await work.play([...reach, work.write("absent.yml", absent)]);
      assert.equal(gone.status, 0, brief(gone));
      const left = await vm.must(
        `ls -A /var/lib/machines /var/lib/machines/.crun /etc/systemd/nspawn; btrfs subvolume list /var/lib/machines`,
      );
      // locks stay: whoever waits for one must not hold a file that is no longer there
      const trees = left.split("\n").filter((line) => /(?:web\d|base)/.test(line) && !/\.lo?ck$/.test(line));
      assert.deepEqual(trees, []);
    });
  });

  const play = async (playbook: string, ...more: readonly string[]): Promise<Told> =>
    await work.play([...reach, ...more, join(playbooks, playbook)], { timeoutMs: 300_000 });

  const changed = ({ recap }: Told): string[] =>
    Object.keys(recap)
      .filter((target) => (recap[target]?.changed ?? 0) > 0)
      .sort();

  /** For each machine, in order: what a shell command line says, `$1` being its name and `$2` its leader. */
  async function ofEach(command: string): Promise<string[]> {
    const told = await vm.must(
      `for name in ${names.join(" ")}; do sh -c '${command}' sh $name $(machinectl show $name -p Leader --value) || echo failed; done`,
    );
    return told.trim().split("\n");
  }

  it("makes, limits, enables and starts them, and configures them while they run", async () => {
    const told = await play("site.yml");
    assert.equal(told.status, 0, brief(told));
    assert.deepEqual(changed(told), ["node1:base", ...targets]);
    const running = await vm.must("machinectl list --no-legend --no-pager | awk '{ print $1 }' | grep ^web");
    assert.deepEqual(running.trim().split("\n").sort(), names);
    // read back from the kernel, not from systemd
    const limits = await ofEach(
      "cd /sys/fs/cgroup/machine.slice/systemd-nspawn@$1.service && echo $(cat memory.max cpu.weight pids.max)",
    );
    assert.deepEqual(limits, Array(8).fill(`${256 * 2 ** 20} 50 200`));
    assert.deepEqual(await ofEach("systemctl is-enabled systemd-nspawn@$1.service"), Array(8).fill("enabled"));
    assert.deepEqual(await ofEach("cat /proc/$2/root/run/shop/serves"), Array(8).fill("1.0"));
    // one base for all: snapshots of it, each with an identity of its own
    const subvolumes = await vm.must("btrfs subvolume list -q /var/lib/machines");
    const base = /ID (\d+) .* path base$/m.exec(await vm.must("btrfs subvolume list -u /var/lib/machines"));
    assert.ok(base);
    for (const name of names) assert.match(subvolumes, new RegExp(`parent_uuid [0-9a-f-]+ path ${name}$`, "m"));
    assert.equal(new Set(await ofEach("cat /proc/$2/root/etc/machine-id")).size, 8);
  });

  it("has nothing to do the second time", async () => {
    const told = await play("site.yml");
    assert.equal(told.status, 0, brief(told));
    assert.deepEqual(changed(told), [], brief(told));
  });

  it("brings a release to all of them while never more than two are away", async () => {
    const told = await play("update.yml", "-e", "shop_release=1.1");
    assert.equal(told.status, 0, brief(told));
    assert.deepEqual(changed(told), targets);
    assert.deepEqual(await ofEach("cat /proc/$2/root/run/shop/serves"), Array(8).fill("1.1"));
    const logs = await ofEach("echo $(cat /var/lib/machines/$1/var/log/shop.log)");
    const away = logs.map((log): Away => {
      const match = /^up [\d.]+ 1\.0 down ([\d.]+) 1\.0 up ([\d.]+) 1\.1$/.exec(log);
      assert.ok(match, `${log}: it went down once`);
      return { from: Number(match[1]), to: Number(match[2]) };
    });
    const most = Math.max(...away.map(({ from }) => away.filter((one) => one.from <= from && from < one.to).length));
    assert.ok(most <= 2, `${most} were away at once: ${JSON.stringify(away)}`);
    // The batches follow each other: whoever is behind waits until those before it serve.
    for (let index = 2; index < 8; index++) {
      const before = away.slice(0, index - (index % 2)).map(({ to }) => to);
      assert.ok((away[index]?.from ?? 0) > Math.max(...before), JSON.stringify(away));
    }
  });

  it("brings back the one that was killed, and leaves all others alone", async () => {
    await vm.must(
      `machinectl kill --signal=KILL web3
       for try in $(seq 100); do systemctl -q is-active systemd-nspawn@web3.service || break; sleep 0.1; done`,
    );
    const leaders = await ofEach("test $1 = web3 || echo $1 $2");
    const told = await play("site.yml", "-e", "shop_release=1.1");
    assert.equal(told.status, 0, brief(told));
    assert.deepEqual(changed(told), ["node1:web3"], brief(told));
    assert.deepEqual(await ofEach("cat /proc/$2/root/run/shop/serves"), Array(8).fill("1.1"));
    assert.deepEqual(await ofEach("test $1 = web3 || echo $1 $2"), leaders, "they ran on");
    const again = await play("site.yml", "-e", "shop_release=1.1");
    assert.deepEqual([again.status, changed(again)], [0, []], brief(again));
  });
});
