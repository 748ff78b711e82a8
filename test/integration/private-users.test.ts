// Machines with ids of their own: files and processes are as seen from inside, whether their ids on the disk are shifted or mapped.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { lstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { smallMachine } from "../lab/small-machine.js";
import { brief, lines, Workplace } from "./cli.js";

const tasks = (crowd: string): readonly object[] => [
  { name: "written", copy: { dest: "/srv/a", content: "a", owner: "daemon", group: "daemon" } },
  { name: "roots", copy: { dest: "/srv/b", content: "b" } },
  { name: "directory", file: { path: "/srv/d", state: "directory", owner: "daemon" } },
  { name: "link", file: { path: "/srv/l", state: "link", src: "d" } },
  { name: "user", user: { name: "joe", uid: 1234, group: "daemon", home: "/srv/joe" } },
  { name: "tells", command: `stat -c %u:%g:%n ${crowd}`, changed_when: false, register: "told" },
  {
    name: "says",
    assert: {
      that: [
        `told.stdout_lines == ["1:1:/srv/a", "0:0:/srv/b", "1:0:/srv/d", "0:0:/srv/l", "1234:1:/srv/joe", "0:0:/etc/passwd"]`,
      ],
    },
  },
  { name: "looks", stat: { path: "/srv/a" }, register: "seen" },
  { name: "names", assert: { that: ["seen.stat.uid == 1", 'seen.stat.pw_name == "daemon"'] } },
  { name: "edits", lineinfile: { path: "/srv/a", line: "more" } },
  { name: "keeps", command: "stat -c %u:%g /srv/a", changed_when: false, register: "kept" },
  { name: "kept", assert: { that: ['kept.stdout == "1:1"'] } },
];

describe("machines with ids of their own", function () {
  this.timeout(120_000);
  const scope = testScope();
  const crowd = "/srv/a /srv/b /srv/d /srv/l /srv/joe /etc/passwd";

  before(function () {
    requireOrSkip(this, { root: true, tools: ["systemd-nspawn", "ldd"] });
  });

  for (const [ownership, users, shift, onDisk] of [
    ["chown", "1000013824:65536", 1_000_013_824, 1_000_013_824],
    ["map", "1000013824:65536", 1_000_013_824, 0],
    ["off", "identity", 0, 0],
  ] as const) {
    it(`private-users=${users}, ownership ${ownership}`, async () => {
      const tree = await smallMachine(scope);
      const log = join(scope.tempDir("log"), "log");
      const options = [
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--console=pipe",
        `--private-users=${users}`,
        `--private-users-ownership=${ownership}`,
      ];
      const machine = spawn("systemd-nspawn", [...options, `--directory=${tree}`, "/bin/sleep", "1000"], {
        stdio: ["ignore", openSync(log, "w"), openSync(log, "a")],
      });
      const ended = new Promise((resolve) => machine.once("exit", resolve));
      /** Its init; systemd-nspawn ends with it. */
      const end = (): void => {
        const children = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, "utf8").trim();
        for (const pid of children.split(" ").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
      };
      scope.defer(async () => {
        if (machine.exitCode === null && machine.signalCode === null) end();
        await ended;
      });
      const work = new Workplace(scope, {
        hosts: `m crun_host=local crun_path=${tree} crun_entry=machine\n`,
        "site.yml": JSON.stringify([{ hosts: "m", gather_facts: false, tasks: tasks(crowd) }]),
      });
      let told = await work.play(["-i", "hosts", "site.yml"]);
      for (let turn = 0; turn < 40 && told.status === 4; turn++) {
        await sleep(100);
        told = await work.play(["-i", "hosts", "site.yml"]);
      }
      assert.equal(told.status, 0, `${brief(told)}\n${readFileSync(log, "utf8")}`);
      const changes = lines(told.results).filter((line) => line.endsWith("changed"));
      assert.deepEqual(
        changes,
        ["written", "roots", "directory", "link", "user", "edits"].map((name) => `${name}: changed`),
      );
      const uid = (path: string): number => lstatSync(join(tree, path)).uid;
      assert.deepEqual(
        [uid("srv/a"), uid("srv/b"), uid("srv/d"), uid("srv/l"), uid("srv/joe")],
        [1, 0, 1, 0, 1234].map((id) => id + onDisk),
      );
      const again = await work.play(["-i", "hosts", "site.yml"]);
      // The line that was added makes the content another one: that is told, and put right.
      assert.deepEqual(
        lines(again.results).filter((line) => line.endsWith("changed")),
        ["written: changed", "edits: changed"],
      );
      assert.equal(uid("srv/a"), 1 + onDisk);
      if (shift > 0) {
        const wish = [
          { hosts: "m", gather_facts: false, tasks: [{ name: "far", file: { path: "/srv/b", owner: 70_000 } }] },
        ];
        work.write("far.yml", JSON.stringify(wish));
        const far = await work.play(["-i", "hosts", "far.yml"]);
        assert.equal(far.status, 2);
        assert.match(brief(far), /The machine has no user id 70000/);
      }
      end();
      await ended;
      const off = await work.play(["-i", "hosts", "site.yml"]);
      assert.equal(off.status, 4);
      assert.match(off.all, /no machine runs on this tree/);
      // Without the machine its files are worked on as they are in it; a process would have other ids where they are shifted on the disk.
      work.write("hosts", `m crun_host=local crun_path=${tree}\n`);
      const files = [
        { name: "written", copy: { dest: "/srv/c", content: "c", owner: "daemon" } },
        { name: "runs", command: "stat -c %u:%g /srv/c" },
      ];
      work.write("stopped.yml", JSON.stringify([{ hosts: "m", gather_facts: false, tasks: files }]));
      const stopped = await work.play(["-i", "hosts", "stopped.yml"]);
      assert.equal(uid("srv/c"), 1 + onDisk);
      assert.equal(stopped.status, onDisk > 0 ? 2 : 0, brief(stopped));
      if (onDisk > 0)
        assert.match(brief(stopped), /ids of a machine's user namespace, and that machine does not run: start it/);
    });
  }
});
