// `crun exec` on one target: its terminal or its pipes, its signals, its exit status.

import { constants } from "node:os";
import { CrunError, formatDiagnostic } from "../diagnostic/diagnostic.js";
import type { ConnectionPool } from "../target/connect.js";
import { describeFailure, MAKE_USER } from "../module/failure-text.js";
import type { Exit, Failure } from "../module/probe.js";
import { noticingChroot, chrootHoldsNobody } from "../target/chroot-notice.js";
import type { RunningExec } from "../target/session.js";
import type { Masker } from "../engine/task/masker.js";
import { execSpec } from "./exec.js";
import type { ExecRequest, ExecStreams, ExecTarget } from "./exec.js";
import { rawTerminal } from "./raw-terminal.js";

const BROKEN_PIPE = 128 + constants.signals.SIGPIPE;
const LONGEST_HELD_MS = 200;
const INTERRUPTED = 128 + constants.signals.SIGINT;

/** Runs it to its end; gives its exit status. Throws a CrunError where it cannot be reached. */
export async function execOne(
  request: ExecRequest,
  target: ExecTarget,
  pool: ConnectionPool,
  streams: ExecStreams,
): Promise<number> {
  const { stdin, stdout, stderr } = streams;
  if (target.lost) throw target.lost;
  const isTerminal = request.tty ?? (isTty(stdin) && isTty(stdout));
  const session = await pool.get(target.address);
  const { entry, isHostRoot } = target;
  const tree = noticingChroot(session.openTree(target.path, { entry, isHostRoot }), target, () =>
    stderr.write(`${formatDiagnostic(chrootHoldsNobody(target.name))}\n`),
  );
  const base = execSpec(request, target);
  const size = isTty(stdout) ? { rows: stdout.rows, columns: stdout.columns } : { rows: 24, columns: 80 };
  const term = process.env["TERM"] ?? "xterm-256color";
  const spec = isTerminal ? { ...base, pty: true, ...size, environment: { TERM: term, ...base.environment } } : base;
  const running = await tree.exec(spec);
  let isBroken = false;
  const gone = new Promise<void>((resolve) => {
    stdout.once("error", () => {
      isBroken = true;
      running.signal(constants.signals.SIGPIPE);
      resolve();
    });
  });
  stderr.on("error", () => undefined); // nobody reads the errors: the command goes on
  const shown = {
    stdout: hiding(request.masker, (data) => writeTo(stdout, data)),
    stderr: hiding(request.masker, (data) => writeTo(stderr, data)),
  };
  running.onOutput((stream, data) => shown[stream].push(data));
  const restore = isTerminal ? rawTerminal(stdin, stdout, (rows, columns) => running.resize(rows, columns)) : undefined;
  const stopSignals = forwardSignals(running, isTerminal);
  const stopInput = feed(stdin, running);
  try {
    const exit = await Promise.race([running.exited, gone.then(() => undefined), stopSignals.gaveUp]);
    await Promise.all([shown.stdout.end(), shown.stderr.end()]);
    if (exit === undefined) return isBroken ? BROKEN_PIPE : INTERRUPTED;
    return report(exit, target, request, stderr);
  } finally {
    stopInput();
    stopSignals.stop();
    restore?.();
  }
}

interface Shown {
  push(data: Uint8Array): void | Promise<void>;
  end(): void | Promise<void>;
}

/** What may be the beginning of a secret waits for more of it, but no longer than somebody at a terminal would mind. */
function hiding(masker: Masker | undefined, write: (data: Uint8Array) => void | Promise<void>): Shown {
  if (!masker || masker.isEmpty) return { push: write, end: () => undefined };
  const stream = masker.stream();
  let timer: NodeJS.Timeout | undefined;
  const end = (): void | Promise<void> => {
    clearTimeout(timer);
    const rest = stream.end();
    return rest.length > 0 ? write(rest) : undefined;
  };
  return {
    push(data) {
      clearTimeout(timer);
      timer = setTimeout(() => void end(), LONGEST_HELD_MS);
      const shown = stream.push(data);
      return shown.length > 0 ? write(shown) : undefined;
    },
    end,
  };
}

