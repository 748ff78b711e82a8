// A login without root, as a machine may have it: its name, its ids and what the host allows it hold in a mount namespace of each of its programs.
import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, run, type Finished } from "./process.js";
import type { Scope } from "./scope.js";

/** What the login has; all of it may be told anew for each program. */
export interface LoginOptions {
  /** Lines of /etc/subuid and /etc/subgid; default: 65536 ids from 700000 on. */
  readonly subordinateIds?: string;
  /** Of /etc/subgid, where that differs. */
  readonly subordinateGroups?: string;
  /** Shell commands that root runs before, in the mount namespace (`$home`, `$work`). */
  readonly prepare?: string;
  /** Words before the program's own, run as the login. */
  readonly around?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly input?: string;
}

/** The user `crunlab`, whom this machine has not. */
export class Login {
  static readonly uid = 33_334;
  /** The first subordinate id: 1 in its trees. */
  static readonly first = 700_000;
  static readonly lines = `crunlab:${Login.first}:65536\n`;
  readonly home: string;
  readonly #scope: Scope;

  constructor(scope: Scope, home = scope.tempDir("home")) {
    this.#scope = scope;
    this.home = home;
    chownSync(home, Login.uid, Login.uid);
  }

  /** Runs a program as the login, in its home, with nothing of the environment but PATH and HOME. */
  async run(argv: readonly string[], options: LoginOptions = {}): Promise<Finished> {
    const { subordinateIds = Login.lines, subordinateGroups = subordinateIds, prepare = ":", around = [] } = options;
    const work = this.#scope.tempDir("login");
    chmodSync(work, 0o755);
    const write = (name: string, text: string): void => writeFileSync(join(work, name), text);
    write(
      "passwd",
      `${readFileSync("/etc/passwd", "utf8")}crunlab:x:${Login.uid}:${Login.uid}::${this.home}:/bin/sh\n`,
    );
    write("group", `${readFileSync("/etc/group", "utf8")}crunlab:x:${Login.uid}:\n`);
    write("subuid", subordinateIds);
    write("subgid", subordinateGroups);
    // Who is not root may not look into every directory that leads to the repository.
    const script = `set -e
      work=$1 home=$2 place=$3 prepare=$4; shift 4
      for file in passwd group subuid subgid; do [ -e /etc/$file ] || touch /etc/$file; mount --bind "$work/$file" /etc/$file; done
      mount --bind "${repositoryRoot()}" "$place"
      eval "$prepare"
      cd "$home"
      exec setpriv --reuid ${Login.uid} --regid ${Login.uid} --clear-groups --inh-caps=-all "$@"`;
    const place = this.#scope.tempDir("repository");
    const own = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "login"];
    return await run(
      [...own, work, this.home, place, prepare, ...around, ...argv.map((word) => word.replaceAll("@place@", place))],
      {
        env: { PATH: process.env["PATH"], HOME: this.home, ...options.env },
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...(options.input === undefined ? {} : { input: options.input }),
      },
    );
  }

  /** Runs crun. */
  async crun(args: readonly string[], options: LoginOptions = {}): Promise<Finished> {
    return await this.run([process.execPath, "@place@/dist/crun.js", ...args], options);
  }

  /** Plays tasks, and says what came of each: `status message remedy warnings`. */
  async tasks(
    target: string,
    tasks: readonly object[],
    options: LoginOptions & { more?: readonly string[] } = {},
  ): Promise<readonly Told[]> {
    const file = join(this.#scope.tempDir("play"), "site.yml");
    const hosts = target.startsWith("/") ? `local:${target}` : target;
    const list = tasks.map((task) => ({ ignore_errors: true, ...task }));
    writeFileSync(file, JSON.stringify([{ hosts, gather_facts: false, tasks: list }]));
    const { stdout, stderr } = await this.crun(["play", "--output", "json", ...(options.more ?? []), file], options);
    const told = stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Event)
      .filter(({ event }) => event === "result" || event === "unreachable")
      .map(({ status, message = "", remedy = "", warnings = [], result }) => ({
        status: status === "ignored" ? "failed" : status,
        message: message || String(result?.["msg"] ?? ""),
        remedy,
        warnings,
      }));
    if (told.length === 0) throw new Error(`nothing was played: ${stdout}${stderr}`);
    return told;
  }
}

export interface Told {
  readonly status: string;
  readonly message: string;
  readonly remedy: string;
  readonly warnings: readonly string[];
}

interface Event {
  readonly event: string;
  readonly status: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly warnings?: readonly string[];
  readonly result?: Readonly<Record<string, unknown>>;
}
