// Rows 10, 13 and 14: what the tree's own programs hold, offer or share with the host while crun works on its files.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { arch } from "node:process";
import { brief } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { ways } from "./catalogue.js";
import { controllerFiles, fileTasks } from "./file-operations.js";
import { scene, withstands, type Scene } from "./oracle.js";
import { readers } from "./special-files.js";
import { hold } from "./ways.js";

/** Takes a lease for writing on each file, and gives none back. */
const leaseHolder = `import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = [os.open(path, os.O_RDWR) for path in sys.argv[1:]]
for fd in held: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("up", flush=True)
signal.pause()
`;

/** Mounts a FUSE file system on a directory, and never answers what the kernel asks of it. */
const silentServer = `import ctypes, os, signal, sys
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
if libc.mount(b"silent", sys.argv[1].encode(), b"fuse", 0, options) != 0: sys.exit(os.strerror(ctypes.get_errno()))
print("up", flush=True)
signal.pause()
`;

describe("threats: what a tree holds and offers", function () {
  this.timeout(120_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "python3", "readelf", "setpriv", "systemd-nspawn"] });
  });

  async function startLeases(paths: readonly string[]): Promise<void> {
    const holder = spawn("python3", ["-c", leaseHolder, ...paths], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => holder.once("close", resolve));
    scope.defer(async () => {
      holder.kill("SIGKILL");
      await ended;
    });
    await new Promise((resolve) => holder.stdout.once("data", resolve));
  }

  for (const way of ways.files) {
    it(`row 13 (${way}): a lease that a process does not give back is an error at once, not a wait`, async () => {
      const place = scene(scope, "lease");
      for (const name of ["srv/file", "srv/in-place"]) writeFileSync(join(place.tree, name), "tree's\n");
      const held = await hold(scope, way, place);
      await startLeases(["etc/passwd", "srv/file", "srv/in-place"].map((name) => join(place.tree, name)));
      const told = await withstands(place, { deadlineMs: 15_000 }, () =>
        held.play([
          { name: "accounts", user: { name: "joe" } },
          { name: "content", copy: { dest: "/srv/file", content: "mine\n" } },
          { name: "in place", copy: { dest: "/srv/in-place", content: "mine\n", unsafe_writes: true } },
          { name: "digest", stat: { path: "/srv/file" } },
          { name: "another", copy: { dest: "/srv/another", content: "mine\n" } },
        ]),
      );
      const reasons = told.results.map(({ task, status, message = "" }) => `${task}: ${status} ${message}`);
      for (const index of [0, 1, 2]) assert.match(reasons[index] ?? "", /: failed .*lease/, reasons.join("\n"));
      assert.equal(reasons[4], "another: changed ", brief(told));
    });

    it(`row 14 (${way}): no module changes a file of the host's of which the tree has another name`, async () => {
      const place = scene(scope, "shared");
      writeFileSync(join(place.tree, "srv/own"), "own\n");
      const names = ["secret", "setuid", "passwd"];
      for (const name of names) linkSync(join(place.host, name), join(place.tree, "srv", name));
      // Accounts and a service's settings are edited by modules of their own.
      linkSync(join(place.host, "d/secret"), join(place.tree, "etc/hostname"));
      chmodSync(join(place.tree, "srv/setuid"), 0o4755);
      const held = await hold(scope, way, place);
      const told = await withstands(place, { deadlineMs: 30_000, mayHoldSecret: true }, () =>
        held.play(
          [
            ...names.flatMap((name) => fileTasks(`/srv/${name}`)),
            { name: "recursive", file: { path: "/etc", state: "directory", recurse: true, mode: "u=rwX,g=rwX,o=rwX" } },
            { name: "a line of a shared file", lineinfile: { path: "/etc/hostname", line: "mine" } },
          ],
          { files: controllerFiles },
        ),
      );
      const changed = told.results.filter(({ status }) => status === "changed");
      assert.ok(changed.length > 20, brief(told));
    });
  }

  for (const way of ["files"] as const) {
    it(`row 13 (${way}): a file system that never answers costs its tree the deadline, and no other tree anything`, async function () {
      requireOrSkip(this, { paths: ["/dev/fuse"] });
      const place = scene(scope, "silent");
      // Beside the scene: whoever looks into it waits, the oracle too.
      const silent = scope.tempDir("silent");
      const stuck = join(silent, "srv/stuck");
      mkdirSync(stuck, { recursive: true });
      const held = await hold(scope, way, place, { CRUN_HELPER_DEADLINE_S: "1" });
      const server = spawn("python3", ["-c", silentServer, stuck], { stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise((resolve) => server.once("close", resolve));
      await new Promise((resolve) => server.stdout.once("data", resolve));
      try {
        for (const task of [
          { stat: { path: "/srv/stuck/x" } },
          { file: { path: "/srv", state: "directory", recurse: true, mode: "u=rwX" } },
        ]) {
          const told = await withstands(place, { deadlineMs: 20_000 }, () =>
            held.play([task, { copy: { dest: "/srv/done", content: "mine\n" } }], {
              trees: { silent, other: place.tree },
            }),
          );
          assert.equal(told.recap["silent"]?.unreachable, 1, brief(told));
          assert.match(told.all, /stuck in one system call/, brief(told));
          assert.deepEqual(
            [told.recap["other"]?.unreachable, lstatSync(join(place.tree, "srv/done")).isFile()],
            [0, true],
          );
        }
      } finally {
        server.kill("SIGKILL");
        await ended;
        await must(["umount", "--lazy", stuck]);
      }
    });
  }

  /** Libraries, character sets, a name service: what a C library would load or ask once it is in the tree. */
  function layCode(place: Scene): string[] {
    const names = [
      "etc/nsswitch.conf",
      "etc/ld.so.preload",
      "etc/ld.so.cache",
      "lib/x86_64-linux-gnu/libnss_evil.so.2",
      "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
      "usr/lib/locale/locale-archive",
      "etc/host.conf",
      "etc/gai.conf",
    ];
    for (const name of names) {
      const path = join(place.tree, name);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, name === "etc/nsswitch.conf" ? "passwd: evil\ngroup: evil\nhosts: evil\n" : "evil\n");
      // With an old time of reading the next reading is seen (relatime).
      utimesSync(path, 1_000_000_000, 1_000_000_000);
    }
    return names.map((name) => join(place.tree, name));
  }

  for (const way of ways.files) {
    it(`row 10 (${way}): nothing of the tree's is loaded or asked for names`, async () => {
      const place = scene(scope, "code");
      const code = layCode(place);
      mkdirSync(join(place.tree, "run/nscd"), { recursive: true });
      let asked = 0;
      const server = createServer((socket) => {
        asked++;
        socket.destroy();
      });
      // The path of a socket is short: it is made in the directory of the tree's.
      const at = process.cwd();
      process.chdir(join(place.tree, "run/nscd"));
      await new Promise<void>((resolve) => server.listen("socket", resolve));
      process.chdir(at);
      try {
        const held = await hold(scope, way, place);
        const before = code.map((path) => lstatSync(path).atimeMs);
        let after: number[] = [];
        const told = await withstands(place, { deadlineMs: 30_000 }, async () => {
          const played = await held.play(
            readers.filter(({ name }) => name !== "search" && name !== "a user's program"),
          );
          after = code.map((path) => lstatSync(path).atimeMs);
          return played;
        });
        assert.ok(
          told.results.some(({ task, status }) => task === "group" && status === "changed"),
          brief(told),
        );
        assert.deepEqual(
          code.filter((_, index) => after[index] !== before[index]),
          [],
          "was read",
        );
        assert.equal(asked, 0, "a name service of the tree's was asked");
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });
  }

  it("row 10 (files): the helper has nothing that loads code: no interpreter, no dynamic section", async () => {
    const helper = join(repositoryRoot(), "native/build", `crun-helper-${arch === "arm64" ? "aarch64" : "x86_64"}`);
    const headers = await must(["readelf", "--wide", "--program-headers", helper]);
    assert.match(headers, /LOAD/);
    assert.doesNotMatch(headers, /INTERP|DYNAMIC/);
    // Where the C library brings it along, the code that would load modules is in the program.
    const text = readFileSync(helper, "latin1");
    for (const word of ["libnss_", "gconv-modules", "/nscd/socket", "ld.so.cache"])
      assert.ok(!text.includes(word), `the helper's program holds ${word}`);
  });
});
