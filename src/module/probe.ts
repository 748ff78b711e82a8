// What can be observed in a tree, as data, and what an observation holds.

/** Which root a path belongs to: the target's tree, or the host that the tree lies on. */
export type Root = "tree" | "host";

/** Hex digests are lower case throughout. `xattrs`: of the extended attributes, also of a directory; empty where there are none. */
export type DigestName = "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | "xattrs";

/** What lies at a path. The last link is followed only with `follow`. */
export interface StatProbe {
  readonly kind: "stat";
  readonly path: string;
  readonly at?: Root;
  readonly follow?: boolean;
  /** Also the file flags (chattr). */
  readonly withFlags?: boolean;
  /** Also which file system it lies on, and whether it is a subvolume there. */
  readonly withFileSystem?: boolean;
  /** The inode, times and sizes matter: a prediction will not do, look again after pending changes were applied. */
  readonly isExact?: boolean;
}

/** A regular file's content. Follows the last link unless `follow` is false. `limit` in bytes, default 16 MiB. */
export interface ReadProbe {
  readonly kind: "read";
  readonly path: string;
  readonly at?: Root;
  readonly follow?: boolean;
  readonly limit?: number;
  /** Content is left out when the file has this digest: saves sending what the controller has already. */
  readonly unlessSha256?: string;
  /** Only the blank-line separated paragraphs that hold one of these strings (each is searched with a newline on either side). */
  readonly needles?: readonly string[];
}

/** Digests of a regular file, computed on the host. */
export interface HashProbe {
  readonly kind: "hash";
  readonly path: string;
  readonly at?: Root;
  readonly follow?: boolean;
  readonly algorithms: readonly DigestName[];
}

/** What is beneath a directory, parents before children; links are not followed, other file systems not entered. */
export interface ListProbe {
  readonly kind: "list";
  readonly path: string;
  readonly at?: Root;
  /** Levels, 0 for all. */
  readonly depth: number;
  /** Most entries to return, default 100,000. */
  readonly limit?: number;
  readonly algorithms?: readonly DigestName[];
  /** Only what has a ctime of then or later, and all names in directories that have: names beneath other ones are as they were. */
  readonly since?: Timestamp;
}

/** Paths that match a shell pattern (`* ? [ ]`), sorted. */
export interface GlobProbe {
  readonly kind: "glob";
  readonly path: string;
  readonly at?: Root;
}

/** A program that only looks. It is run in check mode too. */
export interface ExecProbe {
  readonly kind: "exec";
  readonly at?: Root;
  readonly exec: ExecSpec;
  /** Which lines of its output a plan depends on, as a regular expression: a saved plan is refused where they are others. Absent: all. */
  readonly lines?: string;
  /** It tells of processes, not of files: changed files do not change its answer. */
  readonly isOfProcesses?: boolean;
  /** It tells of these files alone: others that are changed do not change its answer. */
  readonly reads?: readonly string[];
}

/** Whether a machine runs from this tree. */
export interface MachineProbe {
  readonly kind: "machine";
}

/** Whether something answers at a TCP port, tried from the host's own network. Never remembered for another look. */
export interface ConnectProbe {
  readonly kind: "connect";
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  /** At most 60,000. */
  readonly timeoutMs: number;
  /** Bytes to read of what the peer says first; absent: none. */
  readonly limit?: number;
}

export type Probe = StatProbe | ReadProbe | HashProbe | ListProbe | GlobProbe | ExecProbe | MachineProbe | ConnectProbe;

/** Before a program runs, on the host: a cgroup that is made, and that it is put into; with a value, what is written to a file of one. */
export interface CgroupStep {
  readonly path: string;
  readonly value?: string;
}

/** A program to run in a tree. Nothing is inherited: the environment is built from zero. */
export interface ExecSpec {
  readonly argv: readonly string[];
  /** Added to PATH, HOME, USER, LOGNAME, SHELL, LANG, TERM that the session sets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Name or id, or `user:group`. Absent: the task's become_user, else root. */
  readonly user?: string;
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  /** Bytes of each stream kept for the result, default 1 MiB. */
  readonly outputLimit?: number;
  readonly umask?: number;
  /** Put into a private directory outside the tree; `@files@` in argv and environment values stands for that directory. */
  readonly files?: readonly { readonly name: string; readonly mode: number; readonly content: Content }[];
  readonly pty?: boolean;
  /** Of a cgroup of its own, by name, as they are written: `memory_max: "64M"`. */
  readonly limits?: Readonly<Record<string, string>>;
  /** What makes that cgroup. The session sets it, from `limits`. */
  readonly cgroups?: readonly CgroupStep[];
  /** What it may have beyond the entry's default, as it is written: `CAP_NET_RAW`, `io_uring`, `/dev/fuse`. */
  readonly allow?: readonly string[];
  /** The helper's own program is executed, with argv as its arguments; for reports on an entry from inside of it. */
  readonly isHelper?: boolean;
  /** Kill what the process left behind in the background when it ends. */
  readonly killLeftovers?: boolean;
  /** Without root and subordinate ids: owners that cannot be given count as given, instead of failing it midway. */
  readonly hasLaxOwners?: boolean;
}

