// What can be done to a tree, as data, with what it expects to find.

import type { Content, ExecSpec, Exit, Failure, FileType, Root, Timestamp } from "./probe.js";

/**
 * What must be at the path for the change to be carried out (compare and swap). Of the thing itself: the last link is followed only where
 * the change follows. An absent field is not looked at.
 */
export interface Expect {
  readonly type?: FileType | "absent";
  readonly sha256?: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
  readonly target?: string;
  /** Where the path led when it was observed (its canonical form): links that were swapped in since lead nowhere. Set by the engine. */
  readonly real?: string;
}

/** `keep`: what the replaced file has, or the default where there was none. */
interface Ownership {
  /** Absent: keep; 0666 (directories 0777) less umask 022 where there was none. */
  readonly mode?: number;
  /** Absent: keep; root (or the task's become_user) where there was none. */
  readonly uid?: number;
  readonly gid?: number;
}

interface At {
  readonly path: string;
  readonly at?: Root;
  readonly expect: Expect;
}

export type TimeSpec = "now" | Timestamp;

/** Temp file, owner, mode, fsync, rename: the file is the old or the new one, whole. */
export interface WriteFile extends At, Ownership {
  readonly kind: "writeFile";
  readonly content: Content;
  readonly follow?: boolean;
  /** Write into the existing inode (for files that are mounts). */
  readonly inPlace?: boolean;
  readonly mtime?: TimeSpec;
  /** Content is secret: no diff. */
  readonly isSecret?: boolean;
}

/** One directory; its parent must exist. */
export interface MakeDirectory extends At, Ownership {
  readonly kind: "makeDirectory";
}

/** A symbolic link; replaces what is no directory, atomically. */
export interface MakeLink extends At {
  readonly kind: "makeLink";
  readonly target: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface HardLink extends At {
  readonly kind: "hardLink";
  readonly source: string;
}

export interface Remove extends At {
  readonly kind: "remove";
  readonly isRecursive?: boolean;
  /** With `isRecursive`: btrfs subvolumes too, read-only ones and those beneath them; one costs a few system calls, whatever it holds. */
  readonly withSubvolumes?: boolean;
}

export interface SetAttributes extends At {
  readonly kind: "setAttributes";
  readonly follow?: boolean;
  /** Also where the file has several hard links; else it gets a copy of its own first (a link may lead out of the tree). */
  readonly allowHardLinks?: boolean;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly atime?: TimeSpec;
  readonly mtime?: TimeSpec;
  readonly setFlags?: number;
  readonly clearFlags?: number;
}

/** A copy within the tree, temp + rename. */
export interface CopyFile extends At, Ownership {
  readonly kind: "copyFile";
  readonly from: string;
  readonly follow?: boolean;
  readonly keepTimes?: boolean;
  readonly keepXattrs?: boolean;
  /** What a later change replaces, kept under another name: no diff. */
  readonly isBackup?: boolean;
}

export interface Rename extends At {
  readonly kind: "rename";
  readonly to: string;
  /** What is done where something is at `to`. Default `replace`: what is no directory. `exchange`: both change places at once. */
  readonly onTaken?: "replace" | "exchange" | "refuse";
}

/** A btrfs subvolume where nothing is: empty (0755), or a snapshot of `from` with all subvolumes beneath that. */
export interface Subvolume extends At {
  readonly kind: "subvolume";
  /** A subvolume of the same file system, in the same root. */
  readonly from?: string;
  readonly isReadOnly?: boolean;
}

/** Whether a subvolume is read-only; those beneath it are left as they are. */
export interface SetSubvolume extends At {
  readonly kind: "setSubvolume";
  readonly isReadOnly: boolean;
}

/** An overlay at the path; its directory is made where it is absent, so that nobody finds it without what is mounted. Absolute paths of the host. */
export interface MountOverlay extends At {
  readonly kind: "mountOverlay";
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  /** In the place of what is mounted there, which must not be in use; where the kernel can, at once. */
  readonly replaces?: boolean;
}

/** What is mounted at the path; it must not be in use. */
export interface Unmount extends At {
  readonly kind: "unmount";
  /** And its directory. */
  readonly removesDirectory?: boolean;
}

/** A program whose effect cannot be known but for what `assumes` says. */
export interface ExecChange {
  readonly kind: "exec";
  readonly at?: Root;
  readonly exec: ExecSpec;
  /** What the tree will surely have afterwards, for the model (as a new dpkg status). Not carried out. */
  readonly assumes?: readonly Assumption[];
  /** Nothing of the tree but what `assumes` says is touched: later tasks need not look again. */
  readonly isContained?: boolean;
  /** Has to run, but does not make the task changed (apt's lists brought up to date before an install). */
  readonly isUncounted?: boolean;
  /** Exit statuses that count as success, default 0; `any`: the module judges in `conclude`. */
  readonly okStatuses?: readonly number[] | "any";
}

/** One write to a file of cgroupfs, proc or sysfs; with `current`, only where it reads so. */
export interface WriteKernel extends At {
  readonly kind: "writeKernel";
  readonly value: string;
  readonly current?: string;
}

/** Take a lock file (fcntl, as lckpwdf does) until `unlock` or the end of the task. */
export interface Lock extends At {
  readonly kind: "lock";
  readonly timeoutMs: number;
}

export interface Unlock extends At {
  readonly kind: "unlock";
}

/**
 * For `assumes` alone, never carried out: paragraphs of a file (separated by blank lines) that an exec will surely add, replace or take away,
 * each known by its first line (as `Package: nginx` in dpkg's status).
 */
export interface AmendParagraphs {
  readonly kind: "amendParagraphs";
  readonly path: string;
  /** `text` undefined: gone. */
  readonly paragraphs: readonly { readonly firstLine: string; readonly text: string | undefined }[];
}

export type Change =
  | WriteFile
  | MakeDirectory
  | MakeLink
  | HardLink
  | Remove
  | SetAttributes
  | CopyFile
  | Rename
  | Subvolume
  | ExecChange
  | WriteKernel
  | Lock
  | Unlock
  | SetSubvolume
  | MountOverlay
  | Unmount;

/** For `assumes` alone: something will be at the path; what, is not known. */
export interface Appears {
  readonly kind: "appears";
  readonly path: string;
}

/** For `assumes` alone: another file system will be there, with what it holds. */
export interface Mounted {
  readonly kind: "mounted";
  readonly path: string;
  readonly fileSystem: string;
}

/** What an exec will surely have done, for the model. */
export type Assumption = Change | AmendParagraphs | Appears | Mounted;

/** What came of one change. `exit`, `stdout`, `stderr` for exec alone. */
export interface Outcome {
  readonly failure?: Failure;
  readonly exit?: Exit;
  readonly stdout?: Uint8Array;
  readonly stderr?: Uint8Array;
}
