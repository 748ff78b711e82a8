// Fixtures of the module cgroup: v2, v1 and systemd; and the normal form of limits.

import assert from "node:assert/strict";
import cgroup from "../../modules/cgroup.js";
import { deviceNumber, parseLimit, type LimitName } from "../../src/facts/cgroup-limits.js";
import { dropInText, escapeUnitName, unitOfCgroup } from "../../src/facts/cgroup-unit.js";
import { modelOf, planFixture, testFixtures, type Fixture, type Tree } from "../module/harness.js";

const v2: Tree = {
  "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
  "/sys/fs/cgroup/cgroup.subtree_control": "cpu\n",
};
const v1: Tree = {
  "/sys/fs/cgroup/memory/x": "",
  "/sys/fs/cgroup/cpu/x": "",
  "/sys/fs/cgroup/pids/x": "",
  "/sys/fs/cgroup/blkio/x": "",
};
const systemd: Tree = {
  ...v2,
  "/run/systemd/system": { type: "directory" },
  "/etc/systemd/system": { type: "directory" },
};
const unit = "systemd-nspawn@web1.service";
const live = `/sys/fs/cgroup/machine.slice/${unit}`;
const machine = { name: "web1", cgroup: `/machine.slice/${unit}/payload` };
const shown =
  "systemctl show --property=MemoryMax,MemoryHigh,MemoryLow,MemoryMin,MemorySwapMax,CPUQuotaPerSecUSec,CPUWeight,TasksMax,IOWeight,AllowedCPUs,AllowedMemoryNodes,DropInPaths " +
  `-- ${unit}`;
const dropIn = `/etc/systemd/system/${unit}.d/50-crun-limits.conf`;

