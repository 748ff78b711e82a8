// Trees as btrfs subvolumes; clones are snapshots.

import type { Backend } from "../backend.js";
import { directory } from "./directory.js";

export const btrfs: Backend = {
  name: "btrfs",
  summary: "a btrfs subvolume; clones are snapshots, made in the time of a system call",
  cannot: ({ fileSystem, isBaseSubvolume, isBaseNear }, wish) => {
    if (fileSystem !== "btrfs")
      return {
        message: `the btrfs backend needs btrfs beneath the trees, and finds ${fileSystem ?? "another file system"}`,
        remedy: "Say backend: auto or directory, or put the trees on btrfs (crun_trees).",
      };
    if (wish === "clone" && !(isBaseSubvolume && isBaseNear))
      return {
        message: "the base is no btrfs subvolume of the same file system, so no snapshot can be made of it",
        remedy: "Say backend: auto or directory to copy it, or make the base with backend: btrfs.",
      };
    return undefined;
  },
  create: (at) => [{ kind: "subvolume", path: at, expect: { type: "absent" } }],
  clone: (from, at) => [{ kind: "subvolume", path: at, from, expect: { type: "absent" } }],
  publish: directory.publish,
  exchange: directory.exchange,
  remove: (at) => [
    { kind: "remove", path: at, isRecursive: true, withSubvolumes: true, expect: { type: "directory" } },
  ],
};
