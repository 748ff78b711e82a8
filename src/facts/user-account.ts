// What useradd, usermod and chage would make of an account: edits of the account files.

import { bytesOf, textOf } from "./account-file.js";
import type { AccountDatabase } from "./account-database.js";
import { freeId, freeSubordinates, idRange, nameProblem } from "./account-ids.js";
import { findGroup, withMember, type GroupEntry } from "./group.js";
import type { UseraddDefaults } from "./login-defs.js";
import type { PasswdEntry } from "./passwd.js";
import { shadowFields, shadowOf, type ShadowEntry } from "./shadow.js";

/** What an account should be like; undefined: as it is, or the default for a new one. `expires` in seconds since 1970. */
export interface AccountWish {
  readonly name: string;
  readonly uid: number | undefined;
  readonly non_unique: boolean;
  readonly group: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly append: boolean;
  readonly comment: string | undefined;
  readonly home: string | undefined;
  readonly shell: string | undefined;
  readonly password: string | undefined;
  readonly password_lock: boolean | undefined;
  readonly update_password: "always" | "on_create";
  readonly expires: number | undefined;
  readonly password_expire_max: number | undefined;
  readonly password_expire_min: number | undefined;
  readonly password_expire_warn: number | undefined;
  readonly password_expire_account_disable: number | undefined;
  readonly system: boolean;
  readonly uid_min: number | undefined;
  readonly uid_max: number | undefined;
}

/** Why an account cannot be made as wished. */
export class AccountProblem extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.name = "AccountProblem";
    this.remedy = remedy;
  }
}

/** An account as it will be, and words of warning. */
export interface EditedAccount {
  readonly entry: PasswdEntry;
  readonly warnings: readonly string[];
}

/** Adds the account to all files, as useradd of Debian 12 does. `today`: in days since 1970. Throws AccountProblem. */
export function addAccount(
  database: AccountDatabase,
  wish: AccountWish,
  defaults: UseraddDefaults,
  today: () => number,
): EditedAccount {
  const { name } = wish;
  const problem = nameProblem(name);
  if (problem) throw new AccountProblem(`${JSON.stringify(name)} cannot be a user's name: it ${problem}`);
  checkFields(wish);
  const { defs } = database;
  const range = idRange(defs, "UID", wish.system);
  const wanted = { min: wish.uid_min ?? range.min, max: wish.uid_max ?? range.max };
  const used = database.users.map((user) => user.uid);
  if (wish.uid !== undefined && !wish.non_unique) checkUid(database, wish);
  const uid = wish.uid ?? freeId(used, wanted, wish.system);
  if (uid === undefined) {
    throw new AccountProblem(`No user id is free for ${name}`, "Give uid, or widen the range in /etc/login.defs.");
  }
  resolveGroups(database, wish.groups ?? []);
  const gid = primaryGroup(database, wish, defaults, uid);
  const hasShadow = database.file("shadow").exists;
  if (!hasShadow && wish.expires !== undefined && wish.expires >= 0) throw noShadow(wish.name);
  const password = wish.password === undefined ? "!" : lockedAs(wish.password, wish.password_lock);
  const entry: PasswdEntry = {
    name,
    password: hasShadow ? "x" : bytesOf(password),
    uid,
    gid,
    comment: wish.comment ?? "",
    home: wish.home ?? `${defaults.home}/${name}`,
    shell: wish.shell ?? defaults.shell,
  };
  putEntry(database, entry);
  if (hasShadow) putShadow(database, newShadow(wish, defaults, defs.number.bind(defs), password, today));
  if (!wish.system && hasRoomForSubordinates(database, wish.uid)) addSubordinates(database, name);
  // Lines that name the user from an earlier life count too: without append it leaves those groups.
  changeGroups(database, wish);
  return { entry, warnings: [] };
}

