// vars_prompt at a terminal and without one; the scenarios of Ansible's target vars_prompt.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { passwordHash } from "../../src/playbook/helpers/password.js";
import { requireOrSkip } from "../lab/needs.js";

const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

interface Case {
  readonly title: string;
  /** YAML of the prompts. */
  readonly prompts: string;
  readonly msg: string;
  /** What is typed, by what the question ends with. */
  readonly typed: readonly (readonly [question: string, answer: string])[];
  readonly shows: RegExp;
  readonly hides?: RegExp;
  readonly words?: readonly string[];
}

const cases: readonly Case[] = [
  {
    title: "asks by the variable's name where no question is given, and shows what is typed unless it is private",
    prompts: "[{name: city, private: false}]",
    msg: "from {{city}}",
    typed: [["city: ", "Trier"]],
    shows: /city: Trier[^]*from Trier/,
  },
  {
    title: "hides a private answer while it is typed, and wherever it would be shown later",
    prompts: "[{name: secret, prompt: Which}]",
    msg: "it is {{secret}}",
    typed: [["Which: ", "sesame-open"]],
    shows: /it is \*{8}/,
    hides: /sesame-open/,
  },
  {
    title: "takes the default where nothing is typed, and shows it in the question",
    prompts: "[{name: n, prompt: How many, default: 5, private: false}]",
    msg: "n is {{n}}",
    typed: [["How many [5]: ", ""]],
    shows: /n is 5/,
  },
  {
    title: "takes what is typed before the default",
    prompts: "[{name: n, default: 5, private: no}]",
    msg: "n is {{n}}",
    typed: [["n [5]: ", "6"]],
    shows: /n is 6/,
  },
  {
    title: "asks again until both answers are the same",
    prompts: "[{name: word, prompt: Word, confirm: true, private: false}]",
    msg: "word {{word}}",
    typed: [
      ["Word: ", "one"],
      ["confirm Word: ", "two"],
      ["Word: ", "three"],
      ["confirm Word: ", "three"],
    ],
    shows: /VALUES ENTERED DO NOT MATCH[^]*word three/,
  },
  {
    title: "hashes the answer, with the salt that is given",
    prompts: "[{name: hash, prompt: P, encrypt: sha512_crypt, salt: saltsalt, confirm: true}]",
    msg: "{{hash}}",
    typed: [
      ["P: ", "secret1"],
      ["confirm P: ", "secret1"],
    ],
    shows: new RegExp(passwordHash("secret1", "sha512", "saltsalt", undefined).replace(/[$.]/g, String.raw`\$&`)),
    hides: /secret1/,
  },
  {
    title: "hashes with a salt of the size that is wished",
    prompts: "[{name: hash, prompt: P, encrypt: sha256_crypt, salt_size: 4}]",
    msg: "{{hash}}",
    typed: [["P: ", "secret1"]],
    shows: /\$5\$[./0-9A-Za-z]{4}\$[./0-9A-Za-z]{43}/,
  },
  {
    title: "renders braces in an answer, unless it is unsafe",
    prompts: "[{name: a, private: false}, {name: b, private: false, unsafe: true}]",
    msg: "{{a}} and {{b}}",
    typed: [
      ["a: ", "{{inventory_hostname}}"],
      ["b: ", "{{inventory_hostname}}"],
    ],
    shows: /local and {{inventory_hostname}}/,
  },
  {
    title: "does not ask for what -e gives",
    prompts: "[{name: a, private: false}, {name: b, private: false}]",
    msg: "{{a}} and {{b}}",
    typed: [["b: ", "asked"]],
    shows: /given and asked/,
    words: ["-e", "a=given"],
  },
];

describe("cli: vars_prompt", function () {
  this.timeout(30_000);
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-prompt-"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function write({ prompts, msg }: Pick<Case, "prompts" | "msg">): void {
    const play = `- hosts: local\n  gather_facts: false\n  vars: {city: beneath, n: beneath}\n  vars_prompt: ${prompts}\n`;
    writeFileSync(join(directory, "site.yml"), `${play}  tasks:\n    - debug: {msg: '${msg}'}\n`);
  }

  function atTerminal({
    typed,
    words = [],
  }: Case): Promise<{ readonly status: number | null; readonly shown: string }> {
    const command = [process.execPath, main, "play", "site.yml", "--output", "plain", ...words].join(" ");
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: directory,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    let from = 0;
    let next = 0;
    child.stdout.setEncoding("utf8").on("data", (data: string) => {
      shown += data;
      const question = typed[next];
      if (!question || !shown.slice(from).includes(question[0])) return;
      from = shown.length;
      next++;
      child.stdin.write(`${question[1]}\n`);
    });
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, shown })));
  }

  for (const one of cases) {
    it(one.title, async function () {
      requireOrSkip(this, { tools: ["script"] });
      write(one);
      const { status, shown } = await atTerminal(one);
      assert.equal(status, 0, shown);
      assert.match(shown, one.shows);
      if (one.hides) assert.doesNotMatch(shown, one.hides);
    });
  }

  for (const [question, words] of [
    ["secret: ", []],
    ["become password: ", ["-K"]],
    ["Vault password: ", ["-J"]],
  ] as const)
    it(`Ctrl-C at "${question}": nothing is played, status 130`, async function () {
      requireOrSkip(this, { tools: ["script"] });
      write({ prompts: "[{name: secret}]", msg: "played" });
      const typed = [[question, "\u0003"]] as const;
      const { status, shown } = await atTerminal({ title: "", prompts: "", msg: "", typed, shows: /./, words });
      assert.equal(status, 130, shown);
      assert.match(shown, /interrupted: the question was not answered, and nothing was changed/);
      assert.doesNotMatch(shown, /PLAY|played/);
    });

  const alone = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [main, "play", "site.yml", "--output", "plain", ...words], {
      cwd: directory,
      encoding: "utf8",
      input: "",
    });

  it("takes defaults without a terminal, and refuses before anything is connected to where there is none", () => {
    write({ prompts: "[{name: a, default: x}, {name: b, default: '{{a}}y'}]", msg: "{{a}} {{b}}" });
    assert.match(alone().stdout, /x xy/);
    write({ prompts: "[{name: a, default: x}, {name: b}, {name: c}]", msg: "{{a}} {{b}} {{c}}" });
    const { status, stdout, stderr } = alone();
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /error: vars_prompt: there is nobody to ask for "b"\n {2}at site.yml:4:[^]*with -e b=[^]*"c"/);
    assert.equal(alone("-e", "b=1", "-e", "c=2").status, 0);
    assert.equal(alone("--list-tasks").status, 0);
  });
});
