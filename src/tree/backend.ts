// How trees are stored: one small interface, whatever the file system can.

import type { Change } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import type { TreePlace } from "./place.js";
import type { BackendName } from "./record.js";

/** What was seen of the host's file systems, for a tree at a place. */
export interface StorageSeen {
  /** Of the directory that holds the tree (stat's names: `btrfs`, `ext4`, …); undefined: not known. */
  readonly fileSystem: string | undefined;
  /** Of the base of a clone: whether it is the root of a btrfs subvolume. */
  readonly isBaseSubvolume: boolean;
  /** The base lies on the same file system. */
  readonly isBaseNear: boolean;
}

/** Changes on the host's root. `at`: an absolute path whose parent is there; what is made there has no name of a tree yet. */
export interface Backend {
  readonly name: BackendName;
  /** One line, for the documentation. */
  readonly summary: string;
  /** Why a tree cannot be stored so here; undefined: it can. */
  cannot(seen: StorageSeen, wish: "create" | "clone"): Refusal | undefined;
  /** An empty tree, root's, mode 0755. */
  create(at: string, place: TreePlace): readonly Change[];
  /** A copy of the tree at `from` that shares what the file system can share. */
  clone(from: string, at: string, place: TreePlace): readonly Change[];
  /** Gives what was made its final name, at once and only if that is free. */
  publish(made: string, place: TreePlace): readonly Change[];
  /** Puts what was made in the tree's place and the tree in its, at once. */
  exchange(made: string, place: TreePlace): readonly Change[];
  /** With all that lies beneath. Nothing there: nothing done. */
  remove(at: string, place: TreePlace): readonly Change[];
}
