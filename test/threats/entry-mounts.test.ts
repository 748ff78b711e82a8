// What a tree puts in the way of its entry's mounts: links, files, fifos and nothing in place of directories, a procfs of its own, names that are
// swapped meanwhile, mounts that would spread.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import type { Entry, TreeSession } from "../../src/target/session.js";
import {
  entrances,
  execute,
  holes,
  payload,
  Tally,
  tools,
  withstandsEntry,
  type Done,
  type Entrance,
  type Way,
} from "./hostile-entries.js";
import type { Scene } from "./oracle.js";

/** Rounds of each race; the long version is run by hand. */
const rounds = Number(process.env["CRUN_THREAT_ROUNDS"] ?? 15);
/** Mounts that one whole entry makes and verifies (calls of mount_fresh and mount_bind). */
const mountsOfEntry = { unshare: 31, rootless: 31, chroot: 5, nspawn: 3 } as const;

const optionsOf = (way: Way): { readonly entry: Entry; readonly isHostRoot: boolean } => ({
  entry: way === "rootless" ? "unshare" : way,
  isHostRoot: false,
});

/** Root of a chroot is not held anyhow, and the host's /dev is its own. */
const whoOf = (way: Way): string => (way === "chroot" ? "1000:1000" : "root");

/** A directory of the host's, apart from all that the tests of this file make. */
const elsewhere = `/var/tmp/crun-threat-${process.pid}`;

interface Shape {
  readonly name: string;
  readonly put: (path: string, place: Scene) => void;
}

const shapes: readonly Shape[] = [
  { name: "nothing", put: () => undefined },
  { name: "a file", put: (path) => writeFileSync(path, "own") },
  { name: "a fifo", put: (path) => execFileSync("mkfifo", [path]) },
  { name: "a device", put: (path) => execFileSync("mknod", [path, "c", "1", "3"]) },
  { name: "a link to the host's directory", put: (path, { host }) => symlinkSync(host, path) },
  // systemd-nspawn works in a mount namespace whose /tmp is another: what lies there is out of its reach anyhow.
  { name: "a link to the host's /var/tmp", put: (path) => symlinkSync(elsewhere, path) },
  { name: "a relative link out", put: (path) => symlinkSync("../../../../../../../../host", path) },
  {
    name: "a relative link beside the tree",
    put: (path) => symlinkSync(path.includes("/etc/") ? "../../host" : "../host", path),
  },
  { name: "a link to nowhere", put: (path) => symlinkSync("/nowhere", path) },
  { name: "a link to itself", put: (path) => symlinkSync(path.slice(path.lastIndexOf("/") + 1), path) },
  { name: "a link to another directory of the tree", put: (path) => symlinkSync("/srv", path) },
  { name: "a link through procfs", put: (path) => symlinkSync("/proc/1/root", path) },
  {
    name: "a directory that is closed",
    put: (path) => {
      mkdirSync(path);
      chmodSync(path, 0);
    },
  },
];

const names = ["dev", "proc", "sys", "run", "tmp", "etc", "etc/resolv.conf", "root"] as const;

