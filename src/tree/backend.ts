// How trees are stored: one small interface, whatever the file system can.

import type { Change } from "../module/change.js";
import type { Refusal } from "../module/contract.js";
import type { TreePlace } from "./place.js";
import type { BackendName, TreeRecord } from "./record.js";

/** What was seen of the host's storage, for a tree at a place (storage.ts). */
export interface StorageSeen {
  /** Of the directory that holds the tree (stat's names: `btrfs`, `ext4`, …); undefined: not known. */
  readonly fileSystem: string | undefined;
  /** Of the base of a clone: whether it is the root of a btrfs subvolume. */
  readonly isBaseSubvolume: boolean;
  /** The base lies beside the tree. */
  readonly isBaseNear: boolean;
  /** Where the tree is to lie. */
  readonly place?: TreePlace;
  /** The base of a clone: the tree's path, and its record where crun made it. */
  readonly base?:
    | {
        readonly path: string;
        readonly fileSystem?: string;
        readonly record?: TreeRecord;
      }
    | undefined;
  /** The tree itself is a subvolume, and this is what it is like. */
  readonly subvolume?: "writable" | "read-only";
  /** An overlay is mounted where the tree lies. */
  readonly isOverlayMounted?: boolean;
  /** Directories with the layers of overlays that have the tree's name, finished or not (backends/layers.ts). */
  readonly layers?: readonly string[];
  /** Trees that are overlays of this one. */
  readonly overlaidBy?: readonly string[];
  /** The host's PID 1 is systemd. */
  readonly runsSystemd?: boolean;
  /** Of zfs, where it was asked; `problem`: its own words where it cannot tell. */
  readonly datasets?: readonly Dataset[] | { readonly problem: string };
}

/** One that holds the directory of trees comes first, then those right beneath it. */
export interface Dataset {
  readonly name: string;
  readonly mountPoint: string;
  readonly isMounted: boolean;
  /** The snapshot that it is a clone of. */
  readonly origin?: string;
}

/**
 * Changes on the host's root. `at`: an absolute path whose parent is there; what is made there has no name of a tree yet. One that needs to know
 * what is there is made for what was seen (`backendNamed`).
 */
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
  /** Its trees are mounts of their own: none is removed or replaced while somebody has it open. */
  readonly mountsTrees?: boolean;
  /** A clone is a mount until it is published, and is made where it ends with the helper (`hasOwnMounts` of a session). */
  readonly mountsClones?: boolean;
  /** Mounts a clone again whose mount has ended with a helper. */
  remount?(at: string, place: TreePlace): readonly Change[];
  /** A clone with these changes made to it that is nowhere to be seen before it has its name; undefined: only `clone` can that. */
  cloneWritten?(from: string, at: string, place: TreePlace, changes: readonly Change[]): readonly Change[] | undefined;
  /** Gives what was made its final name, at once and only if that is free. */
  publish(made: string, place: TreePlace): readonly Change[];
  /** Puts what was made in the tree's place and the tree in its, at once where the storage can. Both are stored by this backend. */
  exchange(made: string, place: TreePlace): readonly Change[];
  /** Gives what has no name of a tree another such name beside it. Absent: a rename does. */
  move?(from: string, to: string, place: TreePlace): readonly Change[];
  /** Takes the tree's name away, at once; what is left of it lies at `away`, to be removed. */
  withdraw(place: TreePlace, away: string): readonly Change[];
  /** With all that lies beneath. */
  remove(at: string, place: TreePlace): readonly Change[];
  /** Puts a whole tree back where it belongs, where its mount went with the host's last start; undefined: it is there, or there is no such tree. */
  restore?(place: TreePlace): readonly Change[] | undefined;
  /** Limits what the tree at `at` can hold, in bytes; undefined: no more. Absent: the storage has no such limits. */
  limit?(at: string, bytes: number | undefined): readonly Change[];
  /** Absent: trees cannot be read-only in this storage. */
  setReadOnly?(at: string, isReadOnly: boolean): readonly Change[];
}
