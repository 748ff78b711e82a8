// What differs between what a plan expects and what is there, in words.

import { isDeepStrictEqual } from "node:util";
import type { FileDiff } from "../engine/events.js";
import type { Observation, Timestamp } from "../module/probe.js";
import { octal, shortDigest, stateText } from "./describe-change.js";
import type { PlannedLook } from "./saved-plan.js";
import type { NamedState, Sight, State } from "./sight.js";

/** One thing that is not as it was when the plan was made. */
export interface Moved {
  /** Empty for what is no path. */
  readonly path: string;
  /** A line without the path: `its mode is 0600, it was 0644`. */
  readonly text: string;
  readonly diff?: FileDiff;
}

/** Longer lists of names are cut. */
const mostNames = 5;

/** The difference, or undefined where what counts is as it was. */
export function movedOf(look: PlannedLook, now: Sight, observation: Observation): Moved | undefined {
  if (isDeepStrictEqual(look.sight, now)) return undefined;
  const { probe, sight } = look;
  const path = "path" in probe ? probe.path : "";
  const text = difference(look, sight, now, observation);
  const diff = path === "" ? undefined : diffOf(path, look, observation);
  return { path, text, ...(diff ? { diff } : {}) };
}

function difference(look: PlannedLook, was: Sight, now: Sight, observation: Observation): string {
  if (now.kind === "failure") return `it cannot be looked at any more: ${now.why}`;
  if (was.kind === "failure") return `it could not be looked at (${was.why}), and can be now`;
  if (was.kind === "path" && now.kind === "path") return pathDifference(was, now, observation);
  if (was.kind === "list" && now.kind === "list") {
    if (was.real !== now.real || !isDeepStrictEqual(was.state, now.state)) return pathDifference(was, now, observation);
    return entriesDifference(was.entries, now.entries);
  }
  if ("real" in was && "real" in now) {
    if (was.real !== now.real || !isDeepStrictEqual(was.state, now.state)) return pathDifference(was, now, observation);
    return `what is beneath is not the same: ${countOf(now)}, there were ${countOf(was)}`;
  }
  if (was.kind === "glob" && now.kind === "glob") {
    const named = (paths: readonly string[]): NamedState[] => paths.map((name) => ({ name, state: { type: "file" } }));
    return entriesDifference(named(was.paths), named(now.paths));
  }
  if (was.kind === "machine" && now.kind === "machine") {
    const text = (name: string): string => (name === "" ? "no machine" : `the machine ${name}`);
    return `${text(now.name)} runs from the tree, it was ${text(was.name)}`;
  }
  if (now.kind === "connection" && look.probe.kind === "connect") {
    const port = `port ${look.probe.port} of ${look.probe.host}`;
    return now.isOpen ? `something listens at ${port}, nothing did` : `nothing listens at ${port}, something did`;
  }
  const argv = look.probe.kind === "exec" ? look.probe.exec.argv.join(" ") : look.probe.kind;
  return `“${argv}” gives another answer than it gave`;
}

function countOf(sight: Sight): string {
  const count = sight.kind === "many" ? sight.count : sight.kind === "list" ? sight.entries.length : 0;
  return `${count} ${count === 1 ? "name" : "names"}`;
}

function pathDifference(
  was: { readonly real: string; readonly state: State; readonly paragraphs?: string },
  now: { readonly real: string; readonly state: State; readonly paragraphs?: string },
  observation: Observation,
): string {
  const time = timeOf(observation);
  const since = time === undefined ? "" : `; last written ${time}`;
  if (was.state.type !== now.state.type) {
    if (now.state.type === "absent") return `it is gone, it was ${stateText(was.state)}`;
    if (was.state.type === "absent") return `it is ${stateText(now.state)}, nothing was there${since}`;
    return `it is ${stateText(now.state)}, it was ${stateText(was.state)}${since}`;
  }
  const parts: string[] = [];
  if (was.real !== now.real) parts.push(`it leads to ${now.real}, it led to ${was.real}`);
  if (was.state.target !== now.state.target)
    parts.push(`the link leads to ${now.state.target ?? ""}, it led to ${was.state.target ?? ""}`);
  if (was.state.sha256 !== now.state.sha256)
    parts.push(
      `its content is another: sha256 ${digestText(now.state.sha256)}, it was ${digestText(was.state.sha256)}`,
    );
  if (was.paragraphs !== now.paragraphs) parts.push("the parts of it that were looked at are others");
  if (was.state.mode !== now.state.mode)
    parts.push(`its mode is ${octal(now.state.mode ?? 0)}, it was ${octal(was.state.mode ?? 0)}`);
  if (was.state.uid !== now.state.uid || was.state.gid !== now.state.gid)
    parts.push(`its owner is ${owner(now.state)}, it was ${owner(was.state)}`);
  if (was.state.flags !== now.state.flags) parts.push("its flags are others (chattr)");
  return `${parts.join("; ")}${since}`;
}

function digestText(sha256: string | undefined): string {
  return sha256 === undefined || sha256 === "" ? "unknown" : shortDigest(sha256);
}

function owner({ uid, gid }: State): string {
  return `${uid ?? ""}:${gid ?? ""}`;
}

function entriesDifference(was: readonly NamedState[], now: readonly NamedState[]): string {
  const before = new Map(was.map(({ name, state }) => [name, state]));
  const after = new Map(now.map(({ name, state }) => [name, state]));
  const added = now.flatMap(({ name }) => (before.has(name) ? [] : [name]));
  const gone = was.flatMap(({ name }) => (after.has(name) ? [] : [name]));
  const changed = was.flatMap(({ name, state }) => {
    const other = after.get(name);
    return other && !isDeepStrictEqual(state, other) ? [name] : [];
  });
  const parts = [
    ["new", added],
    ["gone", gone],
    ["changed", changed],
  ] as const;
  const texts = parts.flatMap(([word, names]) => (names.length === 0 ? [] : [`${word}: ${namesText(names)}`]));
  return texts.length === 0
    ? "its entries come in another order"
    : `what is beneath is not the same; ${texts.join("; ")}`;
}

function namesText(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).join(", ");
  return names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
}

/** `2026-11-29 18:45:15 UTC`. */
function timeOf(observation: Observation): string | undefined {
  const stat = "stat" in observation ? observation.stat : undefined;
  return stat && timeText(stat.mtime);
}

function timeText({ seconds }: Timestamp): string | undefined {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime())
    ? undefined
    : time
        .toISOString()
        .replace("T", " ")
        .replace(/\.\d+Z$/, " UTC");
}

/** Where the old text was kept, and the new one is text too. */
function diffOf(path: string, { text }: PlannedLook, observation: Observation): FileDiff | undefined {
  if (!text || observation.kind !== "read" || !observation.content) return undefined;
  const [before, after] = [text, observation.content].map((bytes) => Buffer.from(bytes).toString("utf8"));
  if (before === undefined || after === undefined || before === after) return undefined;
  if ([before, after].some((one) => one.includes("\0") || one.includes("\ufffd"))) return undefined;
  return { title: path, before, after, beforeTitle: `${path} (when planned)`, afterTitle: `${path} (now)` };
}
