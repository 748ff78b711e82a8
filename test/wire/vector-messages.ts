// The messages of the golden vectors, written out: every message, probe, change and result, with its edges.

import type { Outcome } from "../../src/module/change.js";
import type { Exit, Failure, Observation, Stat } from "../../src/module/probe.js";
import type { WireChange } from "../../src/wire/changes.js";
import type { Reply, Request } from "../../src/wire/messages.js";
import type { WireProbe } from "../../src/wire/probes.js";
import type { WireExec } from "../../src/wire/structs.js";

export type Vector =
  | { readonly name: string; readonly direction: "c2h"; readonly message: Request }
  | { readonly name: string; readonly direction: "h2c"; readonly message: VectorReply };

/** As a Reply, but that items and outcomes stand with what was asked. */
export type VectorReply =
  | Exclude<Reply, { kind: "observed" | "applied" }>
  | {
      readonly kind: "observed";
      readonly channel: number;
      readonly isLast: boolean;
      readonly first: number;
      readonly probes: readonly WireProbe[];
      readonly items: readonly Observation[];
    }
  | {
      readonly kind: "applied";
      readonly channel: number;
      readonly index: number;
      readonly change: WireChange["kind"];
      readonly outcome: Outcome;
    };

const SHA256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const text = (value: string): Buffer => Buffer.from(value, "latin1");
const time = (seconds: number, nanoseconds = 0) => ({ seconds, nanoseconds });

const plainExec: WireExec = {
  argv: ["/bin/true"],
  environment: [],
  directory: "",
  user: "",
  hasTerminal: false,
  streamsOutput: false,
  mergesStderr: false,
  killsLeftovers: false,
  isInBackground: false,
  isHelper: false,
  hasLaxOwners: false,
  stdin: { kind: "none" },
  timeoutMs: 0,
  outputLimit: 0,
  rows: 0,
  columns: 0,
  umask: 0xffff,
  entry: 255,
  files: [],
  cgroups: [],
  capabilities: 0,
  calls: 0,
  devices: [],
};

const fullExec: WireExec = {
  argv: ["/bin/sh", "-c", 'echo "$1"', "sh", "", "grün \udcff"],
  environment: ["PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8", "EMPTY="],
  directory: "/srv/app",
  user: "www-data:adm",
  hasTerminal: true,
  streamsOutput: true,
  mergesStderr: true,
  killsLeftovers: true,
  isInBackground: true,
  isHelper: true,
  hasLaxOwners: true,
  stdin: { kind: "bytes", bytes: text("in\0put\n") },
  timeoutMs: 30_000,
  outputLimit: 2 ** 40,
  rows: 24,
  columns: 80,
  umask: 0o027,
  entry: 1,
  files: [
    { name: "shim", mode: 0o755, content: { kind: "bytes", bytes: text("#!/bin/sh\n") } },
    { name: "big", mode: 0o600, content: { kind: "blob", sha256: SHA256 } },
  ],
  cgroups: [{ path: "/sys/fs/cgroup/crun-1-1" }, { path: "/sys/fs/cgroup/crun-1-1/pids.max", value: "20" }],
  capabilities: 2 ** 21 + 2 ** 39,
  calls: 17,
  devices: ["/dev/fuse", "/dev/net/tun"],
};

const stat: WireProbe = {
  kind: "stat",
  at: "tree",
  path: "/etc/passwd",
  follow: false,
  withFlags: false,
  withFileSystem: false,
};
const onFileSystem: WireProbe = { ...stat, path: "/srv", withFileSystem: true };
const read: WireProbe = { kind: "read", at: "tree", path: "/etc/hosts", follow: true, limit: 16 * 1024 * 1024 };
const hash: WireProbe = {
  kind: "hash",
  at: "tree",
  path: "/bin/sh",
  follow: true,
  algorithms: ["md5", "sha256", "sha512"],
};
const attributes: WireProbe = { ...hash, algorithms: ["sha256", "xattrs"] };
const list: WireProbe = { kind: "list", at: "tree", path: "/etc", depth: 2, limit: 10, algorithms: ["sha1", "sha256"] };
const glob: WireProbe = { kind: "glob", at: "tree", path: "/etc/*.d/[a-z]?.conf" };
const execProbe: WireProbe = { kind: "exec", at: "tree", exec: plainExec };
const machine: WireProbe = { kind: "machine" };
const connect: WireProbe = { kind: "connect", host: "192.0.2.7", port: 5432, timeoutMs: 5000 };

