// Runs a program without a shell.

import { expandWords, expansionProbes } from "../src/facts/expand-words.js";
import { commandReturns, runParams, streamParams } from "../src/module/command-params.js";
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
import { splitWords } from "../src/module/words.js";

export default defineModule({
  name: "command",
  summary: "Run a program, without a shell",
  doc: "No pipes, no wildcards: that is what shell is for. $NAME, ${NAME} and a leading ~ become what the program's environment has, as in Ansible.",
  params: {
    cmd: {
      type: "str",
      aliases: ["_raw_params"],
      doc: "The command line, split into words at blanks; quotes hold words together.",
    },
    argv: { type: "list", elements: "str", doc: "The words themselves, instead of a command line." },
    ...runParams,
    executable: { type: "path", doc: "Not used, with a warning, as in Ansible; the module shell has it." },
    expand_argument_vars: { type: "bool", default: true, doc: "Whether $NAME and ~ are expanded." },
    ...streamParams,
  },
  freeForm: "cmd",
  returns: {
    cmd: "The words, as they were given.",
    ...commandReturns,
  },
  check: (params) => {
    const given = wordsOf(params);
    return "problem" in given ? given.problem : checkRunWhen(params);
  },
  observe: (params) => {
    const given = wordsOf(params);
    const needs = "words" in given && params.expand_argument_vars ? expansionProbes(given.words) : [];
    return { ...runWhenProbes(params), passwd: needs };
  },
  plan: (params, seen, context) => {
    const given = wordsOf(params);
    if ("problem" in given) return { changes: [], refusal: { message: given.problem, result: { rc: 256 } } };
    const { words } = given;
    const empty = { cmd: words, rc: 0, start: null, end: null, delta: null, ...outputFields("", "") };
    const problem = chdirProblem(params, seen);
    if (problem) return { changes: [], refusal: { message: problem, result: { ...empty, rc: null } } };
    const reason = reasonNotToRun(params, seen);
    if (reason)
      return { changes: [], message: reason.message, result: { ...empty, ...outputFields(reason.stdout, "") } };
    const argv = expandWords(words, seen.passwd[0], { user: context.becomeUser, environment: context.environment });
    const stdin = params.stdin ? { stdin: params.stdin + (params.stdin_add_newline ? "\n" : "") } : {};
    const directory = directoryOf(params);
    const exec = { argv, outputLimit: OUTPUT_LIMIT, ...(directory === undefined ? {} : { directory }), ...stdin };
    return {
      changes: [{ kind: "exec", exec, assumes: assumptionsOf(params), okStatuses: "any" }],
      message: "Command would have run if not in check mode",
      result: empty,
      warnings: params.executable === undefined ? [] : [executableWarning(params.executable)],
      conclude: (outcomes) =>
        concludeCommand(outcomes[0], { cmd: words, startedAt: context.startedAt, stripsEnds: params.strip_empty_ends }),
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

/** The words to run, or what is wrong with them. */
function wordsOf(params: {
  readonly cmd: string | undefined;
  readonly argv: readonly string[] | undefined;
}): { readonly words: readonly string[] } | { readonly problem: string } {
  const { cmd = "", argv = [] } = params;
  if (cmd.trim() !== "" && argv.length > 0) return { problem: "only command or argv can be given, not both" };
  const split = splitWords(cmd);
  if ("problem" in split) return { problem: `the command line ${split.problem}` };
  const words = argv.length > 0 ? argv : split.words;
  return words.length === 0 ? { problem: "no command given" } : { words };
}

function executableWarning(path: string): string {
  return (
    "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. " +
    `Not using '${path}'.`
  );
}
