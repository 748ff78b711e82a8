// `crun exec`: a command in one tree with its own terminal and exit status, or in many with prefixed lines.

import type { CrunError } from "../diagnostic/diagnostic.js";
import { ConnectionPool } from "../target/connect.js";
import type { Connect, Entry, HostAddress, Prompt } from "../target/session.js";
import type { ExecSpec } from "../module/probe.js";
import type { WrittenLimits } from "../facts/process-limits.js";
import type { Masker } from "../engine/task/masker.js";
import { execMany } from "./exec-many.js";
import { execOne } from "./exec-one.js";

/** One tree to run in, resolved. */
export interface ExecTarget {
  /** For prefixes and messages. */
  readonly name: string;
  readonly address: HostAddress;
  /** Of the tree on its host. */
  readonly path: string;
  readonly entry: Entry;
  readonly isHostRoot: boolean;
  /** What the command may use there at most. */
  readonly limits?: WrittenLimits | undefined;
  /** What it may have there beyond the entry's default. */
  readonly allow?: readonly string[] | undefined;
  /** It stands for trees of a host that could not be looked at. */
  readonly lost?: CrunError | undefined;
}

export interface ExecRequest {
  readonly targets: readonly ExecTarget[];
  readonly command: readonly string[];
  /** Of the tree; absent: root. */
  readonly user?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly directory?: string | undefined;
  /** Hosts at work at once. */
  readonly forks: number;
  /** A terminal for the command; absent: where stdin and stdout are one. Of no effect with several targets. */
  readonly tty?: boolean | undefined;
  readonly prompt: Prompt;
  /** Hides what the inventory keeps in a vault. */
  readonly masker?: Masker | undefined;
  /** Opens sessions; absent: connections as the addresses say. */
  readonly connect?: Connect | undefined;
  /** Sessions that are open already; they are ended with the rest. */
  readonly pool?: ConnectionPool | undefined;
  /** Absent: the process's own. */
  readonly streams?: ExecStreams | undefined;
}

/** Where input comes from and output goes to. */
export interface ExecStreams {
  readonly stdin: NodeJS.ReadStream | NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly stderr: NodeJS.WriteStream | NodeJS.WritableStream;
}

/** Gives the exit status: of one target, the command's own (128 + n for a signal); of many, 0, 2 (some failed) or 4 (some unreachable). */
export async function runExec(request: ExecRequest): Promise<number> {
  const pool = request.pool ?? new ConnectionPool(request.prompt, request.connect);
  const streams = request.streams ?? process;
  try {
    const [only] = request.targets;
    if (only !== undefined && request.targets.length === 1) return await execOne(request, only, pool, streams);
    return await execMany(request, pool, streams);
  } finally {
    await pool.close();
  }
}

/** What is asked of the session. */
export function execSpec(request: ExecRequest, target: ExecTarget): ExecSpec {
  const { command, user, environment, directory } = request;
  return {
    argv: command,
    ...(user === undefined ? {} : { user }),
    ...(environment === undefined ? {} : { environment }),
    ...(directory === undefined ? {} : { directory }),
    ...(target.limits === undefined ? {} : { limits: target.limits }),
    ...(target.allow === undefined ? {} : { allow: target.allow }),
    killLeftovers: true,
  };
}
