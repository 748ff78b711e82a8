// $NAME and ~ in a command's words, as Ansible's command expands them: from the environment that the program will have.

import { standardEnvironment, terminalName } from "../module/exec-environment.js";
import type { ReadObservation, ReadProbe } from "../module/probe.js";
import { AccountFile } from "./account-file.js";
import { usersOf, type PasswdEntry } from "./passwd.js";
import { trimEndOf } from "../module/trim.js";

/** The tree's passwd, where a word may need it. */
export function expansionProbes(words: readonly string[]): readonly ReadProbe[] {
  return words.some((word) => word.startsWith("~") || word.includes("$"))
    ? [{ kind: "read", path: "/etc/passwd" }]
    : [];
}

/** Unknown names and users stay as they are written. `user` as in become_user: a name or a number, `:group` allowed. */
export function expandWords(
  words: readonly string[],
  passwd: ReadObservation | undefined,
  run: { readonly user: string | undefined; readonly environment: Readonly<Record<string, string>> },
): string[] {
  if (!passwd) return [...words];
  const users = usersOf(AccountFile.parse(passwd.content ?? new Uint8Array()));
  const variables = environmentOf(users, run);
  const homeOf = (name: string): string | undefined =>
    name === "" ? variables["HOME"] : users.find((one) => one.name === name)?.home;
  return words.map((word) => expandUser(expandVariables(word, variables), homeOf));
}

function environmentOf(
  users: readonly PasswdEntry[],
  run: { readonly user: string | undefined; readonly environment: Readonly<Record<string, string>> },
): Readonly<Record<string, string>> {
  const given = (run.user ?? "root").replace(/:.*/s, "");
  const user = users.find((one) => one.name === given) ?? users.find((one) => String(one.uid) === given);
  const account = user
    ? { HOME: user.home || "/", USER: user.name, LOGNAME: user.name, SHELL: user.shell || "/bin/sh" }
    : {};
  return { ...standardEnvironment, TERM: terminalName(false), ...account, ...run.environment };
}

function expandVariables(word: string, variables: Readonly<Record<string, string>>): string {
  return word.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (whole, bare: string | undefined, braced: string | undefined) => {
    const name = bare ?? braced ?? "";
    return Object.hasOwn(variables, name) ? (variables[name] ?? whole) : whole;
  });
}

function expandUser(word: string, homeOf: (name: string) => string | undefined): string {
  const match = /^~([^/]*)(.*)$/s.exec(word);
  const home = match && homeOf(match[1] ?? "");
  return home === undefined || home === null ? word : trimEndOf(home, "/") + (match?.[2] ?? "") || "/";
}
