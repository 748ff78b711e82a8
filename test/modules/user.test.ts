// Users: fixtures, and the scenarios of Ansible's integration target `user`, one by one.

import assert from "node:assert/strict";
import fc from "fast-check";
import group from "../../modules/group.js";
import user from "../../modules/user.js";
import { modelOf, planFixture, statAt, testFixtures, textAt, type Tree } from "../module/harness.js";
import { debianAccounts, lineOf, runSteps, type Step } from "./steps.js";

// 2026-01-02, the day of the harness.
const today = "20455";
const hash =
  "$6$rounds=656000$TT4O7jz2M57npccl$33LF6FcUMSW11qrESXL1HX0BS.bsiT6aenFLLiVpsQh6hDtI9pJh5iY7x8J7ePkN4fP8hmElidHXaeD51pbGS.";

const withAnn: Tree = {
  ...debianAccounts,
  "/etc/passwd": `${String(debianAccounts["/etc/passwd"])}ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash\n`,
  "/etc/group": `${String(debianAccounts["/etc/group"]).replace("audio:x:29:", "audio:x:29:bob,ann")}ann:x:1000:\n`,
  "/etc/shadow": { content: `root:*:20228:0:99999:7:::\nann:${hash}:20000:0:99999:7:::\n`, mode: 0o640, gid: 42 },
  "/etc/gshadow": { content: "root:*::\naudio:*::bob,ann\nann:!::\n", mode: 0o640, gid: 42 },
  "/etc/subuid": "ann:100000:65536\n",
  "/etc/subgid": "ann:100000:65536\n",
  "/home/ann": { type: "directory", uid: 1000, gid: 1000 },
  "/home/ann/mine": { content: "x", uid: 1000, gid: 1000 },
  "/home/ann/roots": { content: "y", uid: 0, gid: 1000 },
};

