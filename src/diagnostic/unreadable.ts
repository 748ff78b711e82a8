// Why a file of the controller cannot be read, and what to do about it.

import { userInfo } from "node:os";
import type { Diagnostic } from "./diagnostic.js";

export interface Unreadable {
  /** Goes behind a colon. */
  readonly reason: string;
  readonly remedy?: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "it, or what stands above it, is no directory",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
  EIO: "the disk, or the server that it lies on, gives an error",
  EMFILE: "too many files are open",
};

/** `error`: what the system said. */
export function whyUnreadable(error: unknown): Unreadable {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  if (reason !== REASONS["EACCES"]) return { reason };
  const remedy = `crun runs as ${userName()}: let that user read it and enter the directories above (chmod, chown), or run crun as somebody who may.`;
  return { reason, remedy };
}

const VERBS: Readonly<Record<string, string>> = {
  scandir: "list",
  open: "open",
  stat: "look at",
  lstat: "look at",
  mkdir: "make",
};

/** What the system refused of a file of the controller, where nobody has said it better; undefined for any other error. */
export function diagnosticOfSystem(error: unknown): Diagnostic | undefined {
  if (!(error instanceof Error && "code" in error && "syscall" in error && "path" in error)) return undefined;
  const { reason, remedy } = whyUnreadable(error);
  const verb = VERBS[String(error.syscall)] ?? String(error.syscall);
  return { severity: "error", summary: `cannot ${verb} ${String(error.path)}: ${reason}`, remedy };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // An id without a name.
    return `user ${String(process.getuid?.() ?? "unknown")}`;
  }
}
