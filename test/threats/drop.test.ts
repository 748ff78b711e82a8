// Who a user of a tree becomes, exactly: a table of specs against accounts of every kind, read back by a process itself in each entry, and beside
// what the C library makes of the same files; and that nothing runs where the kernel did not do what it said.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { arch } from "node:process";
import { childStream } from "../../src/connection/child-stream.js";
import { architectureOf, findHelper } from "../../src/connection/helper-binary.js";
import { openHostSession } from "../../src/target/host-session.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import type { TreeSession } from "../../src/target/session.js";
import { entrances, execute, tools, type Done, type Entrance } from "./hostile-entries.js";
import { program } from "./ways.js";

const long = "l".repeat(255);
const accounts = [
  "root:x:0:0::/root:/bin/sh",
  "# comment:x:77:77::/:/bin/sh",
  "#hash:x:78:78::/:/bin/sh",
  "bob:x:1000:1000:Bob:/home/bob:/bin/bash",
  "bob:x:6666:6666:another:/evil:/bin/sh",
  "twin:x:1000:1000::/home/twin:/bin/sh",
  "1:x:4242:4242::/:/bin/sh",
  "0:x:4243:4243::/:/bin/sh",
  "4294967295:x:4244:4244::/:/bin/sh",
  "sam$:x:1001:1001::/:/bin/sh",
  "grün:x:1002:1002::/:/bin/sh",
  "a.b-c_d:x:1003:1003::/:/bin/sh",
  "big:x:2147483648:2147483648::/:/bin/sh",
  "top:x:4294967294:4294967294::/:/bin/sh",
  "minus:x:4294967295:100::/:/bin/sh",
  "over:x:4294967296:100::/:/bin/sh",
  "neg:x:-1:100::/:/bin/sh",
  "plus:x:+1004:100::/:/bin/sh",
  "octal:x:01005:100::/:/bin/sh",
  "hex:x:0x3e8:100::/:/bin/sh",
  "blank:x: 1006:100::/:/bin/sh",
  "few:x:1007:1007",
  "nofields",
  "crlf:x:1008:1008::/home/crlf:/bin/sh\r",
  "+::::::",
  "+@everybody::::::",
  "-evil:x:0:0::/:/bin/sh",
  "~evil:x:0:0::/:/bin/sh",
  " led:x:0:0::/:/bin/sh",
  "nul\0:x:0:0::/:/bin/sh",
  `${long}:x:1009:1009::/:/bin/sh`,
  `${long}l:x:0:0::/:/bin/sh`,
  "many:x:1011:1011::/:/bin/sh",
  `huge:x:1013:1013:${"g".repeat(1 << 20)}:/:/bin/sh`,
  "relative:x:1014:1014::home:sh",
  "last:x:1012:1012::/:/bin/sh",
];
const memberships = [
  "root:x:0:",
  "# no:x:19:bob",
  "wheel:x:10:bob,many",
  "dup:x:20:bob",
  "dup:x:21:bob",
  "same:x:20:bob",
  "carriage:x:22:bob\r",
  "app:x:1000:",
  "123:x:5000:bob",
  "+:::",
  "minus:x:-1:bob",
  "over:x:4294967295:bob",
  "empty:x:23:,,bob,,many,",
  "blank:x:24: bob",
  "few:x:25",
  "root2:x:0:many",
  ...Array.from({ length: 40 }, (_, index) => `g${index}:x:${3000 + index}:many`),
];

const groupsOfBob = [10, 20, 21, 23];
const groupsOfMany = [0, 10, 23, ...Array.from({ length: 40 }, (_, index) => 3000 + index)];

