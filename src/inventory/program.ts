// Runs an executable inventory: `--list`, and `--host NAME` for each host where `_meta` does not tell of them.

import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CrunError, type Diagnostic } from "../diagnostic/diagnostic.js";
import { cleaned } from "../diagnostic/cleaned.js";
import { parseJson } from "./json.js";
import { isMap, readScriptInventory, withHostvars } from "./script-form.js";
import type { InventorySource } from "./source.js";

/** Programs of one inventory at work at once. */
const parallelHosts = 8;
const maximalBytes = 512 * 1024 * 1024;
const shownLines = 15;
const onlyJson = "It must print one JSON object on stdout, and nothing else; messages belong on stderr.";

export interface ProgramOptions {
  readonly timeoutMs: number;
}

/** What the program at `file` says. Rejects with a CrunError that holds its exit status and what it wrote to stderr. */
export async function readProgram(file: string, options: ProgramOptions): Promise<InventorySource> {
  refuseWhatOthersCanChange(file);
  const what = `the output of ${file} --list`;
  const { stdout, stderr } = await run(file, ["--list"], options);
  const read = readScriptInventory(parseJson(stdout, what, { detail: quoted(stderr), remedy: onlyJson }), file, {
    file: what,
  });
  const hostvars = read.hostvars ?? (await askEach(file, read.hosts, options));
  return withHostvars(read, hostvars, file);
}

async function askEach(
  file: string,
  hosts: readonly string[],
  options: ProgramOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const answers = new Map<string, unknown>();
  const waiting = [...hosts];
  const work = async (): Promise<void> => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      const { stdout, stderr } = await run(file, ["--host", host], options);
      const what = `the output of ${file} --host ${host}`;
      // As in Ansible no output is no variables.
      const vars = stdout.trim() === "" ? {} : parseJson(stdout, what, { detail: quoted(stderr), remedy: onlyJson });
      if (!isMap(vars))
        throw new CrunError({ severity: "error", summary: `${what} must be a map of variables`, place: { file } });
      answers.set(host, vars);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(parallelHosts, hosts.length) }, work));
  } finally {
    // After a failure the others end with what they have at hand.
    waiting.length = 0;
  }
  return Object.fromEntries(answers);
}

/** A program that anybody may rewrite would run whatever anybody likes, often as root. */
function refuseWhatOthersCanChange(file: string): void {
  const isOpen = (path: string): boolean => {
    const { mode } = statSync(path);
    // In a directory like /tmp only the owner can replace a file.
    return (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
  };
  const directory = dirname(resolve(file));
  const open = isOpen(file) ? file : isOpen(directory) ? directory : undefined;
  if (open === undefined) return;
  throw new CrunError({
    severity: "error",
    summary: `${file} is not run: every user of this machine can change ${open === file ? "it" : `what is in ${directory}`}`,
    place: { file },
    remedy: `chmod o-w ${open}`,
  });
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], { timeoutMs }: ProgramOptions): Promise<Output> {
  const command = [file, ...args].join(" ");
  return new Promise((done, fail) => {
    let exitStatus = 1;
    const refuse = (summary: string, detail?: string, remedy?: string): void =>
      fail(new CrunError({ severity: "error", summary, place: { file }, detail, remedy }, exitStatus));
    // Before anything runs that an interruption would leave behind.
    const onSignal = (): void => {
      exitStatus = 130;
      end("it was interrupted");
    };
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    // A session of its own, so that all it started can be ended with it.
    const child = spawn(resolve(file), args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let ended: string | undefined;
    const end = (reason: string): void => {
      ended ??= reason;
      endGroup(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => end(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    const keep = (list: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maximalBytes) end("it printed more than 512 MiB");
      else list.push(chunk);
    };
    child.stdout.on("data", keep(out));
    child.stderr.on("data", keep(err));
    const settle = (finish: (stderr: string) => void): void => {
      clearTimeout(timer);
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
      finish(Buffer.concat(err).toString());
    };
    child.once("error", (error: NodeJS.ErrnoException) => settle(() => refuse(...whyNotStarted(file, error))));
    child.once("close", (status, signal) =>
      settle((stderr) => {
        const stdout = Buffer.concat(out).toString();
        const remedy = exitStatus === 130 ? undefined : "Run it by hand to see what it waits for.";
        if (ended !== undefined) refuse(`${command}: ${ended}`, quoted(stderr), remedy);
        else if (status !== 0) {
          const how = signal === null ? `exit status ${status}` : `ended by ${signal}`;
          refuse(`${command} failed (${how})`, quoted(stderr) ?? "It wrote nothing to stderr.");
        } else done({ stdout, stderr });
      }),
    );
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // It has ended by itself meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function whyNotStarted(
  file: string,
  error: NodeJS.ErrnoException,
): [summary: string, detail?: string | undefined, remedy?: string] {
  switch (error.code) {
    case "ENOENT":
      return [`${file} cannot be run: the interpreter that its first line names is not there`];
    case "EACCES":
      return [`${file} cannot be run: permission denied`, undefined, "Is its file system mounted noexec?"];
    case "ENOEXEC":
      return [`${file} cannot be run: it is no program`, undefined, "Begin it with #! and its interpreter."];
    default:
      return [`${file} cannot be run: ${error.message}`];
  }
}

/** The last lines of what it wrote to stderr. */
function quoted(stderr: string): string | undefined {
  const lines = cleaned(stderr.trimEnd()).split("\n");
  if (stderr.trim() === "") return undefined;
  const last = lines.slice(-shownLines).map((line) => `  ${line.slice(0, 400)}`);
  return ["On stderr it wrote:", ...(lines.length > shownLines ? ["  …"] : []), ...last].join("\n");
}

/** Warning where a file looks like a program and cannot be one. */
export function notExecutable(file: string): Diagnostic {
  return {
    severity: "error",
    summary: `${file} begins with #!, but is not executable`,
    place: { file, line: 1, column: 1 },
    remedy: `To run it: chmod +x ${file}`,
  };
}
