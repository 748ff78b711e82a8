// What a run takes: listings as ansible-playbook 2.14 prints them, --step at a terminal, defaults of crun.yml.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { requireOrSkip } from "../lab/needs.js";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

const files: Readonly<Record<string, string>> = {
  "hosts.ini": "a crun_path=/ crun_connection=local\nb crun_path=/\nc crun_path=/\n",
  "site.yml": `- hosts: a,b
  name: First
  gather_facts: false
  tags: [pt]
  roles: [{role: r, tags: [rt]}]
  pre_tasks:
    - debug: {msg: 1}
  tasks:
    - name: blk
      tags: [bt]
      block:
        - {name: in, debug: {msg: 1}}
        - debug: {msg: 2}
      rescue:
        - {name: resc, debug: {msg: 1}}
      always:
        - {name: alw, debug: {msg: 1}, tags: always}
    - {name: inc, include_tasks: x.yml, tags: [it]}
    - include_tasks: x.yml
    - include_role: {name: r}
    - {name: nir, include_role: {name: r}}
    - import_tasks: x.yml
    - {name: nev, debug: {msg: 1}, tags: [never, dbg]}
    - meta: noop
    - {meta: flush_handlers, name: fl}
  handlers:
    - {name: h, debug: {msg: 1}}
- hosts: all:!c
  tasks: []
- hosts: [a, c]
  vars: {x: 1}
  tasks:
    - {name: "t {{x}}", debug: {msg: 1}}
`,
  "x.yml": "- {name: xx, debug: {msg: 1}}\n",
  "roles/r/tasks/main.yml":
    "- {name: rr, debug: {msg: 1}}\n- debug: {msg: 1}\n- {name: rinc, include_tasks: other.yml}\n",
  "roles/r/tasks/other.yml": "- debug: {msg: o}\n",
  "steps.yml": `- hosts: a
  gather_facts: false
  tasks:
    - {name: one, debug: {msg: first}}
    - {name: two, debug: {msg: second}}
    - {name: three, debug: {msg: third}, tags: [kept]}
    - {name: four, debug: {msg: fourth}, tags: [left]}
`,
  "kept/crun.yml": "tags: kept\nroles_path: ~/none:far\n",
  "kept/far/away/tasks/main.yml": "- {name: here, debug: {msg: here}, tags: kept}\n",
  "kept/site.yml": `- hosts: local
  gather_facts: false
  roles: [away]
  tasks:
    - {name: not, debug: {msg: not}}
`,
};

describe("cli: what a run takes", function () {
  this.timeout(30_000);
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-selection-"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function crun(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, [main, "play", ...words], { cwd: directory, encoding: "utf8", input: "" });
  }

  /** Runs it at a terminal and answers each question when it comes. */
  function atTerminal(
    words: readonly string[],
    answers: readonly string[],
  ): Promise<{ status: number | null; stdout: string }> {
    const command = [process.execPath, main, "play", ...words].join(" ");
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: directory,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let stdout = "";
    let given = 0;
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      stdout += data;
      const questions = stdout.split("ontinue: ").length - 1;
      for (; given < questions; given++) child.stdin.write(`${answers[given] ?? ""}\n`);
    });
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout })));
  }

  const tasks = `
  play #1 (a,b): First	TAGS: [pt]
    tasks:
      debug	TAGS: [pt]
      r : rr	TAGS: [pt, rt]
      debug	TAGS: [pt, rt]
      r : rinc	TAGS: [pt, rt]
      in	TAGS: [bt, pt]
      debug	TAGS: [bt, pt]
      inc	TAGS: [it, pt]
      include_tasks	TAGS: [pt]
      include_role	TAGS: [pt]
      nir	TAGS: [pt]
      xx	TAGS: [pt]
      meta	TAGS: [pt]
      fl	TAGS: [pt]

  play #2 (all:!c): all:!c	TAGS: []
    tasks:

  play #3 (a,c): a,c	TAGS: []
    tasks:
      t {{x}}	TAGS: []
`;

  // Crun joins patterns with commas: what Ansible says of the colon is not asked for here.
  const mine = (text: string): string => text.replaceAll("all:!c", "all,!c");

  it("lists tasks as Ansible does: tags of all that is around, roles' names, imports opened, no rescue", () => {
    writeFileSync(join(directory, "site.yml"), mine(files["site.yml"] ?? ""));
    const ran = crun("site.yml", "-i", "hosts.ini", "--list-tasks");
    assert.equal(ran.stderr, "");
    assert.equal(ran.stdout, `\nplaybook: site.yml\n${mine(tasks)}`);
    const some = crun("site.yml", "-i", "hosts.ini", "--list-tasks", "-t", "bt");
    assert.match(some.stdout, /tasks:\n {6}in\tTAGS: \[bt, pt\]\n {6}debug\tTAGS: \[bt, pt\]\n\n {2}play #2/);
  });

  it("lists tags and targets, and several listings at once", () => {
    const ran = crun("site.yml", "-i", "hosts.ini", "--list-tags", "--list-hosts");
    assert.match(
      ran.stdout,
      /First\tTAGS: \[pt\]\n {4}pattern: a,b\n {4}hosts \(2\):\n {6}a\n {6}b\n {6}TASK TAGS: \[bt, it, pt, rt\]\n/,
    );
    assert.match(crun("site.yml", "-i", "hosts.ini", "--list-tags", "-t", "bt").stdout, /TASK TAGS: \[bt, pt\]\n/);
  });

  it("checks the syntax and names the playbooks", () => {
    const ran = crun("site.yml", "steps.yml", "-i", "hosts.ini", "--syntax-check");
    assert.deepEqual([ran.status, ran.stdout], [0, "\nplaybook: site.yml\n\nplaybook: steps.yml\n"]);
  });

  it("takes tags and the place of roles from crun.yml where the command line names none", () => {
    const ran = crun("kept/site.yml", "--list-tasks");
    assert.equal(ran.stderr, "");
    assert.match(ran.stdout, /tasks:\n {6}away : here\tTAGS: \[kept\]\n$/);
    assert.match(crun("kept/site.yml", "--list-tasks", "-t", "untagged").stdout, /tasks:\n {6}not\tTAGS: \[\]\n$/);
  });

  it("refuses --step where nobody can be asked", () => {
    const ran = crun("steps.yml", "-i", "hosts.ini", "--step");
    assert.equal(ran.status, 1);
    assert.match(ran.stderr, /--step asks before each task, and there is no terminal to ask at/);
  });

  it("asks before each task: no leaves it out, yes runs it, continue asks no more", async function () {
    requireOrSkip(this, { tools: ["script"] });
    const ran = await atTerminal(["steps.yml", "-i", "hosts.ini", "--step", "--output", "plain"], ["y", "n", "c"]);
    assert.equal(ran.status, 0, ran.stdout);
    const asked = [...ran.stdout.matchAll(/Perform task: (\w+) on a \(N\)o\/\(y\)es\/\(c\)ontinue: /g)];
    assert.deepEqual(
      asked.map((one) => one[1]),
      ["one", "two", "three"],
    );
    assert.match(ran.stdout, /first[^]*third[^]*fourth/);
    assert.doesNotMatch(ran.stdout, /second/);
  });
});
