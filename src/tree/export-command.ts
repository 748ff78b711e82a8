// Programs that write a tree out: tar, as a stream, and ostree, into a repository of the host.

import { contentOf } from "../module/content.js";
import type { ExecSpec } from "../module/probe.js";
import { parentsOf } from "../module/tree-path.js";
import type { TreeEntry } from "./difference/entry.js";
import { containedProgram } from "./program.js";

/** How a stream is compressed, on the host. */
export const compressions = ["none", "gzip", "zstd", "xz"] as const;
export type Compression = (typeof compressions)[number];

const endings: readonly (readonly [RegExp, Compression])[] = [
  [/\.tar$/, "none"],
  [/\.(?:tar\.gz|tgz)$/, "gzip"],
  [/\.(?:tar\.zst|tzst)$/, "zstd"],
  [/\.(?:tar\.xz|txz)$/, "xz"],
];

/** What a file's name says; undefined: nothing that is known here. */
export function compressionOf(file: string): Compression | undefined {
  return endings.find(([ending]) => ending.test(file))?.[1];
}

/**
 * Runs a program for which no id has a name: tar writes ACLs with names, even with --numeric-owner, and those of the host are not the tree's. Where mounts are
 * not allowed it runs as it is.
 */
const namelessScript = String.raw`
hide='for file in passwd group nsswitch.conf; do
  [ ! -e "/etc/$file" ] || mount --bind /dev/null "/etc/$file" || exit 3
done
exec "$@"'
if unshare --mount --propagation private true 2>/dev/null; then
  exec unshare --mount --propagation private -- sh -c "$hide" sh "$@"
fi
exec "$@"
`;

/**
 * tar of what lies at `path`: owners by number, times, ACLs, extended attributes; names in order, so that the same tree gives the same bytes. Links are
 * stored as such, and nothing of other file systems.
 */
export function tarSpec(path: string, compression: Compression): ExecSpec {
  return {
    argv: [
      "sh",
      "-c",
      namelessScript,
      "sh",
      "tar",
      "--create",
      "--file=-",
      "--format=posix",
      "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
      "--numeric-owner",
      "--sort=name",
      "--acls",
      "--xattrs",
      "--xattrs-include=*",
      "--one-file-system",
      ...(compression === "none" ? [] : [`--${compression}`]),
      `--directory=${path}`,
      "--",
      ".",
    ],
    user: "root",
    directory: "/",
    killLeftovers: true,
  };
}

/** A new repository, whose files keep owners, modes and extended attributes. */
export function ostreeInit(repo: string): ExecSpec {
  return containedProgram({ argv: ["ostree", "init", `--repo=${repo}`, "--mode=bare"] }).exec;
}

/**
 * A commit of what lies at `path`, which holds these entries. Prints the commit's checksum. ostree ends at the first device, pipe or socket: where there are
 * such, it sees the tree through an overlay that hides them.
 */
export function ostreeCommit(
  repo: string,
  branch: string,
  subject: string,
  path: string,
  entries: readonly TreeEntry[],
): ExecSpec {
  const words = ["--skip-if-unchanged", `--repo=${repo}`, `--branch=${branch}`, `--subject=${subject}`];
  const hidden = hiding(entries);
  const argv =
    hidden.length === 0
      ? ["ostree", "commit", ...words, `--tree=dir=${path}`]
      : ["sh", "-eu", "-c", overlayScript, "sh", "@files@", path, String(words.length), ...words, ...hidden];
  // The directory of a file is where the overlay is mounted.
  const files = hidden.length === 0 ? {} : { files: [{ name: "overlay", mode: 0o600, content: contentOf("") }] };
  return containedProgram({ argv, ...files }).exec;
}

/** What ostree has no place for. */
export function isSpecial({ type }: TreeEntry): boolean {
  return type !== "file" && type !== "directory" && type !== "link";
}

/** In the mount namespace of the program alone. Everything is made in a fresh file system: nothing of the tree is followed. */
const overlayScript = String.raw`
work=$1 tree=$2 count=$3
shift 3
mount -t tmpfs -o mode=700 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/merged"
words=$count
while [ "$words" -gt 0 ]; do
  set -- "$@" "$1"
  shift
  words=$((words - 1))
done
while [ "$#" -gt "$count" ]; do
  case $1 in
  d)
    [ "$5" = / ] || mkdir "$work/upper$5"
    chown "$3:$4" "$work/upper$5"
    chmod "$2" "$work/upper$5"
    shift 5
    ;;
  w)
    mknod "$work/upper$2" c 0 0
    shift 2
    ;;
  esac
done
cd "$tree"
mount -t overlay -o "lowerdir=.,upperdir=$work/upper,workdir=$work/work" overlay "$work/merged"
cd /
exec ostree commit "$@" "--tree=dir=$work/merged"
`;

/** Arguments of the script: the directories that hold something to hide, as they are, and a whiteout for each such thing. */
function hiding(entries: readonly TreeEntry[]): string[] {
  const special = entries.filter(isSpecial);
  const above = new Set(special.flatMap(({ path }) => ["/", ...parentsOf(path)]));
  const directories = special.length === 0 ? [] : entries.filter(({ path }) => above.has(path));
  return [
    ...directories
      .sort((one, other) => (one.path < other.path ? -1 : 1))
      .flatMap(({ path, mode, uid, gid }) => ["d", mode.toString(8).padStart(4, "0"), String(uid), String(gid), path]),
    ...special.flatMap(({ path }) => ["w", path]),
  ];
}