testFixtures(cgroup, [
  {
    name: "v2: makes the tree's cgroup, hands controllers down and writes what differs",
    host: v2,
    params: { memory_max: "512M", cpu_max: "150%", pids_max: 64 },
    expect: {
      again: 1,
      kinds: [
        "writeKernel",
        "makeDirectory",
        "writeKernel",
        "makeDirectory",
        "writeKernel",
        "writeKernel",
        "writeKernel",
      ],
      result: { limits: { memory_max: "536870912", cpu_max: "150", pids_max: "64" }, cgroup: "/crun/web1" },
    },
  },
  {
    name: "v2: finds nothing to do where the kernel's files say the same in other words",
    host: {
      ...v2,
      "/sys/fs/cgroup/crun/web1/memory.max": "536870912\n",
      "/sys/fs/cgroup/crun/web1/cpu.max": "75000 50000\n",
      "/sys/fs/cgroup/crun/web1/io.max": "8:0 rbps=1048576 wbps=max riops=max wiops=max\n",
      "/sys/fs/cgroup/crun/web1/io.weight": "default 200\n",
    },
    params: { memory_max: "0.5G", cpu_max: "1.5", io_weight: "200", io_max: [{ device: "8:0", rbps: "1M" }] },
    expect: { changed: false },
  },
  {
    name: "v2: limits several devices, each apart",
    host: { ...v2, "/sys/fs/cgroup/crun/web1/io.max": "" },
    params: {
      io_max: [
        { device: "8:0", rbps: "1M" },
        { device: "8:16", wiops: 100 },
      ],
    },
    expect: { again: 1, changed: true },
  },
  {
    name: "v1: writes the older files, and -1 for no limit",
    host: {
      ...v1,
      "/sys/fs/cgroup/memory/crun/web1/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/cpu/crun/web1/cpu.cfs_quota_us": "50000\n",
    },
    params: { memory_max: "1G", cpu_max: "max" },
    expect: { again: 1, kinds: ["writeKernel", "writeKernel"] },
  },
  {
    name: "v1: says which limit it does not have",
    host: v1,
    params: { memory_high: "1G" },
    expect: { refusal: /cgroup v1 of this host has no memory_high.*cgroup v2/ },
  },
  {
    name: "systemd: keeps the limits of a machine that does not run in a drop-in alone",
    host: systemd,
    params: { memory_max: "1G", cpu_max: "50%" },
    expect: {
      again: 1,
      kinds: ["makeDirectory", "writeFile", "exec"],
      argv: [["systemctl", "daemon-reload"]],
      result: { unit },
    },
  },
  {
    name: "systemd: sets what runs through systemctl, never through cgroupfs",
    host: { ...systemd, [`${live}/memory.max`]: "max\n" },
    machine,
    params: { memory_max: "1G" },
    expect: {
      again: 1,
      kinds: ["makeDirectory", "writeFile", "exec", "exec"],
      argv: [
        ["systemctl", "daemon-reload"],
        ["systemctl", "set-property", "--runtime", "--", unit, "MemoryMax=1073741824"],
      ],
    },
  },
  {
    name: "systemd: finds nothing to do where the drop-in and the running unit agree",
    host: {
      ...systemd,
      [`${live}/memory.max`]: "1073741824\n",
      [dropIn]: dropInText(unit, { memory_max: 1073741824 }, []),
    },
    machine,
    params: { memory_max: "1G" },
    expect: { changed: false },
  },
  {
    name: "systemd: takes limits away again",
    host: { ...systemd, [`${live}/memory.max`]: "1073741824\n", [dropIn]: "x" },
    machine,
    params: { state: "absent" },
    expect: { again: 1, kinds: ["remove", "exec", "exec"] },
  },
  {
    name: "systemd: sees that somebody changed the running unit behind the drop-in",
    host: { ...systemd, [`${live}/memory.max`]: "4096\n", [dropIn]: dropInText(unit, { memory_max: 1073741824 }, []) },
    machine,
    params: { memory_max: "1G" },
    expect: { again: 1, kinds: ["exec"] },
  },
  {
    name: "systemd: is the only writer, so a path is refused",
    host: systemd,
    params: { memory_max: "1G", path: "x" },
    expect: { refusal: /only one who writes its cgroups/ },
  },
  {
    name: "refuses a unit where no systemd runs",
    host: v2,
    params: { memory_max: "1G", unit: "a.service" },
    programs: { "systemctl show --property=ControlGroup,LoadState -- a.service": { status: 127 } },
    expect: { refusal: /no unit a.service/ },
  },
  {
    name: "refuses what is no amount",
    host: v2,
    params: { memory_max: "1 giga" },
    expect: { problem: /memory_max: "1 giga" is no amount/ },
  },
  { name: "refuses to do nothing", host: v2, params: {}, expect: { problem: /no limit is given/ } },
  {
    name: "refuses an unknown key of a device",
    host: v2,
    params: { io_max: [{ device: "8:0", bps: 1 }] },
    expect: { problem: /unknown key "bps"/ },
  },
  {
    name: "refuses a device that is none",
    host: v2,
    params: { io_max: [{ device: "/dev/none", rbps: 1 }] },
    expect: { refusal: /\/dev\/none is no block device/ },
  },
  {
    name: "says that memory is limited to less than is in use",
    host: {
      ...v2,
      "/sys/fs/cgroup/crun/web1/memory.max": "max\n",
      "/sys/fs/cgroup/crun/web1/memory.current": "209715200\n",
    },
    params: { memory_max: "64M" },
    expect: { again: 1, changed: true, warning: /64 MiB is less than the 200 MiB in use/ },
  },
  {
    name: "systemd: says that the unit is not known yet",
    host: systemd,
    params: { memory_max: "1G", unit: "later.service" },
    programs: {
      "systemctl show --property=ControlGroup,LoadState -- later.service": {
        stdout: "ControlGroup=\nLoadState=not-found\n",
      },
    },
    expect: { again: 1, changed: true, warning: /knows no unit later.service yet/ },
  },
  {
    name: "read back: all is as it was set",
    host: { ...v2, "/sys/fs/cgroup/crun/web1/memory.max": "1073741824\n" },
    params: { memory_max: "1G" },
    context: { elapsedMs: 2 },
    expect: { changed: false },
  },
  {
    name: "read back: what the kernel has instead, and what it has no file for",
    host: {
      ...v2,
      "/sys/fs/cgroup/crun/web1/memory.max": "536870912\n",
      "/sys/fs/cgroup/crun/web1/cpu.max": "max 100000\n",
    },
    params: { memory_max: "1G", cpu_max: "50%", io_weight: "200" },
    context: { elapsedMs: 2 },
    expect: {
      refusal:
        /limits of \/crun\/web1 did not take: memory_max is 512 MiB, though 1 GiB was set; cpu_max is max, though 50% was set; io_weight was set to 200, but the kernel has no io.weight there/,
    },
  },
  {
    name: "read back: a drop-in that goes before crun's",
    host: {
      ...systemd,
      [dropIn]: dropInText(unit, { memory_max: 1073741824, cpu_max: 150, pids_max: 64, cpuset_cpus: "0-1" }, []),
    },
    params: { memory_max: "1G", cpu_max: "150%", pids_max: 64, cpuset_cpus: "0-1" },
    context: { elapsedMs: 2 },
    programs: {
      [shown]: {
        stdout: `MemoryMax=536870912\nCPUQuotaPerSecUSec=1.500s\nTasksMax=infinity\nAllowedCPUs=0-1\nDropInPaths=${dropIn} /etc/systemd/system.control/${unit}.d/50-MemoryMax.conf\n`,
      },
    },
    expect: {
      refusal:
        /systemd goes by other limits of systemd-nspawn@web1.service: memory_max is 512 MiB, though 1 GiB was set; pids_max is max, though 64 was set Another drop-in goes before crun's: \/etc\/systemd\/system.control\/\S+50-MemoryMax.conf\./,
    },
  },
  {
    name: "read back: systemd goes by the drop-in",
    host: { ...systemd, [dropIn]: dropInText(unit, { memory_max: 1073741824, cpu_max: 90 }, []) },
    params: { memory_max: "1G", cpu_max: "90%" },
    context: { elapsedMs: 2 },
    programs: { [shown]: { stdout: `MemoryMax=1073741824\nCPUQuotaPerSecUSec=900ms\nDropInPaths=${dropIn}\n` } },
    expect: { changed: false },
  },
]);

