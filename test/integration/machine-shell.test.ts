// `crun machine shell`: a login in a machine that runs, with and without a terminal; and one that does not run.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { smallMachine } from "../lab/small-machine.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

describe("crun machine shell", function () {
  this.timeout(60_000);
  const scope = testScope();
  let target: string;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["systemd-nspawn", "ldd", "script"], paths: [crunPath] });
    const tree = await smallMachine(scope);
    target = `local:${tree}`;
    work = new Workplace(scope);
    const log = openSync(join(scope.tempDir("log"), "log"), "w");
    const options = ["--quiet", "--register=no", "--keep-unit", "--console=pipe", `--directory=${tree}`];
    const machine = spawn("systemd-nspawn", [...options, "/sbin/init"], { stdio: ["ignore", log, log] });
    const ended = new Promise((resolve) => machine.once("exit", resolve));
    scope.defer(async () => {
      const children = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, "utf8").trim();
      for (const pid of children.split(" ").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
      await ended;
    });
    for (let turn = 0; turn < 50; turn++) {
      if ((await work.crun(["machine", "shell", target, "--", "id"])).status === 0) return;
      await sleep(100);
    }
    assert.fail("the machine does not run");
  });

  it("runs a command there, as a user, with its exit status", async () => {
    const done = await work.crun([
      "machine",
      "shell",
      target,
      "-u",
      "daemon",
      "--",
      "sh",
      "-c",
      "id -u; cat /proc/1/comm; exit 7",
    ]);
    assert.deepEqual([done.stdout, done.status], ["1\ninit\n", 7], done.stderr);
  });

  it("is the user's shell as a login in his home, fed from a pipe", async () => {
    const done = await work.crun(["machine", "shell", target], { input: "pwd\nid -u\nexit 3\n" });
    assert.deepEqual([done.stdout, done.status], ["/root\n0\n", 3], done.stderr);
  });

  it("has a terminal where crun has one", async () => {
    const command = `${process.execPath} ${crunPath} machine shell ${target} -- sh -c 'test -t 0 && test -t 1 && echo "a terminal: $TERM"'`;
    const done = await run(["script", "--quiet", "--return", "--command", command, "/dev/null"], {
      env: { ...work.environment, TERM: "vt220" },
    });
    assert.match(done.stdout, /a terminal: vt220/, done.stderr);
    assert.equal(done.status, 0);
  });

  it("is unreachable where no machine runs, and wants one machine", async () => {
    const off = await work.crun(["machine", "shell", `local:${await smallMachine(scope)}`, "--", "id"]);
    assert.equal(off.status, 4);
    assert.match(off.all, /no machine runs on this tree/);
    const host = await work.crun(["machine", "shell", "local", "--", "id"]);
    assert.equal(host.status, 1);
    assert.match(host.all, /local is a host's own root, and one machine is asked for/);
  });
});
