// Things that are no plain files, put where crun reads one by itself.

import { execFileSync } from "node:child_process";
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

/** What may stand in their place, by name: how it is made, in Python, at `path`. */
export const kinds: Readonly<Record<string, string>> = {
  fifo: "os.mkfifo(path)",
  socket: "os.chdir(os.path.dirname(path)); socket.socket(socket.AF_UNIX).bind(os.path.basename(path))",
  zero: "os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))",
  terminal: "os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(5, 0))",
  disk: "os.mknod(path, 0o660 | stat.S_IFBLK, os.makedev(7, 0))",
  directory: "os.mkdir(path)",
  sparse: "open(path, 'w').truncate(10 << 30)",
  "link to zero": "os.symlink('/dev/zero', path)",
  "link to a fifo": "os.symlink('/dev/fifo', path)",
  loop: "os.symlink(os.path.basename(path), path)",
};

/** Puts things of a kind in the place of all files that crun reads by itself. */
export function laySpecial(tree: string, kind: string): void {
  const made = kinds[kind];
  if (made === undefined) throw new Error(`there is no kind ${kind}`);
  const script = `import os, shutil, socket, stat, sys
tree = sys.argv[1]
for name in "dev", "tmp", "usr/bin": os.makedirs(tree + "/" + name, exist_ok=True)
open(tree + "/usr/bin/apt-get", "w").close()
os.chmod(tree + "/usr/bin/apt-get", 0o755)
for path, how in (tree + "/dev/zero", lambda p: os.mknod(p, 0o666 | stat.S_IFCHR, os.makedev(1, 5))), (tree + "/dev/fifo", os.mkfifo):
    if not os.path.lexists(path): how(path)
for name in sys.argv[2:]:
    path = os.path.join(tree, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(path) and not os.path.islink(path): shutil.rmtree(path)
    elif os.path.lexists(path): os.unlink(path)
    ${made}
`;
  execFileSync("python3", ["-c", script, tree, ...ownReads]);
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
  { name: "a line of accounts", lineinfile: { path: "/etc/passwd", line: "joe:x:7:7::/:/bin/sh" } },
  { name: "a block", blockinfile: { path: "/etc/hostname", block: "x" } },
  { name: "search", wait_for: { path: "/etc/passwd", search_regex: "^joe", timeout: 1 } },
  { name: "look", stat: { path: "/etc/os-release", follow: true, get_checksum: false } },
];