/** User, group and all groups; or why nothing runs. */
type Expected = readonly [number, number, readonly number[]] | RegExp;
const noName = /neither a user name nor a user id/;
const noUser = /no user /;
const table: readonly (readonly [string, Expected])[] = [
  ["root", [0, 0, [0]]],
  ["0", [0, 0, [0]]],
  ["0:0", [0, 0, [0]]],
  ["root:0", [0, 0, [0]]],
  // The first of a name, and of an id, counts; groups of all lines of a name add up.
  ["bob", [1000, 1000, [...groupsOfBob, 1000]]],
  ["1000", [1000, 1000, [...groupsOfBob, 1000]]],
  ["twin", [1000, 1000, [1000]]],
  ["bob:wheel", [1000, 10, [...groupsOfBob, 1000]]],
  ["bob:10", [1000, 10, [...groupsOfBob, 1000]]],
  ["bob:99", [1000, 99, [...groupsOfBob, 99, 1000]]],
  ["bob:dup", [1000, 20, [...groupsOfBob, 1000]]],
  ["1000:1000", [1000, 1000, [...groupsOfBob, 1000]]],
  ["5555:5556", [5555, 5556, [5556]]],
  ["5555:wheel", [5555, 10, [10]]],
  ["many", [1011, 1011, [...groupsOfMany.slice(0, 3), 1011, ...groupsOfMany.slice(3)]]],
  ["sam$", [1001, 1001, [1001]]],
  ["grün", [1002, 1002, [1002]]],
  ["a.b-c_d", [1003, 1003, [1003]]],
  ["big", [2147483648, 2147483648, [2147483648]]],
  ["top", [4294967294, 4294967294, [4294967294]]],
  ["4294967294:4294967294", [4294967294, 4294967294, [4294967294]]],
  ["crlf", [1008, 1008, [1008]]],
  [long, [1009, 1009, [1009]]],
  ["huge", [1013, 1013, [1013]]],
  ["relative", [1014, 1014, [1014]]],
  ["last", [1012, 1012, [1012]]],
  // Digits are always a number, whatever the tree calls its users and groups.
  ["bob:123", [1000, 123, [...groupsOfBob, 123, 1000]]],
  ["1", /no user id 1: give its group too/],
  ["1:1", [1, 1, [1]]],
  ["4242", /no user id 4242/],
  ["5555", /no user id 5555: give its group too, as 5555:GROUP/],
  ["4294967295", /is no user id/],
  ["4294967295:0", /is no user id/],
  ["4294967296", /is no user id/],
  ["18446744073709551616", /is no user id/],
  ["01", /is no user id/],
  ["00", /is no user id/],
  ["bob:01", /neither a group name nor a group id/],
  ["bob:4294967295", /neither a group name nor a group id/],
  ["+0", noName],
  ["-1", noName],
  ["0x0", noUser],
  ["1e3", noUser],
  ["1_0", noUser],
  ["٠", noUser],
  [" bob", noName],
  ["bob ", noName],
  ["bob\n", noName],
  ["\t", noName],
  [" ", noName],
  ["bob:", /neither a group name nor a group id/],
  [":wheel", /a group without a user/],
  [":", /a group without a user/],
  ["bob:wheel:x", /neither a group name nor a group id/],
  ["bob:nowhere", /no group nowhere/],
  ["bob:few", /no group few/],
  ["bob,root", noName],
  ["../root", noName],
  ["Root", noUser],
  ["comment", noUser],
  ["#hash", noName],
  ["# comment", noName],
  ["+", noName],
  ["+@everybody", noName],
  ["-evil", noName],
  ["~evil", noName],
  ["led", noUser],
  [" led", noName],
  ["nul", noUser],
  ["few", noUser],
  ["nofields", noUser],
  ["minus", noUser],
  ["over", noUser],
  ["neg", noUser],
  ["plus", noUser],
  ["octal", noUser],
  ["hex", noUser],
  ["blank", noUser],
  [`${long}l`, noName],
  ["x".repeat(600), /a user name this long does not exist/],
  ["nobody-here", noUser],
];

/** What the process says of itself, by name. */
type State = ReadonlyMap<string, string>;

function stateOf(out: string): State {
  return new Map(
    out.split("\n").map((line) => {
      const [, name = "", value = ""] = /^(rlimit \d+|[A-Za-z]+)[:= ]\s*(.*)$/.exec(line) ?? [];
      return [name, value.trim()];
    }),
  );
}

const none = "0000000000000000";

