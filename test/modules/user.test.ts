// Users: fixtures, and the scenarios of Ansible's integration target `user`, one by one.

import assert from "node:assert/strict";
import fc from "fast-check";
import user from "../../modules/user.js";
import { modelOf, planFixture, testFixtures, type Tree } from "../module/harness.js";
import { defineUserScenarios } from "./account-scenarios.js";
import { debianAccounts, runSteps } from "./steps.js";

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
    name: "gives the user's files in its home to a new uid, without setuid bits, and leaves others' files alone",
    tree: { ...withAnn, "/home/ann/tool": { content: "x", mode: 0o6755, uid: 1000, gid: 1000 } },
    params: { name: "ann", uid: 2000 },
    expect: {
      after: {
        "/home/ann": { uid: 2000, gid: 1000 },
        "/home/ann/mine": { uid: 2000, gid: 1000 },
        "/home/ann/tool": { mode: 0o755, uid: 2000, gid: 1000 },
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

describe("Ansible's integration target user", () => defineUserScenarios(runSteps));

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
