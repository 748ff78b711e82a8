// Runs a script of the controller in the tree, without leaving it there.

import { concludeCommand, OUTPUT_LIMIT } from "../src/module/command-result.js";
import { defineModule } from "../src/module/contract.js";
import type { Content, StatProbe } from "../src/module/probe.js";
import { assumptionsOf, checkRunWhen, directoryOf, type RunWhen } from "../src/module/run-when.js";
import { checkAbsolute, joinPath } from "../src/module/tree-path.js";
import { afterFirstWord, quoteWord, splitWords } from "../src/module/words.js";

export default defineModule({
  name: "script",
  summary: "Run a script of this machine in the tree",
  doc: "The script is shown to the process in a private directory outside the tree and is gone when the process ends. Arguments that hold shell characters ($, |, >, *, …) go through the tree's /bin/sh, as in Ansible; others need no shell.",
  params: {
    cmd: {
      type: "str",
      required: true,
      aliases: ["_raw_params", "free_form"],
      source: { folder: "files", isCommandLine: true, decryptedBy: "decrypt" },
      doc: "Path of the script (looked up in files/ as usual), then its arguments.",
    },
    chdir: { type: "path", doc: "The directory to run in, an absolute path." },
    creates: { type: "path", doc: "Skip where this path exists; no wildcards." },
    removes: { type: "path", doc: "Skip where this path does not exist; no wildcards." },
    executable: {
      type: "str",
      doc: "The interpreter, with arguments if need be; else the script's first line says it, or it is /bin/sh.",
    },
    decrypt: { type: "bool", default: true, doc: "Open a script that is encrypted by vault." },
  },
  freeForm: "cmd",
  returns: {
    rc: "Exit status.",
    stdout: "Its output, and stdout_lines.",
    stderr: "Its error output, and stderr_lines.",
  },
  check: (params) => checkAbsolute("chdir", params.chdir) ?? checkRunWhen(params),
  observe: (params) => ({
    creates: pathProbes(params.creates, params),
    removes: pathProbes(params.removes, params),
  }),
  plan: (params, seen, context) => {
    const { creates, removes } = params;
    if (seen.creates.some(({ stat }) => stat))
      return { changes: [], isSkipped: true, message: `${creates} exists, matching creates option` };
    if (seen.removes.some(({ stat }) => !stat))
      return { changes: [], isSkipped: true, message: `${removes} does not exist, matching removes option` };
    const source = context.sources["cmd"];
    if (source?.kind !== "file")
      return { changes: [], refusal: { message: `${splitFirst(params.cmd)} is a directory, no script` } };
    const name = source.path.slice(source.path.lastIndexOf("/") + 1);
    const line = commandLine(params.cmd, `@files@/${name}`, params.executable ?? interpreterOf(source.content));
    if ("problem" in line) return { changes: [], refusal: { message: `the command line ${line.problem}` } };
    const directory = directoryOf(params);
    const exec = {
      argv: line.words,
      outputLimit: OUTPUT_LIMIT,
      ...(directory === undefined ? {} : { directory }),
      files: [{ name, mode: 0o755, content: source.content }],
    };
    return {
      changes: [{ kind: "exec", exec, assumes: assumptionsOf(params), okStatuses: "any" }],
      result: { rc: 0, stdout: "", stderr: "", stdout_lines: [], stderr_lines: [] },
      conclude: (outcomes) => {
        const options = { cmd: params.cmd, startedAt: context.startedAt, stripsEnds: false };
        const { result = {}, ...rest } = concludeCommand(outcomes[0], options);
        const { rc, stdout, stderr, stdout_lines, stderr_lines } = result;
        const own = { rc, stdout, stderr, stdout_lines, stderr_lines };
        // What the engine tells of a program that did not start names a directory that is gone.
        return { ...rest, result: rest.changed === false ? { ...own, cmd: params.cmd } : own };
      },
    };
  },
  examples: [{ title: "Once", yaml: "script: setup.sh --fast\nargs:\n  creates: /srv/ready\n" }],
});

/** `creates` and `removes` are plain paths here, and a link that leads nowhere is nothing: Ansible's `test -e`. */
function pathProbes(path: string | undefined, params: RunWhen): readonly StatProbe[] {
  return path ? [{ kind: "stat", path: joinPath(directoryOf(params) ?? "/", path), follow: true }] : [];
}

/** A shell runs a file that is no program as a script of its own. A file too big to be held here is taken for a program. */
function interpreterOf({ bytes }: Content): string {
  const start = Buffer.from(bytes?.subarray(0, 4) ?? "#!").toString("latin1");
  return start.startsWith("#!") || start === "\x7fELF" ? "" : "/bin/sh";
}

/** The words to run: through the shell only where the text asks for one. */
function commandLine(cmd: string, script: string, executable: string): ReturnType<typeof splitWords> {
  const rest = afterFirstWord(cmd).trim();
  const unquoted = `${executable} ${rest}`.replace(/'[^']*'/g, "");
  const needsShell = /[|&;<>()$`*?[\n]|(^|\s)[~#]/.test(unquoted) || /^\w+=/.test(executable);
  const line = `${executable} ${quoteWord(script)} ${rest}`.trim();
  return needsShell ? { words: ["/bin/sh", "-c", line] } : splitWords(line);
}

function splitFirst(cmd: string): string {
  const split = splitWords(cmd);
  return ("words" in split ? split.words[0] : undefined) ?? "the script";
}
