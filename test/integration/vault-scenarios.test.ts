// The scenarios of Ansible's integration targets ansible-vault, lookup_unvault and of what copy, script, template and filters do with vaults, written anew.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { mustAnsible } from "../lab/ansible.js";
import { testScope } from "../lab/scope.js";
import { emptyTree } from "../lab/trees.js";
import { Workplace, type Ran } from "./cli.js";

const right = ["--vault-password-file", "right"];

describe("Ansible's vault scenarios", function () {
  this.timeout(120_000);
  const scope = testScope();
  let work: Workplace;
  let tree: string;
  /** Files that ansible-vault itself wrote. */
  const made: Record<string, string> = {};

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["ansible-vault"] });
    tree = emptyTree(scope);
    work = new Workplace(scope, { hosts: `local:${tree}\n` });
    for (const [name, text] of Object.entries({
      right: "right horse\n",
      wrong: "wrong horse\n",
      empty: "\n",
      new: "new horse\n",
    }))
      chmodSync(work.write(name, text), 0o600);
    const program = work.write("program.sh", "#!/bin/sh\necho right horse\n");
    chmodSync(program, 0o755);
    const seal = async (name: string, text: string, ...args: readonly string[]): Promise<void> => {
      work.write(name, text);
      await mustAnsible("ansible-vault", ["encrypt", ...args, name], { cwd: work.directory });
      made[name] = read(name);
    };
    await seal("v11.yml", "secret: this is v11\nplain: a\n", ...right);
    await seal("v12.yml", "secret: this is v12\n", "--vault-id", "label@right");
    await seal("vault-café.yml", "secret: Grüße\n", ...right);
    await seal("right-sealed", "inner horse\n", ...right);
    await seal("files/secret.txt", "vault file\n", ...right);
    await seal("files/folder/nested.txt", "nested vault file\n", ...right);
    await seal("files/run.sh", "#!/bin/sh\necho ran $1\n", ...right);
    await seal("templates/secret.hbs", "secret template {{name}}\n", ...right);
    await seal("inventory.ini", `[vaulted]\nlocal:${tree} from_inventory=yes-it-is\n`, ...right);
    await seal("roles/r/vars/main.yml", "of_role: role secret\n", ...right);
    work.write("files/folder/readme.txt", "plain\n");
    work.write("roles/r/tasks/main.yml", "- assert: {that: 'of_role == \"role secret\"'}\n");
    const value = await mustAnsible("ansible-vault", ["encrypt_string", ...right, "--name", "embedded", "foo bar"], {
      cwd: work.directory,
    });
    const other = await mustAnsible(
      "ansible-vault",
      ["encrypt_string", "--vault-id", "other@new", "--name", "other", "of another id"],
      { cwd: work.directory },
    );
    work.write("embedded.yml", `${value}\n${other}\n`);
  });

  const read = (name: string): string => readFileSync(join(work.directory, name), "utf8");

  async function vault(args: readonly string[], options: Parameters<Workplace["crun"]>[1] = {}): Promise<Ran> {
    return work.crun(["vault", ...args], options);
  }

  async function assertView(file: string, expected: string, ...args: readonly string[]): Promise<void> {
    const ran = await vault(["view", file, ...args]);
    assert.equal(ran.stdout, expected, ran.all);
    assert.equal(ran.status, 0);
  }

  async function assertLocked(file: string, ...args: readonly string[]): Promise<void> {
    const ran = await vault(["view", file, ...args]);
    assert.equal(ran.status, 1, ran.all);
    assert.equal(ran.stdout, "");
  }

  async function play(
    tasks: readonly unknown[],
    args: readonly string[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Ran> {
    work.write("site.yml", JSON.stringify([{ hosts: "all", tasks, ...more }]));
    return work.crun(["play", "site.yml", "-i", "hosts", ...args]);
  }

  async function assertPlays(
    tasks: readonly unknown[],
    args: readonly string[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const ran = await play(tasks, args, more);
    assert.equal(ran.status, 0, ran.all);
  }

  const v11 = "secret: this is v11\nplain: a\n";
  const v12 = "secret: this is v12\n";
  const wrong = ["--vault-password-file", "wrong"];

  describe("ansible-vault", () => {
    const views: readonly (readonly [string, string, string, readonly string[]])[] = [
      ["1: format 1.1 with a password file", "v11.yml", v11, right],
      ["2: format 1.1 with a vault id without a label", "v11.yml", v11, ["--vault-id", "right"]],
      ["3: format 1.1 with a program", "v11.yml", v11, ["--vault-password-file", "./program.sh"]],
      ["4: format 1.1 with a program as a vault id", "v11.yml", v11, ["--vault-id", "./program.sh"]],
      ["5: format 1.2 with a password file", "v12.yml", v12, right],
      ["6: format 1.2 with its vault id", "v12.yml", v12, ["--vault-id", "label@right"]],
      ["7: format 1.2 with a program", "v12.yml", v12, ["--vault-id", "./program.sh"]],
      [
        "8: format 1.2 under another id, which is tried last",
        "v12.yml",
        v12,
        ["--vault-id", "label@wrong", "--vault-id", "x@right"],
      ],
      ["9: the right password before a wrong one", "v11.yml", v11, [...right, ...wrong]],
      ["10: the right password after a wrong one", "v11.yml", v11, [...wrong, ...right]],
      ["11: two passwords of one id", "v12.yml", v12, ["--vault-id", "label@wrong", "--vault-id", "label@right"]],
      ["12: --vault-pass-file is the same option", "v11.yml", v11, ["--vault-pass-file", "right"]],
      ["13: a name that is not ASCII", "vault-café.yml", "secret: Grüße\n", right],
    ];
    for (const [name, file, expected, args] of views) it(name, () => assertView(file, expected, ...args));

    it("14: wrong passwords, one or two, and an empty one", async () => {
      await assertLocked("v11.yml", ...wrong);
      await assertLocked("v11.yml", ...wrong, "--vault-id", "x@wrong");
      await assertLocked("v11.yml", "--vault-password-file", "empty");
      await assertLocked("v11.yml", "--vault-id", "empty@empty");
    });

    it("15: the name of the password file in the environment, which an option replaces", async () => {
      const env = { ...work.environment, ANSIBLE_VAULT_PASSWORD_FILE: "right" };
      assert.equal((await vault(["view", "v11.yml"], { env })).stdout, v11);
      assert.equal((await vault(["view", "v11.yml", ...wrong], { env })).status, 1);
      assert.equal((await vault(["view", "v11.yml"], { env: { ...env, ANSIBLE_VAULT_PASSWORD_FILE: "" } })).status, 1);
    });

    it("16: --ask-vault-pass takes the password from a pipe where there is no terminal", async () => {
      assert.equal((await vault(["view", "v11.yml", "--ask-vault-pass"], { input: "right horse\n" })).stdout, v11);
      assert.equal((await vault(["view", "v11.yml", "-J"], { input: "other\n" })).status, 1);
      assert.equal((await vault(["view", "v11.yml", "-J"], { input: "" })).status, 1);
    });

    it("17: a password file that is encrypted, after the password that opens it", async () => {
      work.write("inner", "x\n");
      const sealed = await vault([
        "encrypt",
        "inner",
        "--format",
        "ansible",
        "--vault-id",
        "default@right",
        "--vault-id",
        "in@right-sealed",
        "--encrypt-vault-id",
        "in",
      ]);
      assert.equal(sealed.status, 0, sealed.all);
      await assertView("inner", "x\n", "--vault-id", "right", "--vault-id", "right-sealed");
      await assertLocked("inner", "--vault-id", "right-sealed");
    });

    it("18: encrypting under an id that is not there", async () => {
      work.write("t", "x\n");
      assert.equal(
        (await vault(["encrypt", "t", "--format", "ansible", ...right, "--encrypt-vault-id", "none"])).status,
        1,
      );
      assert.equal(read("t"), "x\n");
    });

    it("19: encrypt, view and decrypt with a password file, a program, a vault id of a program", async () => {
      for (const args of [right, ["--vault-password-file", "./program.sh"], ["--vault-id", "l@./program.sh"]]) {
        work.write("t", "This is a test file\n");
        assert.equal((await vault(["encrypt", "t", "--format", "ansible", ...args])).status, 0);
        await assertView("t", "This is a test file\n", ...args);
        assert.equal((await vault(["decrypt", "t", ...args])).status, 0);
        assert.equal(read("t"), "This is a test file\n");
      }
    });

    it("20: rekey, after which the old password opens nothing; two new ones are refused", async () => {
      work.write("t", "x\n");
      await vault(["encrypt", "t", "--format", "ansible", ...right]);
      assert.equal((await vault(["rekey", "t", ...right, "--new-vault-password-file", "new"])).status, 0);
      await assertView("t", "x\n", "--vault-password-file", "new", ...right);
      await assertLocked("t", ...right);
      assert.equal(
        (await vault(["rekey", "t", ...right, "--new-vault-id", "a@new", "--new-vault-password-file", "new"])).status,
        1,
      );
    });

    it("21: stdin to --output FILE, FILE to --output -", async () => {
      const into = await vault(["encrypt", "--format", "ansible", ...right, "--output", "o"], {
        input: "This is a test file\n",
      });
      assert.equal(into.status, 0, into.all);
      assert.equal((await vault(["decrypt", ...right, "--output=-", "o"])).stdout, "This is a test file\n");
      assert.equal(
        (await vault(["decrypt", ...right, "--output", "-"], { input: read("o") })).stdout,
        "This is a test file\n",
      );
    });

    it("22: an empty password encrypts nothing", async () => {
      work.write("t", "foo\n");
      assert.equal((await vault(["encrypt", "t", "--format", "ansible", "--vault-password-file", "empty"])).status, 1);
      assert.equal(read("t"), "foo\n");
    });

    it("23: strings: as an argument, with a name, from stdin, to a file", async () => {
      const ansible = ["--format", "ansible", ...right];
      assert.match(
        (await vault(["encrypt-string", "a test string", ...ansible])).stdout,
        /^!vault \|\n {2}\$ANSIBLE_VAULT;1\.1;AES256\n/,
      );
      assert.match(
        (await vault(["encrypt-string", "--name", "blippy", "x y z", ...ansible])).stdout,
        /^blippy: !vault \|\n/,
      );
      assert.match(
        (await vault(["encrypt-string", "--name", "of_stdin", ...ansible], { input: "x y z" })).stdout,
        /^of_stdin: !vault/,
      );
      const several = await vault(["encrypt_string", "--name", "one", "x y z", "--stdin-name", "two", ...ansible], {
        input: "from stdin",
      });
      assert.match(several.stdout, /^one: !vault \|\n[^]*\ntwo: !vault \|\n/);
      assert.equal(
        (await vault(["encrypt-string", "--name", "f", "x y z", ...ansible, "--output", "f.yml"])).status,
        0,
      );
      await assertPlays([{ assert: { that: "f == 'x y z'" } }], ["-e", "@f.yml", ...right]);
    });

    it("24: edit keeps 1.1, and 1.2 with its label, whatever id the password was given under", async () => {
      const faux = work.write("faux-editor", "#!/bin/sh\necho '# edited' >> \"$1\"\n");
      chmodSync(faux, 0o755);
      const env = { ...work.environment, EDITOR: "./faux-editor" };
      for (const [file, header] of [
        ["v11.yml", "$ANSIBLE_VAULT;1.1;AES256"],
        ["v12.yml", "$ANSIBLE_VAULT;1.2;AES256;label"],
      ] as const) {
        work.write("e", made[file] ?? "");
        for (const args of [right, ["--vault-id", "x@right"]]) {
          assert.equal((await vault(["edit", "e", ...args], { env })).status, 0);
          assert.equal(read("e").split("\n")[0], header);
        }
        assert.match((await vault(["view", "e", ...right])).stdout, /# edited\n# edited\n$/);
      }
    });

    it("25: lists and --syntax-check of a play whose variables are encrypted", async () => {
      for (const action of ["--list-tasks", "--list-hosts", "--syntax-check"])
        await assertPlays([], [action, ...right], { vars_files: ["v11.yml"], roles: ["r"] });
    });

    it("26: variables of a role, of vars_files, in both formats", async () => {
      const assertions = [{ assert: { that: ['secret == "this is v12"', 'plain == "a"'] } }];
      await assertPlays(assertions, right, { vars_files: ["v11.yml", "v12.yml"], roles: ["r"] });
    });

    it("27: an encrypted inventory", async () => {
      work.write("site.yml", "- hosts: vaulted\n  tasks: [{assert: {that: 'from_inventory == \"yes-it-is\"'}}]\n");
      const ran = await work.crun(["play", "site.yml", "-i", "inventory.ini", ...right]);
      assert.equal(ran.status, 0, ran.all);
    });

    it("28: an encrypted template", async () => {
      await assertPlays([{ template: { src: "secret.hbs", dest: "/etc/t" } }], right, { vars: { name: "x" } });
      assert.equal(readFileSync(join(tree, "etc/t"), "utf8"), "secret template x\n");
    });

    it("29: a file whose name and values are not ASCII", async () => {
      await assertPlays([{ assert: { that: 'secret == "Grüße"' } }], right, { vars_files: ["vault-café.yml"] });
    });

    it("30: values in a file, with right and wrong passwords in either order", async () => {
      const tasks = [{ assert: { that: 'embedded == "foo bar"' } }];
      for (const args of [
        right,
        [...wrong, ...right],
        [...right, ...wrong],
        ["--vault-id", "wrong", "--vault-id", "right"],
      ])
        await assertPlays(tasks, ["-e", "@embedded.yml", ...args]);
      assert.equal((await play(tasks, ["-e", "@embedded.yml", ...wrong])).status, 1);
    });

    it("31: values under several ids in one file", async () => {
      const tasks = [{ assert: { that: ['embedded == "foo bar"', 'other == "of another id"'] } }];
      await assertPlays(tasks, ["-e", "@embedded.yml", ...wrong, ...right, "--vault-id", "other@new"]);
    });

    it("32: an encrypted file that holds encrypted values", async () => {
      const both = await vault(["encrypt", "--format", "ansible", "--vault-password-file", "new"], {
        input: read("embedded.yml"),
      });
      work.write("both.yml", both.stdout);
      await assertPlays(
        [{ assert: { that: 'embedded == "foo bar"' } }],
        ["-e", "@both.yml", "--vault-password-file", "new", ...right],
      );
    });

    it("33: broken values of host_vars and group_vars are told, with what is broken", async () => {
      const text = made["v11.yml"] ?? "";
      const inline = (broken: string): string =>
        `x: !vault |\n${broken
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`)
          .join("\n")}\n`;
      const tasks = [{ debug: { var: "x" } }];
      work.write(`host_vars/local:${tree.replaceAll("/", "_")}.yml`, "");
      work.write("group_vars/all.yml", inline(text.replace(/\n3/, "\nz")));
      assert.match(
        (await play(tasks, right)).stderr,
        /damaged: its body is not hexadecimal[^]*group_vars\/all\.yml:1:4/,
      );
      work.write("group_vars/all.yml", inline(text.trimEnd().slice(0, -1)));
      const ran = await play(tasks, right);
      assert.match(
        ran.stderr,
        /damaged: its body is cut off: it has an odd number of digits[^]*group_vars\/all\.yml:1:4/,
      );
      assert.equal(ran.status, 1);
      work.write("group_vars/all.yml", "");
    });

    it("34: a value is like any text to helpers and conditions", async () => {
      const that = [
        'embedded == "foo bar"',
        "quote(embedded) == \"'foo bar'\"",
        'capitalize(embedded) == "Foo bar"',
        'center(embedded, 9) == " foo bar "',
        'default(embedded, "monkey") == "foo bar"',
        'escape(embedded) == "foo bar"',
        'first(embedded) == "f"',
        'last(embedded) == "r"',
        'indent(embedded, 4, true) == "    foo bar"',
        'split(embedded) == ["foo", "bar"]',
        "length(embedded) == 7",
        'lower(embedded) == "foo bar"',
        'upper(embedded) == "FOO BAR"',
        'title(embedded) == "Foo Bar"',
        'trim(embedded) == "foo bar"',
        'replace(embedded, "foo", "baz") == "baz bar"',
        'urlencode(embedded) == "foo%20bar"',
        'b64encode(embedded) == "Zm9vIGJhcg=="',
        'to_uuid(embedded) == "0271fe51-bb26-560f-b118-5d6513850860"',
        'to_json(embedded) == "\\"foo bar\\""',
        'md5(embedded) == "327b6f07435811239bc47e1544353273"',
        'sha1(embedded) == "3773dea65156909838fa6c22825cafe090ff8030"',
        'regex_replace(embedded, "foo", "baz") == "baz bar"',
        'regex_search(embedded, "foo") == "foo"',
        'regex_findall(embedded, "foo") == ["foo"]',
        "wordcount(embedded) == 2",
        'truncate(embedded, 4) == "foo bar"',
        'wordwrap(embedded, 4) == "foo\\nbar"',
        "embedded != null",
        "type(embedded) == string",
        "int(first(split(embedded)), 0, 36) == 20328",
      ];
      await assertPlays([{ assert: { that } }], ["-e", "@embedded.yml", ...right]);
    });

    it("35: a value as a parameter of a module", async () => {
      const [value = ""] = read("embedded.yml").split(/\n(?=other)/);
      work.write(
        "site.yml",
        `- hosts: all\n  tasks:\n    - ping:\n        ${value.replace("embedded", "data")}\n      register: out\n    - assert: {that: 'out.ping == "foo bar"'}\n`,
      );
      const ran = await work.crun(["play", "site.yml", "-i", "hosts", ...right]);
      assert.equal(ran.status, 0, ran.all);
    });

    it("35a: a value in JSON, as ansible-inventory prints it, and an id without a label before the @", async () => {
      const [value = ""] = read("embedded.yml").split(/\n(?=other)/);
      const text = value
        .split("\n")
        .slice(1)
        .map((line) => line.trim())
        .join("\n");
      work.write(
        "v.json",
        JSON.stringify({ embedded: { __ansible_vault: text }, deep: [{ x: { __ansible_vault: text } }] }),
      );
      const that = ['embedded == "foo bar"', 'deep[0].x == "foo bar"'];
      await assertPlays([{ assert: { that } }], ["-e", "@v.json", "--vault-id", "@right"]);
    });

    it("36: ids whose files are not there are refused at once", async () => {
      const ran = await vault([
        "encrypt-string",
        "x y z",
        "--vault-id",
        "id1@./nonexistent",
        "--vault-id",
        "id3@right",
        "--encrypt-vault-id",
        "id3",
      ]);
      assert.match(ran.stderr, /there is no vault password file \.\/nonexistent\n {2}It was named by the vault id id1/);
    });

    it("37: a program that tells by its name which password is wanted, behind a link", async () => {
      mkdirSync(join(work.directory, "bin"));
      const program = work.write(
        "bin/password",
        "#!/bin/sh\ncase $0 in *right*) echo right horse ;; *) echo nothing ;; esac\n",
      );
      chmodSync(program, 0o755);
      symlinkSync("password", join(work.directory, "bin/get-right"));
      await assertView("v11.yml", v11, "--vault-password-file", "bin/get-right");
      await assertLocked("v11.yml", "--vault-password-file", "bin/password");
    });

    it("38: the same salt gives the same text, another one another", async () => {
      const tasks = [
        {
          assert: {
            that: [
              'vault("salty", "pw", "s1") == vault("salty", "pw", "s1")',
              'vault("salty", "pw", "s1") != vault("salty", "pw", "s2")',
            ],
          },
        },
      ];
      await assertPlays(tasks, []);
    });
  });

  describe("copy, script, include_vars", () => {
    it("39: copy opens a file", async () => {
      await assertPlays([{ copy: { src: "secret.txt", dest: "/etc/c" } }], right);
      assert.equal(readFileSync(join(tree, "etc/c"), "utf8"), "vault file\n");
    });

    it("40: copy with decrypt: false takes it as it is, and needs no password", async () => {
      await assertPlays([{ copy: { src: "secret.txt", dest: "/etc/c2", decrypt: false } }], []);
      assert.equal(readFileSync(join(tree, "etc/c2"), "utf8"), made["files/secret.txt"]);
    });

    it("41: copy opens files in a directory, and leaves the others", async () => {
      await assertPlays([{ copy: { src: "folder/", dest: "/etc/folder" } }], right);
      assert.equal(readFileSync(join(tree, "etc/folder/nested.txt"), "utf8"), "nested vault file\n");
      assert.equal(readFileSync(join(tree, "etc/folder/readme.txt"), "utf8"), "plain\n");
    });

    it("42: a second copy finds nothing to do", async () => {
      work.write(
        "site.yml",
        JSON.stringify([{ hosts: "all", tasks: [{ copy: { src: "secret.txt", dest: "/etc/c" } }] }]),
      );
      const told = await work.play(["site.yml", "-i", "hosts", ...right]);
      assert.deepEqual(
        told.results.map(({ status }) => status),
        ["ok"],
      );
    });

    it("43: copy without the password is refused before the run", async () => {
      const ran = await play([{ copy: { src: "secret.txt", dest: "/etc/c3" } }], []);
      assert.equal(ran.status, 1);
      assert.match(ran.stderr, /the file is encrypted, and no vault password was given\n {2}at files\/secret\.txt/);
    });

    it("44: include_vars reads an encrypted file, and fails its task where no key fits", async () => {
      const tasks = [{ include_vars: "v11.yml" }, { assert: { that: 'secret == "this is v11"' } }];
      await assertPlays(tasks, right);
      const ran = await play([{ include_vars: "{{f}}.yml" }], wrong, { vars: { f: "v11" } });
      assert.equal(ran.status, 2, ran.all);
      assert.match(ran.stdout, /no vault password that was given opens it/);
    });
  });

  describe("lookups and filters", () => {
    it("45: unvault reads a file, encrypted or not; file opens it as well", async () => {
      const that = [
        'unvault("secret.txt") == "vault file\\n"',
        'unvault("folder/readme.txt") == "plain\\n"',
        'file("secret.txt") == "vault file"',
      ];
      await assertPlays([{ assert: { that } }], right);
    });

    it("46: unvault without a password, and of a file that is not there, fails", async () => {
      assert.match(
        (await play([{ debug: { msg: '{{unvault "secret.txt"}}' } }], [])).stdout,
        /unvault: the file is encrypted, and no vault password was given/,
      );
      assert.match(
        (await play([{ debug: { msg: '{{unvault "none.txt"}}' } }], right)).stdout,
        /unvault: there is no file "none\.txt"/,
      );
    });

    it("47: the filters vault and unvault, Ansible's text too", async () => {
      const ansible = await mustAnsible("ansible", [
        "localhost",
        "-m",
        "debug",
        "-a",
        "msg={{'text' | vault('pw', 'salt')}}",
      ]);
      const text = /"msg": "(.*)"/.exec(ansible)?.[1] ?? "";
      assert.match(text, /^\$ANSIBLE_VAULT;1\.2;AES256;filter_default/);
      const that = [
        `unvault("${text}", "pw") == "text"`,
        `vault("text", "pw", "salt") == "${text}"`,
        `vault_encrypted("${text}")`,
        '!vault_encrypted("text")',
      ];
      await assertPlays([{ assert: { that } }], []);
    });

    it("48: unvault of what is plain, or with another password, fails", async () => {
      assert.match(
        (await play([{ debug: { msg: '{{unvault "plain" "pw"}}' } }], [])).stdout,
        /unvault: the text is not encrypted/,
      );
      assert.match(
        (await play([{ debug: { msg: '{{unvault (vault "x" "a") "b"}}' } }], [])).stdout,
        /no vault password that was given opens it/,
      );
    });
  });
});