/** Changes the account as usermod and chage would. Throws AccountProblem. */
export function changeAccount(
  database: AccountDatabase,
  wish: AccountWish,
  existing: PasswdEntry,
  today: () => number,
): EditedAccount {
  checkFields(wish);
  const warnings: string[] = [];
  if (wish.uid !== undefined && wish.uid !== existing.uid && !wish.non_unique) checkUid(database, wish);
  const gid = wish.group === undefined ? existing.gid : existingGroup(database, wish.group).gid;
  completeGroup(database, wish, gid);
  changeGroups(database, wish);
  let entry: PasswdEntry = {
    ...existing,
    uid: wish.uid ?? existing.uid,
    gid,
    comment: wish.comment ?? existing.comment,
    home: wish.home ?? existing.home,
    shell: wish.shell ?? existing.shell,
  };
  const file = database.file("shadow");
  let shadow = shadowOf(file, wish.name);
  const before = existing.password.length > 1 ? textOf(existing.password) : (shadow?.password ?? "");
  const password = nextPassword(wish, before, warnings);
  const expires = nextExpiry(wish, shadow);
  if (expires !== undefined && !file.exists) {
    if (expires >= 0) throw noShadow(wish.name);
  } else if (file.exists && !shadow && (expires !== undefined || (password?.isNew && existing.password === "x"))) {
    shadow = freshShadow(database, existing, today);
    entry = { ...entry, password: "x" };
  }
  if (password) {
    if (shadow) shadow = { ...shadow, password: password.text, ...(password.isNew ? { changed: today() } : {}) };
    if (entry.password !== "x") entry = { ...entry, password: bytesOf(password.text) };
  }
  if (shadow) putShadow(database, withAges(expires === undefined ? shadow : { ...shadow, expires }, wish));
  putEntry(database, entry);
  return { entry, warnings };
}

/** Takes the account out of all files, and its own group with it, as userdel does. `isForced`: the group goes even if others have it. */
export function removeAccount(database: AccountDatabase, existing: PasswdEntry, isForced: boolean): void {
  const { name } = existing;
  database.edit("passwd", (file) => file.without(name));
  database.edit("shadow", (file) => file.without(name));
  database.edit("subuid", (file) => file.without(name));
  database.edit("subgid", (file) => file.without(name));
  setMembers(database, name, () => false);
  database.edit("gshadow", (file) =>
    file.edited((fields) => withMember(withMember(fields, name, 2, false), name, 3, false)),
  );
  const own = database.groups.find((group) => group.name === name);
  const isOthers = !isForced && database.users.some((user) => user.gid === existing.gid);
  if (!database.defs.is("USERGROUPS_ENAB") || !own || own.gid !== existing.gid || own.members.length > 0 || isOthers)
    return;
  database.edit("group", (file) => file.without(name));
  database.edit("gshadow", (file) => file.without(name));
}

