// Trees that are found on their hosts: in plays, exec, facts and inventory, on this machine and over SSH, with a host that is away.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { btrfsPool } from "../lab/btrfs.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { freePort, sshHost, type SshHost } from "../lab/sshd.js";
import { debianTree } from "../lab/trees.js";
import { brief, Workplace } from "./cli.js";

const site = `
- hosts: web
  tasks:
    - copy: {content: "{{color}} {{level}} {{inventory_hostname}}\\n", dest: /etc/fleet}
- hosts: "node1:db*"
  tasks:
    - copy: {content: "db\\n", dest: /etc/fleet}
`;

describe("fleets", function () {
  this.timeout(300_000);
  const scope = testScope();
  let trees: string;
  let host: SshHost;
  let work: Workplace;
  let inventory: string;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["btrfs", "sshd", "mmdebstrap"] });
    const pool = await btrfsPool(scope, { tree: await debianTree() });
    for (const name of ["web1", "web2", "db1"]) await pool.snapshot(name);
    trees = pool.directory;
    mkdirSync(join(trees, "web directory"));
    mkdirSync(join(trees, ".#web9.lck"));
    writeFileSync(join(trees, "web3.raw"), "");
    host = await sshHost(scope);
    work = new Workplace(scope, { "site.yml": site });
    inventory = `
[all:vars]
crun_trees=${trees}
crun_known_hosts=${host.knownHostsFile}
crun_identity=${host.identityFile}
[hosts]
node1 crun_host=${host.host} crun_port=${host.port}
[web]
node1:web* color=blue
node1:web2 color=explicit
[web:vars]
level=3
[away]
node2:* crun_host=127.0.0.1 crun_port=${await freePort()}
`;
    work.write("hosts", inventory);
  });

  const content = (tree: string): string => readFileSync(join(trees, tree, "etc/fleet"), "utf8");

  it("plays on the trees that are there, with the rule's groups and variables, over SSH", async () => {
    const done = await work.play(["-i", "hosts", "site.yml"]);
    assert.equal(done.status, 0, brief(done));
    assert.deepEqual(Object.keys(done.recap).sort(), ["node1:db1", "node1:web1", "node1:web2"]);
    assert.equal(content("web1"), "blue 3 node1:web1\n");
    assert.equal(content("web2"), "explicit 3 node1:web2\n");
    assert.equal(content("db1"), "db\n");
    assert.match(done.stderr, /no trees, for their names: "web directory"/);
    const again = await work.play(["-i", "hosts", "site.yml"]);
    assert.ok(
      Object.values(again.recap).every(({ changed }) => changed === 0),
      brief(again),
    );
  });

  it("connects to no host that neither plays nor limit can concern", async () => {
    const done = await work.play(["-i", "hosts", "site.yml", "-l", "node1:web1"]);
    assert.equal(done.status, 0, brief(done));
    assert.deepEqual(Object.keys(done.recap), ["node1:web1"]);
    const elsewhere = await work.play(["-i", "hosts", "-l", "!away,!hosts", "site.yml"]);
    assert.equal(elsewhere.status, 0, brief(elsewhere));
  });

  it("tells the fleet of a host that is away under the rule's name, and goes on with the others", async () => {
    work.write("both.yml", "- hosts: web,away\n  tasks: [{ping: }]\n- hosts: web\n  tasks: [{ping: }]\n");
    const done = await work.play(["-i", "hosts", "both.yml"]);
    assert.equal(done.status, 4, brief(done));
    assert.equal(done.recap["node2:*"]?.unreachable, 1);
    assert.equal(done.recap["node1:web1"]?.ok, 2);
    assert.equal(done.recap["node1:web2"]?.ok, 2);
  });

  it("looks for trees that tasks are delegated to, whatever the limit", async () => {
    const tasks = "[{ping: , delegate_to: node1:web2}, {ping: , delegate_to: node2:any}]";
    work.write("delegated.yml", `- hosts: node1\n  tasks: ${tasks}\n`);
    const done = await work.play(["-i", "hosts", "-l", "node1", "delegated.yml"]);
    assert.equal(done.status, 4, brief(done));
    assert.equal(done.recap["node1"]?.ok, 1);
    assert.equal(done.recap["node1"]?.unreachable, 1, "the second one's host is away");
  });

  it("refuses a tree that a rule might have brought and did not, before anything is done", async () => {
    work.write(
      "missing.yml",
      "- hosts: web\n  tasks: [{copy: {content: x, dest: /etc/missing}}]\n- hosts: node1:web7\n  tasks: [{ping: }]\n",
    );
    const done = await work.crun(["play", "-i", "hosts", "missing.yml"]);
    assert.equal(done.status, 1);
    assert.match(done.stderr, /knows no host, tree or group "node1:web7"/);
    assert.ok(!existsSync(join(trees, "web1/etc/missing")));
    assert.equal((await work.crun(["play", "-i", "hosts", "--syntax-check", "missing.yml"])).status, 0);
  });

  it("runs commands and gathers facts on what a pattern finds, with or without a rule", async () => {
    const ran = await work.crun(["exec", "-i", "hosts", "node1:web*", "--", "sh", "-c", "echo here"]);
    assert.equal(ran.status, 0, ran.all);
    assert.deepEqual(ran.stdout.trim().split("\n").sort(), ["node1:web1 | here", "node1:web2 | here"]);
    const found = await work.crun(["exec", "-i", "hosts", "node1:d*", "--", "cat", "/etc/fleet"]);
    assert.equal(found.stdout, "db\n", "one tree gets the command's own streams");
    const facts = await work.crun(["facts", "-i", "hosts", "node1:*"]);
    assert.deepEqual(Object.keys(JSON.parse(facts.stdout) as object).sort(), ["node1:web1", "node1:web2"]);
    const none = await work.crun(["exec", "-i", "hosts", "node1:x*", "--", "true"]);
    assert.equal(none.status, 1);
    assert.match(none.stderr, /node1:x\* matches no target/);
    const away = await work.crun(["exec", "-i", "hosts", "away,web", "--", "true"]);
    assert.equal(away.status, 4, away.all);
    assert.match(away.stderr, /2 ok; 1 unreachable: node2:\*/);
  });

  it("finds this machine's trees without an inventory", async () => {
    const ran = await work.crun(["exec", "-e", `crun_trees=${trees}`, "local:*", "--", "true"]);
    assert.equal(ran.status, 0, ran.all);
    assert.match(ran.stderr, /3 ok/);
  });

  it("shows the trees that are there, and says which hosts are away", async () => {
    const graph = await work.crun(["inventory", "-i", "hosts", "--graph", "web"]);
    assert.equal(graph.status, 0, graph.all);
    assert.equal(graph.stdout, "@web:\n  |--node1:web1\n  |--node1:web2\n");
    const list = await work.crun(["inventory", "-i", "hosts", "--list"]);
    assert.equal(list.status, 4);
    assert.match(list.stderr, /node2 .*connection refused/);
    const data = JSON.parse(list.stdout) as { readonly web: { readonly hosts: readonly string[] } };
    assert.deepEqual(data.web.hosts, ["node1:web1", "node1:web2"]);
    const one = await work.crun(["inventory", "-i", "hosts", "--host", "node1:web2"]);
    assert.equal((JSON.parse(one.stdout) as { color: string }).color, "explicit");
  });

  it("looks anew for meta: refresh_inventory", async () => {
    work.write(
      "refresh.yml",
      `
- hosts: node1
  tasks:
    - file: {path: "${trees}/web8/etc", state: directory}
    - meta: refresh_inventory
- hosts: web
  tasks: [{ping: }]
- hosts: node1
  tasks: [{file: {path: "${trees}/web8", state: absent}}]
`,
    );
    const done = await work.play(["-i", "hosts", "refresh.yml"]);
    assert.equal(done.status, 0, brief(done));
    assert.deepEqual(Object.keys(done.recap).sort(), ["node1", "node1:web1", "node1:web2", "node1:web8"]);
  });

  it("applies a saved plan to trees that were found", async () => {
    work.write("plan.yml", "- hosts: web\n  tasks: [{copy: {content: planned, dest: /etc/planned}}]\n");
    const planned = await work.crun(["plan", "-i", "hosts", "-o", "plan.crun", "plan.yml"]);
    assert.equal(planned.status, 0, planned.all);
    const applied = await work.crun(["apply", "plan.crun"]);
    assert.equal(applied.status, 0, applied.all);
    assert.equal(readFileSync(join(trees, "web2/etc/planned"), "utf8"), "planned");
  });
});
