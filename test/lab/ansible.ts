// Ansible's programs for tests, from a process that has them loaded: starting one takes a third of a second of the processor, most of it Python's.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Finished, labScript, run } from "./process.js";

/** Debian's programs, called with arguments in a directory, with nothing on standard input. */
export type AnsibleProgram = "ansible" | "ansible-inventory" | "ansible-playbook" | "ansible-vault";

/** Without `env` it gets this process's environment. */
interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const timeoutMs = 120_000;

/** A server, which is started when it is first asked and ends with this process. */
class Server {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(env: Readonly<Record<string, string>>) {
    // Debian's own Python, for which its Ansible is installed.
    this.#child = spawn("/usr/bin/python3", [labScript("ansible-server.py")], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdin.on("error", () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#hold(false);
    // Waited for, so that its processor time counts as that of the tests.
    process.once("beforeExit", () => {
      this.#hold(true);
      this.#child.stdin.end();
    });
  }

  /** Whether it keeps this process from ending. */
  #hold(isHeld: boolean): void {
    for (const one of [this.#child, this.#child.stdin, this.#child.stdout] as { ref?(): void; unref?(): void }[])
      if (isHeld) one.ref?.();
      else one.unref?.();
  }

  /** One after the other. */
  async ask(request: object): Promise<Finished> {
    const answer = this.#last.then(async () => {
      this.#hold(true);
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await this.#lines.next();
      clearTimeout(timer);
      this.#hold(false);
      if (done === true) throw new Error(`the server of Ansible ended, or took longer than ${timeoutMs} ms`);
      const { status, ...streams } = JSON.parse(value) as Finished & { readonly status: number };
      return { ...streams, status, signal: null };
    });
    this.#last = answer.catch(() => undefined);
    return await answer;
  }
}

/** By what of the environment Ansible reads when it is loaded. */
const servers = new Map<string, Server>();

/** Runs one of the programs to its end and returns what it did, whatever its status. */
export async function ansible(
  program: AnsibleProgram,
  args: readonly string[],
  options: Options = {},
): Promise<Finished> {
  const cwd = options.cwd ?? process.cwd();
  const env = Object.fromEntries(
    Object.entries(options.env ?? process.env).filter((one): one is [string, string] => one[1] !== undefined),
  );
  // Settings of a directory are read when Ansible is loaded.
  if (existsSync(join(cwd, "ansible.cfg"))) return await run([program, ...args], options);
  const settings = Object.entries(env).filter(([name]) => /^(?:ANSIBLE_|LC_|LANG|NO_COLOR|TZ$|PYTHON)/.test(name));
  const key = JSON.stringify(settings.toSorted());
  let server = servers.get(key);
  if (!server) {
    server = new Server(env);
    servers.set(key, server);
  }
  return await server.ask({ program, args, cwd, env });
}

/** Like ansible(), but a status other than 0 throws with the whole output. Returns stdout. */
export async function mustAnsible(
  program: AnsibleProgram,
  args: readonly string[],
  options: Options = {},
): Promise<string> {
  const { status, stdout, stderr } = await ansible(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with status ${status}\n${stdout}${stderr}`);
  return stdout;
}
