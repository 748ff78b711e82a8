// apt on real Debian trees, with an archive in the tree itself: the scenarios of Ansible's integration target `apt`, one by one.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { hashTree } from "../lab/hash.js";
import { debianTree, overlayTree } from "../lab/trees.js";
import { assertStates, crunPath, runTasks, type Task } from "./crun-tasks.js";
import { debPath, makeArchive, type Package } from "./local-archive.js";

/** A service whose package wants to start it in every way that packages do; whoever starts it leaves a mark in the tree. */
const daemon: Package = {
  name: "food",
  version: "1.0",
  files: {
    "usr/sbin/food": "#!/bin/sh\necho started >> /var/lib/food-started\nexec sleep 1000\n",
    "etc/init.d/food":
      "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: food\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\necho $1 >> /var/lib/food-started\nstart-stop-daemon --start --background --exec /usr/sbin/food\n",
  },
  scripts: {
    postinst:
      "#!/bin/sh\nset -e\nupdate-rc.d food defaults >/dev/null\ninvoke-rc.d food start\nservice food start\nstart-stop-daemon --start --background --exec /usr/sbin/food\n! command -v deb-systemd-invoke >/dev/null || deb-systemd-invoke start food.service\n",
    prerm: "#!/bin/sh\nset -e\ninvoke-rc.d food stop\n",
  },
};

const packages: readonly Package[] = [
  {
    name: "foo",
    version: "1.0.0",
    files: { "etc/foo.conf": "x\n" },
    fields: [],
    scripts: { conffiles: "/etc/foo.conf\n" },
  },
  { name: "foo", version: "1.0.1", files: { "etc/foo.conf": "x\n" }, scripts: { conffiles: "/etc/foo.conf\n" } },
  { name: "foo", version: "2.0.0", suite: "testing" },
  { name: "foo", version: "2.0.1", suite: "testing" },
  { name: "foobar", version: "1.0.0", fields: ["Depends: foo"] },
  { name: "foobar", version: "1.0.1" },
  { name: "foo-traditional", version: "1.0", fields: ["Conflicts: foo"] },
  { name: "bar", version: "1.0.0" },
  { name: "baz", version: "1.0.0", fields: ["Depends: bar", "Recommends: foobar"] },
  { name: "libparent", version: "1.0", fields: ["Depends: libchild"] },
  { name: "libchild", version: "1.0" },
  { name: "provider", version: "1.0", fields: ["Provides: virtual-word"] },
  { name: "native", version: "1.0", architecture: "amd64", fields: ["Multi-Arch: same"] },
  { name: "native", version: "1.0", architecture: "i386", fields: ["Multi-Arch: same"] },
  daemon,
];

const sorted = (items: Iterable<string>): string[] => [...items].sort();

