// `crun lint` as a user calls it: what it finds, what it leaves alone, its three forms and its exit status.

import assert from "node:assert/strict";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { Workplace, type Ran } from "./cli.js";
import { crunPath } from "./crun-tasks.js";

interface Finding {
  readonly event: string;
  readonly severity: string;
  readonly rule?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly summary: string;
}

function findings({ stdout }: Ran): Finding[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Finding)
    .filter(({ event }) => event === "finding");
}

const play = (tasks: string, more = ""): string => `- hosts: all\n  tasks:\n${tasks.replace(/^/gm, "    ")}\n${more}`;

/** A rule, what it warns of, and what looks like it but is meant so. */
const cases: readonly (readonly [rule: string, bad: string, good: string])[] = [
  [
    "module-instead",
    play("- command: /bin/mkdir -p /a\n  args: {creates: /a}"),
    play("- file: {path: /a, state: directory}"),
  ],
  [
    "module-instead",
    play("- shell: apt-get install x | cat\n  changed_when: false"),
    play("- shell: echo apt-get | cat\n  changed_when: false"),
  ],
  [
    "needless-shell",
    play("- shell: make install\n  changed_when: false"),
    play("- shell: make | tee log\n  changed_when: false"),
  ],
  [
    "always-changed",
    play("- command: make"),
    play("- command: make\n  args: {creates: /a}\n- command: ls\n  changed_when: false"),
  ],
  [
    "become-user-alone",
    play("- file: {path: /a}\n  become_user: x"),
    play("- file: {path: /a}\n  become: true\n  become_user: x"),
  ],
  [
    "clear-password",
    play("- user: {name: x, password: geheim}"),
    play(
      '- user: {name: x, password: "{{secret}}"}\n- user: {name: y, password: "!"}\n- user: {name: z, password: $6$a$b}',
    ),
  ],
  [
    "idle-handler",
    play("- debug:", "  handlers:\n    - name: restart\n      debug:\n"),
    play("- debug:\n  notify: restart", "  handlers:\n    - name: restart\n      debug:\n"),
  ],
  [
    "hidden-handler",
    play("- debug:\n  notify: h", "  handlers:\n    - name: h\n      debug:\n    - name: h\n      debug:\n"),
    play(
      "- debug:\n  notify: h",
      "  handlers:\n    - name: h\n      debug:\n    - name: i\n      listen: h\n      debug:\n",
    ),
  ],
  ["type-name", play("- debug:", "  vars: {list: [1]}\n"), play("- debug:", "  vars: {lists: [1]}\n")],
  ["type-name", play("- stat: {path: /a}\n  register: map"), play("- stat: {path: /a}\n  register: found")],
  ["empty-play", "- hosts: all\n  vars: {a: 1}\n", play("- debug:")],
];

