// Trees as plain directories, on any file system; copies share blocks where it can (reflink).

import type { Change } from "../../module/change.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import type { Backend, StorageSeen } from "../backend.js";
import { containedProgram, hostProgram } from "../program.js";

export function directory(seen: StorageSeen = NOTHING_SEEN): Backend {
  return {
    name: "directory",
    summary: "a plain directory; clones are copies, which share their blocks where the file system can",
    cannot: () => undefined,
    create: (at) => [{ kind: "makeDirectory", path: at, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } }],
    clone: (from, at) => [
      { ...copied(from, at, seen), assumes: [{ kind: "makeDirectory", path: at, mode: 0o755, expect: {} }] },
    ],
    publish: (made, place) => [
      { kind: "rename", path: made, to: place.path, onTaken: "refuse", expect: { type: "directory" } },
    ],
    exchange: (made, place) => [
      { kind: "rename", path: made, to: place.path, onTaken: "exchange", expect: { type: "directory" } },
    ],
    withdraw: (place, away) => [
      { kind: "rename", path: place.path, to: away, onTaken: "refuse", expect: { type: "directory" } },
    ],
    remove: removed,
  };
}

/** Subvolumes too: on btrfs systemd makes some in a tree that it boots. */
export function removed(at: string): readonly Change[] {
  return [{ kind: "remove", path: at, isRecursive: true, withSubvolumes: true, expect: { type: "directory" } }];
}

/** Of btrfs alone: nested subvolumes are other devices, which cp would leave out; a bind mount shows them, and nothing that is mounted there. */
const copyWithSubvolumes =
  'mount --bind -- "$1" "$1" && exec cp --archive --preserve=xattr --reflink=auto -T -- "$1" "$2"';

/** Extended attributes that cannot be kept are a failure: capabilities and access lists are among them. */
export function copied(from: string, at: string, seen: StorageSeen) {
  if (seen.base?.fileSystem === "btrfs")
    return containedProgram({ argv: ["sh", "-c", copyWithSubvolumes, "cp", from, at] });
  const options = ["--archive", "--preserve=xattr", "--reflink=auto", "--one-file-system", "--no-target-directory"];
  return hostProgram({ argv: ["cp", ...options, "--", from, at] });
}