describe("Ansible's integration target apt, on real trees", function () {
  this.timeout(600_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "dpkg-deb"], paths: [crunPath] });
  });
  const scope = testScope();
  let pristine: string;
  let tree: string;

  before(async () => {
    pristine = await overlayTree(scope, await debianTree());
    await makeArchive(scope, pristine, packages);
    await must(["chroot", pristine, "apt-get", "update", "-q"]);
    await must(["chroot", pristine, "apt-get", "clean"]);
  });
  beforeEach(async () => {
    tree = await overlayTree(scope, pristine);
  });

  const versionOf = async (name: string): Promise<string | undefined> => {
    const { status, stdout } = await run([
      "dpkg-query",
      `--admindir=${tree}/var/lib/dpkg`,
      "-W",
      "-f=${Version} ${db:Status-Status}",
      name,
    ]);
    return status === 0 && stdout.endsWith(" installed") ? stdout.split(" ")[0] : undefined;
  };
  const apt = (params: object, more: Task = {}): Task => ({ apt: params, ...more });
  const states = async (...steps: readonly (readonly [Task, string])[]) => {
    const told = await runTasks(
      scope,
      tree,
      steps.map(([task]) => task),
    );
    assertStates(
      told,
      steps.map(([, state]) => state),
    );
    return told;
  };
  const check = { check_mode: true };

  it("1: nothing is removed that is not there, and lists are left alone", async () => {
    const told = await states([apt({ pkg: "foo", state: "absent", update_cache: false }), "ok"]);
    assert.equal(told[0]?.result["cache_updated"], false);
  });

  it("2: patterns install and remove", async () => {
    await states(
      [apt({ name: ["foo*=1.0.0"], state: "absent" }), "ok"],
      [apt({ name: ["libc?ild", "libpar*"] }), "changed"],
      [apt({ name: ["libc?ild", "libpar*"] }), "ok"],
      [apt({ pkg: ["libc?ild", "libpar*"], state: "absent" }), "changed"],
    );
    assert.equal(await versionOf("libchild"), undefined);
  });

  it("3: lists are renewed once, in check mode and in truth", async () => {
    const lists = `${tree}/var/lib/apt/lists`;
    utimesSync(lists, 1, 1);
    const before = readdirSync(lists);
    const told = await states(
      [apt({ update_cache: true, cache_valid_time: 3600 }, check), "changed"],
      [apt({ update_cache: true, cache_valid_time: 3600 }), "changed"],
      [apt({ update_cache: true, cache_valid_time: 3600 }, check), "ok"],
      [apt({ update_cache: true, cache_valid_time: 3600 }), "ok"],
    );
    assert.equal(told[1]?.result["cache_updated"], true);
    assert.ok(Number(told[3]?.result["cache_update_time"]) > 1_700_000_000);
    assert.deepEqual(sorted(readdirSync(lists)), sorted(before));
  });

  it("4: a package is installed once, and tells what apt said; removed once", async () => {
    const told = await states(
      [apt({ name: "foo" }), "changed"],
      [apt({ name: "foo" }), "ok"],
      [apt({ name: "foo", state: "absent" }), "changed"],
      [apt({ name: "foo", state: "absent" }), "ok"],
    );
    for (const key of [
      "changed",
      "cache_updated",
      "cache_update_time",
      "stdout",
      "stderr",
      "stdout_lines",
      "stderr_lines",
    ])
      assert.ok(key in (told[0]?.result ?? {}), key);
    assert.match(String(told[0]?.result["stdout"]), /Setting up foo \(1\.0\.1\)/);
  });

  it("5: a version by pattern", async () => {
    await states([apt({ name: "foo=1.*" }), "changed"], [apt({ name: "foo=1.*" }), "ok"]);
    assert.equal(await versionOf("foo"), "1.0.1");
  });

  it("6: fail_on_autoremove does not let another package go", async () => {
    const told = await states(
      [apt({ pkg: "foo" }), "changed"],
      [apt({ pkg: "foo-traditional", fail_on_autoremove: true }), "failed"],
    );
    assert.equal(await versionOf("foo"), "1.0.1");
    assert.match(told[1]?.message ?? "", /Packages need to be removed but remove is disabled/);
  });

  it("7: a file is installed once, by force too", async () => {
    const deb = debPath("foo", "1.0.0");
    await states(
      [apt({ deb }), "changed"],
      [apt({ deb }), "ok"],
      [apt({ name: "foo", state: "absent" }), "changed"],
      [apt({ deb, force: true }), "changed"],
    );
    assert.equal(await versionOf("foo"), "1.0.0");
  });

  it("8: a file from a URL is installed once, and leaves nothing but the package", async () => {
    const deb = `file://${debPath("foo", "1.0.0")}`;
    await states([apt({ deb }, check), "changed"], [apt({ deb }), "changed"], [apt({ deb }), "ok"]);
    assert.equal(await versionOf("foo"), "1.0.0");
    assert.deepEqual(readdirSync(`${tree}/tmp`), []);
  });

  it("9: more packages beside an upgrade of all are refused", async () => {
    const { crun } = await import("./crun-tasks.js");
    const playbook = `${scope.tempDir("refused")}/site.yml`;
    writeFileSync(
      playbook,
      JSON.stringify([{ hosts: `local:${tree}`, tasks: [apt({ name: ["*", "foo"], state: "latest" })] }]),
    );
    const { status, stderr } = await crun(["play", playbook]);
    assert.equal(status, 1);
    assert.match(stderr, /unable to install additional packages when upgrading all installed packages/);
  });

  it("10: autoclean beside an install", async () => {
    await states([apt({ pkg: "foo", state: "present", autoclean: true }), "changed"]);
  });

  it("11: a source that cannot be had fails with apt's own words", async () => {
    writeFileSync(`${tree}/etc/apt/sources.list`, "deb [trusted=yes] file:/missing/archive stable main\n");
    const [told] = await states([apt({ update_cache: true }), "failed"]);
    assert.match(told?.message ?? "", /Failed to update apt cache: .*file:\/missing\/archive/s);
  });

  it("12: what came for another package is marked as wanted when it is asked for, which is no change", async () => {
    await states([apt({ name: "libparent" }), "changed"]);
    assert.match(await must(["chroot", tree, "apt-mark", "showauto"]), /^libchild$/m);
    await states([apt({ name: "libchild" }, check), "ok"]);
    assert.match(await must(["chroot", tree, "apt-mark", "showauto"]), /^libchild$/m);
    await states([apt({ name: "libchild" }), "ok"], [apt({ name: "libchild" }), "ok"]);
    assert.doesNotMatch(await must(["chroot", tree, "apt-mark", "showauto"]), /^libchild$/m);
  });

  it("13: a service is not started, and nothing is left of what kept it down", async () => {
    await states([apt({ name: "food", policy_rc_d: 101 }), "changed"]);
    assert.equal(existsSync(`${tree}/var/lib/food-started`), false);
    assert.equal(existsSync(`${tree}/usr/sbin/policy-rc.d`), false);
    assert.deepEqual(await processesIn(tree), []);
    await states([apt({ name: "food", state: "absent", purge: true }), "changed"]);
    assert.equal(existsSync(`${tree}/var/lib/food-started`), false);
  });

  it("14: a service is not started without policy_rc_d either, since the tree is not booted", async () => {
    await states([apt({ name: "food" }), "changed"]);
    assert.equal(existsSync(`${tree}/var/lib/food-started`), false);
    assert.ok(existsSync(`${tree}/etc/rc2.d/S01food`), "it is enabled nevertheless");
    assert.deepEqual(await processesIn(tree), []);
    assert.deepEqual(readdirSync(`${tree}/run`), readdirSync(`${pristine}/run`));
  });

  it("15: the tree's own policy-rc.d stays byte for byte, whatever it says", async () => {
    const path = `${tree}/usr/sbin/policy-rc.d`;
    writeFileSync(path, "apiVersion: nonsense\n");
    await states([apt({ name: "food", policy_rc_d: 101 }), "changed"]);
    assert.equal(readFileSync(path, "utf8"), "apiVersion: nonsense\n");
    assert.equal(existsSync(`${tree}/var/lib/food-started`), false);
  });

  it("16: what is on hold is changed and removed only where that is allowed", async () => {
    await states([apt({ name: "foo=1.0.0" }), "changed"]);
    await must(["chroot", tree, "apt-mark", "hold", "foo"]);
    const told = await states([apt({ name: "foo", state: "latest" }), "failed"]);
    assert.match(String(told[0]?.result["stderr"]), /--allow-change-held-packages/);
    assert.equal(await versionOf("foo"), "1.0.0");
    await states(
      [apt({ name: "foo", state: "latest", allow_change_held_packages: true }), "changed"],
      [apt({ name: "foo", state: "latest", allow_change_held_packages: true }), "ok"],
    );
    assert.equal(await versionOf("foo"), "1.0.1");
    await must(["chroot", tree, "apt-mark", "hold", "foo"]);
    await states(
      [apt({ name: "foo", state: "absent" }), "failed"],
      [apt({ name: "foo", state: "absent", allow_change_held_packages: true }), "changed"],
    );
    assert.equal(await versionOf("foo"), undefined);
  });

  it("17: a word that one package provides is installed once", async () => {
    await states(
      [apt({ name: "virtual-word", state: "latest" }), "changed"],
      [apt({ name: "virtual-word", state: "latest" }), "ok"],
      [apt({ name: "virtual-word" }), "ok"],
      [apt({ name: "provider", state: "absent" }), "changed"],
    );
  });

  it("18: what was downloaded is cleaned, and apt's caches with it", async () => {
    const cache = `${tree}/var/cache/apt`;
    await must(["chroot", tree, "apt-get", "check", "-q"]);
    writeFileSync(`${cache}/archives/x_1_all.deb`, "x");
    await states([apt({ clean: true }), "changed"], [apt({ clean: true }), "ok"]);
    assert.deepEqual(readdirSync(cache), ["archives"]);
    assert.equal(existsSync(`${cache}/archives/x_1_all.deb`), false);
  });

  it("19: an older version is installed only where that is allowed", async () => {
    const told = await states(
      [apt({ name: "foo", state: "latest", allow_unauthenticated: true }), "changed"],
      [apt({ name: "foo=1.0.0" }), "failed"],
      [apt({ name: "foo=1.0.0", allow_downgrade: true }), "changed"],
      [apt({ name: "foo=1.0.0", allow_downgrade: true }), "ok"],
    );
    assert.match(told[1]?.message ?? "", /--allow-downgrades/);
    assert.match(told[1]?.remedy ?? "", /allow_downgrade: true/);
    assert.equal(await versionOf("foo"), "1.0.0");
  });

  it("20: a version, the newest, and one that nobody has", async () => {
    await states([apt({ name: "foo=1.0.0" }), "changed"], [apt({ name: "foo", state: "latest" }), "changed"]);
    assert.equal(await versionOf("foo"), "1.0.1");
    const told = await states([apt({ name: "foo=99" }), "failed"], [apt({ name: "foo=99" }, check), "failed"]);
    assert.match(told[0]?.message ?? "", /no available installation candidate for foo=99/);
  });

  it("21: only_upgrade leaves alone what is not installed", async () => {
    await states(
      [apt({ name: "foo=1.0.1", only_upgrade: true }), "ok"],
      [apt({ name: "foo=1.0.0" }), "changed"],
      [apt({ name: "foobar=1.0.1,foo=1.0.1", only_upgrade: true }), "changed"],
    );
    assert.equal(await versionOf("foo"), "1.0.1");
    assert.equal(await versionOf("foobar"), undefined);
  });

  it("22: another release is taken where it is asked for", async () => {
    await states(
      [apt({ name: "foo=1.0.0" }), "changed"],
      [apt({ name: "foo", default_release: "testing" }), "ok"],
      [apt({ name: "foo", default_release: "testing", state: "latest" }), "changed"],
      [apt({ name: "foo>=2.0.0" }), "ok"],
    );
    assert.equal(await versionOf("foo"), "2.0.1");
  });

  for (const upgrade of ["dist", "safe", "full", "yes"]) {
    it(`23: upgrade: ${upgrade} brings everything up to date, once`, async () => {
      await states(
        [apt({ name: "foo=1.0.0" }), "changed"],
        [apt({ upgrade }, check), "changed"],
        [apt({ upgrade, force_apt_get: true }), "changed"],
        [apt({ upgrade }), "ok"],
      );
      assert.equal(await versionOf("foo"), "1.0.1");
    });
  }

  it("24: an upgrade with autoremove takes away what is needed no more", async () => {
    await states(
      [apt({ name: "foobar=1.0.0" }), "changed"],
      [apt({ upgrade: "dist", autoremove: true }), "changed"],
      [apt({ upgrade: "dist", autoremove: true }), "ok"],
    );
    assert.deepEqual([await versionOf("foobar"), await versionOf("foo")], ["1.0.1", undefined]);
  });

  it("25: autoremove alone, in check mode and in truth", async () => {
    await states(
      [apt({ name: "libparent" }), "changed"],
      [apt({ name: "libparent", state: "absent" }), "changed"],
      [apt({ autoremove: true }, check), "changed"],
      [apt({ autoremove: true }), "changed"],
      [apt({ autoremove: true }), "ok"],
    );
    assert.equal(await versionOf("libchild"), undefined);
  });

  it("26: a file comes with what it depends on, and with what it recommends where that is asked for", async () => {
    await states(
      [apt({ deb: debPath("baz", "1.0.0"), install_recommends: true }, check), "changed"],
      [apt({ deb: debPath("baz", "1.0.0"), install_recommends: true }), "changed"],
    );
    assert.deepEqual(
      [await versionOf("baz"), await versionOf("bar"), await versionOf("foobar")],
      ["1.0.0", "1.0.0", "1.0.1"],
    );
  });

  it("27: recommended packages are left out where that is asked for", async () => {
    await states([apt({ name: "baz", install_recommends: false }), "changed"]);
    assert.deepEqual([await versionOf("bar"), await versionOf("foobar")], ["1.0.0", undefined]);
  });

  it("28: another architecture", async () => {
    await must(["chroot", tree, "dpkg", "--add-architecture", "i386"]);
    await states(
      [apt({ update_cache: true }), "changed"],
      [apt({ name: "native:i386" }), "changed"],
      [apt({ name: "native:i386" }), "ok"],
      [apt({ name: "native" }), "changed"],
      [apt({ name: "native:i386", state: "absent" }), "changed"],
      [apt({ name: "native" }), "ok"],
    );
    await states(
      [apt({ deb: debPath("native", "1.0", "i386") }), "changed"],
      [apt({ deb: debPath("native", "1.0", "i386") }), "ok"],
    );
  });

  it("29: configuration files go with purge alone", async () => {
    await states([apt({ name: "foo" }), "changed"], [apt({ name: "foo", state: "absent" }), "changed"]);
    assert.ok(existsSync(`${tree}/etc/foo.conf`));
    await states(
      [apt({ name: "foo", state: "absent" }), "ok"],
      [apt({ name: "foo", state: "absent", purge: true }), "changed"],
      [apt({ name: "foo", state: "absent", purge: true }), "ok"],
    );
    assert.equal(existsSync(`${tree}/etc/foo.conf`), false);
  });

  it("30: check mode leaves the tree byte for byte as it was, and foretells what the run then does", async () => {
    const tasks = [
      apt({ name: "nosuch" }),
      apt({ name: ["foo=1.0.0", "libparent"] }),
      apt({ name: "foo=1.0.0" }),
      { package: { name: "provider", state: "present" } },
      apt({ name: "libparent", state: "absent" }),
    ];
    const before = await hashTree(tree);
    const foretold = await runTasks(scope, tree, tasks, ["--check"]);
    assert.deepEqual(await hashTree(tree), before);
    const done = await runTasks(scope, tree, tasks);
    assert.deepEqual(
      foretold.map((one) => one.status),
      done.map((one) => one.status),
    );
    assertStates(done, ["failed", "changed", "ok", "changed", "changed"]);
  });

  it("31: a name that apt does not know fails and says what to do, in check mode too", async () => {
    const told = await states([apt({ name: "nosuch" }, check), "failed"], [apt({ name: "nosuch" }), "failed"]);
    assert.match(told[0]?.message ?? "", /No package matching 'nosuch' is available/);
    assert.match(told[0]?.remedy ?? "", /update_cache: true/);
  });
});

/** Processes of this machine whose root is the tree. */
async function processesIn(tree: string): Promise<string[]> {
  const { stdout } = await run(["find", "/proc", "-maxdepth", "2", "-name", "root", "-lname", `${tree}*`]);
  return stdout.split("\n").filter(Boolean);
}
