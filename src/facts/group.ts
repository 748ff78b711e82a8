// Entries of /etc/group and /etc/gshadow.

import { bytesOf, numberOf, textOf, type AccountFile } from "./account-file.js";

export interface GroupEntry {
  readonly name: string;
  readonly password: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Undefined for a line that is no entry. */
export function parseGroup(fields: readonly string[] | undefined): GroupEntry | undefined {
  const gid = numberOf(fields?.[2]);
  if (!fields || fields.length < 4 || !fields[0] || gid === undefined) return undefined;
  return { name: textOf(fields[0]), password: fields[1] ?? "", gid, members: membersOf(fields[3]) };
}

const known = new WeakMap<AccountFile, readonly GroupEntry[]>();

/** All groups of the file, in its order. */
export function groupsOf(file: AccountFile): readonly GroupEntry[] {
  let groups = known.get(file);
  if (!groups) {
    groups = file.entries().flatMap((fields) => parseGroup(fields) ?? []);
    known.set(file, groups);
  }
  return groups;
}

/** A group by id where the text is a number that one has, else by name: as getgrgid, then getgrnam. */
export function findGroup(groups: readonly GroupEntry[], nameOrId: string): GroupEntry | undefined {
  const byId = /^\s*[+-]?\d+\s*$/.test(nameOrId) ? groups.find((group) => group.gid === Number(nameOrId)) : undefined;
  return byId ?? groups.find((group) => group.name === nameOrId);
}

/** A comma-separated list of names (the last field of group, both lists of gshadow). */
export function membersOf(field: string | undefined): string[] {
  if (!field) return [];
  return field.split(",").flatMap((name) => (name.trim() === "" ? [] : [textOf(name)]));
}

/** An entry with a user added to its list at `index`, or taken out of it; the same fields where nothing changes. */
export function withMember(
  fields: readonly string[],
  user: string,
  index: number,
  isWanted: boolean,
): readonly string[] {
  const members = membersOf(fields[index]);
  if (members.includes(user) === isWanted) return fields;
  const wanted = isWanted ? [...members, user] : members.filter((name) => name !== user);
  const padded = [...fields];
  while (padded.length <= index) padded.push("");
  return padded.with(index, wanted.map(bytesOf).join(","));
}
