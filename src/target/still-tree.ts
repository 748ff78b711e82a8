// A tree that stands still while it is read: a snapshot of its own where the storage can make one.

import { CrunError } from "../diagnostic/diagnostic.js";
import type { Change } from "../module/change.js";
import { describeFailure } from "../module/failure-text.js";
import type { TreePlace } from "../tree/place.js";
import type { TreeSession } from "./session.js";

/** What another export left behind is taken away after this time: it may be at work still. */
const staleMs = 24 * 3600 * 1000;
const subvolumeInode = 256;

/** Where it can be read, and whether that is the tree itself, which may change meanwhile. */
export interface StillTree {
  readonly path: string;
  readonly isLive: boolean;
  /** Takes it away again. */
  end(): Promise<void>;
}

/** `mark` tells this run from others (see runMark). `root` is the host's. Rejects with a CrunError where the tree is not there. */
export async function holdStill(
  root: TreeSession,
  place: TreePlace,
  name: string,
  mark: string,
  nowMs: number,
): Promise<StillTree> {
  const [tree, keep, making, list] = await root.observe([
    { kind: "stat", path: place.path, withFileSystem: true },
    { kind: "stat", path: place.keep },
    { kind: "stat", path: place.making },
    { kind: "list", path: place.making, depth: 1 },
  ]);
  if (tree?.kind !== "stat" || keep?.kind !== "stat" || making?.kind !== "stat" || list?.kind !== "list")
    throw new Error("answers of other kinds than was asked for");
  if (tree.stat?.type !== "directory")
    throw new CrunError({ severity: "error", summary: `${name}: there is no such tree` }, 4);
  if (tree.fileSystem !== "btrfs" || tree.stat.inode !== subvolumeInode)
    return { path: place.path, isLive: true, end: () => Promise.resolve() };
  const prefix = `${place.name}.export.`;
  const path = `${place.making}/${prefix}${mark}`;
  const own = { mode: 0o700, expect: { type: "absent" } } as const;
  const stale = list.entries.filter((one) => one.name.startsWith(prefix) && isStale(one.name, prefix, nowMs));
  for (const one of stale) await root.apply([removal(`${place.making}/${one.name}`)]);
  const outcomes = await root.apply([
    ...(keep.stat ? [] : [{ kind: "makeDirectory", path: place.keep, ...own } as const]),
    ...(making.stat ? [] : [{ kind: "makeDirectory", path: place.making, ...own } as const]),
    { kind: "subvolume", path, from: place.path, isReadOnly: true, expect: { type: "absent" } },
  ]);
  const failure = outcomes.find((one) => one.failure)?.failure;
  if (failure) {
    const summary = `${name}: no snapshot could be taken to read from: ${describeFailure(failure)}`;
    throw new CrunError({ severity: "error", summary }, 2);
  }
  return { path, isLive: false, end: async () => void (await root.apply([removal(path)])) };
}

function removal(path: string): Change {
  return { kind: "remove", path, isRecursive: true, withSubvolumes: true, expect: { type: "directory" } };
}

/** The mark begins with the time, in milliseconds of base 36. */
function isStale(name: string, prefix: string, nowMs: number): boolean {
  const startedMs = parseInt(name.slice(prefix.length).split("-")[0] ?? "", 36);
  return Number.isFinite(startedMs) && nowMs - startedMs > staleMs;
}
