// `crun inventory` shows what ansible-inventory 2.14 shows of the same sources, and explains where values come from.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { ansible } from "../lab/ansible.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { Workplace } from "./cli.js";

const files = {
  "ini/hosts": `solo x=1
[web]
web[1:3].example.org port=80
[db]
db-[a:c] port=5432 tags="['a', 'b']"
[db:vars]
engine=postgres
ansible_group_priority=5
[prod:children]
web
db
[prod:vars]
env=prod
rank=prod
[dmz]
web1.example.org dmz=True
[dmz:vars]
rank=dmz
[all:vars]
everywhere=True
number=007
ratio=1.50
words=two words
[empty]
`,
  "ini/group_vars/all.yml": "from_all: {a: [1, 2.5, null, true, 'x']}\n",
  "ini/group_vars/web/10.yml": "http: {port: 80}\n",
  "ini/group_vars/web/20.yml": "http: {tls: true}\n",
  "ini/host_vars/db-b.yml": "port: 5433\nown: {deep: {deeper: 1}}\n",
  "yaml/hosts.yml": `all:
  vars: {top: 1}
  hosts: {lone: {n: 0}}
  children:
    build:
      hosts:
        b[01:03]: {arch: amd64}
        b02: {arch: arm64, own: "yes"}
      children:
        fast:
          hosts: {b03: {speed: 9}}
          vars: {arch: riscv}
    nothing:
`,
  "yaml/group_vars/fast.json": '{"quick": true}\n',
  "many/10-static": "[web]\na\nb\n[db]\nc x=1\n",
  "many/20-more.yml": "db: {hosts: {c: {x: 2}, d: }}\nprod: {children: {web: , db: }}\n",
  "many/30-program":
    '#!/bin/sh\necho \'{"_meta": {"hostvars": {"a": {"cloud": true}, "e": {"cloud": 1}}}, "cloud": {"hosts": ["a", "e"], "vars": {"region": "eu"}}, "prod": {"children": ["cloud"]}}\'\n',
  "notes.txt": "# nothing\n\n",
  "many/notes.md": "not an inventory\n",
  "many/group_vars/cloud": "region: us\n",
  "many/host_vars/e.yaml": "cloud: 2\n",
};

const sources = ["ini/hosts", "yaml/hosts.yml", "many"];

