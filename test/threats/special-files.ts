// Things that are no plain files, put where crun reads one by itself.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Task } from "../integration/crun-tasks.js";

/** Files of a tree that crun opens without being told: for facts, accounts, packages, services, and before a program runs. */
export const ownReads: readonly string[] = [
  "etc/passwd",
  "etc/group",
  "etc/shadow",
  "etc/gshadow",
  "etc/subuid",
  "etc/subgid",
  "etc/login.defs",
  "etc/default/useradd",
  "etc/shells",
  "etc/.pwd.lock",
  "etc/os-release",
  "usr/lib/os-release",
  "etc/debian_version",
  "etc/hostname",
  "etc/machine-id",
  "etc/localtime",
  "etc/resolv.conf",
  "etc/insserv.conf",
  "etc/init.d/web",
  "etc/systemd/system/web.service",
  "etc/systemd/system/web.service.d/more.conf",
  "var/lib/dpkg/status",
  "var/lib/apt/extended_states",
  "var/lib/apt/lists/one_Packages",
  "srv/.ssh/authorized_keys",
];

/** What may stand in their place, by name. `needsRoot`: cannot be made (or has no effect) without root. */
export const kinds: Readonly<Record<string, { readonly needsRoot?: boolean; readonly make: (path: string) => void }>> =
  {
    fifo: { make: (path) => void execFileSync("mkfifo", [path]) },
    socket: {
      make: (path) =>
        void execFileSync(
          "python3",
          ["-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path.slice(-90)],
          { cwd: dirname(path) },
        ),
    },
    zero: { needsRoot: true, make: (path) => void execFileSync("mknod", [path, "c", "1", "5"]) },
    terminal: { needsRoot: true, make: (path) => void execFileSync("mknod", [path, "c", "5", "0"]) },
    disk: { needsRoot: true, make: (path) => void execFileSync("mknod", [path, "b", "7", "0"]) },
    directory: { make: (path) => mkdirSync(path) },
    sparse: { make: (path) => (writeFileSync(path, ""), truncateSync(path, 10 * 1024 ** 3)) },
    "link to zero": { needsRoot: true, make: (path) => symlinkSync("/dev/zero", path) },
    "link to a fifo": { make: (path) => symlinkSync("/srv/fifo", path) },
    loop: { make: (path) => symlinkSync(path.slice(path.lastIndexOf("/") + 1), path) },
  };

/** Puts things of a kind in the place of all files that crun reads by itself. */
export function laySpecial(tree: string, kind: keyof typeof kinds): void {
  const one = kinds[kind];
  if (one === undefined) throw new Error(`there is no kind ${kind}`);
  for (const name of ["dev", "srv"]) mkdirSync(join(tree, name), { recursive: true });
  if (kind === "link to zero") {
    rmSync(join(tree, "dev/zero"), { force: true });
    execFileSync("mknod", [join(tree, "dev/zero"), "c", "1", "5"]);
  }
  if (kind === "link to a fifo") {
    rmSync(join(tree, "srv/fifo"), { force: true });
    execFileSync("mkfifo", [join(tree, "srv/fifo")]);
  }
  for (const name of ownReads) {
    const path = join(tree, name);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { recursive: true, force: true });
    one.make(path);
  }
}

/** Tasks that read them, whatever comes of it. */
export const readers: readonly Task[] = [
  { name: "facts", setup: {} },
  { name: "user", user: { name: "joe", groups: "user", append: true } },
  { name: "user with a key", user: { name: "user", password: "!" } },
  { name: "group", group: { name: "staff", state: "present" } },
  { name: "apt", apt: { name: "hello", state: "present" }, check_mode: true },
  { name: "apt is gone", apt: { name: "hello", state: "absent" }, check_mode: true },
  { name: "service", service: { name: "web", enabled: true } },
  { name: "systemd", systemd: { name: "web", enabled: false, masked: true } },
  { name: "owner by name", copy: { dest: "/tmp/a", content: "a", owner: "user", group: "user" } },
  { name: "a user's program", command: "/bin/none", become: true, become_user: "user" },
  { name: "a home", file: { path: "~user/x", state: "touch" } },
  { name: "a line of accounts", lineinfile: { path: "/etc/passwd", line: "joe:x:7:7::/:/bin/sh" } },
  { name: "a block", blockinfile: { path: "/etc/hostname", block: "x" } },
  { name: "search", wait_for: { path: "/etc/passwd", search_regex: "^joe", timeout: 1 } },
  { name: "look", stat: { path: "/etc/os-release", follow: true } },
];
