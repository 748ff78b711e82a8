// Runs a program without a shell.

import { concludeCommand, outputFields } from "../src/module/command-result.js";
import { defineModule } from "../src/module/contract.js";
import { assumptionsOf, reasonNotToRun, runWhenProbes } from "../src/module/run-when.js";
import { splitWords } from "../src/module/words.js";

export default defineModule({
  name: "command",
  summary: "Run a program, without a shell",
  doc: "The words are given to the program as they are: no variables, pipes or wildcards (that is what shell is for).",
  params: {
    cmd: {
      type: "str",
      aliases: ["_raw_params"],
      doc: "The command line, split into words at blanks; quotes hold words together.",
    },
    argv: { type: "list", elements: "str", doc: "The words themselves, instead of a command line." },
    chdir: { type: "path", doc: "The directory to run in." },
    creates: { type: "path", doc: "Do not run where this path (wildcards allowed) exists." },
    removes: { type: "path", doc: "Do not run where this path (wildcards allowed) does not exist." },
    executable: { type: "path", doc: "Replaces the first word, the program." },
    stdin: { type: "str", doc: "Text for its standard input." },
    stdin_add_newline: { type: "bool", default: true, doc: "End stdin with a newline." },
    strip_empty_ends: {
      type: "bool",
      default: true,
      doc: "Cut empty lines off the end of stdout and stderr in the result.",
    },
  },
  rules: { mutuallyExclusive: [["cmd", "argv"]], requiredOneOf: [["cmd", "argv"]] },
  freeForm: "cmd",
  returns: {
    cmd: "The words.",
    rc: "Exit status; negative: the signal that killed it.",
    stdout: "Its output, and stdout_lines.",
    stderr: "Its error output, and stderr_lines.",
    start: "When it began, end, and delta.",
  },
  check: ({ cmd, argv }) => {
    const split = splitWords(cmd ?? "");
    if ("problem" in split) return `the command line ${split.problem}`;
    return (argv ?? split.words).length === 0 ? "no command given" : undefined;
  },
  observe: (params) => runWhenProbes(params),
  plan: (params, seen, { startedAt }) => {
    const split = splitWords(params.cmd ?? "");
    if ("problem" in split) return { changes: [], refusal: { message: `the command line ${split.problem}` } };
    const given = params.argv ?? split.words;
    if (given.length === 0) return { changes: [], refusal: { message: "no command given", result: { rc: 256 } } };
    const argv = params.executable === undefined ? given : [params.executable, ...given.slice(1)];
    const empty = { cmd: argv, rc: 0, start: null, end: null, delta: null, ...outputFields("", "") };
    const reason = reasonNotToRun(params, seen);
    if (reason)
      return { changes: [], message: reason.message, result: { ...empty, ...outputFields(reason.stdout, "") } };
    const stdin = params.stdin === undefined ? {} : { stdin: params.stdin + (params.stdin_add_newline ? "\n" : "") };
    const directory = params.chdir === undefined ? {} : { directory: params.chdir };
    return {
      changes: [
        { kind: "exec", exec: { argv, ...directory, ...stdin }, assumes: assumptionsOf(params), okStatuses: "any" },
      ],
      message: "Command would have run if not in check mode",
      result: empty,
      conclude: (outcomes) =>
        concludeCommand(outcomes[0], { cmd: argv, startedAt, stripsEnds: params.strip_empty_ends }),
    };
  },
  examples: [
    {
      title: "Build a locale once",
      yaml: "command: localedef -i de_DE -f UTF-8 de_DE.UTF-8\nargs:\n  creates: /usr/lib/locale/de_DE.utf8\n",
    },
    { title: "Words that hold blanks", yaml: 'command:\n  argv: [touch, "/srv/a file"]\n  creates: /srv/a file\n' },
  ],
});