describe("crun lint", function () {
  this.timeout(60_000);
  const scope = testScope();
  before(function () {
    requireOrSkip(this, { paths: [crunPath] });
  });

  const lint = async (files: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
    await new Workplace(scope, files).crun(["lint", ...args]);

  for (const [index, [rule, bad, good]] of cases.entries()) {
    it(`warns by ${rule} of what is hardly meant, and not of what is (${index + 1})`, async () => {
      const found = findings(await lint({ "site.yml": bad }, "--output", "json"));
      assert.deepEqual(
        found.map((one) => [one.severity, one.rule]),
        [["warning", rule]],
      );
      const calm = await lint({ "site.yml": good });
      assert.equal(calm.stdout, "1 file: 0 errors, 0 warnings\n");
    });
  }

  it("shows rule, place, line and remedy, and exits 0 for warnings, 1 with --strict", async () => {
    const files = { "site.yml": play("- name: build\n  command: make") };
    const told = await lint(files);
    assert.equal(told.status, 0);
    assert.equal(
      told.stdout,
      [
        "warning: command counts as changed at every run [always-changed]",
        "  at site.yml:3:7",
        "  3 |     - name: build",
        "    |       ^",
        "  A command counts as changed at every run: nothing says when it is needless or changed nothing.",
        "  Say creates: PATH (or removes:), or changed_when: with what tells that it changed something.",
        "1 file: 0 errors, 1 warning",
        "",
      ].join("\n"),
    );
    assert.equal((await lint(files, "--strict")).status, 1);
    assert.equal((await lint(files, "--strict", "--without", "always-changed")).status, 0);
  });

  it("leaves alone what a comment allows, on the line or above it", async () => {
    const tasks =
      "- command: make # crun: allow always-changed\n# crun: allow needless-shell, always-changed\n- shell: make";
    assert.equal((await lint({ "site.yml": play(tasks) })).stdout, "1 file: 0 errors, 0 warnings\n");
  });

  it("finds what a play would refuse, with exit status 1", async () => {
    const told = await lint({ "site.yml": play("- copy: {dest: /a, contnet: x}") });
    assert.equal(told.status, 1);
    assert.match(told.stdout, /error: copy has no parameter "contnet"\n {2}at site\.yml:3:\d+/);
  });

  it("judges variables and patterns by the inventory where there is one, and not where there is none", async () => {
    const site = '- hosts: wbe\n  tasks: [{ debug: { msg: "{{prot}}" } }]\n';
    assert.equal((await lint({ "site.yml": site })).status, 0);
    const told = await lint({ "site.yml": site, hosts: "[web]\nlocal:a port=1\n" });
    assert.equal(told.status, 1);
    assert.match(told.stdout, /"prot" is not defined/);
    assert.match(told.stdout, /"wbe"/);
    assert.equal((await lint({ "site.yml": site, hosts: "[wbe]\nlocal:a port=1\n" }, "-e", "prot=1")).status, 0);
  });

  it("looks through directories for playbooks and roles, each once, and passes over what is neither", async () => {
    const told = await lint(
      {
        "one/site.yml": "- hosts: all\n  roles: [web]\n",
        "one/roles/web/tasks/main.yml": "- command: make\n- include_tasks: more.yml\n",
        "one/roles/web/tasks/more.yml": "- debug:\n",
        "one/roles/idle/tasks/main.yml": "- cpoy: {}\n",
        "one/group_vars/all.yml": "a: 1\n",
        "one/notes.yml": "just: notes\n",
      },
      "--output",
      "json",
    );
    assert.equal(told.status, 1);
    assert.deepEqual(
      findings(told).map(({ file, line, summary }) => `${file}:${line} ${summary}`),
      [
        'one/roles/idle/tasks/main.yml:1 there is no module "cpoy"',
        "one/roles/web/tasks/main.yml:1 command counts as changed at every run",
      ],
    );
  });

  it("lints a task file by itself, whose variables others may define", async () => {
    const told = await lint(
      { "tasks/part.yml": '- debug: { msg: "{{anything}}" }\n- debug: { mgs: x }\n' },
      "tasks/part.yml",
    );
    assert.equal(told.status, 1);
    assert.match(told.stdout, /at tasks\/part\.yml:2:/);
    assert.doesNotMatch(told.stdout, /anything/);
  });

  it("writes SARIF 2.1.0: a result for each finding, with rule, level and region", async () => {
    const told = await lint({ "a b/site.yml": play("- command: make\n- nope: x") }, "--output", "sarif");
    const sarif = JSON.parse(told.stdout) as {
      version: string;
      runs: {
        tool: { driver: { name: string; rules: { id: string }[] } };
        results: { ruleId: string; level: string; message: { text: string }; locations: unknown[] }[];
      }[];
    };
    assert.equal(sarif.version, "2.1.0");
    const [run] = sarif.runs;
    assert.equal(run?.tool.driver.name, "crun");
    const known = run?.tool.driver.rules.map(({ id }) => id) ?? [];
    assert.ok(run?.results.every(({ ruleId }) => known.includes(ruleId)));
    assert.deepEqual(
      run?.results.map(({ level }) => level),
      ["error", "warning"],
    );
    assert.deepEqual(run?.results[1]?.locations, [
      {
        physicalLocation: {
          artifactLocation: { uri: "a%20b/site.yml" },
          region: { startLine: 3, startColumn: 7 },
        },
      },
    ]);
  });

  it("refuses a path and a rule that there are not, with the near name", async () => {
    const path = await lint({ "site.yml": play("- debug:") }, "sit.yml");
    assert.equal(path.status, 1);
    assert.match(path.stderr, /there is no file or directory "sit\.yml"\n {2}Did you mean "site\.yml"\?/);
    const rule = await lint({ "site.yml": play("- debug:") }, "--without", "alway-changed");
    assert.equal(rule.status, 1);
    assert.match(rule.stderr, /Did you mean "always-changed"\?/);
  });

  it("connects to nothing: an unreachable host and an inventory that asks for a password change nothing", async () => {
    const told = await lint({ "site.yml": play("- debug:"), hosts: "node1:a crun_host=192.0.2.1 crun_user=x\n" });
    assert.equal(told.stdout, "1 file: 0 errors, 0 warnings\n");
  });
});
