// Machines on a real host: set up, started, limited, restarted, stopped, removed; those that do not come up; and what later tasks see of them.

import assert from "node:assert/strict";
import { crunPath } from "../integration/crun-tasks.js";
import { brief, Workplace, type Told } from "../integration/cli.js";
import { requireOrSkip } from "./needs.js";
import { must } from "./process.js";
import { testScope } from "./scope.js";
import { smallMachine } from "./small-machine.js";
import { labVm, type LabVm } from "./vm.js";

const names = ["crun-small", "crun-dies", "crun-empty", "crun-systemd"] as const;
const elsewhere = "/srv/crun trees/crun-far";

describe("lab: machines", function () {
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
    const all = [...names, "crun-far"];
    scope.defer(async () => {
      await vm.must(
        `cd /etc/systemd/system; systemctl kill --signal=KILL ${all.map((one) => `systemd-nspawn@${one}`).join(" ")} 2>/dev/null
         systemctl stop ${all.map((one) => `systemd-nspawn@${one}`).join(" ")}
         rm -rf /etc/systemd/nspawn/crun-* systemd-nspawn@crun-* machines.target.wants/systemd-nspawn@crun-* /run/systemd/system.control/systemd-nspawn@crun-*
         rm -rf /var/lib/machines/crun-* "/srv/crun trees"; systemctl daemon-reload; systemctl reset-failed`,
      );
    });
    const tree = await smallMachine(scope);
    const archive = `${tree}.tar`;
    await must(["tar", "-C", tree, "-cf", archive, "."]);
    await must(["scp", "-F", vm.sshConfigFile, "-q", archive, "lab-root:/root/crun-small.tar"]);
    await vm.must(
      `cd /var/lib/machines && mkdir crun-small crun-dies crun-empty && for one in crun-small crun-dies crun-empty; do tar -C $one -xf /root/crun-small.tar; done
       mkdir -p "${elsewhere}" && cp -a crun-small/. "${elsewhere}" && rm crun-empty/sbin/init /root/crun-small.tar
       printf '#!/bin/sh\\necho "the last words of init"\\nexit 3\\n' >crun-dies/sbin/init
       btrfs --quiet subvolume snapshot m2 crun-systemd`,
    );
    const lab = vm.variables;
    const trees = Object.fromEntries(names.map((name) => [`lab:${name}`, {}]));
    const far = { "lab:crun-far": { crun_path: elsewhere } };
    work.write("hosts.yml", JSON.stringify({ all: { hosts: { lab, ...trees, ...far } } }));
  });

  async function play(hosts: string, tasks: readonly object[], more: readonly string[] = []): Promise<Told> {
    const site = work.write("site.yml", JSON.stringify([{ name: "lab", hosts, gather_facts: false, tasks }]));
    return await work.play(["-i", "hosts.yml", "--connect-timeout", "60", ...more, site]);
  }
  const crun = (...args: readonly string[]) =>
    work.crun([...args.slice(0, 2), "-i", "hosts.yml", "--connect-timeout", "60", ...args.slice(2)]);
  const states = ({ results }: Told): string[] => results.map(({ task, status }) => `${task}: ${status}`);
  const show = async (name: string, ...properties: readonly string[]): Promise<string[]> =>
    (await vm.must(`systemctl show ${properties.map((one) => `-P ${one}`).join(" ")} systemd-nspawn@${name}`))
      .trim()
      .split("\n");
  const leader = async (name: string): Promise<string> =>
    (await vm.must(`machinectl show -p Leader --value ${name}`)).trim();

  const wish = {
    state: "started",
    enabled: true,
    network: "none",
    private_users: "pick",
    private_users_ownership: "map",
    tmpfs: ["/srv"],
    bind_ro: ["/etc/hostname:/etc/host-name"],
    environment: { GREETING: `it's "me"` },
    memory_max: "100M",
    pids_max: 50,
    cpu_max: "60%",
    io_max: [{ device: "/dev/vda", wbps: "50M" }],
  };
  const started = { name: "started", machine: wish };

  it("is foretold, set up, limited and started in one task; later tasks of the play act in it; a second run finds it so", async () => {
    const check = await play("lab:crun-small", [started, { name: "in it", command: "id" }], ["--check"]);
    assert.deepEqual(states(check), ["started: changed", "in it: changed"], brief(check));
    assert.equal((await vm.ssh("test -e /etc/systemd/nspawn/crun-small.nspawn")).status, 1);
    const told = await play("lab:crun-small", [
      { name: "stopped yet", command: "cat /proc/1/comm", register: "before", failed_when: "before.stdout == 'init'" },
      started,
      {
        name: "init",
        command: "cat /proc/1/comm /etc/host-name",
        register: "inside",
        failed_when: `inside.stdout != "init\\nlab"`,
      },
      {
        name: "environment",
        shell: "cat /proc/1/environ",
        register: "env",
        failed_when: `!env.stdout.contains("GREETING=it's \\"me\\"")`,
      },
      { name: "file", copy: { dest: "/srv/a", content: "a", owner: "daemon" } },
      {
        name: "owner",
        command: "stat -c %u:%g /srv/a /etc/passwd",
        register: "ids",
        failed_when: `ids.stdout != "1:0\\n0:0"`,
      },
    ]);
    assert.deepEqual(
      states(told),
      [
        "stopped yet: changed",
        "started: changed",
        "init: changed",
        "environment: changed",
        "file: changed",
        "owner: changed",
      ],
      brief(told),
    );
    const { result } = told.results[1] ?? assert.fail();
    assert.deepEqual([result["state"], result["enabled"], result["restart_needed"]], ["running", true, false]);
    assert.deepEqual(
      (
        await vm.must(
          "cd /sys/fs/cgroup/machine.slice/systemd-nspawn@crun-small.service && cat memory.max pids.max cpu.max io.max",
        )
      )
        .trim()
        .split("\n"),
      ["104857600", "50", "60000 100000", "254:0 rbps=max wbps=52428800 riops=max wiops=max"],
    );
    assert.deepEqual(await show("crun-small", "MemoryMax", "UnitFileState", "NeedDaemonReload"), [
      "104857600",
      "enabled",
      "no",
    ]);
    assert.match(
      await vm.must(`cat /proc/$(machinectl show -p Leader --value crun-small)/uid_map`),
      /^\s*0\s+[1-9]\d+\s+65536$/m,
    );
    // /srv is the machine's own, and on the disk nothing was shifted
    assert.equal(
      await vm.must("stat -c %u /var/lib/machines/crun-small/etc/passwd; ls /var/lib/machines/crun-small/srv"),
      "0\n",
    );
  });

  it("takes limits at once, tells that settings need a restart until it has had one, and takes them then", async () => {
    const before = await leader("crun-small");
    const other = { ...wish, memory_max: "120M", hostname: "other" };
    const told = await play("lab:crun-small", [
      { name: "the same", machine: wish },
      { name: "changed", machine: other, register: "first" },
      {
        name: "told again",
        machine: other,
        register: "second",
        failed_when: "!second.restart_needed || !first.restart_needed",
      },
    ]);
    assert.deepEqual(states(told), ["the same: ok", "changed: changed", "told again: ok"], brief(told));
    assert.match(told.all, /crun-small runs with other settings than its file has now/);
    assert.equal(await leader("crun-small"), before);
    assert.equal(
      (await vm.must("cat /sys/fs/cgroup/machine.slice/systemd-nspawn@crun-small.service/memory.max")).trim(),
      "125829120",
    );
    const restarted = await play("lab:crun-small", [
      { name: "restarted", machine: { ...other, restart: true } },
      {
        name: "named",
        command: "cat /proc/sys/kernel/hostname",
        register: "host",
        failed_when: `host.stdout != "other"`,
      },
      { name: "settled", machine: { ...other, restart: true } },
    ]);
    assert.deepEqual(states(restarted), ["restarted: changed", "named: changed", "settled: ok"], brief(restarted));
    assert.notEqual(await leader("crun-small"), before);
    assert.equal(
      (await vm.must("cat /sys/fs/cgroup/machine.slice/systemd-nspawn@crun-small.service/memory.max")).trim(),
      "125829120",
    );
  });

  it("does not come up without an init, a tree, or with an init that dies: told with its journal; and runs from a tree elsewhere", async () => {
    const machine = { state: "started", network: "host", private_users: "no" };
    const told = await play(
      "lab:crun-dies,lab:crun-empty,lab:crun-gone,lab:crun-far",
      [{ name: "started", machine }],
      ["-i", "lab:crun-gone,"],
    );
    const of = (name: string): string => {
      const {
        status = "",
        message = "",
        remedy = "",
      } = told.results.find(({ target }) => target === `lab:${name}`) ?? {};
      return `${status}: ${message} ${remedy}`;
    };
    assert.match(
      of("crun-dies"),
      /^failed: systemd-nspawn@crun-dies\.service does not come up: it has (?:failed|ended).*the last words of init/s,
    );
    assert.match(
      of("crun-empty"),
      /^failed: .*does not come up: it has failed.*\/sbin\/init\) failed: No such file or directory/s,
    );
    assert.match(
      of("crun-gone"),
      /^failed: there is no tree \/var\/lib\/machines\/crun-gone to start crun-gone from .*tree/,
    );
    assert.equal(of("crun-far"), "changed:  ", brief(told));
    const running = await vm.must("machinectl list --no-legend; machinectl show -p RootDirectory --value crun-far");
    assert.doesNotMatch(running, /crun-dies|crun-empty|crun-gone/);
    // a blank in its path is taken as it is
    assert.ok(running.endsWith(`\n${elsewhere}\n`), running);
    const inside = await crun("machine", "shell", "lab:crun-far", "--", "cat", "/proc/1/comm");
    assert.equal(inside.stdout, "init\n", inside.all);
  });

  it("waits for its systemd, and acts in it with the ids of inside", async () => {
    const told = await play("lab:crun-systemd", [
      {
        name: "up",
        machine: { state: "started", network: "host", private_users: "pick", private_users_ownership: "chown" },
        register: "up",
        failed_when: "up.system_state != 'running'",
      },
      {
        name: "unit",
        copy: { dest: "/etc/systemd/system/crun-test.service", content: "[Service]\nExecStart=/bin/sleep infinity\n" },
      },
      { name: "runs", systemd: { name: "crun-test", state: "started", daemon_reload: true } },
      { name: "file", copy: { dest: "/srv/a", content: "a", owner: "daemon" } },
      {
        name: "owner",
        command: "stat -c %u:%g /srv/a /etc/passwd",
        register: "ids",
        failed_when: `ids.stdout != "1:0\\n0:0"`,
      },
    ]);
    assert.deepEqual(
      states(told),
      ["up: changed", "unit: changed", "runs: changed", "file: changed", "owner: changed"],
      brief(told),
    );
    const shift = Number(await vm.must("stat -c %u /var/lib/machines/crun-systemd"));
    assert.ok(shift >= 65536);
    assert.equal(Number(await vm.must("stat -c %u /var/lib/machines/crun-systemd/srv/a")), shift + 1);
  });

  it("is listed, shown, logged and entered from the command line", async () => {
    const list = await crun("machine", "list", "lab");
    assert.equal(list.status, 0, list.all);
    assert.match(list.stdout, /^MACHINE +STATE +LEADER/m);
    assert.match(list.stdout, /^lab:crun-small +running +\d+ .*\/120M memory, \d+\/50 tasks, 60% CPU +enabled$/m);
    assert.match(list.stdout, /^lab:crun-systemd +running .* debian 12 /m);
    assert.match(list.stdout, /^lab:crun-empty +failed /m);
    assert.match(list.stdout, new RegExp(`^lab:${elsewhere} +running `, "m"));
    const status = await crun("machine", "status", "lab:crun-small", "--output", "json");
    const shown = JSON.parse(status.stdout) as Readonly<Record<string, unknown>>;
    assert.deepEqual(
      [status.status, shown["machine"], shown["state"], shown["memory_max"], shown["enabled"]],
      [0, "crun-small", "running", 125829120, true],
    );
    const images = await crun("machine", "images", "lab");
    assert.match(images.stdout, /^lab:crun-small +directory +yes /m, images.all);
    const log = await crun("machine", "log", "lab:crun-dies", "-n", "8");
    assert.match(log.stdout, /the last words of init/);
    const shell = await crun("machine", "shell", "lab:crun-small", "-u", "daemon", "--", "id", "-u");
    assert.deepEqual([shell.stdout, shell.status], ["1\n", 0], shell.all);
  });

  it("is stopped and removed from the command line; disabled, stopped and removed once by a play; its tree stays", async () => {
    const stop = await crun("machine", "stop", "lab:crun-systemd", "--force");
    assert.match(stop.stdout, /changed=1/, stop.all);
    const told = await play("lab:crun-small", [
      ...["stopped", "still stopped"].map((name) => ({ name, machine: { state: "stopped", enabled: false } })),
      ...["gone", "still gone"].map((name) => ({ name, machine: { state: "absent" } })),
    ]);
    assert.deepEqual(
      states(told),
      ["stopped: changed", "still stopped: ok", "gone: changed", "still gone: ok"],
      brief(told),
    );
    const removed = await crun("machine", "remove", "lab:crun-systemd,lab:crun-far", "--force");
    assert.match(removed.stdout, /crun-systemd *: ok=1 +changed=1/, removed.all);
    const left = await vm.must(
      `ls /etc/systemd/nspawn /etc/systemd/system /run/systemd/system.control 2>/dev/null | grep -e crun-small -e crun-systemd -e crun-far || true
       ls /var/lib/machines/crun-small/etc/passwd; machinectl list --no-legend | grep -e crun-small -e crun-systemd -e crun-far || true`,
    );
    assert.equal(left, "/var/lib/machines/crun-small/etc/passwd\n");
    assert.deepEqual(await show("crun-small", "MemoryMax", "ActiveState"), ["infinity", "inactive"]);
  });
});