describe("crun inventory", function () {
  this.timeout(120_000);
  const scope = testScope();
  let place: Workplace;
  before(() => {
    place = new Workplace(scope, files);
    chmodSync(`${place.directory}/many/30-program`, 0o755);
  });

  const show = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await place.crun(["inventory", ...args]);
    assert.equal(status, 0, stderr);
    return stdout;
  };

  describe("beside ansible-inventory", () => {
    before(function () {
      requireOrSkip(this, { tools: ["ansible-inventory"] });
    });
    const theirs = async (...args: string[]): Promise<string> => {
      const environment = { ...place.environment, ANSIBLE_NOCOLOR: "1" };
      const { status, stdout, stderr } = await ansible("ansible-inventory", args, {
        cwd: place.directory,
        env: environment,
      });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const combinations = [
      ...sources.map((one) => ["-i", one]),
      sources.flatMap((one) => ["-i", one]),
      ["-i", "many", "-i", "ini/hosts"],
    ];
    for (const combination of combinations) {
      const title = combination.join(" ");
      it(`${title} --list says the same`, async () => {
        const [own, ansibles] = [
          JSON.parse(await show(...combination, "--list")),
          JSON.parse(await theirs(...combination, "--list")),
        ];
        assert.deepEqual(ansibles, own);
      });
      it(`${title} --graph says the same`, async () =>
        assert.equal(await show(...combination, "--graph"), await theirs(...combination, "--graph")));
    }
    it("--graph GROUP --vars says the same of texts and numbers", async () => {
      const args = ["-i", "yaml/hosts.yml", "--graph", "--vars", "build"];
      assert.equal(await show(...args), (await theirs(...args)).replaceAll("quick = True", "quick = true"));
    });
    it("--host says the same", async () => {
      for (const host of ["solo", "web1.example.org", "db-b"]) {
        const args = ["-i", "ini/hosts", "--host", host];
        assert.deepEqual(JSON.parse(await show(...args)), JSON.parse(await theirs(...args)), host);
      }
    });
    it("--list --yaml is an inventory that both read, with the same values", async () => {
      place.write("again.yml", await show("-i", "many", "--list", "--yaml"));
      const list = async (tool: typeof show): Promise<Record<string, unknown>> =>
        (JSON.parse(await tool("-i", "again.yml", "--list")) as { readonly _meta: Record<string, unknown> })._meta;
      assert.deepEqual(await list(show), await list(theirs));
      assert.deepEqual(
        await list(show),
        (JSON.parse(await show("-i", "many", "--list")) as { readonly _meta: unknown })._meta,
      );
    });
  });

  it("keeps to a limit, also from a file, several ones joined", async () => {
    place.write("some.txt", "a\n\nd\n");
    const names = async (...args: string[]): Promise<string[]> => {
      const list = JSON.parse(await show("-i", "many", "--list", ...args)) as { readonly web?: unknown };
      return Object.keys(JSON.parse(JSON.stringify(list)) as object).filter((key) => key !== "_meta");
    };
    assert.deepEqual(await names("-l", "web"), ["all", "web", "prod", "cloud"]);
    const limited = JSON.parse(await show("-i", "many", "--list", "-l", "@some.txt", "-l", "c")) as Record<
      string,
      { readonly hosts?: string[] }
    >;
    assert.deepEqual(limited["web"]?.hosts, ["a"]);
    assert.deepEqual(limited["db"]?.hosts, ["c", "d"]);
  });

  it("renders values with what the inventory knows, and shows the others as they are written", async () => {
    place.write(
      "t.yml",
      'all: {hosts: {n1: {a: "{{inventory_hostname}}!", b: "{{facts.os_family}}", c: "{{len}}", len: 3}}}\n',
    );
    const vars: unknown = JSON.parse(await show("-i", "t.yml", "--host", "n1", "-e", "len=4"));
    assert.deepEqual(vars, { a: "n1!", b: "{{facts.os_family}}", c: "4", len: "4" });
  });

  it("warns where a further playbook has variables beside it, which do not count", async () => {
    place.write("first/site.yml", "- hosts: solo\n  tasks: []\n");
    place.write("second/site.yml", "- hosts: solo\n  tasks: []\n");
    place.write("second/host_vars/solo.yml", "x: 1\n");
    const { stderr } = await place.crun([
      "play",
      "-i",
      "ini/hosts",
      "--syntax-check",
      "first/site.yml",
      "second/site.yml",
    ]);
    assert.match(stderr, /second\/host_vars is not read/);
  });

  it("warns of a slip in the name of a connection variable before a play, with its line", async () => {
    place.write("slip.yml", "all:\n  hosts:\n    n1:\n      crun_prot: 2222\n");
    place.write("slip-site.yml", "- hosts: n1\n  tasks: []\n");
    const { stderr, status } = await place.crun(["play", "-i", "slip.yml", "--syntax-check", "slip-site.yml"]);
    assert.equal(status, 0);
    assert.match(stderr, /warning: crun_prot says nothing[^]*at slip\.yml:4:7[^]*Did you mean crun_port\?/);
  });

  it("ends a program of the inventory with it when it is interrupted", async () => {
    place.write("slow.sh", "#!/bin/sh\nsleep 1000 &\necho $! > pid\necho waiting >&2\nwait\n");
    chmodSync(`${place.directory}/slow.sh`, 0o755);
    const started = place.start(["inventory", "-i", "slow.sh", "--list"]);
    const pidFile = `${place.directory}/pid`;
    for (let left = 200; left > 0 && !existsSync(pidFile); left--) await setTimeout(100);
    started.kill("SIGINT");
    const { status, stderr } = await started.ended;
    assert.equal(status, 130);
    assert.match(stderr, /slow\.sh --list: it was interrupted/);
    const stat = `/proc/${readFileSync(pidFile, "utf8").trim()}/stat`;
    const isAlive = (): boolean => existsSync(stat) && !/\) Z/.test(readFileSync(stat, "utf8"));
    for (let left = 50; left > 0 && isAlive(); left--) await setTimeout(100);
    assert.ok(!isAlive());
  });

  const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["--list", "--graph"], /--list and --graph exclude each other/],
    [["--host", "web"], /web stands for 2 targets, and one is asked for/],
    [["--host", "webb"], /Did you mean "web"\?/],
    [["--graph", "wbe"], /there is no group "wbe"/],
    [["--list", "-l", "zz*"], /--limit zz\*: no target is left/],
    [["--list", "-l", "@notes.txt"], /the file holds no pattern, so no target is left/],
    [["--list", "-l", "@none.txt"], /--limit @none\.txt: the file cannot be read/],
    [["--explain", "x"], /for which target\?/],
    [["--explain", "groups", "a"], /is a magic variable/],
  ];
  for (const [args, message] of refused)
    it(`refuses ${args.join(" ")} with what to write`, async () => {
      const { status, stderr, stdout } = await place.crun(["inventory", "-i", "many", ...args]);
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(stderr, message);
    });
});

