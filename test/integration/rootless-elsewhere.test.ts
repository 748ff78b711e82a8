// Without root over SSH, and on btrfs.

import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { Login } from "../lab/login.js";
import { loginTree } from "../lab/login-tree.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { emptyTree } from "../lab/trees.js";
import { brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

describe("without root elsewhere", function () {
  this.timeout(120_000);
  const scope = testScope();

  it("over SSH, as an ordinary user: a tree is made, played in twice, by its users too, and taken away", async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "newuidmap", "busybox"], paths: [crunPath, "/bin/busybox"] });
    const host = await sshHost(scope, { hostname: "lab-rootless", users: [{ name: "ann" }] });
    const work = new Workplace(scope, {});
    const trees = join(host.home("ann"), "trees");
    mkdirSync(trees);
    const { uid } = statSync(host.home("ann"));
    chownSync(trees, uid, uid);
    const box = loginTree(join(scope.tempDir("box"), "tree"));
    const archive = join(scope.tempDir("archive"), "box.tar");
    await must(["tar", "--owner=0", "--group=0", "-C", box, "-cf", archive, "."]);
    work.write(
      "hosts",
      `[far]\nnode crun_host=${host.host} crun_port=${host.port} crun_user=ann crun_become=false crun_trees=${trees} crun_identity=${host.identityFile} ` +
        `crun_known_hosts=${host.knownHostsFile} crun_ssh_config=/dev/null\n[trees]\nnode:web\n`,
    );
    work.write(
      "site.yml",
      `- hosts: trees
  gather_facts: false
  tasks:
    - tree: { tarball: { src: ${archive} } }
    - copy: { dest: /srv/app, content: x, owner: app, group: app, mode: "0640" }
    - command: { cmd: sh -c "id -u >/tmp/who", creates: /tmp/who }
      become: true
      become_user: app
- hosts: node
  gather_facts: false
  tasks:
    - copy: { dest: ${host.home("ann")}/own, content: x, owner: ann }
`,
    );
    const first = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(first.status, 0, brief(first));
    const file = statSync(join(trees, "web/srv/app"));
    assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [400_999, 400_999, 0o640]);
    assert.equal(readFileSync(join(trees, "web/tmp/who"), "utf8"), "1000\n");
    assert.equal(statSync(join(host.home("ann"), "own")).uid, uid);
    const second = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(second.status, 0, brief(second));
    assert.deepEqual(
      second.results.filter(({ status }) => status === "changed"),
      [],
    );
    const gone = await work.crun(["tree", "rm", "-i", "hosts", "node:web"]);
    assert.equal(gone.status, 0, gone.all);
    assert(!existsSync(join(trees, "web")));
  });

  it("on btrfs: subvolumes are made, cloned, played in as transactions and removed, where the mount lets users remove them and where not", async function () {
    requireOrSkip(this, { root: true, tools: ["mkfs.btrfs", "newuidmap"], paths: [crunPath, "/dev/loop-control"] });
    const pool = await btrfsPool(scope, { tree: emptyTree(scope), sizeMib: 256 });
    const login = new Login(scope);
    const trees = join(pool.directory, "ann");
    mkdirSync(trees);
    chownSync(trees, Login.uid, Login.uid);
    for (const options of [{ subordinateIds: "" }, {}]) {
      if (Object.keys(options).length === 0)
        await must(["mount", "-o", "remount,user_subvol_rm_allowed", pool.directory]);
      const tree = (name: string, more: object) => ({ tree: { name: join(trees, name), backend: "btrfs", ...more } });
      const tasks = [tree("one", { scratch: {} }), tree("two", { clone: join(trees, "one") })];
      const states = async (list: readonly object[]): Promise<string[]> =>
        (await login.tasks("local", list, options)).map(({ status, message }) =>
          status === "failed" ? message : status,
        );
      assert.deepEqual(await states(tasks), ["changed", "changed"]);
      assert.deepEqual(await states(tasks), ["ok", "ok"]);
      assert.equal(statSync(join(trees, "two")).ino, 256, "a subvolume");
      const [size] = await login.tasks("local", [tree("three", { scratch: {}, size: "5M" })], options);
      assert.match(size?.message ?? "", /size takes root on the host/);
      const play = await login.tasks(join(trees, "two"), [{ file: { path: "/etc", state: "directory" } }], {
        ...options,
        more: ["--atomic"],
      });
      assert.equal(play[0]?.status, "changed", play[0]?.message);
      assert.ok(existsSync(join(trees, "two/etc")));
      const away = ["two", "one"].map((name) => ({ tree: { name: join(trees, name), state: "absent" } }));
      assert.deepEqual(await states(away), ["changed", "changed"]);
      assert(!existsSync(join(trees, "one")) && !existsSync(join(trees, "two")));
    }
  });
});
