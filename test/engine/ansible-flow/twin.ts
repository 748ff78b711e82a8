// One playbook in two dialects: crun's as it is written, Ansible's after the marks in its comments.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the cases lie: one folder for each of Ansible's integration targets. */
export const FLOW_FOLDER = fileURLToPath(new URL("../../../../test/engine/ansible-flow/", import.meta.url));

/** What ansible-playbook made of a case. */
export interface Recorded {
  /** Of Ansible's text: another text needs another recording. */
  readonly of: string;
  readonly exit: number;
  /** Counts that are not 0, by host. */
  readonly recap: Readonly<Record<string, string>>;
  /** What each host did, in order: `task | status`, with `(item=…)`, `-> delegate` and the message of a debug. */
  readonly results: Readonly<Record<string, readonly string[]>>;
}

export interface Case {
  /** `handlers/order`. */
  readonly name: string;
  readonly target: string;
  readonly file: string;
  /** Further arguments of the command line. */
  readonly flags: readonly string[];
  readonly text: string;
  /** The text for Ansible. */
  readonly twin: string;
  readonly of: string;
}

/** Each folder with a recorded.json or without one yet; a file that begins with `_` is a part of others. */
export function cases(): Case[] {
  const folders = readdirSync(FLOW_FOLDER, { withFileTypes: true }).filter(
    (one) => one.isDirectory() && !["bin", "record", "roles"].includes(one.name),
  );
  return folders.flatMap(({ name: target }) =>
    readdirSync(`${FLOW_FOLDER}${target}`)
      .filter((file) => file.endsWith(".yml") && !file.startsWith("_"))
      .sort()
      .map((file) => caseOf(target, file)),
  );
}

function caseOf(target: string, file: string): Case {
  const path = `${FLOW_FOLDER}${target}/${file}`;
  const text = readFileSync(path, "utf8");
  const flags = /^# flags: (.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
  const twin = twinOf(text);
  const of = createHash("sha256")
    .update([...flags, twin].join("\n"))
    .digest("hex")
    .slice(0, 12);
  return { name: `${target}/${file.replace(/\.yml$/, "")}`, target, file: path, flags, text, twin, of };
}

export function recordedOf(target: string): Readonly<Record<string, Recorded>> {
  try {
    return JSON.parse(readFileSync(`${FLOW_FOLDER}${target}/recorded.json`, "utf8")) as Record<string, Recorded>;
  } catch {
    // Nothing was recorded yet: each case says so.
    return {};
  }
}

/** What crun makes of a case where it differs on purpose (docs/FROM-ANSIBLE.md). */
export interface Difference extends Omit<Recorded, "of"> {
  readonly why: string;
}

export function differencesOf(target: string): Readonly<Record<string, Difference>> {
  try {
    return JSON.parse(readFileSync(`${FLOW_FOLDER}${target}/differs.json`, "utf8")) as Record<string, Difference>;
  } catch {
    // Most folders have none.
    return {};
  }
}

/**
 * Ansible's text. `key: a # ansible: key: b` is `key: b` for Ansible; `key: a # ansible:` is nothing; a line that is only such a comment
 * is for Ansible alone.
 */
export function twinOf(text: string): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const mark = /^(\s*)(.*?)\s*# ansible:( .*)?$/.exec(line);
      if (!mark) return [line];
      const other = mark[3]?.slice(1);
      return other === undefined ? [] : [`${mark[1] ?? ""}${other}`];
    })
    .join("\n");
}
