// Runs with encrypted files and values: they arrive where they are wanted, and nowhere else, whatever happens.

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { rootOverlay } from "../lab/trees.js";
import { Workplace, type Ran } from "./cli.js";

const whole = "whole-canary-71";
const nested = 'nested\'canary "72"';
const number = 7_399_173;
const inline = "inline$canary/74";
const several = "several-canary-75\nof-lines-canary-76";
const ofAge = "age-canary-77";
const inFile = "file-canary-78";
const inTemplate = "template-canary-79";
const inScript = "script-canary-80";
const become = "become-canary-81";
const canaries = [whole, nested, String(number), inline, several, ofAge, inFile, inTemplate, inScript, become];

/** What gives a secret away, in any shape. */
const traces = [
  ...canaries.flatMap((one) => one.split("\n")),
  ...canaries.flatMap((one) => {
    const base64 = Buffer.from(one).toString("base64").replace(/=+$/, "");
    return [base64.slice(0, -2), encodeURIComponent(one)];
  }),
].filter((one) => one.length >= 6);

function traceIn(text: string): string | undefined {
  return traces.find((one) => text.includes(one));
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => existsSync(path) && statSync(path).isFile());
}

/** What other tests may be editing just now: it can be gone before it is read. */
function textBelow(directory: string): string {
  try {
    return filesBelow(directory)
      .map((path) => readFileSync(path, "latin1"))
      .join("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

describe("secrets of a run", function () {
  this.timeout(120_000);
  const scope = testScope();
  let work: Workplace;
  let tree: string;
  let upper: string;
  let keys: string[];

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["ansible-vault"] });
    tree = await rootOverlay(scope);
    upper = join(dirname(tree), "upper");
    work = new Workplace(scope, { pw: "correct horse", hosts: `local:${tree}\n` });
    chmodSync(join(work.directory, "pw"), 0o600);
    assert.equal((await work.crun(["vault", "keygen", "-o", "key"])).status, 0);
    keys = ["--vault-password-file", "pw", "--identity", "key"];
    const seal = async (text: string, args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await work.crun(["vault", "encrypt", ...args], { input: text });
      assert.match(stdout, /^[$-]/, stderr);
      return stdout;
    };
    const value = async (name: string, text: string, args: readonly string[]): Promise<string> =>
      (await work.crun(["vault", "encrypt-string", "--name", name, text, ...args])).stdout;
    const ansible = ["--format", "ansible", "--vault-password-file", "pw"];
    const age = ["--identity", "key"];
    const vars = JSON.stringify({ whole, deep: { nested: [nested, { number }] }, url: "pg://u:{{whole}}@h/" });
    work.write("group_vars/all/secrets.yml", await seal(vars, ansible));
    const values = [
      await value("inline", inline, ansible),
      await value("several", several, ansible),
      await value("of_age", ofAge, age),
    ];
    work.write("group_vars/all/values.yml", values.join(""));
    work.write("files/secret", await seal(`${inFile}\n`, age));
    work.write("templates/secret", await seal(`a = ${inTemplate} {{inline}}\n`, ansible));
    work.write("files/secret.sh", await seal(`#!/bin/sh\necho ${inScript} "$1"\n`, age));
  });

  /** Nothing that a run showed or left behind gives a secret away. */
  function assertQuiet(ran: Ran): void {
    assert.equal(traceIn(ran.stdout), undefined, ran.stdout);
    assert.equal(traceIn(ran.stderr), undefined, ran.stderr);
    for (const directory of [work.directory, work.home])
      for (const path of filesBelow(directory)) assert.equal(traceIn(readFileSync(path, "latin1")), undefined, path);
    for (const memory of ["/dev/shm", "/tmp"])
      for (const name of readdirSync(memory).filter((one) => one.startsWith("crun-vault")))
        assert.equal(traceIn(textBelow(join(memory, name))), undefined, name);
  }

  async function crun(args: readonly string[], status: number): Promise<Ran> {
    const ran = await work.crun(args);
    assert.equal(ran.status, status, ran.all);
    assertQuiet(ran);
    return ran;
  }

  function site(tasks: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): void {
    writeFileSync(join(work.directory, "site.yml"), JSON.stringify([{ hosts: "all", tasks, ...more }]));
  }

  const forms: readonly (readonly string[])[] = [
    ["-vvv", "-D"],
    ["--output", "json", "-vvv", "-D"],
    ["-C", "-D", "-vvv"],
  ];

  it("arrive where they are wanted, in the tree and in nothing else of it", async () => {
    site([
      {
        copy: {
          content: "{{whole}} {{inline}} {{several}} {{of_age}} {{deep.nested.[1].number}}\n",
          dest: "/etc/wanted-1",
        },
      },
      { copy: { src: "secret", dest: "/etc/wanted-2", mode: "0600" } },
      { template: { src: "secret", dest: "/etc/wanted-3" } },
      { script: "secret.sh {{quote of_age}} > /etc/wanted-4" },
    ]);
    await crun(["play", "site.yml", "-i", "hosts", ...keys], 0);
    const read = (name: string): string => readFileSync(join(tree, "etc", name), "utf8");
    assert.equal(read("wanted-1"), `${whole} ${inline} ${several} ${ofAge} ${number}\n`);
    assert.equal(read("wanted-2"), `${inFile}\n`);
    assert.equal(read("wanted-3"), `a = ${inTemplate} ${inline}\n`);
    assert.equal(read("wanted-4"), `${inScript} ${ofAge}\n`);
    const given = filesBelow(upper).filter((path) => traceIn(readFileSync(path, "latin1")) !== undefined);
    assert.deepEqual(
      given.map((path) => path.slice(upper.length)).sort(),
      [1, 2, 3, 4].map((one) => `/etc/wanted-${one}`),
    );
  });

  for (const form of forms) {
    it(`are hidden in results, differences and messages: ${form.join(" ")}`, async () => {
      mkdirSync(join(tree, "srv/old"), { recursive: true });
      writeFileSync(join(tree, "srv/old/x"), `${whole}\n${inFile}\n`);
      site([
        { name: "task {{inline}}", debug: { msg: "{{whole}} {{inline}} {{url}} {{of_age}} {{several}}" } },
        { debug: { var: "deep" } },
        { debug: { var: "vars" } },
        { debug: { msg: "{{hostvars}}" } },
        { debug: { msg: "{{to_json deep}} {{to_nice_yaml deep}} {{quote deep.nested.[0]}} {{urlencode inline}}" } },
        { debug: { msg: "{{b64encode whole}} {{b64encode url}} {{upper whole}} {{sha256 inline}}" } },
        { set_fact: { derived: "{{upper inline}}-{{reverse whole}}" } },
        { debug: { var: "derived" } },
        { copy: { content: "new {{whole}}\n", dest: "/srv/old/x" } },
        { copy: { src: "secret", dest: "/srv/old/x" } },
        { template: { src: "secret", dest: "/srv/old/y" } },
        { lineinfile: { path: "/srv/old/z", line: "pw={{inline}}", create: true } },
        { blockinfile: { path: "/srv/old/z", block: "{{several}}" } },
        { command: { argv: ["echo", "{{whole}}"] }, register: "said", changed_when: false },
        { shell: "printf %s {{quote inline}} | base64; echo {{quote several}}" },
        { script: "secret.sh {{quote of_age}}" },
        { debug: { msg: "said {{said.stdout}}" }, when: "has(said.stdout)" },
        { debug: { msg: "{{item}}" }, loop: ["{{whole}}", "{{inline}}"], loop_control: { label: "label {{item}}" } },
        { set_stats: { data: { figure: "{{whole}}", deep: ["{{inline}}"] } } },
        { pause: { prompt: "wait {{whole}}", seconds: 0 }, ignore_errors: true },
        { fail: { msg: "no {{inline}}" }, ignore_errors: true },
        { assert: { that: 'whole == "x"', fail_msg: "not {{of_age}}" }, ignore_errors: true },
        { command: "/no/such/{{whole}}", ignore_errors: true },
        { copy: { content: "x", dest: "/no/such/{{whole}}/directory/", mode: "0600" }, ignore_errors: true },
        { debug: { msg: "{{lookup deep whole}}" }, ignore_errors: true },
        {
          debug: { msg: "{{int inline}} {{from_json nested}}" },
          ignore_errors: true,
          vars: { nested: "{{deep.nested.[0]}}" },
        },
      ]);
      const ran = await crun(["play", "site.yml", "-i", "hosts", ...keys, ...form], 0);
      assert.match(ran.stdout, /\*{8}/);
    });
  }

  it("are hidden in live output, in whatever pieces it comes", async () => {
    const cut = `for c in $(printf %s {{quote whole}} | sed 's/./& /g'); do printf %s "$c"; sleep 0.02; done; echo`;
    site([{ shell: cut }, { shell: `${cut} >&2; exit 3` }]);
    for (const output of ["plain", "json"])
      await crun(["play", "site.yml", "-i", "hosts", ...keys, "-v", "--output", output], 2);
  });

  it("are hidden where a play fails, in rescue too, and with no_log", async () => {
    site([
      { block: [{ fail: { msg: "lost {{whole}}" } }], rescue: [{ debug: { var: "ansible_failed_result" } }] },
      { debug: { msg: "{{whole}}" }, no_log: true },
      { shell: "echo {{quote inline}}; echo {{quote several}} >&2; exit 7" },
    ]);
    for (const form of forms.slice(0, 2)) await crun(["play", "site.yml", "-i", "hosts", ...keys, ...form], 2);
  });

  it("are hidden where the target is unreachable and its variables hold them", async () => {
    work.write("far", `far crun_host=127.0.0.1 crun_port=1 crun_user="{{whole}}" crun_path="/{{inline}}"\n`);
    site([{ debug: { msg: "x" } }, { command: "id" }]);
    for (const form of forms.slice(0, 2)) await crun(["play", "site.yml", "-i", "far", ...keys, ...form], 4);
    await crun(["exec", "far", "-i", "far", ...keys, "--", "id"], 4);
  });

  it("are hidden in what is wrong before the first connection, in source lines too", async () => {
    work.write("group_vars/all/broken.yml", "x: 1\n");
    site([{ copy: { content: "{{whole}}", dest: "relative", mode: "{{inline}}" } }, { debug: { msg: "{{nosuch}}" } }]);
    await crun(["play", "site.yml", "-i", "hosts", ...keys], 1);
    site([{ debug: { msg: "x" } }], { serial: "{{whole}}" });
    await crun(["play", "site.yml", "-i", "hosts", ...keys], 1);
    site([{ include_tasks: "{{whole}}.yml" }, { debug: { msg: "x" } }]);
    await crun(["play", "site.yml", "-i", "hosts", ...keys, "-vvv"], 2);
    // A file of variables that is broken inside shows no line of it.
    const broken = await work.crun(["vault", "encrypt", "--format", "ansible", "--vault-password-file", "pw"], {
      input: `a: ${whole}\nb: [${inline}\nc: {\n`,
    });
    work.write("group_vars/all/broken.yml", broken.stdout);
    const ran = await crun(["play", "site.yml", "-i", "hosts", ...keys, "-vvv"], 1);
    assert.match(ran.stderr, /group_vars\/all\/broken\.yml:\d+/);
    work.write("group_vars/all/broken.yml", "x: 1\n");
  });

  it("are hidden in exec's output, in the inventory and in lint", async () => {
    await crun(["inventory", "-i", "hosts", "--list", ...keys], 0);
    await crun(["inventory", "-i", "hosts", "--graph", "--vars", ...keys], 0);
    await crun(["inventory", "-i", "hosts", "--explain", "url", "all", ...keys], 0);
    site([{ debug: { msg: "{{whole}}" } }]);
    const lint = await work.crun(["lint", "site.yml", "-i", "hosts", ...keys]);
    assertQuiet(lint);
    work.write("group_vars/all/become.yml", `crun_become_password: ${become}\ncrun_entry: "{{'auto'}}"\n`);
    const vars = await work.crun([
      "vault",
      "encrypt",
      "group_vars/all/become.yml",
      "--format",
      "ansible",
      "--vault-password-file",
      "pw",
    ]);
    assert.equal(vars.status, 0, vars.all);
    // Written by its parts, so that no argument has it whole.
    const command = ["sh", "-c", 'printf "%s%s\\n" become- canary-81'];
    const one = await crun(["exec", `local:${tree}`, "-i", "hosts", ...keys, "--", ...command], 0);
    assert.equal(one.stdout, "********\n");
    work.write("two", `local:${tree}\nlocal:${dirname(upper)}\n`);
    const two = await work.crun(["exec", "all", "-i", "two", ...keys, "--", ...command]);
    assertQuiet(two);
    assert.match(two.stdout, /merged \| \*{8}\n/);
    work.write("group_vars/all/become.yml", "x: 1\n");
  });

  it("are in a saved plan, which is its owner's alone, and hidden where it is shown and applied", async () => {
    site([
      { copy: { content: "plan {{whole}} {{several}}\n", dest: "/srv/plan-1" } },
      { copy: { src: "secret", dest: "/srv/plan-2" } },
      { template: { src: "secret", dest: "/srv/plan-3" } },
    ]);
    const file = join(scope.tempDir("plan"), "plan");
    for (const args of [
      ["plan", "site.yml", "-i", "hosts", "-o", file, ...keys, "-D"],
      ["show", file],
      ["show", file, "--output", "json"],
      ["apply", file, "-i", "hosts", "-D", "-vvv", ...keys],
    ]) {
      const ran = await work.crun(args);
      assert.equal(ran.status, 0, ran.all);
      assertQuiet(ran);
    }
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(tree, "srv/plan-1"), "utf8"), `plan ${whole} ${several}\n`);
  });

  describe("and keys that are missing or wrong", () => {
    const both = ["--vault-password-file", "pw", "--identity", "key"];

    it("are not needed where no chosen task leads to an encrypted value", async () => {
      const apart = new Workplace(scope, {
        "site.yml": JSON.stringify([
          {
            hosts: "local",
            tasks: [{ debug: { msg: "{{plain}}" } }, { debug: { msg: "{{secret}}" }, tags: ["never", "s"] }],
          },
        ]),
        "group_vars/all.yml": `plain: p\n${readFileSync(join(work.directory, "group_vars/all/values.yml"), "utf8").replace("inline:", "secret:")}`,
      });
      const ran = await apart.crun(["play", "site.yml", "-i", "local,", "-v"]);
      assert.equal(ran.status, 0, ran.all);
      for (const action of ["--syntax-check", "--list-tasks"]) {
        const listed = await apart.crun(["play", "site.yml", "-i", "local,", "-t", "s", action]);
        assert.equal(listed.status, 0, listed.all);
      }
      const tagged = await apart.crun(["play", "site.yml", "-i", "local,", "-t", "s"]);
      assert.equal(tagged.status, 1);
      assert.match(
        tagged.stderr,
        /^error: the value is encrypted, and no vault password was given\n {2}at group_vars\/all\.yml:2:9\n {2}2 \| secret: !vault \|\n/,
      );
    });

    it("are not needed by lint, which warns of what it could not look at", async () => {
      const apart = new Workplace(scope, {
        "site.yml": "- hosts: local\n  vars_files: secrets.yml\n  tasks: [{debug: {msg: '{{whole}} {{nosuch}}'}}]\n",
        hosts: "local\n",
        "secrets.yml": readFileSync(join(work.directory, "group_vars/all/secrets.yml"), "utf8"),
        pw: "correct horse",
      });
      chmodSync(join(apart.directory, "pw"), 0o600);
      const locked = await apart.crun(["lint", "site.yml", "-i", "hosts"]);
      assert.equal(locked.status, 0, locked.all);
      assert.match(
        locked.stdout,
        /^warning: the file is encrypted, and no vault password was given \[encrypted\]\n {2}at secrets\.yml\n/,
      );
      assert.equal((await apart.crun(["lint", "site.yml", "-i", "hosts", "--strict"])).status, 1);
      assert.equal(
        (await apart.crun(["lint", "site.yml", "-i", "hosts", "--strict", "--without", "encrypted"])).status,
        0,
      );
      const open = await apart.crun(["lint", "site.yml", "-i", "hosts", "--vault-password-file", "pw"]);
      assert.equal(open.status, 1, open.all);
      assert.match(open.stdout, /"nosuch" is not defined/);
    });

    it("are not needed for targets that the limit leaves out", async () => {
      const apart = new Workplace(scope, {
        "site.yml": "- hosts: all\n  tasks: [{debug: {msg: '{{x}}'}}]\n",
        hosts: "local x=1\n[prod]\nfar:/srv/other x=2\n",
        "group_vars/prod.yml": readFileSync(join(work.directory, "group_vars/all/secrets.yml"), "utf8"),
      });
      const limited = await apart.crun(["play", "site.yml", "-i", "hosts", "-l", "local"]);
      assert.equal(limited.status, 0, limited.all);
      const all = await apart.crun(["play", "site.yml", "-i", "hosts", "--syntax-check"]);
      assert.equal(all.status, 1, all.all);
      assert.match(
        all.stderr,
        /the file is encrypted, and no vault password was given\n {2}at .*group_vars\/prod\.yml/,
      );
    });

    it("are told before the first connection, each with its place and what was tried", async () => {
      site([{ debug: { msg: "{{inline}} {{of_age}} {{several}}" } }, { copy: { src: "secret", dest: "/etc/never" } }]);
      const apart = work.write("pw2", "other horse");
      chmodSync(apart, 0o600);
      assert.equal((await work.crun(["vault", "keygen", "-o", "key2"])).status, 0);
      const wrong = await work.crun([
        "play",
        "site.yml",
        "-i",
        "hosts",
        "--vault-id",
        "prod@pw2",
        "--vault-password-file",
        "pw",
        "--identity",
        "key2",
      ]);
      assert.equal(wrong.status, 1);
      assert.match(
        wrong.stderr,
        /the value is encrypted for another age key\n {2}at group_vars\/all\/values\.yml:\d+:\d+\n[^]*Tried: key2\./,
      );
      assert.match(wrong.stderr, /the file is encrypted for another age key\n {2}at files\/secret\n/);
      const password = await work.crun([
        "play",
        "site.yml",
        "-i",
        "hosts",
        "--vault-id",
        "prod@pw2",
        "--identity",
        "key",
      ]);
      assert.equal(password.status, 1);
      assert.match(password.stderr, /secrets\.yml\n {2}Tried: prod \(pw2\)\./);
      assert.ok(!existsSync(join(tree, "etc/never")));
    });

    it("may stand in crun.yml, in the environment, or come from a program that is told the label", async () => {
      site([{ debug: { msg: "{{inline}}" } }, { assert: { that: "of_age.startsWith('age')" } }]);
      work.write("crun.yml", "vault:\n  password_file: pw\n  identities: [key]\n");
      assert.equal((await work.crun(["play", "site.yml", "-i", "hosts"])).status, 0);
      work.write("crun.yml", "forks: 2\n");
      const env = { ...work.environment, ANSIBLE_VAULT_PASSWORD_FILE: "pw", CRUN_VAULT_IDENTITY: "key" };
      assert.equal((await work.crun(["play", "site.yml", "-i", "hosts"], { env })).status, 0);
      const client = work.write("pw-client", '#!/bin/sh\necho "$@" > asked; printf "correct horse\\n"\n');
      chmodSync(client, 0o755);
      const ran = await work.crun([
        "play",
        "site.yml",
        "-i",
        "hosts",
        "--vault-id",
        "dev@./pw-client",
        "--identity",
        "key",
      ]);
      assert.equal(ran.status, 0, ran.all);
      assert.equal(readFileSync(join(work.directory, "asked"), "utf8"), "--vault-id dev\n");
      work.write("crun.yml", "vault:\n  identitys: key\n");
      assert.match(
        (await work.crun(["play", "site.yml", "-i", "hosts"])).stderr,
        /crun\.yml: vault has no "identitys"\n[^]*Did you mean "identities"\?/,
      );
      work.write("crun.yml", "forks: 2\n");
    });

    it("open a key that is encrypted itself, with the password, once for all values", async () => {
      const { stdout } = await work.crun(["vault", "encrypt", "--format", "ansible", "--vault-password-file", "pw"], {
        input: readFileSync(join(work.directory, "key"), "utf8"),
      });
      work.write("key.sealed", stdout);
      site([{ assert: { that: "of_age.startsWith('age')" } }]);
      await crun(["play", "site.yml", "-i", "hosts", "--vault-password-file", "pw", "--identity", "key.sealed"], 0);
      assert.deepEqual(both, keys);
    });
  });
});
