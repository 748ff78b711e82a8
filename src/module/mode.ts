// Reads file modes as chmod takes them: octal or symbolic.

const permissionBits = 0o7777;
const umask = 0o022;

/** Mode of a new file or directory where none is asked for. */
export const defaultFileMode = 0o666 & ~umask;
export const defaultDirectoryMode = 0o777 & ~umask;

/** Thrown by `resolveMode` for text that is no mode; the message says which part. */
export class BadMode extends Error {}

/**
 * The permission bits (0 to 0o7777) that `text` asks for, given those that are there; an empty one asks for none. Symbolic clauses read as Ansible reads them: `X`, `s`, `t`,
 * copies as `g=u` (of the bits as they were at first), and a clause without `u g o a` leaves the bits of umask 022 alone. Throws BadMode.
 */
export function resolveMode(text: string, current: { readonly mode: number; readonly isDirectory: boolean }): number {
  if (/^(0o)?[0-7]+$/.test(text)) {
    const mode = Number.parseInt(text.replace(/^0o/, ""), 8);
    if (mode > permissionBits) throw new BadMode(`mode ${text} has more than permission bits`);
    return mode;
  }
  let mode = current.mode;
  for (const clause of text === "" ? [] : text.split(",")) {
    const parts = /^([ugoa]*)((?:[+=-][rwxXstugo]*)+)$/.exec(clause);
    if (!parts) throw new BadMode(`mode must be octal or symbolic, and ${JSON.stringify(clause)} is neither`);
    const who = parts[1] ?? "";
    const users = who === "" || who.includes("a") ? "ugo" : who;
    for (const [, operator = "", letters = ""] of (parts[2] ?? "").matchAll(/([+=-])([rwxXstugo]*)/g)) {
      for (const user of users) mode = applyClause(mode, user, operator, bitsOf(letters, user, current, who === ""));
    }
  }
  return mode;
}

/** Undefined if `text` is a mode, else a sentence that says why it is none. */
export function checkMode(text: string): string | undefined {
  try {
    resolveMode(text, { mode: 0, isDirectory: false });
    return undefined;
  } catch (error) {
    if (error instanceof BadMode) return error.message;
    throw error;
  }
}

const setuid = 0o4000;
const setgid = 0o2000;

/** What chown(2) leaves of a file's mode: a program must not have the rights of an owner who never gave them to it. Directories keep theirs. */
export function modeOnceOwned(mode: number): number {
  return mode & ~setuid & ~(mode & 0o010 ? setgid : 0);
}

/** `0644`: at least four digits, as results show modes. */
export function formatMode(mode: number): string {
  return `0${mode.toString(8).padStart(3, "0")}`;
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function bitsOf(
  letters: string,
  user: string,
  current: { mode: number; isDirectory: boolean },
  respectsUmask: boolean,
): number {
  const shift = shifts[user] ?? 0;
  const allowed = respectsUmask ? ~umask : -1;
  let bits = 0;
  for (const letter of letters) {
    if (letter === "r") bits |= (4 << shift) & allowed;
    else if (letter === "w") bits |= (2 << shift) & allowed;
    else if (letter === "x") bits |= (1 << shift) & allowed;
    else if (letter === "X") bits |= current.isDirectory || (current.mode & 0o111) !== 0 ? 1 << shift : 0;
    else if (letter === "s") bits |= user === "u" ? 0o4000 : user === "g" ? 0o2000 : 0;
    else if (letter === "t") bits |= user === "o" ? 0o1000 : 0;
    else bits |= ((current.mode >> (shifts[letter] ?? 0)) & 7) << shift;
  }
  return bits;
}

function applyClause(mode: number, user: string, operator: string, bits: number): number {
  if (operator === "+") return mode | bits;
  if (operator === "-") return mode & ~bits;
  const special = user === "u" ? 0o4000 : user === "g" ? 0o2000 : 0o1000;
  return (mode & ~((7 << (shifts[user] ?? 0)) | special)) | bits;
}
