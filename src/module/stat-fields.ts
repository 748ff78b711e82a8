// Ansible's words for what lies at a path: the fields of the module stat's result.

import { flagNames, formatFlags } from "./file-flags.js";
import type { Accounts } from "./ownership.js";
import { defaultOwnership } from "./ownership.js";
import type { ExecObservation, Stat, Timestamp } from "./probe.js";

/** Kind, permissions, owner, sizes and times. */
export function statFields(stat: Stat): Readonly<Record<string, unknown>> {
  const has = (bit: number): boolean => (stat.mode & bit) !== 0;
  const { type } = stat;
  return {
    mode: stat.mode.toString(8).padStart(4, "0"),
    isdir: type === "directory",
    ischr: type === "char",
    isblk: type === "block",
    isreg: type === "file",
    isfifo: type === "fifo",
    islnk: type === "link",
    issock: type === "socket",
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    inode: stat.inode,
    dev: stat.device,
    nlink: stat.links,
    atime: secondsOf(stat.atime),
    mtime: secondsOf(stat.mtime),
    ctime: secondsOf(stat.ctime),
    wusr: has(0o200),
    rusr: has(0o400),
    xusr: has(0o100),
    wgrp: has(0o020),
    rgrp: has(0o040),
    xgrp: has(0o010),
    woth: has(0o002),
    roth: has(0o004),
    xoth: has(0o001),
    isuid: has(0o4000),
    isgid: has(0o2000),
    blocks: stat.blocks,
    block_size: stat.blockSize,
    device_type: stat.rdev,
  };
}

/** What the task's user may do with the file: root everything, but only execute what someone may execute. */
export function accessFields(stat: Stat | undefined, becomeUser: string | undefined, accounts: Accounts) {
  if (!stat) return { readable: false, writeable: false, executable: false };
  const { uid, gid } = defaultOwnership(becomeUser, accounts);
  if (uid === 0)
    return { readable: true, writeable: true, executable: stat.type === "directory" || (stat.mode & 0o111) !== 0 };
  const bits = stat.mode >> (stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0);
  return { readable: (bits & 4) !== 0, writeable: (bits & 2) !== 0, executable: (bits & 1) !== 0 };
}

function secondsOf(time: Timestamp): number {
  return time.seconds + time.nanoseconds / 1e9;
}

/** Type and encoding out of what `file` printed; `unknown` where it did not run. */
export function mimeFields(seen: ExecObservation | undefined): { readonly mimetype: string; readonly charset: string } {
  const text = seen?.exit.kind === "exited" && seen.exit.value === 0 ? Buffer.from(seen.stdout).toString("utf8") : "";
  const found = /:\s*([^:;]+);\s*charset=(\S+)\s*$/.exec(text.slice(-1000));
  return { mimetype: found?.[1] ?? "unknown", charset: found?.[2] ?? "unknown" };
}

/** File flags, as lsattr tells them. */
export function flagFields(stat: Stat): Readonly<Record<string, unknown>> {
  return { version: null, attributes: flagNames(stat.flags ?? 0), attr_flags: formatFlags(stat.flags ?? 0) };
}
