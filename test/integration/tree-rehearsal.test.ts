// Rehearsals on real trees: the play really runs, its report is exact, and the tree itself is as it was, byte for byte.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { diffTrees, hashTree } from "../lab/hash.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { brief, Workplace } from "./cli.js";
import { crunPath } from "./crun-tasks.js";
import { eventsIn, treeYard, type Storage, type Told, type TreeYard } from "./tree-fixtures.js";

/** Each kind of thing that a play does to files. */
const tasks = `
    - copy: { dest: /etc/motd, content: "new\\n" }
    - copy: { dest: /etc/same-size, content: "yyy\\n" }
    - file: { path: /srv/new/deep, state: directory, mode: "0750" }
    - file: { path: /srv/data/1, mode: "0600", owner: www, group: www }
    - file: { path: /srv/data/2, state: absent }
    - file: { path: /srv/data/3, state: link, src: /etc/motd, force: true }
    - file: { path: /etc/localtime, state: link, src: ../usr/share/zoneinfo/UTC, force: true }
    - lineinfile: { path: /etc/group, line: "adm:x:4:" }
`;

interface Row {
  readonly path: string;
  readonly kind: string;
  readonly fields?: readonly string[];
}

const rowsOf = (event: Told | undefined): readonly Row[] => event?.["differences"] as readonly Row[];

