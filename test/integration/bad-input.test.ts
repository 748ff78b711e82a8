// The "Bad input", row by row, as a user meets it: one clear error with the place and the remedy, nothing changed, no stack.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { emptyTree, rootOverlay } from "../lab/trees.js";
import { Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

/** A mistake that is known before anything is connected to. Its play would first change the tree. */
interface Mistake {
  readonly what: string;
  /** The task with the mistake, beneath one that is right. */
  readonly task?: string;
  /** Or the whole playbook, or the inventory. */
  readonly playbook?: string;
  readonly inventory?: string;
  readonly args?: readonly string[];
  /** The place as it is shown, if it is in a file. */
  readonly place?: string;
  readonly says: readonly RegExp[];
}

const mistakes: readonly Mistake[] = [
  {
    what: "an unknown module",
    task: "- coppy: { src: motd, dest: /etc/motd }",
    place: "site.yml:4:7",
    says: [/there is no module "coppy"/, /Did you mean "copy"\?/, /^ +4 \| .*coppy/m],
  },
  {
    what: "an unknown parameter",
    task: "- file: { path: /etc/x, stat: touch }",
    place: "site.yml:4:",
    says: [/file has no parameter "stat"/, /Did you mean "state"\?/],
  },
  {
    what: "a parameter that is missing",
    task: "- file: { state: touch }",
    place: "site.yml:4:",
    says: [/path/],
  },
  {
    what: "a value of the wrong type",
    task: "- user: { name: www, uid: many }",
    place: "site.yml:4:",
    says: [/uid must be .*number, not "many"/],
  },
  {
    what: "a word that is none of the choices",
    task: "- file: { path: /etc/x, state: directry }",
    place: "site.yml:4:",
    says: [/Did you mean "directory"\?/],
  },
  {
    what: "a path that cannot be one",
    task: '- copy: { content: x, dest: "/etc/a\\0b" }',
    place: "site.yml:4:",
    says: [/dest holds a NUL/],
  },
  {
    what: "bad YAML",
    task: "- file: { path: /etc/x, state: touch",
    place: "site.yml:",
    says: [/this is not YAML/],
  },
  {
    what: "a tab in YAML",
    task: "\t- debug: { msg: x }",
    place: "site.yml:4:1",
    says: [/tab/],
  },
  {
    what: "an undefined variable",
    task: '- copy: { content: "{{greting}}", dest: /etc/motd }\n      vars: { greeting: hello }',
    place: "site.yml:4:",
    says: [/the variable "greting" is not defined anywhere/, /Did you mean "greeting"\?/],
  },
  {
    what: "an undefined variable in a template file, at its own line",
    task: "- template: { src: broken.conf, dest: /etc/broken.conf }",
    place: "broken.conf:2:",
    says: [/"nowhere" is not defined/],
  },
  {
    what: "a file that is not there",
    task: "- copy: { src: mot, dest: /etc/motd }",
    place: "site.yml:4:",
    says: [/there is no file "mot" on the controller/, /Did you mean "motd"\?/],
  },
  {
    what: "a playbook that is not there",
    args: ["sit.yml"],
    says: [/sit\.yml/, /Did you mean .*site\.yml/],
  },
  {
    what: "a playbook that is a directory",
    args: ["files"],
    says: [/"files" is a directory, no playbook/, /Name a file in it/],
  },
  {
    what: "an inventory that is not there",
    args: ["-i", "host", "site.yml"],
    says: [/there is no inventory .*host/],
  },
  {
    what: "a host that the inventory does not know",
    playbook: "- hosts: wbe\n  tasks:\n    - file: { path: /etc/x, state: touch }\n",
    place: "site.yml:1:",
    says: [/"wbe"/, /Did you mean "web"\?/],
  },
  {
    what: "a limit that matches nothing",
    args: ["-l", "wbe", "site.yml"],
    says: [/wbe/, /Did you mean "web"\?/],
  },
  {
    what: "a tag that no task has",
    args: ["-t", "confg", "site.yml"],
    says: [/confg/],
  },
  {
    what: "a handler that does not exist",
    task: "- file: { path: /etc/x, state: touch }\n      notify: reload",
    place: "site.yml:",
    says: [/reload/],
  },
  {
    what: "a condition that is none",
    task: "- file: { path: /etc/x, state: touch }\n      when: inventory_hostname = 'x'",
    place: "site.yml:5:",
    says: [/==/],
  },
  {
    what: "an option that does not exist",
    args: ["--chek", "site.yml"],
    says: [/unknown option '--chek'/, /--check/],
  },
  {
    what: "no forks at all",
    args: ["-f", "0", "site.yml"],
    says: [/It must be at least 1/],
  },
  {
    what: "a section of the inventory without its bracket",
    inventory: "[web\nTREE\n",
    place: "hosts:1:1",
    says: [/a section without its closing bracket/, /\[NAME\]/],
  },
  {
    what: "a port that is none",
    args: ["-e", "crun_port=ssh", "site.yml"],
    says: [/crun_port must be a port \(1 to 65535\), not "ssh"/],
  },
  {
    what: "a connection variable in an inventory that makes no sense",
    inventory: "[web]\nweb1 crun_host=local crun_path=trees/web1\n",
    place: "hosts:2:22",
    says: [/web1: crun_path must be an absolute path, not "trees\/web1"/],
  },
  {
    what: "a connection variable of a group that makes no sense",
    inventory: "[web]\nlocal:TREE\n[web:vars]\ncrun_become=maybe\n",
    place: "hosts:4:1",
    says: [/local: crun_become must be true or false, not "maybe"/],
  },
  {
    what: "an id that is none",
    task: "- user: { name: www, uid: -4 }",
    place: "site.yml:4:",
    says: [/uid must be from 0 to 4294967294, not -4/],
  },
  {
    what: "an environment that is a list of words",
    task: "- command: id\n      environment: [PATH]",
    place: "site.yml:5:20",
    says: [/environment must be a map of names and values/, /Write a line NAME: value for each/],
  },
  {
    what: "a variable for a loop's items that is a list",
    task: "- command: id\n      loop: [1]\n      loop_control: { loop_var: [x] }",
    place: "site.yml:6:",
    says: [/loop_var takes the name of a variable/],
  },
  {
    what: "a playbook that is no text",
    playbook: "\u0001\u0002",
    place: "site.yml:1:1",
    says: [/Is it a text file\?/],
  },
  {
    what: "a file of limits that is not there",
    args: ["-l", "@nowhere", "site.yml"],
    says: [/--limit @nowhere: the file cannot be read: there is no such file/, /Is the path right\?/],
  },
  {
    what: "a connection variable that makes no sense",
    args: ["-e", "crun_entry=chrot", "site.yml"],
    says: [/crun_entry must be one of/, /Did you mean "chroot"\?/],
  },
];

describe("bad input that can be known before the first connection", function () {
  this.timeout(60_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();
  let tree: string;
  let work: Workplace;
  let untouched: string;

  before(async () => {
    tree = emptyTree(scope);
    untouched = await hashTree(tree);
  });
  beforeEach(() => {
    work = new Workplace(scope, {
      hosts: `[web]\nlocal:${tree}\n`,
      "site.yml": "- hosts: web\n  tasks:\n    - file: { path: /etc/first, state: touch }\n      tags: config\n",
      "files/motd": "Welcome\n",
      "templates/broken.conf": "a=1\nb={{nowhere}}\n",
    });
  });

  for (const { what, task, playbook, inventory, args = ["site.yml"], place, says } of mistakes) {
    it(`${what}: status 1, the place, the remedy, and nothing changed`, async () => {
      if (task !== undefined)
        work.write(
          "site.yml",
          `- hosts: web\n  tasks:\n    - file: { path: /etc/first, state: touch }\n${task.startsWith("\t") ? "" : "    "}${task}\n`,
        );
      if (playbook !== undefined) work.write("site.yml", playbook);
      if (inventory !== undefined) work.write("hosts", inventory);
      const { status, stdout, stderr } = await work.crun(["play", ...args]);
      assert.equal(status, 1, stdout + stderr);
      assert.match(stderr, /^error: /m);
      if (place !== undefined) assert.ok(stderr.includes(`at ${place}`) || stderr.includes(`/${place}`), stderr);
      for (const pattern of says) assert.match(stderr, pattern);
      assert.equal(stdout, "");
      assert.equal(await hashTree(tree), untouched);
    });
  }

  it("several mistakes are told in one go", async () => {
    work.write(
      "site.yml",
      "- hosts: web\n  tasks:\n    - coppy: { dest: /a }\n    - file: { path: /b, stat: touch }\n    - debug: { msg: '{{nowhere}}' }\n",
    );
    const { status, stderr } = await work.crun(["play", "site.yml"]);
    assert.equal(status, 1);
    assert.deepEqual([...stderr.matchAll(/^error: /gm)].length, 3, stderr);
  });

  it("a connection variable among a play's own, where it says nothing: a warning with its place", async () => {
    work.write("site.yml", "- hosts: web\n  vars: { ansible_port: 22 }\n  tasks:\n    - debug: { msg: x }\n");
    const { status, stderr } = await work.crun(["play", "site.yml"]);
    assert.equal(status, 0, stderr);
    assert.match(
      stderr,
      /^warning: ansible_port among the variables of a play says nothing about how[^]*site\.yml:2:11\n.*inventory/,
    );
  });

  it("tree clone: a new name with a host before it", async () => {
    const { status, stderr } = await work.crun(["tree", "clone", "local:base", "local:web1"]);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /"local:web1" is no name for a tree[^]*made on local: write the name alone/);
  });

  it("tree create: what the source lacks is told of the command, not of a playbook that nobody wrote", async () => {
    for (const [words, says] of [
      [["debootstrap"], /^error: crun tree create: tree\.debootstrap: the parameter suite is missing\n {2}Add suite/],
      [["debootstrap", "suite=x", "sweet=1"], /^error: crun tree create: tree\.debootstrap has no parameter "sweet"/],
    ] as const) {
      const { status, stderr } = await work.crun(["tree", "create", "local:web1", ...words]);
      assert.equal(status, 1, stderr);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /command line|gather_facts/);
    }
  });

  it("exec: a user without a name is nobody, and surely not root", async () => {
    const { status, stderr } = await work.crun(["exec", "-u", "", `local:${tree}`, "--", "true"]);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /-u: no user is named/);
  });

  it("exec: a target that nobody knows, and no command", async () => {
    const unknown = await work.crun(["exec", "-i", "hosts", "wbe", "--", "true"]);
    assert.equal(unknown.status, 1, unknown.all);
    assert.match(unknown.stderr, /wbe/);
    const nothing = await work.crun(["exec", `local:${tree}`]);
    assert.equal(nothing.status, 1, nothing.all);
    assert.match(nothing.stderr, /missing required argument 'command'/);
  });
});

