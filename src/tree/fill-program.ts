// How a source runs its program: fixed shell text around argument vectors, in namespaces that end with it.

import { takeLogins } from "./address-logins.js";
import type { ExecChange } from "../module/change.js";
import { contentOf } from "../module/content.js";
import { containedProgram } from "./program.js";

/** What a program needs besides its arguments. Names of files are plain; the script finds them in `$files`. */
export interface FillProgram {
  /** Shell text. It has `$files` and `$into`, and the arguments as `$@`. Nothing that a user gave stands in it. */
  readonly script: string;
  readonly into: string;
  readonly args: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutS: number;
  /** `private`: HOME and TMPDIR are `$files`, for programs that look there; api_mounts shows it to packages' scripts, too. Default `root`. */
  readonly home?: "root" | "private";
}

/** Runs the script, with its files in a directory of its own that ends with it. */
export function fillProgram({ script, into, args, files = {}, environment, timeoutS, home }: FillProgram): ExecChange {
  const all = { ...files, "fill.sh": `set -eu\nfiles=$1\ninto=$2\nshift 2\n${functions}${script}` };
  return containedProgram({
    argv: ["setpriv", `--bounding-set=${cut}`, `--inh-caps=${cut}`, "sh", "@files@/fill.sh", "@files@", into, ...args],
    environment: { LANG: "C.UTF-8", LC_ALL: "C.UTF-8", ...environment, ...(home === "private" ? homes : {}) },
    files: Object.entries(all).map(([name, text]) => ({
      name,
      // What holds a login is root's alone; of a repository's file the tree may get a copy.
      mode: /^(?:password=|http_password|machine )/m.test(text) || takeLogins(text).logins.length > 0 ? 0o600 : 0o644,
      content: contentOf(text),
    })),
    umask: 0o022,
    timeoutMs: timeoutS * 1000,
    killLeftovers: true,
    hasLaxOwners: true,
  });
}

const homes = { HOME: "@files@", TMPDIR: "@files@" };

/** What no package's script has to do to the host's kernel: modules, the clock, a reboot, ports and raw memory. */
const cut = ["sys_module", "sys_time", "sys_boot", "sys_rawio"].map((name) => `-${name}`).join(",");

/** Functions for scripts. The tree is new and private; still, what a package laid there is not followed out of it. */
const functions = `
# Whether no part of a path in the tree is a link.
plain() {
  at=$into rest=$1/
  while [ -n "$rest" ]; do
    at=$at/\${rest%%/*} rest=\${rest#*/}
    [ ! -L "$at" ] || return 1
  done
}
# Removes what lies at paths in the tree.
discard() {
  for gone do
    if plain "$gone"; then rm -rf -- "$into/$gone"; fi
  done
}
# Lays the repositories of the recipe into a directory of the tree.
keep_repos() {
  plain "$1" || return 0
  mkdir -p "$into/$1"
  for repo in "$files"/*.repo; do
    if [ -e "$repo" ]; then cp "$repo" "$into/$1/"; fi
  done
}
# What package scripts expect to find: proc, a small dev, sys to read, run. Gone with this mount namespace.
api_mounts() {
  mkdir -p "$into/proc" "$into/sys" "$into/dev" "$into/run"
  mount -t tmpfs -o nosuid,nodev,mode=755 run "$into/run"
  mkdir -p "$into$files"
  mount --bind "$files" "$into$files"
  mount -t proc -o nosuid,noexec,nodev proc "$into/proc"
  # a host that is a container itself may not mount it anew
  mount -t sysfs -o ro,nosuid,noexec,nodev sysfs "$into/sys" 2>/dev/null || mount --rbind /sys "$into/sys"
  mount -t tmpfs -o nosuid,noexec,mode=755,size=1m dev "$into/dev"
  mkdir "$into/dev/shm" "$into/dev/pts"
  for node in null zero full random urandom tty; do
    [ -e "/dev/$node" ] || continue
    : >"$into/dev/$node"
    mount --bind "/dev/$node" "$into/dev/$node"
  done
  ln -s /proc/self/fd "$into/dev/fd"
  ln -s fd/0 "$into/dev/stdin"
  ln -s fd/1 "$into/dev/stdout"
  ln -s fd/2 "$into/dev/stderr"
}
# A mirror that says nothing at all: some programs wait for it for ever.
must_answer() {
  for mirror do
    case $mirror in http://* | https://*) ;; *) continue ;; esac
    if command -v curl >/dev/null; then
      curl --silent --show-error --location --max-time 30 --output /dev/null -- "$mirror" || exit 1
    elif command -v wget >/dev/null; then
      wget --quiet --timeout=30 --tries=1 --output-document=/dev/null -- "$mirror" || [ $? = 8 ] || {
        echo "error: $mirror does not answer" >&2
        exit 1
      }
    fi
  done
}
`;
