// Users: lines of the account files, a home from the skeleton, an SSH key; as useradd, usermod, userdel and chage would leave them.

import { AccountDatabase, accountProbes } from "../src/facts/account-database.js";
import { ancestorsOf, changeOwner, homeMode, makeHome, unfinishedHome, type Owner } from "../src/facts/home.js";
import { parseUseraddDefaults } from "../src/facts/login-defs.js";
import type { PasswdEntry } from "../src/facts/passwd.js";
import { passwordWarning } from "../src/facts/password-hash.js";
import { planKey, sshKeyPath } from "../src/facts/ssh-key.js";
import { userParams } from "../src/facts/user-params.js";
import {
  AccountProblem,
  addAccount,
  changeAccount,
  removeAccount,
  type EditedAccount,
} from "../src/facts/user-account.js";
import { contentOf } from "../src/module/content.js";
import type { Change } from "../src/module/change.js";
import { defineModule, type Context, type Plan, type Seen } from "../src/module/contract.js";
import type { ParamsOf } from "../src/module/param.js";
import type { ListProbe, ReadProbe, StatProbe } from "../src/module/probe.js";

type Params = ParamsOf<typeof userParams>;

export default defineModule({
  name: "user",
  summary: "Makes, changes or removes a user of the tree",
  doc:
    "The account files (passwd, shadow, group, gshadow, subuid, subgid) are edited as text, under the password lock; the tree needs no useradd. " +
    "The result is what Debian 12's useradd, usermod, chage and userdel would leave, their backups (/etc/passwd- and so on) included.",
  params: userParams,
  returns: {
    name: "the user",
    state: "the state asked for",
    uid: "its id",
    group: "id of its primary group",
    groups: "the supplementary groups asked for, joined by commas",
    comment: "its comment",
    home: "its home",
    shell: "its shell",
    system: "whether a system user was asked for (new users)",
    create_home: "whether a home was asked for (new users)",
    append: "as asked for (existing users)",
    move_home: "as asked for (existing users)",
    force: "as asked for (removed users)",
    remove: "as asked for (removed users)",
    password: "NOT_LOGGING_PASSWORD, where one was given",
    ssh_key_file: "the private key's path",
    ssh_public_key: "the public key",
    ssh_fingerprint: "the key's fingerprint",
  },
  examples: [
    {
      title: "A user with a home and two more groups",
      yaml: "user:\n  name: johnd\n  comment: John Doe\n  shell: /bin/bash\n  groups: [admins, developers]\n  append: true",
    },
    {
      title: "A system user without a home",
      yaml: "user:\n  name: metrics\n  system: true\n  create_home: false\n  shell: /usr/sbin/nologin",
    },
    { title: "An account that expires", yaml: "user:\n  name: james18\n  expires: 1422403387" },
    { title: "No such user, nor its home", yaml: "user:\n  name: johnd\n  state: absent\n  remove: true" },
  ],
  check(wanted) {
    const given = wanted.local && (["umask", "uid_min", "uid_max"] as const).find((name) => wanted[name] !== undefined);
    if (given) return `'${given}' can not be used with 'local'`;
    if (wanted.umask !== undefined && !/^[0-7]{1,4}$/.test(wanted.umask))
      return `umask must be octal, as "077", not ${wanted.umask}`;
    return undefined;
  },
  observe: (wanted) => ({
    ...accountProbes,
    useradd: { kind: "read", path: "/etc/default/useradd" },
    // Most homes are where one expects them: seen at once, a converged user costs no second look.
    guess: statHome(guessHome(wanted)),
  }),
  observeMore(wanted, seen) {
    const home = homes(wanted, new AccountDatabase(seen), seen);
    const isThere = home.now === home.guess && seen.guess.stat !== undefined;
    const isMade = wanted.state === "present" && wanted.create_home && !isThere;
    const files = home.isMoved ? [home.before, home.now] : home.isOwnerChanged ? [home.now] : [];
    return {
      home: home.now === home.guess ? [] : [statHome(home.now)],
      before: home.isMoved || wanted.state === "absent" ? [statHome(home.before)] : [],
      ancestors: isMade || home.isMoved ? ancestorsOf(home.now).map(statHome) : [],
      skeleton: isMade ? [{ kind: "list", path: home.skeleton, depth: 0 } satisfies ListProbe] : [],
      unfinished: isMade ? [{ kind: "stat", path: unfinishedHome(home.now) } satisfies StatProbe] : [],
      files: files.map((path): ListProbe => ({ kind: "list", path, depth: 0 })),
      mail: home.mail === undefined ? [] : [{ kind: "stat", path: home.mail } satisfies StatProbe],
      key: keyFiles(wanted, home.now).map((path): ReadProbe => ({ kind: "read", path, follow: true })),
      keyDirectory: keyFiles(wanted, home.now)
        .slice(0, 1)
        .map((path) => statHome(ancestorsOf(path).at(-1) ?? "/")),
    };
  },
  plan(wanted, seen, context): Plan {
    const database = new AccountDatabase(seen);
    const { problem } = database;
    if (problem) return { changes: [], refusal: { message: problem, remedy: "Look at the file in the tree." } };
    if (wanted.seuser !== undefined) {
      return {
        changes: [],
        refusal: {
          message: "seuser is not supported: crun edits no SELinux store",
          remedy: "Run semanage with the module command.",
        },
      };
    }
    try {
      return wanted.state === "absent"
        ? planRemoval(wanted, seen, database)
        : planPresence(wanted, seen, database, context);
    } catch (error) {
      if (!(error instanceof AccountProblem)) throw error;
      return {
        changes: [],
        refusal: { message: error.message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) },
      };
    }
  },
});

