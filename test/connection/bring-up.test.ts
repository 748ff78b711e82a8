// From a login to a helper that serves: becoming root, odd shells, places that cannot take the helper, and how many round trips it costs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { bringUpCommand } from "../../src/connection/snippet.js";
import { posixChecksum } from "../../src/connection/helper-binary.js";
import { requireOrSkip } from "../lab/needs.js";
import { delayingRelay } from "../lab/relay.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import type { SshHost } from "../lab/sshd.js";
import { addressOf, answering, look, refusal, withSession } from "./hosts.js";

const run = promisify(execFile);
const root = { isWanted: true, method: "sudo", user: "root" } as const;
const off = { isWanted: false, method: "none", user: "root" } as const;

describe("connection: bringing up the helper", function () {
  this.timeout(60_000);
  const scope = testScope();
  let host: SshHost;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["sshd", "sudo", "su", "doas"] });
    host = await sshHost(scope, {
      hostname: "lab-sudo",
      rootPassword: "root's word",
      users: [
        { name: "free", sudo: "nopasswd" },
        { name: "asked", sudo: "password", password: "sesame" },
        { name: "never" },
        { name: "plain", password: "plain's word" },
        { name: "full" },
        { name: "outside" },
        { name: "doer", doas: "nopasswd" },
        { name: "doubted", doas: "password", password: "doubted's word" },
        { name: "bound", shell: "/bin/rbash" },
        ...["tcsh", "fish", "dash"].map((shell) => ({ name: `with${shell}`, shell: `/usr/bin/${shell}` })),
      ],
    });
  });

  describe("as root", () => {
    it("by sudo where the login is not root, without a word", async () => {
      await withSession(addressOf(host, { user: "free" }), async (session) => {
        assert.equal(session.info.uid, 0);
        await look(session);
      });
      assert.ok(existsSync(join(host.home("free"), ".cache/crun")));
    });

    it("with sudo's password: from the inventory, or asked for once; a wrong one is not tried again", async () => {
      const asked = addressOf(host, { user: "asked" });
      await withSession({ ...asked, become: { ...root, password: "sesame" } }, async (session) => {
        assert.equal(session.info.uid, 0);
      });
      const { prompt, questions } = answering("sesame");
      await withSession(asked, look, prompt);
      assert.equal(questions.length, 1);
      assert.match(questions[0] ?? "", /^sudo password of asked@/);
      const wrong = await refusal({ ...asked, become: { ...root, password: "wr0ng" } });
      assert.match(wrong, /sudo did not take the password/);
      assert.ok(!wrong.includes("wr0ng"));
      assert.match(await refusal(asked), /sudo asks for a password to become root[\s\S]*--ask-become-pass/);
      const noted = host.log();
      assert.ok(!noted.includes("sesame") && !noted.includes("wr0ng"));
    });

    it("not where sudo does not let the login: the host's own words are quoted", async () => {
      const message = await refusal(addressOf(host, { user: "plain", become: { ...root, password: "plain's word" } }));
      assert.match(message, /the login may not become the other user/);
      assert.match(message, /\| .*not in the sudoers file/);
    });

    it("by su, with root's password", async () => {
      const su = { isWanted: true, method: "su", user: "root" } as const;
      await withSession(
        addressOf(host, { user: "plain", become: { ...su, password: "root's word" } }),
        async (session) => {
          assert.equal(session.info.uid, 0);
        },
      );
      assert.match(
        await refusal(addressOf(host, { user: "plain", become: { ...su, password: "no" } })),
        /su did not take the password/,
      );
    });

    it("as another user, and never as one whose name is an option", async () => {
      const become = { ...root, user: "plain" };
      scope.defer(() => rmSync("/var/tmp/crun-0-open", { recursive: true, force: true }));
      for (let turn = 0; turn < 2; turn++) {
        await withSession(addressOf(host, { become }), async (session) => {
          assert.equal(session.info.isRootless, true);
          const pids = (await run("pgrep", ["-f", "^/var/tmp/crun-0-open/helper"])).stdout.trim().split("\n");
          const users = pids.map((pid) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
          assert.ok(users.includes("21003"), users.join());
        });
      }
      const none = { ...root, user: "nobody-of-that-name" };
      assert.match(await refusal(addressOf(host, { become: none })), /the user to become does not exist/);
      assert.match(await refusal(addressOf(host, { become: { ...root, user: "-s" } })), /"-s" is no user name/);
    });

    it("by doas, which asks at a terminal alone: with its password, without one, and not where it is not allowed", async () => {
      const doas = { isWanted: true, method: "doas", user: "root" } as const;
      const asking = addressOf(host, { user: "doubted", become: { ...doas, password: "doubted's word" } });
      for (const address of [addressOf(host, { user: "doer", become: doas }), asking]) {
        await withSession(address, async (session) => {
          assert.equal(session.info.uid, 0);
          await look(session);
          await look(session);
        });
      }
      const { prompt, questions } = answering("doubted's word");
      await withSession(addressOf(host, { user: "doubted", become: doas }), look, prompt);
      assert.match(questions.join(), /^doas password of doubted@[^,]*$/);
      const wrong = await refusal(addressOf(host, { user: "doubted", become: { ...doas, password: "wr0ng" } }));
      assert.match(wrong, /doas did not take the password/);
      assert.ok(!wrong.includes("wr0ng"));
      assert.match(
        await refusal(addressOf(host, { user: "doubted", become: doas })),
        /doas asks for a password to become root[\s\S]*doas\.conf/,
      );
      assert.match(
        await refusal(addressOf(host, { user: "outside", become: doas })),
        /the login may not become the other user[\s\S]*\| doas: /,
      );
      assert.match(
        await refusal(addressOf(host, { user: "doer", become: { ...doas, user: "nobody-of-that-name" } })),
        /the user to become does not exist/,
      );
    });

    it("nothing of doas or its terminal is left when the connection ends", async () => {
      const doas = { isWanted: true, method: "doas", user: "root" } as const;
      const pids = async (): Promise<string> =>
        (await run("pgrep", ["-f", "--", "--terminal doas"]).catch(() => ({ stdout: "" }))).stdout;
      await withSession(addressOf(host, { user: "doer", become: doas }), async () => assert.notEqual(await pids(), ""));
      for (let turn = 0; turn < 100 && (await pids()) !== ""; turn++) await sleep(50);
      assert.equal(await pids(), "");
    });

    it("with a program and options of the inventory's choice, but no odd ones", async () => {
      const exe = { ...root, exe: "/usr/bin/sudo", flags: "-H -S -n" } as const;
      await withSession(addressOf(host, { user: "free", become: exe }), look);
      const none = await refusal(addressOf(host, { user: "free", become: { ...root, exe: "no-such-sudo" } }));
      assert.match(none, /the host has no no-such-sudo/);
      const odd = await refusal(addressOf(host, { user: "free", become: { ...root, flags: "-H ';reboot'" } }));
      assert.match(odd, /"';reboot'" is no option[\s\S]*crun_become_flags/);
      const path = await refusal(addressOf(host, { user: "free", become: { ...root, exe: "$(reboot)" } }));
      assert.match(path, /is no program[\s\S]*crun_become_exe/);
    });
  });

  describe("login shells", () => {
    for (const shell of ["dash", "tcsh", "fish"]) {
      it(`${shell} passes the command on unharmed`, async function () {
        requireOrSkip(this, { tools: [shell] });
        await withSession(addressOf(host, { user: `with${shell}`, become: off }), look);
        await withSession(addressOf(host, { user: `with${shell}`, become: off }), look);
      });
    }

    it("a restricted shell is told from a host that fails", async () => {
      const message = await refusal(addressOf(host, { user: "bound", become: off }));
      assert.match(message, /not allowed to run commands[\s\S]*\| .*restricted/);
    });

    it("the command has no character that a shell takes amiss within single quotes", () => {
      const command = bringUpCommand("m", {}, { user: "root", words: [] });
      const [, script = ""] = /^exec '\/bin\/sh' '-c' '(.*)' 'crun' 'm' /s.exec(command) ?? [];
      assert.ok(script.length > 500);
      assert.doesNotMatch(script, /['!\\\n]/);
    });
  });

  describe("places", () => {
    const helpers = (directory: string): string[] =>
      readdirSync(directory).filter((name) => name.startsWith("helper-"));

    it("a cache directory that is not private is passed over for /var/tmp", async () => {
      const cache = join(host.home("never"), ".cache");
      const fallback = "/var/tmp/crun-21002";
      scope.defer(() => rmSync(fallback, { recursive: true, force: true }));
      mkdirSync(cache);
      chownSync(cache, 21_002, 21_002);
      const target = scope.tempDir("elsewhere");
      chmodSync(target, 0o777);
      symlinkSync(target, join(cache, "crun"));
      const address = addressOf(host, { user: "never", become: off });
      await withSession(address, look);
      assert.deepEqual(readdirSync(target), []);
      assert.equal(helpers(fallback).length, 1);
      // A directory that others may write to is none of ours either: then there is no place left.
      chmodSync(fallback, 0o777);
      const message = await refusal(address);
      assert.match(message, /the helper can be put nowhere on the host/);
      assert.match(message, /\/var\/tmp\/crun-21002: is no directory of the login's own with mode 0700/);
      chmodSync(fallback, 0o700);
      await withSession(address, look);
    });

    it("a helper that was changed, or is a link, is not run but replaced", async () => {
      const address = addressOf(host, { user: "plain", become: off });
      const cache = join(host.home("plain"), ".cache/crun");
      rmSync(cache, { recursive: true, force: true });
      await withSession(address, look);
      const [name = ""] = helpers(cache);
      // Another file of the same owner and mode: the old one may still be the program of a helper that is about to end.
      const { uid, gid, mode } = statSync(join(cache, name));
      rmSync(join(cache, name));
      writeFileSync(join(cache, name), "#!/bin/sh\necho stolen >&2\n");
      chownSync(join(cache, name), uid, gid);
      chmodSync(join(cache, name), mode & 0o7777);
      await withSession(address, look);
      rmSync(join(cache, name));
      symlinkSync("/bin/true", join(cache, name));
      await withSession(address, look);
      assert.deepEqual(readdirSync(cache), [name]);
    });

    it("a full disk and a place mounted noexec each say so, and the next place is used", async () => {
      const home = host.home("full");
      const cache = join(home, ".cache/crun");
      const fallback = "/var/tmp/crun-21004";
      mkdirSync(cache, { recursive: true });
      scope.defer(() => rmSync(fallback, { recursive: true, force: true }));
      const mount = async (options: string): Promise<void> => {
        await run("nsenter", [
          "--mount",
          "--target",
          String(host.pid),
          "mount",
          "-t",
          "tmpfs",
          "-o",
          options,
          "crun",
          cache,
        ]);
      };
      const unmount = async (): Promise<void> => {
        await run("nsenter", ["--mount", "--target", String(host.pid), "umount", cache]);
      };
      const address = addressOf(host, { user: "full", become: off });
      const owned = "mode=0700,uid=21004,gid=21004";
      for (const [options, word] of [
        [`size=64k,${owned}`, /crun: could not be written to \(full/],
        [`noexec,${owned}`, /crun: is mounted noexec/],
      ] as const) {
        await mount(options);
        await withSession(address, look);
        assert.equal(helpers(fallback).length, 1);
        rmSync(fallback, { recursive: true });
        writeFileSync(fallback, "in the way");
        const message = await refusal(address);
        assert.match(message, word);
        assert.match(message, /put nowhere on the host/);
        rmSync(fallback);
        await unmount();
      }
    });

    it("a machine of another architecture is named, whatever is installed there", async () => {
      const directory = scope.tempDir("uname");
      writeFileSync(join(directory, "uname"), "#!/bin/sh\necho riscv64\n");
      chmodSync(join(directory, "uname"), 0o755);
      const command = bringUpCommand("m-1", {}, { user: "root", words: [] });
      const env = { PATH: `${directory}:/usr/bin:/bin`, HOME: directory };
      const ended = await run("/bin/sh", ["-c", command], { env }).catch((error: { stdout: string }) => error);
      assert.equal(ended.stdout, "m-1 arch riscv64\n");
      writeFileSync(join(host.home("plain"), ".bashrc"), `PATH=${directory}:$PATH\n`);
      const message = await refusal(addressOf(host, { user: "plain", become: off }));
      rmSync(join(host.home("plain"), ".bashrc"));
      assert.match(message, /there is no helper for this host's architecture \(riscv64\)/);
    });

    it("without sha256sum, cksum and the size decide", async () => {
      const bytes = Buffer.from("123456789");
      assert.equal(posixChecksum(bytes), 930_766_865);
      const file = join(scope.tempDir("cksum"), "file");
      for (const size of [0, 1, 255, 256, 70_000]) {
        const content = Buffer.alloc(size, size % 251);
        writeFileSync(file, content);
        assert.equal((await run("cksum", [file])).stdout.split(" ")[0], String(posixChecksum(content)));
      }
    });
  });

  describe("round trips", () => {
    const roundTripMs = 300;

    /** How long a second run needs until its first answers are there, over a relay with that delay. */
    async function firstAnswers(delayMs: number): Promise<number> {
      const relay = await delayingRelay(scope, host, delayMs);
      const known = join(scope.tempDir("known"), "known_hosts");
      writeFileSync(known, `${host.knownHostsLines[0]?.replace(/:\d+ /, `:${relay.port} `)}\n`);
      const started = performance.now();
      return await withSession(addressOf(host, { port: relay.port, knownHostsFiles: [known] }), async (session) => {
        const tree = session.openTree("/", { entry: "auto", isHostRoot: true });
        await tree.observe([{ kind: "stat", path: "/etc/passwd" }]);
        return performance.now() - started;
      });
    }

    it("a second run takes at most 10 with the login and a batch of probes (TCP, banner, key exchange, …: 9 are reached)", async () => {
      await withSession(addressOf(host), look);
      // What the machine itself needs is taken off; the least of several tries, for it may be busy.
      const near = Math.min(await firstAnswers(0), await firstAnswers(0));
      const far = Math.min(await firstAnswers(roundTripMs / 2), await firstAnswers(roundTripMs / 2));
      const trips = (far - near) / roundTripMs;
      if (process.env["CRUN_TEST_TIMES"] !== undefined) process.stderr.write(`${trips.toFixed(2)} round trips\n`);
      assert.ok(trips > 7 && trips < 10.4, `${trips.toFixed(2)} round trips`);
    });
  });
});