for (const storage of ["directory", "btrfs"] as const satisfies readonly Storage[]) {
  describe(`rehearsals (${storage})`, function () {
    this.timeout(120_000);
    const scope = testScope();
    let yard: TreeYard;
    let work: Workplace;

    before(async function () {
      requireOrSkip(this, { root: true, paths: [crunPath], tools: storage === "btrfs" ? ["btrfs"] : [] });
      yard = await treeYard(scope, storage);
      work = new Workplace(scope);
    });

    async function prepared(name: string): Promise<string> {
      const tree = await yard.tree(name);
      writeFileSync(join(tree, "etc/same-size"), "xxx\n");
      return tree;
    }

    it("tells exactly what the play has changed, and leaves the tree as it was", async () => {
      const tree = await prepared("one");
      const [before, twin] = [await hashTree(tree), join(scope.tempDir("twin"), "tree")];
      await must(["cp", "--archive", "--no-target-directory", tree, twin]);
      work.write("hosts", yard.inventory(["one"]));
      work.write(
        "site.yml",
        `- hosts: all\n  gather_facts: false\n  tasks:${tasks}- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/second-play, content: "{{target.path}}" }\n`,
      );
      const told = await work.play(["-i", "hosts", "--rehearse", "-D", "site.yml"]);
      assert.equal(told.status, 0, brief(told));
      assert.equal(await hashTree(tree), before);
      assert.deepEqual(yard.kept("making"), []);
      const [event, ...rest] = eventsIn(told.stdout, "rehearsal");
      assert.deepEqual(rest, []);
      // The same play on a copy, looked at by other means.
      const done = await work.play(["-i", "one,", "-e", `crun_host=local crun_path=${twin}`, "site.yml"]);
      assert.equal(done.status, 0, brief(done));
      const real = await diffTrees(tree, twin, { without: ["mtime", "links"] });
      assert.deepEqual(
        rowsOf(event)
          .map(({ path }) => path)
          .sort(),
        [...new Set(real.map(({ path }) => path))].sort(),
      );
      const fields = new Map(rowsOf(event).map((row) => [row.path, row.fields?.join() ?? row.kind]));
      assert.deepEqual(
        ["/etc/motd", "/etc/same-size", "/srv/data/1", "/srv/data/2", "/srv/data/3", "/srv/new/deep"].map((path) =>
          fields.get(path),
        ),
        ["content", "content", "mode,owner", "removed", "type", "added"],
      );
      const diffs = event?.["diffs"] as readonly { title: string; before?: string; after?: string }[];
      assert.deepEqual(
        diffs.find(({ title }) => title === "/etc/motd"),
        { title: "/etc/motd", before: "old\n", after: "new\n" },
      );
      assert.equal(diffs.find(({ title }) => title === "/etc/second-play")?.after, tree, "the path is the tree's own");
    });

    it("ends as the play would, and tells what there was of it", async () => {
      const names = ["f1", "f2"];
      const trees = await Promise.all(names.map(prepared));
      const before = await Promise.all(trees.map((tree) => hashTree(tree)));
      work.write("hosts", yard.inventory(names));
      const failing = `    - fail: { msg: no }\n      when: inventory_hostname == "f1"\n    - copy: { dest: /etc/late, content: late }\n`;
      work.write(
        "site.yml",
        `- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/early, content: e }\n${failing}`,
      );
      const told = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
      assert.equal(told.status, 2, brief(told));
      assert.deepEqual(
        eventsIn(told.stdout, "rehearsal").map((event) => [event["target"], ...rowsOf(event).map(({ path }) => path)]),
        [
          ["f1", "/etc/early"],
          ["f2", "/etc/early", "/etc/late"],
        ],
      );
      assert.deepEqual(await Promise.all(trees.map((tree) => hashTree(tree))), before);
      work.write(
        "site.yml",
        `- hosts: f1\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/motd, content: "old\\n" }\n`,
      );
      const same = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
      assert.deepEqual(
        eventsIn(same.stdout, "rehearsal").map(({ summary }) => summary),
        ["no difference"],
      );
    });

    it("only checks what acts on a host itself, and says so", async () => {
      const tree = await prepared("host-tasks");
      const before = await hashTree(tree);
      const file = join(scope.tempDir("host"), "file");
      work.write("hosts", `local\n${yard.inventory(["host-tasks", "made"])}`);
      work.write(
        "site.yml",
        `- hosts: host-tasks
  gather_facts: false
  tasks:
    - name: on the host
      copy: { dest: ${file}, content: x }
      delegate_to: local
    - name: beside it
      copy: { dest: /etc/beside, content: x }
- hosts: made
  gather_facts: false
  tasks:
    - name: make it
      tree: { clone: host-tasks }
    - name: fill it
      copy: { dest: /etc/motd, content: "made\\n" }
`,
      );
      const told = await work.play(["-i", "hosts", "--rehearse", "-D", "site.yml"]);
      assert.equal(told.status, 0, brief(told));
      assert.ok(!existsSync(file) && !existsSync(join(yard.directory, "made")));
      assert.equal(await hashTree(tree), before);
      const notices = eventsIn(told.stdout, "notice").map(({ message }) => String(message));
      assert.deepEqual(
        notices.map((one) => one.replace(/:.*/, "")),
        ["on the host", "make it"],
      );
      // A tree that would be made is rehearsed on what it would be like.
      assert.deepEqual(
        eventsIn(told.stdout, "rehearsal").map((event) => [event["target"], ...rowsOf(event).map(({ path }) => path)]),
        [
          ["host-tasks", "/etc/beside"],
          ["made", "/etc/motd"],
        ],
      );
    });

    it("shows no content that is kept from others", async () => {
      await prepared("secret");
      work.write("hosts", yard.inventory(["secret"]));
      const hidden = `    - copy: { dest: /etc/token, content: "hush-1\\n" }\n      no_log: true\n    - copy: { dest: /etc/plain, content: "seen\\n" }\n    - copy: { dest: /etc/shadow, content: "root:hush-2:1::::::\\n" }\n`;
      work.write("site.yml", `- hosts: all\n  gather_facts: false\n  tasks:\n${hidden}`);
      const told = await work.play(["-i", "hosts", "--rehearse", "-D", "site.yml"]);
      assert.equal(told.status, 0, brief(told));
      const text = JSON.stringify(eventsIn(told.stdout, "rehearsal"));
      assert.ok(text.includes("seen") && text.includes("/etc/token") && !text.includes("hush"), text);
    });

    it("leaves nothing where it is interrupted", async () => {
      const tree = await prepared("stopped");
      const before = await hashTree(tree);
      work.write("hosts", yard.inventory(["stopped"]));
      work.write(
        "site.yml",
        `- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/early, content: e }\n    - pause: { seconds: 30 }\n`,
      );
      const started = work.start(["play", "--rehearse", "--output", "json", "-i", "hosts", "site.yml"]);
      while (!started.shown().includes('"changed"')) await sleep(20);
      started.kill("SIGINT");
      const ran = await started.ended;
      assert.equal(ran.status, 130, ran.all);
      assert.deepEqual(yard.kept("making"), []);
      assert.equal(await hashTree(tree), before);
    });

    it("runs commands in the clone", async function () {
      const tree = await prepared("commands");
      // A static program is all that the tree needs.
      mkdirSync(join(tree, "bin"));
      for (const name of ["sh", "mv", "hostname"]) await must(["cp", "/bin/busybox", join(tree, "bin", name)]);
      const before = await hashTree(tree);
      work.write("hosts", yard.inventory(["commands"]));
      work.write(
        "site.yml",
        `- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: "echo $0 > /srv/data/4; mv /srv/data /srv/moved; hostname > /etc/name"\n`,
      );
      const told = await work.play(["-i", "hosts", "--rehearse", "-D", "site.yml"]);
      assert.equal(told.status, 0, brief(told));
      const [event] = eventsIn(told.stdout, "rehearsal");
      const diffs = event?.["diffs"] as readonly { title: string; after?: string }[] | undefined;
      const name = diffs?.find(({ title }) => title === "/etc/name");
      assert.equal(name?.after, "commands\n", "programs see the tree's own name");
      const kinds = new Map(rowsOf(event).map(({ path, kind }) => [path, kind]));
      assert.equal(kinds.get("/srv/data/7"), "removed");
      assert.equal(kinds.get("/srv/moved/7"), "added");
      assert.equal(kinds.get("/srv/moved/4"), "added");
      assert.equal(await hashTree(tree), before);
    });
  });
}

describe("rehearsals that cannot be", function () {
  this.timeout(60_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { root: true, paths: [crunPath] });
  });

  it("are refused beside --check, and lose a target without a tree", async () => {
    const yard = await treeYard(scope, "directory");
    const work = new Workplace(scope, { hosts: yard.inventory(["absent"]) });
    work.write(
      "site.yml",
      `- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: { dest: /etc/motd, content: x }\n`,
    );
    const both = await work.crun(["play", "-i", "hosts", "--rehearse", "-C", "site.yml"]);
    assert.equal(both.status, 1);
    const absent = await work.play(["-i", "hosts", "--rehearse", "site.yml"]);
    assert.equal(absent.status, 4, brief(absent));
    assert.ok(!existsSync(join(yard.directory, ".crun")));
    assert.equal(readFileSync(join(work.directory, "hosts"), "utf8"), yard.inventory(["absent"]));
  });
});