type First = Seen<typeof accountProbes & { useradd: ReadProbe; guess: StatProbe }>;
type Second = Seen<{
  home: readonly StatProbe[];
  before: readonly StatProbe[];
  ancestors: readonly StatProbe[];
  skeleton: readonly ListProbe[];
  unfinished: readonly StatProbe[];
  files: readonly ListProbe[];
  mail: readonly StatProbe[];
  key: readonly ReadProbe[];
  keyDirectory: readonly StatProbe[];
}>;

function statHome(path: string): StatProbe {
  return { kind: "stat", path, follow: true };
}

function guessHome(wanted: Params): string {
  return trimSlash(wanted.home) ?? `/home/${wanted.name}`;
}

/** usermod takes a slash at the end away, so it never counts as another home. */
function trimSlash(path: string | undefined): string | undefined {
  return path !== undefined && path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/** Where the home is, will be, and what else has to be looked at because of that. */
function homes(wanted: Params, database: AccountDatabase, seen: First) {
  const defaults = parseUseraddDefaults(seen.useradd.content);
  const entry = database.users.find((user) => user.name === wanted.name);
  const guess = guessHome(wanted);
  const before = entry?.home || guess;
  const now =
    wanted.state === "absent" ? before : (trimSlash(wanted.home) ?? entry?.home ?? `${defaults.home}/${wanted.name}`);
  const isMoved = entry !== undefined && wanted.state === "present" && wanted.move_home && now !== before;
  const gid =
    wanted.group === undefined
      ? undefined
      : database.groups.find((one) => one.name === wanted.group || String(one.gid) === wanted.group)?.gid;
  const isUidChanged = entry !== undefined && wanted.uid !== undefined && wanted.uid !== entry.uid;
  const isOwnerChanged =
    wanted.state === "present" && (isUidChanged || (entry !== undefined && gid !== undefined && gid !== entry.gid));
  const isMailNeeded =
    wanted.state === "absent"
      ? wanted.remove && entry !== undefined
      : isUidChanged || (!entry && defaults.makesMailSpool && !wanted.system);
  return {
    guess,
    before,
    now,
    isMoved,
    isOwnerChanged,
    skeleton: trimSlash(wanted.skeleton) ?? defaults.skeleton,
    mail: isMailNeeded ? `${database.defs.text("MAIL_DIR") ?? "/var/mail"}/${wanted.name}` : undefined,
  };
}

function keyFiles(wanted: Params, home: string): string[] {
  if (!wanted.generate_ssh_key || wanted.state === "absent") return [];
  const path = sshKeyPath(wanted.ssh_key_file, wanted.ssh_key_type, home);
  return [path, `${path}.pub`];
}

function planPresence(wanted: Params, seen: First & Second, database: AccountDatabase, context: Context): Plan {
  const home = homes(wanted, database, seen);
  const defaults = parseUseraddDefaults(seen.useradd.content);
  const today = (): number => Math.floor(context.startedAt.getTime() / 86_400_000);
  const existing = database.users.find((user) => user.name === wanted.name);
  const root = database.users.find((user) => user.name === (context.becomeUser ?? "root"))?.home ?? "/root";
  const wish = { ...wanted, home: trimSlash(wanted.home), shell: wanted.shell?.replace(/^~(?=\/|$)/, root) };
  const edited = existing
    ? changeAccount(database, wish, existing, today)
    : addAccount(database, wish, defaults, today);
  const { entry } = edited;
  const owner = { uid: entry.uid, gid: entry.gid };
  const isThere = (home.now === home.guess ? seen.guess : seen.home[0])?.stat !== undefined;
  const moved = existing && home.isMoved ? moveHome(home, seen, existing, owner, isThere) : undefined;
  // What only the change from one state to the other tells to do comes before the account tells of the new one: a run that breaks off is repeated by the next.
  const changes = [
    ...(moved ?? (existing && isThere && home.isOwnerChanged ? giveHome(home.now, seen, existing, owner) : [])),
    ...(existing ? giveMail(home.mail, seen, existing, owner) : makeMail(home.mail, seen, database, owner)),
    ...database.changes(),
  ];
  if (wanted.create_home && !isThere && moved === undefined) {
    const ancestors = ancestorsOf(home.now).flatMap((path, index) =>
      seen.ancestors[index] ? [{ path, seen: seen.ancestors[index] }] : [],
    );
    changes.push(
      ...makeHome(
        home.now,
        owner,
        homeMode(database.defs, wanted.umask),
        ancestors,
        seen.skeleton[0],
        home.skeleton,
        seen.unfinished[0]?.stat?.type === "directory",
      ),
    );
  }
  const warnings = [
    ...(wanted.append && wanted.groups === undefined
      ? ["'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups."]
      : []),
    ...(passwordWarning(wanted.password) ?? []),
    ...edited.warnings,
  ];
  const result = presenceResult(wanted, edited, existing !== undefined);
  if (!wanted.generate_ssh_key) return { changes, result, warnings };
  const key = planKey(wanted, entry, home.now, seen.key, seen.keyDirectory[0], context.target.name);
  return {
    changes: [...changes, ...key.changes],
    result: { ...result, ...key.result },
    warnings: [...warnings, ...key.warnings],
    ...(key.changes.length === 0 ? {} : { conclude: (outcomes) => key.conclude(outcomes.slice(changes.length)) }),
  };
}

function presenceResult(wanted: Params, { entry }: EditedAccount, isExisting: boolean): NonNullable<Plan["result"]> {
  return {
    name: wanted.name,
    state: wanted.state,
    ...(isExisting
      ? { append: wanted.append, move_home: wanted.move_home }
      : { system: wanted.system, create_home: wanted.create_home }),
    uid: entry.uid,
    group: entry.gid,
    comment: entry.comment,
    home: entry.home,
    shell: entry.shell,
    ...(wanted.groups === undefined ? {} : { groups: wanted.groups.join(",") }),
    ...(wanted.password === undefined ? {} : { password: "NOT_LOGGING_PASSWORD" }),
  };
}

/** usermod -m: the old home goes to the new place with all that is in it. Undefined: there is nothing to move. */
function moveHome(
  home: ReturnType<typeof homes>,
  seen: Second,
  existing: PasswdEntry,
  owner: Owner,
  isThere: boolean,
): Change[] | undefined {
  const before = seen.before[0]?.stat;
  // Both there: neither is taken away. The new one alone: a run before broke off once it was moved.
  if (isThere && before) {
    throw new AccountProblem(
      `The home of ${existing.name} cannot be moved: ${home.now} is there already`,
      "Remove it, or leave move_home out.",
    );
  }
  const [files, filesThere] = seen.files;
  if (!before) return isThere && filesThere ? changeOwner(home.now, filesThere, existing, owner) : undefined;
  if (before.type !== "directory")
    throw new AccountProblem(`The home of ${existing.name} cannot be moved: ${home.before} is no directory`);
  const missing = ancestorsOf(home.now).find((_, index) => seen.ancestors[index]?.stat === undefined);
  if (missing !== undefined) {
    throw new AccountProblem(
      `The home of ${existing.name} cannot be moved: ${missing} is missing`,
      "Make it first, with the module file.",
    );
  }
  return [
    { kind: "rename", path: home.before, to: home.now, expect: { type: "directory" } },
    ...(files ? changeOwner(home.now, files, existing, owner) : []),
  ];
}

/** usermod -u and -g: what the user owned in its home is given to the new ids. */
function giveHome(home: string, seen: Second, existing: PasswdEntry, owner: Owner): Change[] {
  const files = seen.files[0];
  if (!files?.stat || (files.stat.uid !== existing.uid && files.stat.uid !== owner.uid)) return [];
  return changeOwner(home, files, existing, owner);
}

function giveMail(path: string | undefined, seen: Second, existing: PasswdEntry, owner: Owner): Change[] {
  const stat = seen.mail[0]?.stat;
  if (path === undefined || !stat || stat.type !== "file" || stat.uid !== existing.uid || stat.uid === owner.uid)
    return [];
  return [
    { kind: "setAttributes", path, uid: owner.uid, expect: { type: "file", owner: { uid: stat.uid, gid: stat.gid } } },
  ];
}

/** CREATE_MAIL_SPOOL of /etc/default/useradd. */
function makeMail(path: string | undefined, seen: Second, database: AccountDatabase, owner: Owner): Change[] {
  if (path === undefined || seen.mail[0]?.stat) return [];
  const mail = database.groups.find((group) => group.name === "mail");
  const rights = mail ? { mode: 0o660, uid: owner.uid, gid: mail.gid } : { mode: 0o600, ...owner };
  return [{ kind: "writeFile", path, content: contentOf(""), ...rights, expect: { type: "absent" } }];
}

function planRemoval(wanted: Params, seen: First & Second, database: AccountDatabase): Plan {
  const existing = database.users.find((user) => user.name === wanted.name);
  const result = { name: wanted.name, state: wanted.state };
  if (!existing) return { changes: [], result };
  const home = homes(wanted, database, seen);
  const removed: Change[] = [];
  if (wanted.remove) {
    const mail = seen.mail[0]?.stat;
    if (home.mail !== undefined && mail) {
      if (mail.uid !== existing.uid && !wanted.force) throw notOwned(home.mail, existing);
      removed.push({ kind: "remove", path: home.mail, expect: { type: mail.type } });
    }
    const stat = seen.before[0]?.stat;
    if (stat) {
      if (stat.uid !== existing.uid && !wanted.force) throw notOwned(home.before, existing);
      const other = database.users.find((user) => user.name !== existing.name && isBeneath(user.home, home.before));
      if (home.before === "/" || (other && !wanted.force)) {
        throw new AccountProblem(
          home.before === "/"
            ? `The home of ${existing.name} is /, which is never removed`
            : `${home.before} holds the home of ${other?.name ?? "another"} too`,
          "Leave remove out.",
        );
      }
      removed.push({ kind: "remove", path: home.before, isRecursive: true, expect: { type: stat.type } });
    }
  }
  removeAccount(database, existing, wanted.force);
  return {
    changes: [...removed, ...database.changes(true)],
    result: { ...result, force: wanted.force, remove: wanted.remove },
  };
}

function isBeneath(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function notOwned(path: string, user: PasswdEntry): AccountProblem {
  return new AccountProblem(
    `${path} is not owned by ${user.name}, so it is not removed`,
    "Set force: true to remove it nevertheless.",
  );
}
