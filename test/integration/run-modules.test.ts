// Modules that act on the run, against what they wait for and speak to in life: ports, hosts that come back, hosts that tasks add.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { freePort, sshHost, type SshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { brief, lines, readEvents, Workplace } from "./cli.js";

describe("modules that act on the run", function () {
  this.timeout(120_000);
  const scope = testScope();
  let work: Workplace;

  before(function () {
    requireOrSkip(this, { root: true });
    work = new Workplace(scope);
  });

  /** Something that answers at a port, and says this first. */
  async function listen(port: number, says = ""): Promise<Server> {
    const server = createServer((socket) => void socket.on("error", () => undefined).write(says));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    scope.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    return server;
  }

  it("waits for a port until something answers, and reads what it says", async () => {
    const port = await freePort();
    const tree = emptyTree(scope);
    work.write(
      "port.yml",
      `
- hosts: "local:${tree}"
  tasks:
    - {name: closed, wait_for: {port: ${port}, state: stopped}}
    - {name: opens, wait_for: {port: ${port}, timeout: 20}, register: opened}
    - {name: says, wait_for: {port: ${port}, search_regex: "^(\\\\w+)-2", timeout: 5}, register: said}
    - {name: does not say, wait_for: {port: ${port}, search_regex: nothing, timeout: 1}, ignore_errors: true}
    - {name: result, assert: {that: ["opened.elapsed >= 1", "said.match_groups == ['HELLO']"]}}
`,
    );
    const running = work.play(["-i", "local,", "port.yml"]);
    setTimeout(() => void listen(port, "HELLO-2.0\r\n"), 2500);
    const done = await running;
    assert.equal(done.status, 0, brief(done));
    assert.deepEqual(lines(done.results), [
      "closed: ok",
      "opens: ok",
      "says: ok",
      "does not say: failed",
      "result: ok",
    ]);
  });

  it("waits for a file, looking anew each time, and not at all in check mode", async () => {
    const tree = emptyTree(scope);
    work.write(
      "file.yml",
      `
- hosts: "local:${tree}"
  tasks:
    - {name: before, stat: {path: /run/ready, get_mime: false}, register: before}
    - {name: comes, wait_for: {path: /run/ready, search_regex: "^go"}}
    - {name: after, stat: {path: /run/ready, get_mime: false}, register: after}
    - {name: seen, assert: {that: ["before.stat.exists == false", "after.stat.exists"]}}
`,
    );
    const foretold = await work.play(["-i", "local,", "--check", "file.yml"]);
    assert.equal(foretold.results.find(({ task }) => task === "comes")?.mayChange, true, brief(foretold));
    const running = work.play(["-i", "local,", "file.yml"]);
    setTimeout(() => {
      mkdirSync(join(tree, "run"), { recursive: true });
      writeFileSync(join(tree, "run/ready"), "no\ngo\n");
    }, 2000);
    const done = await running;
    assert.equal(done.status, 0, brief(done));
  });

  it("shows figures beneath the recap and in its event", async () => {
    work.write(
      "stats.yml",
      `
- hosts: "local:${emptyTree(scope)},local:${emptyTree(scope)}"
  strategy: linear
  tasks:
    - set_stats: {data: {count: 10, words: [a], who: {a: 1}}}
    - set_stats: {data: {count: 15, words: [b], who: {b: 2}, odd: x}}
    - set_stats: {data: {odd: 5}}
    - set_stats: {data: {mine: "{{target.host}}"}, per_host: true}
    - set_stats: {data: {count: 1}, aggregate: false}
      run_once: true
`,
    );
    const done = await work.play(["-i", "local,", "stats.yml"]);
    assert.equal(done.status, 0, brief(done));
    const recap = JSON.parse(done.stdout.trimEnd().split("\n").at(-1) ?? "") as {
      readonly event: string;
      readonly stats: { readonly run: unknown; readonly targets: Readonly<Record<string, unknown>> };
    };
    assert.equal(recap.event, "recap");
    assert.deepEqual(recap.stats.run, { count: 1, words: ["a", "a", "b", "b"], who: { a: 1, b: 2 }, odd: "xx" });
    assert.deepEqual(Object.values(recap.stats.targets), [{ mine: "local" }, { mine: "local" }]);
    const plain = await work.crun(["play", "-i", "local,", "--output", "plain", "stats.yml"]);
    assert.match(plain.stdout, /\nSTATS\n(local:.*: \{"mine":"local"\}\n){2}run: \{"count":1,/);
  });

  it("makes of what is typed at a terminal the answer, and ends where the question is ended", async function () {
    requireOrSkip(this, { root: true, tools: ["script"] });
    work.write(
      "ask.yml",
      `
- hosts: "local:${emptyTree(scope)}"
  tasks:
    - {name: ask, pause: {prompt: Which one}, register: answer}
    - {name: told, debug: {msg: "got <{{answer.user_input}}>"}}
`,
    );
    const { run } = await import("../lab/process.js");
    const { crunPath } = await import("./crun-tasks.js");
    const command = `${process.execPath} ${crunPath} play -i local, ask.yml`;
    const inTerminal = (input: string): ReturnType<typeof run> =>
      run(["script", "--quiet", "--return", "--command", command, "/dev/null"], {
        cwd: work.directory,
        env: work.environment,
        input,
      });
    const answered = await inTerminal("blue one\n");
    assert.match(answered.stdout, /Which one:/);
    assert.match(answered.stdout, /got <blue one>/, answered.stdout);
  });

  describe("over SSH", () => {
    let host: SshHost;
    let reach: string;

    before(async function () {
      requireOrSkip(this, { root: true, tools: ["sshd"] });
      host = await sshHost(scope);
      reach = `crun_host: ${host.host}, crun_port: ${host.port}, crun_identity: "${host.identityFile}", crun_known_hosts: "${host.knownHostsFile}"`;
    });

    it("reaches a host that a task has added, and its trees", async () => {
      const tree = emptyTree(scope);
      work.write(
        "added.yml",
        `
- hosts: local
  gather_facts: false
  tasks:
    - add_host: {name: spare, groups: spares, ${reach}}
    - add_host: {name: "spare:${tree}", groups: spares, ${reach}, color: blue}
    - {name: delegated, ping: , delegate_to: spare}
- hosts: spares
  tasks:
    - {name: there, copy: {content: "{{default color 'none'}}", dest: /etc/added}, when: "has(vars.color)"}
- hosts: "spare:*,!spare"
  tasks:
    - {name: again, stat: {path: /etc/added, get_mime: false}}
`,
      );
      const done = await work.play(["-i", "local,", "added.yml"]);
      assert.equal(done.status, 0, brief(done));
      assert.ok(existsSync(join(tree, "etc/added")));
      assert.equal(done.recap[`spare:${tree}`]?.changed, 1, brief(done));
    });

    it("waits for the connection of a host that comes back", async () => {
      work.write("hosts.yml", `all: {hosts: {back: {${reach}}}}\n`);
      work.write(
        "back.yml",
        `
- hosts: back
  gather_facts: false
  tasks:
    - {name: before, ping: }
    - {name: time, pause: {seconds: 4}}
    - {name: wait, wait_for_connection: {timeout: 30}, register: waited}
    - {name: after, ping: }
`,
      );
      const running = work.start(["play", "--output", "json", "-i", "hosts.yml", "back.yml"]);
      const isPausing = (): boolean => running.shown().includes("Pausing for");
      for (let tries = 0; tries < 300 && !isPausing(); tries++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      await host.cutSessions();
      const done = await running.ended;
      assert.equal(done.status, 0, done.all);
      assert.deepEqual(lines(readEvents(done.stdout).results), ["before: ok", "time: ok", "wait: ok", "after: ok"]);
    });

    it("fails where a host does not come", async () => {
      work.write("gone.yml", "- hosts: all\n  gather_facts: false\n  tasks: [{wait_for_connection: {timeout: 2}}]\n");
      work.write("away.yml", `all: {hosts: {away: {crun_host: 127.0.0.1, crun_port: ${await freePort()}}}}\n`);
      const done = await work.play(["-i", "away.yml", "gone.yml"]);
      assert.equal(done.status, 2, brief(done));
      assert.match(done.results[0]?.message ?? "", /timed out waiting for the connection: .*connection refused/);
    });
  });
});
