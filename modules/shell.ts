// Runs a command line through the tree's shell.

import { concludeCommand, OUTPUT_LIMIT, outputFields } from "../src/module/command-result.js";
import { defineModule } from "../src/module/contract.js";
import {
  assumptionsOf,
  chdirProblem,
  checkRunWhen,
  directoryOf,
  reasonNotToRun,
  runWhenProbes,
} from "../src/module/run-when.js";

export default defineModule({
  name: "shell",
  summary: "Run a command line through the tree's shell",
  doc: "The text goes to `/bin/sh -c` inside the tree as it is. Values from variables need `{{quote x}}`.",
  params: {
    cmd: { type: "str", aliases: ["_raw_params"], doc: "What the shell runs." },
    chdir: { type: "path", doc: "The directory to run in." },
    creates: { type: "path", doc: "Do not run where this path (wildcards allowed) exists." },
    removes: { type: "path", doc: "Do not run where this path (wildcards allowed) does not exist." },
    executable: { type: "path", default: "/bin/sh", doc: "The shell, an absolute path in the tree." },
    stdin: { type: "str", doc: "Text for its standard input." },
    stdin_add_newline: { type: "bool", default: true, doc: "End stdin with a newline." },
    strip_empty_ends: {
      type: "bool",
      default: true,
      doc: "Cut empty lines off the end of stdout and stderr in the result.",
    },
  },
  freeForm: "cmd",
  returns: {
    cmd: "The command line.",
    rc: "Exit status; negative: the signal that killed it; null: its directory cannot be entered.",
    stdout: "Its output, and stdout_lines.",
    stderr: "Its error output, and stderr_lines.",
    start: "When it began, end, and delta.",
  },
  check: (params) => (isEmpty(params.cmd) ? noCommand : checkRunWhen(params)),
  observe: (params) => runWhenProbes(params),
  plan: (params, seen, context) => {
    const { cmd = "" } = params;
    if (isEmpty(cmd)) return { changes: [], refusal: { message: noCommand, result: { rc: 256 } } };
    const empty = { cmd, rc: 0, start: null, end: null, delta: null, ...outputFields("", "") };
    const problem = chdirProblem(params, seen);
    if (problem) return { changes: [], refusal: { message: problem, result: { ...empty, rc: null } } };
    const reason = reasonNotToRun(params, seen);
    if (reason)
      return { changes: [], message: reason.message, result: { ...empty, ...outputFields(reason.stdout, "") } };
    const stdin = params.stdin ? { stdin: params.stdin + (params.stdin_add_newline ? "\n" : "") } : {};
    const directory = directoryOf(params);
    const exec = {
      argv: [params.executable, "-c", cmd],
      outputLimit: OUTPUT_LIMIT,
      ...(directory === undefined ? {} : { directory }),
      ...stdin,
    };
    return {
      changes: [{ kind: "exec", exec, assumes: assumptionsOf(params), okStatuses: "any" }],
      message: "Command would have run if not in check mode",
      result: empty,
      conclude: (outcomes) =>
        concludeCommand(outcomes[0], { cmd, startedAt: context.startedAt, stripsEnds: params.strip_empty_ends }),
    };
  },
  examples: [
    { title: "A pipe", yaml: "shell: zcat /srv/dump.gz | sort > /srv/sorted\nargs:\n  creates: /srv/sorted\n" },
  ],
});

const noCommand = "no command given";

function isEmpty(cmd: string | undefined): boolean {
  return (cmd ?? "").trim() === "";
}
