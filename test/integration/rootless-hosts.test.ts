// What hosts give a login without root, and what they withhold: what still works, and what is said before anything is done.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Login, type LoginOptions } from "../lab/login.js";
import { loginTree } from "../lab/login-tree.js";
import { requireOrSkip } from "../lab/needs.js";
import { labScript, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { crunPath } from "./crun-tasks.js";

const single: LoginOptions = { subordinateIds: "" };

describe("hosts on which crun is not root", function () {
  this.timeout(240_000);
  const scope = testScope();
  let login: Login;
  let tree: string;
  let refusing: string;

  before(function () {
    requireOrSkip(this, {
      root: true,
      tools: ["newuidmap", "newgidmap", "gcc", "busybox"],
      paths: [crunPath, "/bin/busybox"],
    });
    const bin = scope.tempDir("bin");
    refusing = join(bin, "refusing");
    execFileSync("gcc", ["-O1", "-Wall", "-Werror", "-o", refusing, labScript("refusing.c")]);
  });

  beforeEach(() => {
    login = new Login(scope);
    tree = loginTree(join(login.home, "tree"));
  });

  const id = { command: "id -u", register: "x" };
  const ownedBy = (owner: string | number, path = `/srv/of-${owner}`) => ({
    copy: { dest: path, content: "x", owner },
  });

  /** Whether programs run, whether `app` (1000) can own files, and what the refusal says. */
  async function has(
    options: LoginOptions,
    wanted: { readonly runs: boolean; readonly owns: boolean; readonly says?: RegExp },
  ) {
    const [runs, owns, plain] = await login.tasks(
      tree,
      [id, ownedBy("app"), { copy: { dest: "/srv/plain", content: "x" } }],
      options,
    );
    const all = JSON.stringify({ runs, owns, plain });
    assert.equal(runs?.status, wanted.runs ? "changed" : "failed", all);
    assert.equal(owns?.status, wanted.owns ? "changed" : "failed", all);
    assert.equal(plain?.status, "changed", all);
    assert.equal(existsSync(join(tree, "srv/of-app")), wanted.owns);
    rmSync(join(tree, "srv/plain"));
    for (const one of [runs, owns]) {
      if (one?.status !== "failed") continue;
      assert.match(one.message, wanted.says ?? /./);
      assert.match(one.remedy, /become root \(crun_become\)/);
    }
  }

  describe("subordinate ids", () => {
    const cases: readonly (readonly [string, LoginOptions, boolean, RegExp?])[] = [
      ["of a range by the login's name", {}, true],
      ["of a range by its number", { subordinateIds: `${Login.uid}:700000:65536\n` }, true],
      [
        "of another user alone",
        { subordinateIds: "somebody:700000:65536\n" },
        false,
        /subuid has no line for crunlab or 33334/,
      ],
      ["that are too few", { subordinateIds: "crunlab:700000:100\n" }, false, /with the ids 0 to 100 alone/],
      ["of users, but of no groups", { subordinateGroups: "" }, true],
      [
        "in a file with broken lines",
        { subordinateIds: `x\ncrunlab:1\ncrunlab:abc:5\ncrunlab:0:5\ncrunlab:4294967290:65536\n${Login.lines}` },
        true,
      ],
      ["that hold the login itself", { subordinateIds: `crunlab:${Login.uid - 5}:10\n` }, false, /no line for/],
      [
        "without newuidmap",
        { prepare: "mount --bind /dev/null $(command -v newuidmap)" },
        false,
        /newuidmap is not there/,
      ],
      [
        "with a newuidmap that is not setuid",
        { prepare: "p=$(command -v newuidmap); cp $p $work/n; chmod 755 $work/n; mount --bind $work/n $p" },
        false,
        /newuidmap: write to uid_map failed: Operation not permitted/,
      ],
      [
        "with a newuidmap on a file system mounted nosuid",
        {
          prepare:
            "p=$(command -v newuidmap); mkdir $work/m; mount -t tmpfs -o nosuid none $work/m; cp -p $p $work/m/n; mount --bind $work/m/n $p",
        },
        false,
        /newuidmap: /,
      ],
      ["of a login that gains no privileges", { around: ["setpriv", "--no-new-privs"] }, false, /newuidmap: /],
    ];
    for (const [name, options, owns, says] of cases)
      it(`${name}: ${owns ? "owners can be had" : "refused with the reason"}`, async () => {
        await has(options, { runs: true, owns, ...(says ? { says } : {}) });
        if (owns) assert.equal(statSync(join(tree, "srv/of-app")).uid, Login.first + 999);
      });

    it("in several ranges follow each other", async () => {
      await has({ subordinateIds: "crunlab:700000:500\ncrunlab:800000:65536\n" }, { runs: true, owns: true });
      assert.equal(statSync(join(tree, "srv/of-app")).uid, 800_000 + 1000 - 501);
    });
  });

  it("a host that makes no user namespaces: files can be looked at and written, nothing runs, and both is said", async () => {
    for (const errno of [1, 28]) {
      const options: LoginOptions = { around: [refusing, "namespaces", String(errno)] };
      await has(options, { runs: false, owns: false, says: /make no user namespace of use \(unshare: / });
      assert.equal(statSync(join(tree, "srv")).uid, Login.uid);
      const exec = await login.crun(["exec", `local:${tree}`, "--", "id"], options);
      assert.notEqual(exec.status, 0);
      assert.match(exec.stderr, /only as root, or where the host allows user namespaces/);
      const [made] = await login.tasks("local", [{ tree: { name: join(login.home, "new"), scratch: {} } }], options);
      assert.match(made?.message ?? "", /scratch takes a user namespace/);
      assert.match(made?.remedy ?? "", /kernel\.unprivileged_userns_clone/);
    }
  });

  it("a container around, as root of a user namespace with one id or many", async () => {
    await has(
      { around: ["unshare", "--user", "--map-root-user", "--"] },
      { runs: true, owns: false, says: /the id 0 alone/ },
    );
    await has({ around: ["unshare", "--user", "--map-root-user", "--map-auto", "--"] }, { runs: true, owns: true });
  });

  it("on the host itself a login is who it is: owners, groups, programs, scripts, and no other", async () => {
    const path = join(login.home, "mine");
    const script = join(scope.tempDir("script"), "s.sh");
    writeFileSync(script, "#!/bin/sh\nid -un >script-ran\n", { mode: 0o755 });
    for (const options of [{}, single]) {
      const told = await login.tasks(
        "local",
        [
          { copy: { dest: path, content: "x", owner: "crunlab", group: "crunlab", mode: "0640" } },
          { script: `chdir=${login.home} ${script}` },
          { stat: { path: "/etc/passwd" }, register: "s", failed_when: "s.stat.uid != 0" },
          { file: { path, owner: "root" } },
          { command: "true", become: true, become_user: "daemon" },
        ],
        options,
      );
      assert.deepEqual(
        told.map(({ status }) => status === "ok" || status === "changed"),
        [true, true, true, false, false],
        JSON.stringify(told),
      );
      assert.match(told[3]?.message ?? "", /its owner cannot be 0: crun is not root there/);
      assert.deepEqual([statSync(path).uid, statSync(path).gid], [Login.uid, Login.uid]);
      assert.equal(readFileSync(join(login.home, "script-ran"), "utf8"), "crunlab\n");
    }
  });

  it("on the host itself a task that says become is not done as the login in silence", async () => {
    const tasks = [{ command: "id -u", become: true }, { command: "id -u" }];
    const told = await login.tasks("local", tasks);
    assert.match(
      told[0]?.warnings.join() ?? "",
      /crun is not root on local, so this is done as its login; crun_become/,
    );
    assert.deepEqual(told[1]?.warnings, []);
    const [inTree] = await login.tasks(tree, tasks);
    assert.deepEqual(inTree?.warnings, [], "root of the tree is had");
  });

  it("places that cannot be written to or run from: /tmp, /run and the home", async () => {
    const closed =
      "mount -t tmpfs -o noexec,mode=1777 none /var/tmp; mount -t tmpfs -o noexec,mode=1777 none /dev/shm; mount --bind /run /run; mount -o remount,bind,ro /run";
    const script = join(scope.tempDir("script"), "s.sh");
    writeFileSync(script, "#!/bin/sh\necho it ran\n", { mode: 0o755 });
    const told = await login.tasks("local", [{ script }, { command: "id" }], { prepare: `${closed}; chmod 555 $home` });
    chmodSync(login.home, 0o755);
    assert.deepEqual(
      told.map(({ status }) => status),
      ["changed", "changed"],
      JSON.stringify(told),
    );
    const noexec =
      "mkdir $work/t; mount -t tmpfs -o noexec,nosuid,nodev,mode=755 none $work/t; cp -a $home/tree/. $work/t; mount --move $work/t $home/tree";
    const [copied, ran] = await login.tasks(tree, [{ copy: { dest: "/srv/plain", content: "x" } }, id], {
      prepare: noexec,
    });
    assert.equal(copied?.status, "changed", copied?.message);
    assert.match(ran?.remedy ?? "", /mounted noexec/);
  });

  it("a tree of somebody else's is looked at, not changed; of files of other ids in an own one it is said whose they are", async () => {
    const other = loginTree(join(scope.tempDir("other"), "tree"));
    execFileSync("chown", ["-R", "0:0", other]);
    const facts = await login.crun(["facts", `local:${other}`]);
    assert.equal(facts.status, 0, facts.stderr);
    const told = await login.tasks(other, [{ copy: { dest: "/srv/x", content: "x" } }, id]);
    for (const one of told) assert.match(one.message, /belongs to a user whose id this login has not/);
    assert(!existsSync(join(other, "srv/x")));
    // Made by root, or by the same login when it had other ids.
    mkdirSync(join(tree, "srv/foreign"));
    writeFileSync(join(tree, "srv/foreign/x"), "x");
    for (const uid of [0, Login.first + 32]) {
      chownSync(join(tree, "srv/foreign"), uid, uid);
      chownSync(join(tree, "srv/foreign/x"), uid, uid);
      const options = uid === 0 ? {} : single;
      const [changed, cloned, gone] = await login.tasks(
        "local",
        [
          { file: { path: "/srv/foreign/x", mode: "0600" }, delegate_to: `local:${tree}` },
          { tree: { name: join(login.home, "clone"), clone: tree } },
          { tree: { name: tree, state: "absent" } },
        ],
        { ...options, more: ["-i", `local,local:${tree},`] },
      );
      assert.equal(changed?.status, "failed", JSON.stringify(changed));
      assert.match(cloned?.message ?? "", /srv\/foreign(?:\/x)? belongs to an id that this login has not/);
      assert.match(gone?.message ?? "", /srv\/foreign(?:\/x)? belongs to an id that this login has not/);
      assert.ok(existsSync(join(tree, "bin/busybox")), "nothing of it was taken away");
      assert(!existsSync(join(login.home, "clone")));
    }
  });

  it("a file system that gives no file away, as NFS where root is squashed: said with what is to blame, and nothing half done", async () => {
    const site = join(scope.tempDir("site"), "site.yml");
    const tasks = [
      { copy: { dest: "/srv/x", content: "old" } },
      { copy: { dest: "/srv/x", content: "new", owner: "app" } },
      { file: { path: "/srv/d", state: "directory", group: "app" } },
    ].map((task) => ({ ...task, ignore_errors: true }));
    writeFileSync(site, JSON.stringify([{ hosts: `local:${tree}`, gather_facts: false, tasks }]));
    const argv = [refusing, "owners", "1", process.execPath, crunPath, "play", site];
    const { stdout, stderr } = await run(argv);
    assert.match(stdout, /failed=0 .*ignored=2/, stdout + stderr);
    assert.equal(stdout.match(/no file is given away there/g)?.length, 2, stdout);
    assert.equal(readFileSync(join(tree, "srv/x"), "utf8"), "old");
    assert.deepEqual(readdirSync(join(tree, "srv")), ["x"]);
  });

  it("a crun that is killed leaves no process and no half tree; the next run goes on", async () => {
    const mark = `10${process.pid}`;
    const site = join(scope.tempDir("site"), "site.yml");
    const tasks = [
      { tree: { name: join(login.home, "copy"), clone: tree } },
      { command: `sleep ${mark}`, delegate_to: `local:${tree}` },
    ];
    writeFileSync(site, JSON.stringify([{ hosts: "local", gather_facts: false, tasks }]));
    const args = ["play", "-i", `local,local:${tree},`, "-l", "local", site];
    const running = async (): Promise<string[]> => {
      const { stdout } = await run(["ps", "-eo", "pid=,user=,args="]);
      return stdout
        .split("\n")
        .filter((line) => line.includes(mark) || line.includes(join(login.home, ".crun/making")));
    };
    for (const seconds of ["0.2", "0.4", "1"]) {
      await login.crun(args, { around: ["timeout", "--signal=KILL", seconds] });
      for (let tries = 0; tries < 100 && (await running()).length > 0; tries++) await sleep(100);
      assert.deepEqual(await running(), [], `after ${seconds} s`);
    }
    const [made] = await login.tasks("local", [{ tree: { name: join(login.home, "copy"), clone: tree } }]);
    assert.notEqual(made?.status, "failed", made?.message);
    assert.deepEqual(readdirSync(join(login.home, ".crun/making")), []);
    assert.ok(existsSync(join(login.home, "copy/bin/busybox")));
  });

  it("directories that hand their group down do so as the kernel has it, in an own tree", async () => {
    chmodSync(join(tree, "srv"), 0o2775);
    chownSync(join(tree, "srv"), Login.uid, Login.first + 999);
    chmodSync(join(tree, "srv"), 0o2775);
    const [made, ran] = await login.tasks(tree, [
      { copy: { dest: "/srv/x", content: "x" } },
      { command: "mkdir /srv/d" },
    ]);
    assert.deepEqual([made?.status, ran?.status], ["changed", "changed"], made?.message);
    assert.equal(statSync(join(tree, "srv/d")).gid, Login.first + 999);
    assert.equal(statSync(join(tree, "srv/d")).mode & 0o2000, 0o2000);
  });
});
