// What the programs that take trees out of images share: POSIX sh, run on the host as root in namespaces of its own.

/**
 * `fail WORDS [REMEDY]` ends everything; its words stand behind `crun: ` on the last lines of the errors (see told.ts). `nobody` runs a program that looks at bytes from
 * elsewhere: without a right, without the network. `box` is a directory in the new tree that no archive can reach: `unpack` lays a mount over it.
 */
export const commonScript = String.raw`
set -u
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
unset TAR_OPTIONS TAPE XZ_OPT XZ_DEFAULTS GZIP BZIP2 BZIP ZSTD_CLEVEL
umask 022
box=.crun-unpack
work=\${INTO:-}/$box

say() { printf '%s\n' "$*"; }
fail() {
  printf 'crun: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'crun-remedy: %s\n' "$2" >&2
  exit 3
}
# Shown with the failure: what a tool said last.
quote_end() { tail -n "$2" -- "$1" | cut -c 1-400 >&2; }
need() { command -v "$1" >/dev/null || fail "the host has no program $1, which is needed $2" "Install it on the host."; }

# WHAT: whether it failed for want of room.
check_room() {
  ! grep -q -i -e 'no space left on device' -e 'disk quota exceeded' -- "$notes/said" ||
    fail "there is no room for $1 where the tree is made" "Make room, or put the trees elsewhere (crun_trees)."
}

# In a user namespace of one id there is nobody else to be.
others='--reuid 65534 --regid 65534 --clear-groups'
[ "$(awk '{ count += $3 } END { print count }' /proc/self/gid_map)" != 1 ] || others=
nobody() { unshare --net --ipc -- setpriv $others --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"; }

# What tools say is kept in memory: where there is no room for a tree, there is none for what is said of it either.
notes=$work
begin() {
  mkdir -p -m 700 -- "$work" "$work/notes" && mount -t tmpfs -o mode=0700,size=4m,nosuid,nodev crun "$work/notes" ||
    fail "there is no room to unpack in"
  notes=$work/notes
  need setpriv "to work without rights"
  need prlimit "to bound what is unpacked"
}
`.replaceAll("\\$", "$");
