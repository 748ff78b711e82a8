// Fixtures of the module machine: settings, limits, links, running or not; and the words of .nspawn files.

import assert from "node:assert/strict";
import machine from "../../modules/machine.js";
import { quoteWord, settingsOf, settingsText } from "../../src/tree/machine/settings.js";
import { dropInText, machineNameProblem, startLines } from "../../src/tree/machine/unit.js";
import { testFixtures, type Fixture, type Tree } from "../module/harness.js";

const unit = "systemd-nspawn@web1.service";
const template =
  "[Service]\nExecStart=systemd-nspawn --quiet --keep-unit --boot --network-veth -U --settings=override --machine=%i\n";
const host: Tree = {
  "/run/systemd/system": { type: "directory" },
  "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
  "/lib/systemd/system/systemd-nspawn@.service": template,
  "/etc/systemd/system": { type: "directory" },
  "/var/lib/machines/web1/etc/os-release": "ID=debian\n",
};
const settingsFile = "/etc/systemd/nspawn/web1.nspawn";
const dropIn = `/etc/systemd/system/${unit}.d/50-crun.conf`;
const show = `systemctl show --timestamp=us+utc --property=LoadState,ActiveState,Result,StatusText,ControlGroup,ExecMainStartTimestamp -- ${unit}`;
const journal = `journalctl --no-pager --quiet --output=cat --lines=12 --unit=${unit}`;
const inside = "systemctl --machine=web1 is-system-running";
const stopped = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\n";
const running = `LoadState=loaded\nActiveState=active\nSubState=running\nStatusText=Container running: Ready.\nControlGroup=/machine.slice/${unit}\nExecMainStartTimestamp=Mon 2026-11-30 02:17:28.455601 UTC\n`;
const starting = running.replace(": Ready.", ".");
const failed = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n";
const leader: Tree = {
  "/run/systemd/machines/web1": `NAME=web1\nSCOPE=${unit}\nLEADER=42\n`,
  "/proc/42/exe": { type: "link", target: "/usr/lib/systemd/systemd" },
};
const cgroup = `/sys/fs/cgroup/machine.slice/${unit}`;

/** A case on the host, with what systemctl shows. */
function on(state: string, fixture: Omit<Fixture, "programs"> & Pick<Fixture, "programs">): Fixture {
  return {
    ...fixture,
    tree: { ...host, ...fixture.tree },
    host: { ...host, ...fixture.tree },
    programs: { [show]: { stdout: state }, ...fixture.programs },
  };
}

/** machined forgets a machine a moment after its unit has ended. */
const untilForgotten = [
  "sh",
  "-c",
  'for try in 0 1 2 3 4 5 6 7 8 9; do [ -e "$1" ] || exit 0; sleep "0.$try"; done',
  "sh",
  "/run/systemd/machines/web1",
];

