// Trees as plain directories, on any file system; copies share blocks where it can (reflink).

import type { Change, ExecChange } from "../../module/change.js";
import type { Backend } from "../backend.js";
import { containedProgram } from "../program.js";
import { findForeign } from "../without-root.js";

export function directory(): Backend {
  return {
    name: "directory",
    summary: "a plain directory; clones are copies, which share their blocks where the file system can",
    cannot: () => undefined,
    create: (at) => [{ kind: "makeDirectory", path: at, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } }],
    clone: (from, at) => [
      { ...copied(from, at), assumes: [{ kind: "makeDirectory", path: at, mode: 0o755, expect: {} }] },
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

/**
 * In a mount namespace of its own, and through a bind mount, which shows subvolumes but nothing that is mounted in the tree, and on which no link is
 * followed (kernel 5.10) and no device opened: a process in the tree could put one in cp's way. A fifo that came in the place of a file would hold
 * cp up for ever, which opens without O_NONBLOCK: where the kernel tells that it waits for a fifo's other end (it never does otherwise), it is ended.
 */
const copying = String.raw`
${findForeign}
[ -z "$foreign" ] || { echo "cp: $foreign belongs to an id that this login has not, and cannot be copied with its owner" >&2; exit 1; }
mount --bind -o nosymfollow,nodev -- "$1" "$1" 2>/dev/null || mount --bind -o nodev -- "$1" "$1" || exit
cp --archive --preserve=xattr --reflink=auto -T -- "$1" "$2" &
copy=$!
while sleep 1; do
  case $(cat "/proc/$copy/wchan" 2>/dev/null) in
  *wait_for_partner*)
    echo "cp: a fifo came in the place of a file while that was copied" >&2
    kill -KILL "$copy"
    ;;
  esac
done &
wait "$copy"`;

/** Extended attributes that cannot be kept are a failure: capabilities and access lists are among them. */
export function copied(from: string, at: string): ExecChange {
  return containedProgram({ argv: ["sh", "-c", copying, "cp", from, at] });
}
