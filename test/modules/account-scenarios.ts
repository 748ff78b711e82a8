// The scenarios of Ansible's integration targets `group` and `user`, one by one, for whoever can carry out their steps.

import assert from "node:assert/strict";
import group from "../../modules/group.js";
import user from "../../modules/user.js";
import type { Model } from "../../src/module/model.js";
import { statAt, textAt, type Tree } from "../module/harness.js";
import { debianAccounts, lineOf, type Step } from "./steps.js";

/** Carries out steps on a tree. */
export type Runner = (tree: Tree, steps: readonly Step[]) => Model | Promise<Model>;

// 2026-01-02, the day of the harness.
const today = "20455";
const hash =
  "$6$rounds=656000$TT4O7jz2M57npccl$33LF6FcUMSW11qrESXL1HX0BS.bsiT6aenFLLiVpsQh6hDtI9pJh5iY7x8J7ePkN4fP8hmElidHXaeD51pbGS.";

const name = "ansibulluser";
const make = (params: object, changed?: boolean, more: Partial<Step> = {}): Step => ({
  module: user,
  params: { name, ...params },
  ...(changed === undefined ? {} : { changed }),
  ...more,
});
const shadow = (index: number, value: string | undefined): Pick<Step, "verify"> => ({
  verify: (model) => assert.equal(lineOf(model, "/etc/shadow", name)?.[index], value),
});
const locked = (isLocked: boolean): Pick<Step, "verify"> => ({
  verify: (model) => assert.equal(lineOf(model, "/etc/shadow", name)?.[1]?.startsWith("!"), isLocked),
});
const warns = (isWarned: boolean): Pick<Step, "verify"> => ({
  verify: (_, plan) => assert.equal((plan.warnings ?? []).length > 0, isWarned, plan.warnings?.join()),
});

