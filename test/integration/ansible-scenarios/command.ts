// Scenarios of the module command.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const command = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("command", params, changed, { isNeverConverged: true, ...more });
const line = (freeForm: string, changed: Step["changed"], more: Partial<Step> = {}): Step =>
  command({}, changed, { freeForm, ...more });
const late = { failsLate: true } as const;

const win = { content: "#!/bin/sh\nprintf win\n", mode: 0o755 };
const createFile = { content: '#!/bin/sh\necho "win" > "$1"\n', mode: 0o755 };
const removeFile = { content: '#!/bin/sh\nrm -f "$1"\n', mode: 0o755 };
const emptyDirectory = { type: "directory" } as const;

export const scenarios: readonly Scenario[] = [
  {
    name: "executable has no effect but a warning",
    runs: true,
    steps: [
      line("ls /dev/null", true, {
        params: { executable: "/bogus" },
        warning: /no longer supported with the 'command' module/,
        result: { stdout: "/dev/null", rc: 0 },
      }),
    ],
  },
  {
    name: "no command is a failure",
    runs: true,
    steps: [command({ chdir: "/" }, "failed", { message: /no command given/ })],
  },
  {
    name: "an empty list of words is no command",
    runs: true,
    steps: [command({ argv: [] }, "failed", { message: /no command given/ })],
  },
  {
    name: "words as a list",
    runs: true,
    steps: [
      command({ argv: ["echo", "testing"] }, true, {
        result: {
          stdout: "testing",
          stdout_lines: ["testing"],
          stderr: "",
          stderr_lines: [],
          rc: 0,
          cmd: ["echo", "testing"],
          msg: "",
          failed: false,
        },
      }),
    ],
  },
  {
    name: "words that are no text become text",
    runs: true,
    steps: [
      command({ argv: ["echo", 1, true, "a b"] }, true, {
        result: { cmd: ["echo", "1", "True", "a b"], stdout: "1 True a b" },
      }),
    ],
  },
  {
    name: "a list and a line at once are a failure",
    runs: true,
    steps: [
      command({ cmd: "echo testing", argv: ["echo", "testing"] }, "failed", {
        message: /only command or argv can be given, not both/,
      }),
    ],
  },
  {
    name: "a program by its path",
    runs: true,
    start: { "/t/test.sh": win },
    steps: [line("/t/test.sh", true, { result: { rc: 0, stderr: "", stdout: "win" } })],
  },
  {
    name: "a program by its path from the directory",
    runs: true,
    start: { "/t/test.sh": win },
    steps: [line("./test.sh", true, { params: { chdir: "/t" }, result: { rc: 0, stdout: "win" } })],
  },
  {
    name: "a directory that is not there",
    runs: true,
    steps: [
      command({ cmd: "echo", chdir: "/t/nope" }, "failed", {
        message: /^Unable to change directory before execution: \[Errno 2\] No such file or directory: b?'\/t\/nope'/,
        result: { rc: null, cmd: ["echo"], start: null, end: null, delta: null, stdout: "", changed: false },
        ...late,
      }),
    ],
  },
  {
    name: "a directory that is none",
    runs: true,
    start: { "/t/file": "" },
    steps: [
      command({ cmd: "echo", chdir: "/t/file" }, "failed", {
        message: /^Unable to change directory before execution: \[Errno 20\] Not a directory: b?'\/t\/file'/,
        ...late,
      }),
    ],
  },
  {
    name: "a missing directory fails though creates would say that there is nothing to do",
    runs: true,
    start: { "/t/done": "" },
    steps: [
      command({ cmd: "true", chdir: "/t/nope", creates: "/t/done" }, "failed", {
        message: /^Unable to change directory/,
        result: { rc: null },
        ...late,
      }),
      command({ cmd: "true", chdir: "/t/nope", creates: "/t/done" }, "failed", {
        message: /^Unable to change directory/,
        isCheck: true,
        ...late,
      }),
    ],
  },
  {
    name: "creates: check mode, the run, and no second run, by wildcards too",
    runs: true,
    start: { "/t/create_afile.sh": createFile },
    steps: [
      command({ cmd: "/t/create_afile.sh /t/afile.txt", creates: "/t/afile.txt" }, true, {
        isCheck: true,
        message: "Command would have run if not in check mode",
      }),
      step("stat", { path: "/t/afile.txt" }, false, { result: { "stat.exists": false } }),
      command({ cmd: "/t/create_afile.sh /t/afile.txt", creates: "/t/afile.txt" }, true, { result: { rc: 0 } }),
      step("file", { path: "/t/afile.txt", state: "file" }, false),
      command({ cmd: "/t/create_afile.sh /t/afile.txt", creates: "/t/afile.*" }, false, {
        isCheck: true,
        message: /not run command since '\/t\/afile\.\*' exists$/,
      }),
      command({ cmd: "/t/create_afile.sh /t/afile.txt", creates: "/t/afile.*" }, false, {
        message: "Did not run command since '/t/afile.*' exists",
        result: {
          rc: 0,
          stdout: "skipped, since /t/afile.* exists",
          stdout_lines: ["skipped, since /t/afile.* exists"],
          start: null,
          end: null,
          delta: null,
          cmd: ["/t/create_afile.sh", "/t/afile.txt"],
        },
      }),
    ],
    end: { "/t/afile.txt": "win\n" },
  },
  {
    name: "removes: check mode, the run, and no second run, by wildcards too",
    runs: true,
    start: { "/t/remove_afile.sh": removeFile, "/t/afile.txt": "x" },
    steps: [
      command({ cmd: "/t/remove_afile.sh /t/afile.txt", removes: "/t/afile.txt" }, true, { isCheck: true }),
      step("stat", { path: "/t/afile.txt" }, false, { result: { "stat.exists": true } }),
      command({ cmd: "/t/remove_afile.sh /t/afile.txt", removes: "/t/afile.txt" }, true),
      step("file", { path: "/t/afile.txt", state: "absent" }, false),
      command({ cmd: "/t/remove_afile.sh /t/afile.txt", removes: "/t/afile.*" }, false, {
        isCheck: true,
        message: /not run command since '\/t\/afile\.\*' does not exist$/,
      }),
      command({ cmd: "/t/remove_afile.sh /t/afile.txt", removes: "/t/afile.*" }, false, {
        message: "Did not run command since '/t/afile.*' does not exist",
        result: { rc: 0, stdout: "skipped, since /t/afile.* does not exist" },
      }),
    ],
    end: { "/t/afile.txt": undefined },
  },
  {
    name: "creates is asked before removes",
    start: { "/t/done": "" },
    steps: [
      command({ cmd: "true", creates: "/t/done", removes: "/t/nope" }, false, {
        message: "Did not run command since '/t/done' exists",
      }),
    ],
  },
  {
    name: "a relative creates is seen from the directory",
    start: { "/t/d/done": "" },
    steps: [
      command({ cmd: "true", creates: "done", chdir: "/t/d" }, false, {
        message: "Did not run command since 'done' exists",
      }),
      command({ cmd: "true", removes: "gone", chdir: "/t/d" }, false, {
        result: { stdout: "skipped, since gone does not exist" },
      }),
    ],
  },
  {
    name: "a link that leads nowhere is there for creates",
    start: { "/t/link": { target: "/t/nowhere" } },
    steps: [command({ cmd: "true", creates: "/t/link" }, false)],
  },
  {
    name: "a directory is there for creates, with a slash at the end too",
    start: { "/t/d/x": "" },
    steps: [command({ cmd: "true", creates: "/t/d" }, false), command({ cmd: "true", creates: "/t/d/" }, false)],
  },
  {
    name: "wildcards: sets, one character, directories; hidden names only by name",
    runs: true,
    start: { "/t/a/one.txt": "", "/t/b/.hidden": "" },
    steps: [
      command({ cmd: "true", creates: "/t/?/o[a-z]e.txt" }, false),
      command({ cmd: "true", creates: "/t/*/[!a]ne.txt" }, false),
      command({ cmd: "true", creates: "/t/b/*" }, true),
      command({ cmd: "true", creates: "/t/b/.h*" }, false),
      command({ cmd: "true", creates: "/t/a/[0-9]*" }, true),
    ],
  },
  {
    name: "an empty creates is none",
    runs: true,
    start: { "/t": emptyDirectory },
    steps: [command({ cmd: "true", creates: "" }, true)],
  },
  {
    name: "text for its input",
    runs: true,
    steps: [
      command({ cmd: "cat", stdin: "foobar" }, true, { result: { stdout: "foobar" } }),
      command({ cmd: "cat", stdin: "" }, true, { result: { stdout: "" } }),
      command({ cmd: "cat", stdin: 5 }, true, { result: { stdout: "5" } }),
    ],
  },
  {
    name: "several lines for its input arrive as they are",
    runs: true,
    steps: [
      command(
        { cmd: "wc -lc", stdin: "this is the first line\nthis is the second line\n\nthis one is after an empty line" },
        true,
        {
          result: { stdout: "      4      80" },
        },
      ),
    ],
  },
  {
    name: "variables are expanded before the program starts, whatever the quotes",
    runs: true,
    steps: [
      line(`/bin/sh -c 'echo "\\$TEST"'`, true, {
        keywords: { environment: { TEST: "z" } },
        result: { stdout: "\\z", cmd: ["/bin/sh", "-c", 'echo "\\$TEST"'] },
      }),
      line(`echo '$HOME' "\${HOME}x" a$HOME ~ ~nobody/x "~" a~ \${NOPE_X} $HOMEX`, true, {
        result: {
          stdout: "/root /rootx a/root /root /nonexistent/x /root a~ ${NOPE_X} $HOMEX",
          cmd: ["echo", "$HOME", "${HOME}x", "a$HOME", "~", "~nobody/x", "~", "a~", "${NOPE_X}", "$HOMEX"],
        },
      }),
    ],
  },
  {
    name: "variables are left to the program where that is asked for",
    runs: true,
    differs: "expand_argument_vars came with Ansible 2.16",
    steps: [
      command({ cmd: `/bin/sh -c 'echo "\\$TEST"'`, expand_argument_vars: false }, true, {
        keywords: { environment: { TEST: "z" } },
        result: { stdout: "$TEST" },
      }),
    ],
  },
  {
    name: "the task's environment",
    runs: true,
    steps: [
      command({ cmd: "printenv ONE LANG" }, true, {
        keywords: { environment: { LANG: "C", ONE: "1 2" } },
        result: { stdout_lines: ["1 2", "C"] },
      }),
    ],
  },
  {
    name: "a program that is not there",
    runs: true,
    steps: [
      line("no-such-program-here a 'b c'", "failed", {
        message: /^\[Errno 2\] No such file or directory: b?'no-such-program-here'/,
        result: { rc: 2, stdout: "", stderr: "", stdout_lines: [], changed: false },
        ...late,
      }),
    ],
  },
  {
    name: "a directory is no program",
    runs: true,
    start: { "/t/d/x": "" },
    steps: [
      line("/t/d", "failed", { message: /^\[Errno 13\] Permission denied: b?'\/t\/d'/, result: { rc: 13 }, ...late }),
    ],
  },
  {
    name: "a status that is not zero is a failure that has changed something",
    runs: true,
    steps: [
      line("sh -c 'echo out; echo err >&2; exit 3'", "failed", {
        message: "non-zero return code",
        result: { rc: 3, stdout: "out", stderr: "err", changed: true },
        ...late,
      }),
    ],
  },
  {
    name: "a signal is a negative status",
    runs: true,
    steps: [line("sh -c 'kill -9 $$'", "failed", { message: "non-zero return code", result: { rc: -9 }, ...late })],
  },
  {
    name: "failed_when and changed_when judge the result",
    runs: true,
    steps: [
      line("sh -c 'exit 1'", false, {
        keywords: { register: "seen", failed_when: "seen.rc > 1", changed_when: "seen.rc == 0" },
        result: { rc: 1, failed: false },
      }),
    ],
  },
  {
    name: "check mode says what it would do",
    differs: "without creates and removes Ansible skips it in check mode; crun counts it as changed",
    steps: [command({ cmd: "true" }, true, { isCheck: true, message: "Command would have run if not in check mode" })],
  },
  {
    name: "check mode with creates says what it would do",
    start: { "/t": emptyDirectory },
    steps: [
      command({ cmd: "true", creates: "/t/x" }, true, {
        isCheck: true,
        message: "Command would have run if not in check mode",
      }),
    ],
  },
  {
    name: "line ends are cut off the output's end, unless that is not wanted",
    runs: true,
    steps: [
      command({ argv: ["printf", "hello \\n \\r\\n"] }, true, {
        result: { stdout: "hello \n ", stdout_lines: ["hello ", " "] },
      }),
      command({ argv: ["printf", "hello \\n \\r\\n"], strip_empty_ends: false }, true, {
        result: { stdout: "hello \n \r\n" },
      }),
    ],
  },
  {
    name: "arguments in the free text are taken out of it",
    runs: true,
    start: { "/t/d/x": "" },
    steps: [
      line("touch chdir=/t/d creates=y y", true, { result: { cmd: ["touch", "y"] } }),
      line("touch y chdir=/t/d creates=y", false, { result: { cmd: ["touch", "y"] } }),
      line("touch y chdir=/t/d creates='y'", false),
    ],
    end: { "/t/d/y": "" },
  },
  {
    name: "warn is gone, in the free text too",
    runs: true,
    steps: [
      line("true warn=no", "failed", { message: /warn/ }),
      command({ cmd: "true", warn: false }, "failed", { message: /warn/ }),
    ],
  },
  {
    name: "a line goes on after a backslash, and words part at line ends",
    runs: true,
    steps: [
      line('echo a \\\n  b\n"c  d"\n', true, { result: { cmd: ["echo", "a", "b", "c  d"], stdout: "a b c  d" } }),
    ],
  },
  {
    name: "more than a megabyte of output is kept",
    runs: true,
    steps: [
      line(`sh -c "head -c 3000000 /dev/zero | tr '\\0' a"`, true, { keywords: { register: "big" } }),
      step("copy", { content: "{{big.stdout}}", dest: "/t/big" }, true),
      step("stat", { path: "/t/big" }, false, { result: { "stat.size": 3000000 } }),
    ],
    start: { "/t": emptyDirectory },
  },
];