describe("threats: the drop to a user", function () {
  this.timeout(60_000);
  const scope = testScope();
  let all: readonly Entrance[];
  let payload = "";
  let lying = "";

  before(async function () {
    requireOrSkip(this, { root: true, tools });
    all = await entrances(scope);
    payload = await program(scope, "drop-payload");
    lying = await program(scope, "lying");
    for (const { place } of all) {
      copyFileSync(payload, join(place.tree, "bin/drop"));
      writeFileSync(join(place.tree, "etc/passwd"), accounts.join("\n"));
      writeFileSync(join(place.tree, "etc/group"), `${memberships.join("\n")}\n`);
      mkdirSync(join(place.tree, "home/bob"), { recursive: true });
    }
  });

  const held = (way: string): Entrance => {
    const found = all.find((one) => one.way === way);
    assert.ok(found, way);
    return found;
  };

  async function state(tree: TreeSession, user: string): Promise<State | string> {
    const done = await execute(tree, ["/bin/drop", "state"], user === "" ? {} : { user });
    return done.exit?.kind === "exited" ? stateOf(done.out) : done.refusal;
  }

  for (const way of ["unshare", "chroot", "nspawn", "machine"] as const) {
    it(`${way}: becomes exactly who the table says, in no more groups, and nobody for what is no user`, async () => {
      const tree = held(way).open();
      const wrong: string[] = [];
      const answers = await tree.observe(
        table.map(([user]) => ({ kind: "exec", exec: { argv: ["/bin/drop", "state"], user, outputLimit: 1 << 20 } })),
      );
      for (const [index, [user, expected]] of table.entries()) {
        const answer = answers[index];
        assert.equal(answer?.kind, "exec");
        const name = `${way}: ${JSON.stringify(user.slice(0, 40))}`;
        if (expected instanceof RegExp) {
          const why = answer.exit.failure?.message ?? answer.failure?.message ?? "it ran";
          if (!expected.test(why) || answer.stdout.length > 0) wrong.push(`${name}: ${why}`);
          continue;
        }
        const got = stateOf(Buffer.from(answer.stdout).toString());
        const [uid, gid, groups] = expected;
        const ids = [got.get("resuid"), got.get("resgid"), got.get("groups")];
        const wanted = [
          `${uid} ${uid} ${uid}`,
          `${gid} ${gid} ${gid}`,
          [...new Set([gid, ...groups])].sort((a, b) => a - b).join(" "),
        ];
        if (ids.join("|") !== wanted.join("|"))
          wrong.push(`${name}: ${ids.join("|")}, not ${wanted.join("|")} ${answer.exit.failure?.message ?? ""}`);
        const rights = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "securebits", "regain"].map(
          (one) => got.get(one),
        );
        const without = uid === 0 ? undefined : [none, none, none, none, none, "1", "235", "no"];
        if (without && rights.join("|") !== without.join("|")) wrong.push(`${name}: ${rights.join("|")}`);
      }
      await tree.close();
      assert.deepEqual(wrong, []);
    });
  }

  it("a process has the rest of its state as it is promised: umask, seccomp, dumpable, limits, environment, directory", async () => {
    const own = stateOf((await run([payload, "state"])).stdout);
    for (const way of ["unshare", "chroot", "nspawn", "machine"] as const) {
      const tree = held(way).open();
      const bob = await state(tree, "bob");
      const root = await state(tree, "");
      assert.ok(typeof bob !== "string" && typeof root !== "string", `${way}: ${String(bob)} ${String(root)}`);
      for (const [name, value] of Object.entries({ umask: "022", Seccomp: "2", dumpable: "1" }))
        assert.deepEqual([bob.get(name), root.get(name)], [value, value], `${way}: ${name}`);
      // Nobody who is dropped to has more than root of the tree.
      for (let resource = 0; resource < 16; resource++) {
        const name = `rlimit ${resource}`;
        const mine = own.get(name)?.split(" ").map(Number) ?? [];
        const theirs = bob.get(name)?.split(" ").map(Number) ?? [];
        const isMore = theirs.some((value, index) =>
          value === -1 ? mine[index] !== -1 : mine[index] !== -1 && value > (mine[index] ?? 0),
        );
        if (way === "unshare" || way === "chroot")
          assert.ok(!isMore, `${way}: ${name} ${theirs.join(" ")} of ${mine.join(" ")}`);
      }
      const environment = ["HOME", "USER", "LOGNAME", "SHELL", "cwd"].map((name) => bob.get(name));
      assert.deepEqual(environment, ["/home/bob", "bob", "bob", "/bin/bash", "/home/bob"], way);
      assert.equal(root.get("securebits"), "0", way);
      await tree.close();
    }
    const relative = await state(held("unshare").open(), "relative");
    assert.ok(typeof relative !== "string" && relative.get("HOME") === "/" && relative.get("SHELL") === "/bin/sh");
  });

  it("without root and subordinate ids nobody but root can be had, and it is said", async () => {
    const tree = held("rootless").open();
    const root = await state(tree, "");
    assert.ok(typeof root !== "string", String(root));
    assert.deepEqual([root.get("resuid"), root.get("Seccomp")], ["0 0 0", "2"]);
    assert.equal(root.get("CapBnd"), "00000000880401fb");
    for (const user of ["bob", "1000:1000", "top"])
      assert.match(String(await state(tree, user)), /out of reach|not mapped/);
    await tree.close();
  });

  it("agrees with the C library where that is strict: groups of setpriv --init-groups and of id", async () => {
    const { place } = held("unshare");
    // Of bob glibc believes comments, names of digits and empty members, too.
    const names = ["root", "twin", "many", "sam$", "grün", "a.b-c_d", "big", "last"];
    const bind = `mount --bind ${join(place.tree, "etc/passwd")} /etc/passwd && mount --bind ${join(place.tree, "etc/group")} /etc/group`;
    const each = `for n in ${names.map((name) => `'${name}'`).join(" ")}; do setpriv --reuid="$n" --regid="$(id -g "$n")" --init-groups ${payload} state | grep -E '^(resuid|resgid|groups)'; done`;
    const theirs = await must(["unshare", "-m", "sh", "-c", `${bind} && ${each}`]);
    const tree = held("unshare").open();
    const ours: string[] = [];
    for (const name of names) {
      const got = await state(tree, name);
      assert.ok(typeof got !== "string", String(got));
      for (const key of ["resuid", "resgid", "groups"]) ours.push(`${key} ${got.get(key)}`);
    }
    await tree.close();
    assert.equal(`${ours.join("\n")}\n`, theirs);
  });

  it("account files that are missing, links, no files, too large, or name too many groups", async () => {
    const { place } = held("chroot");
    const tree = held("chroot").open();
    const [passwd, group] = ["passwd", "group"].map((name) => join(place.tree, "etc", name)) as [string, string];
    const away = (path: string): void => renameSync(path, `${path}.kept`);
    const back = (path: string): void => {
      rmSync(path, { force: true, recursive: true });
      renameSync(`${path}.kept`, path);
    };
    const groups = async (user: string): Promise<string> => {
      const got = await state(tree, user);
      return typeof got === "string" ? got : `${got.get("resuid")}|${got.get("groups")}`;
    };
    away(group);
    assert.equal(await groups("bob"), "1000 1000 1000|1000");
    assert.match(await groups("bob:wheel"), /no group wheel/);
    symlinkSync("/etc/group.kept", group);
    assert.equal(await groups("bob"), "1000 1000 1000|10 20 21 23 1000", "a link within the tree is followed");
    rmSync(group);
    symlinkSync("/proc/self/root/etc/group", group);
    assert.match(await groups("bob"), /^open/);
    rmSync(group);
    mkdirSync(group);
    assert.match(await groups("bob"), /\/etc\/group is not a regular file/);
    rmSync(group, { recursive: true });
    await must(["mkfifo", group]);
    assert.match(await groups("bob"), /not a regular file/);
    rmSync(group);
    await must(["truncate", "-s", "17M", group]);
    assert.match(await groups("bob"), /larger than/);
    // As many as the kernel takes, and one more; and a million lines that say the same.
    const lines = (count: number): string =>
      Array.from({ length: count }, (_, index) => `n${index}:x:${index + 100_000}:bob\n`).join("");
    writeFileSync(group, lines(65_535));
    assert.equal((await groups("bob")).split("|")[1]?.split(" ").length, 65_536);
    writeFileSync(group, lines(65_536));
    assert.match(await groups("bob"), /more than 65536 groups/);
    writeFileSync(group, "n:x:77:bob\n".repeat(1_000_000));
    assert.equal(await groups("bob"), "1000 1000 1000|77 1000");
    writeFileSync(group, lines(300_000));
    assert.match(await groups("bob"), /more than 65536 groups/);
    back(group);
    away(passwd);
    assert.equal(await groups(""), "0 0 0|0", "root needs no file");
    assert.equal(await groups("7:8"), "7 7 7|8");
    assert.match(await groups("bob"), /no user bob/);
    assert.match(await groups("7"), /give its group too/);
    symlinkSync("/etc/shadow", passwd);
    assert.match(await groups("bob"), /no user bob/);
    back(passwd);
    await tree.close();
  });

  it("modules and commands become users by this one way", async () => {
    const { place } = held("unshare");
    const play = join(scope.tempDir("play"), "play.yml");
    const refused = { command: "/bin/drop state", become: true, ignore_errors: true };
    writeFileSync(
      play,
      JSON.stringify([
        {
          hosts: `local:${place.tree}`,
          gather_facts: false,
          tasks: [
            { command: "/bin/drop state", become: true, become_user: "bob", register: "bob" },
            { command: "/bin/drop state", become: true, become_user: "5555:5556" },
            { ...refused, become_user: "1" },
            { ...refused, become_user: "4294967295" },
            { ...refused, become_user: "-evil" },
          ],
        },
      ]),
    );
    const done = await run([process.execPath, crunPath, "play", play, "--output", "json"], { timeoutMs: 40_000 });
    const found = [...done.stdout.matchAll(/resuid (\d+) \d+ \d+\\nresgid (\d+) \d+ \d+\\ngroups ([\d ]+)\\n/g)].map(
      ([, ...ids]) => ids.join("|"),
    );
    assert.deepEqual([...new Set(found)], ["1000|1000|10 20 21 23 1000", "5555|5556|5556"], done.stdout + done.stderr);
    const exec = async (user: string): Promise<string> => {
      const ran = await run([
        process.execPath,
        crunPath,
        "exec",
        "-u",
        user,
        `local:${place.tree}`,
        "--",
        "/bin/drop",
        "state",
      ]);
      return ran.stdout + ran.stderr;
    };
    assert.match(await exec("twin"), /^resuid 1000 1000 1000\nresgid 1000 1000 1000\ngroups 1000$/m);
    assert.match(await exec("1"), /no user id 1/);
  });

  /** A program in the tree, by a helper that is started by these words. */
  async function underLies(words: readonly string[], user: string | undefined): Promise<Done> {
    const architecture = architectureOf(arch);
    const helper = architecture === undefined ? undefined : findHelper(architecture);
    const [file = "", ...rest] = [...words, helper ?? ""];
    const child = spawn(file, rest);
    const session = await openHostSession("lies", { ...childStream(child, "lies"), noise: new Uint8Array() }, 20_000);
    const tree = session.openTree(held("unshare").place.tree, { entry: "unshare", isHostRoot: false });
    try {
      return await execute(tree, ["/bin/drop", "state"], user === undefined ? {} : { user });
    } finally {
      await session.close();
    }
  }

  /** What the kernel only says that it did: system call, its first argument where that decides, the errno it gives (0: success). */
  const isX86 = process.arch === "x64";
  const number = (x86: number, arm64: number): number => (isX86 ? x86 : arm64);
  const prctl = number(157, 167);
  const old = [428, 429, 430, 431, 432, 442].map((one) => `${one}=38`);
  const lies: readonly {
    readonly what: string;
    readonly rules: readonly string[];
    readonly user?: string;
    readonly why: RegExp;
  }[] = [
    { what: "setgroups", rules: [`${number(116, 159)}=0`], user: "bob", why: /verify groups/ },
    { what: "setgroups, which fails", rules: [`${number(116, 159)}=1`], user: "bob", why: /^setgroups/ },
    { what: "setresgid", rules: [`${number(119, 149)}=0`], user: "bob", why: /verify ids/ },
    { what: "setresuid", rules: [`${number(117, 147)}=0`], user: "bob", why: /verify ids/ },
    { what: "setresuid, which fails", rules: [`${number(117, 147)}=11`], user: "bob", why: /^setresuid/ },
    { what: "capset", rules: [`${number(126, 91)}=0`], why: /verify capabilities/ },
    { what: "the bounding set", rules: [`${prctl},24=0`], why: /verify capabilities/ },
    { what: "no_new_privs", rules: [`${prctl},38=0`], user: "bob", why: /no_new_privs is not set/ },
    { what: "securebits", rules: [`${prctl},28=0`], user: "bob", why: /securebits are not those/ },
    { what: "the filter of calls", rules: [`${prctl},22=0`], why: /verify the filter/ },
    { what: "the filter of calls, which fails", rules: [`${prctl},22=22`], why: /takes no filter of system calls/ },
    { what: "mounts, attached", rules: ["429=0"], why: /what was mounted on \/\w+ is not there/ },
    { what: "mounts, restricted", rules: ["442=0"], why: /less restricted than it has to be/ },
    {
      what: "mounts of old kernels",
      rules: [...old, `${number(165, 40)}=0`],
      why: /verify|less restricted|is not there|would be seen/,
    },
    { what: "the new root", rules: [`${number(155, 41)}=0`], why: /the root is not the tree/ },
    { what: "the old root, taken away", rules: [`${number(166, 39)}=0`], why: /the root is not the tree/ },
  ];
  for (const { what, rules, user, why } of lies) {
    it(`nothing runs where the kernel lies or fails about ${what}`, async () => {
      const done = await underLies([lying, ...rules, "--"], user);
      assert.match(done.refusal, why);
      assert.equal(done.exit?.kind === "exited", false);
    });
  }

  it("mounts that would be seen on the host end an entry where they cannot be made private", async () => {
    // In a mount namespace of its own whose mounts are shared: what leaks goes no further.
    const shared = ["unshare", "-m", "--propagation", "shared", lying, `${number(165, 40)}=0`, "--"];
    assert.match((await underLies(shared, undefined)).refusal, /mounts would be seen on the host/);
  });
});
