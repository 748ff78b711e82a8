#!/bin/bash
# Runs a command as a small host of its own: /etc is a throwaway overlay (DIR/etc holds what differs), sudo and the login
# records write into DIR, processes live in their own PID namespace and all die with this one.
# usage: with-etc.sh DIR HOSTNAME shared|own CMD…   (shared or own network)
set -euo pipefail
dir=$1 hostname=$2 network=$3
shift 3
mkdir -p /run/sshd "$dir/etc" "$dir/work" "$dir/sudo" "$dir/log"
flags=(--mount --propagation slave --pid --fork --kill-child --uts)
[ "$network" = shared ] || flags+=(--net)
exec unshare "${flags[@]}" bash -c '
  set -euo pipefail
  dir=$1 hostname=$2
  shift 2
  # systemd machines have a shared root; private helpers must make their own mounts private there too
  mount --make-rshared /
  mount -t proc proc /proc
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/work" /etc
  mount --bind "$dir/log" /var/log
  if [ -d /var/lib/sudo ]; then mount --bind "$dir/sudo" /var/lib/sudo; fi
  if [ -d /run/sudo ]; then mount -t tmpfs -o mode=711 tmpfs /run/sudo; fi
  hostname "$hostname"
  exec "$@"
' with-etc "$dir" "$hostname" "$@"
