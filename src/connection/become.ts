// How the helper becomes another user: sudo, su or doas, and the password that they may ask for.

import type { HostAddress } from "../target/session.js";

export type Become = NonNullable<HostAddress["become"]>;

/** The command that the helper is run with, and how a question for the password looks on stderr. */
export interface BecomePlan {
  readonly method: "sudo" | "su" | "doas" | "none";
  readonly user: string;
  /** Words before the helper's path. */
  readonly words: readonly string[];
  /** It asks at a terminal alone: the helper, as the login, gives it one (`--terminal`, native/src/ask_terminal.h). */
  readonly needsTerminal: boolean;
  readonly question: RegExp | undefined;
}

/** Names that reach a command line: nothing that a shell or an option parser takes otherwise. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/;
/** A program by name or path, and an option: the same. */
const PROGRAM = /^[A-Za-z0-9_./][A-Za-z0-9_./+-]*$/;
const OPTION = /^[A-Za-z0-9_./+:,=@%-]+$/;
/** How sudo asks is not for the inventory to say. */
const ASKING: ReadonlySet<string> = new Set(["-S", "-n", "--stdin", "--non-interactive"]);

/** Where the inventory says nothing: sudo, for logins that are not root. */
export const DEFAULT_BECOME: Become = { isWanted: true, method: "sudo", user: "root" };

/** `marker` must be hard to guess: it stands for sudo's prompt. Text: what cannot be used, in a sentence's beginning, and the variable. */
export function planBecome(
  become: Become,
  marker: string,
): BecomePlan | { readonly problem: string; readonly variable: string } {
  const { method, user, exe = method } = become;
  const plain = { method, user, needsTerminal: false };
  if (!become.isWanted || method === "none") return { ...plain, method: "none", words: [], question: undefined };
  if (!USER_NAME.test(user))
    return { problem: `${JSON.stringify(user)} is no user name`, variable: "crun_become_user" };
  if (!PROGRAM.test(exe)) return { problem: `${JSON.stringify(exe)} is no program`, variable: "crun_become_exe" };
  const flags = (become.flags ?? "")
    .split(/\s+/)
    .filter((one) => one !== "" && !(method === "sudo" && ASKING.has(one)));
  const odd = flags.find((one) => !OPTION.test(one));
  if (odd !== undefined) return { problem: `${JSON.stringify(odd)} is no option`, variable: "crun_become_flags" };
  switch (method) {
    case "sudo": {
      const words = [exe, "-S", "-p", marker, ...(flags.length === 0 ? ["-H"] : flags), "-u", user, "--"];
      return { ...plain, words, question: new RegExp(marker) };
    }
    case "su":
      return {
        ...plain,
        words: [exe, ...flags, user, "-s", "/bin/sh", "-c", 'exec "$0"'],
        question: /[Pp]assword[^\n]*: ?$/,
      };
    case "doas":
      return {
        ...plain,
        words: [exe, ...flags, "-u", user, "--"],
        needsTerminal: true,
        question: /[Pp]assword[^\n]*: ?$/,
      };
  }
}

/** The words of a command that becomes the user and runs the helper. */
export function becomeCommand({ words, needsTerminal }: BecomePlan, helper: string): readonly string[] {
  return [...(needsTerminal ? [helper, "--terminal"] : []), ...words, helper];
}
