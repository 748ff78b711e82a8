// A failed operation in words.

import type { Failure } from "./probe.js";

/** Linux's numbers (the same on all its common machines): the controller's own may be others. */
const ERRNO: Readonly<Record<number, readonly [string, string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  7: ["E2BIG", "argument list too long"],
  8: ["ENOEXEC", "not a program for this machine"],
  11: ["EAGAIN", "temporarily unavailable"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  16: ["EBUSY", "busy"],
  17: ["EEXIST", "already exists"],
  18: ["EXDEV", "leads to another file system"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files on the host"],
  24: ["EMFILE", "too many open files"],
  25: ["ENOTTY", "not supported there"],
  26: ["ETXTBSY", "the program is running"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on the device"],
  30: ["EROFS", "read-only file system"],
  31: ["EMLINK", "too many links"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "out of range"],
  36: ["ENAMETOOLONG", "name too long"],
  38: ["ENOSYS", "the kernel does not have it"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "too many links in the path"],
  62: ["ETIME", "time ran out"],
  75: ["EOVERFLOW", "value too large"],
  95: ["EOPNOTSUPP", "not supported there"],
  110: ["ETIMEDOUT", "timed out"],
  116: ["ESTALE", "stale file handle"],
  122: ["EDQUOT", "disk quota exceeded"],
};

/** What the kernel means by EPERM at a step; the word alone helps nobody. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [
    /^[fl]?chown/,
    "no file is given away there: crun is not its root, or the file system keeps no owners (NFS where root is squashed, FUSE, FAT)",
  ],
  [
    /^(?:rename|unlink|rmdir)/,
    "it or its directory is immutable or append-only (attributes: -i, -a of the module file end that), or another user's in a sticky directory",
  ],
  [/^(?:[fl]?chmod|utimens)/, "the file is another user's, or the file system keeps no such modes"],
];

/** What to do where the tree does not have the user that something is to run as. */
export const MAKE_USER = "Make it with the module user first, or name one that the tree's /etc/passwd has.";

/** `ENOENT`, or `errno 999` where the number has no known name. */
export function errnoName(errno: number): string {
  return ERRNO[errno]?.[0] ?? `errno ${errno}`;
}

/** Why, without where: `permission denied (EACCES)`, or the helper's own sentence where it has one, with the error's name. */
export function reasonOf(failure: Failure): string {
  const name = failure.errno === 0 ? "" : errnoName(failure.errno);
  const refused = failure.errno === 1 ? REFUSED.find(([step]) => step.test(failure.step))?.[1] : undefined;
  const message = failure.message.replace(/\.$/, "") || refused || (ERRNO[failure.errno]?.[1] ?? "");
  if (message === "") return name || failure.code;
  return name === "" ? message : `${message} (${name})`;
}

/** One line: `open /etc/shadow: permission denied (EACCES)`. */
export function describeFailure(failure: Failure): string {
  const what = [failure.step, failure.path].filter((part) => part !== "").join(" ");
  return what === "" ? reasonOf(failure) : `${what}: ${reasonOf(failure)}`;
}