testFixtures(user, [
  {
    name: "finds nothing to do where the user is as wanted (converged)",
    tree: withAnn,
    params: { name: "ann", comment: "Ann,,,", shell: "/bin/bash", groups: ["audio"], password: hash, uid: 1000 },
    expect: {
      changed: false,
      result: {
        name: "ann",
        state: "present",
        uid: 1000,
        group: 1000,
        comment: "Ann,,,",
        home: "/home/ann",
        shell: "/bin/bash",
        groups: "audio",
        append: false,
        move_home: false,
        password: "NOT_LOGGING_PASSWORD",
      },
    },
  },
  {
    name: "makes a user as useradd of Debian does, in all six files, with a home from the skeleton (partial)",
    tree: debianAccounts,
    params: { name: "ann", groups: ["audio", "games"], comment: "Ann" },
    expect: {
      result: { uid: 1000, group: 1000, home: "/home/ann", shell: "/bin/sh", system: false, create_home: true },
      after: {
        "/etc/passwd": `${String(debianAccounts["/etc/passwd"])}ann:x:1000:1000:Ann:/home/ann:/bin/sh\n`,
        "/etc/shadow": {
          content: `root:*:20228:0:99999:7:::\ndaemon:*:20228:0:99999:7:::\nnobody:*:20228:0:99999:7:::\nann:!:${today}:0:99999:7:::\n`,
          mode: 0o640,
          gid: 42,
        },
        "/etc/group": `${String(debianAccounts["/etc/group"]).replace("audio:x:29:", "audio:x:29:ann").replace("games:x:60:", "games:x:60:ann")}ann:x:1000:\n`,
        "/etc/subuid": "ann:100000:65536\n",
        "/etc/subgid": "ann:100000:65536\n",
        "/home/ann": { type: "directory", mode: 0o755, uid: 1000, gid: 1000 },
        "/home/ann/.bashrc": { content: "# bash\n", mode: 0o644, uid: 1000, gid: 1000 },
        "/home/ann/.profile": { content: "# profile\n", mtime: 1_700_000_000 },
        "/etc/passwd-": String(debianAccounts["/etc/passwd"]),
      },
    },
  },
  {
    name: "refuses a uid that another user has, and names that user (error)",
    tree: withAnn,
    params: { name: "bob", uid: 1000 },
    expect: { refusal: /UID 1000 is not unique: ann has it.*non_unique/ },
  },
  {
    name: "refuses a group that does not exist, and says how to make it",
    tree: withAnn,
    params: { name: "bob", groups: ["nosuch"] },
    expect: { refusal: /Group nosuch does not exist.*module group/ },
  },
  {
    name: "refuses what would break a line of passwd",
    tree: withAnn,
    params: { name: "bob", comment: "a:b" },
    expect: { refusal: /comment of bob must not hold a colon/ },
  },
  {
    name: "keeps groups with append, and adds what is missing",
    tree: withAnn,
    params: { name: "ann", groups: ["games"], append: true },
    expect: { after: { "/etc/group": `${String(withAnn["/etc/group"]).replace("games:x:60:", "games:x:60:ann")}` } },
  },
  {
    name: "takes the user out of all other groups without append",
    tree: withAnn,
    params: { name: "ann", groups: ["games"] },
    expect: {
      after: {
        "/etc/group": String(withAnn["/etc/group"])
          .replace("audio:x:29:bob,ann", "audio:x:29:bob")
          .replace("games:x:60:", "games:x:60:ann"),
        "/etc/gshadow": { content: "root:*::\naudio:*::bob\nann:!::\n" },
      },
    },
  },
  {
    name: "gives the user's files in its home to a new uid, and leaves others' files alone",
    tree: withAnn,
    params: { name: "ann", uid: 2000 },
    expect: {
      after: {
        "/home/ann": { uid: 2000, gid: 1000 },
        "/home/ann/mine": { uid: 2000, gid: 1000 },
        "/home/ann/roots": { uid: 0 },
      },
    },
  },
  {
    name: "moves a home with all that is in it",
    tree: { ...withAnn, "/srv": { type: "directory" } },
    params: { name: "ann", home: "/srv/ann", move_home: true },
    expect: {
      result: { home: "/srv/ann", move_home: true },
      after: { "/home/ann": undefined, "/srv/ann/mine": { uid: 1000 } },
    },
  },
  {
    name: "refuses to move a home over what is there, before anything is changed",
    tree: { ...withAnn, "/srv/ann": { type: "directory" } },
    params: { name: "ann", home: "/srv/ann", move_home: true },
    expect: { refusal: /\/srv\/ann is there already/ },
  },
  {
    name: "makes a home from the skeleton at a new place without move_home, as Ansible does",
    tree: withAnn,
    params: { name: "ann", home: "/srv/deep/ann" },
    expect: {
      after: {
        "/home/ann/mine": { uid: 1000 },
        "/srv/deep": { uid: 0, mode: 0o755 },
        "/srv/deep/ann/.bashrc": { uid: 1000 },
      },
    },
  },
  {
    name: "removes the user from all files, with its group, home and mail",
    tree: { ...withAnn, "/var/mail/ann": { content: "m", uid: 1000, gid: 8 } },
    params: { name: "ann", state: "absent", remove: true },
    expect: {
      result: { name: "ann", state: "absent", force: false, remove: true },
      after: {
        "/etc/passwd": String(debianAccounts["/etc/passwd"]),
        "/etc/group": String(debianAccounts["/etc/group"]).replace("audio:x:29:", "audio:x:29:bob"),
        "/etc/shadow": { content: "root:*:20228:0:99999:7:::\n" },
        "/etc/gshadow": { content: "root:*::\naudio:*::bob\n" },
        "/etc/subuid": "",
        "/home/ann": undefined,
        "/var/mail/ann": undefined,
      },
    },
  },
  {
    name: "does not remove a home that is another's, unless forced",
    tree: { ...withAnn, "/home/ann": { type: "directory", uid: 7 } },
    params: { name: "ann", state: "absent", remove: true },
    expect: { refusal: /\/home\/ann is not owned by ann.*force/ },
  },
  {
    name: "never removes / as a home, even forced",
    tree: { "/etc/passwd": "x:x:5:5::/:/bin/sh\n" },
    params: { name: "x", state: "absent", remove: true, force: true },
    expect: { refusal: /never removed/ },
  },
  {
    name: "works in a tree without shadow files and without login.defs: the password stands in passwd, no group of its own",
    tree: { "/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": "root:x:0:\n" },
    params: { name: "ann", password: hash, create_home: false },
    expect: {
      after: {
        "/etc/passwd": `root:x:0:0::/root:/bin/sh\nann:${hash}:1000:100::/home/ann:/bin/sh\n`,
        "/etc/shadow": undefined,
        "/etc/subuid": undefined,
      },
    },
  },
  {
    name: "follows HOME_MODE of login.defs, whatever umask says",
    tree: { ...debianAccounts, "/etc/login.defs": "HOME_MODE 0700\nUMASK 022\nUSERGROUPS_ENAB yes\n" },
    params: { name: "ann", umask: "000" },
    expect: { after: { "/home/ann": { mode: 0o700 } } },
  },
  {
    name: "makes a mail spool where the tree's defaults say so",
    tree: { ...debianAccounts, "/etc/default/useradd": "CREATE_MAIL_SPOOL=yes\n" },
    params: { name: "ann" },
    expect: { after: { "/var/mail/ann": { content: "", mode: 0o660, uid: 1000, gid: 8 } } },
  },
  {
    name: "rewrites links of the skeleton that lead into the skeleton",
    tree: {
      ...debianAccounts,
      "/etc/skel/here": { target: "/etc/skel/.bashrc" },
      "/etc/skel/away": { target: "/etc/motd" },
    },
    params: { name: "ann" },
    expect: {
      after: {
        "/home/ann/here": { target: "/home/ann/.bashrc", uid: 1000 },
        "/home/ann/away": { target: "/etc/motd" },
      },
    },
  },
  {
    name: "refuses a SELinux user rather than to ignore it",
    tree: withAnn,
    params: { name: "ann", seuser: "staff_u" },
    expect: { refusal: /seuser is not supported/ },
  },
  {
    name: "takes what other systems have, and does nothing with it",
    tree: withAnn,
    params: { name: "ann", login_class: "staff", profile: "a", authorization: "b", role: "c", hidden: true },
    expect: { changed: false },
  },
  {
    name: "warns where append stands without groups",
    tree: withAnn,
    params: { name: "ann", append: true },
    expect: { changed: false, warning: /'append' is set, but no 'groups'/ },
  },
  {
    name: "has ssh-keygen make a key whose passphrase is in no argument",
    tree: withAnn,
    params: { name: "ann", generate_ssh_key: true, ssh_key_passphrase: "secret" },
    expect: {
      kinds: ["makeDirectory", "exec", "setAttributes", "setAttributes", "exec"],
      argv: [
        ["ssh-keygen", "-t", "rsa", "-C", "crun-generated on local:web1", "-f", "/home/ann/.ssh/id_rsa"],
        ["cat", "/home/ann/.ssh/id_rsa.pub"],
      ],
      result: { ssh_key_file: "/home/ann/.ssh/id_rsa" },
    },
    isNeverConverged: "what ssh-keygen writes is not known before it ran",
  },
  {
    name: "leaves an existing key, and tells its fingerprint",
    tree: {
      ...withAnn,
      "/home/ann/.ssh/id_rsa": { content: "k", uid: 1000 },
      "/home/ann/.ssh/id_rsa.pub":
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@x\n",
    },
    params: { name: "ann", generate_ssh_key: true },
    expect: {
      changed: false,
      warning: /Found existing ssh key private file/,
      result: {
        ssh_fingerprint: "256 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU ann@x (ED25519)",
        ssh_key_file: "/home/ann/.ssh/id_rsa",
      },
    },
  },
]);

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