describe("crun inventory --explain", function () {
  this.timeout(60_000);
  const scope = testScope();
  let place: Workplace;
  before(() => {
    place = new Workplace(scope, {
      "inv/hosts": "[web]\nweb1 port=82\nweb2\n[web:vars]\nport=81\nurl=http://{{inventory_hostname}}:{{port}}/\n",
      "inv/group_vars/all.yml": "---\nport: 80\nmotd: |\n  hello\n",
      "host_vars/web1.yml": "port: 83\n",
      "site.yml": `- name: Web
  hosts: web
  vars:
    port: 84
  vars_files: [more.yml]
  roles: [nginx]
  tasks:
    - debug: {msg: "{{port}}"}
      vars: {port: 99}
    - set_fact:
        port: 100
- name: Other
  hosts: web2
  tasks: []
`,
      "more.yml": "other: 1\nport: 85\n",
      "roles/nginx/defaults/main.yml": "port: 1\nworkers: 4\n",
      "roles/nginx/vars/main.yml": "\nport: 86\n",
      "roles/nginx/tasks/main.yml": "- command: nproc\n  register: cores\n",
    });
  });
  const explain = async (...args: string[]) => place.crun(["inventory", "-i", "inv/hosts", "--explain", ...args]);

  it("names level, file and line of the value and of each that it beats, in order", async () => {
    const { stdout, status } = await explain("port", "web1");
    assert.equal(status, 0);
    assert.equal(
      stdout,
      [
        "web1: port = 83",
        "  from playbook host_vars/web1, host_vars/web1.yml:1:1",
        "    1 | port: 83",
        "  beats inventory entry web1, inv/hosts:2:6",
        "    2 | web1 port=82",
        "  beats inventory group_vars/all, inv/group_vars/all.yml:2:1",
        "    2 | port: 80",
        "  beats inventory group web, inv/hosts:5:1",
        "    5 | port=81",
        "",
      ].join("\n"),
    );
  });

  it("counts a playbook's variables, and names the tasks that change the value later", async () => {
    const { stdout } = await explain("port", "web1", "--playbook", "site.yml", "-e", "port=7", "-e", '{"port": 8}');
    assert.deepEqual(
      stdout.split("\n").filter((line) => !/^ {4}/.test(line)),
      [
        'In the play "Web" (site.yml:1:3):',
        "web1: port = 8",
        '  from extra vars, -e {"port": 8}:1:3',
        "  beats extra vars, -e port=7",
        "  beats role vars, roles/nginx/vars/main.yml:2:1",
        "  beats vars_files, more.yml:2:1",
        "  beats play vars, site.yml:4:5",
        "  beats playbook host_vars/web1, host_vars/web1.yml:1:1",
        "  beats inventory entry web1, inv/hosts:2:6",
        "  beats inventory group_vars/all, inv/group_vars/all.yml:2:1",
        "  beats inventory group web, inv/hosts:5:1",
        "  beats role defaults, roles/nginx/defaults/main.yml:1:1",
        "  may be hidden by task vars, site.yml:9:14",
        "  may be set anew by set_fact, site.yml:11:15",
        "",
      ],
    );
  });

  it("explains each play that takes the target, and says where none does", async () => {
    const { stdout } = await explain("port", "web2", "--playbook", "site.yml");
    assert.match(stdout, /In the play "Web"[^]*port = 86[^]*In the play "Other"[^]*port = 80/);
    place.write("none.yml", "- hosts: web1\n  tasks: []\n");
    assert.match(
      (await explain("port", "web2", "--playbook", "none.yml")).stdout,
      /No play of the playbook takes web2/,
    );
  });

  it("shows values as they are rendered, and says what cannot be yet", async () => {
    assert.match((await explain("url", "web2")).stdout, /url = "http:\/\/web2:80\/"/);
    assert.match(
      (await explain("cores", "web1", "--playbook", "site.yml")).stdout,
      /cores is not defined before the play\n {2}may be set anew by register, roles\/nginx\/tasks\/main\.yml:1/,
    );
    assert.match(
      (await explain("workers", "web1", "--playbook", "site.yml")).stdout,
      /from role defaults, .*:2:1\n {4}2 \| workers: 4/,
    );
  });

  it("names the near name, and who has it, where no source defines it", async () => {
    const { status, stderr } = await explain("prt", "web1");
    assert.equal(status, 1);
    assert.match(stderr, /no source defines "prt" for web1\n {2}Did you mean "port"\?/);
    assert.match((await explain("ansible_os_family", "web1")).stderr, /Facts are in facts: write facts\.os_family/);
    place.write("inv/host_vars/web2.yml", "only: 1\n");
    assert.match((await explain("only", "web1")).stderr, /It is defined for web2\./);
  });
});
