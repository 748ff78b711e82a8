#!/usr/bin/env bash
# Shows crun's main job on a tree made on the spot: a play that changes it, and a second run that changes nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

if [ "${1:-}" != --inside ]; then
  [ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund
  [ -e dist/crun.js ] && [ -n "$(ls native/build/crun-helper-* 2>/dev/null)" ] || npm run -s build
  # The tree's mounts live in a mount namespace of their own and are gone with it, whatever happens.
  if [ "$(id -u)" = 0 ]; then
    exec unshare --mount --propagation private -- "$0" --inside
  elif unshare --user --map-root-user --map-auto --mount true 2>/dev/null; then
    echo "Not root: the tree lives in a user namespace of your own, with your subordinate ids."
    exec unshare --user --map-root-user --map-auto --mount -- "$0" --inside
  elif unshare --user --map-root-user --mount true 2>/dev/null; then
    echo "Not root, and no subordinate ids: the tree lives in a user namespace where all files are yours."
    exec unshare --user --map-root-user --mount -- "$0" --inside -e app_owner=root
  fi
  echo "The demo needs root, or user namespaces for users (sysctl kernel.unprivileged_userns_clone=1)." >&2
  exit 1
fi

shift
base=$(mktemp -d "${TMPDIR:-/tmp}/crun-demo.XXXXXX")
clean() {
  umount --lazy "$base" 2>/dev/null || true
  rmdir "$base" 2>/dev/null || true
}
trap clean EXIT
mount -t tmpfs -o mode=0755 crun-demo "$base"
tree=$base/demo
mkdir -p "$tree"

# An overlay: what it holds is this machine's own, what is written to it stays in the tmpfs.
overlay() { # lower directory, target, name
  mkdir -p "$base/upper/$3" "$base/work/$3" "$2"
  chmod --reference="$1" "$base/upper/$3"
  mount -t overlay crun-demo -o "lowerdir=$1,upperdir=$base/upper/$3,workdir=$base/work/$3${4:-}" "$2"
}
if ! overlay / "$tree" all 2>/dev/null; then
  # A user namespace may not take / with all that is mounted in it: directory by directory, then.
  for directory in /*; do
    name=${directory#/}
    if [ -L "$directory" ]; then
      ln -s "$(readlink "$directory")" "$tree/$name"
    elif [ -d "$directory" ]; then
      case $name in
        usr | opt) overlay "$directory" "$tree/$name" "$name" ,userxattr ;;
        bin | sbin | lib | lib32 | lib64 | libx32) overlay "$directory" "$tree/$name" "$name" ,userxattr ;;
        # Root's own files in it cannot be read: those that can are copied.
        etc) mkdir "$tree/etc" && cp -rP --no-preserve=ownership /etc/. "$tree/etc/" 2>/dev/null || true ;;
        *) mkdir -p "$tree/$name" ;;
      esac
    fi
  done
  mkdir -p "$tree/var/lib" "$tree/srv" "$tree/tmp" "$tree/root"
fi

crun() {
  echo
  echo "\$ crun $*"
  node dist/crun.js "$@"
}
where=(-i playbooks/demo/hosts -e "crun_trees=$base" "$@")
crun play playbooks/demo/site.yml "${where[@]}" --check
crun play playbooks/demo/site.yml "${where[@]}" --diff
echo
echo "The same again: everything is as described, so nothing changes."
again=$(crun play playbooks/demo/site.yml "${where[@]}")
echo "$again"
crun exec "${where[@]}" local:demo -- cat /etc/demo/app.conf
case $again in
  *changed=0*) ;;
  *)
    echo "The second run changed something: that should not be." >&2
    exit 1
    ;;
esac
