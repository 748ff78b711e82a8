// The one command that is run on a host: finds a private place, checks or takes the helper, and becomes it.

import type { Architecture, HelperBinary } from "./helper-binary.js";

/**
 * POSIX sh on one line, without single quotes, exclamation marks or newlines, so that any login shell (csh and fish too) passes it on unharmed.
 *
 * Arguments: a marker that begins each of its own lines; sha256, size and cksum of the helper for x86_64 and for aarch64 (empty: none);
 * the user to become; `terminal` where the words must have one to ask at; the words to become it with.
 *
 * It prints `MARKER arch NAME`, `MARKER need ARCH` (then the helper's bytes are sent), `MARKER skip WHY DIRECTORY`, `MARKER none`,
 * `MARKER nomethod WORD`, or the helper's greeting.
 */
const SCRIPT = [
  "umask 077; LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin; m=$1; u=$(id -u); a=$(uname -m)",
  "case $a in x86_64|amd64) a=x86_64 s=$2 n=$3 k=$4;; aarch64|arm64) a=aarch64 s=$5 n=$6 k=$7;; *) s=;; esac",
  'w=$8; i=$9; shift 9; [ -n "$s" ] || { echo "$m arch $a"; exit 1; }',
  // Nobody becomes who he is already.
  'if [ "$u" = 0 ] && [ "$w" = root ] || [ "$(id -un 2>/dev/null)" = "$w" ]; then set --; fi',
  'if [ $# -gt 0 ]; then command -v "$1" >/dev/null 2>&1 || { echo "$m nomethod $1"; exit 1; }; fi',
  // A directory or file of exactly this kind and mode, ours, no link.
  'own() { set -- "$1" $(ls -ldn "$2" 2>/dev/null); case "$2 $4" in "$1 $u"|"$1. $u"|"$1+ $u") return 0;; esac; return 1; }',
  'sum() { if command -v sha256sum >/dev/null 2>&1; then set -- $(sha256sum <"$1"); [ "$1" = "$s" ];' +
    ' else set -- $(cksum <"$1"); [ "$1 $2" = "$k $n" ]; fi; }',
  'run() { if [ $# -gt 0 ] && [ "$i" = terminal ]; then exec "$f" --terminal "$@" "$f"; fi; exec "$@" "$f"; }',
  // Root sees all; who else is become must be let in, though not to write: only /var/tmp is sure to be on the way.
  'if [ "$w" = root ] || [ $# -eq 0 ]; then x=${HOME:+$HOME/.cache/crun} y=/var/tmp/crun-$u p=drwx------ q=-rwx------ o=700 e=700',
  "else x= y=/var/tmp/crun-$u-open p=drwx--x--x q=-rwxr-xr-x o=755 e=711; fi",
  'for d in ${x:+"$x"} "$y"; do f=$d/helper-$s',
  'if own $p "$d" && own $q "$f" && [ -x "$f" ] && sum "$f"; then run "$@"; fi; done',
  'for d in ${x:+"$x"} "$y"; do f=$d/helper-$s; t=$d/new-$$',
  '{ [ "$d" = "$y" ] || mkdir -p "${d%/*}"; } && { [ -d "$d" ] || mkdir -m $e "$d"; }',
  'own $p "$d" || { echo "$m skip private $d"; continue; }',
  'echo "$m need $a"; w=write',
  // All of it is read, whatever becomes of it: what is left over would be taken for what comes next.
  'if head -c "$n" | { cat >"$t" || { cat >/dev/null; exit 1; }; } && w=check && sum "$t"' +
    ' && w=noexec && chmod $o "$t" && [ -x "$t" ] && w=rename && mv -f "$t" "$f"',
  'then find "$d" -type f -mtime +60 -exec rm -f {} + 2>/dev/null; run "$@"; fi; rm -f "$t"; echo "$m skip $w $d"; done',
  'echo "$m none"; exit 1',
].join("; ");

/** The command line for a host's login shell. */
export function bringUpCommand(
  marker: string,
  helpers: Readonly<Partial<Record<Architecture, HelperBinary>>>,
  become: { readonly user: string; readonly words: readonly string[]; readonly needsTerminal?: boolean },
): string {
  const known = [helpers.x86_64, helpers.aarch64].flatMap((helper) =>
    helper === undefined ? ["", "", ""] : [helper.sha256, String(helper.bytes.length), String(helper.checksum)],
  );
  const how = become.needsTerminal === true ? "terminal" : "";
  const words = ["/bin/sh", "-c", SCRIPT, "crun", marker, ...known, become.user, how, ...become.words];
  return `exec ${words.map((word) => `'${word}'`).join(" ")}`;
}
