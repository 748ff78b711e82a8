#!/bin/bash
# Installs the Debian packages that the tests need. Quick when all is there; starts no daemon; without root it only tells.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  # the helper, its tests under sanitizers, and its arm64 build
  gcc make musl-tools clang libclang-rt-14-dev clang-tidy cppcheck valgrind gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
  # trees and storage
  mmdebstrap btrfs-progs e2fsprogs xfsprogs zfs-fuse attr acl uidmap busybox-static python3 file
  # what makes trees of other distributions, and small repositories to make them from
  debootstrap dnf zypper rpm createrepo-c pacman-package-manager arch-install-scripts nix-bin ostree gnupg wget
  # hosts, machines, the lab VM
  openssh-server openssh-client sudo opendoas tcsh fish openssl iproute2 procps expect systemd-container qemu-system-x86 age
  # what keeps track of trees
  git
  # images
  curl gnupg gpgv xz-utils zstd bzip2 libcap2-bin skopeo umoci docker-registry squashfs-tools erofs-utils fdisk
  # compared with, where they are
  ansible-core
)

# A small C library for the arm64 helper; without it that is built all the same, only larger.
fetch_arm64_musl() {
  { command -v aarch64-linux-gnu-gcc && command -v apt-get && command -v dpkg; } >/dev/null || return 0
  sh native/arm64-musl.sh || [ "${CI:-}" != true ]
}

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" = 0 ]; then
  fetch_arm64_musl
  exit
fi

if [ "$(id -u)" != 0 ]; then
  echo "test/setup.sh: not root, so these packages stay away and their tests skip: ${missing[*]}"
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi

echo "test/setup.sh: installing ${missing[*]}"
# openssh-server would start sshd; whoever has a policy keeps it
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
install_missing() {
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null
}
log=$(mktemp)
if ! install_missing >"$log" 2>&1; then
  # the lists may be old or not there at all
  apt-get update --quiet >>"$log" 2>&1 || true
  if ! install_missing >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    echo "test/setup.sh: could not install what the tests need" >&2
    exit 1
  fi
fi
rm -f "$log"
fetch_arm64_musl