/** Everything that is read goes to the process, as fast as it takes it; the end too. */
function feed(stdin: ExecStreams["stdin"], running: RunningExec): () => void {
  const onData = (chunk: Uint8Array | string): void => {
    stdin.pause();
    const data = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    running.write(data).then(
      () => (isStopped ? undefined : stdin.resume()),
      () => undefined, // the connection's end is told by `exited`
    );
  };
  const onEnd = (): void => running.endInput();
  let isStopped = false;
  stdin.on("data", onData).once("end", onEnd).once("error", onEnd);
  stdin.resume();
  return () => {
    isStopped = true;
    stdin.off("data", onData).off("end", onEnd).off("error", onEnd);
    stdin.pause();
  };
}

/** Signals that crun gets are the command's; a second interruption of one that does not end gives up on it. */
function forwardSignals(
  running: RunningExec,
  isTerminal: boolean,
): { readonly gaveUp: Promise<undefined>; stop(): void } {
  const names = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT", "SIGUSR1", "SIGUSR2"] as const;
  let interruptions = 0;
  let giveUp: () => void = () => undefined;
  const gaveUp = new Promise<undefined>((resolve) => {
    giveUp = () => resolve(undefined);
  });
  const handlers = names.map((name) => {
    const handler = (): void => {
      if (name === "SIGINT" && interruptions++ > 0) giveUp();
      else running.signal(constants.signals[name]);
      // A terminal that hung up takes the session with it.
      if (name === "SIGHUP" && isTerminal) giveUp();
    };
    process.on(name, handler);
    return [name, handler] as const;
  });
  return {
    gaveUp,
    stop: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}

function report(exit: Exit, target: ExecTarget, request: ExecRequest, stderr: ExecStreams["stderr"]): number {
  // What a command that went well did about it is its own affair.
  const hasFailed = exit.kind !== "exited" || exit.value !== 0;
  if (exit.note !== undefined && hasFailed)
    stderr.write(`${formatDiagnostic({ severity: "warning", summary: `${target.name}: ${exit.note}` })}\n`);
  switch (exit.kind) {
    case "exited":
      return exit.value;
    case "signaled":
      return 128 + exit.value;
    case "timed-out":
      return 124;
    case "cancelled":
      return INTERRUPTED;
    case "not-started":
      break;
  }
  const error = notStarted(exit, target.name, request);
  stderr.write(`${error.diagnostics.map((one) => formatDiagnostic(one)).join("\n")}\n`);
  return error.exitStatus;
}

/** Why a command did not start, with the exit status that shells use: 127 not found, 126 not executable; 4 where the tree is the reason. */
export function notStarted(exit: Exit, name: string, request: ExecRequest): CrunError {
  const { failure } = exit;
  const program = JSON.stringify(request.command[0] ?? "");
  const why = failure === undefined ? "" : `: ${describeFailure(failure)}`;
  const isMissing = failure?.errno === constants.errno.ENOENT && failure.code === "system";
  const status = failure?.code === "entry" ? 4 : isMissing ? 127 : 126;
  return new CrunError(
    {
      severity: "error",
      summary: `${name}: ${program} did not start${why}`,
      remedy: isMissing ? "Check that the program is in the tree, and its PATH." : failure && remedyFor(failure),
    },
    status,
  );
}

function remedyFor({ code, errno }: Failure): string | undefined {
  if (code === "no-such-user") return MAKE_USER;
  if (code !== "system" || errno !== constants.errno.EACCES) return undefined;
  return "It must be a program that the user may run (chmod +x), and no directory.";
}

/** Resolves when more may be written. */
export function writeTo(stream: ExecStreams["stdout"], data: Uint8Array): void | Promise<void> {
  if (stream.write(data)) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("error", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("error", done).on("close", done);
  });
}

function isTty<T extends object>(stream: T): stream is T & { isTTY: true; rows: number; columns: number } {
  return "isTTY" in stream && stream.isTTY === true;
}
