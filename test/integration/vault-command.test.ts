// `crun vault` as a user calls it: files, values, keys, editors; what it refuses; and what Ansible and age make of it.

import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { ansible, mustAnsible } from "../lab/ansible.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { Workplace } from "./cli.js";

/** Directories in which an editor's text may lie. */
const memory = ["/dev/shm", "/tmp"];

function leftovers(): string[] {
  return memory
    .flatMap((one) => (existsSync(one) ? readdirSync(one) : []))
    .filter((one) => one.startsWith("crun-vault-"));
}

describe("crun vault", () => {
  const scope = testScope();
  const passwords = ["--vault-password-file", "pw"];

  function place(files: Readonly<Record<string, string>> = {}): Workplace {
    const work = new Workplace(scope, { pw: "correct horse\n", pw2: "other horse\n", ...files });
    for (const name of ["pw", "pw2"]) chmodSync(join(work.directory, name), 0o600);
    return work;
  }

  async function withKey(files: Readonly<Record<string, string>> = {}): Promise<Workplace> {
    const work = place(files);
    assert.equal((await work.crun(["vault", "keygen", "-o", "key"])).status, 0);
    return work;
  }

  const textOf = (work: Workplace, name: string): string => readFileSync(join(work.directory, name), "utf8");

  /** A program that stands in for an editor. */
  function editor(work: Workplace, script: string): Record<string, string | undefined> {
    const path = work.write("editor", `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return { ...work.environment, EDITOR: path, VISUAL: undefined };
  }

  describe("files", () => {
    it("are encrypted for one's own key, and keep mode and name", async () => {
      const work = await withKey({ "f.yml": "a: b\r\n" });
      chmodSync(join(work.directory, "f.yml"), 0o640);
      const ran = await work.crun(["vault", "encrypt", "f.yml", "--identity", "key"]);
      assert.equal(ran.status, 0, ran.all);
      assert.match(textOf(work, "f.yml"), /^-----BEGIN AGE ENCRYPTED FILE-----\n/);
      assert.equal(statSync(join(work.directory, "f.yml")).mode & 0o777, 0o640);
      const view = await work.crun(["vault", "view", "f.yml", "--identity", "key"]);
      assert.equal(view.stdout, "a: b\r\n");
      assert.equal((await work.crun(["vault", "decrypt", "f.yml", "--identity", "key"])).status, 0);
      assert.equal(textOf(work, "f.yml"), "a: b\r\n");
    });

    it("go through pipes, bytes of any kind", async () => {
      const work = place();
      const bytes = Buffer.from([0, 255, 10, 13, 128]);
      const sealed = await work.crun(["vault", "encrypt", "--format", "ansible", ...passwords], { input: bytes });
      work.write("x", sealed.stdout);
      assert.equal((await work.crun(["vault", "decrypt", "x", "-o", "y", ...passwords])).status, 0);
      assert.deepEqual(readFileSync(join(work.directory, "y")), bytes);
      assert.equal(statSync(join(work.directory, "y")).mode & 0o777, 0o600);
      assert.equal(textOf(work, "x"), sealed.stdout);
    });

    it("are encrypted for whom crun.yml says, keys or files of them, and opened by its keys", async () => {
      const work = await withKey({
        "f.yml": "a: b\n",
        "crun.yml": "vault: {identities: key, recipients: [keys/team]}\n",
      });
      await work.crun(["vault", "keygen", "-o", "key2"]);
      const recipients = await Promise.all(
        ["key", "key2"].map(async (key) => (await work.crun(["vault", "keygen", "-y", key])).stdout),
      );
      work.write("keys/team", `# the team\n${recipients.join("\n")}`);
      assert.equal((await work.crun(["vault", "encrypt", "f.yml"])).status, 0);
      assert.equal((await work.crun(["vault", "view", "f.yml"])).stdout, "a: b\n");
      assert.equal((await work.crun(["vault", "view", "f.yml", "--identity", "key2"])).stdout, "a: b\n");
      assert.equal((await work.crun(["vault", "decrypt", "f.yml", "-o", "/dev/stdout"])).stdout, "a: b\n");
    });

    it("behind a link are replaced themselves, and the link stays", async () => {
      const work = place({ "real.yml": "a: b\n" });
      symlinkSync("real.yml", join(work.directory, "link.yml"));
      assert.equal((await work.crun(["vault", "encrypt", "link.yml", "--format", "ansible", ...passwords])).status, 0);
      assert.ok(lstatSync(join(work.directory, "link.yml")).isSymbolicLink());
      assert.match(textOf(work, "real.yml"), /^\$ANSIBLE_VAULT;1\.1;AES256\n/);
    });

    it("are all read before one is written", async () => {
      const work = place({ a: "plain\n", b: "$ANSIBLE_VAULT;1.1;AES256\n00\n" });
      const ran = await work.crun(["vault", "encrypt", "a", "b", "--format", "ansible", ...passwords]);
      assert.equal(ran.status, 1);
      assert.match(ran.stderr, /^error: b is encrypted already\n {2}crun vault rekey/);
      assert.equal(textOf(work, "a"), "plain\n");
    });
  });

  describe("mistakes are told, with exit status 1, and change nothing", () => {
    const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["no such file", ["encrypt", "nofile", ...passwords], /cannot read nofile: there is no such file/],
      ["a directory", ["encrypt", ".", ...passwords], /error: \. is a directory/],
      ["no key", ["encrypt", "plain"], /no key to encrypt with was given\n {2}Give --recipient age1…, --identity FILE/],
      ["plain where encrypted is wanted", ["decrypt", "plain", ...passwords], /plain is not encrypted/],
      [
        "the wrong password",
        ["view", "sealed", "--vault-password-file", "pw2"],
        /no vault password that was given opens it\n {2}at sealed\n {2}Tried: default \(pw2\)/,
      ],
      [
        "no password",
        ["view", "sealed"],
        /and no vault password was given\n {2}at sealed\n {2}Give it with --vault-password-file/,
      ],
      [
        "a password file that is not there",
        ["view", "sealed", "--vault-password-file", "none"],
        /there is no vault password file none/,
      ],
      [
        "an empty password file",
        ["view", "sealed", "--vault-password-file", "empty"],
        /the vault password file empty is empty/,
      ],
      [
        "a program that fails",
        ["view", "sealed", "--vault-password-file", "./fails"],
        /\.\/fails failed: exit status 3/,
      ],
      [
        "a password file that is encrypted",
        ["view", "sealed", "--vault-password-file", "sealed"],
        /the vault password file is encrypted, and no vault password was given\n {2}at sealed/,
      ],
      ["a vault id without a source", ["view", "sealed", "--vault-id", "dev@"], /--vault-id dev@: a source is wanted/],
      [
        "asking without a terminal",
        ["view", "sealed", "-J"],
        /cannot be asked for: stdin is no terminal and holds no line/,
      ],
      [
        "several passwords to encrypt with",
        ["encrypt", "plain", "--vault-id", "a@pw", "--vault-id", "b@pw2"],
        /several vault passwords were given \(a, b\)[^]*--encrypt-vault-id LABEL/,
      ],
      [
        "an id of which there is no password",
        ["encrypt", "plain", "--vault-id", "a@pw", "--encrypt-vault-id", "b"],
        /--encrypt-vault-id b: no password of that id was given\n {2}There are a\./,
      ],
      [
        "an unknown format",
        ["encrypt", "plain", "--format", "gpg", ...passwords],
        /--format gpg: there is no such format/,
      ],
      [
        "a recipient for Ansible",
        ["encrypt", "plain", "--format", "ansible", "--recipient", "age1xyz"],
        /--recipient is age's/,
      ],
      ["a recipient that is none", ["encrypt", "plain", "--recipient", "age1xyz"], /one of the recipients is none/],
      [
        "an SSH key as recipient",
        ["encrypt", "plain", "--recipient", "ssh-ed25519 AAAA"],
        /SSH keys are no recipients here/,
      ],
      [
        "an SSH key as identity",
        ["view", "armored", "--identity", "ssh"],
        /ssh is an SSH or TLS key: crun takes age's own identities alone/,
      ],
      ["a recipient as identity", ["view", "armored", "--identity", "public"], /public holds a recipient \(age1…\)/],
      [
        "an identity file with nothing in it",
        ["view", "armored", "--identity", "empty"],
        /empty holds no age identity/,
      ],
      ["an identity of a plugin", ["view", "armored", "--identity", "plugin"], /plugins are not supported/],
      [
        "a vault that is cut off",
        ["view", "cut", ...passwords],
        /the file is encrypted, but damaged: its body is cut off[^]*No password can open it/,
      ],
      ["an armor that is cut off", ["view", "armored", ...passwords], /damaged: its armor is broken/],
      ["an unknown version", ["view", "version", ...passwords], /no version "9.9" that is known/],
      ["an unknown cipher", ["view", "cipher", ...passwords], /no cipher "DES" that is known/],
      [
        "rekey of what is plain",
        ["rekey", "plain", "--new-vault-password-file", "pw2"],
        /plain is not encrypted, and no value in it is/,
      ],
      [
        "several files into one",
        ["decrypt", "sealed", "sealed", "-o", "x", ...passwords],
        /--output takes what one file becomes, and 2 were given/,
      ],
      [
        "a name that is none",
        ["encrypt-string", "--name", "a-b", "x", ...passwords],
        /--name a-b: it cannot be the name of a variable/,
      ],
      [
        "more names than texts",
        ["encrypt-string", "--name", "a", "--name", "b", "x", ...passwords],
        /2 names were given for one text/,
      ],
      ["a new key over an old one", ["keygen", "-o", "plain"], /plain is there already/],
    ];
    for (const [name, args, expected] of cases) {
      it(name, async () => {
        const work = place({
          plain: "a: b\n",
          empty: "\n",
          fails: "#!/bin/sh\nexit 3\n",
          cut: "$ANSIBLE_VAULT;1.1;AES256\n313\n",
          armored: "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n",
          version: "$ANSIBLE_VAULT;9.9;AES256\n00\n",
          cipher: "$ANSIBLE_VAULT;1.1;DES\n00\n",
          ssh: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
          public: "age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw\n",
          plugin: "AGE-PLUGIN-YUBIKEY-1ABC\n",
        });
        chmodSync(join(work.directory, "fails"), 0o755);
        const { stdout } = await work.crun(["vault", "encrypt", "--format", "ansible", ...passwords], {
          input: "a: b\n",
        });
        work.write("sealed", stdout);
        const ran = await work.crun(["vault", ...args]);
        assert.match(ran.stderr, expected);
        assert.equal(ran.status, 1);
        assert.equal(textOf(work, "plain"), "a: b\n");
        assert.equal(textOf(work, "sealed"), stdout);
      });
    }

    it("a file with a second name, which would be left behind", async () => {
      const work = place({ plain: "a: b\n" });
      linkSync(join(work.directory, "plain"), join(work.directory, "second"));
      const ran = await work.crun(["vault", "encrypt", "plain", "--format", "ansible", ...passwords]);
      assert.match(ran.stderr, /plain has 2 names \(hard links\)/);
      assert.equal(textOf(work, "second"), "a: b\n");
    });

    it("a password file that others may read is warned of", async () => {
      const work = place({ plain: "a: b\n" });
      chmodSync(join(work.directory, "pw"), 0o644);
      const ran = await work.crun(["vault", "encrypt", "plain", "--format", "ansible", ...passwords]);
      assert.equal(ran.status, 0);
      assert.match(
        ran.stderr,
        /^warning: pw holds a secret, and others than its owner may read it\n {2}chmod 600 pw\n$/,
      );
    });
  });

  describe("edit", () => {
    async function sealed(text: string): Promise<Workplace> {
      const work = await withKey({ "f.yml": text });
      const ran = await work.crun(["vault", "encrypt", "f.yml", "--identity", "key"]);
      assert.equal(ran.status, 0, ran.all);
      return work;
    }

    it("shows the text in a private directory in memory, and encrypts what becomes of it", async () => {
      const work = await sealed("a: old\n");
      const env = editor(work, `stat -c '%a %n' "$1" "$(dirname "$1")" > seen; sed -i s/old/new/ "$1"; touch "$1~"`);
      const ran = await work.crun(["vault", "edit", "f.yml", "--identity", "key"], { env });
      assert.equal(ran.status, 0, ran.all);
      assert.match(textOf(work, "seen"), /^600 (\/dev\/shm|\/run\/user)\/.*\/f\.yml\n700 /);
      assert.equal((await work.crun(["vault", "view", "f.yml", "--identity", "key"])).stdout, "a: new\n");
      assert.deepEqual(leftovers(), []);
    });

    const untouched: readonly (readonly [string, string, number, RegExp])[] = [
      ["nothing was changed", "true", 0, /f\.yml was not changed/],
      ["the editor fails", "sed -i s/old/new/ $1; exit 2", 1, /editor .* ended with exit status 2[^]*stays as it was/],
      ["the editor dies", "kill -9 $$", 1, /ended with SIGKILL/],
      ["the text is gone", 'rm "$1"', 1, /removed the text/],
    ];
    for (const [name, script, status, expected] of untouched) {
      it(`leaves the file as it was, to the byte, where ${name}`, async () => {
        const work = await sealed("a: old\n");
        const before = textOf(work, "f.yml");
        const ran = await work.crun(["vault", "edit", "f.yml", "--identity", "key"], { env: editor(work, script) });
        assert.equal(ran.status, status, ran.all);
        assert.match(ran.stderr, expected);
        assert.equal(textOf(work, "f.yml"), before);
        assert.deepEqual(leftovers(), []);
      });
    }

    it("leaves nothing behind where it is ended by a signal", async () => {
      for (const signal of ["SIGTERM", "SIGHUP"] as const) {
        const work = await sealed("a: old\n");
        const before = textOf(work, "f.yml");
        const env = editor(work, 'echo "$1" > seen; exec sleep 30');
        const started = work.start(["vault", "edit", "f.yml", "--identity", "key"], "ignore", env);
        while (!existsSync(join(work.directory, "seen"))) await new Promise((resolve) => setTimeout(resolve, 50));
        started.kill(signal);
        const ended = await started.ended;
        assert.equal(ended.status, 1, ended.all);
        assert.equal(textOf(work, "f.yml"), before);
        assert.deepEqual(leftovers(), []);
      }
    });

    it("leaves nothing behind where it is killed, though the editor lives on", async () => {
      const work = await sealed("a: old\n");
      const env = editor(work, 'echo "$$ $1" > seen; exec sleep 30');
      const started = work.start(["vault", "edit", "f.yml", "--identity", "key"], "ignore", env);
      const seen = (): string => (existsSync(join(work.directory, "seen")) ? textOf(work, "seen") : "");
      const until = async (isSo: () => boolean): Promise<void> => {
        for (let tries = 0; !isSo(); tries++) {
          assert.ok(tries < 200, `${seen()}${leftovers().join(" ")}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await until(() => seen().endsWith("\n"));
      assert.equal(leftovers().length, 1);
      const pid = Number(seen().split(" ")[0]);
      try {
        started.kill("SIGKILL");
        await until(() => leftovers().length === 0);
      } finally {
        process.kill(pid, "SIGKILL");
        await started.ended;
      }
    });

    it("removes what a killed one has left whose guard was killed as well, and nothing else", async () => {
      const work = await sealed("a: old\n");
      const namespace = readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
      const ticks = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1)?.split(" ")[19] ?? "";
      const names = {
        dead: `crun-vault-${namespace}-${process.pid}-${Number(ticks) + 1}-AAAAAA`,
        alive: `crun-vault-${namespace}-${process.pid}-${ticks}-BBBBBB`,
        elsewhere: `crun-vault-1-${process.pid}-${Number(ticks) + 1}-CCCCCC`,
        theirs: `crun-vault-${namespace}-${process.pid}-${Number(ticks) + 1}-DDDDDD`,
      };
      const paths = Object.values(names).map((name) => join("/dev/shm", name));
      try {
        for (const path of paths) {
          mkdirSync(path);
          writeFileSync(join(path, "text"), "secret");
        }
        const isRoot = process.getuid?.() === 0;
        if (isRoot) chownSync(join("/dev/shm", names.theirs), 12_345, 12_345);
        await work.crun(["vault", "view", "f.yml", "--identity", "key"]);
        assert.deepEqual(
          paths.map((path) => existsSync(path)),
          [false, true, true, isRoot],
        );
      } finally {
        for (const path of paths) rmSync(path, { recursive: true, force: true });
      }
    });

    it("does not overwrite what somebody else changed meanwhile", async () => {
      const work = await sealed("a: old\n");
      const env = editor(work, `echo "a: theirs" > "${join(work.directory, "f.yml")}"; sed -i s/old/new/ "$1"`);
      const ran = await work.crun(["vault", "edit", "f.yml", "--identity", "key"], { env });
      assert.match(ran.stderr, /f\.yml was changed by somebody else meanwhile/);
      assert.equal(textOf(work, "f.yml"), "a: theirs\n");
    });

    it("does not shut out another holder of a key by mistake", async () => {
      const work = await withKey({ "f.yml": "a: old\n" });
      await work.crun(["vault", "keygen", "-o", "key2"]);
      const both = await Promise.all(
        ["key", "key2"].map(async (key) => (await work.crun(["vault", "keygen", "-y", key])).stdout.trim()),
      );
      const recipients = both.flatMap((one) => ["--recipient", one]);
      assert.equal((await work.crun(["vault", "encrypt", "f.yml", ...recipients])).status, 0);
      const env = editor(work, 'sed -i s/old/new/ "$1"');
      const ran = await work.crun(["vault", "edit", "f.yml", "--identity", "key"], { env });
      assert.match(ran.stderr, /f\.yml is encrypted for 2 keys, and only 1 of them is known/);
      assert.equal(
        (await work.crun(["vault", "edit", "f.yml", "--identity", "key", ...recipients], { env })).status,
        0,
      );
      assert.equal((await work.crun(["vault", "view", "f.yml", "--identity", "key2"])).stdout, "a: new\n");
    });

    it("keeps Ansible's format, label and password", async () => {
      const work = place({ "f.yml": "a: old\n" });
      const id = ["--vault-id", "prod@pw"];
      await work.crun(["vault", "encrypt", "f.yml", "--format", "ansible", ...id]);
      const ran = await work.crun(["vault", "edit", "f.yml", ...id], { env: editor(work, 'sed -i s/old/new/ "$1"') });
      assert.equal(ran.status, 0, ran.all);
      assert.match(textOf(work, "f.yml"), /^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    });

    it("create writes a new file, and none over an old one", async () => {
      const work = await withKey();
      const env = editor(work, 'echo "a: b" > "$1"');
      assert.equal((await work.crun(["vault", "create", "n.yml", "--identity", "key"], { env })).status, 0);
      assert.equal((await work.crun(["vault", "view", "n.yml", "--identity", "key"])).stdout, "a: b\n");
      assert.match(
        (await work.crun(["vault", "create", "n.yml", "--identity", "key"], { env })).stderr,
        /n\.yml is there already/,
      );
    });
  });

  describe("rekey", () => {
    it("changes the password of files and of values in files, in the form that they have", async () => {
      const work = place({ whole: "a: b\n" });
      await work.crun(["vault", "encrypt", "whole", "--format", "ansible", ...passwords]);
      const strings = ["--name", "one", "first text", "--name", "two", "second text"];
      const value = await work.crun(["vault", "encrypt-string", ...strings, "--format", "ansible", ...passwords]);
      work.write(
        "values.yml",
        `# a comment\nentries:\n  - ${value.stdout.split("\n").slice(0, 7).join("\n    ").replace("one: ", "x: ").trimEnd()}\nplain: 1\n`,
      );
      const ran = await work.crun([
        "vault",
        "rekey",
        "whole",
        "values.yml",
        ...passwords,
        "--new-vault-password-file",
        "pw2",
      ]);
      assert.equal(ran.status, 0, ran.all);
      assert.match(textOf(work, "values.yml"), /^# a comment\nentries:\n {2}- x: !vault \|\n(?: {6}\S+\n)+plain: 1\n$/);
      assert.equal((await work.crun(["vault", "view", "whole", "--vault-password-file", "pw2"])).stdout, "a: b\n");
      work.write(
        "site.yml",
        '- hosts: local\n  vars_files: values.yml\n  tasks: [{assert: {that: "entries[0].x == \\"first text\\""}}]\n',
      );
      const old = await work.crun(["play", "site.yml", "-i", "local,", ...passwords]);
      assert.equal(old.status, 1, old.all);
      const now = await work.crun(["play", "site.yml", "-i", "local,", "--vault-password-file", "pw2"]);
      assert.equal(now.status, 0, now.all);
    });

    it("opens all before it writes the first", async () => {
      const work = place({ a: "a\n", b: "b\n" });
      await work.crun(["vault", "encrypt", "a", "--format", "ansible", ...passwords]);
      await work.crun(["vault", "encrypt", "b", "--format", "ansible", "--vault-password-file", "pw2"]);
      const before = textOf(work, "a");
      const ran = await work.crun(["vault", "rekey", "a", "b", ...passwords, "--new-vault-password-file", "pw2"]);
      assert.equal(ran.status, 1);
      assert.equal(textOf(work, "a"), before);
    });
  });

  describe("and other programs", () => {
    before(function () {
      requireOrSkip(this, { tools: ["ansible-vault", "ansible", "age", "expect"] });
    });

    it("Ansible reads values that crun printed, crun those that ansible-vault printed", async () => {
      const work = place();
      const mine = await work.crun([
        "vault",
        "encrypt-string",
        "--name",
        "mine",
        "my secret",
        "--format",
        "ansible",
        ...passwords,
      ]);
      const theirs = await mustAnsible(
        "ansible-vault",
        ["encrypt_string", ...passwords, "--name", "theirs", "their secret"],
        {
          cwd: work.directory,
        },
      );
      work.write("v.yml", `${mine.stdout}${theirs}\n`);
      const shown = await ansible(
        "ansible",
        ["localhost", "-m", "debug", "-a", "msg={{mine}}+{{theirs}}", "-e", "@v.yml", ...passwords],
        { cwd: work.directory },
      );
      assert.match(shown.stdout, /my secret\+their secret/);
      work.write(
        "site.yml",
        `- hosts: local\n  tasks: [{assert: {that: ["mine == 'my secret'", "theirs == 'their secret'"]}}]\n`,
      );
      const crun = await work.crun(["play", "site.yml", "-i", "local,", "-e", "@v.yml", ...passwords]);
      assert.equal(crun.status, 0, crun.all);
    });

    it("age asks for a passphrase and opens; crun asks for one and opens", async function () {
      this.timeout(60_000);
      const work = place({ x: "Setec Astronomy\n", "y.age": "" });
      assert.equal((await work.crun(["vault", "encrypt", "x", ...passwords])).status, 0);
      const script = work.write(
        "ask",
        `set timeout 30\nspawn age -d x\nexpect "passphrase*:"\nsend "correct horse\\r"\nexpect "Setec Astronomy"\nexpect eof\n`,
      );
      assert.match(await must(["expect", script], { cwd: work.directory }), /Setec Astronomy/);
      const crun = `${process.execPath} ${join(process.cwd(), "dist/crun.js")}`;
      const own = work.write(
        "ask2",
        `set timeout 30\nset env(PAGER) cat\nspawn ${crun} vault view -J x\nexpect "Vault password: "\nsend "correct horse\\r"\nexpect "Setec Astronomy"\nexpect eof\n`,
      );
      const shown = await must(["expect", own], { cwd: work.directory });
      assert.match(shown, /Setec Astronomy/);
      assert.doesNotMatch(shown, /correct horse/);
    });
  });
});
