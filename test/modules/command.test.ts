// Fixtures of the modules that run programs: command, shell, script.

import assert from "node:assert/strict";
import command from "../../modules/command.js";
import script from "../../modules/script.js";
import shell from "../../modules/shell.js";
import { concludeCommand } from "../../src/module/command-result.js";
import { splitWords } from "../../src/module/words.js";
import { localFile, modelOf, planFixture, testFixtures } from "../module/harness.js";

const always = "a command runs each time unless creates or removes say otherwise";

testFixtures(command, [
  {
    name: "runs the words as they are, without a shell",
    params: { cmd: `echo "a  b" 'c;d' $HOME *` },
    expect: { changed: true, argv: [["echo", "a  b", "c;d", "$HOME", "*"]] },
    isNeverConverged: always,
  },
  {
    name: "takes the words as a list",
    params: { argv: ["touch", "a b"], chdir: "/srv", stdin: "x" },
    expect: { changed: true, argv: [["touch", "a b"]] },
    isNeverConverged: always,
  },
  {
    name: "does not run where the file that it creates is there",
    tree: { "/srv/done": "" },
    params: { cmd: "make", creates: "/srv/done" },
    expect: {
      changed: false,
      message: "Did not run command since '/srv/done' exists",
      result: { rc: 0, stdout: "skipped, since /srv/done exists" },
    },
  },
  {
    name: "takes wildcards in creates, relative to chdir",
    tree: { "/srv/app-1.2/x": "" },
    params: { cmd: "make", creates: "app-*", chdir: "/srv" },
    expect: { changed: false },
  },
  {
    name: "runs once where creates names what is not there yet",
    params: { cmd: "make", creates: "/srv/done" },
    expect: { changed: true, kinds: ["exec"] },
  },
  {
    name: "runs once where removes names what is there",
    tree: { "/srv/old": "" },
    params: { cmd: "rm /srv/old", removes: "/srv/old" },
    expect: { changed: true },
  },
  {
    name: "does not run where what it removes is gone",
    params: { cmd: "rm /srv/old", removes: "/srv/old" },
    expect: { changed: false, result: { stdout: "skipped, since /srv/old does not exist" } },
  },
  {
    name: "refuses an open quote before anything runs",
    params: { cmd: `echo "a` },
    expect: { problem: /open double quote/ },
  },
  { name: "refuses both forms at once", params: { cmd: "a", argv: ["b"] }, expect: { problem: /exclude each other/ } },
  { name: "needs one of the forms", params: {}, expect: { problem: /one of cmd, argv is needed/ } },
]);

testFixtures(shell, [
  {
    name: "gives the text to the shell as it is",
    params: { cmd: "echo $HOME | wc" },
    expect: { changed: true, argv: [["/bin/sh", "-c", "echo $HOME | wc"]] },
    isNeverConverged: always,
  },
  {
    name: "takes another shell",
    params: { cmd: "set -o pipefail; a | b", executable: "/bin/bash" },
    expect: { argv: [["/bin/bash", "-c", "set -o pipefail; a | b"]] },
    isNeverConverged: always,
  },
  { name: "refuses nothing to run", params: { cmd: " " }, expect: { refusal: /no command given/ } },
]);

const sources = { cmd: localFile("/play/files/setup.sh", "#!/bin/sh\ntrue\n", 0o644) };

testFixtures(script, [
  {
    name: "shows the script outside the tree and gives it its arguments",
    params: { cmd: "setup.sh --fast 'a b'" },
    context: { sources },
    expect: { changed: true, argv: [["@files@/setup.sh", "--fast", "a b"]] },
    isNeverConverged: always,
  },
  {
    name: "runs it with another interpreter",
    params: { cmd: "setup.sh x", executable: "/usr/bin/perl -w" },
    context: { sources },
    expect: { argv: [["/usr/bin/perl", "-w", "@files@/setup.sh", "x"]] },
    isNeverConverged: always,
  },
  {
    name: "is skipped where what it creates is there, as in Ansible",
    tree: { "/srv/done": "" },
    params: { cmd: "setup.sh", creates: "/srv/done" },
    context: { sources },
    expect: { changed: false, message: "skipped, since /srv/done exists" },
  },
]);

describe("result of a command", () => {
  const startedAt = new Date("2026-01-02T03:04:05.500Z");
  const options = { cmd: ["x"], startedAt, stripsEnds: true };
  const exited = (value: number) => ({ kind: "exited", value, wallMs: 1234, cpuMs: 1 }) as const;

  it("has Ansible's keys and cuts empty ends", () => {
    const outcome = { exit: exited(0), stdout: Buffer.from("a\nb\n\n"), stderr: Buffer.from("") };
    assert.deepEqual(concludeCommand(outcome, options), {
      message: "",
      result: {
        cmd: ["x"],
        rc: 0,
        start: "2026-01-02 03:04:05.500000",
        end: "2026-01-02 03:04:06.734000",
        delta: "0:00:01.234000",
        stdout: "a\nb",
        stderr: "",
        stdout_lines: ["a", "b"],
        stderr_lines: [],
      },
    });
  });

  it("fails for a status that is not zero, with rc and output kept", () => {
    const { refusal, result } = concludeCommand({ exit: exited(3), stdout: Buffer.from("x") }, options);
    assert.equal(refusal?.message, "non-zero return code");
    assert.equal(result?.["rc"], 3);
    assert.equal(result?.["stdout"], "x");
  });

  it("says which program could not be started", () => {
    const failure = {
      errno: 2,
      code: "system",
      step: "exec",
      path: "nothere",
      message: "no nothere in PATH",
    } as const;
    const { refusal } = concludeCommand(
      { exit: { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 } },
      options,
    );
    assert.match(refusal?.message ?? "", /could not be started: no nothere in PATH \(ENOENT\)$/);
  });

  it("gives the signal as a negative status", () => {
    const { result } = concludeCommand({ exit: { kind: "signaled", value: 9, wallMs: 0, cpuMs: 0 } }, options);
    assert.equal(result?.["rc"], -9);
  });
});

describe("words of a command line", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  a\tb\nc ", ["a", "b", "c"]],
    [`a"b c"d`, ["ab cd"]],
    [`'' ""`, ["", ""]],
    [String.raw`a\ b "c\"d" 'e\f' "g\h"`, ["a b", `c"d`, String.raw`e\f`, String.raw`g\h`]],
  ];
  for (const [text, words] of cases) {
    it(`splits ${JSON.stringify(text)} as a shell does`, () => assert.deepEqual(splitWords(text), { words }));
  }
  it("says that a backslash at the end escapes nothing", () => assert.ok("problem" in splitWords("a\\")));
});

describe("command in check mode", () => {
  it("has a result that later conditions can read", () => {
    const { plan } = planFixture(command, { name: "", params: { cmd: "true" }, expect: {} }, modelOf());
    assert.equal(plan?.result?.["rc"], 0);
    assert.equal(plan?.message, "Command would have run if not in check mode");
  });
});