describe("threats: what is in the way of mounts", function () {
  this.timeout(Math.max(60_000, rounds * 4000));
  const scope = testScope();
  const tally = new Tally();
  let all: ReadonlyMap<Way, Entrance>;

  before(async function () {
    requireOrSkip(this, { root: true, tools: [...tools, "mkfifo", "mknod"] });
    payload();
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "secret"), "");
    scope.defer(() => rmSync(elsewhere, { recursive: true }));
    all = new Map((await entrances(scope, ["unshare", "chroot", "nspawn", "rootless"])).map((one) => [one.way, one]));
    for (const { place } of all.values()) {
      // Beneath /dev, which a mount hides, as they were made to lead.
      for (const name of ["null", "zero", "console", "ptmx", "tty"])
        symlinkSync(join(place.host, "secret"), join(place.tree, "dev", name));
      for (const name of ["pts", "shm", "mqueue"]) symlinkSync(place.host, join(place.tree, "dev", name));
      writeFileSync(join(place.tree, "etc/resolv.conf"), "nameserver 192.0.2.1\n");
    }
  });

  after(() => tally.tell("in the way of mounts"));

  const look = (one: Entrance, tree: TreeSession): Promise<Done> =>
    execute(tree, ["/bin/payload", "sight", "secret"], { user: whoOf(one.way) });

  /** An entry of its own for each look: refused in words, or it shows nothing of the host's and writes nothing there. */
  async function lookAnew(one: Entrance, what: string): Promise<Done> {
    const hosts = (): string => [one.place.host, elsewhere].map((path) => readdirSync(path).join(" ")).join("; ");
    const host = hosts();
    const tree = one.open();
    const done = await look(one, tree);
    await tree.close();
    assert.deepEqual(holes(done.out), [], `${what}: ${done.refusal}`);
    assert.ok(!(done.out + done.refusal).includes(one.place.secret), what);
    assert.ok(done.exit?.kind === "exited" || done.refusal !== "", `${what}: neither entered nor refused`);
    assert.equal(hosts(), host, what);
    return done;
  }

  const inTurn = (way: Way): Entrance => {
    const one = all.get(way);
    if (!one) throw new Error(way);
    return one;
  };

  for (const way of ["unshare", "chroot", "nspawn", "rootless"] as const) {
    it(`row 7 (${way}): links, files, fifos, devices and nothing where directories belong are refused, or lead nowhere`, async () => {
      const one = inTurn(way);
      // systemd-nspawn takes its time: the shapes that lead out.
      const wanted = way === "nspawn" ? shapes.filter(({ name }) => / beside|host's/.test(name)) : shapes;
      const at = way === "unshare" ? names : (["dev", "run", "proc", "etc/resolv.conf"] as const);
      await withstandsEntry(one, 40_000, async () => {
        for (const name of at) {
          for (const { name: shape, put } of wanted) {
            const path = join(one.place.tree, name);
            renameSync(path, `${path}.own`);
            try {
              put(path, one.place);
              await lookAnew(one, `${name} as ${shape}`);
            } finally {
              // systemd-nspawn makes what is missing.
              rmSync(path, { recursive: true, force: true });
              renameSync(`${path}.own`, path);
            }
            tally.count(7, way, "");
          }
        }
      });
    });

    it(`row 8 (${way}): a procfs that the tree made up is hidden by the real one`, async () => {
      const one = inTurn(way);
      const proc = join(one.place.tree, "proc");
      await must(["mount", "-t", "tmpfs", "fake", proc]);
      scope.defer(() => void execFileSync("umount", [proc]));
      for (const name of ["self/attr", "self/fd", "sys/kernel", "1"]) mkdirSync(join(proc, name), { recursive: true });
      for (const name of ["self/attr/exec", "self/attr/current", "sys/kernel/core_pattern", "1/status", "mounts"])
        writeFileSync(join(proc, name), "fake");
      for (const name of ["thread-self", "self/exe", "self/root"]) symlinkSync(one.place.host, join(proc, name));
      const done = await withstandsEntry(one, 10_000, () => lookAnew(one, "a procfs of the tree's"));
      // systemd-nspawn does not get by it.
      if (way !== "nspawn" || done.refusal === "")
        assert.match(done.out, /^\/proc made$/m, `${done.refusal}${done.out}`);
      tally.count(8, way, "");
    });

    it(`row 16 (${way}): mounts that root makes in a tree whose mounts are shared with the host are seen nowhere else`, async () => {
      const one = inTurn(way);
      const { tree } = one.place;
      const shared = join(tree, "shared");
      await must(["mount", "--bind", tree, tree]);
      scope.defer(() => void execFileSync("umount", ["--recursive", tree]));
      await must(["mount", "--make-rshared", tree]);
      await must(["mount", "-t", "tmpfs", "shared", shared]);
      await must(["mount", "--make-rshared", shared]);
      mkdirSync(join(shared, "below"));
      const done = await withstandsEntry(
        { ...one, open: () => one.session.openTree(tree, optionsOf(way)) },
        15_000,
        (opened) => execute(opened, ["/bin/payload", "mount-much"]),
      );
      // Root of a chroot alone may mount at all.
      assert.equal(/row 16 mounted [1-9]/.test(done.out), way === "chroot", done.out + done.refusal);
      assert.match(done.out, /row 16 mounted/, done.refusal);
      tally.count(16, way, "");
    });

    // The last of its tree, which keeps what the race is run with.
    it(`row 9 (${way}): targets that are swapped while the entry is made lead nowhere`, async () => {
      const one = inTurn(way);
      const { tree, host } = one.place;
      const swapped = ["dev", "sys", "run", "tmp", "etc"];
      for (const name of ["dev", "sys", "run", "tmp"])
        symlinkSync(way === "nspawn" ? elsewhere : host, join(tree, `${name}.swapped`));
      mkdirSync(join(tree, "etc.swapped"));
      writeFileSync(join(tree, "etc.swapped/passwd.swapped"), "");
      writeFileSync(join(tree, "etc.swapped/passwd"), "root:x:0:0::/:/bin/sh\nuser:x:0:0::/:/bin/sh\n");
      symlinkSync(join(host, "secret"), join(tree, "etc.swapped/resolv.conf"));
      symlinkSync(join(host, "secret"), join(tree, "etc/resolv.swapped"));
      const count = way === "nspawn" ? Math.ceil(rounds / 8) : rounds;
      let entered = 0;
      await withstandsEntry(one, 10_000 + count * 3000, async () => {
        // One target at a time, so that about every second entry finds all in order at its end.
        for (const [index, name] of swapped.entries()) {
          const racers = [
            [tree, name, `${name}.swapped`],
            [join(tree, "etc"), "resolv.conf", "resolv.swapped"],
          ].map((argv) => spawn(payload(), ["exchange", ...argv], { stdio: ["ignore", "pipe", "ignore"] }));
          await Promise.all(racers.map((racer) => new Promise((resolve) => racer.stdout?.once("data", resolve))));
          try {
            for (let turn = index; turn < count; turn += swapped.length) {
              const done = await lookAnew(one, `round ${turn}, ${name}`);
              if (done.exit?.kind === "exited") entered++;
              tally.count(9, way, "");
            }
          } finally {
            const ends = racers.map((racer) => new Promise((resolve) => racer.once("close", resolve)));
            for (const racer of racers) racer.kill("SIGKILL");
            await Promise.all(ends);
          }
          // As it was for the next one.
          if (!lstatSync(join(tree, name)).isSymbolicLink() && !existsSync(join(tree, name, "passwd.swapped")))
            continue;
          renameSync(join(tree, name), join(tree, "aside"));
          renameSync(join(tree, `${name}.swapped`), join(tree, name));
          renameSync(join(tree, "aside"), join(tree, `${name}.swapped`));
        }
      });
      const mounts = entered * mountsOfEntry[way];
      process.stdout.write(
        `figure: threats, swapped mount targets (${way}): ${count} entries, ${entered} entered, at least ${mounts} mounts, 0 led out\n`,
      );
    });
  }

  it("row 24 (nspawn): settings that are shipped beside a tree, or in it, are not read", async () => {
    const [one] = await entrances(scope, ["nspawn"]);
    if (!one) throw new Error("nspawn");
    const { tree, host } = one.place;
    const settings = `[Exec]\nCapability=all\nPrivateUsers=no\n[Files]\nBind=${host}:/root\nBind=${host}:/srv\n`;
    const places = [
      `${tree}.nspawn`,
      join(tree, "etc/systemd/nspawn/tree.nspawn"),
      join(tree, "run/systemd/nspawn/tree.nspawn"),
      join(tree, "etc/systemd/system/systemd-nspawn@tree.service.d/evil.conf"),
    ];
    for (const path of places) {
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, settings);
    }
    const found = await withstandsEntry(one, 15_000, async (opened) => {
      const secrets = ["/root/secret", "/srv/secret"];
      const seen = await opened.observe(secrets.map((path) => ({ kind: "stat", path }) as const));
      const done = await execute(opened, ["/bin/payload", "sight", "secret"]);
      const run = await execute(opened, ["/bin/payload", "where", "/srv/secret", one.place.secret], {
        directory: "/srv",
      });
      return { done, run, seen };
    });
    assert.deepEqual(holes(found.done.out + found.run.out), []);
    assert.match(found.run.out, /row 6 directory \/srv/, found.run.refusal);
    rmSync(`${tree}.nspawn`);
    tally.count(24, "nspawn", "");
  });
});
