// Which system calls the processes of a tree get, asked from inside of each entry by every ABI; and that the table is right.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

/** Answers by `ABI NAME`. */
type Answers = ReadonlyMap<string, string>;

const REFUSED = (
  "bpf perf_event_open userfaultfd userfaultfd_user_mode open_by_handle_at mount umount2 pivot_root fsopen open_tree setns " +
  "init_module finit_module delete_module kexec_load reboot swapon acct quotactl settimeofday syslog fanotify_init tiocsti " +
  "tiocsti_high_bits tioclinux iopl unshare_user clone_user personality_read_implies_exec"
).split(" ");
const MISSING = "add_key request_key keyctl io_uring_setup clone3 newer far modify_ldt x32_getpid x32_keyctl".split(
  " ",
);
const NO_FAMILY = "socket_alg socket_packet socket_vsock socket_rds socket_high_bits".split(" ");
const ALLOWED = (
  "getpid socket_unix socket_inet socket_inet6 socket_netlink unshare_files personality_query personality_linux32 " +
  "personality_no_randomize"
).split(" ");
/** By the 32-bit table, which a 64-bit program reaches, too. */
const I386 = {
  getpid: "done",
  keyctl: "ENOSYS",
  bpf: "EPERM",
  mount: "EPERM",
  umount: "EPERM",
  unshare_user: "EPERM",
  socket_alg: "EAFNOSUPPORT",
  socketcall_socket: "ENOSYS",
  socketcall_connect: "EFAULT",
  io_uring_setup: "ENOSYS",
  tiocsti: "EPERM",
  personality: "EPERM",
  clock_settime64: "EPERM",
  newer: "ENOSYS",
};

const isX86 = process.arch === "x64";
const expected: ReadonlyMap<string, string> = new Map([
  ...REFUSED.map((name) => [`native ${name}`, "EPERM"] as const),
  ...MISSING.map((name) => [`native ${name}`, "ENOSYS"] as const),
  ...NO_FAMILY.map((name) => [`native ${name}`, "EAFNOSUPPORT"] as const),
  ...ALLOWED.map((name) => [`native ${name}`, "done"] as const),
  ["native ioctl_other", "EBADF"],
  ["native ptrace", "ESRCH"],
  ...Object.entries(I386).map(([name, answer]) => [`i386 ${name}`, answer] as const),
]);

describe("threats: system calls", function () {
  this.timeout(30_000);
  const scope = testScope();
  let tree = "";

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc"] });
    tree = scope.tempDir("calls");
    for (const name of ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "root"]) mkdirSync(join(tree, name));
    writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
    writeFileSync(join(tree, "etc/group"), "root:x:0:\nuser:x:1000:\n");
    const source = join(repositoryRoot(), "test/threats/drop-payload.c");
    execFileSync("gcc", ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", join(tree, "bin/payload"), source]);
  });

  const exec = async (...words: readonly string[]): Promise<string> => {
    const done = await run([process.execPath, crunPath, "exec", ...words], { timeoutMs: 20_000 });
    return done.stdout + done.stderr;
  };

  async function answers(...options: readonly string[]): Promise<Answers> {
    const lines = (await exec(...options, `local:${tree}`, "--", "/bin/payload", "calls")).trim().split("\n");
    assert.ok(lines.length > 40, lines.join("\n"));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]));
  }

  /** What differs from the expected default, the calls in `lifted` left out. */
  function unexpected(got: Answers, lifted: readonly string[] = []): string[] {
    return [...got]
      .filter(([name, answer]) => expected.get(name) !== answer && !lifted.includes(name))
      .map(([name, answer]) => `${name}: ${answer}, not ${expected.get(name) ?? "(nothing expected)"}`);
  }

  it("are refused to root and to users of a tree as the table says, whichever ABI asks", async () => {
    const root = await answers("--entry", "unshare");
    assert.deepEqual(unexpected(root), []);
    if (isX86)
      assert.deepEqual(
        [...expected.keys()].filter((name) => !root.has(name)),
        [],
      );
    // Its user could not push keys, load modules, … without the filter; it is there all the same.
    assert.deepEqual(unexpected(await answers("--entry", "unshare", "-u", "user")), []);
  });

  it("that no capability governs are refused in a chroot, too, where root has all capabilities", async () => {
    const got = await answers("--entry", "chroot");
    const held =
      "add_key request_key keyctl userfaultfd io_uring_setup socket_alg socket_vsock tiocsti tioclinux newer x32_keyctl modify_ldt " +
      "personality_read_implies_exec";
    for (const name of held.split(" ").filter((one) => got.has(`native ${one}`)))
      assert.equal(got.get(`native ${name}`), expected.get(`native ${name}`), name);
    // A rescue mounts, and makes namespaces: the capability is there.
    assert.notEqual(got.get("native mount"), "EPERM");
  });

  it("are counted on the process, as the kernel tells it", async () => {
    assert.match(await exec("--entry", "unshare", `local:${tree}`, "--", "/bin/payload", "state"), /^Seccomp:\t2$/m);
  });

  describe("the table", () => {
    const source = readFileSync(join(repositoryRoot(), "native/src/calls.c"), "utf8");
    const rows = source.split("\n").flatMap((line) => {
      const row = /^ {2}\{(?:NUMBERS\((\w+), (\w+), (\w+), (\w+)\)|SAME\((\d+)\)), .*\/\/ (\w+)/.exec(line);
      if (!row) return [];
      const [, x86, i386, arm64, arm, same, name = ""] = row;
      return [{ name, numbers: { x86: same ?? x86, i386: same ?? i386, arm64: same ?? arm64, arm: same ?? arm } }];
    });
    function numbersIn(file: string): ReadonlyMap<string, string> | undefined {
      if (!existsSync(file)) return undefined;
      const found = readFileSync(file, "utf8").matchAll(
        /^#define __NR(?:3264)?_(\w+)\s+\(?(?:__NR_SYSCALL_BASE\s*\+\s*)?(\d+)\)?/gm,
      );
      return new Map([...found].map(([, name = "", number = ""]) => [name, number]));
    }

    it("has a row for each call that is meant", () => {
      assert.ok(rows.length >= 50, `${rows.length} rows`);
      assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
    });

    const headers = [
      ["x86", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"],
      ["i386", "/usr/include/x86_64-linux-gnu/asm/unistd_32.h"],
      ["arm64", "/usr/aarch64-linux-gnu/include/asm-generic/unistd.h"],
    ] as const;
    for (const [abi, file] of headers) {
      it(`names the numbers of ${abi} as the kernel's headers do`, function () {
        const numbers = numbersIn(file);
        if (!numbers) return this.skip();
        // Newer than the headers, or gone from them: the numbers are the same for all from 424 on.
        const wrong = rows.flatMap(({ name, numbers: { [abi]: number = "" } }) => {
          const known = numbers.get(name);
          // 403 to 423 are those of 32-bit ABIs with times of 64 bits.
          if (number === "NONE" && Number(known) >= 403 && Number(known) <= 423) return [];
          if (known === undefined) return number === "NONE" || Number(number) >= 424 ? [] : [`${name}: no such call`];
          return known === number ? [] : [`${name}: ${number}, not ${known}`];
        });
        assert.deepEqual(wrong, []);
      });
    }
  });
});
