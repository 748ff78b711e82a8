// Runs a command line through the tree's shell.

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

export default defineModule({
  name: "shell",
  summary: "Run a command line through the tree's shell",
  doc: "The text goes to `/bin/sh -c` inside the tree as it is. Values from variables need `{{quote x}}`.",
  params: {
    cmd: { type: "str", aliases: ["_raw_params"], doc: "What the shell runs." },
    ...runParams,
    executable: { type: "path", default: "/bin/sh", doc: "The shell, an absolute path in the tree." },
    ...streamParams,
  },
  freeForm: "cmd",
  returns: {
    cmd: "The command line.",
    ...commandReturns,
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
