// The result that command, shell and script register, Ansible's keys.

import type { Outcome } from "./change.js";
import type { Conclusion, ResultFields } from "./contract.js";
import type { Failure } from "./probe.js";
import { MAKE_USER, reasonOf } from "./failure-text.js";
import { trimEndOf } from "./trim.js";

/** Text of a program's output. Bytes that are no UTF-8 become U+FFFD. */
export function outputText(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}

/** Lines as Python's splitlines gives them for the usual line ends. */
export function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** `2026-01-02 03:04:05.678000`, UTC. */
export function timeText(time: Date): string {
  return time.toISOString().replace("T", " ").replace("Z", "000");
}

/** `0:00:01.234000`. */
export function deltaText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${clock}.${String(milliseconds % 1000).padStart(3, "0")}000`;
}

/** Output as `stdout stderr stdout_lines stderr_lines`. */
export function outputFields(stdout: string, stderr: string): ResultFields {
  return { stdout, stderr, stdout_lines: linesOf(stdout), stderr_lines: linesOf(stderr) };
}

/** Most bytes of each stream that a result keeps. */
export const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** What a program's end makes of a task: `rc` and output; a failure unless it exited with 0. */
export function concludeCommand(
  outcome: Outcome | undefined,
  options: { readonly cmd: unknown; readonly startedAt: Date; readonly stripsEnds: boolean },
): Conclusion {
  const { cmd, startedAt } = options;
  const exit = outcome?.exit;
  const strip = (text: string): string => (options.stripsEnds ? trimEndOf(text, "\r\n") : text);
  const output = outputFields(strip(outputText(outcome?.stdout)), strip(outputText(outcome?.stderr)));
  if (!exit || exit.kind === "not-started") return notStarted(exit?.failure ?? outcome?.failure, { cmd, ...output });
  const wallMs = exit.wallMs;
  const times = {
    start: timeText(startedAt),
    end: timeText(new Date(startedAt.getTime() + wallMs)),
    delta: deltaText(wallMs),
  };
  const result = { cmd, ...times, ...output };
  if (exit.kind === "exited") {
    if (exit.value === 0) return { result: { ...result, rc: 0 }, message: cutMessage(outcome) };
    return { result: { ...result, rc: exit.value }, refusal: { message: "non-zero return code" } };
  }
  if (exit.kind === "signaled") {
    const refusal = { message: "non-zero return code", remedy: `It was killed by signal ${exit.value}.` };
    return { result: { ...result, rc: -exit.value }, refusal };
  }
  const message =
    exit.kind === "timed-out" ? "the command took longer than its time limit and was killed" : "cancelled";
  return { result: { ...result, rc: -9 }, refusal: { message } };
}

function cutMessage(outcome: Outcome | undefined): string {
  const isCut = [outcome?.stdout, outcome?.stderr].some((bytes) => (bytes?.length ?? 0) >= OUTPUT_LIMIT);
  return isCut ? `only the first ${OUTPUT_LIMIT / 1024 / 1024} MiB of its output are kept` : "";
}

/** Python's words for the errors that a program that cannot be started gives: conditions look for them. */
const PYTHON_REASONS: Readonly<Record<number, string>> = {
  2: "No such file or directory",
  7: "Argument list too long",
  8: "Exec format error",
  13: "Permission denied",
  20: "Not a directory",
  36: "File name too long",
  40: "Too many levels of symbolic links",
};

function notStarted(failure: Failure | undefined, fields: ResultFields): Conclusion {
  const changed = false;
  const reason = failure && PYTHON_REASONS[failure.errno];
  const python = reason === undefined ? undefined : `[Errno ${failure?.errno}] ${reason}: '${failure?.path}'`;
  if (failure?.step === "chdir") {
    const message = `Unable to change directory before execution: ${python ?? reasonOf(failure)}`;
    return { changed, result: { ...fields, rc: null, start: null, end: null, delta: null }, refusal: { message } };
  }
  const result = { ...fields, rc: failure?.errno || 257 };
  if (!failure) return { changed, result, refusal: { message: "the command could not be started" } };
  if (failure.step === "exec" && python !== undefined) {
    const said = failure.message.replace(/\.$/, "");
    const remedy = failure.errno === 2 ? "Is the program installed in the tree, and in its PATH?" : said;
    return { changed, result, refusal: remedy === "" ? { message: python } : { message: python, remedy } };
  }
  const what = failure.step === "exec" ? reasonOf(failure) : `${failure.step}: ${reasonOf(failure)}`;
  const where = failure.path === "" || what.includes(failure.path) ? "" : ` (${failure.path})`;
  const message = `the command could not be started: ${what}${where}`;
  return { changed, result, refusal: failure.code === "no-such-user" ? { message, remedy: MAKE_USER } : { message } };
}