describe("bad input that only a target can tell", function () {
  this.timeout(60_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();
  const first = "    - file: { path: /etc/first, state: touch }\n";

  it("no such tree: unreachable, its path is named, and the others go on", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, { "site.yml": `- hosts: all\n  tasks:\n${first}` });
    const args = ["-i", `local:/no/such/tree,local:${tree},`, "site.yml"];
    const { status, recap, all } = await work.play(args);
    assert.equal(status, 4, all);
    assert.equal(recap["local:/no/such/tree"]?.unreachable, 1);
    assert.equal(recap[`local:${tree}`]?.changed, 1);
    assert.ok(!existsSync("/no"));
    const shown = await work.crun(["play", ...args]);
    assert.equal(shown.status, 4);
    assert.match(shown.all, /\/no\/such\/tree.*(no such|does not exist|is not there)/is);
    const exec = await work.crun(["exec", "local:/no/such/tree", "--", "true"]);
    assert.equal(exec.status, 4, exec.all);
    assert.match(exec.stderr, /\/no\/such\/tree/);
  });

  it("a tree that is a file: unreachable", async () => {
    const work = new Workplace(scope, { "site.yml": `- hosts: all\n  tasks:\n${first}`, tree: "text\n" });
    const { status, all } = await work.crun(["play", "-i", `local:${work.directory}/tree,`, "site.yml"]);
    assert.equal(status, 4, all);
    assert.match(all, /not a directory/i);
  });

  it("no such owner or group: the nearest name is told, in check mode too, and the file is not made", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml": "- hosts: all\n  tasks:\n    - copy: { content: x, dest: /etc/x, owner: ap }\n",
      "group.yml": "- hosts: all\n  tasks:\n    - file: { path: /etc/x, state: touch, group: nogroup }\n",
    });
    for (const args of [["--check"], []]) {
      const owner = await work.crun(["play", ...args, "-i", `local:${tree},`, "site.yml"]);
      assert.equal(owner.status, 2, owner.all);
      assert.match(owner.all, /"?ap"?/);
      assert.match(owner.all, /Did you mean "app"\?/);
      assert.match(owner.all, /site\.yml:3/);
      const group = await work.crun(["play", ...args, "-i", `local:${tree},`, "group.yml"]);
      assert.equal(group.status, 2, group.all);
      assert.match(group.all, /nogroup/);
    }
    assert.ok(!existsSync(join(tree, "etc/x")));
  });

  it("no such user to become, and no such user to exec as: nothing is run", async () => {
    const tree = await rootOverlay(scope);
    const work = new Workplace(scope, {
      "site.yml":
        "- hosts: all\n  tasks:\n    - command: touch /etc/ran\n      become: true\n      become_user: nobdy\n",
    });
    const play = await work.crun(["play", "-i", `local:${tree},`, "site.yml"]);
    assert.equal(play.status, 2, play.all);
    assert.match(play.all, /nobdy/);
    assert.match(play.all, /\/etc\/passwd|no user/);
    assert.match(play.all, /Make it with the module user first/);
    const exec = await work.crun(["exec", "-u", "nobdy", `local:${tree}`, "--", "touch", "/etc/ran"]);
    assert.notEqual(exec.status, 0);
    assert.match(exec.stderr, /nobdy/);
    assert.match(exec.stderr, /Make it with the module user first/);
    assert.ok(!existsSync(join(tree, "etc/ran")));
  });

  it("a source that never ends, or never begins, is refused and not waited for", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope);
    await must(["mkfifo", join(work.directory, "pipe")]);
    for (const task of ["copy: { src: /dev/zero", "copy: { src: pipe", "template: { src: pipe"]) {
      work.write("site.yml", `- hosts: all\n  tasks:\n    - ${task}, dest: /etc/x }\n`);
      const { status, all } = await work.crun(["play", "-i", `local:${tree},`, "site.yml"], { timeoutMs: 20_000 });
      assert.equal(status, 2, all);
      assert.match(all, /it is neither a file nor a directory/);
    }
    assert.ok(!existsSync(join(tree, "etc/x")));
  });

  it("a directory as a template, and ids that are none: the task fails and says so, and the target goes on", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, { "templates/some/x": "x" });
    // What a tree's owner may have written there.
    writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nodd:x:99999999999:0::/srv:/bin/sh\n");
    for (const [task, says] of [
      ["template: { src: some, dest: /etc/x }", /it is a directory, and a template is a file/],
      ['copy: { content: x, dest: /etc/x, owner: "4294967295" }', /4294967295 is no id of a user/],
      ["copy: { content: x, dest: /etc/x, owner: odd }", /99999999999 is no uid \(\/etc\/x\)/],
      ['user: { name: www, uid: "{{4294967295}}" }', /uid must be from 0 to 4294967294/],
      ['group: { name: www, gid: "{{-1}}" }', /gid must be from 0 to 4294967294/],
    ] as const) {
      work.write(
        "site.yml",
        `- hosts: all\n  tasks:\n    - ${task}\n      ignore_errors: true\n    - debug: { msg: on }\n`,
      );
      const { status, all } = await work.crun(["play", "-i", `local:${tree},`, "site.yml"]);
      assert.ok(status === 0 || /^error: /m.test(all), all);
      assert.match(all, says);
      assert.doesNotMatch(all, /unreachable {1,3}local/);
    }
    assert.ok(!existsSync(join(tree, "etc/x")));
    assert.doesNotMatch(readFileSync(join(tree, "etc/passwd"), "utf8"), /www/);
  });

  it("a program of another architecture: said in words, not in the kernel's alone", async () => {
    const tree = await rootOverlay(scope);
    // the smallest ELF header of a machine that nobody has: no binfmt handler takes it
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    header.writeUInt16LE(2, 16);
    header.writeUInt16LE(0xb7 + 0x1000, 18);
    writeFileSync(join(tree, "usr/local/bin/foreign"), header);
    chmodSync(join(tree, "usr/local/bin/foreign"), 0o755);
    const work = new Workplace(scope, { "site.yml": "- hosts: all\n  tasks:\n    - command: foreign\n" });
    const exec = await work.crun(["exec", `local:${tree}`, "--", "foreign"]);
    assert.equal(exec.status, 126, exec.all);
    assert.match(exec.stderr, /foreign/);
    assert.match(exec.stderr, /architecture|exec format/i);
    const play = await work.crun(["play", "-i", `local:${tree},`, "site.yml"]);
    assert.equal(play.status, 2, play.all);
    assert.match(play.all, /architecture|exec format/i);
    assert.match(play.all, /site\.yml:3/);
  });

  it("one target's failure stops no other, and the exit status tells the worst", async () => {
    const trees = [emptyTree(scope), emptyTree(scope), emptyTree(scope)] as const;
    writeFileSync(join(trees[1], "etc/wrong"), "a file where a directory should be\n");
    const work = new Workplace(scope, {
      hosts: ["[web]", ...trees.map((tree) => `local:${tree}`), ""].join("\n"),
      "site.yml": `- hosts: web\n  tasks:\n${first}    - copy: { content: x, dest: /etc/wrong/x }\n    - file: { path: /etc/wrong, state: directory }\n    - file: { path: /etc/last, state: touch }\n`,
    });
    for (const tree of [trees[0], trees[2]]) mkdirSync(join(tree, "etc/wrong"));
    const { status, recap, all } = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(status, 2, all);
    assert.deepEqual(
      trees.map((tree) => recap[`local:${tree}`]?.failed),
      [0, 1, 0],
    );
    assert.deepEqual(
      trees.map((tree) => existsSync(join(tree, "etc/last"))),
      [true, false, true],
    );
    const both = await work.play(["-i", "hosts", "-i", "local:/no/such/tree,", "-e", "x=1", "site.yml"]);
    assert.equal(both.status, 2, "a target that is not in the play's hosts counts for nothing");
    work.write("all.yml", readFileSync(join(work.directory, "site.yml"), "utf8").replace("hosts: web", "hosts: all"));
    const worst = await work.play(["-i", "hosts", "-i", "local:/no/such/tree,", "all.yml"]);
    assert.equal(worst.status, 4, worst.all);
    assert.equal(worst.recap[`local:${trees[1]}`]?.failed, 1);
  });
});
