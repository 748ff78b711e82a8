// Mistakes about hosts that are reached over SSH: addresses, keys, passwords, architectures; and Ctrl-C at a question of theirs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import type { SshHost } from "../lab/sshd.js";
import { freePort, sshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

describe("bad input about hosts", function () {
  this.timeout(120_000);
  const scope = testScope();
  let host: SshHost;
  let tree: string;
  let work: Workplace;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "ssh", "sudo"], paths: [crunPath] });
    host = await sshHost(scope, {
      users: [
        { name: "asks", password: "s3cret pass", sudo: "password" },
        { name: "knocks", password: "open sesame", key: false, sudo: "nopasswd" },
        { name: "plain" },
      ],
    });
    tree = emptyTree(scope);
    work = new Workplace(scope, {
      "site.yml": "- hosts: all\n  tasks:\n    - file: { path: /etc/first, state: touch }\n",
    });
  });

  /** An inventory in which the target `away:TREE` is the SSH host, and one of this machine. */
  function inventory(variables: Readonly<Record<string, string | number>>, other?: string): readonly string[] {
    const known = { crun_host: host.host, crun_port: host.port, crun_user: "root", crun_identity: host.identityFile };
    const all = Object.entries({ ...known, crun_known_hosts: host.knownHostsFile, ...variables });
    const words = all.filter(([, value]) => value !== "").map(([name, value]) => `${name}='${value}'`);
    work.write("hosts", `away:${tree} ${words.join(" ")}\n${other === undefined ? "" : `local:${other}\n`}`);
    return ["-i", "hosts", "--connect-timeout", "5"];
  }

  it("a refused connection: unreachable, with address, port and what to look at; the others go on", async () => {
    const other = emptyTree(scope);
    const args = inventory({ crun_port: await freePort() }, other);
    const { status, recap, all } = await work.play([...args, "site.yml"]);
    assert.equal(status, 4, all);
    assert.equal(recap[`away:${tree}`]?.unreachable, 1);
    assert.equal(recap[`local:${other}`]?.changed, 1);
    const shown = await work.crun(["play", ...args, "site.yml"]);
    assert.match(shown.all, /127\.0\.0\.1/);
    assert.match(shown.all, /refused/);
  });

  it("an unknown host key: refused, with the line to add, before anything is sent", async () => {
    const { status, all } = await work.crun([
      "play",
      ...inventory({ crun_known_hosts: join(work.home, "none") }),
      "site.yml",
    ]);
    assert.equal(status, 4, all);
    assert.match(all, /--accept-new-host-keys/);
    assert.ok(all.includes(host.knownHostsLines[0] ?? "nothing"), all);
    assert.ok(!existsSync(join(tree, "etc/first")));
  });

  it("a wrong login password, and none: unreachable, the user is named, the password is not shown", async () => {
    const login = { crun_user: "knocks", crun_identity: "" };
    const wrong = await work.crun(["play", ...inventory({ ...login, crun_password: "open barley" }), "site.yml"]);
    assert.equal(wrong.status, 4, wrong.all);
    assert.match(wrong.all, /knocks/);
    assert.match(wrong.all, /password/);
    assert.ok(!wrong.all.includes("barley"), wrong.all);
    const none = await work.crun(["play", ...inventory(login), "site.yml"]);
    assert.equal(none.status, 4, none.all);
    assert.match(none.all, /-k|crun_password|--ask-pass/);
    const right = await work.play([...inventory({ ...login, crun_password: "open sesame" }), "--check", "site.yml"]);
    assert.equal(right.status, 0, right.all);
  });

  it("Ctrl-C at the question for a host's password interrupts the run, and ends other commands", async function () {
    requireOrSkip(this, { tools: ["script"] });
    const login = { crun_user: "knocks" };
    const atTerminal = (words: readonly string[]): Promise<[number | null, string]> => {
      const command = [process.execPath, crunPath, ...words].map((word) => `'${word}'`).join(" ");
      const child = spawn("script", ["-qec", command, "/dev/null"], {
        cwd: work.directory,
        env: work.environment,
        stdio: ["pipe", "pipe", "inherit"],
      });
      let shown = "";
      child.stdout.setEncoding("utf8").on("data", (data: string) => {
        if (!shown.includes("password: ") && `${shown}${data}`.includes("password: ")) child.stdin.write("\u0003");
        shown += data;
      });
      return new Promise((resolve) => child.on("close", (status) => resolve([status, shown])));
    };
    const [status, shown] = await atTerminal(["play", ...inventory(login), "site.yml"]);
    assert.equal(status, 130, shown);
    assert.match(shown, /interrupted: what runs comes to its end/);
    const [ended, told] = await atTerminal(["facts", ...inventory(login), "all"]);
    assert.equal(ended, 130, told);
    assert.doesNotMatch(told, /unreachable|error/);
  });

  it("a wrong password for sudo, and none: unreachable, with the remedy; the password is not shown", async () => {
    const login = { crun_user: "asks" };
    const wrong = await work.crun([
      "play",
      ...inventory({ ...login, crun_become_password: "open barley" }),
      "site.yml",
    ]);
    assert.equal(wrong.status, 4, wrong.all);
    assert.match(wrong.all, /sudo/);
    assert.match(wrong.all, /password/);
    assert.ok(!wrong.all.includes("barley"), wrong.all);
    const none = await work.crun(["play", ...inventory(login), "site.yml"]);
    assert.equal(none.status, 4, none.all);
    assert.match(none.all, /crun_become_password|-K/);
    const forbidden = await work.crun(["play", ...inventory({ crun_user: "plain" }), "site.yml"]);
    assert.equal(forbidden.status, 4, forbidden.all);
    assert.match(forbidden.all, /sudo/);
    assert.ok(!existsSync(join(tree, "etc/first")));
    const right = await work.play([
      ...inventory({ ...login, crun_become_password: "s3cret pass" }),
      "--check",
      "site.yml",
    ]);
    assert.equal(right.status, 0, right.all);
  });

  it("a host of an architecture for which there is no helper: unreachable, the architecture is named", async () => {
    const odd = await sshHost(scope, { hostname: "odd", users: [{ name: "deploy", sudo: "nopasswd" }] });
    const bin = join(odd.directory, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "uname"), "#!/bin/sh\necho riscv64\n");
    chmodSync(join(bin, "uname"), 0o755);
    writeFileSync(join(odd.home("root"), ".bashrc"), `PATH=${bin}:$PATH\n`);
    const variables = {
      crun_port: odd.port,
      crun_identity: odd.identityFile,
      crun_known_hosts: odd.knownHostsFile,
    };
    const other = emptyTree(scope);
    const { status, recap, all } = await work.play([...inventory(variables, other), "site.yml"]);
    assert.equal(status, 4, all);
    assert.match(all, /riscv64/);
    assert.equal(recap[`local:${other}`]?.changed, 1);
  });

  it("failed and unreachable targets beside good ones: each is told, and 4 wins over 2", async () => {
    const bad = emptyTree(scope);
    await must(["touch", join(bad, "etc/first.d")]);
    const args = inventory({ crun_port: await freePort() }, bad);
    work.write("mixed.yml", "- hosts: all\n  tasks:\n    - copy: { content: x, dest: /etc/first.d/x }\n");
    const { status, recap, all } = await work.play([...args, "mixed.yml"]);
    assert.equal(status, 4, all);
    assert.deepEqual([recap[`away:${tree}`]?.unreachable, recap[`local:${bad}`]?.failed], [1, 1]);
    const limited = await work.play([...args, "-l", "local:*", "mixed.yml"]);
    assert.equal(limited.status, 2, limited.all);
  });
});