function checkFields(wish: AccountWish): void {
  for (const field of ["comment", "home", "shell", "password"] as const) {
    const value = wish[field];
    if (value !== undefined && /[:\n]/.test(value)) {
      throw new AccountProblem(`${field} of ${wish.name} must not hold a colon or a line break`);
    }
  }
  if (wish.shell && !/^[/*]/.test(wish.shell)) {
    throw new AccountProblem(`${wish.shell} cannot be the shell of ${wish.name}`, "Give the shell's full path.");
  }
  if (wish.home !== undefined && !wish.home.startsWith("/")) {
    throw new AccountProblem(`${wish.home} cannot be the home of ${wish.name}`, "Give the home's full path.");
  }
}

function checkUid(database: AccountDatabase, wish: AccountWish): void {
  const other = database.users.find((user) => user.uid === wish.uid && user.name !== wish.name);
  if (!other) return;
  throw new AccountProblem(
    `UID ${wish.uid} is not unique: ${other.name} has it`,
    "Take another uid, or set non_unique: true.",
  );
}

function existingGroup(database: AccountDatabase, nameOrId: string): GroupEntry {
  const group = findGroup(database.groups, nameOrId);
  if (group) return group;
  throw new AccountProblem(`Group ${nameOrId} does not exist`, "Make it first, with the module group.");
}

function resolveGroups(database: AccountDatabase, names: readonly string[]): readonly GroupEntry[] {
  return names.flatMap((name) => (name.trim() === "" ? [] : [existingGroup(database, name.trim())]));
}

/** The group that was asked for, a new one of the user's own, or the default of useradd. */
function primaryGroup(database: AccountDatabase, wish: AccountWish, defaults: UseraddDefaults, uid: number): number {
  if (wish.group !== undefined) return existingGroup(database, wish.group).gid;
  if (findGroup(database.groups, wish.name) || !database.defs.is("USERGROUPS_ENAB")) {
    return findGroup(database.groups, defaults.group)?.gid ?? 100;
  }
  const used = database.groups.map((group) => group.gid);
  const gid = freeId(used, idRange(database.defs, "GID", wish.system), wish.system, uid);
  if (gid === undefined) throw new AccountProblem(`No group id is free for ${wish.name}`, "Give group.");
  addGroup(database, wish.name, gid);
  return gid;
}

/** A run that broke off between passwd and group has left the user's own group out: gshadow, which comes before, tells of it. */
function completeGroup(database: AccountDatabase, { name, group }: AccountWish, gid: number): void {
  const isThere = database.groups.some((one) => one.gid === gid || one.name === name);
  if (group === undefined && !isThere && database.file("gshadow").find(name)) addGroup(database, name, gid);
}

function addGroup(database: AccountDatabase, name: string, gid: number): void {
  const hasShadow = database.file("gshadow").exists;
  database.edit("group", (file) => file.with([bytesOf(name), hasShadow ? "x" : "!", String(gid), ""]));
  if (hasShadow) database.edit("gshadow", (file) => file.with([bytesOf(name), "!", "", ""]));
}

/** Whether useradd would give subordinate ids: for new ids, and given ones in the range of normal users. */
function hasRoomForSubordinates(database: AccountDatabase, uid: number | undefined): boolean {
  const { min, max } = idRange(database.defs, "UID", false);
  return uid === undefined || uid === 0 || (uid >= min && uid <= max);
}

function addSubordinates(database: AccountDatabase, name: string): void {
  for (const [file, kind] of [
    ["subuid", "UID"],
    ["subgid", "GID"],
  ] as const) {
    if (!database.file(file).exists) continue;
    // Of a run that broke off before the user was there.
    if (database.file(file).find(name)) continue;
    const range = freeSubordinates(database.file(file), database.defs, kind);
    if (!range) continue;
    database.edit(file, (one) => one.withRange([bytesOf(name), String(range.start), String(range.count)]));
  }
}

/** Puts the user into groups, or takes it out of them, by their names; undefined: it stays as it is. */
function setMembers(database: AccountDatabase, user: string, isWantedIn: (group: string) => boolean | undefined): void {
  const groups = new Set(database.groups.map((group) => group.name));
  const edit = (fields: readonly string[]): readonly string[] => {
    const group = textOf(fields[0] ?? "");
    const isWanted = groups.has(group) ? isWantedIn(group) : undefined;
    return isWanted === undefined ? fields : withMember(fields, user, 3, isWanted);
  };
  for (const file of ["group", "gshadow"] as const) database.edit(file, (one) => one.edited(edit));
}

function changeGroups(database: AccountDatabase, wish: AccountWish): void {
  if (wish.groups === undefined) return;
  const wanted = new Set(resolveGroups(database, wish.groups).map((group) => group.name));
  setMembers(database, wish.name, (group) => wanted.has(group) || (wish.append ? undefined : false));
}

/** The password field that the account should get, or undefined where it stays. */
function nextPassword(
  wish: AccountWish,
  before: string,
  warnings: string[],
): { readonly text: string; readonly isNew: boolean } | undefined {
  const bare = (text: string): string => text.replace(/^!+/, "");
  const { password } = wish;
  if (password !== undefined && wish.update_password === "always" && bare(before) !== bare(password)) {
    return { text: lockedAs(password, wish.password_lock), isNew: true };
  }
  if (wish.password_lock === true && !before.startsWith("!")) return { text: `!${before}`, isNew: false };
  if (wish.password_lock === false && before.startsWith("!")) {
    if (/[^!]/.test(before)) return { text: before.replace(/^!+/, ""), isNew: false };
    warnings.push(`${wish.name} has no password to unlock; give password`);
  }
  return undefined;
}

/** A given password with the lock that was asked for. */
function lockedAs(password: string, isLocked: boolean | undefined): string {
  if (isLocked === true) return `!${password}`;
  return isLocked === false ? password.replace(/^!+(?=[^!])/, "") : password;
}

/** The day of expiry that the account should get (-1: none), or undefined where it stays. */
function nextExpiry(wish: AccountWish, shadow: ShadowEntry | undefined): number | undefined {
  if (wish.expires === undefined) return undefined;
  const current = shadow ? (shadow.expires ?? -1) : 0;
  if (wish.expires < 0) return current >= 0 ? -1 : undefined;
  const day = Math.floor(wish.expires / 86_400);
  return !shadow || current !== day ? day : undefined;
}

function withAges(shadow: ShadowEntry, wish: AccountWish): ShadowEntry {
  return {
    ...shadow,
    min: wish.password_expire_min ?? shadow.min,
    max: wish.password_expire_max ?? shadow.max,
    warn: wish.password_expire_warn ?? shadow.warn,
    inactive: wish.password_expire_account_disable ?? shadow.inactive,
  };
}

function newShadow(
  wish: AccountWish,
  defaults: UseraddDefaults,
  number: (name: string, fallback: number) => number,
  password: string,
  today: () => number,
): ShadowEntry {
  const ages = wish.system
    ? { min: -1, max: -1, warn: -1, inactive: -1 }
    : {
        min: number("PASS_MIN_DAYS", -1),
        max: number("PASS_MAX_DAYS", -1),
        warn: number("PASS_WARN_AGE", -1),
        inactive: defaults.inactive,
      };
  const expires =
    wish.expires === undefined ? (wish.system ? -1 : dayOf(defaults.expires)) : Math.floor(wish.expires / 86_400);
  return withAges({ name: wish.name, password, changed: today(), ...ages, expires, reserved: "" }, wish);
}

/** The entry that usermod makes where shadow has none. */
function freshShadow(database: AccountDatabase, existing: PasswdEntry, today: () => number): ShadowEntry {
  const { defs } = database;
  return {
    name: existing.name,
    password: existing.password === "x" ? "!" : textOf(existing.password),
    changed: today(),
    min: defs.number("PASS_MIN_DAYS", -1),
    max: defs.number("PASS_MAX_DAYS", -1),
    warn: defs.number("PASS_WARN_AGE", -1),
    inactive: -1,
    expires: -1,
    reserved: "",
  };
}

/** A date `YYYY-MM-DD` as days since 1970; -1 for anything else. */
function dayOf(date: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? -1 : Math.floor(at / 86_400_000);
}

function putEntry(database: AccountDatabase, entry: PasswdEntry): void {
  const { name, password, uid, gid, comment, home, shell } = entry;
  const fields = [bytesOf(name), password, String(uid), String(gid), bytesOf(comment), bytesOf(home), bytesOf(shell)];
  const before = database.file("passwd").find(name);
  if (before && fields.every((field, index) => field === before[index])) return;
  database.edit("passwd", (file) => file.with(fields));
}

function putShadow(database: AccountDatabase, entry: ShadowEntry): void {
  const fields = shadowFields(entry);
  const before = shadowOf(database.file("shadow"), entry.name);
  if (before && shadowFields(before).every((field, index) => field === fields[index])) return;
  database.edit("shadow", (file) => file.with(fields));
}

function noShadow(name: string): AccountProblem {
  return new AccountProblem(
    `The tree has no /etc/shadow, so that ${name} cannot expire`,
    "Make the file (mode 0640), or leave expires out.",
  );
}