testFixtures(machine, [
  {
    name: "a host without systemd has no machines",
    params: { state: "started" },
    programs: { [show]: { status: 1 } },
    expect: { refusal: /systemd does not run on local, so it has no machines/ },
  },
  {
    name: "a host's own root needs a name",
    params: { state: "started" },
    context: { target: { name: "local", host: "local", tree: undefined, path: "/", entry: "auto", trees: "/srv" } },
    expect: { refusal: /no machine is named/ },
  },
  on(stopped, {
    name: "settings, limits and links are written, and systemd is told once",
    params: { private_users: "pick", memory_max: "512M", enabled: true, bind_ro: ["/srv"] },
    expect: {
      kinds: [
        "makeDirectory",
        "writeFile",
        "makeDirectory",
        "writeFile",
        "makeDirectory",
        "makeLink",
        "makeDirectory",
        "makeLink",
        "exec",
      ],
      argv: [["systemctl", "daemon-reload"]],
      result: { state: "stopped", enabled: true, restart_needed: false, unit },
      after: {
        [settingsFile]:
          "# Settings of the machine web1, kept by crun.\n\n[Exec]\nPrivateUsers=pick\n\n[Files]\nBindReadOnly=/srv\n",
        [dropIn]: "# Kept by crun.\n[Service]\nMemoryMax=536870912\n",
        [`/etc/systemd/system/machines.target.wants/${unit}`]: {
          type: "link",
          target: "/lib/systemd/system/systemd-nspawn@.service",
        },
        "/etc/systemd/system/multi-user.target.wants/machines.target": {
          type: "link",
          target: "/lib/systemd/system/machines.target",
        },
      },
    },
  }),
  on(stopped, {
    name: "settings that nothing is said of stay",
    tree: { [settingsFile]: "[Exec]\nPrivateUsers=no\n" },
    params: {},
    expect: { changed: false, after: { [settingsFile]: "[Exec]\nPrivateUsers=no\n" } },
  }),
  on(stopped, {
    name: "a tree elsewhere is named in the drop-in, with the template's own words",
    tree: { "/srv/my trees/web1/etc/x": "" },
    params: { path: "/srv/my trees/web1" },
    expect: {
      after: {
        [dropIn]: `# Kept by crun.\n[Unit]\nRequiresMountsFor="/srv/my trees/web1"\n[Service]\nExecStart=\n${template.split("\n")[1]} --directory="/srv/my trees/web1"\n`,
      },
    },
  }),
  on(stopped, {
    name: "starts, and looks again",
    params: { state: "started" },
    isNeverConverged: "systemctl's answer stays the fixture's",
    expect: { again: 500, argv: [["systemctl", "start", "--", unit]], result: { state: "running" } },
  }),
  on(stopped, {
    name: "does not start what has no tree",
    params: { state: "started", name: "web2", path: "/var/lib/machines/web2" },
    programs: { [show.replace("web1", "web2")]: { stdout: stopped } },
    expect: { refusal: /there is no tree \/var\/lib\/machines\/web2 to start web2 from.*Make it first/ },
  }),
  on(stopped.replace("loaded", "masked"), {
    name: "does not start what is masked",
    params: { state: "started" },
    expect: { refusal: /is masked.*unmask/ },
  }),
  on(starting, {
    name: "waits for its systemd",
    tree: leader,
    programs: { [inside]: { status: 1, stdout: "starting\n" } },
    params: { state: "started" },
    expect: { again: 500, changed: false },
  }),
  on(starting, {
    name: "gives up after its time, with the journal's last lines, colours left out",
    tree: leader,
    programs: {
      [inside]: { status: 1, stdout: "starting\n" },
      [journal]: { stdout: "one\n\u001b[0;32m  OK  \u001b[0m two\n" },
    },
    params: { state: "started", wait_timeout: 10 },
    context: { elapsedMs: 10_000 },
    expect: {
      refusal: /not up after 10 s: its init has not said.*starting.*journal:\none\n {2}OK {3}two It goes on running/s,
    },
  }),
  on(starting, {
    name: "another init than systemd is up once it runs",
    tree: { ...leader, "/proc/42/exe": { type: "link", target: "/usr/bin/busybox" } },
    programs: { [inside]: { status: 1, stderr: "Failed to connect to bus" } },
    params: { state: "started" },
    expect: { changed: false, result: { system_state: null } },
  }),
  on(running, {
    name: "is up where systemd-nspawn was told so, though its bus does not answer",
    tree: leader,
    programs: { [inside]: { status: 1, stderr: "Failed to connect to bus" } },
    params: { state: "started" },
    expect: { changed: false, result: { state: "running" } },
  }),
  on(running, {
    name: "is up with failed units, and says so",
    tree: leader,
    programs: { [inside]: { status: 1, stdout: "degraded\n" } },
    params: { state: "started" },
    expect: { changed: false, warning: /units in it have failed/, result: { system_state: "degraded" } },
  }),
  on(failed, {
    name: "what fails at once is told with its journal",
    programs: { [journal]: { stdout: "execv(/sbin/init) failed: No such file or directory\n" } },
    params: { state: "started" },
    context: { elapsedMs: 500 },
    expect: { refusal: /does not come up: it has failed \(exit-code\).*execv\(\/sbin\/init\) failed/s },
  }),
  on(stopped, {
    name: "what ends at once did not come up either",
    programs: { [journal]: { stdout: "" } },
    params: { state: "started", wait: false },
    context: { elapsedMs: 500 },
    expect: { refusal: /does not come up: it has ended at once/ },
  }),
  on(running, {
    name: "restarts once, and only waits afterwards",
    tree: leader,
    programs: { [inside]: { stdout: "running\n" }, [journal]: { stdout: "" } },
    params: { state: "restarted" },
    context: { elapsedMs: 700 },
    expect: { changed: false },
  }),
  on(running, {
    name: "restarted: begins with a restart",
    tree: leader,
    programs: { [inside]: { stdout: "running\n" } },
    params: { state: "restarted" },
    isNeverConverged: "a restart is one each time",
    expect: { argv: [["systemctl", "restart", "--", unit]], again: 500 },
  }),
  on(running, {
    name: "restarted by force: kills, then starts",
    tree: leader,
    programs: { [inside]: { stdout: "running\n" } },
    params: { state: "restarted", force: true },
    isNeverConverged: "a restart is one each time",
    expect: {
      again: 500,
      argv: [
        ["systemctl", "kill", "--signal=KILL", "--", unit],
        ["systemctl", "stop", "--", unit],
        untilForgotten,
        ["systemctl", "reset-failed", "--", unit],
        ["systemctl", "start", "--", unit],
      ],
    },
  }),
  on(running, {
    name: "changed settings of what runs are told of",
    tree: { ...leader, [settingsFile]: "[Exec]\nPrivateUsers=no\n" },
    params: { private_users: "pick" },
    expect: {
      kinds: ["writeFile"],
      warning: /runs with other settings.*restart: true/,
      result: { restart_needed: true },
    },
  }),
  on(running, {
    name: "settings that were written after the start are told of until it is restarted",
    tree: {
      ...leader,
      [settingsFile]: {
        content: "# Settings of the machine web1, kept by crun.\n\n[Exec]\nBoot=yes\n",
        mtime: 1_796_005_049,
      },
    },
    params: { boot: true },
    expect: { changed: false, warning: /runs with other settings/, result: { restart_needed: true } },
  }),
  on(running, {
    name: "and not where they are older",
    tree: {
      ...leader,
      [settingsFile]: {
        content: "# Settings of the machine web1, kept by crun.\n\n[Exec]\nBoot=yes\n",
        mtime: 1_796_005_048,
      },
    },
    params: { boot: true },
    expect: { changed: false, result: { restart_needed: false } },
  }),
  on(running, {
    name: "restart: true takes them at once",
    tree: { ...leader, [settingsFile]: "[Exec]\nPrivateUsers=no\n" },
    programs: { [inside]: { stdout: "running\n" } },
    params: { private_users: "pick", restart: true, state: "started" },
    isNeverConverged: "systemctl's answer stays the fixture's, and so does the time of its start",
    expect: {
      kinds: ["writeFile", "exec"],
      argv: [["systemctl", "restart", "--", unit]],
      again: 500,
      result: { restart_needed: false },
    },
  }),
  on(running, {
    name: "limits of what runs are set at once, and need no restart",
    tree: { ...leader, [`${cgroup}/memory.max`]: "max\n", [`${cgroup}/pids.max`]: "16384\n" },
    params: { memory_max: "1G", pids_max: 16384 },
    expect: {
      kinds: ["makeDirectory", "writeFile", "exec", "exec"],
      argv: [
        ["systemctl", "daemon-reload"],
        ["systemctl", "set-property", "--runtime", "--", unit, "MemoryMax=1073741824"],
      ],
      result: { restart_needed: false },
    },
  }),
  on(running, {
    name: "a name that another machine has is refused",
    tree: { "/run/systemd/machines/web1": "NAME=web1\nSCOPE=machine-web1.scope\nLEADER=9\n" },
    params: { state: "stopped" },
    expect: {
      refusal: /a machine web1 already, which is not of systemd-nspawn@web1\.service but of machine-web1\.scope/,
    },
  }),
  on(running, {
    name: "stops by asking its init",
    tree: leader,
    params: { state: "stopped" },
    isNeverConverged: "systemctl's answer stays the fixture's",
    expect: { argv: [["systemctl", "stop", "--", unit], untilForgotten], result: { state: "stopped" } },
  }),
  on(stopped, {
    name: "stopped: nothing to do",
    params: { state: "stopped", enabled: false },
    expect: { changed: false },
  }),
  on(stopped, {
    name: "absent: settings, drop-ins, link and what was set at run time go; other drop-ins and the tree stay",
    tree: {
      [settingsFile]: "[Exec]\n",
      [dropIn]: "x",
      [`/etc/systemd/system/${unit}.d/50-crun-limits.conf`]: "x",
      [`/etc/systemd/system/${unit}.d/own.conf`]: "x",
      [`/etc/systemd/system/machines.target.wants/${unit}`]: { type: "link", target: "/x" },
      [`/run/systemd/system.control/${unit}.d/50-MemoryMax.conf`]: "x",
    },
    params: { state: "absent" },
    expect: {
      kinds: ["remove", "remove", "remove", "remove", "remove", "exec"],
      after: {
        [settingsFile]: undefined,
        [dropIn]: undefined,
        [`/etc/systemd/system/${unit}.d/own.conf`]: "x",
        [`/etc/systemd/system/machines.target.wants/${unit}`]: undefined,
        [`/run/systemd/system.control/${unit}.d`]: undefined,
        "/var/lib/machines/web1/etc/os-release": "ID=debian\n",
      },
    },
  }),
  on(stopped, { name: "absent: nothing is left to do", params: { state: "absent" }, expect: { changed: false } }),
  {
    name: "an unknown setting suggests the near one",
    params: { settings: { Exec: { OOMScoreAdjst: 5 } } },
    expect: { problem: /key "OOMScoreAdjst".*Did you mean "OOMScoreAdjust"/ },
  },
  {
    name: "an unknown param suggests the near one",
    params: { private_user: "pick" },
    expect: { problem: /private_users/ },
  },
  {
    name: "an unknown capability suggests the near one",
    params: { capability: ["net_admn"] },
    expect: { problem: /Did you mean "NET_ADMIN"/ },
  },
  { name: "a limit that makes no sense", params: { memory_max: "much" }, expect: { problem: /memory_max/ } },
  {
    name: "host network and ports exclude each other",
    params: { network: "host", ports: ["80"] },
    expect: { problem: /ports needs a network of its own/ },
  },
  { name: "a port that is none", params: { ports: ["80:99999"] }, expect: { problem: /is none: write 8080/ } },
  { name: "ids that are none", params: { private_users: "0:0" }, expect: { problem: /neither no, pick, yes/ } },
  {
    name: "a value with a line break",
    params: { settings: { Exec: { User: "a\nBoot=no" } } },
    expect: { problem: /line break/ },
  },
  {
    name: "a zone whose bridge would have too long a name",
    params: { zone: "abcdefghijklm" },
    expect: { problem: /at most 12/ },
  },
]);

