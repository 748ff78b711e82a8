// What of an observation must still be so when a saved plan is applied: no times, inodes and sizes of directories.

import { createHash } from "node:crypto";
import { digestOf } from "../module/content.js";
import { errnoName } from "../module/failure-text.js";
import type {
  ExecProbe,
  Exit,
  FileType,
  ListEntry,
  Observation,
  Probe,
  Stat,
  StatObservation,
} from "../module/probe.js";

/** What lies at a path. */
export interface State {
  readonly type: FileType | "absent";
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** A link's. */
  readonly target?: string;
  /** Hex; of a file whose content was looked at. */
  readonly sha256?: string;
  /** chattr. */
  readonly flags?: number;
  /** If asked for. */
  readonly fileSystem?: string;
  readonly subvolume?: string;
}

export type Sight =
  | { readonly kind: "path"; readonly real: string; readonly state: State; readonly paragraphs?: string }
  | { readonly kind: "list"; readonly real: string; readonly state: State; readonly entries: readonly NamedState[] }
  /** A list too long to be kept by name: how many there are, and the digest of all. */
  | {
      readonly kind: "many";
      readonly real: string;
      readonly state: State;
      readonly count: number;
      readonly digest: string;
    }
  | { readonly kind: "glob"; readonly paths: readonly string[] }
  /** How a program that only looks ended, and the digest of what it said. */
  | { readonly kind: "program"; readonly end: string; readonly output: string }
  /** The name of the machine that runs from the tree; empty: none. */
  | { readonly kind: "machine"; readonly name: string }
  /** Whether something listened at a port. */
  | { readonly kind: "connection"; readonly isOpen: boolean }
  | { readonly kind: "failure"; readonly why: string };

export interface NamedState {
  readonly name: string;
  readonly state: State;
}

/** The sight of an observation. The probe must be the one that was asked. */
export function sightOf(probe: Probe, observation: Observation): Sight {
  if (observation.failure !== undefined) {
    const { code, errno } = observation.failure;
    return { kind: "failure", why: code === "system" ? errnoName(errno) : code };
  }
  switch (observation.kind) {
    case "stat":
      return { kind: "path", real: observation.real, state: { ...stateOf(observation.stat), ...mountOf(observation) } };
    case "hash":
      return { kind: "path", real: observation.real, state: stateOf(observation.stat, observation.digests.sha256) };
    case "read": {
      const { real, stat, sha256, content } = observation;
      const isPart = probe.kind === "read" && probe.needles !== undefined;
      const paragraphs = isPart ? { paragraphs: content ? digestOf("sha256", content) : "" } : {};
      return { kind: "path", real, state: stateOf(stat, isPart ? undefined : sha256), ...paragraphs };
    }
    case "list":
      return listSight(observation.real, stateOf(observation.stat), entriesOf(observation));
    case "glob":
      return { kind: "glob", paths: observation.paths };
    case "exec":
      return {
        kind: "program",
        end: endOf(observation.exit),
        output: outputDigest(probe.kind === "exec" ? probe : undefined, observation.stdout),
      };
    case "connect":
      return { kind: "connection", isOpen: observation.isOpen };
    case "machine":
      return { kind: "machine", name: observation.machine?.name ?? "" };
  }
}

function mountOf({ fileSystem, subvolume }: StatObservation): Pick<State, "fileSystem" | "subvolume"> {
  return { ...(fileSystem === undefined ? {} : { fileSystem }), ...(subvolume ? { subvolume } : {}) };
}

/** What lies there, as far as plans depend on it. */
export function stateOf(stat: Stat | undefined, sha256?: string): State {
  if (!stat) return { type: "absent" };
  const { type, mode, uid, gid, target, flags } = stat;
  return {
    type,
    // A link's own mode means nothing.
    ...(type === "link" ? { target } : { mode }),
    uid,
    gid,
    ...(type === "file" && sha256 !== undefined ? { sha256 } : {}),
    ...(flags === undefined ? {} : { flags }),
  };
}

/** Longer lists are kept as a digest. */
const mostEntries = 2000;

function listSight(real: string, state: State, entries: readonly NamedState[]): Sight {
  if (entries.length <= mostEntries) return { kind: "list", real, state, entries };
  const digest = digestOf("sha256", Buffer.from(JSON.stringify(entries)));
  return { kind: "many", real, state, count: entries.length, digest };
}

function entriesOf({ entries }: { readonly entries: readonly ListEntry[] }): NamedState[] {
  return entries.map(({ name, stat, digests }) => ({ name, state: stateOf(stat, Object.values(digests)[0]) }));
}

function endOf(exit: Exit): string {
  return exit.kind === "exited" || exit.kind === "signaled" ? `${exit.kind} ${exit.value}` : exit.kind;
}

/** Of the lines that count. */
function outputDigest(probe: ExecProbe | undefined, output: Uint8Array): string {
  const lines = probe?.lines;
  if (lines === undefined) return digestOf("sha256", output);
  const pattern = new RegExp(lines);
  const hash = createHash("sha256");
  for (const line of Buffer.from(output).toString("latin1").split("\n"))
    if (pattern.test(line)) hash.update(`${line}\n`);
  return hash.digest("hex");
}
