// Runs programs for tests: argv arrays only, output whole, no shell.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program left behind: exit status (128 + signal number is not imitated: `signal` names it), output as text. */
export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. Without `env` it gets this process's environment. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Killed with SIGKILL after this time; default 120 000. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end and returns what it did, whatever its status. Throws when it cannot start or overstays. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [file, ...rest] = argv;
  if (file === undefined) {
    throw new Error("run: the argument vector is empty");
  }
  const timeoutMs = options.timeoutMs ?? 120_000;
  return await new Promise<Finished>((resolve, reject) => {
    const child = spawn(file, rest, {
      cwd: options.cwd,
      env: { ...(options.env ?? process.env) },
      stdio: "pipe",
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let overdue = false;
    const timer = setTimeout(() => {
      overdue = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`${file} did not start: ${error.message}`));
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      if (overdue) {
        reject(new Error(`${argv.join(" ")} took longer than ${timeoutMs} ms\n${stdout}${stderr}`));
      } else {
        resolve({ status, signal, stdout, stderr });
      }
    });
    // A program may end without reading its input; what counts is its status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** Like run(), but a status other than 0 throws with the whole output. Returns stdout. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const finished = await run(argv, options);
  if (finished.status !== 0) {
    const end = finished.signal ?? `status ${finished.status}`;
    throw new Error(`${argv.join(" ")} ended with ${end}\n${finished.stdout}${finished.stderr}`);
  }
  return finished.stdout;
}

/** The repository's root: the nearest directory above this file that holds package.json. */
export function repositoryRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "package.json"))) {
    const parent = dirname(directory);
    if (parent === directory) {
      throw new Error("no package.json above the compiled tests");
    }
    directory = parent;
  }
  return directory;
}

/** A script of test/lab, which is not compiled and so lives in the source directory. */
export function labScript(name: string): string {
  return join(repositoryRoot(), "test", "lab", name);
}
