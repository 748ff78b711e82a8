// What only a host with systemd and cgroup v2 has: limits, entry into a machine that runs, sudo, services offline, and its facts.

import assert from "node:assert/strict";
import { crunPath } from "../integration/crun-tasks.js";
import { brief, lines, Workplace, type Told } from "../integration/cli.js";
import { requireOrSkip } from "./needs.js";
import { testScope } from "./scope.js";
import { labVm, PWADMIN_PASSWORD, type LabUser, type LabVm } from "./vm.js";

describe("lab: crun on a host with systemd", function () {
  this.timeout(300_000);
  const scope = testScope();
  const dropIn = (machine: string): string => `/etc/systemd/system/systemd-nspawn@${machine}.service.d`;
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
    work = new Workplace(scope);
    scope.defer(async () => {
      await vm.must(
        `rm -rf ${dropIn("m1")} ${dropIn("m2")} /var/lib/machines/m2/etc/systemd/system/crun-host-test.service \
           /var/lib/machines/m2/etc/systemd/system/multi-user.target.wants/crun-host-test.service
         systemctl daemon-reload
         systemctl set-property --runtime systemd-nspawn@m1.service MemoryMax=infinity MemoryHigh=infinity CPUQuota= CPUWeight= TasksMax=16384`,
      );
    });
  });

  /** -i for the lab host `lab` and its machines, reached as a user. */
  function inventory(as: LabUser, variables: Readonly<Record<string, string>> = {}): readonly string[] {
    const lab = {
      ...vm.variables,
      crun_user: as,
      ...variables,
    };
    const path = work.write("hosts.yml", JSON.stringify({ all: { hosts: { lab, "lab:m1": {}, "lab:m2": {} } } }));
    return ["-i", path, "--connect-timeout", "60"];
  }

  async function play(hosts: string, tasks: readonly object[], more: readonly string[] = []): Promise<Told> {
    const site = work.write("site.yml", JSON.stringify([{ name: "lab", hosts, tasks }]));
    return await work.play([...inventory("root"), ...more, site]);
  }

  describe("limits", () => {
    const cgroup = {
      memory_max: "256M",
      memory_high: "192M",
      cpu_max: "150%",
      cpu_weight: "50",
      pids_max: "300",
    };
    const task = { name: "limits", cgroup };
    const kernel = (): Promise<string> =>
      vm.must(
        "cd /sys/fs/cgroup/machine.slice/systemd-nspawn@m1.service && cat memory.max memory.high cpu.max cpu.weight pids.max",
      );

    it("of a machine that runs and of one that is off are set once, foretold, and kept in drop-ins", async () => {
      const before = await kernel();
      const check = await play("lab:m1,lab:m2", [task], ["--check"]);
      assert.deepEqual(lines(check.results), ["limits: changed", "limits: changed"], brief(check));
      assert.equal(await kernel(), before);
      const told = await play("lab:m1,lab:m2", [task, { ...task, name: "again" }]);
      assert.deepEqual(
        lines(told.results).sort(),
        ["again: ok", "again: ok", "limits: changed", "limits: changed"],
        brief(told),
      );
      assert.deepEqual((await kernel()).trim().split("\n"), ["268435456", "201326592", "150000 100000", "50", "300"]);
      for (const machine of ["m1", "m2"]) {
        // the drop-in is on the disk, and systemd knows it without a daemon-reload of somebody's own
        const shown = await vm.must(
          `cat ${dropIn(machine)}/50-crun-limits.conf; systemctl show -P MemoryMax -P TasksMax systemd-nspawn@${machine}.service`,
        );
        assert.deepEqual(shown.trim().split("\n").slice(1), [
          "[Service]",
          "MemoryMax=268435456",
          "MemoryHigh=201326592",
          "CPUQuota=150%",
          "CPUWeight=50",
          "TasksMax=300",
          "268435456",
          "300",
        ]);
      }
    });

    it("are found as they are by the next run, and taken away by state: absent, once", async () => {
      const absent = { name: "gone", cgroup: { state: "absent" } };
      const told = await play("lab:m1,lab:m2", [task, absent, { ...absent, name: "still gone" }]);
      assert.deepEqual(
        lines(told.results).sort(),
        ["gone: changed", "gone: changed", "limits: ok", "limits: ok", "still gone: ok", "still gone: ok"],
        brief(told),
      );
      assert.deepEqual((await kernel()).trim().split("\n"), ["max", "max", "max 100000", "100", "max"]);
      assert.equal((await vm.must(`ls ${dropIn("m1")} ${dropIn("m2")} 2>/dev/null | grep crun || true`)).trim(), "");
    });
  });

  describe("entry", () => {
    it("crun exec joins the machine that runs: its init, its user, stdin and the exit status are the command's", async () => {
      const script = 'cat /proc/1/comm; id -un; read line; echo "got $line"; exit 7';
      const done = await work.crun(["exec", ...inventory("root"), "-u", "nobody", "lab:m1", "--", "sh", "-c", script], {
        input: "a word\n",
      });
      assert.equal(done.stdout, "systemd\nnobody\ngot a word\n", done.stderr);
      assert.equal(done.status, 7);
    });

    it("crun_entry: machine of one that is off is unreachable, and says so", async () => {
      const { status, all } = await work.crun([
        "exec",
        ...inventory("root"),
        "--entry",
        "machine",
        "lab:m2",
        "--",
        "true",
      ]);
      assert.equal(status, 4, all);
      assert.match(all, /m2/);
      assert.match(all, /not run|no machine/i);
    });
  });

  describe("sudo from an unprivileged login", () => {
    const root = ["lab:m1", "--", "id", "-u"];

    it("needs no password where none is asked for", async () => {
      const done = await work.crun(["exec", ...inventory("admin"), ...root]);
      assert.deepEqual([done.stdout, done.status], ["0\n", 0], done.stderr);
    });

    it("takes the password of crun_become_password, which appears nowhere", async () => {
      const reach = inventory("pwadmin", { crun_become_password: PWADMIN_PASSWORD });
      const done = await work.crun(["exec", ...reach, "-v", ...root]);
      assert.deepEqual([done.stdout, done.status], ["0\n", 0], done.stderr);
      assert.ok(!done.all.includes(PWADMIN_PASSWORD));
    });

    it("refuses a wrong one: unreachable, one clear error", async () => {
      const done = await work.crun(["exec", ...inventory("pwadmin", { crun_become_password: "lab fail" }), ...root]);
      assert.equal(done.status, 4, done.all);
      assert.match(done.stderr, /sudo/);
      assert.match(done.stderr, /password/);
      assert.ok(!done.all.includes("lab fail"));
    });

    it("refuses a login without one where one is asked for: unreachable, and how to give it", async () => {
      const done = await work.crun(["exec", ...inventory("pwadmin"), ...root]);
      assert.equal(done.status, 4, done.all);
      assert.match(done.stderr, /crun_become_password|-K/);
    });
  });

  describe("services and facts", () => {
    it("a service is enabled in a machine that is off; to start it there is refused, and says why", async () => {
      const unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n";
      const service = { name: "crun-host-test", enabled: true };
      const told = await play("lab:m2", [
        { name: "unit", copy: { content: unit, dest: "/etc/systemd/system/crun-host-test.service" } },
        { name: "enabled", service },
        { name: "still enabled", service },
        { name: "started", service: { ...service, state: "started" }, ignore_errors: true },
        { name: "stopped", service: { name: "crun-host-test", state: "stopped" } },
      ]);
      assert.deepEqual(
        lines(told.results),
        ["unit: changed", "enabled: changed", "still enabled: ok", "started: failed", "stopped: failed"],
        brief(told),
      );
      assert.equal(told.status, 2);
      for (const { message = "", remedy = "" } of told.results.slice(-2))
        assert.match(`${message} ${remedy}`, /not booted|does not run|not running/);
      const enabled = await vm.must("systemctl --root=/var/lib/machines/m2 is-enabled crun-host-test");
      assert.equal(enabled.trim(), "enabled");
      assert.notEqual((await vm.ssh("systemctl is-active crun-host-test")).stdout.trim(), "active");
    });

    it("the host's facts: cgroup v2 with its controllers, systemd, and what is booted", async () => {
      const shown = await work.crun(["facts", ...inventory("root"), "lab,lab:m1,lab:m2"]);
      assert.equal(shown.status, 0, shown.all);
      const told = await play("all", [
        {
          name: "facts",
          assert: {
            that: [
              "facts.cgroup.version == 2",
              "!facts.cgroup.hybrid",
              "facts.cgroup.systemd",
              '"memory" in facts.cgroup.controllers && "cpuset" in facts.cgroup.controllers',
              'facts.init == "systemd"',
              'facts.os == "debian"',
              'facts.booted == (inventory_hostname != "lab:m2")',
              'facts.hostname == (inventory_hostname == "lab" ? "lab" : target.tree)',
              `facts.cpus == ${(await vm.must("nproc")).trim()}`,
            ],
          },
        },
      ]);
      assert.deepEqual(lines(told.results), ["facts: ok", "facts: ok", "facts: ok"], brief(told));
    });
  });
});
