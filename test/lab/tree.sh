#!/bin/bash
# Prints the directory of a cached Debian tree, built on first use: `tree.sh base` (minbase) or `tree.sh boot` (systemd).
. "$(dirname "$0")/common.sh"

case ${1:-} in
  base) debian_tree base "" ;;
  # what Ansible needs in a tree
  python) debian_tree python python3-minimal,python3-apt ;;
  boot) debian_tree boot systemd,systemd-sysv,dbus,libpam-systemd,iproute2 ;;
  *)
    echo "usage: tree.sh base|boot|python" >&2
    exit 1
    ;;
esac
