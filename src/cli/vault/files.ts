// Files of `crun vault`: read whole, and replaced whole, with the same owner and mode.

import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  type Stats,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { CrunError } from "../../diagnostic/diagnostic.js";

/** A file as it was when it was read. `path` is the file itself, links followed. */
export interface ReadFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: Buffer;
  readonly stat: Stats;
}

/** Throws a CrunError for what is no regular file or cannot be read. */
export function readWhole(name: string): ReadFile {
  return guarded(name, "read", () => {
    const path = realpathSync(resolve(name));
    const descriptor = openSync(path, "r");
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw refused(`${name} is ${stat.isDirectory() ? "a directory" : "no regular file"}`);
      return { name, path, bytes: readFileSync(descriptor), stat };
    } finally {
      closeSync(descriptor);
    }
  });
}

/** All of stdin. Not from a terminal: whoever calls it by mistake would wait. Throws a CrunError. */
export function readStdin(what: string): Buffer {
  if (process.stdin.isTTY)
    throw refused(`${what} is expected on stdin, and stdin is a terminal`, "Name a file, or pipe it in.");
  return guarded("stdin", "read", () => readFileSync(0));
}

/**
 * Puts other content in the file's place at once: a reader finds the old or the new one, whole. Mode and owner stay. Throws a CrunError,
 * and leaves the file as it is, where it was changed since it was read or has other names.
 */
export function replaceFile(file: ReadFile, content: string | Uint8Array): void {
  const { name, path, stat } = file;
  guarded(name, "write", () => {
    if (stat.nlink > 1)
      throw refused(
        `${name} has ${stat.nlink} names (hard links), and only this one would be replaced`,
        "Unlink the others, or work on a copy.",
      );
    const now = statSync(path, { throwIfNoEntry: false });
    if (!now || now.ino !== stat.ino || now.size !== stat.size || now.mtimeMs !== stat.mtimeMs)
      throw refused(`${name} was changed by somebody else meanwhile`, "It stays as it is now. Do it again.");
    writeBeside(path, content, stat);
  });
}

/** Writes a file that is not there yet, for its owner alone. Throws a CrunError. */
export function writeNew(name: string, content: string | Uint8Array): void {
  guarded(name, "write", () => {
    const path = resolve(name);
    if (statSync(path, { throwIfNoEntry: false })) throw refused(`${name} is there already`, "It is not overwritten.");
    writeBeside(path, content, undefined);
  });
}

/** Writes or replaces the output that was asked for; `-` is stdout. */
export function writeOutput(name: string, content: string | Uint8Array): void {
  // By its name it cannot be opened where it is a socket.
  const isStdout = name === "-" || name === "/dev/stdout";
  const stat = isStdout ? undefined : statSync(resolve(name), { throwIfNoEntry: false });
  if (isStdout) process.stdout.write(content);
  else if (!stat) writeNew(name, content);
  // A pipe or a terminal by its name, as /dev/fd/3.
  else if (stat.isFIFO() || stat.isCharacterDevice()) guarded(name, "write", () => writeFileSync(name, content));
  else replaceFile(readWhole(name), content);
}

function writeBeside(path: string, content: string | Uint8Array, like: Stats | undefined): void {
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  const descriptor = openSync(beside, "wx", 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    if (like) {
      const own = fstatSync(descriptor);
      if (own.uid !== like.uid || own.gid !== like.gid) fchownSync(descriptor, like.uid, like.gid);
      fchmodSync(descriptor, like.mode & 0o7777);
    }
    fsyncSync(descriptor);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function guarded<T>(name: string, verb: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CrunError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EACCES: "permission denied",
      EPERM: "its owner cannot be kept: it belongs to somebody else",
      EROFS: "the file system is read-only",
      ENOSPC: "the disk is full",
      ELOOP: "a circle of links",
    };
    const remedy =
      code === "ENOENT" && verb === "read" ? "Is the path right? crun vault create FILE makes a new one." : undefined;
    throw refused(`cannot ${verb} ${name}: ${reasons[String(code)] ?? String(error)}`, remedy);
  }
}

/** A finding of `crun vault`. */
export function refused(summary: string, remedy?: string, detail?: string): CrunError {
  return new CrunError({ severity: "error", summary, detail, remedy });
}
