// Trees stored as overlays: apart from each other and their base, which is held; mounted again when their mount is gone.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileSystem } from "../lab/file-systems.js";
import { describeDifferences, diffTrees } from "../lab/hash.js";
import { mountPointsBelow, mountTable } from "../lab/mounts.js";
import { runKilled } from "../lab/killed.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { assertSame, richTree, TreePlays } from "./tree-plays.js";
import { mountUnitName } from "../../src/tree/backends/mount-unit.js";

describe("trees stored as overlays", function () {
  this.timeout(120_000);
  const scope = testScope();
  let plays: TreePlays;
  const web = (name: string, more = {}) => ({ name, backend: "overlay", clone: { base: "base" }, ...more });
  const removed = (name: string) => ({ name, state: "absent" });
  const isMounted = (name: string): boolean =>
    mountTable().some(({ mountPoint, type }) => mountPoint === plays.path(name) && type === "overlay");
  const layers = (): string[] => {
    const all = plays.path(".crun/overlay");
    return existsSync(all) ? readdirSync(all) : [];
  };

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["mkfs.ext4", "setfacl", "setfattr", "flock", "mountpoint"] });
    plays = new TreePlays(scope, await fileSystem(scope, "ext4", 64));
    scope.defer(async () => {
      for (const path of mountPointsBelow(plays.trees)
        .filter((one) => one !== plays.trees)
        .toReversed())
        await must(["umount", path]);
    });
    await richTree(plays.path("base"));
    writeFileSync(plays.path("base/etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  });

  it("are what their base is; what is written stays theirs, and the base is held as it is", async () => {
    assert.equal(
      (await plays.makes(web("web1", { clone: { base: "base", reset_identity: false } })))["backend"],
      "overlay",
    );
    await plays.makes(web("web2"));
    await assertSame(plays.path("base"), plays.path("web1"));
    assert.equal(readFileSync(plays.path("web2/etc/machine-id"), "utf8"), "");
    rmSync(plays.path("web1/etc/other-name"));
    writeFileSync(plays.path("web1/etc/new"), "web1");
    assert.ok(existsSync(plays.path("base/etc/other-name")) && existsSync(plays.path("web2/etc/other-name")));
    assert.ok(!existsSync(plays.path("web2/etc/new")));
    assert.throws(() => writeFileSync(plays.path("base/etc/new"), ""), { code: "EROFS" });
    await plays.finds(web("web2"));
    await plays.refuses(removed("base"), /is the base of web1, web2, which share its storage/);
    assert.deepEqual(plays.unfinished(), []);
    assert.equal(statSync(plays.path(".crun/overlay")).mode & 0o77, 0);
  });

  it("are mounted again by the next task where their mount is gone, as after a restart of the host", async () => {
    await must(["umount", plays.path("web1")]);
    await must(["umount", plays.path("base")]);
    assert.deepEqual(readdirSync(plays.path("web1")), []);
    await plays.makes(web("web1", { clone: { base: "base", reset_identity: false } }));
    assert.equal(readFileSync(plays.path("web1/etc/new"), "utf8"), "web1");
    assert.throws(() => writeFileSync(plays.path("base/etc/new"), ""), { code: "EROFS" });
    await plays.finds(web("web1", { clone: { base: "base", reset_identity: false } }));
    // Its place may be gone as well.
    await must(["umount", plays.path("web2")]);
    rmSync(plays.path("web2"), { recursive: true });
    await plays.makes(web("web2"));
    assert.ok(isMounted("web2") && existsSync(plays.path("web2/etc/plain")));
  });

  it("of an overlay are overlays of the same base, with what differs from it", async () => {
    await plays.makes({ name: "web3", backend: "overlay", clone: { base: "web1", reset_identity: false } });
    const differences = await diffTrees(plays.path("web1"), plays.path("web3"));
    assert.deepEqual(differences, [], describeDifferences(differences));
    assert.equal(readFileSync(plays.path("web3/etc/new"), "utf8"), "web1");
    assert.ok(!existsSync(plays.path("web3/etc/other-name")));
    writeFileSync(plays.path("web3/etc/new"), "web3");
    assert.equal(readFileSync(plays.path("web1/etc/new"), "utf8"), "web1");
    await plays.makes(removed("web1"));
    assert.equal(readFileSync(plays.path("web3/etc/plain"), "utf8").length, 300_000);
  });

  it("are made anew in the place of the old one, and of a tree that was stored otherwise", async () => {
    writeFileSync(plays.path("web2/etc/gone"), "");
    await plays.makes(web("web2", { clone: { base: "base", reset_identity: false }, recreate: true }));
    assert.ok(isMounted("web2") && !existsSync(plays.path("web2/etc/gone")));
    await plays.makes({ name: "web4", scratch: true });
    await plays.makes(web("web4", { recreate: true }));
    assert.ok(isMounted("web4") && existsSync(plays.path("web4/etc/plain")));
    await plays.makes({ name: "web4", scratch: true, recreate: true, backend: "directory" });
    assert.ok(!isMounted("web4") && !existsSync(plays.path("web4/etc")));
    assert.deepEqual(plays.unfinished(), []);
    assert.deepEqual(readdirSync(plays.path(".crun/overlay/base")).toSorted(), ["web2", "web3"]);
  });

  it("are not removed while something runs in them; the last one lets the base go", async () => {
    const inside = spawn("sleep", ["300"], { cwd: plays.path("web2") });
    await plays.refuses(removed("web2"), /busy/);
    await new Promise((resolve) => inside.once("close", resolve).kill());
    for (const name of ["web2", "web3", "web4"]) await plays.makes(removed(name));
    assert.deepEqual(plays.names(), ["base"]);
    assert.deepEqual(layers(), []);
    assert.deepEqual(mountPointsBelow(plays.trees), [plays.trees]);
    writeFileSync(plays.path("base/etc/new"), "");
    rmSync(plays.path("base/etc/new"));
  });

  it("are refused where they cannot be", async () => {
    await plays.refuses({ name: "web1", backend: "overlay", scratch: true }, /an overlay needs a base/);
    mkdirSync(join(plays.trees, "other"), { recursive: true });
    await plays.refuses(
      { name: "web1", backend: "overlay", clone: { base: plays.path("other/none") } },
      /there is no tree .*other\/none/,
    );
    mkdirSync(plays.path("other/base"));
    await plays.refuses(
      { name: "web1", backend: "overlay", clone: { base: plays.path("other/base") } },
      /does not lie beside the tree/,
    );
    await plays.refuses(web("web1", { size: "1G" }), /stored as overlay has no limit of size/);
    rmSync(plays.path("other"), { recursive: true });
    const odd = new TreePlays(scope, plays.path("a,b"));
    mkdirSync(join(odd.trees, "base"), { recursive: true });
    await odd.refuses(web("web1"), /holds a character that the mount options of an overlay cannot/);
  });

  it("killed at any moment leave nothing mounted but whole trees, and the next run converges", async () => {
    const moments = 6;
    const names = ["k1", "k2", "k3"];
    const work = new Workplace(scope, {
      hosts: `${names.map((name) => `local:${name}\n`).join("")}[all:vars]\ncrun_trees=${plays.trees}\n`,
      "site.yml": JSON.stringify([{ hosts: "all", tasks: [{ tree: { clone: "base", backend: "overlay" } }] }]),
      "gone.yml": JSON.stringify([{ hosts: "all", tasks: [{ tree: { state: "absent" } }] }]),
    });
    const argv = [process.execPath, crunPath, "play", "site.yml", "-i", "hosts"];
    const options = { cwd: work.directory, env: work.environment };
    const whole = await runKilled(argv, "nobody", 0, options);
    assert.equal(whole.end, "0", whole.output);
    const allowed = new Set([...names, "base"].map((name) => plays.path(name)));
    let hit = 0;
    for (let moment = 0; moment < moments; moment++) {
      const gone = await work.play(["gone.yml", "-i", "hosts"]);
      assert.equal(gone.status, 0, gone.all);
      const afterMs = ((moment + 0.5) / moments) * whole.ranMs;
      const left = await runKilled(argv, moment % 2 === 0 ? "controller" : "helper", afterMs, options);
      if (left.end !== "0") hit++;
      const what = `killed after ${afterMs.toFixed(1)} of ${whole.ranMs.toFixed(1)} ms`;
      assert.deepEqual(left.processes, [], what);
      assert.deepEqual(
        left.mounts.filter((path) => !allowed.has(path)),
        [],
        what,
      );
      const next = await work.play(["site.yml", "-i", "hosts"]);
      assert.equal(next.status, 0, `${what}\n${next.all}`);
      for (const name of names) assert.equal(readFileSync(plays.path(`${name}/etc/machine-id`), "utf8"), "", what);
      assert.deepEqual(readdirSync(plays.path(".crun/overlay/base")).toSorted(), names, what);
      assert.deepEqual(plays.unfinished(), [], what);
    }
    assert.ok(hit >= moments / 3, `only ${hit} runs of ${moments} were hit`);
    await work.play(["gone.yml", "-i", "hosts"]);
    assert.deepEqual(layers(), []);
  });

  it("lie on xfs and btrfs, too", async () => {
    for (const kind of ["xfs", "btrfs"] as const) {
      const there = new TreePlays(scope, await fileSystem(scope, kind));
      await richTree(there.path("base"));
      await there.makes(web("web1", { clone: { base: "base", reset_identity: false } }));
      await assertSame(there.path("base"), there.path("web1"));
      writeFileSync(there.path("web1/etc/new"), "web1");
      assert.ok(!existsSync(there.path("base/etc/new")));
      await there.makes(removed("web1"));
      assert.deepEqual(mountPointsBelow(there.trees), [there.trees]);
    }
  });

  it("have units of systemd named as systemd names them", async () => {
    for (const path of ["/var/lib/machines/web1", "/srv/.a/b-c d@e+f", "/x/ä"]) {
      const done = await run(["systemd-escape", "--path", "--suffix=mount", path]);
      assert.equal(mountUnitName(path), done.stdout.trim());
    }
  });
});
