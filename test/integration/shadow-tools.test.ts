// Users and groups beside the tree's own useradd, usermod, userdel, groupadd, groupmod, groupdel and chage: the same files, byte for byte.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import group from "../../modules/group.js";
import user from "../../modules/user.js";
import { Model } from "../../src/module/model.js";
import type { ListObservation, Observation, Probe } from "../../src/module/probe.js";
import { must, run } from "../lab/process.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope, type Scope } from "../lab/scope.js";
import { debianTree, overlayTree } from "../lab/trees.js";
import { assertStates, crunPath, runTasks } from "./crun-tasks.js";
import { answer, observeDisk, runOnDisk } from "../modules/disk.js";

const files = ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"].flatMap((name) => [
  `/etc/${name}`,
  `/etc/${name}-`,
]);
const hash = "$6$salt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

/** What is done with the real tools, and the same with crun. `before`: a script that prepares both trees. */
interface Case {
  readonly name: string;
  readonly before?: string;
  readonly tools: readonly (readonly string[])[];
  readonly tasks: readonly (readonly [typeof user, object])[];
  /** Directories whose content must be the same, besides the account files. */
  readonly trees?: readonly string[];
  /** Those that a model cannot list (a directory that was moved). */
  readonly realTrees?: readonly string[];
  /** The tools leave more backups: one of the state before each of them, and of files that they rewrite as they were. */
  readonly hasOtherBackups?: boolean;
  /** The tools fail, and so must crun. */
  readonly fails?: boolean;
}

