// How the helper becomes another user: sudo, su or doas, and the password that they may ask for.

import type { HostAddress } from "../target/session.js";

export type Become = NonNullable<HostAddress["become"]>;

/** The command that the helper is run with, and how a question for the password looks on stderr. */
export interface BecomePlan {
  readonly method: "sudo" | "su" | "doas" | "none";
  readonly user: string;
  /** Words before the helper's path. */
  readonly words: readonly string[];
  readonly question: RegExp | undefined;
}

/** Names that reach a command line: nothing that a shell or an option parser takes otherwise. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/;

/** Where the inventory says nothing: sudo, for logins that are not root. */
export const DEFAULT_BECOME: Become = { isWanted: true, method: "sudo", user: "root" };

/**
 * `marker` must be hard to guess: it stands for sudo's prompt. `canAnswer`: there is a password, or somebody to ask. Undefined: the user's
 * name cannot be used.
 */
export function planBecome(become: Become, marker: string, canAnswer: boolean): BecomePlan | undefined {
  const { method, user } = become;
  if (!become.isWanted || method === "none") return { method: "none", user, words: [], question: undefined };
  if (!USER_NAME.test(user)) return undefined;
  switch (method) {
    case "sudo": {
      const asking = canAnswer ? ["-S", "-p", marker] : ["-n"];
      return { method, user, words: ["sudo", ...asking, "-H", "-u", user, "--"], question: new RegExp(marker) };
    }
    case "su":
      return {
        method,
        user,
        words: ["su", user, "-s", "/bin/sh", "-c", 'exec "$0"'],
        question: /[Pp]assword[^\n]*: ?$/,
      };
    case "doas":
      return { method, user, words: ["doas", "-n", "-u", user, "--"], question: undefined };
  }
}
