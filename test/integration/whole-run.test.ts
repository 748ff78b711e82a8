// One play as it is in life, on every kind of target: foretold by check mode, which changes nothing; done; and nothing left to do.

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { describeDifferences, diffTrees, lookAtTree, type Entry } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot } from "../lab/process.js";
import { testScope, type Scope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { debianTree, overlayTree } from "../lab/trees.js";
import { labVm, type LabVm } from "../lab/vm.js";
import { assertForetold, brief, Workplace, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { makeArchive, type Package } from "./local-archive.js";

const playbook = join(repositoryRoot(), "test/integration/whole-run/site.yml");

const packages: readonly Package[] = [
  {
    name: "shop-server",
    version: "1.0",
    files: {
      "lib/systemd/system/shop-server.service":
        "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
    },
  },
  {
    name: "shop-tools",
    version: "1.0",
    fields: ["Depends: shop-server"],
    files: { "usr/bin/shop-init": "#!/bin/sh\nset -e\nid -un > $1/database\necho made by $(id -un)\n" },
  },
];

/** A Debian tree whose apt knows the two packages. */
async function preparedTree(scope: Scope): Promise<string> {
  const tree = await overlayTree(scope, await debianTree());
  await makeArchive(scope, tree, packages);
  await must(["chroot", tree, "apt-get", "update", "-q"]);
  return tree;
}

/** What the tasks do in the first run, in order. The block's failure is rescued; what is ok then has only looked. */
const firstRun = [
  "base : message of the day: changed",
  "base : time zone: changed",
  "base : root's profile: changed",
  "group of the application: changed",
  "user of the application: changed",
  "administrators: changed",
  "directories: changed",
  "configuration: changed",
  "a name for it: changed",
  "limits of its users: changed",
  "release: ok",
  "the release's files: changed",
  "the current release: changed",
  "look for the licence: ok",
  "there must be one: failed",
  "take the trial's: changed",
  "look at the configuration: ok",
  "it is the application's alone: ok",
  "limits of its machine: changed",
  "packages: changed",
  "its service: changed",
  "a database: changed",
  "what the database said: ok",
  "base : note the greeting: changed",
  "reload the application: changed",
];

/**
 * What check mode cannot know before the first run: times and inode of a file that is not there yet; what apt will simulate in a tree that earlier
 * tasks have changed; and, after apt, whose packages' files nobody can know beforehand, everything that looks at the tree.
 */
const unsure = [
  "look at the configuration",
  "packages",
  "its service",
  "a database",
  "what the database said",
  "base : note the greeting",
  "reload the application",
];

/** Those of them that came out otherwise than check mode expected. */
const unforetold: readonly string[] = [];

/** The runs of one playbook, one after the other. */
interface Runs {
  readonly foretold: Told;
  readonly first: Told;
  readonly second: Told;
  readonly foretoldAfter: Told;
}

function of(told: Told, target: string): Told {
  return { ...told, results: told.results.filter((one) => one.target === target) };
}

/** What every kind of target is held to. */
function assertRuns({ foretold, first, second, foretoldAfter }: Runs, target: string): void {
  for (const told of [foretold, first, second, foretoldAfter]) assert.equal(told.status, 0, brief(told));
  assert.deepEqual(
    of(first, target).results.map((one) => `${one.task}: ${one.status}`),
    firstRun,
  );
  assert.equal(first.recap[target]?.failed, 0, "what was rescued is no failure");
  assertForetold(of(foretold, target), of(first, target), { unsure, unforetold });
  for (const told of [second, foretoldAfter]) {
    assert.equal(told.recap[target]?.changed, 0);
    assert.deepEqual(
      of(told, target).results.filter((one) => !["ok", "skipped"].includes(one.status)),
      [],
    );
  }
  assert.deepEqual(
    of(foretoldAfter, target).results.filter((one) => one.mayChange),
    [],
  );
  assert.deepEqual(
    of(second, target).results.map((one) => `${one.task}: ${one.status}`),
    of(foretoldAfter, target).results.map((one) => `${one.task}: ${one.status}`),
  );
}

async function play(work: Workplace, between: { readonly afterCheck: () => Promise<void> }): Promise<Runs> {
  // what is emulated answers late on a busy machine
  const args = ["-i", join(work.directory, "hosts.yml"), "--connect-timeout", "60", playbook];
  const foretold = await work.play(["--check", ...args]);
  await between.afterCheck();
  return {
    foretold,
    first: await work.play(args),
    second: await work.play(args),
    foretoldAfter: await work.play(["--check", ...args]),
  };
}

function writeInventory(work: Workplace, hosts: Readonly<Record<string, object>>): void {
  work.write("hosts.yml", JSON.stringify({ trees: { hosts } }));
}

describe("a whole play on trees of this machine and over sshd", function () {
  this.timeout(180_000);
  const scope = testScope();
  const trees = new Map<string, string>();
  const names = { debian: "debian", snapshot: "snapshot", remote: "remote" };
  let runs: Runs;
  const changedByCheck = new Map<string, string>();
  const target = (name: string): string => `${name === names.remote ? "away" : "local"}:${trees.get(name) ?? ""}`;

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["mmdebstrap", "dpkg-deb", "mkfs.btrfs", "sshd"],
      paths: [crunPath, "/dev/loop-control"],
    });
    const prepared = await preparedTree(scope);
    const pool = await btrfsPool(scope, { tree: prepared });
    trees.set(names.debian, await overlayTree(scope, prepared));
    trees.set(names.snapshot, await pool.snapshot("web1"));
    trees.set(names.remote, await overlayTree(scope, prepared));
    const host = await sshHost(scope);
    const work = new Workplace(scope);
    const cgroup = `crun-test-${process.pid}`;
    scope.defer(() => {
      for (const path of ["one", "other", "third", ""].map((one) => `/sys/fs/cgroup/pids/${cgroup}/${one}`))
        if (existsSync(path)) rmdirSync(path);
    });
    writeInventory(work, {
      [target(names.debian)]: { cgroup_path: `${cgroup}/one` },
      [target(names.snapshot)]: { cgroup_path: `${cgroup}/other` },
      [target(names.remote)]: {
        cgroup_path: `${cgroup}/third`,
        crun_host: host.host,
        crun_port: host.port,
        crun_identity: host.identityFile,
        crun_known_hosts: host.knownHostsFile,
        crun_user: host.user,
      },
    });
    const before = new Map<string, ReadonlyMap<string, Entry>>();
    for (const [name, tree] of trees) before.set(name, await lookAtTree(tree));
    runs = await play(work, {
      afterCheck: async () => {
        for (const [name, tree] of trees)
          changedByCheck.set(name, describeDifferences(await diffTrees(before.get(name) ?? tree, tree)));
      },
    });
  });

  for (const [name, what] of [
    [names.debian, "a tree by mmdebstrap"],
    [names.snapshot, "a btrfs snapshot of it"],
    [names.remote, "a tree over sshd on loopback"],
  ] as const) {
    it(`${what}: check mode leaves it byte for byte and foretells the run, the second run changes nothing`, () => {
      assert.equal(changedByCheck.get(name), "");
      assertRuns(runs, target(name));
    });

    it(`${what}: it is what the play says`, () => {
      const tree = trees.get(name) ?? "";
      const read = (path: string): string => readFileSync(join(tree, path), "utf8");
      assert.equal(
        read("etc/shop/shop.conf"),
        `# ${target(name)}, debian bookworm on x86_64\nuser = shop\nlisten = 8080\nlisten = 8443\n`,
      );
      assert.equal(read("etc/motd"), "Welcome to shop\n");
      assert.equal(read("srv/shop/data/database"), "shop\n");
      assert.equal(read("srv/shop/current/static/site.css"), "body { color: black }\n");
      assert.equal(statSync(join(tree, "srv/shop/log")).mode & 0o7777, 0o2775);
      assert.equal(read("etc/shop/licence"), "trial");
      assert.ok(existsSync(join(tree, "etc/systemd/system/multi-user.target.wants")));
      assert.match(read("var/lib/dpkg/status"), /^Package: shop-tools\nStatus: install ok installed$/m);
    });
  }
});