describe("Ansible's integration target user", () => {
  it("1: a user is made once", () => {
    runSteps(debianAccounts, [make({ state: "absent" }, false), make({ state: "present" }, true), make({}, false)]);
  });

  it("2: users that exist stay as they are", () => {
    runSteps(
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
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({}, true),
      make({ home: "/home/ansibulluser" }, false),
      make({ home: "/home/ansibulluser" }, false),
      make({ home: "/home/ansibulluser-mod" }, true),
      make({ home: "/home/ansibulluser" }, true),
    ]);
  });

  it("5: a home below directories that are missing", () => {
    const deep = { name: "ansibulluser2", home: "/home/in2deep/ansibulluser2" };
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      { module: user, params: { name: "ansibulluser3", home: "/home/nosuchdir", createhome: false }, changed: true },
      { module: user, params: { name: "ansibulluser3", state: "absent", remove: true }, changed: true },
    ]);
  });

  it("7: nor its parent", () => {
    runSteps(debianAccounts, [
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
    runSteps({ ...debianAccounts, "/dev/null": "" }, [
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
    runSteps(tree, [
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
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({ uid: 1042 }, true, { verify: (_, plan) => assert.equal(plan.result?.["uid"], 1042) }),
      make({ uid: 1042 }, false),
      { module: user, params: { name: "ansibulluser2", uid: 1042, non_unique: true }, changed: true },
      { module: user, params: { name: "ansibulluser2", uid: 1042, non_unique: true }, changed: false },
      { module: user, params: { name: "ansibulluser3", uid: 1042 }, fails: /not unique/ },
    ]);
  });

  it("12: a password's hash gives no warning", () => {
    runSteps(debianAccounts, [
      make({}, true),
      make({ password: hash, update_password: "always" }, true, warns(false)),
      make({ password: hash }, false),
    ]);
  });

  it("13: update_password: on_create leaves the password of an existing user", () => {
    runSteps(debianAccounts, [
      make({ password: hash }, true),
      make({ password: "*", update_password: "on_create" }, false, shadow(1, hash)),
    ]);
  });

  it("14: a plain text, and a hash with wrong characters, give a warning", () => {
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({ password: hash }, true),
      make({ password: "!" }, true, warns(false)),
      make({ password: "*" }, true, warns(false)),
      make({ password: "*************" }, true, warns(false)),
    ]);
  });

  it("16: a yescrypt hash gives no warning", () => {
    runSteps(debianAccounts, [
      make(
        { password: "$y$jCT$ZiF3ZV39/maUl9Lzt2Hk80$Ih6bI4OXU52OnWWqt3T1BAmVn8eH.4qlcP.8/NOjGN5" },
        true,
        warns(false),
      ),
    ]);
  });

  it("17: a home that was not made is made by a later run", () => {
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({ expires: 2529881062 }, true, shadow(7, "29281")),
      make({ expires: 2529881062 }, false),
      make({ expires: -1 }, true, shadow(7, "")),
      make({ expires: -1 }, false),
    ]);
  });

  it("19: a new account that does not expire", () => {
    runSteps(debianAccounts, [make({ expires: -1 }, true, shadow(7, "")), make({ expires: -1 }, false)]);
  });

  it("20: a new account that expired in 1970, then does not expire", () => {
    runSteps(debianAccounts, [
      make({ expires: 0 }, true, shadow(7, "0")),
      make({ expires: 0 }, false),
      make({ expires: -1 }, true, shadow(7, "")),
      make({ expires: -1 }, false),
      make({ expires: -2529881062 }, false),
    ]);
  });

  it("21: days until a password must be changed, and may be", () => {
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({}, true),
      make({ password_expire_warn: 28 }, true, shadow(5, "28")),
      make({ password_expire_warn: 28 }, false),
    ]);
  });

  it("23: days until the account is disabled", () => {
    runSteps(debianAccounts, [
      make({ password_expire_account_disable: 15 }, true, shadow(6, "15")),
      make({ password_expire_account_disable: 10 }, true, shadow(6, "10")),
    ]);
  });

  it("24: a user without a line in shadow gets one, as usermod makes it", () => {
    const tree = {
      ...debianAccounts,
      "/etc/passwd": `${String(debianAccounts["/etc/passwd"])}ansibulluser::575:575::/home/dummy:/bin/bash\n`,
    };
    runSteps(tree, [
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
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
      make({ password: hash, password_lock: true }, true, shadow(1, `!${hash}`)),
      make({ password: hash, password_lock: true }, false),
    ]);
  });

  it("27: removal by force", () => {
    runSteps(debianAccounts, [
      make({}, true),
      make({ state: "absent", force: true }, true, {
        verify: (model) => assert.equal(lineOf(model, "/etc/passwd", name), undefined),
      }),
      make({ state: "absent", force: true }, false),
    ]);
  });

  it("28: the umask of a new home, where login.defs has no HOME_MODE; not with local", () => {
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
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
    runSteps(debianAccounts, [
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
});

describe("law of the module user", () => {
  const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
  const wanted = fc.record({
    name: fc.constantFrom("ann", "bob", "daemon", "new"),
    state: fc.constantFrom("present", "present", "absent"),
    uid: maybe(fc.constantFrom(0, 500, 1000, 1001, 70000)),
    non_unique: fc.boolean(),
    group: maybe(fc.constantFrom("ann", "users", "29")),
    groups: maybe(fc.subarray(["audio", "games", "users", "4"])),
    append: fc.boolean(),
    comment: maybe(fc.constantFrom("", "Ä, B", "x y")),
    home: maybe(fc.constantFrom("/home/ann", "/home/ann/", "/srv/x/y", "/home/other")),
    move_home: fc.boolean(),
    create_home: fc.boolean(),
    shell: maybe(fc.constantFrom("/bin/sh", "~/sh")),
    password: maybe(fc.constantFrom("!", "*", hash, `!${hash}`)),
    password_lock: maybe(fc.boolean()),
    update_password: fc.constantFrom("always", "on_create"),
    expires: maybe(fc.constantFrom(-1, 0, 2529881062)),
    password_expire_max: maybe(fc.constantFrom(-1, 0, 10)),
    password_expire_min: maybe(fc.constantFrom(-1, 0, 10)),
    system: fc.boolean(),
    remove: fc.boolean(),
    force: fc.boolean(),
    local: fc.boolean(),
  });
  const lacking = fc.subarray([
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/subuid",
    "/etc/login.defs",
    "/etc/group",
    "/home/ann",
    "/home/ann/mine",
    "/home/ann/roots",
  ]);

  it("a second run finds nothing to do, whatever is wanted and whatever files the tree lacks", () => {
    fc.assert(
      fc.property(wanted, lacking, (params, missing) => {
        const model = modelOf(Object.fromEntries(Object.entries(withAnn).filter(([path]) => !missing.includes(path))));
        const fixture = {
          name: "law",
          params: Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)),
          expect: {},
        };
        const { plan } = planFixture(user, fixture, model);
        if (!plan || plan.refusal) return;
        model.predict(plan.changes);
        const again = planFixture(user, fixture, model).plan;
        assert.equal(again?.refusal?.message, undefined);
        assert.deepEqual(again?.changes, []);
      }),
      { numRuns: 1000 },
    );
  });
});