const probes: readonly (readonly [string, WireProbe])[] = [
  ["stat", stat],
  [
    "stat with all flags, on the host, a name that is no UTF-8",
    { kind: "stat", at: "host", path: "/srv/\udc80\udcfe/é", follow: true, withFlags: true, withFileSystem: true },
  ],
  ["read", read],
  ["read unless", { ...read, follow: false, limit: 1, unlessSha256: SHA256 }],
  ["read needles", { ...read, limit: 2 ** 33, needles: ["\nPackage: nginx\n", "\nPackage: bash\n"] }],
  ["hash", hash],
  ["list", { kind: "list", at: "tree", path: "/etc", depth: 0, limit: 100_000, algorithms: [] }],
  ["list with digests", list],
  ["glob", glob],
  ["exec", execProbe],
  ["exec with everything", { kind: "exec", at: "host", exec: fullExec }],
  ["machine", machine],
  ["connect", connect],
  ["connect and read", { kind: "connect", host: "2001:db8::1", port: 65_535, timeoutMs: 1, limit: 4096 }],
  ["list of what was touched", { ...list, since: { seconds: -1, nanoseconds: 999_999_999 } }],
];

const changes: readonly (readonly [string, WireChange])[] = [
  [
    "writeFile, all kept",
    {
      kind: "writeFile",
      at: "tree",
      path: "/etc/motd",
      expect: {},
      content: { kind: "bytes", bytes: text("hello\n") },
      follow: false,
      inPlace: false,
    },
  ],
  [
    "writeFile, all given",
    {
      kind: "writeFile",
      at: "host",
      path: "/etc/motd",
      expect: { type: "file", sha256: SHA256, owner: { uid: 1, gid: 2 }, mode: 0o644, target: "", real: "/etc/motd" },
      content: { kind: "blob", sha256: SHA256 },
      mode: 0o4755,
      uid: 1000,
      gid: 65534,
      follow: true,
      inPlace: true,
      mtime: time(-1, 999_999_999),
    },
  ],
  [
    "writeFile, absent before, touched now",
    {
      kind: "writeFile",
      at: "tree",
      path: "/etc/new",
      expect: { type: "absent" },
      content: { kind: "bytes", bytes: text("") },
      mode: 0o600,
      follow: false,
      inPlace: false,
      mtime: "now",
    },
  ],
  [
    "makeDirectory",
    { kind: "makeDirectory", at: "tree", path: "/srv/a", expect: { type: "absent" }, mode: 0o750, uid: 0, gid: 0 },
  ],
  [
    "makeLink",
    { kind: "makeLink", at: "tree", path: "/srv/l", expect: { target: "old" }, target: "../new/\udcff", uid: 5 },
  ],
  ["hardLink", { kind: "hardLink", at: "tree", path: "/srv/h", expect: {}, source: "/srv/a" }],
  [
    "remove",
    {
      kind: "remove",
      at: "tree",
      path: "/srv/a",
      expect: { type: "file" },
      isRecursive: false,
      withSubvolumes: false,
    },
  ],
  [
    "remove with all beneath",
    {
      kind: "remove",
      at: "tree",
      path: "/srv/d",
      expect: { type: "directory" },
      isRecursive: true,
      withSubvolumes: true,
    },
  ],
  [
    "setAttributes, one",
    {
      kind: "setAttributes",
      at: "tree",
      path: "/srv/a",
      expect: {},
      follow: false,
      allowHardLinks: false,
      mode: 0o600,
      setFlags: 0,
      clearFlags: 0,
    },
  ],
  [
    "setAttributes, all",
    {
      kind: "setAttributes",
      at: "tree",
      path: "/srv/a",
      expect: { owner: { uid: 0, gid: 0 }, mode: 0o755 },
      follow: true,
      allowHardLinks: true,
      mode: 0o2755,
      uid: 7,
      gid: 8,
      atime: "now",
      mtime: time(1_700_000_000, 5),
      setFlags: 0x10,
      clearFlags: 0x20,
    },
  ],
  [
    "copyFile",
    {
      kind: "copyFile",
      at: "tree",
      path: "/srv/b",
      expect: {},
      from: "/srv/a",
      mode: 0o644,
      follow: true,
      keepTimes: true,
      keepXattrs: true,
    },
  ],
  ["rename", { kind: "rename", at: "tree", path: "/srv/a", expect: {}, to: "/srv/b", onTaken: "replace" }],
  [
    "rename, exchanged",
    { kind: "rename", at: "host", path: "/srv/a", expect: { type: "directory" }, to: "/srv/b", onTaken: "exchange" },
  ],
  ["rename to a new name", { kind: "rename", at: "tree", path: "/srv/a", expect: {}, to: "/srv/b", onTaken: "refuse" }],
  [
    "mountOverlay",
    {
      kind: "mountOverlay",
      at: "host",
      path: "/t/m",
      expect: {},
      lower: "/t/l",
      upper: "/t/u",
      work: "/t/w",
      replaces: true,
    },
  ],
  ["unmount", { kind: "unmount", at: "tree", path: "/t/m", expect: {}, removesDirectory: true }],
  ["subvolume", { kind: "subvolume", at: "host", path: "/srv/s", expect: { type: "absent" }, isReadOnly: false }],
  [
    "subvolume of another, read-only",
    { kind: "subvolume", at: "host", path: "/srv/\udcff", expect: {}, from: "/srv/s", isReadOnly: true },
  ],
  [
    "setSubvolume",
    { kind: "setSubvolume", at: "tree", path: "/srv/s", expect: { type: "directory" }, isReadOnly: true },
  ],
  ["exec", { kind: "exec", at: "tree", expect: {}, exec: plainExec }],
  [
    "exec with everything",
    { kind: "exec", at: "host", expect: {}, exec: { ...fullExec, stdin: { kind: "blob", sha256: SHA256 } } },
  ],
  [
    "writeKernel",
    { kind: "writeKernel", at: "host", path: "/sys/fs/cgroup/a/memory.max", expect: {}, value: "1048576" },
  ],
  [
    "writeKernel where it reads so",
    { kind: "writeKernel", at: "host", path: "/proc/sys/net/x", expect: {}, value: "max\n", current: "1048576" },
  ],
  ["lock", { kind: "lock", at: "tree", path: "/etc/.pwd.lock", expect: {}, timeoutMs: 15_000 }],
  ["unlock", { kind: "unlock", at: "tree", path: "/etc/.pwd.lock", expect: {} }],
  ["hold", { kind: "hold", at: "host", path: "/run/crun/locks", expect: {}, timeoutMs: 2000, holder: "{}" }],
];

