// A child process as the streams of a helper.

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Started } from "./bring-up.js";

const END_WAIT_MS = 5000;

/** `close` ends its input and waits; what does not end within 5 s is killed. */
export function childStream(child: ChildProcessWithoutNullStreams, where: string): Started {
  child.on("error", () => undefined); // told by the streams' end
  const ended = new Promise<string>((resolve) => {
    if (child.exitCode !== null) resolve(`status ${child.exitCode}`);
    child.once("exit", (status, signal) => resolve(signal === null ? `status ${status}` : `signal ${signal}`));
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), END_WAIT_MS);
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    await ended;
    clearTimeout(timer);
    child.stdout.destroy();
    child.stderr.destroy();
  };
  return {
    input: child.stdin,
    output: child.stdout,
    errors: child.stderr,
    where,
    ended,
    close: () => (closing ??= close()),
  };
}
