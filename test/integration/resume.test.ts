// Real runs that are killed or interrupted, in a tree and over SSH, and gone on with: what they come to, and that dpkg is not cut in half.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../lab/killed.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { clientHome, sshHost } from "../lab/sshd.js";
import { emptyTree, rootOverlay } from "../lab/trees.js";
import { Workplace } from "./cli.js";

/** Kills of each kind of run; many take a while. */
const kills = Number(process.env["CRUN_RESUME_KILLS"] ?? 2);
const seed = Number(process.env["CRUN_RESUME_SEED"] ?? Date.now() % 1_000_000);

/** Everything that a run has to remember: results, variables, loops, blocks, handlers of changes long before. */
const site = `
- hosts: trees
  serial: 2
  tasks:
    - { name: first, copy: { dest: /srv/first, content: "1\\n" }, notify: restart, register: first }
    - { name: made, set_fact: { made: "{{first.changed}} {{inventory_hostname}}" } }
    - { name: many, copy: { dest: "/srv/many{{item}}", content: "{{made}}\\n" }, loop: [1, 2, 3, 4], register: many }
    - name: block
      block:
        - { name: fails, file: { path: /srv/none/x, state: touch } }
      rescue:
        - { name: rescued, copy: { dest: /srv/rescued, content: "{{ansible_failed_task.name}}\\n" }, notify: last }
      always:
        - { name: always, copy: { dest: /srv/always, content: "{{many.results.0.changed}}\\n" } }
    - { name: once, copy: { dest: /srv/once, content: "{{inventory_hostname}}\\n" }, run_once: true, register: once }
    - { name: seen, copy: { dest: /srv/seen, content: "{{once.changed}}\\n" } }
    - { include_tasks: more.yml, loop: [a, b] }
  handlers:
    - { name: restart, copy: { dest: /srv/restarted, content: "{{made}}\\n" } }
    - { name: last, copy: { dest: /srv/last, content: "x\\n" } }
- hosts: trees
  tasks:
    - { name: other play, copy: { dest: /srv/other, content: "{{made}}\\n" }, notify: end }
  handlers:
    - { name: end, copy: { dest: /srv/end, content: "x\\n" } }
`;
const more = `- { name: more, copy: { dest: "/srv/more-{{item}}", content: "{{first.changed}}\\n" } }\n`;

describe("runs that are killed", function () {
  this.timeout(3_600_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true });
  });

  const names = ["a", "b", "c"];
  const makeTrees = async (directory: string): Promise<void> => {
    for (const name of names) {
      await must(["rm", "-rf", join(directory, name)]);
      await must(["cp", "-a", emptyTree(scope), join(directory, name)]);
      mkdirSync(join(directory, name, "srv"), { recursive: true });
    }
  };
  const leftIn = (directory: string): unknown =>
    names.map((name) => {
      const srv = join(directory, name, "srv");
      return readdirSync(srv)
        .toSorted()
        .map((file) => `${file}: ${readFileSync(join(srv, file), "utf8")}`);
    });

  const law = async (
    work: Workplace,
    directory: string,
    environment: Record<string, string | undefined>,
  ): Promise<void> => {
    const random = seeded(seed);
    await makeTrees(directory);
    const startedAt = performance.now();
    const whole = await work.play(["-i", "hosts", "site.yml"], { env: environment });
    assert.equal(whole.status, 0, whole.all);
    let took = performance.now() - startedAt;
    const left = leftIn(directory);
    let killed = 0;
    for (let times = 0; killed < kills && times < 10 * kills; times++) {
      await makeTrees(directory);
      // No other run is there to go on with.
      await must(["rm", "-rf", join(work.home, "state")]);
      const at = Math.round(took * (0.3 + 0.8 * random()));
      const started = work.start(["play", "-i", "hosts", "site.yml"], "ignore", environment);
      await sleep(at);
      started.kill("SIGKILL");
      if ((await started.ended).signal !== "SIGKILL") {
        // It takes less time by now than the first did.
        took *= 0.9;
        continue;
      }
      killed++;
      const where = `seed ${seed}, killed after ${at} ms`;
      const resumed = await work.play(["--resume", "site.yml"], { env: environment });
      // Killed when all was done, and written down.
      const isOver = /there is nothing to go on with/.test(resumed.stderr);
      // Killed so early that nothing was asked yet.
      const isNew = /no run of|says not even/.test(resumed.stderr);
      const came = isNew ? await work.play(["-i", "hosts", "site.yml"], { env: environment }) : resumed;
      if (!isOver) assert.equal(came.status, 0, `${where}\n${came.all}`);
      assert.deepEqual(leftIn(directory), left, where);
      if (!isOver && !isNew) assert.deepEqual(came.recap, whole.recap, where);
    }
    assert.ok(killed > 0, "no run was met");
    process.stdout.write(
      `figure: ${killed} runs that SIGKILL met went on to the end that they would have had (seed ${seed})\n`,
    );
  };

  it("at any moment in trees go on to the same end", async () => {
    const directory = scope.tempDir("trees");
    const hosts = `[trees]\n${names.map((name) => `local:${name}\n`).join("")}[all:vars]\ncrun_trees=${directory}\n`;
    const work = new Workplace(scope, { "site.yml": site, "more.yml": more, hosts });
    await law(work, directory, work.environment);
  });

  it("at any moment over SSH go on to the same end", async () => {
    const directory = scope.tempDir("ssh-trees");
    const host = await sshHost(scope, {});
    const hosts = `[trees]\n${names.map((name) => `${host.hostname}:${name}\n`).join("")}[all:vars]\ncrun_trees=${directory}\n`;
    const work = new Workplace(scope, { "site.yml": site, "more.yml": more, hosts });
    await law(work, directory, { ...work.environment, HOME: clientHome(scope, [host]) });
  });
});