const fileStat: Stat = {
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 42,
  links: 1,
  size: 1234,
  device: 0x801,
  inode: 131_073,
  rdev: 0,
  blocks: 8,
  blockSize: 4096,
  atime: time(1_700_000_000, 1),
  mtime: time(-5, 999_999_999),
  ctime: time(2 ** 34),
  target: "",
};
const linkStat: Stat = { ...fileStat, type: "link", mode: 0o777, target: "../\udc80 é", size: 2 ** 53 - 1 };
const directoryStat: Stat = { ...fileStat, type: "directory", mode: 0o1777, links: 3, flags: 0x80010 };

const failure: Failure = { errno: 13, code: "system", step: "open", path: "/etc/shadow", message: "" };
const refused: Failure = { errno: 0, code: "refused", step: "read", path: "/dev/\udcff", message: "no regular file" };
const exited: Exit = { kind: "exited", value: 3, wallMs: 12, cpuMs: 4 };
const notStarted: Exit = {
  kind: "not-started",
  value: 127,
  failure: { errno: 2, code: "system", step: "execve", path: "/bin/none", message: "" },
  wallMs: 1,
  cpuMs: 0,
};
const nothingRead = { stat: undefined, sha256: undefined, content: undefined, isTooLarge: false };

const observed: readonly (readonly [string, WireProbe, Observation])[] = [
  ["stat absent", stat, { kind: "stat", real: "/etc/passwd", stat: undefined }],
  ["stat of a file", stat, { kind: "stat", real: "/usr/etc/passwd", stat: fileStat }],
  ["stat of a link", stat, { kind: "stat", real: "/etc/passwd", stat: linkStat }],
  [
    "stat on a file system, a subvolume",
    onFileSystem,
    { kind: "stat", real: "/srv", stat: directoryStat, fileSystem: "btrfs", subvolume: "read-only" },
  ],
  [
    "stat on a file system without a name",
    onFileSystem,
    { kind: "stat", real: "/srv", stat: directoryStat, fileSystem: "0x1234abcd" },
  ],
  ["stat on a file system, absent", onFileSystem, { kind: "stat", real: "/srv", stat: undefined }],
  ["stat failed", stat, { kind: "stat", real: "/etc/passwd", failure, stat: undefined }],
  [
    "read bytes",
    read,
    { kind: "read", real: "/etc/hosts", stat: fileStat, sha256: SHA256, content: text("a\0b\n"), isTooLarge: false },
  ],
  ["read nothing there", read, { kind: "read", real: "/etc/hosts", ...nothingRead }],
  [
    "read too large",
    read,
    { kind: "read", real: "/etc/hosts", ...nothingRead, stat: fileStat, sha256: SHA256, isTooLarge: true },
  ],
  [
    "hash",
    hash,
    { kind: "hash", real: "/bin/sh", stat: fileStat, digests: { md5: MD5, sha256: SHA256, sha512: SHA256 + SHA256 } },
  ],
  [
    "hash with attributes",
    attributes,
    { kind: "hash", real: "/bin/sh", stat: fileStat, digests: { sha256: SHA256, xattrs: "" } },
  ],
  [
    "attributes of a directory",
    { ...attributes, algorithms: ["xattrs"] },
    { kind: "hash", real: "/bin/sh", stat: directoryStat, digests: { xattrs: SHA256 } },
  ],
  ["hash of no regular file", hash, { kind: "hash", real: "/bin/sh", stat: directoryStat, digests: {} }],
  [
    "list",
    list,
    {
      kind: "list",
      real: "/etc",
      stat: directoryStat,
      isTruncated: true,
      entries: [
        { name: "a", stat: directoryStat, digests: {} },
        { name: "a/\udcc3(", stat: fileStat, digests: { sha1: SHA1, sha256: SHA256 } },
      ],
    },
  ],
  ["glob", glob, { kind: "glob", paths: ["/etc/a.d/x1.conf", "/etc/b\udce9.d/y2.conf"] }],
  ["exec exited", execProbe, { kind: "exec", exit: exited, stdout: text("out"), stderr: text("") }],
  ["exec not started", execProbe, { kind: "exec", exit: notStarted, stdout: text(""), stderr: text("") }],
  [
    "machine runs",
    machine,
    {
      kind: "machine",
      machine: {
        name: "web1",
        leader: 4321,
        cgroup: "/machine.slice/systemd-nspawn@web1.service",
        uidShift: 524_288,
        init: "systemd",
        hasPrivateUsers: true,
      },
    },
  ],
  ["no machine", machine, { kind: "machine", machine: undefined }],
  ["machine failed", machine, { kind: "machine", failure: refused, machine: undefined }],
  ["connect open", connect, { kind: "connect", isOpen: true, errno: 0, data: text("SSH-2.0-x\r\n") }],
  ["connect refused", connect, { kind: "connect", isOpen: false, errno: 111, data: text("") }],
];

