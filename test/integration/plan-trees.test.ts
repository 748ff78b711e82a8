// Saved plans on real trees: they do what the play does, refuse what moved, and survive being killed.

import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeDifferences, diffTrees, hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { sshHost } from "../lab/sshd.js";
import { must } from "../lab/process.js";
import { debianTree, emptyTree, overlayTree, rootOverlay } from "../lab/trees.js";
import { brief, readEvents, Workplace, type Ran, type Told } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { makeArchive } from "./local-archive.js";

/** Every kind of change that a file can have, accounts, a handler, commands at the end. */
const site = `
- hosts: all
  vars: { port: 8080 }
  tasks:
    - group: { name: staff2, gid: 4000 }
    - user: { name: deploy, uid: 4001, group: staff2, create_home: false, password: "$6$salt$abcdefgh" }
    - file: { path: /srv/app/conf.d, state: directory, owner: deploy, group: staff2, mode: "0750" }
    - copy: { dest: /srv/app/motd, content: "port {{port}}\\n", owner: deploy }
      notify: note
    - template: { src: app.conf, dest: /srv/app/conf.d/app.conf, mode: "0640" }
    - copy: { src: tree/, dest: /srv/app/tree/ }
    - lineinfile: { path: /srv/old/lines, regexp: "^b", line: B }
    - blockinfile: { path: /srv/old/lines, block: "in the block" }
    - file: { path: /srv/old/link, src: /srv/app/motd, state: link }
    - file: { path: /srv/app/hard, src: /srv/app/motd, state: hard }
    - file: { path: /srv/old/gone, state: absent }
    - file: { path: /srv/old/mode, mode: "0600", owner: "1", group: "2" }
    - copy: { dest: /srv/old/kept, content: "new\\n", backup: true }
    - stat: { path: /srv/old/flag }
      register: flag
    - copy: { dest: /srv/flagged, content: "yes\\n" }
      when: flag.stat.exists
  handlers:
    - name: note
      copy: { dest: /srv/app/noted, content: "noted\\n" }
- hosts: all
  tasks:
    - copy: { dest: /srv/app/second, content: "second play\\n" }
    - shell: "echo $WORD >> /srv/app/said; cat >> /srv/app/said"
      args: { stdin: "input", creates: /srv/app/said }
      environment: { WORD: spoken }
`;

const files = {
  "site.yml": site,
  "templates/app.conf": "listen {{port}}\n",
  "files/tree/a": "a\n",
  "files/tree/sub/b": "b\n",
};

function furnish(tree: string): void {
  mkdirSync(join(tree, "srv/old/gone/deep"), { recursive: true });
  writeFileSync(join(tree, "srv/old/gone/deep/file"), "x");
  writeFileSync(join(tree, "srv/old/lines"), "a\nb\nc\n");
  writeFileSync(join(tree, "srv/old/mode"), "mode\n", { mode: 0o644 });
  writeFileSync(join(tree, "srv/old/kept"), "old\n");
  writeFileSync(join(tree, "srv/old/flag"), "");
}

function changedOf(told: Told): number {
  return Object.values(told.recap).reduce((sum, one) => sum + one.changed, 0);
}

