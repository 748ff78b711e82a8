// Checkpoints of programs that run in a tree: where their images lie, and what is noted of each.

import { joinPath } from "../module/tree-path.js";
import type { TreePlace } from "./place.js";

/** The JSON beside a checkpoint's images. It is written last: images without it are not whole. */
export interface CheckpointInfo {
  readonly version: 1;
  /** Of the program's first process, as the host counts. */
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
}

export interface CheckpointPlace {
  /** `DIR/.crun/checkpoints`, and the tree's own directory in it. */
  readonly all: string;
  readonly directory: string;
  /** criu's images. */
  readonly images: string;
  readonly info: string;
}

export function checkpointPlace(place: TreePlace, name: string): CheckpointPlace {
  const all = joinPath(place.keep, "checkpoints");
  const directory = joinPath(all, place.name);
  return { all, directory, images: joinPath(directory, name), info: joinPath(directory, `${name}.json`) };
}

/** What is wrong with a checkpoint's name. */
export function checkpointNameProblem(name: string): string | undefined {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$/.test(name) && !name.endsWith(".json")) return undefined;
  return `${JSON.stringify(name)} is no name for a checkpoint: letters, digits and _ . -, none of . - first`;
}

export function checkpointText(info: CheckpointInfo): string {
  return `${JSON.stringify(info, undefined, 2)}\n`;
}

/** Reads what is written beside a checkpoint; undefined: it is no such text. */
export function parseCheckpoint(text: string): CheckpointInfo | undefined {
  try {
    const { version, pid, takenAt } = JSON.parse(text) as Partial<Record<keyof CheckpointInfo, unknown>>;
    if (version !== 1 || typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    return typeof takenAt === "string" ? { version, pid, takenAt } : undefined;
  } catch {
    return undefined;
  }
}
