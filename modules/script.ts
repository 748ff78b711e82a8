// Runs a script of the controller in the tree, without leaving it there.

import { concludeCommand } from "../src/module/command-result.js";
import { defineModule } from "../src/module/contract.js";
import { assumptionsOf, reasonNotToRun, runWhenProbes } from "../src/module/run-when.js";
import { splitWords } from "../src/module/words.js";

export default defineModule({
  name: "script",
  summary: "Run a script of this machine in the tree",
  doc: "The script is shown to the process in a private directory outside the tree and is gone when the process ends.",
  params: {
    cmd: {
      type: "str",
      required: true,
      aliases: ["_raw_params", "free_form"],
      source: { folder: "files", isCommandLine: true },
      doc: "Path of the script (looked up in files/ as usual), then its arguments.",
    },
    chdir: { type: "path", doc: "The directory to run in." },
    creates: { type: "path", doc: "Do not run where this path (wildcards allowed) exists." },
    removes: { type: "path", doc: "Do not run where this path (wildcards allowed) does not exist." },
    executable: {
      type: "str",
      doc: "The interpreter, with arguments if need be; else the script's first line says it.",
    },
    decrypt: { type: "bool", default: true, doc: "Decrypt a script that is kept in a vault." },
  },
  freeForm: "cmd",
  returns: {
    rc: "Exit status.",
    stdout: "Its output, and stdout_lines.",
    stderr: "Its error output, and stderr_lines.",
  },
  observe: (params) => runWhenProbes(params),
  plan: (params, seen, { sources, startedAt }) => {
    const reason = reasonNotToRun(params, seen);
    if (reason) return { changes: [], isSkipped: true, message: reason.stdout };
    const split = splitWords(params.cmd);
    const interpreter = splitWords(params.executable ?? "");
    const source = sources["cmd"];
    if ("problem" in split) return { changes: [], refusal: { message: `the command line ${split.problem}` } };
    if ("problem" in interpreter) return { changes: [], refusal: { message: `executable ${interpreter.problem}` } };
    if (source?.kind !== "file") {
      return { changes: [], refusal: { message: `${split.words[0] ?? "the script"} is a directory, no script` } };
    }
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    const argv = [...interpreter.words, `@files@/${name}`, ...split.words.slice(1)];
    const directory = params.chdir === undefined ? {} : { directory: params.chdir };
    const exec = { argv, ...directory, files: [{ name, mode: 0o755, content: source.content }] };
    return {
      changes: [{ kind: "exec", exec, assumes: assumptionsOf(params), okStatuses: "any" }],
      result: { rc: 0, stdout: "", stderr: "", stdout_lines: [], stderr_lines: [] },
      conclude: (outcomes) => {
        const { result = {}, ...rest } = concludeCommand(outcomes[0], {
          cmd: params.cmd,
          startedAt,
          stripsEnds: false,
        });
        const { rc, stdout, stderr, stdout_lines, stderr_lines } = result;
        return { ...rest, result: { rc, stdout, stderr, stdout_lines, stderr_lines } };
      },
    };
  },
  examples: [{ title: "Once", yaml: "script: setup.sh --fast\nargs:\n  creates: /srv/ready\n" }],
});