const outcomes: readonly (readonly [string, WireChange["kind"], Outcome])[] = [
  ["done", "writeFile", {}],
  ["failed", "rename", { failure }],
  ["exec", "exec", { exit: exited, stdout: text("\xff"), stderr: text("e\n") }],
  ...(["signaled", "timed-out", "cancelled"] as const).map(
    (kind) =>
      [
        `exec ${kind}`,
        "exec",
        { exit: { kind, value: 9, wallMs: 1000, cpuMs: 999 }, stdout: text(""), stderr: text("") },
      ] as const,
  ),
];

const requests: readonly (readonly [string, Request])[] = [
  [
    "openTree",
    {
      kind: "openTree",
      channel: 1,
      tree: 7,
      path: "/srv/web\udc80",
      entry: 0,
      isHostRoot: false,
      isAsRoot: false,
      hasOwnMounts: false,
    },
  ],
  [
    "openTree of the host",
    {
      kind: "openTree",
      channel: 0xffffffff,
      tree: 0xffffffff,
      path: "/",
      entry: 4,
      isHostRoot: true,
      isAsRoot: true,
      hasOwnMounts: true,
    },
  ],
  ["closeTree", { kind: "closeTree", channel: 2, tree: 7 }],
  ["observe nothing", { kind: "observe", channel: 3, tree: 7, probes: [] }],
  ["observe everything", { kind: "observe", channel: 4, tree: 7, probes: probes.map(([, probe]) => probe) }],
  ["apply nothing", { kind: "apply", channel: 5, tree: 7, batch: 1, changes: [] }],
  [
    "apply everything",
    { kind: "apply", channel: 6, tree: 7, batch: 0x01020304, changes: changes.map(([, change]) => change) },
  ],
  ["exec", { kind: "exec", channel: 7, tree: 7, exec: { ...fullExec, stdin: { kind: "input" } } }],
  ["input", { kind: "input", channel: 7, data: text("ls\n\0") }],
  ["input ends", { kind: "input", channel: 7, data: text("") }],
  ["resize", { kind: "resize", channel: 7, rows: 50, columns: 132 }],
  ["signal", { kind: "signal", channel: 7, signal: 15 }],
  ["blob", { kind: "blob", channel: 8, sha256: SHA256, size: 2 ** 40 + 1, offset: 2 ** 40 - 2, data: text("xyz") }],
  ["empty blob", { kind: "blob", channel: 9, sha256: SHA256, size: 0, offset: 0, data: text("") }],
  ["cancel", { kind: "cancel", channel: 6 }],
];