for (const way of ["here", "over SSH"] as const)
  describe(`runs that are interrupted, ${way}`, function () {
    this.timeout(120_000);
    const scope = testScope();
    let tree = "";
    let work: Workplace;
    let name = "slow";
    let env: Workplace["environment"];

    before(async function () {
      requireOrSkip(this, { root: true, tools: ["dpkg-deb"] });
      tree = await rootOverlay(scope);
      const build = scope.tempDir("deb");
      mkdirSync(join(build, "DEBIAN"));
      writeFileSync(
        join(build, "DEBIAN/control"),
        "Package: crun-slow\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: takes a while\n",
      );
      writeFileSync(
        join(build, "DEBIAN/postinst"),
        "#!/bin/sh\nset -e\necho begun >/root/begun\nsleep 2\necho done >/root/configured\n",
      );
      chmodSync(join(build, "DEBIAN/postinst"), 0o755);
      await must(["dpkg-deb", "--build", build, join(tree, "root/slow.deb")]);
      const host = way === "over SSH" ? await sshHost(scope, {}) : undefined;
      name = host ? `${host.hostname}:slow` : "slow";
      work = new Workplace(scope, {
        hosts: `${name} ${host ? "" : "crun_connection=local"} crun_path=${tree}\n`,
        "site.yml": `
- hosts: all
  tasks:
    - { name: conf, copy: { dest: /root/conf, content: x }, notify: restart }
    - { name: install, command: dpkg -i /root/slow.deb, notify: reload }
    - { name: after, copy: { dest: /root/after, content: x } }
  handlers:
    - { name: restart, copy: { dest: /root/restarted, content: x } }
    - { name: reload, copy: { dest: /root/reloaded, content: x } }
`,
      });
      env = host ? { ...work.environment, HOME: clientHome(scope, [host]) } : work.environment;
    });

    const at = (file: string): string => join(tree, "root", file);
    const statusOf = async (): Promise<string> =>
      (await run(["dpkg-query", `--root=${tree}`, "-W", "-f", "${Status}", "crun-slow"])).stdout;
    const interrupted = async (...signals: readonly NodeJS.Signals[]) => {
      await run(["dpkg", `--root=${tree}`, "--force-script-chrootless", "--purge", "crun-slow"]);
      for (const file of ["begun", "configured", "after", "restarted", "reloaded", "conf"])
        await must(["rm", "-f", at(file)]);
      const started = work.start(["play", "-i", "hosts", "site.yml"], "ignore", env);
      for (let tries = 0; !existsSync(at("begun")); tries++) {
        assert.ok(tries < 600, started.shown());
        await sleep(25);
      }
      for (const signal of signals) {
        started.kill(signal);
        await sleep(100);
      }
      return started.ended;
    };

    for (const signals of [["SIGINT"], ["SIGHUP", "SIGHUP"]] as const)
      it(`by ${signals.join(" and ")} let dpkg come to its end, begin nothing, and say how to go on, which then does the rest`, async () => {
        const { status, stdout, stderr } = await interrupted(...signals);
        assert.equal(status, 130, stdout + stderr);
        assert.equal(await statusOf(), "install ok installed");
        assert.ok(existsSync(at("configured")));
        assert.ok(!existsSync(at("after")) && !existsSync(at("restarted")));
        assert.match(stdout, /what runs comes to its end, nothing more is begun/);
        assert.match(stdout, /Ctrl-C again stops what runs at once\. crun play --resume \S+ goes on later/);
        assert.match(stderr, /the run goes on with: crun play --resume \S+\nhandlers that were notified and wait:\n/);
        assert.ok(stderr.includes(`\n  ${name}: restart, reload\n`), stderr);
        const id = /--resume (\S+)\n/.exec(stderr)?.[1] ?? "";
        const resumed = await work.play(["--resume", id], { env });
        assert.equal(resumed.status, 0, resumed.all);
        assert.deepEqual(
          resumed.results.map(({ task }) => task),
          ["after", "restart", "reload"],
        );
        assert.equal(resumed.recap[name]?.changed, 5);
      });

    it("twice end at once, and leave nothing that runs", async () => {
      const { status, stdout } = await interrupted("SIGINT", "SIGINT");
      assert.equal(status, 130, stdout);
      assert.ok(!existsSync(at("configured")));
      assert.notEqual(await statusOf(), "install ok installed");
      const left = readdirSync("/proc").filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("slow.deb");
        } catch {
          // gone
          return false;
        }
      });
      assert.deepEqual(left, []);
      const resumed = await work.play(["--resume"], { env });
      assert.equal(resumed.status, 0, resumed.all);
      assert.equal(await statusOf(), "install ok installed");
      assert.ok(existsSync(at("after")) && existsSync(at("restarted")) && existsSync(at("reloaded")));
    });
  });
