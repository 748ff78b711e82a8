// Entries of /etc/passwd.

import { numberOf, textOf, type AccountFile } from "./account-file.js";

/** `comment`, `home` and `shell` as text; `password` as it stands in the file. */
export interface PasswdEntry {
  readonly name: string;
  readonly password: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}

/** Undefined for a line that is no entry: too few fields, or ids that are no numbers. */
export function parsePasswd(fields: readonly string[] | undefined): PasswdEntry | undefined {
  const uid = numberOf(fields?.[2]);
  const gid = numberOf(fields?.[3]);
  if (!fields || fields.length < 7 || !fields[0] || uid === undefined || gid === undefined) return undefined;
  return {
    name: textOf(fields[0]),
    password: fields[1] ?? "",
    uid,
    gid,
    comment: textOf(fields[4] ?? ""),
    home: textOf(fields[5] ?? ""),
    shell: textOf(fields[6] ?? ""),
  };
}

const users = new WeakMap<AccountFile, readonly PasswdEntry[]>();

/** All users of the file, in its order. */
export function usersOf(file: AccountFile): readonly PasswdEntry[] {
  let found = users.get(file);
  if (!found) {
    found = file.entries().flatMap((fields) => parsePasswd(fields) ?? []);
    users.set(file, found);
  }
  return found;
}