describe("a whole play on machines of the lab host, one that runs and one that does not", function () {
  this.timeout(600_000);
  const scope = testScope();
  const machines = ["m1", "m2"] as const;
  let vm: LabVm;
  let runs: Runs;
  const looks = new Map<string, readonly [before: string, after: string]>();

  /** Names, kinds, modes, owners, sizes, links and all times, which no write leaves alone; a machine that runs has a life of its own in /run, /var/log and the like. */
  const look = async (machine: string): Promise<string> =>
    await vm.must(
      `cd /var/lib/machines/${machine} && find . -xdev \\( -path ./run -o -path ./tmp -o -path ./var/log -o -path ./var/tmp \\) -prune -o -printf '%p %y %m %U:%G %s %n %l %T@ %C@\\n' | sort`,
    );

  before(async function () {
    requireOrSkip(this, {
      root: true,
      tools: ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "setpriv", "dpkg-deb"],
      paths: [crunPath],
    });
    const prepared = await preparedTree(scope);
    vm = await labVm(scope, { own: true });
    const archive = join(scope.tempDir("archive"), "archive.tar");
    await must(["tar", "-C", prepared, "-cf", archive, "srv/archive", "etc/apt", "var/lib/apt/lists"]);
    const input = readFileSync(archive);
    for (const machine of machines) await vm.must(`tar -C /var/lib/machines/${machine} -xf -`, { input });
    await vm.startMachine("m1");
    const work = new Workplace(scope);
    const lab = vm.variables;
    work.write(
      "hosts.yml",
      JSON.stringify({ all: { hosts: { lab } }, trees: { hosts: { "lab:m1": {}, "lab:m2": {} } } }),
    );
    const before = new Map<string, string>();
    for (const machine of machines) before.set(machine, await look(machine));
    runs = await play(work, {
      afterCheck: async () => {
        for (const machine of machines) looks.set(machine, [before.get(machine) ?? "", await look(machine)]);
      },
    });
  });

  for (const machine of machines) {
    const what = machine === "m1" ? "one that runs" : "one that does not";
    it(`${what}: check mode leaves it as it was and foretells the run, the second run changes nothing`, () => {
      const [before, after] = looks.get(machine) ?? ["", "not looked at"];
      const known = new Set(before.split("\n"));
      assert.deepEqual(
        after.split("\n").filter((line) => !known.has(line)),
        [],
      );
      assert.equal(after, before);
      assertRuns(runs, `lab:${machine}`);
    });
  }

  const limit = async (machine: string): Promise<string> =>
    (await vm.must(`cat /sys/fs/cgroup/machine.slice/systemd-nspawn@${machine}.service/pids.max`)).trim();

  it("the machine that runs has its limit and its unit at once", async () => {
    assert.equal(await limit("m1"), "500");
    assert.equal((await vm.must("systemd-run -q -M m1 --wait -P systemctl is-enabled shop-server")).trim(), "enabled");
  });

  it("the one that was off has its limit, its service and its files when it starts", async () => {
    assert.equal(await vm.must("cat /var/lib/machines/m2/srv/shop/data/database"), "shop\n");
    await vm.startMachine("m2");
    assert.equal(await limit("m2"), "500");
    assert.equal((await vm.must("systemd-run -q -M m2 --wait -P systemctl is-active shop-server")).trim(), "active");
  });
});
