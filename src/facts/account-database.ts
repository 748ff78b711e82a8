// The six account files of a tree together: looked at with one set of probes, edited, and written under the password lock.

import { contentOf } from "../module/content.js";
import type { Change } from "../module/change.js";
import type { ReadObservation, ReadProbe } from "../module/probe.js";
import { AccountFile } from "./account-file.js";
import { groupsOf, type GroupEntry } from "./group.js";
import { LoginDefs } from "./login-defs.js";
import { usersOf, type PasswdEntry } from "./passwd.js";
import { reasonOf } from "../module/failure-text.js";

const fileNames = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"] as const;
export type AccountFileName = (typeof fileNames)[number];

/**
 * Each is written as a whole, all of them are not: a run that breaks off between two leaves what the next one completes. So the file that tells whether there
 * is a user (or a group) comes after those that are found by it, and where an account goes, last of all.
 */
const writeOrder: readonly AccountFileName[] = ["subuid", "subgid", "gshadow", "shadow", "passwd", "group"];
const removeOrder: readonly AccountFileName[] = ["subuid", "subgid", "gshadow", "shadow", "group", "passwd"];

const lockTimeoutMs = 15_000;

const read = (path: string): ReadProbe => ({ kind: "read", path });

/** Probes for all files and login.defs. */
export const accountProbes = {
  passwd: read("/etc/passwd"),
  group: read("/etc/group"),
  shadow: read("/etc/shadow"),
  gshadow: read("/etc/gshadow"),
  subuid: read("/etc/subuid"),
  subgid: read("/etc/subgid"),
  loginDefs: read("/etc/login.defs"),
} as const;

export type AccountObservations = Readonly<Record<keyof typeof accountProbes, ReadObservation>>;

/** The files as they were seen, with edits in place. */
export class AccountDatabase {
  readonly #seen: AccountObservations;
  readonly #files: Record<AccountFileName, AccountFile>;
  readonly defs: LoginDefs;

  constructor(seen: AccountObservations) {
    this.#seen = seen;
    this.defs = LoginDefs.parse(seen.loginDefs.content);
    const parse = (name: AccountFileName): AccountFile => AccountFile.parse(seen[name].content);
    this.#files = {
      passwd: parse("passwd"),
      group: parse("group"),
      shadow: parse("shadow"),
      gshadow: parse("gshadow"),
      subuid: parse("subuid"),
      subgid: parse("subgid"),
    };
  }

  /** Why the files cannot be worked with: one is no regular file, too large or not readable. Undefined: they can. */
  get problem(): string | undefined {
    for (const name of fileNames) {
      const { failure, stat, content } = this.#seen[name];
      if (failure) return `/etc/${name} cannot be read: ${reasonOf(failure)}`;
      if (stat && stat.type !== "file") return `/etc/${name} is no regular file but a ${stat.type}`;
      if (stat && !content) return `/etc/${name} is too large`;
    }
    return undefined;
  }

  file(name: AccountFileName): AccountFile {
    return this.#files[name];
  }

  edit(name: AccountFileName, edit: (file: AccountFile) => AccountFile): void {
    this.#files[name] = edit(this.#files[name]);
  }

  get users(): readonly PasswdEntry[] {
    return usersOf(this.#files.passwd);
  }

  get groups(): readonly GroupEntry[] {
    return groupsOf(this.#files.group);
  }

  /** The lock, the backups that shadow-utils leaves (`/etc/passwd-`), the new files, the unlock. Empty: nothing was edited. */
  changes(isRemoval = false): Change[] {
    const writes = (isRemoval ? removeOrder : writeOrder).flatMap((name) => this.#write(name));
    if (writes.length === 0) return [];
    const lock = { path: "/etc/.pwd.lock", expect: {} };
    return [{ kind: "lock", ...lock, timeoutMs: lockTimeoutMs }, ...writes, { kind: "unlock", ...lock }];
  }

  #write(name: AccountFileName): Change[] {
    const file = this.#files[name];
    if (!file.isChanged) return [];
    const { stat, sha256 } = this.#seen[name];
    const path = `/etc/${name}`;
    const content = contentOf(Buffer.from(file.text, "latin1"));
    const isSecret = name === "shadow" || name === "gshadow";
    if (!stat) {
      return [
        {
          kind: "writeFile",
          path,
          content,
          expect: { type: "absent" },
          mode: isSecret ? 0o640 : 0o644,
          uid: 0,
          gid: 0,
          isSecret,
        },
      ];
    }
    const { uid, gid, mode } = stat;
    return [
      {
        kind: "copyFile",
        path: `${path}-`,
        from: path,
        follow: true,
        keepTimes: true,
        isBackup: true,
        mode: mode & 0o664,
        uid,
        gid,
        expect: {},
      },
      {
        kind: "writeFile",
        path,
        content,
        follow: true,
        isSecret,
        expect: { type: "file", ...(sha256 === undefined ? {} : { sha256 }) },
      },
    ];
  }
}
