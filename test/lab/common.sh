# What the lab's shell scripts share: where the cache is, which Debian sources the machine has, how a tree is built once.

# An error ends the script, in a command substitution too.
set -euo pipefail
shopt -s inherit_errexit

# The cache outlives test runs; its entries are named by the recipe that made them, so a changed recipe makes a new one.
cache_dir() {
  if [ -n "${CRUN_TEST_CACHE:-}" ]; then
    echo "$CRUN_TEST_CACHE"
  elif [ "$(id -u)" = 0 ]; then
    echo /var/cache/crun-test
  else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/crun-test"
  fi
}

# One-line sources of the machine's own Debian archives: what is reachable for the machine is reachable for its trees.
debian_sources() {
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | sort -u
}

# Proxy and clock settings of the machine's apt, as options for an apt elsewhere.
debian_apt_options() {
  apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)' || true
}

# debian_tree NAME PACKAGES [FINISH_FUNCTION] prints the directory of a bookworm tree with these packages (comma
# separated, may be empty). Several callers at once: one builds, the others wait. The directory appears whole or not at all.
debian_tree() {
  local name=$1 packages=$2 finish=${3:-}
  local cache key final building base from
  cache=$(cache_dir)
  mkdir -p "$cache"
  key=$({ echo "4 $name ${packages:+base,$packages}"; [ -z "$finish" ] || declare -f "$finish"; dpkg --print-architecture; } |
    sha256sum | cut -c1-12)
  final=$cache/tree-$name-$key
  if [ ! -d "$final" ]; then
    (
      flock 9
      [ ! -d "$final" ] || exit 0
      building=$(mktemp -d "$cache/building-$name.XXXXXX")
      trap 'rm -rf --one-file-system "$building"' EXIT
      chmod 755 "$building"
      debian_sources >"$building.sources"
      if [ ! -s "$building.sources" ]; then
        rm -f "$building.sources"
        echo "the machine's apt knows no Debian archive: run apt-get update" >&2
        exit 1
      fi
      options=()
      while IFS= read -r line; do options+=("--aptopt=$line"); done < <(debian_apt_options)
      from=(--variant=minbase)
      if [ -n "$packages" ]; then
        # what the base has is not unpacked and set up once more
        base=$(debian_tree base "")
        from=(--variant=custom "--setup-hook=cp -a '$base/.' \"\$1\"" "--include=$packages")
      fi
      if ! mmdebstrap "${from[@]}" "${options[@]}" bookworm "$building/tree" - \
        <"$building.sources" >"$building.log" 2>&1; then
        tail -n 30 "$building.log" >&2
        rm -f "$building.sources" "$building.log"
        exit 1
      fi
      rm -f "$building.sources" "$building.log"
      [ -z "$finish" ] || "$finish" "$building/tree"
      mv "$building/tree" "$final"
    ) 9>"$cache/tree-$name.lock"
  fi
  echo "$final"
}