const replies: readonly (readonly [string, VectorReply])[] = [
  [
    "greeting",
    {
      kind: "greeting",
      channel: 0,
      protocol: 8,
      version: "0.1.0",
      architecture: "x86_64",
      kernel: "6.1.0-18-amd64",
      nodename: "node1",
      pid: 4711,
      uid: 0,
      gid: 0,
      features: 3,
      cpus: 2,
      memory: 8 * 2 ** 30,
      users: 65_537,
      groups: 1,
      lack: "newgidmap is not there",
    },
  ],
  [
    "opened",
    { kind: "opened", channel: 1, realPath: "/srv/web", device: 2 ** 40, fileSystem: 0x9123683e, isReadOnly: true },
  ],
  ["done", { kind: "done", channel: 6, applied: 12 }],
  ["started", { kind: "started", channel: 7, pid: 4712, livesOn: false }],
  ["started, to live on", { kind: "started", channel: 7, pid: 4712, livesOn: true }],
  ["output on stdout", { kind: "output", channel: 7, index: 0, stream: "stdout", data: text("a\n") }],
  ["output on stderr", { kind: "output", channel: 6, index: 3, stream: "stderr", data: text("\x1b[31m") }],
  ["exited", { kind: "exited", channel: 7, exit: exited }],
  ["exited, not started", { kind: "exited", channel: 7, exit: notStarted }],
  ["blobStored", { kind: "blobStored", channel: 8, sha256: SHA256 }],
  ["content", { kind: "content", channel: 4, index: 2, data: text("piece") }],
  ["inputTaken", { kind: "inputTaken", channel: 7, count: 65_536 }],
  ["error", { kind: "error", channel: 1, failure: { ...failure, code: "entry", message: "no such tree" } }],
  ...(["conflict", "refused", "no-such-user", "bad-request", "deadline"] as const).map(
    (code) => [`error ${code}`, { kind: "error", channel: 1, failure: { ...refused, code } }] as const,
  ),
  [
    "observed, all at once",
    {
      kind: "observed",
      channel: 4,
      isLast: true,
      first: 0,
      probes: observed.map(([, probe]) => probe),
      items: observed.map(([, , item]) => item),
    },
  ],
];

/** In the order of the file. */
export const VECTORS: readonly Vector[] = [
  ...requests.map(([name, message]) => ({ name, direction: "c2h", message }) as const),
  ...probes.map(([name, probe], index) => ({
    name: `probe ${name}`,
    direction: "c2h" as const,
    message: { kind: "observe" as const, channel: 100 + index, tree: 7, probes: [probe] },
  })),
  ...changes.map(([name, change], index) => ({
    name: `change ${name}`,
    direction: "c2h" as const,
    message: { kind: "apply" as const, channel: 200 + index, tree: 7, batch: index, changes: [change] },
  })),
  ...replies.map(([name, message]) => ({ name, direction: "h2c", message }) as const),
  ...observed.map(([name, probe, item], index) => ({
    name: `item ${name}`,
    direction: "h2c" as const,
    message: {
      kind: "observed" as const,
      channel: 300 + index,
      isLast: true,
      first: 0,
      probes: [probe],
      items: [item],
    },
  })),
  ...outcomes.map(([name, change, outcome], index) => ({
    name: `outcome ${name}`,
    direction: "h2c" as const,
    message: { kind: "applied" as const, channel: 400, index, change, outcome },
  })),
];