/** Defines the tests of the target `group`. */
export function defineGroupScenarios(runSteps: Runner): void {
  it("1: check mode makes no group, the run does, a second one changes nothing", () => {
    return runSteps(debianAccounts, [
      {
        module: group,
        params: { name: "ansibullgroup", state: "present" },
        isCheck: true,
        changed: true,
        verify: (model) => assert.equal(lineOf(model, "/etc/group", "ansibullgroup"), undefined),
      },
      {
        module: group,
        params: { name: "ansibullgroup", state: "present" },
        changed: true,
        verify: (model, plan) => {
          assert.equal(plan.result?.["gid"], 1000);
          assert.deepEqual(lineOf(model, "/etc/group", "ansibullgroup"), ["ansibullgroup", "x", "1000", ""]);
          assert.deepEqual(lineOf(model, "/etc/gshadow", "ansibullgroup"), ["ansibullgroup", "!", "", ""]);
        },
      },
      { module: group, params: { name: "ansibullgroup", state: "present" }, changed: false },
    ]);
  });

  it("2: groups that exist stay as they are", () => {
    return runSteps(
      debianAccounts,
      ["root", "daemon", "adm", "users", "nogroup"].map((name) => ({
        module: group,
        params: { name },
        changed: false,
      })),
    );
  });

  it("3: a group with an id, in check mode, in truth and again", () => {
    return runSteps(debianAccounts, [
      {
        module: group,
        params: { name: "ansibullgroup2", gid: 2222 },
        isCheck: true,
        changed: true,
        verify: (model) => assert.equal(lineOf(model, "/etc/group", "ansibullgroup2"), undefined),
      },
      {
        module: group,
        params: { name: "ansibullgroup2", gid: 2222 },
        changed: true,
        verify: (model, plan) => {
          assert.equal(plan.result?.["gid"], 2222);
          assert.equal(lineOf(model, "/etc/group", "ansibullgroup2")?.[2], "2222");
        },
      },
      {
        module: group,
        params: { name: "ansibullgroup2", gid: 2222 },
        changed: false,
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 2222),
      },
    ]);
  });

  it("4: an id that is not unique needs non_unique, and non_unique needs an id", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "ansibullgroup2", gid: 2222 }, changed: true },
      { module: group, params: { name: "ansibullgroup3", gid: 2222 }, fails: /GID '2222' already exists/ },
      {
        module: group,
        params: { name: "ansibullgroup3", gid: 2222, non_unique: true },
        changed: true,
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 2222),
      },
      { module: group, params: { name: "foo", non_unique: true }, fails: /gid/ },
    ]);
  });

  it("5: removal, in check mode, in truth and again", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "ansibullgroup" }, changed: true },
      {
        module: group,
        params: { name: "ansibullgroup", state: "absent" },
        isCheck: true,
        changed: true,
        verify: (model) => assert.ok(lineOf(model, "/etc/group", "ansibullgroup")),
      },
      {
        module: group,
        params: { name: "ansibullgroup", state: "absent" },
        changed: true,
        verify: (model) => {
          assert.equal(textAt(model, "/etc/group"), debianAccounts["/etc/group"]);
          assert.equal(lineOf(model, "/etc/gshadow", "ansibullgroup"), undefined);
        },
      },
      { module: group, params: { name: "ansibullgroup", state: "absent" }, changed: false },
    ]);
  });

  it("6: local: an id that another group has is refused with that group's name", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "group1_local_test", gid: 1337, local: true }, changed: true },
      {
        module: group,
        params: { name: "group2_local_test", gid: 1337, local: true },
        fails: /GID '1337' already exists with group 'group1_local_test'/,
      },
    ]);
  });

  it("7: local: a group with an id, and again without local", () => {
    return runSteps(debianAccounts, [
      {
        module: group,
        params: { name: "group1_local_test", gid: 1337, local: true, state: "present" },
        changed: true,
        verify: (model) => assert.equal(lineOf(model, "/etc/group", "group1_local_test")?.[2], "1337"),
      },
      { module: group, params: { name: "group1_local_test", gid: 1337, state: "present" }, changed: false },
    ]);
  });

  it("8: a group with an id, and again with local", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "group1_test", gid: 1337, local: false }, changed: true },
      {
        module: group,
        params: { name: "group1_test", gid: 1337, local: true },
        changed: false,
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 1337),
      },
      { module: group, params: { name: "group1_test", state: "absent", local: true }, changed: true },
    ]);
  });

  it("9: a user's primary group is removed only by force", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "groupdeltest" }, changed: true },
      { module: user, params: { name: "groupdeluser", group: "groupdeltest" }, changed: true },
      {
        module: group,
        params: { name: "groupdeltest", state: "absent" },
        fails: /primary group of the user groupdeluser/,
      },
      { module: group, params: { name: "groupdeltest", state: "absent", force: true }, changed: true },
      { module: user, params: { name: "groupdeluser", state: "absent", remove: true }, changed: true },
      { module: group, params: { name: "groupdeltest", state: "absent" }, changed: false },
    ]);
  });

  it("10: system groups get an id below the normal ones", () => {
    return runSteps(debianAccounts, [
      {
        module: group,
        params: { name: "systemgroup", system: true },
        changed: true,
        verify: (_, plan) => assert.ok(Number(plan.result?.["gid"]) < 1000),
      },
      { module: group, params: { name: "systemgroup", system: true }, changed: false },
    ]);
  });

  it("11: a range of ids holds for new groups, and ends", () => {
    return runSteps(debianAccounts, [
      { module: group, params: { name: "testgroupone", gid: 8000 }, changed: true },
      {
        module: group,
        params: { name: "testgrouptwo" },
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 8001),
      },
      {
        module: group,
        params: { name: "testgroupthree", gid_max: 1999 },
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 1000),
      },
      {
        module: group,
        params: { name: "testgroupfour", gid_min: 1500, gid_max: 1501 },
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 1500),
      },
      {
        module: group,
        params: { name: "testgroupfive", gid_min: 1500, gid_max: 1501 },
        verify: (_, plan) => assert.equal(plan.result?.["gid"], 1501),
      },
      { module: group, params: { name: "testgroupsix", gid_min: 1500, gid_max: 1501 }, fails: /No group id is free/ },
    ]);
  });

  it("12: a range and local exclude each other", () => {
    return runSteps(debianAccounts, [
      {
        module: group,
        params: { name: "a", gid_min: 1000, local: true },
        fails: /'gid_min' can not be used with 'local'/,
      },
      {
        module: group,
        params: { name: "a", gid_max: 2000, local: true },
        fails: /'gid_max' can not be used with 'local'/,
      },
    ]);
  });
}

