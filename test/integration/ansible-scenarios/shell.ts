// Scenarios of the module shell.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const shell = (params: Step["params"], changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("shell", params, changed, { isNeverConverged: true, ...more });
const line = (freeForm: string, changed: Step["changed"], more: Partial<Step> = {}): Step =>
  shell({}, changed, { freeForm, ...more });
const late = { failsLate: true } as const;
const win = { content: "#!/bin/sh\nprintf win\n", mode: 0o755 };
const emptyDirectory = { type: "directory" } as const;

export const scenarios: readonly Scenario[] = [
  {
    name: "a program by its path",
    runs: true,
    start: { "/t/test.sh": win },
    steps: [line("/t/test.sh", true, { result: { cmd: "/t/test.sh", rc: 0, stderr: "", stdout: "win" } })],
  },
  {
    name: "from the directory",
    runs: true,
    start: { "/t/test.sh": win },
    steps: [line("./test.sh", true, { params: { chdir: "/t" }, result: { cmd: "./test.sh", rc: 0, stdout: "win" } })],
  },
  {
    name: "no command is a failure",
    runs: true,
    steps: [shell({ chdir: "/" }, "failed", { message: /no command given/ })],
  },
  {
    name: "creates with a redirection",
    runs: true,
    start: { "/t/test.sh": win },
    steps: [
      shell({ cmd: "/t/test.sh > /t/afile.txt", chdir: "/t", creates: "/t/afile.txt" }, true),
      step("file", { path: "/t/afile.txt", state: "file" }, false),
      shell({ cmd: "/t/test.sh > /t/afile.txt", chdir: "/t", creates: "/t/afile.txt" }, false, {
        message: "Did not run command since '/t/afile.txt' exists",
        result: { rc: 0, cmd: "/t/test.sh > /t/afile.txt" },
      }),
    ],
    end: { "/t/afile.txt": "win" },
  },
  {
    name: "several lines, a line that goes on, a newline in quotes, another shell",
    runs: true,
    steps: [
      line(
        'echo this is a \\\n"multiline echo" \\\n"with a new line\nin quotes" \\\n| wc -lw\necho "this is a second line"\n',
        true,
        {
          params: { executable: "/bin/bash" },
          result: { rc: 0, stdout: "      2      11\nthis is a second line" },
        },
      ),
    ],
  },
  {
    name: "arguments in lines of the free text are taken out of it",
    runs: true,
    start: { "/t": emptyDirectory },
    steps: [
      line('executable="/bin/bash"\ncreates=/t/afile.txt\necho "test"\n', true, {
        result: { rc: 0, cmd: 'echo "test"\n', stdout: "test" },
      }),
    ],
  },
  {
    name: "blanks at the start of lines are kept",
    runs: true,
    steps: [
      line("cat <<EOF\nOne\n  Two\n    Three\nEOF\n", true, {
        result: { rc: 0, cmd: "cat <<EOF\nOne\n  Two\n    Three\nEOF\n", stdout: "One\n  Two\n    Three" },
      }),
    ],
  },
  {
    name: "input without a newline at its end",
    runs: true,
    start: { "/t": emptyDirectory },
    steps: [
      shell({ cmd: "cat > /t/afile.txt", stdin: "test", stdin_add_newline: false }, true),
      step("copy", { dest: "/t/afile.txt", content: "test" }, false),
    ],
    end: { "/t/afile.txt": "test" },
  },
  {
    name: "input with a newline at its end, asked for or not",
    runs: true,
    start: { "/t": emptyDirectory },
    steps: [
      shell({ cmd: "cat > /t/a", stdin: "test", stdin_add_newline: true }, true),
      shell({ cmd: "cat > /t/b", stdin: "test" }, true),
      step("copy", { dest: "/t/b", content: "test\n" }, false),
    ],
    end: { "/t/a": "test\n", "/t/b": "test\n" },
  },
  {
    name: "chdir through a link has the directory's own name, cd has the link's",
    runs: true,
    start: { "/t/www_root/site/x": "", "/t/www": { target: "/t/www_root" } },
    steps: [
      shell({ cmd: 'dirname "$PWD"', chdir: "/t/www/site" }, true, { result: { stdout: "/t/www_root" } }),
      shell({ cmd: 'cd "/t/www/site" && dirname "$PWD"' }, true, { result: { stdout: "/t/www" } }),
    ],
  },
  {
    name: "line ends are cut off the output's end, unless that is not wanted",
    runs: true,
    steps: [
      shell({ cmd: "printf 'hello \\n \\r\\n'; printf 'hello \\n \\r\\n' >&2" }, true, {
        result: { stdout: "hello \n ", stderr: "hello \n " },
      }),
      shell({ cmd: "printf '\\n\\nhello \\n \\r\\n'; printf 'x\\n' >&2", strip_empty_ends: false }, true, {
        result: { stdout: "\n\nhello \n \r\n", stderr: "x\n", stderr_lines: ["x"] },
      }),
    ],
  },
  {
    name: "expand_argument_vars is not for a shell",
    runs: true,
    steps: [shell({ cmd: "echo hi", expand_argument_vars: false }, "failed", { message: /expand_argument_vars/ })],
  },
  {
    name: "a process left in the background does not hold the task up",
    runs: true,
    steps: [
      shell({ cmd: "sleep 60 >/dev/null 2>&1 & echo done" }, true, { result: { stdout: "done", rc: 0 } }),
      shell({ cmd: "(sleep 3) & echo done" }, true, { result: { stdout: "done", rc: 0 } }),
    ],
  },
  {
    name: "a program that is not there is the shell's failure",
    runs: true,
    steps: [
      shell({ cmd: "no-such-program-here" }, "failed", {
        message: "non-zero return code",
        result: { rc: 127, stderr: "/bin/sh: 1: no-such-program-here: not found", changed: true },
        ...late,
      }),
    ],
  },
  {
    name: "a shell that is not there",
    runs: true,
    steps: [
      shell({ cmd: "echo a", executable: "/t/no-shell" }, "failed", {
        message: /^\[Errno 2\] No such file or directory: b?'\/t\/no-shell'/,
        result: { rc: 2, changed: false },
        ...late,
      }),
    ],
  },
  {
    name: "the status of the last command counts, and pipes are the shell's",
    runs: true,
    steps: [
      shell({ cmd: "false | true" }, true, { result: { rc: 0 } }),
      shell({ cmd: "set -o pipefail; false | true", executable: "/bin/bash" }, "failed", {
        result: { rc: 1 },
        ...late,
      }),
      shell({ cmd: "exit 4" }, "failed", { result: { rc: 4, cmd: "exit 4" }, ...late }),
    ],
  },
  {
    name: "variables are the shell's, from the task's environment",
    runs: true,
    steps: [
      shell({ cmd: 'echo "$ONE" $HOME "$NOT_THERE_X"!' }, true, {
        keywords: { environment: { ONE: "a  b" } },
        result: { stdout: "a  b /root !" },
      }),
    ],
  },
  {
    name: "a missing directory",
    runs: true,
    steps: [
      shell({ cmd: "echo", chdir: "/t/nope" }, "failed", {
        message: /^Unable to change directory/,
        result: { rc: null },
        ...late,
      }),
    ],
  },
  {
    name: "bytes that are no text",
    runs: true,
    differs: "Ansible gives each such byte as a lone surrogate, which no JSON reader has to take; crun gives U+FFFD",
    steps: [shell({ cmd: "printf 'a\\377b'" }, true, { result: { stdout: "a\ufffdb" } })],
  },
  {
    name: "another user, in its home",
    runs: true,
    differs: "Ansible needs sudo for it; crun needs nothing",
    steps: [
      shell({ cmd: "id -un; pwd; echo $HOME" }, true, {
        keywords: { become: true, become_user: "daemon" },
        result: { stdout_lines: ["daemon", "/usr/sbin", "/usr/sbin"] },
      }),
    ],
  },
  {
    name: "a relative creates and the command mean the same file for another user too",
    runs: true,
    differs: "Ansible needs sudo for it, and starts from the login's directory",
    start: { "/t": { type: "directory", mode: 0o777 } },
    steps: [
      shell({ cmd: "touch t/made", creates: "t/made" }, true, { keywords: { become: true, become_user: "daemon" } }),
      shell({ cmd: "touch t/made", creates: "t/made" }, false, { keywords: { become: true, become_user: "daemon" } }),
    ],
    end: { "/t/made": { uid: 1 } },
  },
];
