// A tree that holds etc/passwd and etc/group and nothing that could run: what works on files and accounts needs no more.

import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { assertForetold, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

const playbook = `
- hosts: all
  vars:
    listen: [80, 443]
  tasks:
    - name: group
      group: { name: web, gid: 300 }
    - name: user
      user: { name: www, uid: 300, group: web, home: /srv/www, shell: /bin/false }
    - name: user into a group
      user: { name: app, groups: adm, append: true }
    - name: directory
      file: { path: /srv/www/site, state: directory, owner: www, group: web, mode: "u=rwx,g=rx,o=" }
    - name: empty file
      file: { path: /srv/www/site/.keep, state: touch, access_time: preserve, modification_time: preserve }
    - name: content
      copy: { content: "hello\\n", dest: /srv/www/site/index.html, owner: www, mode: "0640" }
    - name: file
      copy: { src: motd, dest: /etc/motd }
    - name: whole directory
      copy: { src: skeleton/, dest: /etc/skel/ }
    - name: template
      template: { src: app.conf, dest: /etc/app.conf, group: web, mode: "0640" }
      register: written
    - name: link
      file: { src: site, dest: /srv/www/current, state: link }
    - name: hard link
      file: { src: /etc/motd, dest: /etc/motd.hard, state: hard }
    - name: line
      lineinfile: { path: /etc/hosts, line: 127.0.0.1 localhost, create: true, mode: "0644" }
    - name: line in the place of another
      lineinfile: { path: /etc/app.conf.d, regexp: "^port=", line: port=443, create: true }
    - name: block
      blockinfile:
        path: /etc/hosts
        block: |
          10.0.0.1 db
          10.0.0.2 web
    - name: within the tree
      copy: { src: /etc/motd, dest: /etc/issue, remote_src: true }
    - name: absent
      file: { path: /etc/absent, state: absent }
    - name: stat
      stat: { path: /etc/app.conf }
      register: seen
    - name: assert
      assert:
        that:
          - seen.stat.exists
          - seen.stat.mode == "0640"
          - seen.stat.gr_name == "web"
    - name: facts
      debug: { msg: "{{facts.users.app.uid}}" }
`;

describe("a tree with no shell, no Python and no libc", function () {
  this.timeout(60_000);
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });
  const scope = testScope();

  it("takes all file, user and template modules: foretold, done, and done once", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml": playbook,
      "files/motd": "Welcome\n",
      "files/skeleton/.profile": "umask 077\n",
      "files/skeleton/.config/app": "on\n",
      "templates/app.conf": "name={{inventory_hostname}}\n{{#each listen}}\nlisten={{this}}\n{{/each}}\n",
    });
    const args = ["-i", `local:${tree},`, "site.yml"];
    const before = await hashTree(tree);
    const foretold = await work.play(["--check", ...args]);
    assert.equal(await hashTree(tree), before);
    assert.equal(foretold.status, 0, foretold.all);

    const first = await work.play(args);
    assert.equal(first.status, 0, first.all);
    // its inode and times are not known before it is there
    assertForetold(foretold, first, { unsure: ["stat"] });
    const unchanged = ["absent", "stat", "assert", "facts"];
    for (const { task, status } of first.results)
      assert.equal(status, unchanged.includes(task) ? "ok" : "changed", task);

    const inTree = (path: string): string => join(tree, path);
    assert.equal(readFileSync(inTree("etc/app.conf"), "utf8"), `name=local:${tree}\nlisten=80\nlisten=443\n`);
    assert.deepEqual(
      [
        statSync(inTree("srv/www/site")).uid,
        statSync(inTree("srv/www/site")).gid,
        statSync(inTree("etc/app.conf")).gid,
      ],
      [300, 300, 300],
    );
    assert.equal(readlinkSync(inTree("srv/www/current")), "site");
    assert.equal(lstatSync(inTree("etc/motd")).ino, lstatSync(inTree("etc/motd.hard")).ino);
    assert.equal(readFileSync(inTree("etc/skel/.config/app"), "utf8"), "on\n");
    assert.match(readFileSync(inTree("etc/group"), "utf8"), /^adm:x:4:app$/m);
    assert.match(
      readFileSync(inTree("etc/hosts"), "utf8"),
      /^127\.0\.0\.1 localhost\n# BEGIN .*\n10\.0\.0\.1 db\n10\.0\.0\.2 web\n# END .*\n$/,
    );
    assert.deepEqual(readdirSync(tree).sort(), ["etc", "home", "srv"]);

    const after = await hashTree(tree);
    const second = await work.play(args);
    assert.equal(second.recap[`local:${tree}`]?.changed, 0, second.all);
    assert.equal(await hashTree(tree), after);
    const check = await work.play(["--check", ...args]);
    assert.equal(check.recap[`local:${tree}`]?.changed, 0, check.all);
  });

  it("refuses what must run a program, and says what is missing", async () => {
    const tree = emptyTree(scope);
    const work = new Workplace(scope, {
      "site.yml": '- hosts: all\n  tasks:\n    - shell: "echo hello > /etc/shell"\n',
    });
    const { status, all } = await work.crun(["play", "-i", `local:${tree},`, "site.yml"]);
    assert.equal(status, 2, all);
    assert.match(all, /\/bin\/sh/);
    assert.match(all, /site\.yml:3/);
    assert.ok(!existsSync(join(tree, "etc/shell")));
    assert.deepEqual(readdirSync(tree), ["etc"]);
  });
});