/** Defines the tests of the target `user`. */
export function defineUserScenarios(runSteps: Runner): void {
  it("1: a user is made once", () => {
    return runSteps(debianAccounts, [
      make({ state: "absent" }, false),
      make({ state: "present" }, true),
      make({}, false),
    ]);
  });

  it("2: users that exist stay as they are", () => {
    return runSteps(
      debianAccounts,
      ["root", "daemon", "bin", "_apt", "nobody"].map((one) => ({
        module: user,
        params: { name: one, create_home: false },
        changed: false,
        verify: (_, plan) => assert.equal(plan.result?.["state"], "present"),
      })),
    );
  });

  it("3: a shell beneath the home (~) is spelt out, and converges", () => {
    return runSteps(debianAccounts, [
      {
        module: user,
        params: { name: "randomuserthomas", shell: "~/custom_shell" },
        changed: true,
        verify: (model) => assert.equal(lineOf(model, "/etc/passwd", "randomuserthomas")?.[6], "/root/custom_shell"),
      },
      { module: user, params: { name: "randomuserthomas", shell: "~/custom_shell" }, changed: false },
      { module: user, params: { name: "randomuserthomas", state: "absent", force: true }, changed: true },
    ]);
  });

  it("4: a home that is named is the home that it has; another one is a change, there and back", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ home: "/home/ansibulluser" }, false),
      make({ home: "/home/ansibulluser" }, false),
      make({ home: "/home/ansibulluser-mod" }, true),
      make({ home: "/home/ansibulluser" }, true),
    ]);
  });

  it("5: a home below directories that are missing", () => {
    const deep = { name: "ansibulluser2", home: "/home/in2deep/ansibulluser2" };
    return runSteps(debianAccounts, [
      {
        module: user,
        params: deep,
        changed: true,
        verify: (model, plan) => {
          assert.equal(plan.result?.["home"], deep.home);
          assert.equal(statAt(model, deep.home)?.uid, plan.result?.["uid"]);
          assert.equal(statAt(model, deep.home)?.gid, plan.result?.["group"]);
        },
      },
      { module: user, params: deep, changed: false },
      {
        module: user,
        params: { ...deep, state: "absent", remove: true },
        changed: true,
        verify: (model) => assert.equal(statAt(model, deep.home), undefined),
      },
    ]);
  });

  it("6: no home is made where create_home is false, and removal with remove does not mind", () => {
    return runSteps(debianAccounts, [
      { module: user, params: { name: "ansibulluser3", home: "/home/nosuchdir", createhome: false }, changed: true },
      { module: user, params: { name: "ansibulluser3", state: "absent", remove: true }, changed: true },
    ]);
  });

  it("7: nor its parent", () => {
    return runSteps(debianAccounts, [
      {
        module: user,
        params: { name: "randomuser", create_home: false, home: "/home/thereisnodir/randomuser" },
        changed: true,
        verify: (model) => {
          assert.equal(statAt(model, "/home/thereisnodir"), undefined);
        },
      },
      { module: user, params: { name: "randomuser", state: "absent", remove: true }, changed: true },
    ]);
  });

  it("8: /dev/null as skeleton gives an empty home", () => {
    return runSteps({ ...debianAccounts, "/dev/null": "" }, [
      {
        module: user,
        params: { name: "withskeleton", skeleton: "/dev/null", createhome: true },
        changed: true,
        verify: (model) => {
          assert.equal(statAt(model, "/home/withskeleton")?.type, "directory");
          assert.equal(statAt(model, "/home/withskeleton/.bashrc"), undefined);
        },
      },
      { module: user, params: { name: "withskeleton", state: "absent", remove: true }, changed: true },
    ]);
  });

  it("9: links of the skeleton are copied, what they lead to keeps its owner", () => {
    const tree: Tree = {
      ...debianAccounts,
      "/tmp/flag.conf": "",
      "/tmp/skel/should_not_change_own": { target: "/tmp/flag.conf" },
      "/tmp/skel/.ssh/known_hosts": "h\n",
    };
    return runSteps(tree, [
      {
        module: user,
        params: { name: "withskeleton", skeleton: "/tmp/skel", home: "/home/missing/withskeleton" },
        changed: true,
        verify: (model, plan) => {
          assert.equal(statAt(model, "/tmp/flag.conf")?.uid, 0);
          assert.equal(statAt(model, "/home/missing/withskeleton/should_not_change_own")?.uid, plan.result?.["uid"]);
          assert.equal(textAt(model, "/home/missing/withskeleton/.ssh/known_hosts"), "h\n");
        },
      },
      { module: user, params: { name: "withskeleton", state: "absent", remove: true }, changed: true },
    ]);
  });

  it("10: a system user", () => {
    return runSteps(debianAccounts, [
      make({ system: true }, true, {
        verify: (model, plan) => {
          assert.ok(Number(plan.result?.["uid"]) < 1000);
          assert.deepEqual(lineOf(model, "/etc/shadow", name)?.slice(1), ["!", today, "", "", "", "", "", ""]);
          assert.equal(textAt(model, "/etc/subuid"), "");
        },
      }),
    ]);
  });

  it("11: a uid, and the same one for another user with non_unique", () => {
    return runSteps(debianAccounts, [
      make({ uid: 1042 }, true, { verify: (_, plan) => assert.equal(plan.result?.["uid"], 1042) }),
      make({ uid: 1042 }, false),
      { module: user, params: { name: "ansibulluser2", uid: 1042, non_unique: true }, changed: true },
      { module: user, params: { name: "ansibulluser2", uid: 1042, non_unique: true }, changed: false },
      { module: user, params: { name: "ansibulluser3", uid: 1042 }, fails: /not unique/ },
    ]);
  });

  it("12: a password's hash gives no warning", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ password: hash, update_password: "always" }, true, warns(false)),
      make({ password: hash }, false),
    ]);
  });

  it("13: update_password: on_create leaves the password of an existing user", () => {
    return runSteps(debianAccounts, [
      make({ password: hash }, true),
      make({ password: "*", update_password: "on_create" }, false, shadow(1, hash)),
    ]);
  });

  it("14: a plain text, and a hash with wrong characters, give a warning", () => {
    return runSteps(debianAccounts, [
      make({ password: "plaintextpassword" }, true, warns(true)),
      make(
        {
          password:
            "$6$rounds=656000$tgK3gYTyRLUmhyv2$lAFrYUQwn7E6VsjPOwQwoSx30lmpiU9r/E0Al7tzKrR9mkodcMEZGe9OXD0H/clOn6qdsUnaL4zefy5fG+++++",
        },
        true,
        warns(true),
      ),
    ]);
  });

  it("15: the words for no password give no warning", () => {
    return runSteps(debianAccounts, [
      make({ password: hash }, true),
      make({ password: "!" }, true, warns(false)),
      make({ password: "*" }, true, warns(false)),
      make({ password: "*************" }, true, warns(false)),
    ]);
  });

  it("16: a yescrypt hash gives no warning", () => {
    return runSteps(debianAccounts, [
      make(
        { password: "$y$jCT$ZiF3ZV39/maUl9Lzt2Hk80$Ih6bI4OXU52OnWWqt3T1BAmVn8eH.4qlcP.8/NOjGN5" },
        true,
        warns(false),
      ),
    ]);
  });

  it("17: a home that was not made is made by a later run", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ state: "absent", force: true, remove: true }, true),
      make({ create_home: false }, true, {
        verify: (model) => assert.equal(statAt(model, "/home/ansibulluser"), undefined),
      }),
      make({}, true, {
        verify: (model, plan) => {
          const home = statAt(model, "/home/ansibulluser");
          assert.deepEqual([home?.type, home?.uid, home?.mode], ["directory", plan.result?.["uid"], 0o755]);
        },
      }),
    ]);
  });

  it("18: an account expires on a day, and no more", () => {
    return runSteps(debianAccounts, [
      make({ expires: 2529881062 }, true, shadow(7, "29281")),
      make({ expires: 2529881062 }, false),
      make({ expires: -1 }, true, shadow(7, "")),
      make({ expires: -1 }, false),
    ]);
  });

  it("19: a new account that does not expire", () => {
    return runSteps(debianAccounts, [make({ expires: -1 }, true, shadow(7, "")), make({ expires: -1 }, false)]);
  });

  it("20: a new account that expired in 1970, then does not expire", () => {
    return runSteps(debianAccounts, [
      make({ expires: 0 }, true, shadow(7, "0")),
      make({ expires: 0 }, false),
      make({ expires: -1 }, true, shadow(7, "")),
      make({ expires: -1 }, false),
      make({ expires: -2529881062 }, false),
    ]);
  });

  it("21: days until a password must be changed, and may be", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ password_expire_max: 10 }, true, shadow(4, "10")),
      make({ password_expire_max: 10 }, false),
      make({ password_expire_min: 5 }, true, shadow(3, "5")),
      make({ password_expire_min: 5 }, false),
      make({ password_expire_min: 0, password_expire_max: 0 }, true, {
        verify: (model) => assert.deepEqual(lineOf(model, "/etc/shadow", name)?.slice(3, 5), ["0", "0"]),
      }),
    ]);
  });

  it("22: days of warning", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ password_expire_warn: 28 }, true, shadow(5, "28")),
      make({ password_expire_warn: 28 }, false),
    ]);
  });

  it("23: days until the account is disabled", () => {
    return runSteps(debianAccounts, [
      make({ password_expire_account_disable: 15 }, true, shadow(6, "15")),
      make({ password_expire_account_disable: 10 }, true, shadow(6, "10")),
    ]);
  });

  it("24: a user without a line in shadow gets one, as usermod makes it", () => {
    const tree = {
      ...debianAccounts,
      "/etc/passwd": `${String(debianAccounts["/etc/passwd"])}ansibulluser::575:575::/home/dummy:/bin/bash\n`,
    };
    return runSteps(tree, [
      make({ uid: 575, expires: -1 }, true, {
        verify: (model) => {
          assert.equal(lineOf(model, "/etc/passwd", name)?.[1], "x");
          assert.deepEqual(lineOf(model, "/etc/shadow", name)?.slice(1), ["", today, "0", "99999", "7", "", "", ""]);
        },
      }),
      make({ uid: 575, expires: -1 }, false),
    ]);
  });

  it("25: the password is locked and unlocked, with and without its hash", () => {
    return runSteps(debianAccounts, [
      make({ password: hash }, true),
      make({ password_lock: true }, true, locked(true)),
      make({ password_lock: true }, false),
      make({ password_lock: false }, true, locked(false)),
      make({ password_lock: false }, false),
      make({ password_lock: true, password: hash }, true, locked(true)),
      make({ password_lock: true, password: hash }, false),
      make({ password_lock: false, password: hash }, true, locked(false)),
      make({ password_lock: false, password: hash }, false, shadow(1, hash)),
    ]);
  });

  it("26: a new user whose password is locked", () => {
    return runSteps(debianAccounts, [
      make({ password: hash, password_lock: true }, true, shadow(1, `!${hash}`)),
      make({ password: hash, password_lock: true }, false),
    ]);
  });

  it("27: removal by force", () => {
    return runSteps(debianAccounts, [
      make({}, true),
      make({ state: "absent", force: true }, true, {
        verify: (model) => assert.equal(lineOf(model, "/etc/passwd", name), undefined),
      }),
      make({ state: "absent", force: true }, false),
    ]);
  });

  it("28: the umask of a new home, where login.defs has no HOME_MODE; not with local", () => {
    return runSteps(debianAccounts, [
      {
        module: user,
        params: { name: "umaskuser_test_1", umask: "000" },
        changed: true,
        verify: (model) => assert.equal(statAt(model, "/home/umaskuser_test_1")?.mode, 0o777),
      },
      {
        module: user,
        params: { name: "umaskuser_test_2", umask: "077" },
        changed: true,
        verify: (model) => assert.equal(statAt(model, "/home/umaskuser_test_2")?.mode, 0o700),
      },
      { module: user, params: { name: "umaskuser_test_1", state: "absent" }, changed: true },
      {
        module: user,
        params: { name: "umaskuser_test_3", umask: "077", local: true },
        fails: /'umask' can not be used with 'local'/,
      },
    ]);
  });

  it("29: local: made once, in its groups, with append and without", () => {
    const local = (params: object, changed: boolean, members: readonly string[]): Step => ({
      module: user,
      params: { name: "local_ansibulluser", local: true, ...params },
      changed,
      verify: (model) =>
        assert.deepEqual(
          ["testgroup1", "testgroup2", "testgroup3", "testgroup4", "testgroup5"].filter(
            (one) => lineOf(model, "/etc/group", one)?.[3] === "local_ansibulluser",
          ),
          members,
        ),
    });
    return runSteps(debianAccounts, [
      ...[1, 2, 3, 4, 5].map((one) => ({
        module: group,
        params: { name: `testgroup${one}`, local: true },
        changed: true,
      })),
      local({ groups: ["testgroup1", "testgroup2"] }, true, ["testgroup1", "testgroup2"]),
      local({ groups: ["testgroup1", "testgroup2"] }, false, ["testgroup1", "testgroup2"]),
      local({ groups: ["testgroup3", "testgroup4"] }, true, ["testgroup3", "testgroup4"]),
      local({ groups: ["testgroup5"], append: true }, true, ["testgroup3", "testgroup4", "testgroup5"]),
      local({ groups: ["testgroup5"], append: true }, false, ["testgroup3", "testgroup4", "testgroup5"]),
      local({ append: true }, false, ["testgroup3", "testgroup4", "testgroup5"]),
      local({ groups: "" }, true, []),
      local({ groups: "" }, false, []),
    ]);
  });

  it("30: local: expires on a day, and no more", () => {
    const local = (expires: number, changed: boolean): Step => make({ local: true, expires }, changed);
    return runSteps(debianAccounts, [
      make({ local: true }, true),
      local(2529881062, true),
      local(2529881062, false),
      local(-1, true),
      local(-1, false),
      local(0, true),
      local(0, false),
      local(-1, true),
      local(-2529881062, false),
    ]);
  });

  it("31: a range of ids holds for new users, and ends; not with local", () => {
    const uid = (wanted: number): Partial<Step> => ({
      verify: (_, plan) => assert.equal(plan.result?.["uid"], wanted),
    });
    return runSteps(debianAccounts, [
      { module: user, params: { name: "testone", uid: 8000 }, changed: true },
      { module: user, params: { name: "testtwo" }, ...uid(8001) },
      { module: user, params: { name: "testthree", uid_max: 1999 }, ...uid(1000) },
      { module: user, params: { name: "testfour", uid_min: 1500, uid_max: 1501 }, ...uid(1500) },
      { module: user, params: { name: "testfive", uid_min: 1500, uid_max: 1501 }, ...uid(1501) },
      { module: user, params: { name: "testsix", uid_min: 1500, uid_max: 1501 }, fails: /No user id is free/ },
      {
        module: user,
        params: { name: "testseven", uid_min: 1500, local: true },
        fails: /'uid_min' can not be used with 'local'/,
      },
    ]);
  });
}