const cases: readonly Case[] = [
  { name: "a user with a home", tools: [["useradd", "-m", "ann"]], tasks: [[user, { name: "ann" }]], trees: ["/home"] },
  {
    name: "a second user, after one with a high id",
    before: "useradd -M -u 1500 first",
    tools: [["useradd", "-m", "-c", "Ann, x", "-s", "/bin/bash", "-G", "audio,games", "-p", hash, "ann"]],
    tasks: [[user, { name: "ann", comment: "Ann, x", shell: "/bin/bash", groups: ["audio", "games"], password: hash }]],
    trees: ["/home"],
  },
  {
    name: "a system user",
    tools: [
      ["useradd", "-m", "-r", "sys1"],
      ["useradd", "-r", "-M", "sys2"],
    ],
    tasks: [
      [user, { name: "sys1", system: true }],
      [user, { name: "sys2", system: true, create_home: false }],
    ],
    trees: ["/home"],
  },
  {
    name: "system users below and above others",
    before: "useradd -r -u 105 low; useradd -r -u 990 high",
    tools: [["useradd", "-r", "-M", "sys1"]],
    tasks: [[user, { name: "sys1", system: true, create_home: false }]],
  },
  {
    name: "system users where the lowest id of the range is used",
    before: "useradd -r -u 101 low",
    tools: [["useradd", "-r", "-M", "sys1"]],
    tasks: [[user, { name: "sys1", system: true, create_home: false }]],
  },
  {
    name: "the group of a user whose id a group has",
    before: "groupadd -g 1000 taken",
    tools: [["useradd", "-M", "ann"]],
    tasks: [[user, { name: "ann", create_home: false }]],
  },
  {
    name: "a user whose name a group has",
    before: "groupadd ann",
    tools: [["useradd", "-M", "-N", "ann"]],
    tasks: [[user, { name: "ann", create_home: false }]],
  },
  {
    name: "a user with a group by id and an expiry",
    tools: [["useradd", "-M", "-g", "100", "-e", "2050-03-03", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, group: "100", expires: 2529881062 }]],
  },
  {
    name: "an id out of the range gets no subordinate ids",
    tools: [["useradd", "-M", "-u", "70000", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, uid: 70000 }]],
  },
  {
    name: "the same id twice",
    before: "useradd -M ann",
    tools: [["useradd", "-M", "-o", "-u", "1000", "bob"]],
    tasks: [[user, { name: "bob", create_home: false, uid: 1000, non_unique: true }]],
  },
  {
    name: "a taken id",
    before: "useradd -M ann",
    tools: [["useradd", "-M", "-u", "1000", "bob"]],
    tasks: [[user, { name: "bob", create_home: false, uid: 1000 }]],
    fails: true,
  },
  {
    name: "a bad name",
    tools: [["useradd", "-M", "a,b"]],
    tasks: [[user, { name: "a,b", create_home: false }]],
    fails: true,
  },
  {
    name: "the umask of a home",
    tools: [["useradd", "-m", "-K", "UMASK=077", "ann"]],
    tasks: [[user, { name: "ann", umask: "077" }]],
    trees: ["/home"],
  },
  {
    name: "a skeleton with directories, links and modes",
    before:
      "mkdir -p /sk/d/e; echo x > /sk/d/f; chmod 4755 /sk/d/f; chmod 2700 /sk/d; ln -s /sk/d /sk/in; ln -s /etc/motd /sk/out; touch -d 2001-02-03 /sk/d/f",
    tools: [["useradd", "-m", "-k", "/sk", "ann"]],
    tasks: [[user, { name: "ann", skeleton: "/sk" }]],
    trees: ["/home"],
  },
  {
    name: "HOME_MODE",
    before: "echo 'HOME_MODE 0711' >> /etc/login.defs",
    tools: [["useradd", "-m", "ann"]],
    tasks: [[user, { name: "ann" }]],
    trees: ["/home"],
  },
  {
    name: "no user groups",
    before: "sed -i s/USERGROUPS_ENAB.*/USERGROUPS_ENAB\\ no/ /etc/login.defs",
    tools: [["useradd", "-m", "ann"]],
    tasks: [[user, { name: "ann" }]],
    trees: ["/home"],
  },
  {
    name: "defaults of useradd",
    before:
      "mkdir /h; printf 'HOME=/h\\nSHELL=/bin/dash\\nINACTIVE=5\\nEXPIRE=2040-01-01\\nCREATE_MAIL_SPOOL=yes\\n' > /etc/default/useradd",
    tools: [["useradd", "-m", "ann"]],
    tasks: [[user, { name: "ann" }]],
    trees: ["/h", "/var/mail"],
  },
  {
    name: "no shadow files",
    before: "rm /etc/shadow /etc/gshadow /etc/subuid",
    tools: [
      ["useradd", "-M", "-p", hash, "ann"],
      ["groupadd", "g"],
    ],
    tasks: [
      [user, { name: "ann", create_home: false, password: hash }],
      [group, { name: "g" }],
    ],
    hasOtherBackups: true,
  },
  {
    name: "subordinate ids in no order, with odd lines",
    before: "printf 'b:300000:65536\\n# c\\nodd:1\\na:165536:65536\\nz:165536:10\\n' | tee /etc/subuid > /etc/subgid",
    tools: [
      ["useradd", "-M", "ann"],
      ["useradd", "-M", "ben"],
    ],
    tasks: [
      [user, { name: "ann", create_home: false }],
      [user, { name: "ben", create_home: false }],
    ],
    hasOtherBackups: true,
  },
  {
    name: "NIS lines, comments, odd lines and no line break at the end",
    before: "printf '# c\\nodd line:x\\n\\n+::::::' >> /etc/passwd; printf '# c\\n-x:::\\n+:::' >> /etc/group",
    tools: [["useradd", "-M", "ann"]],
    tasks: [[user, { name: "ann", create_home: false }]],
  },
  {
    name: "changes of all kinds at once",
    before: "useradd -m -G audio,games ann",
    tools: [["usermod", "-c", "New", "-s", "/bin/bash", "-G", "games,users", "-e", "2030-01-02", "-p", hash, "ann"]],
    tasks: [
      [
        user,
        {
          name: "ann",
          comment: "New",
          shell: "/bin/bash",
          groups: ["games", "users"],
          expires: 1893542400,
          password: hash,
        },
      ],
    ],
    trees: ["/home"],
  },
  {
    name: "added groups",
    before: "useradd -M -G audio ann",
    tools: [["usermod", "-a", "-G", "games", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, groups: ["games"], append: true }]],
  },
  {
    name: "no groups",
    before: "useradd -M -G audio,games ann",
    tools: [["usermod", "-G", "", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, groups: [] }]],
  },
  {
    name: "lock",
    before: `useradd -M -p '${hash}' ann`,
    tools: [["usermod", "-L", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, password_lock: true }]],
    hasOtherBackups: true,
  },
  {
    name: "unlock",
    before: `useradd -M -p '!${hash}' ann`,
    tools: [["usermod", "-U", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, password_lock: false }]],
    hasOtherBackups: true,
  },
  {
    name: "ages of the password",
    before: "useradd -M ann",
    tools: [["chage", "-m", "5", "-M", "10", "-W", "3", "-I", "4", "ann"]],
    tasks: [
      [
        user,
        {
          name: "ann",
          create_home: false,
          password_expire_min: 5,
          password_expire_max: 10,
          password_expire_warn: 3,
          password_expire_account_disable: 4,
        },
      ],
    ],
  },
  {
    name: "no ages",
    before: "useradd -M ann",
    tools: [["chage", "-m", "-1", "-M", "-1", "ann"]],
    tasks: [[user, { name: "ann", create_home: false, password_expire_min: -1, password_expire_max: -1 }]],
  },
  {
    name: "a user without a line in shadow",
    before: "echo 'old:pw:575:100::/nonexistent:/bin/sh' >> /etc/passwd",
    tools: [["usermod", "-c", "x", "-e", "1970-01-02", "old"]],
    tasks: [[user, { name: "old", create_home: false, comment: "x", expires: 86400 }]],
  },
  {
    name: "another uid and group: files in the home follow",
    before:
      "useradd -m -u 1200 ann; touch /home/ann/mine /home/ann/roots; chown ann:ann /home/ann/mine; ln -s x /home/ann/l; chown -h ann:ann /home/ann/l",
    tools: [["usermod", "-u", "1300", "-g", "users", "ann"]],
    tasks: [[user, { name: "ann", uid: 1300, group: "users" }]],
    trees: ["/home"],
  },
  {
    name: "a moved home",
    before: "mkdir /srv/new; useradd -m ann; touch /home/ann/f",
    tools: [["usermod", "-m", "-d", "/srv/new/ann", "ann"]],
    tasks: [[user, { name: "ann", home: "/srv/new/ann", move_home: true }]],
    realTrees: ["/srv/new", "/home"],
  },
  {
    name: "a home that cannot be moved",
    before: "useradd -m ann; mkdir /srv/ann",
    tools: [["usermod", "-m", "-d", "/srv/ann", "ann"]],
    tasks: [[user, { name: "ann", home: "/srv/ann", move_home: true }]],
    fails: true,
  },
  {
    name: "a user removed",
    before: "useradd -m -G audio,games ann; useradd -M bob",
    tools: [["userdel", "ann"]],
    tasks: [[user, { name: "ann", state: "absent" }]],
    trees: ["/home"],
  },
  {
    name: "a user removed with home and mail",
    before: "useradd -m ann; touch /var/mail/ann; chown ann:mail /var/mail/ann",
    tools: [["userdel", "-r", "ann"]],
    tasks: [[user, { name: "ann", state: "absent", remove: true }]],
    trees: ["/home", "/var/mail"],
  },
  {
    name: "a user removed whose group others have",
    before: "useradd -M ann; useradd -M -g ann bob",
    tools: [["userdel", "ann"]],
    tasks: [[user, { name: "ann", state: "absent" }]],
  },
  {
    name: "a user removed whose group has members",
    before: "useradd -M ann; useradd -M -G ann bob",
    tools: [["userdel", "ann"]],
    tasks: [[user, { name: "ann", state: "absent" }]],
  },
  {
    name: "a user removed by force whose group others have",
    before: "useradd -M ann; useradd -M -g ann bob",
    tools: [["userdel", "-f", "ann"]],
    tasks: [[user, { name: "ann", state: "absent", force: true }]],
  },
  {
    name: "groups",
    tools: [
      ["groupadd", "g1"],
      ["groupadd", "-r", "g2"],
      ["groupadd", "-g", "4321", "g3"],
      ["groupadd", "-o", "-g", "4321", "g4"],
    ],
    tasks: [
      [group, { name: "g1" }],
      [group, { name: "g2", system: true }],
      [group, { name: "g3", gid: 4321 }],
      [group, { name: "g4", gid: 4321, non_unique: true }],
    ],
  },
  { name: "a taken gid", tools: [["groupadd", "-g", "4", "g"]], tasks: [[group, { name: "g", gid: 4 }]], fails: true },
  {
    name: "another gid, and the users that have it",
    before: "groupadd g; useradd -M -g g ann",
    tools: [["groupmod", "-g", "2345", "g"]],
    tasks: [[group, { name: "g", gid: 2345 }]],
  },
  {
    name: "a group removed",
    before: "groupadd g; usermod -a -G g games",
    tools: [["groupdel", "g"]],
    tasks: [[group, { name: "g", state: "absent" }]],
  },
  {
    name: "a primary group is not removed",
    before: "useradd -M ann",
    tools: [["groupdel", "ann"]],
    tasks: [[group, { name: "ann", state: "absent" }]],
    fails: true,
  },
];

