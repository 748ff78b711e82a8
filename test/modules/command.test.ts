// Fixtures of the modules that run programs: command, shell, script.

import assert from "node:assert/strict";
import command from "../../modules/command.js";
import script from "../../modules/script.js";
import shell from "../../modules/shell.js";
import { concludeCommand, OUTPUT_LIMIT } from "../../src/module/command-result.js";
import { splitWords } from "../../src/module/words.js";
import { localFile, modelOf, planFixture, testFixtures } from "../module/harness.js";

const always = "a command runs each time unless creates or removes say otherwise";

testFixtures(command, [
  {
    name: "runs the words as they are, without a shell",
    params: { cmd: `echo "a  b" 'c;d' *` },
    expect: { changed: true, argv: [["echo", "a  b", "c;d", "*"]] },
    isNeverConverged: always,
  },
  {
    name: "expands variables and ~ from the environment that the program will have; unknown ones stay",
    tree: { "/etc/passwd": "root:x:0:0::/root:/bin/bash\nweb:x:33:33::/var/www:/bin/sh\n" },
    params: { cmd: "echo $HOME/x ${USER} ~ ~web/y ~who a~ $A '$NOT_THERE' $1 $PATHS" },
    context: { environment: { A: "b c" } },
    expect: {
      argv: [["echo", "/root/x", "root", "/root", "/var/www/y", "~who", "a~", "b c", "$NOT_THERE", "$1", "$PATHS"]],
      result: { cmd: ["echo", "$HOME/x", "${USER}", "~", "~web/y", "~who", "a~", "$A", "$NOT_THERE", "$1", "$PATHS"] },
    },
    isNeverConverged: always,
  },
  {
    name: "expands for the user that it becomes",
    tree: { "/etc/passwd": "root:x:0:0::/root:/bin/bash\nweb:x:33:33::/var/www/:/bin/sh\n" },
    params: { argv: ["touch", "~/x", "$LOGNAME"] },
    context: { becomeUser: "33" },
    expect: { argv: [["touch", "/var/www/x", "web"]] },
    isNeverConverged: always,
  },
  {
    name: "expands nothing where that is not wanted",
    params: { cmd: "echo $HOME ~", expand_argument_vars: false },
    expect: { argv: [["echo", "$HOME", "~"]] },
    isNeverConverged: always,
  },
  {
    name: "does not look at passwd where no word may need it",
    params: { cmd: "true" },
    expect: { argv: [["true"]] },
    isNeverConverged: always,
  },
  {
    name: "takes an empty creates for none",
    params: { cmd: "true", creates: "" },
    expect: { changed: true },
    isNeverConverged: always,
  },
  {
    name: "fails where the directory is missing, though there would be nothing to do",
    tree: { "/srv/done": "" },
    params: { cmd: "make", creates: "/srv/done", chdir: "/nope" },
    expect: {
      refusal: /^Unable to change directory before execution: \[Errno 2\] No such file or directory: '\/nope'/,
    },
  },
  {
    name: "warns that executable has no effect, as Ansible does",
    params: { cmd: "ls /", executable: "/bogus" },
    expect: { argv: [["ls", "/"]], warning: /no longer supported.*Not using '\/bogus'/ },
    isNeverConverged: always,
  },
  {
    name: "refuses ~ in a path instead of looking for it",
    params: { cmd: "true", creates: "~/x" },
    expect: { problem: /creates: ~\/x would need a login/ },
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
    name: "takes a directory that it removes for gone with all that is in it",
    tree: { "/srv/old/a/b": "" },
    params: { cmd: "rm -r /srv/old", removes: "/srv/old/" },
    expect: { changed: true, after: { "/srv/old": undefined, "/srv/old/a": undefined } },
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
  {
    name: "refuses both forms at once",
    params: { cmd: "a", argv: ["b"] },
    expect: { problem: /only command or argv can be given, not both/ },
  },
  { name: "needs one of the forms", params: {}, expect: { problem: /no command given/ } },
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
  { name: "refuses nothing to run", params: { cmd: " " }, expect: { problem: /no command given/ } },
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
    expect: { changed: false, message: "/srv/done exists, matching creates option" },
  },
  {
    name: "is skipped where what it removes is gone",
    params: { cmd: "setup.sh", removes: "/srv/old" },
    context: { sources },
    expect: { changed: false, message: "/srv/old does not exist, matching removes option" },
  },
  {
    name: "takes no wildcards in creates, as Ansible's script does not",
    tree: { "/srv/done": "" },
    params: { cmd: "setup.sh", creates: "/srv/don*" },
    context: { sources },
    expect: { changed: true },
    isNeverConverged: always,
  },
  {
    name: "gives arguments that need a shell to the shell, as they are written",
    params: { cmd: `setup.sh "$HOME" 'a b' | sort` },
    context: { sources },
    expect: { argv: [["/bin/sh", "-c", `@files@/setup.sh "$HOME" 'a b' | sort`]] },
    isNeverConverged: always,
  },
  {
    name: "needs no shell for what stands in single quotes",
    params: { cmd: "setup.sh '$HOME|*' a=b" },
    context: { sources },
    expect: { argv: [["@files@/setup.sh", "$HOME|*", "a=b"]] },
    isNeverConverged: always,
  },
  {
    name: "runs a script without a first line that says how by the shell, as a shell does",
    params: { cmd: "'my setup.sh' x" },
    context: { sources: { cmd: localFile("/play/files/my setup.sh", "true\n", 0o644) } },
    expect: { argv: [["/bin/sh", "@files@/my setup.sh", "x"]] },
    isNeverConverged: always,
  },
  {
    name: "wants an absolute directory",
    params: { cmd: "setup.sh", chdir: "etc" },
    context: { sources },
    expect: { problem: /chdir must be an absolute path/ },
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
    assert.match(refusal?.message ?? "", /^\[Errno 2\] No such file or directory: 'nothere'$/);
  });

  it("gives the signal as a negative status", () => {
    const { result } = concludeCommand({ exit: { kind: "signaled", value: 9, wallMs: 0, cpuMs: 0 } }, options);
    assert.equal(result?.["rc"], -9);
  });

  it("says where the directory cannot be entered, with rc null as Ansible has it", () => {
    const failure = { errno: 20, code: "system", step: "chdir", path: "/etc/passwd", message: "" } as const;
    const exit = { kind: "not-started", value: 0, failure, wallMs: 0, cpuMs: 0 } as const;
    const { refusal, result, changed } = concludeCommand({ exit }, options);
    assert.equal(
      refusal?.message,
      "Unable to change directory before execution: [Errno 20] Not a directory: '/etc/passwd'",
    );
    assert.deepEqual([result?.["rc"], result?.["start"], changed], [null, null, false]);
  });

  it("tells that more was printed than a result keeps", () => {
    const outcome = { exit: exited(0), stdout: Buffer.alloc(OUTPUT_LIMIT, "a") };
    assert.match(concludeCommand(outcome, options).message ?? "", /only the first 16 MiB/);
  });
});

describe("words of a command line", () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["  a\tb\nc ", ["a", "b", "c"]],
    [`a"b c"d`, ["ab cd"]],
    ['a \\\n  b"c\\\nd"', ["a", "bcd"]],
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
