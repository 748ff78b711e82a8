// The file modules on real trees, beyond Ansible's scenarios: file flags, big files, become_user, and check mode that leaves no trace.

import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../../src/module/content.js";
import { lookAtTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { crun, play } from "./ansible-scenarios/play.js";

describe("file modules on real trees", function () {
  this.timeout(120_000);
  const scope = testScope();
  let directory: string;

  before(function () {
    requireOrSkip(this, { root: true, paths: [crun] });
    directory = scope.tempDir("file-modules");
  });

  async function tasks(tree: string, list: readonly unknown[], flags: readonly string[] = []) {
    const path = join(directory, "site.yml");
    writeFileSync(path, JSON.stringify([{ hosts: `local:${tree}`, tasks: list }]));
    const report = await play([path], flags);
    const results = report.results.get(`local:${tree}`) ?? [];
    return { ...report, results, statuses: results.map(({ status }) => status) };
  }

  it("sets and clears file flags, and tells of a change only where there is one", async function () {
    const tree = emptyTree(scope);
    const probe = await run(["chattr", "+A", join(tree, "etc/group")]);
    if (probe.status !== 0) {
      if (process.env["CI"] === "true") throw new Error("this file system has no flags; CI must run on one that has");
      return this.skip();
    }
    const path = "/etc/passwd";
    const { statuses, results } = await tasks(tree, [
      { file: { path, attributes: "+A" } },
      { file: { path, attributes: "+A" } },
      { stat: { path } },
      { file: { path, attributes: "-A" } },
      { file: { path, attributes: "-A" } },
      { file: { path: "/etc/group", attributes: "-A" } },
    ]);
    assert.deepEqual(statuses, ["changed", "ok", "ok", "changed", "ok", "changed"]);
    const seen = results[2]?.result["stat"];
    assert.ok(typeof seen === "object" && seen !== null && "attr_flags" in seen);
    assert.match(String(seen.attr_flags), /A/);
    const { stdout } = await run(["lsattr", join(tree, "etc/passwd"), join(tree, "etc/group")]);
    assert.doesNotMatch(stdout, /^\S*A/m);
    return undefined;
  });

  it("copies a file of 20 MiB by its digest, once, and refuses to edit it line by line", async () => {
    const tree = emptyTree(scope);
    const big = Buffer.alloc(20 << 20, "0123456789abcdef\n");
    mkdirSync(join(directory, "files"));
    writeFileSync(join(directory, "files/big"), big);
    const { statuses, results } = await tasks(tree, [
      { copy: { src: "big", dest: "/big", mode: "0640" } },
      { copy: { src: "big", dest: "/big", mode: "0640" } },
      { copy: { src: "/big", dest: "/second", remote_src: true } },
      { lineinfile: { path: "/big", line: "x" }, ignore_errors: true },
    ]);
    assert.deepEqual(statuses, ["changed", "ok", "changed", "failed"]);
    assert.match(results[3]?.message ?? "", /too large to be edited line by line/);
    assert.equal(results[0]?.result["checksum"], digestOf("sha1", big));
    for (const name of ["big", "second"]) assert.equal(statSync(join(tree, name)).size, big.length);
    assert.equal(lstatSync(join(tree, "big")).mode & 0o7777, 0o640);
  });

  it("gives new files and directories to the task's become_user, without a program in the tree", async () => {
    const tree = emptyTree(scope);
    const app = { become: true, become_user: "app" };
    const { statuses, stderr } = await tasks(tree, [
      { file: { path: "/home", state: "directory", mode: "1777" } },
      { file: { path: "/home/app/data", state: "directory" }, ...app },
      { copy: { content: "x", dest: "/home/app/data/x" }, ...app },
      { lineinfile: { path: "/home/app/data/y", line: "y", create: true }, ...app },
      { file: { path: "/home/app/shared", state: "directory", group: "adm" }, ...app },
      { file: { path: "/home/app/current", src: "data", state: "link", follow: false }, ...app },
    ]);
    assert.deepEqual(statuses, ["changed", "changed", "changed", "changed", "changed", "changed"], stderr);
    for (const name of ["home/app", "home/app/data", "home/app/data/x", "home/app/data/y", "home/app/current"]) {
      const { uid, gid } = lstatSync(join(tree, name));
      assert.deepEqual([uid, gid], [1000, 1000], name);
    }
    const { uid, gid } = lstatSync(join(tree, "home/app/shared"));
    assert.deepEqual([uid, gid], [1000, 4]);
  });

  it("leaves no trace in check mode, and tells exactly what the real run then changes", async () => {
    const tree = emptyTree(scope);
    for (const name of ["srv", "old/deep"]) mkdirSync(join(tree, name), { recursive: true });
    writeFileSync(join(tree, "old/deep/file"), "a\nb\n");
    const list = [
      { file: { path: "/srv/app/conf", state: "directory", mode: "0750" } },
      { copy: { content: "port=80\n", dest: "/srv/app/conf/main", owner: "app" } },
      { lineinfile: { path: "/srv/app/conf/main", regexp: "^port=", line: "port=81", backup: true } },
      { blockinfile: { path: "/srv/app/conf/main", block: "x=1", marker: "# {mark}" } },
      { file: { path: "/srv/current", src: "app/conf", state: "link" } },
      { lineinfile: { path: "/srv/current/main", line: "through=link" } },
      { copy: { src: "/old/", dest: "/new/", remote_src: true } },
      { file: { path: "/old", state: "absent" } },
      { file: { path: "/new", state: "directory", recurse: true, group: "adm" } },
      { stat: { path: "/new/deep/file" } },
      { file: { path: "/etc/passwd", mode: "0644" } },
    ];
    const before = await lookAtTree(tree);
    const checked = await tasks(tree, list, ["--check", "--diff"]);
    assert.deepEqual(await lookAtTree(tree), before);
    const real = await tasks(tree, list);
    assert.equal(real.exitStatus, 0, real.stderr);
    assert.deepEqual(real.statuses, checked.statuses);
    assert.deepEqual(
      real.statuses.map((status) => status === "changed"),
      [true, true, true, true, true, true, true, true, true, false, false],
    );
    assert.ok(existsSync(join(tree, "new/deep/file")) && !existsSync(join(tree, "old")));
  });
});