describe("users and groups beside the tree's own tools", function () {
  this.timeout(300_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "chroot"] });
  });
  const scope = testScope();
  for (const one of cases) it(`${one.name}, as planned`, () => compare(scope, one, plan));
});

describe("users and groups by crun on a tree, beside the tree's own tools", function () {
  this.timeout(300_000);
  before(function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "chroot"], paths: [crunPath] });
  });
  const scope = testScope();
  for (const one of cases) it(one.name, () => compare(scope, one, (tree) => play(scope, tree, one)));
});

/** How to look at a tree after the tasks, and whether any of them failed. */
interface Done {
  readonly hasFailed: boolean;
  readonly isReal: boolean;
  look(probe: Probe): Observation;
}

/** The tasks planned against the tree as it is: the model tells what would be. */
function plan(tree: string, one: Case): Promise<Done> {
  const model = new Model();
  const refusals = one.tasks.map(([module, params]) => runOnDisk(tree, model, module, params).refusal?.message);
  const hasFailed = refusals.some((refusal) => refusal !== undefined);
  return Promise.resolve({ hasFailed, isReal: false, look: (probe) => answer(tree, model, probe) });
}

/** The tasks carried out; a second run must change nothing. */
async function play(scope: Scope, tree: string, one: Case): Promise<Done> {
  const tasks = one.tasks.map(([module, params]) => ({ [module.name]: params }));
  const first = await runTasks(scope, tree, tasks);
  const hasFailed = first.some(({ status }) => status === "failed");
  if (!hasFailed) {
    assertStates(
      first,
      tasks.map(() => "changed"),
    );
    assertStates(
      await runTasks(scope, tree, tasks),
      tasks.map(() => "ok"),
    );
  }
  return { hasFailed, isReal: true, look: (probe) => observeDisk(tree, probe) };
}