describe("saved plans on real trees", function () {
  this.timeout(180_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();

  async function told(work: Workplace, args: readonly string[]): Promise<Told> {
    const ran = await work.crun([args[0] ?? "", "--output", "json", ...args.slice(1)]);
    return { ...ran, ...readEvents(ran.stdout) };
  }

  it("leave a tree byte for byte as the play leaves it, and nothing for the play to do", async () => {
    const [one, other] = [await rootOverlay(scope), await rootOverlay(scope)];
    for (const tree of [one, other]) furnish(tree);
    const work = new Workplace(scope, files);
    const before = await hashed(one);
    const plan = await told(work, ["plan", "-o", "p", "-i", `local:${one},`, "site.yml"]);
    assert.equal(plan.status, 0, brief(plan));
    assert.deepEqual(await hashed(one), before, "planning changes nothing");
    assert.equal(statSync(join(work.directory, "p")).mode & 0o777, 0o600);
    const shown = await work.crun(["show", "p"]);
    assert.match(shown.stdout, /make the directory \/srv\/app\/conf\.d, mode 0750, user 4001, group 4000/);
    assert.match(shown.stdout, /\+listen 8080/);
    assert.match(shown.stdout, /note \[handler\]/);
    assert.doesNotMatch(shown.stdout, /abcdefgh/, "a password's hash is secret");
    const done = await told(work, ["apply", "p"]);
    assert.equal(done.status, 0, brief(done));
    const played = await told(work, ["play", "-i", `local:${other},`, "site.yml"]);
    assert.equal(played.status, 0, brief(played));
    assert.equal(changedOf(done), changedOf(played), "as many tasks change");
    // Times, and the names of backups, tell when it was done.
    for (const part of ["srv", "etc"]) {
      const ignore = ["/old/kept.*"];
      const differences = await diffTrees(join(one, part), join(other, part), { ignore, without: ["mtime"] });
      assert.deepEqual(differences, [], describeDifferences(differences));
    }
    assert.equal(backupsIn(one).length, 1);
    assert.equal(readFileSync(join(one, "srv/app/said"), "utf8"), "spoken\ninput\n");
    const again = await told(work, ["play", "-i", `local:${one},`, "site.yml"]);
    assert.equal(changedOf(again), 0, brief(again));
    const twice = await told(work, ["apply", "p"]);
    assert.equal(twice.status, 2, brief(twice));
    assert.match(brief(twice), /this plan was applied already: the tree is as the plan leaves it/);
  });

  const moves: readonly (readonly [string, (tree: string) => void, RegExp])[] = [
    [
      "content",
      (tree) => writeFileSync(join(tree, "srv/old/lines"), "evil\n"),
      /\/srv\/old\/lines: its content is another: sha256 \w{12}, it was \w{12}; last written 20/,
    ],
    [
      "content of the same size and time",
      (tree) => writeFileSync(join(tree, "srv/old/lines"), "a\nb\nd\n"),
      /\/srv\/old\/lines: its content is another/,
    ],
    ["mode", (tree) => chmodSync(join(tree, "srv/old/mode"), 0o640), /\/srv\/old\/mode: its mode is 0640, it was 0644/],
    ["owner", (tree) => chownSync(join(tree, "srv/old/mode"), 7, 8), /\/srv\/old\/mode: its owner is 7:8, it was 0:0/],
    [
      "type",
      (tree) => {
        unlinkSync(join(tree, "srv/old/kept"));
        mkdirSync(join(tree, "srv/old/kept"));
      },
      /\/srv\/old\/kept: it is a directory \(0755, 0:0\), it was a file \(0644, 0:0, sha256 \w{12}\)/,
    ],
    [
      "a file that is a link now",
      (tree) => {
        renameSync(join(tree, "srv/old/kept"), join(tree, "srv/kept"));
        symlinkSync("/srv/kept", join(tree, "srv/old/kept"));
      },
      /\/srv\/old\/kept: (it is a link|it leads to \/srv\/kept)/,
    ],
    ["removal", (tree) => unlinkSync(join(tree, "srv/old/lines")), /\/srv\/old\/lines: it is gone, it was a file/],
    [
      "something in the way",
      (tree) => mkdirSync(join(tree, "srv/app")),
      /\/srv\/app: it is a directory \(0755, 0:0\), nothing was there/,
    ],
    ["a link in the way", (tree) => symlinkSync("/etc", join(tree, "srv/app")), /\/srv\/app: it is a (link|directory)/],
    [
      "a parent that is a link now",
      (tree) => {
        renameSync(join(tree, "srv/old"), join(tree, "srv/elsewhere"));
        symlinkSync("elsewhere", join(tree, "srv/old"));
      },
      /\/srv\/old\/lines: it leads to \/srv\/elsewhere\/lines, it led to \/srv\/old\/lines/,
    ],
    [
      "a hard link instead",
      (tree) => {
        writeFileSync(join(tree, "srv/x"), "other\n");
        unlinkSync(join(tree, "srv/old/kept"));
        linkSync(join(tree, "srv/x"), join(tree, "srv/old/kept"));
      },
      /\/srv\/old\/kept: its content is another/,
    ],
    [
      "something new in a directory that is to be removed",
      (tree) => writeFileSync(join(tree, "srv/old/gone/deep/more"), "precious"),
      /\/srv\/old\/gone: what is beneath is not the same; new: deep\/more/,
    ],
    [
      "what a registered result was seen from",
      (tree) => unlinkSync(join(tree, "srv/old/flag")),
      /\/srv\/old\/flag: it is gone/,
    ],
    [
      "what a command would create",
      (tree) => {
        mkdirSync(join(tree, "srv/app"));
        writeFileSync(join(tree, "srv/app/said"), "");
      },
      /\/srv\/app\/said: what is beneath is not the same; new: \/srv\/app\/said/,
    ],
    [
      "an account",
      (tree) =>
        writeFileSync(
          join(tree, "etc/passwd"),
          `${readFileSync(join(tree, "etc/passwd"), "utf8")}more:x:50:50::/:/bin/sh\n`,
        ),
      /\/etc\/passwd: its content is another/,
    ],
  ];

  it("refuse a tree that moved, whatever moved, and leave it as it is; the other goes on", async () => {
    const work = new Workplace(scope, files);
    for (const [what, move, expected] of moves) {
      const [moved, still] = [emptyTree(scope), emptyTree(scope)];
      for (const tree of [moved, still]) furnish(tree);
      const plan = await told(work, ["plan", "-o", "p", "-i", `local:${moved},local:${still},`, "site.yml"]);
      assert.equal(plan.status, 0, brief(plan));
      move(moved);
      const before = await hashTree(moved);
      const done = await told(work, ["apply", "p"]);
      assert.equal(await hashTree(moved), before, `${what}: nothing was changed there`);
      const refusal = done.results.find((one) => one.target === `local:${moved}`);
      assert.equal(refusal?.task, "refused", `${what}: ${brief(done)}`);
      assert.match(refusal.message ?? "", /^the tree is not as it was when the plan was made\n/, what);
      assert.match(refusal.message ?? "", expected, what);
      assert.ok(existsSync(join(still, "srv/app/noted")), `${what}: the other target goes on`);
    }
  });

  it("are applied in part when crun is killed, are refused then, and a new plan holds the rest", async () => {
    const tree = await rootOverlay(scope);
    furnish(tree);
    const loop = Array.from({ length: 60 }, (_, index) => index).join(", ");
    const work = new Workplace(scope, {
      "site.yml": `- hosts: all\n  tasks:\n    - copy: { src: big, dest: "/srv/f{{item}}" }\n      loop: [${loop}]\n    - shell: "sleep 1; touch /srv/done"\n      args: { creates: /srv/done }\n`,
      "files/big": "new\n".repeat(50_000),
    });
    const inventory = ["-i", `local:${tree},`];
    let hits = 0;
    for (let round = 0; round < 6; round++) {
      const plan = await work.crun(["plan", "-o", "p", ...inventory, "site.yml"]);
      assert.equal(plan.status, 0, plan.all);
      if (/nothing to change/.test(plan.all)) break;
      const started = work.start(["apply", "p"]);
      await sleep(150 + Math.random() * 350);
      started.kill("SIGKILL");
      const { signal } = await started.ended;
      if (signal === "SIGKILL") hits++;
      for (const name of readdirSync(join(tree, "srv")).filter((one) => /^f\d+$/.test(one)))
        assert.equal(readFileSync(join(tree, "srv", name), "utf8").length, 200_000, "whole files alone");
    }
    assert.ok(hits > 0, "no run was hit");
    const plan = await work.crun(["plan", "-o", "p", ...inventory, "site.yml"]);
    assert.equal(plan.status, 0, plan.all);
    if (!/nothing to change/.test(plan.all)) {
      const rest = await work.crun(["apply", "p"]);
      assert.equal(rest.status, 0, rest.all);
    }
    const again = await told(work, ["play", ...inventory, "site.yml"]);
    assert.equal(changedOf(again), 0, brief(again));
  });

  it("tell a plan that was applied in part from one that moved", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml":
        '- hosts: all\n  tasks:\n    - copy: { dest: /one, content: "1" }\n    - copy: { dest: /two, content: "2" }\n',
    });
    await work.crun(["plan", "-o", "p", "-i", `local:${tree},`, "site.yml"]);
    writeFileSync(join(tree, "one"), "1");
    const done = await work.crun(["apply", "p"]);
    assert.equal(done.status, 2);
    assert.match(
      done.all,
      /Some of it is as the plan leaves it: it was applied in part\. Nothing was changed now\. Plan again for the rest\./,
    );
    assert.ok(!existsSync(join(tree, "two")));
  });

  it("work over ssh, and store nothing of how hosts are reached", async () => {
    const host = await sshHost(scope, { hostname: "far", users: [{ name: "deploy", sudo: "nopasswd" }] });
    const tree = emptyTree(scope);
    furnish(tree);
    const work = new Workplace(scope, files);
    work.write("hosts", `far crun_path=${tree}\n`);
    const reach = {
      crun_host: host.host,
      crun_port: host.port,
      crun_user: "deploy",
      crun_identity: host.identityFile,
      crun_known_hosts: host.knownHostsFile,
    };
    const crun = (...args: string[]): Promise<Ran> => work.crun([...args, "-e", JSON.stringify(reach)]);
    const plan = await crun("plan", "-o", "p", "-i", "hosts", "site.yml");
    assert.equal(plan.status, 0, plan.all);
    const text = readFileSync(join(work.directory, "p"), "utf8");
    for (const [name, value] of Object.entries(reach)) {
      if (name === "crun_user") continue; // the site has a user of that name
      assert.ok(!text.includes(name) && !text.includes(String(value)), name);
    }
    // There is no shell in the tree: the command fails there, as in a run.
    const done = await crun("apply", "-i", "hosts", "p");
    assert.equal(done.status, 2, done.all);
    assert.match(done.all, /failed +far +shell/);
    assert.equal(readFileSync(join(tree, "srv/app/second"), "utf8"), "second play\n");
    assert.equal(lstatSync(join(tree, "srv/app/hard")).ino, lstatSync(join(tree, "srv/app/motd")).ino);
  });

  it("are refused before any connection where they cannot be applied as they are", async () => {
    const [tree, other] = [emptyTree(scope), emptyTree(scope)];
    const work = new Workplace(scope, {
      hosts: `web crun_path=${tree} crun_connection=local\ndb crun_path=${other} crun_connection=local\n`,
      "site.yml": '- hosts: all\n  tasks:\n    - copy: { dest: /one, content: "1" }\n',
      "open.yml":
        '- hosts: all\n  tasks:\n    - copy: { dest: /one, content: "1" }\n    - command: x\n      register: r\n    - copy: { dest: /two, content: "{{r.stdout}}" }\n      name: two\n',
      moved: `web crun_path=${other} crun_connection=local\ndb crun_path=${other} crun_connection=local\n`,
      fewer: `db crun_path=${other} crun_connection=local\nwebb crun_path=${other} crun_connection=local\n`,
    });
    const plan = await work.crun(["plan", "-o", "p", "-i", "hosts", "site.yml"]);
    assert.equal(plan.status, 0, plan.all);
    assert.match(plan.stderr, /plan: 2 changes on 2 targets; saved in p: crun show p, crun apply p/);
    const open = await work.crun(["plan", "-o", "open", "-i", "hosts", "-l", "web", "open.yml"]);
    assert.equal(open.status, 3, open.all);
    assert.match(open.all, /the plan of web ends before “two”: r\.stdout is known only after a real run/);
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [
        ["apply", "-i", "moved", "p"],
        /web lies at web:\S+ now; the plan was made for web:\S+\n  Plan again, or correct the inventory\./,
      ],
      [
        ["apply", "-i", "fewer", "p"],
        /the plan is for web, which the inventory does not have\n  Did you mean "webb"\?/,
      ],
      [["apply", "-l", "nobody", "p"], /nobody/],
      [
        ["apply", "open"],
        /the plan open does not go to the end for a target; nothing was done\n  web: ends before “two”: r\.stdout is known only after a real run\n  crun apply --partial does what is planned; -l keeps to other targets\./,
      ],
      [
        ["apply", "site.yml"],
        /the plan site\.yml is no plan of crun\n  Name the file that crun plan -o wrote; a playbook is run by crun play\./,
      ],
      [["apply", "none"], /the plan none does not exist\n  Make it with: crun plan -o FILE PLAYBOOK/],
      [["show", "site.yml"], /the plan site\.yml is no plan of crun/],
      [
        ["plan", "-o", "no/such/p", "-i", "hosts", "site.yml"],
        /the plan cannot be written to no\/such\/p: there is no such directory\n {2}Name another place/m,
      ],
      [
        ["plan", "-o", ".", "-i", "hosts", "site.yml"],
        /the plan cannot be written to \.: something else than a file is there/,
      ],
      [["plan", "-o", "q", "-i", "hosts", "missing.yml"], /missing\.yml/],
    ];
    for (const [args, expected] of cases) {
      const ran = await work.crun(args);
      assert.equal(ran.status, 1, `${args.join(" ")}: ${ran.all}`);
      assert.match(ran.stderr, expected, args.join(" "));
    }
    assert.ok(!existsSync(join(tree, "one")) && !existsSync(join(other, "one")), "nothing was done");
    assert.ok(!existsSync(join(work.directory, "q")));
    assert.deepEqual(
      readdirSync(work.directory).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  it("that end early are applied with --partial, which says what is left and exits with 3", async () => {
    const tree = await rootOverlay(scope);
    const work = new Workplace(scope, {
      "site.yml":
        '- hosts: all\n  tasks:\n    - copy: { dest: /srv/one, content: "1" }\n    - command: echo said\n      register: r\n    - copy: { dest: /srv/two, content: "{{r.stdout}}" }\n      name: two\n',
    });
    await work.crun(["plan", "-o", "p", "-i", `local:${tree},`, "site.yml"]);
    const done = await work.crun(["apply", "--partial", "p"]);
    assert.equal(done.status, 3, done.all);
    assert.match(
      done.all,
      /warning: the plan of local:\S+ ends before “two”: r\.stdout is known only after a real run/,
    );
    assert.ok(existsSync(join(tree, "srv/one")) && !existsSync(join(tree, "srv/two")));
  });

  it("are shown as JSON, whole and without a secret", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml":
        '- hosts: all\n  tasks:\n    - user: { name: joe, password: "$6$swordfish" }\n    - copy: { dest: /hush, content: hushhush }\n      no_log: true\n    - command: "tell $6$swordfish"\n',
    });
    writeFileSync(join(tree, "etc/shadow"), "root:*:1::::::\n", { mode: 0o600 });
    writeFileSync(join(tree, "etc/gshadow"), "root:*::\n", { mode: 0o600 });
    const plan = await work.crun(["plan", "-D", "-o", "p", "-i", `local:${tree},`, "site.yml"]);
    assert.equal(plan.status, 0, plan.all);
    const text = await work.crun(["show", "p"]);
    const json = await work.crun(["show", "--output", "json", "p"]);
    for (const { all } of [plan, text, json]) {
      assert.doesNotMatch(all, /swordfish|hushhush/);
    }
    const lines = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map((line) => line["event"]),
      ["plan", "step", "step", "step", "planned"],
    );
    assert.deepEqual(lines.at(-1)?.["targets"], { [`local:${tree}`]: { changes: changesIn(lines), kind: "complete" } });
  });

  it("are encrypted for keys or with a password, and opened by whoever has them alone", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml": '- hosts: all\n  tasks:\n    - copy: { dest: /one, content: "hushhush" }\n',
      password: "open sesame\n",
    });
    const inventory = ["-i", `local:${tree},`];
    const made = await work.crun(["vault", "keygen", "-o", "key"]);
    assert.equal(made.status, 0, made.all);
    const recipient = /age1\w+/.exec(made.all)?.[0] ?? "";
    const files: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["for-key", ["-r", recipient], ["--identity", "key"]],
      ["own-key", ["--encrypt", "--identity", "key"], ["--identity", "key"]],
      ["by-word", ["--encrypt", "--vault-password-file", "password"], ["--vault-password-file", "password"]],
    ];
    for (const [file, sealing, opening] of files) {
      const plan = await work.crun(["plan", "-o", file, ...sealing, ...inventory, "site.yml"]);
      assert.equal(plan.status, 0, plan.all);
      const text = readFileSync(join(work.directory, file), "latin1");
      assert.ok(!text.includes("/one") && !text.includes("crun-plan"), text.slice(0, 100));
      const closed = await work.crun(["show", file]);
      assert.equal(closed.status, 1);
      assert.match(closed.stderr, /the plan is encrypted/);
      const shown = await work.crun(["show", file, ...opening]);
      assert.match(shown.stdout, /write \/one: 8 bytes/, shown.all);
    }
    const unclear = await work.crun(["plan", "-o", "none", "--encrypt", ...inventory, "site.yml"]);
    assert.equal(unclear.status, 1);
    assert.match(unclear.stderr, /no key to encrypt with was given/);
    const refused = await work.crun(["apply", "for-key"]);
    assert.equal(refused.status, 1, refused.all);
    const done = await work.crun(["apply", "for-key", "--identity", "key"]);
    assert.equal(done.status, 0, done.all);
    assert.equal(readFileSync(join(tree, "one"), "utf8"), "hushhush");
  });

  it("bring a Debian tree in rounds to what the play makes of it: each goes as far as is known", async function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "dpkg-deb"], paths: [crunPath] });
    const base = await overlayTree(scope, await debianTree());
    const unit = "[Service]\nExecStart=/usr/bin/demo\n[Install]\nWantedBy=multi-user.target\n";
    const files = {
      "usr/bin/demo": "#!/bin/sh\n",
      "lib/systemd/system/demo.service": unit,
      "etc/demo.conf": "# demo\n",
    };
    await makeArchive(scope, base, [{ name: "demo", version: "1.0", files }]);
    await must(["chroot", base, "apt-get", "update", "-q"]);
    const [one, other] = [await overlayTree(scope, base), await overlayTree(scope, base)];
    const work = new Workplace(scope, {
      "site.yml": `
- hosts: all
  tasks:
    - apt: { name: demo }
    - user: { name: demo, system: true }
    - lineinfile: { path: /etc/demo.conf, line: "user demo" }
      notify: check it
    - service: { name: demo, enabled: true }
    - command: cat /etc/demo.conf
      register: conf
      changed_when: false
    - copy: { dest: /etc/demo.copy, content: "{{conf.stdout}}\\n" }
  handlers:
    - name: check it
      command: demo --check
`,
    });
    const inventory = ["-i", `local:${one},`];
    const rounds: number[] = [];
    for (;;) {
      assert.ok(rounds.length < 6, `too many rounds: ${rounds.join(" ")}`);
      const plan = await work.crun(["plan", "-o", "p", ...inventory, "site.yml"]);
      assert.ok(plan.status === 0 || plan.status === 3, plan.all);
      // The last command is run each time; what is left behind it is known once it would change nothing.
      const done = await work.crun(["apply", "--partial", "p"]);
      assert.equal(done.status, plan.status, done.all);
      rounds.push(plan.status);
      const left = await told(work, ["play", "-C", ...inventory, "site.yml"]);
      if (left.results.every(({ status, task }) => status !== "changed" || task === "copy")) break;
    }
    assert.ok(rounds.length > 1, "apt's effect is not known before it has run");
    const [mine, played] = [
      await told(work, ["play", ...inventory, "site.yml"]),
      await told(work, ["play", "-i", `local:${other},`, "site.yml"]),
    ];
    assert.equal(mine.status, 0, brief(mine));
    assert.equal(played.status, 0, brief(played));
    const ignore = ["/shadow*", "/passwd*", "/group*", "/gshadow*", "/.pwd.lock"];
    const differences = await diffTrees(join(one, "etc"), join(other, "etc"), { ignore, without: ["mtime"] });
    assert.deepEqual(differences, [], describeDifferences(differences));
  });

  it("heed Ctrl-C: what runs comes to its end, nothing more is begun", async () => {
    const tree = await rootOverlay(scope);
    const work = new Workplace(scope, {
      "site.yml":
        '- hosts: all\n  tasks:\n    - shell: "touch /srv/begun; sleep 1; touch /srv/ended"\n    - shell: touch /srv/more\n',
    });
    await work.crun(["plan", "-o", "p", "-i", `local:${tree},`, "site.yml"]);
    const started = work.start(["apply", "p"]);
    for (let tries = 0; tries < 500 && !existsSync(join(tree, "srv/begun")); tries++) await sleep(20);
    started.kill("SIGINT");
    const { status, all } = await started.ended;
    assert.equal(status, 130, all);
    assert.ok(existsSync(join(tree, "srv/ended")) && !existsSync(join(tree, "srv/more")), all);
  });

  /** Nothing else of the machine's tree is a plan's business; /tmp holds the tree itself. */
  async function hashed(tree: string): Promise<readonly string[]> {
    return [await hashTree(join(tree, "srv")), await hashTree(join(tree, "etc"))];
  }

  /** What a backup is called tells when it was made. */
  function backupsIn(tree: string): string[] {
    return readdirSync(join(tree, "srv/old")).filter((name) => name.startsWith("kept."));
  }
});

function changesIn(lines: readonly Record<string, unknown>[]): number {
  return lines.reduce((sum, { changes }) => sum + (Array.isArray(changes) ? changes.length : 0), 0);
}
