// A planned change in a line: what is done, and what must be there for it.

import { writtenText } from "../facts/process-limits.js";
import type { Change, Expect } from "../module/change.js";
import type { ExecSpec } from "../module/probe.js";
import type { State } from "./sight.js";

/** One line. Programs are shown with their words, contents with their size; nothing is masked here. */
export function describeChange(change: Change): string {
  if (change.kind === "exec") return `run ${commandText(change.exec)}${change.at === "host" ? " on the host" : ""}`;
  const where = change.at === "host" ? `the host's ${change.path}` : change.path;
  const expects = expectText(change.expect);
  return `${deedOf(change, where)}${expects === "" ? "" : ` (expects ${expects})`}`;
}

function deedOf(change: Exclude<Change, { kind: "exec" }>, where: string): string {
  switch (change.kind) {
    case "writeFile":
      return `write ${where}: ${count(change.content.size, "byte")}${attributes(change)}`;
    case "makeDirectory":
      return `make the directory ${where}${attributes(change)}`;
    case "makeLink":
      return `make the link ${where} to ${change.target}`;
    case "hardLink":
      return `make ${where} a hard link to ${change.source}`;
    case "remove":
      return `remove ${where}${change.isRecursive ? " and all beneath it" : ""}${change.withSubvolumes ? ", subvolumes too" : ""}`;
    case "setAttributes":
      return `change ${where}:${attributes(change).replace(/^,/, "")}`;
    case "copyFile":
      return `copy ${change.from} to ${where}${change.isBackup ? " as a backup" : ""}${attributes(change)}`;
    case "rename":
      if (change.onTaken === "exchange") return `exchange ${where} and ${change.to}`;
      return `rename ${where} to ${change.to}${change.onTaken === "refuse" ? ", where nothing is" : ""}`;
    case "writeKernel":
      return `write ${JSON.stringify(change.value)} to ${where}`;
    case "lock":
      return `lock ${where}`;
    case "unlock":
      return `unlock ${where}`;
    case "subvolume":
      return `make the ${change.isReadOnly ? "read-only " : ""}subvolume ${where}${change.from === undefined ? "" : `, a snapshot of ${change.from}`}`;
    case "setSubvolume":
      return `make the subvolume ${where} ${change.isReadOnly ? "read-only" : "writable"}`;
    case "mountOverlay":
      return `mount an overlay over ${change.lower} at ${where}${change.replaces ? ", in place of what is mounted there" : ""}`;
    case "unmount":
      return `unmount ${where}${change.removesDirectory ? " and remove its directory" : ""}`;
  }
}

function attributes(change: {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly atime?: unknown;
  readonly mtime?: unknown;
  readonly setFlags?: number;
  readonly clearFlags?: number;
}): string {
  const { mode, uid, gid, setFlags, clearFlags } = change;
  const parts = [
    mode === undefined ? "" : ` mode ${octal(mode)}`,
    uid === undefined ? "" : ` user ${uid}`,
    gid === undefined ? "" : ` group ${gid}`,
    change.atime === undefined && change.mtime === undefined ? "" : " times",
    setFlags || clearFlags ? " flags" : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : `,${parts.join(",")}`;
}

function commandText(exec: ExecSpec): string {
  const words = exec.argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)));
  const { stdin } = exec;
  const more = [
    exec.user === undefined ? "" : `as ${exec.user}`,
    exec.directory === undefined ? "" : `in ${exec.directory}`,
    exec.environment
      ? `with ${Object.entries(exec.environment)
          .map(([name, value]) => `${name}=${value}`)
          .join(" ")}`
      : "",
    exec.allow === undefined ? "" : `allowed ${exec.allow.join(", ")}`,
    exec.limits === undefined ? "" : `limited to ${writtenText(exec.limits)}`,
    stdin === undefined ? "" : `reading ${count(Buffer.byteLength(stdin), "byte")}`,
  ].filter((part) => part !== "");
  return `${words.join(" ")}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}

/** What must be at the path; empty: anything. */
function expectText(expect: Expect): string {
  const { type, sha256, mode, owner, target } = expect;
  if (type === "absent") return "nothing there";
  const parts = [
    sha256 === undefined ? "" : `sha256 ${shortDigest(sha256)}`,
    mode === undefined ? "" : `mode ${octal(mode)}`,
    owner === undefined ? "" : `owner ${owner.uid}:${owner.gid}`,
    target === undefined ? "" : `leading to ${target}`,
  ].filter((part) => part !== "");
  if (type === undefined && parts.length === 0) return "";
  return [`a ${type ?? "thing"}`, ...parts].join(", ");
}

/** `a file (0644, 0:0, sha256 1a2b3c4d5e6f)`. */
export function stateText(state: State): string {
  if (state.type === "absent") return "nothing";
  const parts = [
    state.mode === undefined ? "" : octal(state.mode),
    state.uid === undefined ? "" : `${state.uid}:${state.gid ?? ""}`,
    state.target === undefined ? "" : `to ${state.target}`,
    state.sha256 === undefined ? "" : `sha256 ${shortDigest(state.sha256)}`,
  ].filter((part) => part !== "");
  return `a ${state.type}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}`;
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Enough of a digest to tell it from another. */
export function shortDigest(sha256: string): string {
  return sha256.slice(0, 12);
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
