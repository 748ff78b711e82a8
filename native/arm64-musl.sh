#!/bin/sh
# Fetches musl for arm64 into build/arm64-musl, so that the arm64 helper becomes as small as the other: `make arm64-musl`.
# From Debian's own package, by apt and its keys, with lists of its own: the machine gets no new architecture and no package.
set -eu
cd "$(dirname "$0")"
goal=$PWD/build/arm64-musl
[ ! -f "$goal/musl-gcc.specs" ] || exit 0
mkdir -p build
work=$(mktemp -d "$PWD/build/arm64-musl.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
: >"$work/status"

# Sources of others than Debian need not have arm64; what is missing shows at the download.
apt() {
  apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$work/state" \
    -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o Acquire::Languages=none \
    -o APT::Sandbox::User=root "$@"
}
{
  apt update || true
  cd "$work"
  apt download musl-dev:arm64
} >"$work/log" 2>&1 </dev/null || {
  tail -n 5 "$work/log" >&2
  echo "arm64-musl.sh: musl-dev for arm64 could not be fetched" >&2
  exit 1
}
dpkg -x "$work"/musl-dev_*_arm64.deb "$work/root"
sed "s#/usr/\(include\|lib\)/#$goal/usr/\1/#g" "$work/root/usr/lib/aarch64-linux-musl/musl-gcc.specs" >"$work/root/musl-gcc.specs"
chmod 755 "$work/root"
rm -rf "$goal"
mv "$work/root" "$goal"
