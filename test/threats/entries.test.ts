// Carries out attacks of a hostile tree from inside its entry, and against the keepers of its processes.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** What runs now, zombies left out. */
function processes(): Process[] {
  return readdirSync("/proc").flatMap((entry): Process[] => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      return [
        { pid: Number(entry), parent: Number(parent), name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) },
      ];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

function descendants(pid: number): Process[] {
  const all = processes();
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  return all.filter((one) => one.pid !== pid && found.has(one.pid));
}

describe("threats: from inside of an entry", function () {
  this.timeout(30_000);
  const scope = testScope();
  let tree = "";
  let payload = "";

  before(function () {
    if (process.getuid?.() !== 0) return this.skip();
    tree = scope.tempDir("hostile");
    for (const name of ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "root"]) mkdirSync(join(tree, name));
    writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
    writeFileSync(join(tree, "etc/group"), "root:x:0:\nuser:x:1000:\n");
    payload = join(tree, "bin/payload");
    const source = join(repositoryRoot(), "test/threats/payload.c");
    execFileSync("gcc", ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", payload, source]);
    copyFileSync(payload, join(tree, "bin/setuid"));
    chmodSync(join(tree, "bin/setuid"), 0o4755);
  });

  const exec = async (role: string, more: readonly string[] = [], entry = "unshare"): Promise<string> => {
    const args = ["exec", "--entry", entry, ...more, `local:${tree}`, "--", "/bin/payload", role];
    const done = await run([process.execPath, crunPath, ...args], { timeoutMs: 20_000 });
    return done.stdout + done.stderr.replace(/^warning: .*\n {2}.*\n/, "");
  };

  it("row 5: no program of the helper's can be overwritten through /proc", async () => {
    const helper = readFileSync(
      join(
        repositoryRoot(),
        "dist/native",
        `crun-helper-${execFileSync("uname", ["-m"], { encoding: "utf8" }).trim()}`,
      ),
    );
    for (const entry of ["unshare", "chroot"]) assert.equal(await exec("exe", [], entry), "tried\n", entry);
    assert.deepEqual(
      readFileSync(
        join(
          repositoryRoot(),
          "dist/native",
          `crun-helper-${execFileSync("uname", ["-m"], { encoding: "utf8" }).trim()}`,
        ),
      ),
      helper,
    );
  });

  it("rows 6 and 18: no descriptor, directory, root or memory of another can be had", async () => {
    assert.equal(await exec("look"), "cwd /\nlooked\n");
  });

  it("row 12: no terminal of the caller's takes keys, with a terminal and without", async () => {
    assert.equal(await exec("keys", ["--no-tty"]), "0 no terminal\n1 no terminal\n2 no terminal\ntty none\n");
    const argv = [
      process.execPath,
      crunPath,
      "exec",
      "--entry",
      "unshare",
      `local:${tree}`,
      "--",
      "/bin/payload",
      "keys",
    ];
    const within = await run(["script", "-qec", argv.join(" "), "/dev/null"], { timeoutMs: 20_000 });
    assert.match(within.stdout, /tty own/, "a terminal of its own");
  });

  it("row 15: a setuid program regains nothing after the drop", async () => {
    assert.equal(await exec("regain", ["-u", "user"]), "1000 1000 no root\n");
  });

  it("rows 16 and 17: no setting of the kernel is written, nothing mounted, no device opened", async () => {
    const before = [
      readFileSync("/proc/sys/kernel/core_pattern", "utf8"),
      readFileSync("/proc/self/mountinfo", "utf8"),
    ];
    assert.doesNotMatch(await exec("kernel"), /: done/);
    assert.deepEqual(
      [readFileSync("/proc/sys/kernel/core_pattern", "utf8"), readFileSync("/proc/self/mountinfo", "utf8")],
      before,
    );
  });

  it("row 22: what a process writes is its output, never the protocol", async () => {
    assert.match(await exec("speak"), /CRUN/);
    assert.equal(await exec("ids"), "0 0 root\n");
  });

  const victims = ["controller", "router", "worker", "crun-agent", "crun-runner"] as const;
  for (const [where, role] of [
    ["unshare", "stubborn"],
    ["chroot", "stubborn"],
    ["host", "stubborn"],
    ["unshare", "bomb"],
  ] as const) {
    for (const victim of role === "bomb" ? (["controller"] as const) : victims) {
      it(`row 23: nothing of a ${role} program outlives a killed ${victim} (${where})`, async () => {
        const target = where === "host" ? ["local"] : ["--entry", where, `local:${tree}`];
        const argv = [crunPath, "exec", ...target, "--", where === "host" ? payload : "/bin/payload", role, "500"];
        const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "ignore"] });
        await new Promise((resolve) => child.stdout.once("data", resolve));
        const pid = child.pid ?? 0;
        const mine = descendants(pid);
        const router = mine.find((one) => one.parent === pid)?.pid ?? 0;
        const worker = mine.find((one) => one.parent === router)?.pid ?? 0;
        const known = { controller: pid, router, worker };
        const hit =
          victim in known ? known[victim as keyof typeof known] : mine.find((one) => one.name === victim)?.pid;
        assert.ok(hit !== undefined && hit > 1 && mine.some((one) => one.name === "payload"), "nothing to kill");
        process.kill(hit, "SIGKILL");
        const left = (): Process[] => {
          const now = new Map(processes().map((one) => [one.pid, one.name]));
          return mine.filter((one) => now.get(one.pid) === one.name);
        };
        for (let waited = 0; left().length > 0 && waited < 15_000; waited += 50)
          await new Promise((resolve) => setTimeout(resolve, 50));
        const survivors = left();
        for (const one of survivors) process.kill(one.pid, "SIGKILL");
        child.kill("SIGKILL");
        assert.deepEqual(survivors, []);
      });
    }
  }
});