/** Bytes by value, or a controller's file by name where they are many. `sha256` is hex. */
export interface Content {
  readonly sha256: string;
  readonly size: number;
  readonly bytes?: Uint8Array;
  /** A file of the controller that holds the bytes. */
  readonly file?: string;
  /** It was encrypted: differences do not show it. */
  readonly isSecret?: boolean;
}

export type FileType = "file" | "directory" | "link" | "block" | "char" | "fifo" | "socket";

/** A time as seconds and nanoseconds since 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What lies at a path, as lstat or stat tells it. */
export interface Stat {
  readonly type: FileType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly device: number;
  readonly inode: number;
  readonly rdev: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  /** A link's target, else empty. */
  readonly target: string;
  /** FS_IOC_GETFLAGS, if asked for and known. */
  readonly flags?: number;
}

/** An operation that did not succeed. `errno` 0 where the kernel was not the one who refused. */
export interface Failure {
  readonly errno: number;
  readonly code: "system" | "conflict" | "refused" | "no-such-user" | "bad-request" | "entry" | "deadline";
  readonly step: string;
  readonly path: string;
  readonly message: string;
}

/** How a program ended. */
export interface Exit {
  readonly kind: "exited" | "signaled" | "timed-out" | "not-started" | "cancelled";
  /** Exit status or signal number. */
  readonly value: number;
  /** For `not-started`. */
  readonly failure?: Failure;
  /** What a limit of its own did to it: `killed: memory limit of 64 MiB reached`. */
  readonly note?: string;
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Fields that every observation of a path has. `real` is the canonical path in the tree. */
interface Located {
  readonly real: string;
  /** The probe could not be carried out (permission, I/O error, a loop of links); absence is no failure. */
  readonly failure?: Failure;
}

export interface StatObservation extends Located {
  readonly kind: "stat";
  /** Undefined: nothing is there. */
  readonly stat: Stat | undefined;
  /** Name of the file system, as `btrfs`, or its magic number in hex; if asked for, and something is there. */
  readonly fileSystem?: string;
  /** The root of a btrfs subvolume, if asked for. */
  readonly subvolume?: "writable" | "read-only";
}

export interface ReadObservation extends Located {
  readonly kind: "read";
  readonly stat: Stat | undefined;
  /** Undefined where it is no regular file, or needles were given. */
  readonly sha256: string | undefined;
  /** Undefined: absent, no regular file, `unlessSha256` matched (then `sha256` equals it), or too large. */
  readonly content: Uint8Array | undefined;
  readonly isTooLarge: boolean;
}

export interface HashObservation extends Located {
  readonly kind: "hash";
  readonly stat: Stat | undefined;
  readonly digests: Readonly<Partial<Record<DigestName, string>>>;
}

export interface ListEntry {
  /** Relative to the directory that was listed. */
  readonly name: string;
  readonly stat: Stat;
  readonly digests: Readonly<Partial<Record<DigestName, string>>>;
}

export interface ListObservation extends Located {
  readonly kind: "list";
  readonly stat: Stat | undefined;
  readonly isTruncated: boolean;
  readonly entries: readonly ListEntry[];
}

export interface GlobObservation {
  readonly kind: "glob";
  readonly failure?: Failure;
  readonly paths: readonly string[];
}

export interface ExecObservation {
  readonly kind: "exec";
  readonly failure?: Failure;
  readonly exit: Exit;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface MachineObservation {
  readonly kind: "machine";
  readonly failure?: Failure;
  /** Undefined: no machine runs from this tree. */
  readonly machine:
    | {
        readonly name: string;
        readonly leader: number;
        /** The leader's cgroup beneath the mount, as `/machine.slice/…`. */
        readonly cgroup: string;
        readonly uidShift: number;
        /** Name of its PID 1, as `systemd`. */
        readonly init: string;
        readonly hasPrivateUsers: boolean;
      }
    | undefined;
}

export interface ConnectObservation {
  readonly kind: "connect";
  readonly failure?: Failure;
  readonly isOpen: boolean;
  /** Why it is not, Linux's number. */
  readonly errno: number;
  /** What the peer said. */
  readonly data: Uint8Array;
}

export type Observation =
  | StatObservation
  | ReadObservation
  | HashObservation
  | ListObservation
  | GlobObservation
  | ExecObservation
  | MachineObservation
  | ConnectObservation;

interface Observations {
  readonly stat: StatObservation;
  readonly read: ReadObservation;
  readonly hash: HashObservation;
  readonly list: ListObservation;
  readonly glob: GlobObservation;
  readonly exec: ExecObservation;
  readonly machine: MachineObservation;
  readonly connect: ConnectObservation;
}

/** The observation that answers a probe of a kind. */
export type ObservationOf<P extends Probe> = Observations[P["kind"]];
