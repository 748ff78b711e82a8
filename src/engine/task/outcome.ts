// What the outcomes of a task's changes make of its result.

import type { Change, ExecChange, Outcome } from "../../module/change.js";
import type { Failure } from "../../module/probe.js";
import { errnoName, reasonOf } from "../../module/failure-text.js";

/** The first change that did not go well. */
export interface Trouble {
  readonly index: number;
  readonly message: string;
  readonly remedy: string | undefined;
  readonly isConflict: boolean;
  /** rc, stdout, stderr of a command that failed. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Whether an exec ended as its change wants it. */
export function isOkExit(change: ExecChange, outcome: Outcome): boolean {
  if (outcome.failure) return false;
  const { exit } = outcome;
  if (!exit) return false;
  if (change.okStatuses === "any")
    return exit.kind === "exited" || exit.kind === "signaled" || exit.kind === "timed-out";
  return exit.kind === "exited" && (change.okStatuses ?? [0]).includes(exit.value);
}

/** Whether the change was carried out as planned. */
export function isDone(change: Change, outcome: Outcome): boolean {
  return change.kind === "exec" ? isOkExit(change, outcome) : outcome.failure === undefined;
}

/** What went wrong, or undefined. */
export function troubleOf(changes: readonly Change[], outcomes: readonly Outcome[]): Trouble | undefined {
  for (const [index, outcome] of outcomes.entries()) {
    const change = changes[index];
    if (!change || isDone(change, outcome)) continue;
    const failure = outcome.failure ?? outcome.exit?.failure;
    const fields = change.kind === "exec" ? commandFields(change, outcome) : {};
    return {
      index,
      message: failure ? failureMessage(change, failure) : exitMessage(change as ExecChange, outcome),
      remedy: failure ? remedyFor(failure) : undefined,
      isConflict: failure?.code === "conflict",
      fields,
    };
  }
  return undefined;
}

/** The result's field for what limits did to the programs; nothing where none was reached. */
export function limitReached(outcomes: readonly Outcome[]): { readonly limit_reached?: string } {
  const notes = outcomes.flatMap(({ exit }) => exit?.note ?? []);
  return notes.length === 0 ? {} : { limit_reached: notes.join("; ") };
}

/** A failure with the better reason behind it. */
export function withReached(message: string, { limit_reached: reached }: ReturnType<typeof limitReached>): string {
  return reached === undefined ? message : `${message}: ${reached}`;
}

function commandFields(change: ExecChange, outcome: Outcome): Readonly<Record<string, unknown>> {
  const decode = (data: Uint8Array | undefined): string => (data ? Buffer.from(data).toString("utf8") : "");
  const stdout = decode(outcome.stdout);
  const stderr = decode(outcome.stderr);
  return { cmd: change.exec.argv, rc: outcome.exit?.kind === "exited" ? outcome.exit.value : -1, stdout, stderr };
}

function exitMessage(change: ExecChange, outcome: Outcome): string {
  const program = change.exec.argv[0] ?? "the program";
  const { exit } = outcome;
  if (!exit) return `${program} gave no exit status`;
  switch (exit.kind) {
    case "exited":
      return `${program} ended with status ${exit.value}`;
    case "signaled":
      return `${program} was killed by signal ${exit.value}`;
    case "timed-out":
      return `${program} took longer than ${change.exec.timeoutMs ?? 0} ms and was killed`;
    case "cancelled":
      return `${program} was stopped: the run was interrupted`;
    case "not-started":
      return `${program} could not be started${exit.failure ? `: ${failureText(exit.failure)}` : ""}`;
  }
}

const verbs: Readonly<Record<Change["kind"], string>> = {
  writeFile: "write",
  makeDirectory: "make the directory",
  makeLink: "make the link",
  hardLink: "make the hard link",
  remove: "remove",
  setAttributes: "change the attributes of",
  copyFile: "copy to",
  rename: "rename",
  subvolume: "make the subvolume",
  exec: "run",
  writeKernel: "write",
  lock: "lock",
  unlock: "unlock",
  setSubvolume: "change the subvolume",
  mountOverlay: "mount the overlay",
  unmount: "unmount",
};

function failureMessage(change: Change, failure: Failure): string {
  const what = change.kind === "exec" ? (change.exec.argv[0] ?? "a program") : change.path;
  return `cannot ${verbs[change.kind]} ${what}: ${failureText(failure)}`;
}

function failureText(failure: Failure): string {
  const message = reasonOf(failure);
  const where = failure.path === "" ? "" : ` (${failure.step} ${failure.path})`;
  return failure.step === "" ? message : `${message}${where || ` (${failure.step})`}`;
}

function remedyFor(failure: Failure): string | undefined {
  switch (failure.code) {
    case "no-such-user":
      return "Make the user with the user module first, or name another.";
    case "conflict":
      return "Something else changes this file at the same time: find out what, and run the play again.";
    case "deadline":
      return "Raise the task's timeout, or find out what it waits for.";
    default:
      return REMEDIES[errnoName(failure.errno)];
  }
}

/** What the kernel's words leave open. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Make room there, and run the play again (df shows it; df -i, whether there is room for more files).",
  EDQUOT: "Make room there, or raise the quota, and run the play again.",
  EROFS: "Mount it writable, or leave out what lies on it.",
};