async function compare(scope: Scope, one: Case, carryOut: (tree: string, one: Case) => Promise<Done>): Promise<void> {
  const pristine = await debianTree();
  const [theirs, ours] = [await overlayTree(scope, pristine), await overlayTree(scope, pristine)];
  for (const tree of [theirs, ours]) if (one.before) await must(inside(tree, ["/bin/sh", "-ec", one.before]));
  let hasFailed = false;
  for (const argv of one.tools) hasFailed ||= (await run(inside(theirs, argv))).status !== 0;
  const done = await carryOut(ours, one);
  assert.equal(hasFailed, one.fails === true, "the tools");
  assert.equal(done.hasFailed, hasFailed);
  if (hasFailed) return;
  const compared = one.hasOtherBackups ? files.filter((path) => !path.endsWith("-")) : files;
  for (const path of compared) {
    const there = existsSync(theirs + path) ? readFileSync(theirs + path, "latin1") : undefined;
    const seen = done.look({ kind: "read", path });
    const here = seen.kind === "read" && seen.content ? Buffer.from(seen.content).toString("latin1") : undefined;
    assert.equal(here, there, path);
    const probe = { kind: "read", path } as const;
    assert.deepEqual(rightsOf(seen), rightsOf(observeDisk(theirs, probe)), `owner and mode of ${path}`);
  }
  for (const path of [...(one.trees ?? []), ...(done.isReal ? (one.realTrees ?? []) : [])]) {
    const probe = { kind: "list", path, depth: 0 } as const;
    assert.deepEqual(
      listingOf(done.look(probe), done.isReal),
      listingOf(observeDisk(theirs, probe), done.isReal),
      path,
    );
  }
}

/** In the tree with /proc, without which useradd copies no directories. */
function inside(tree: string, argv: readonly string[]): string[] {
  const script = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"';
  return ["unshare", "--mount", "/bin/sh", "-c", script, tree, ...argv];
}

function rightsOf(seen: Observation): unknown {
  return seen.kind === "read" && seen.stat ? [seen.stat.uid, seen.stat.gid, seen.stat.mode.toString(8)] : undefined;
}

/** Names, types, owners, modes and targets; `isExact`: of files also size and time, which a model only knows of what it was told. */
function listingOf(seen: Observation, isExact: boolean): unknown {
  const entries = seen.kind === "list" ? (seen satisfies ListObservation).entries : assert.fail();
  return entries.map(({ name, stat }) => {
    const { type, uid, gid, mode, target, size, mtime } = stat;
    const more = isExact && type === "file" && size > 0 ? [size, mtime.seconds] : [];
    return [name, type, uid, gid, type === "link" ? "" : mode.toString(8), target, ...more];
  });
}
