// What every program in a tree finds in its environment, besides HOME, USER, LOGNAME and SHELL from the tree's passwd.

/** The same on every host: nothing is inherited. */
export const standardEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
} as const;

/** TERM of a program with a terminal, and of one without. */
export function terminalName(hasTerminal: boolean): string {
  return hasTerminal ? "xterm-256color" : "dumb";
}
