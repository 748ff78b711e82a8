// Files of the controller that whoever runs crun may not read: which, for what, as whom, and what to do.

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { assertNoStack, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

describe("what crun may not read", function () {
  this.timeout(60_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["setpriv"], paths: [crunPath] });
  });
  const scope = testScope();

  it("files that crun may not read: each is told with the task that wants it, as whom crun runs, and what to do", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, { "files/shut": "x", "files/open/shut": "x", "templates/shut": "x", pass: "x" });
    work.write("files/sealed", "x");
    const sealed = await work.crun(["vault", "encrypt", "files/sealed", "--vault-password-file", "pass"]);
    assert.equal(sealed.status, 0, sealed.all);
    // The program lies where not everybody may go.
    const program = join(scope.tempDir("program"), "dist");
    await must(["cp", "-rL", join(crunPath, ".."), program]);
    await must(["chmod", "-R", "a+rX", program, work.directory, join(work.directory, "..")]);
    for (const name of ["files/shut", "files/open/shut", "templates/shut", "pass"])
      chmodSync(join(work.directory, name), 0);
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"];
    const asNobody = async (...args: readonly string[]): Promise<[number | null, string]> => {
      const options = { cwd: work.directory, env: { ...work.environment, HOME: "/nonexistent" } };
      const done = await run([...nobody, process.execPath, join(program, "crun.js"), ...args], options);
      assertNoStack(done.stdout + done.stderr);
      return [done.status, done.stdout + done.stderr];
    };
    const playAsNobody = async (task: string, ...args: readonly string[]): Promise<[number | null, string]> => {
      work.write("site.yml", `- hosts: all\n  tasks:\n    - ${task}\n`);
      return await asNobody("play", "--runs", "none", ...args, "-i", `local:${tree},`, "site.yml");
    };
    for (const task of ["copy: { src: shut, dest: /etc/x }", "template: { src: shut, dest: /etc/x }"]) {
      const [status, all] = await playAsNobody(task);
      assert.equal(status, 1, all);
      assert.match(all, /cannot read (files|templates)\/shut: permission denied\n {2}at site\.yml:3:/);
      assert.match(all, /crun runs as nobody: let that user read it/);
    }
    const [, password] = await playAsNobody("copy: { src: sealed, dest: /etc/x }", "--vault-password-file", "pass");
    assert.match(password, /cannot read pass: permission denied\n[^]*crun runs as nobody/);
    // What lies in a directory is found when it is read.
    await must(["chown", "-R", "65534:65534", tree]);
    const [, inDirectory] = await playAsNobody("copy: { src: open, dest: /etc/x }");
    assert.match(inDirectory, /cannot read .*files\/open\/shut on the controller: permission denied/);
    assert.match(inDirectory, /crun runs as nobody/);
    // What is read before, or beside, the playbook.
    const shut = [
      { path: "group_vars/all.yml", says: /cannot read .*group_vars\/all\.yml: permission denied/ },
      { path: "group_vars", says: /cannot list .*group_vars: permission denied/ },
      { path: "hosts", says: /cannot read .*hosts: permission denied/ },
      { path: "crun.yml", says: /cannot read .*crun\.yml: permission denied/ },
    ];
    for (const { path, says } of shut) {
      work.write("hosts", `local:${tree}\n`);
      work.write("group_vars/all.yml", "a: 1\n");
      work.write("crun.yml", "forks: 2\n");
      chmodSync(join(work.directory, path), 0);
      const [status, all] = await asNobody("play", "--runs", "none", "-i", "hosts", "site.yml");
      chmodSync(join(work.directory, path), 0o755);
      assert.equal(status, 1, all);
      assert.match(all, says);
      assert.match(all, /crun runs as nobody: let that user read it/);
    }
    const runs = scope.tempDir("runs");
    chmodSync(runs, 0o700);
    for (const args of [["runs"], ["runs", "show", "x"], ["play", "--resume"], ["runs", "prune"]]) {
      const [status, all] = await asNobody(...args, "--runs", runs);
      assert.equal(status, 1, all);
      assert.match(all, /what runs did cannot be read in .*: permission denied\n {2}crun runs as nobody/);
    }
    const file = await work.crun(["runs", "--runs", "site.yml"]);
    assert.match(file.stderr, /what runs did cannot be read in .*site\.yml: .*no directory\n {2}Name the directory/);
  });
});
