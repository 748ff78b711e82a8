// Scenarios of the module script.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const script = (freeForm: string, changed: Step["changed"], more: Partial<Step> = {}): Step =>
  step("script", {}, changed, { freeForm, isNeverConverged: true, ...more });
const late = { failsLate: true } as const;
const emptyDirectory = { type: "directory" } as const;

const files = {
  "files/test.sh": "#!/bin/sh\nprintf win\n",
  "files/space path/test.sh": "#!/bin/sh\nprintf 'Script with space in path'\n",
  "files/test_with_args.sh": { content: '#!/bin/bash\nfor i in "$@"; do\n  echo "$i"\ndone', mode: 0o600 },
  "files/create_afile.sh": '#!/bin/sh\necho "win" > "$1"\n',
  "files/remove_afile.sh": '#!/bin/sh\nrm -f "$1"\n',
  "files/no_shebang.py": 'import sys\nsys.stdout.write("Script with shebang omitted")\n',
  "files/no_shebang.sh": 'echo "$0" | sed "s,.*/,,"\necho "$1"\n',
  "files/fails.sh": "#!/bin/sh\necho out\necho err >&2\nexit 5\n",
  "files/where.sh": "#!/bin/sh\npwd\necho $ONE\n",
} as const;

export const scenarios: readonly Scenario[] = [
  {
    name: "a script with its own first line, its output not cut",
    runs: true,
    files,
    steps: [
      script("test.sh", true, {
        result: {
          rc: 0,
          stdout: "win",
          stdout_lines: ["win"],
          stderr: "",
          stderr_lines: [],
          failed: false,
          cmd: undefined,
        },
      }),
      script("test_with_args.sh a", true, { result: { stdout: "a\n", stdout_lines: ["a"] } }),
    ],
  },
  {
    name: "a blank in the path",
    runs: true,
    files,
    steps: [script("'space path/test.sh'", true, { result: { stdout: "Script with space in path" } })],
  },
  {
    name: "arguments: beyond ASCII, with blanks, in quotes; the file need not be a program on the controller",
    runs: true,
    files,
    steps: [
      script("test_with_args.sh -this -that -Ӧther", true, { result: { stdout_lines: ["-this", "-that", "-Ӧther"] } }),
      script(`test_with_args.sh "b c" 'd'"e" f\\ g ''`, true, { result: { stdout_lines: ["b c", "de", "f g", ""] } }),
    ],
  },
  {
    name: "shell characters in the arguments are the shell's",
    runs: true,
    files,
    steps: [
      script("test_with_args.sh b $HOME a | sort", true, { result: { stdout_lines: ["/root", "a", "b"] } }),
      script(`test_with_args.sh '$HOME' "$HOME  x"`, true, { result: { stdout_lines: ["$HOME", "/root  x"] } }),
      script("test_with_args.sh x > /t/out", true, { result: { stdout: "" } }),
    ],
    start: { "/t": emptyDirectory },
    end: { "/t/out": "x\n" },
  },
  {
    name: "creates: the run, and skipped afterwards",
    runs: true,
    files,
    start: { "/t": emptyDirectory },
    steps: [
      script("create_afile.sh /t/afile.txt", true, { params: { creates: "/t/afile.txt" }, isCheck: true }),
      step("stat", { path: "/t/afile.txt" }, false, { result: { "stat.exists": false } }),
      script("create_afile.sh /t/afile.txt", true, { params: { creates: "/t/afile.txt" } }),
      step("stat", { path: "/t/afile.txt" }, false, { result: { "stat.exists": true } }),
      script("create_afile.sh /t/afile.txt", false, {
        params: { creates: "/t/afile.txt" },
        message: "/t/afile.txt exists, matching creates option",
        result: { skipped: true, rc: undefined },
      }),
      script("create_afile.sh /t/afile.txt", false, {
        params: { creates: "/t/afile.txt" },
        isCheck: true,
        message: "/t/afile.txt exists, matching creates option",
        result: { skipped: true },
      }),
    ],
  },
  {
    name: "removes: the run, and skipped afterwards",
    runs: true,
    files,
    start: { "/t/afile.txt": "x" },
    steps: [
      script("remove_afile.sh /t/afile.txt", true, { params: { removes: "/t/afile.txt" } }),
      step("stat", { path: "/t/afile.txt" }, false, { result: { "stat.exists": false } }),
      script("remove_afile.sh /t/afile.txt", false, {
        params: { removes: "/t/afile.txt" },
        message: "/t/afile.txt does not exist, matching removes option",
        result: { skipped: true },
      }),
      script("remove_afile.sh /t/afile.txt", false, {
        params: { removes: "/t/afile.txt" },
        isCheck: true,
        message: "/t/afile.txt does not exist, matching removes option",
        result: { skipped: true },
      }),
    ],
  },
  {
    name: "creates takes no wildcards, and a link that leads nowhere is nothing",
    runs: true,
    files,
    start: { "/t/afile.txt": "", "/t/link": { target: "/t/nowhere" } },
    steps: [
      script("test.sh", true, { params: { creates: "/t/afile.*" } }),
      script("test.sh", true, { params: { creates: "/t/link" } }),
      script("test.sh", false, { params: { removes: "/t/afile.*" }, result: { skipped: true } }),
    ],
  },
  {
    name: "check mode makes nothing",
    runs: true,
    differs: "without creates and removes Ansible skips it in check mode; crun counts it as changed",
    files,
    start: { "/t": emptyDirectory },
    steps: [script("create_afile.sh /t/afile2.txt", true, { isCheck: true })],
    end: { "/t/afile2.txt": undefined },
  },
  {
    name: "executable runs a script without a first line",
    runs: true,
    files,
    steps: [
      script("no_shebang.py", true, {
        params: { executable: "/usr/bin/python3" },
        result: { stdout: "Script with shebang omitted" },
      }),
      script("no_shebang.sh x", true, {
        params: { executable: "sh -e" },
        result: { stdout_lines: ["no_shebang.sh", "x"] },
      }),
    ],
  },
  {
    name: "a script without a first line is the shell's",
    runs: true,
    files,
    steps: [script("no_shebang.sh x", true, { result: { rc: 0, stdout_lines: ["no_shebang.sh", "x"] } })],
  },
  {
    name: "a status that is not zero is a failure that has changed something",
    runs: true,
    files,
    steps: [
      script("fails.sh", "failed", {
        message: "non-zero return code",
        result: {
          rc: 5,
          stdout: "out\n",
          stderr: "err\n",
          stdout_lines: ["out"],
          stderr_lines: ["err"],
          changed: true,
        },
        ...late,
      }),
    ],
  },
  {
    name: "the directory and the task's environment",
    runs: true,
    files,
    start: { "/t/d/x": "" },
    steps: [
      script("where.sh", true, {
        params: { chdir: "/t/d" },
        keywords: { environment: { ONE: "one" } },
        result: { stdout_lines: ["/t/d", "one"] },
      }),
    ],
  },
  {
    name: "a relative directory is refused",
    runs: true,
    files,
    steps: [
      script("where.sh", "failed", {
        params: { chdir: "etc" },
        message: /^chdir .*must be an absolute path|: chdir must be an absolute path/,
      }),
    ],
  },
  {
    name: "a directory that is not there",
    runs: true,
    files,
    differs: "Ansible's shell tells it on stderr, and the task's message is only that the status is not zero",
    steps: [
      script("where.sh", "failed", {
        params: { chdir: "/t/nope" },
        message: /^Unable to change directory before execution/,
        ...late,
      }),
    ],
  },
  {
    name: "an interpreter that is not there",
    runs: true,
    files,
    differs: "Ansible's shell tells it on stderr, and the task's message is only that the status is not zero",
    steps: [
      script("no_shebang.sh x", "failed", {
        params: { executable: "/t/no-shell" },
        message: "[Errno 2] No such file or directory: '/t/no-shell'",
        result: { rc: 2, cmd: "no_shebang.sh x", changed: false },
        ...late,
      }),
    ],
  },
  {
    name: "a script that is not there",
    runs: true,
    steps: [script("no-such-script.sh", "failed", { message: /no-such-script\.sh/ })],
  },
  {
    name: "a path from the playbook's directory, and arguments by the parameter cmd",
    runs: true,
    files: { "scripts/one.sh": "#!/bin/sh\nprintf '%s' \"$1\"\n" },
    steps: [
      script("scripts/one.sh a", true, { result: { stdout: "a" } }),
      step("script", { cmd: "scripts/one.sh 'a b'" }, true, { result: { stdout: "a b" } }),
    ],
  },
  {
    name: "another user can read the script, and nothing of it is left",
    runs: true,
    differs: "Ansible needs sudo for it",
    files,
    steps: [
      script('test_with_args.sh "$(id -un)" "$0"', true, {
        keywords: { become: true, become_user: "daemon" },
        result: { stdout_lines: ["daemon", "/bin/sh"] },
      }),
      step("stat", { path: "/run/crun" }, false, { result: { "stat.exists": false } }),
    ],
  },
];