describe("limits that are refused midway", () => {
  const planned = (host: Tree, params: Fixture["params"], more: Partial<Fixture> = {}) => {
    const { plan } = planFixture(cgroup, { name: "", params, expect: {}, ...more }, modelOf({}, host));
    return (plan?.onFailure ?? []).map((one) =>
      ("path" in one ? `${one.kind} ${one.path} ${"value" in one ? one.value : ""}` : one.kind).trim(),
    );
  };
  it("go back to what they were", () => {
    const at = "/sys/fs/cgroup/crun/web1";
    const host = { ...v2, [`${at}/memory.max`]: "1048576\n", [`${at}/pids.max`]: "max\n" };
    assert.deepEqual(planned(host, { memory_max: "2M", pids_max: 5 }), [
      `writeKernel ${at}/memory.max 1048576`,
      `writeKernel ${at}/pids.max max`,
    ]);
  });
  it("take the cgroups that were made for them along", () => {
    assert.deepEqual(planned(v2, { memory_max: "2M" }), [
      "remove /sys/fs/cgroup/crun/web1",
      "remove /sys/fs/cgroup/crun",
    ]);
  });
  it("leave the drop-in as it was, or none", () => {
    assert.deepEqual(planned(systemd, { memory_max: "2M" }), [
      `remove ${dropIn}`,
      `remove /etc/systemd/system/${unit}.d`,
      "exec",
    ]);
    assert.deepEqual(planned({ ...systemd, [dropIn]: "old" }, { memory_max: "2M" }), [`writeFile ${dropIn}`, "exec"]);
    const same = {
      ...systemd,
      [dropIn]: dropInText(unit, { memory_max: 2097152 }, []),
      [`${live}/memory.max`]: "max\n",
    };
    assert.deepEqual(planned(same, { memory_max: "2M" }, { machine }), []);
  });
});

describe("normal form of limits", () => {
  const cases: [LimitName, string, unknown][] = [
    ["memory_max", "1048576", 1048576],
    ["memory_max", "1.5G", 1610612736],
    ["memory_max", "infinity", Infinity],
    ["memory_max", "64KiB", 65536],
    ["cpu_max", "150%", 150],
    ["cpu_max", "0.5", 50],
    ["cpu_max", "max 100000", Infinity],
    ["cpuset_cpus", "7,0-2,1,3", "0-3,7"],
    ["cpu_weight", "200", 200],
  ];
  for (const [name, text, value] of cases) {
    it(`${name} ${text} is ${String(value)}`, () => assert.deepEqual(parseLimit(name, text), { value }));
  }
  for (const [name, text] of [
    ["cpu_weight", "0"],
    ["cpu_max", "0%"],
    ["cpuset_cpus", "3-1"],
    ["pids_max", "-1"],
  ] as const) {
    it(`${name} ${text} is refused`, () => assert.ok("problem" in parseLimit(name, text)));
  }
  it("knows the unit in a cgroup's path, not the payload's own", () => {
    assert.deepEqual(unitOfCgroup(machine.cgroup), { unit, path: `/machine.slice/${unit}` });
    assert.deepEqual(unitOfCgroup(`/machine.slice/${unit}/payload/init.scope`)?.unit, unit);
    assert.equal(unitOfCgroup("/"), undefined);
  });
  it("names devices as the kernel does", () => assert.equal(deviceNumber(0x0810), "8:16"));
  it("escapes names as systemd does", () => assert.equal(escapeUnitName("web 1-a"), String.raw`web\x201-a`));
});