describe("machine settings", () => {
  it("come in the file's order, words quoted as systemd reads them", () => {
    const made = settingsOf({
      boot: false,
      parameters: ["/bin/sh", "-c", `echo "it's"`],
      environment: { A: "b c", N: 1 },
      network: "none",
      bind: [{ source: "/a:b", dest: "/x", options: "rbind" }, "/c"],
      private_users: "1000000:65536",
      drop_capability: ["cap_sys_admin", "MKNOD"],
      settings: { Exec: { OOMScoreAdjust: 5 }, Files: { BindUser: ["a", "b"] } },
    });
    assert.ok("settings" in made);
    assert.equal(
      settingsText("x", made.settings).split("\n").slice(1).join("\n"),
      `
[Exec]
Boot=no
Parameters=/bin/sh -c "echo "'"'"it's"'"'
Environment="A=b c"
Environment=N=1
PrivateUsers=1000000:65536
DropCapability=CAP_SYS_ADMIN CAP_MKNOD
OOMScoreAdjust=5

[Files]
Bind=/a\\:b:/x:rbind
Bind=/c
BindUser=a
BindUser=b

[Network]
Private=yes
VirtualEthernet=no
`,
    );
  });

  it("quotes what holds both kinds of quotes", () => {
    assert.equal(quoteWord("plain"), "plain");
    assert.equal(quoteWord(""), '""');
    assert.equal(quoteWord(`a'b"c`), `"a'b"'"'"c"`);
  });

  it("tells names that machined would not take", () => {
    for (const name of ["web1", "a-b.c", "A_1"]) assert.equal(machineNameProblem(name), undefined, name);
    for (const name of ["-x", "a..b", ".a", "a.", "a/b", "a b", "", "x".repeat(65), "a@b"])
      assert.ok(machineNameProblem(name), name);
  });

  it("takes the template's last ExecStart, and keeps its percent signs and dollars from the path", () => {
    const made = dropInText({
      limits: {},
      devices: [],
      elsewhere: {
        directory: "/srv/50%$x",
        template: "[Service]\nExecStart=/usr/bin/systemd-nspawn --boot \\\n  --machine=%i\n",
      },
    });
    assert.ok("text" in made);
    assert.match(
      made.text ?? "",
      /^ExecStart=\/usr\/bin\/systemd-nspawn --boot\s+--machine=%i --directory=\/srv\/50%%\$\$x$/m,
    );
    assert.match(startLines(made.text ?? ""), /^RequiresMountsFor=.*\nExecStart=\nExecStart=/);
    assert.ok(
      "problem" in dropInText({ limits: {}, devices: [], elsewhere: { directory: "/x", template: "[Service]\n" } }),
    );
  });
});
