// What a tree makes of a user's name: code for it to load, services that answer, accounts that lie.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { entrances, execute, payload, Tally, tools, withstandsEntry, type Entrance } from "./hostile-entries.js";

/** Names under which C libraries load code for accounts, encodings and locales. */
const libraries = [
  "libnss_evil.so.2",
  "libnss_files.so.2",
  "libnss_compat.so.2",
  "libnss_systemd.so.2",
  "libnss_dns.so.2",
  "libgcc_s.so.1",
  "libpthread.so.0",
  "gconv/UTF-7.so",
  "gconv/EVIL.so",
];

/** Accounts that look like others. */
const passwd = [
  "root:x:0:0::/root:/bin/sh",
  "user:x:1000:1000::/:/bin/sh",
  "1:x:0:0::/:/bin/sh",
  "1000:x:0:0::/:/bin/sh",
  "+::0:0:::",
  "-user:x:0:0::/:/bin/sh",
  " user:x:0:0::/:/bin/sh",
  "user :x:0:0::/:/bin/sh",
  "wraps:x:4294967296:4294967296::/:/bin/sh",
  "none:x:4294967295:4294967295::/:/bin/sh",
  "minus:x:-1:-1::/:/bin/sh",
  "empty:x:::::",
  "octal:x:01000:01000::/:/bin/sh",
  "text:x:zero:zero::/:/bin/sh",
  "short:x:1001",
  "user:x:0:0::/root:/bin/sh",
];

/** Specs, and what they may come to: no root where none was asked for. */
const specs: readonly (readonly [string, RegExp])[] = [
  ["user", /^ids 1000 1000 1000 1000$/],
  ["1:1", /^ids 1 1 1 1$/],
  ["1000:1000", /^ids 1000 1000 1000 1000$/],
  ["1", /^refused/],
  ["+", /^refused/],
  ["-user", /^refused/],
  [" user", /^refused/],
  ["user ", /^refused/],
  ["+0", /^refused/],
  ["00", /^refused/],
  ["4294967296:4294967296", /^refused/],
  ["4294967295:4294967295", /^refused/],
  ["-1", /^refused/],
  ["wraps", /^refused/],
  ["none", /^refused/],
  ["minus", /^refused/],
  ["empty", /^refused/],
  ["octal", /^refused|^ids [1-9]/],
  ["text", /^refused/],
  ["short", /^refused/],
  ["user\n", /^refused/],
  ["user:user", /^ids 1000 1000 1000 1000$/],
  ["user:0x0", /^refused/],
  ["nobody-here", /^refused/],
  ["1000:nobody-here", /^refused/],
];

describe("threats: names of users", function () {
  this.timeout(60_000);
  const scope = testScope();
  const tally = new Tally();
  let all: readonly Entrance[];

  before(async function () {
    requireOrSkip(this, { root: true, tools: [...tools, "ldd"] });
    payload();
    all = await entrances(scope);
    const evil = join(scope.tempDir("evil"), "evil.so");
    const source = join(repositoryRoot(), "test/threats/payload/evil.c");
    execFileSync("gcc", ["-shared", "-fPIC", "-DEVIL_LIBRARY", "-o", evil, source]);
    const needed = (await must(["ldd", "/bin/cat"])).match(/\/\S+(?= \(0x)/g) ?? [];
    for (const { place } of all) {
      const { tree } = place;
      const put = (path: string, text: string): void => {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), text);
      };
      for (const path of ["/bin/cat", ...needed]) {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        cpSync(path, join(tree, path), { dereference: true });
      }
      for (const directory of [
        "lib",
        "usr/lib",
        "lib64",
        "lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
      ])
        for (const name of libraries) {
          const path = join(tree, directory, name);
          mkdirSync(dirname(path), { recursive: true });
          if (!existsSync(path)) copyFileSync(evil, path);
          chmodSync(path, 0o755);
        }
      put("etc/nsswitch.conf", "passwd: evil files\ngroup: evil files\nhosts: evil dns\ninitgroups: evil\n");
      put("etc/ld.so.preload", "/usr/lib/libnss_evil.so.2\n");
      put("usr/lib/gconv/gconv-modules", "module UTF-8// INTERNAL EVIL 1\nmodule INTERNAL UTF-8// EVIL 1\n");
      put("etc/locale.alias", "C evil\n");
      put("etc/passwd", `${passwd.join("\n")}\n`);
      put("etc/environment", "LD_PRELOAD=/usr/lib/libnss_evil.so.2\n");
    }
  });

  after(() => tally.tell("names of users"));

  it("row 10 (unshare, chroot, nspawn, machine, rootless): nothing of the tree is loaded, and no service of it asked, to run a static program as a user", async () => {
    for (const one of all) {
      const user = one.way === "rootless" ? "root" : "user";
      const log = join(one.place.tree, "loaded");
      await withstandsEntry(one, 15_000, async (tree) => {
        // Whoever connects to the name service cache of the tree is written down.
        const service = await tree.start({ argv: ["/bin/payload", "service"], user: "root" });
        assert.ok(service.pid > 0, one.way);
        const done = await execute(tree, ["/bin/payload", "ids"], {
          user,
          environment: { LANG: "evil", LC_ALL: "evil" },
        });
        assert.match(done.out, user === "root" ? /^ids 0 0/ : /^ids 1000 1000/, `${one.way}: ${done.refusal}`);
        assert.ok(!existsSync(log), `${one.way}: loaded by ${existsSync(log) ? readFileSync(log, "utf8") : ""}`);
        assert.ok(!existsSync(join(one.place.tree, "asked")), `${one.way}: the tree's service was asked`);
        // The library does what it should: a program of the tree loads it.
        await execute(tree, ["/bin/cat", "/etc/hostname"]);
        assert.match(readFileSync(log, "utf8"), /^cat$/m, `${one.way}: the library does not work`);
        rmSync(log);
        service.cancel();
        await service.exited;
        tally.count(10, one.way, "");
      });
    }
  });

  it("row 11 (unshare, chroot, nspawn, machine): no account of the tree's makes root of a name or number that is not", async () => {
    for (const one of all.filter(({ way }) => way !== "rootless")) {
      await withstandsEntry(one, 15_000, async (tree) => {
        for (const [user, expected] of specs) {
          const done = await execute(tree, ["/bin/payload", "ids"], { user });
          const came = done.exit?.kind === "exited" ? done.out.trim() : `refused: ${done.refusal}`;
          assert.match(came, expected, `${one.way}: ${JSON.stringify(user)}`);
          tally.count(11, one.way, "");
        }
      });
    }
  });
});
