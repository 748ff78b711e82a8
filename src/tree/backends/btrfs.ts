// Trees as btrfs subvolumes; clones are snapshots.

import type { Change } from "../../module/change.js";
import type { Backend, StorageSeen } from "../backend.js";
import { hostProgram } from "../program.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import { copied, directory, removed } from "./directory.js";

export function btrfs(seen: StorageSeen = NOTHING_SEEN): Backend {
  const plain = directory();
  // A directory that moves to another one is written to, and what is read-only refuses that.
  const thawed = (path: string): readonly Change[] => (seen.subvolume === "read-only" ? setReadOnly(path, false) : []);
  return {
    name: "btrfs",
    summary: "a btrfs subvolume; clones are snapshots, made in the time of a system call",
    cannot: ({ fileSystem }) =>
      fileSystem === "btrfs"
        ? undefined
        : {
            message: `the btrfs backend needs btrfs beneath the trees, and finds ${fileSystem ?? "another file system"}`,
            remedy: "Say backend: auto or directory, or put the trees on btrfs (crun_trees).",
          },
    create: (at) => [{ kind: "subvolume", path: at, expect: { type: "absent" } }],
    clone: (from, at) =>
      seen.isBaseSubvolume && seen.isBaseNear
        ? [{ kind: "subvolume", path: at, from, expect: { type: "absent" } }]
        : [{ kind: "subvolume", path: at, expect: { type: "absent" } }, copied(from, at)],
    publish: plain.publish,
    exchange: (made, place) => [...thawed(place.path), ...plain.exchange(made, place)],
    withdraw: (place, away) => [...thawed(place.path), ...plain.withdraw(place, away)],
    remove: removed,
    limit: (at, bytes) => [
      // Without quotas no limit counts; where they are on, nothing happens.
      hostProgram({ argv: ["btrfs", "quota", "enable", at] }),
      hostProgram({ argv: ["btrfs", "qgroup", "limit", bytes === undefined ? "none" : `${bytes}`, at] }),
    ],
    setReadOnly,
  };
}

function setReadOnly(path: string, isReadOnly: boolean): readonly Change[] {
  return [{ kind: "setSubvolume", path, isReadOnly, expect: { type: "directory" } }];
}
