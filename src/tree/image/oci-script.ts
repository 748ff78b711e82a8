// Container images, taken by skopeo: from registries, layouts and archives.

/**
 * `look_at_image` prints what the image is; `take_image` copies the instance for ARCH into `$work/image`, blobs under their digests (which skopeo checks), and
 * `unpack_image` unpacks its layers, each checked against the image's own list of what they hold.
 */
export const ociScript = String.raw`
# COMMAND ARGS...: skopeo with what was asked for; root's files can be read, nothing else of root's rights is left.
with_skopeo() {
  command=$1
  shift
  prefix=
  [ "$command" != copy ] || prefix=src-
  set -- "$command" \${AUTHFILE:+"--\${prefix}authfile=$AUTHFILE"} \${CERT_DIR:+"--\${prefix}cert-dir=$CERT_DIR"} \
    \${INSECURE:+"--\${prefix}tls-verify=false"} "$@"
  set -- --override-os=linux --override-arch="$ARCH" \${VARIANT:+"--override-variant=$VARIANT"} "$@"
  [ -e /etc/containers/policy.json ] || [ -e "\${HOME:-/root}/.config/containers/policy.json" ] || set -- --insecure-policy "$@"
  [ ! -d "$work" ] || set -- --tmpdir="$work" "$@"
  timeout "$TIMEOUT" setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+dac_read_search -- skopeo "$@"
}

# STATUS: why skopeo did not do it.
image_failed() {
  [ "$1" != 124 ] || fail "$CALLED could not be taken within $TIMEOUT seconds" "Say timeout: ..., if it is only slow."
  check_room "the image $CALLED"
  if grep -q 'no image found in ' "$notes/said"; then
    has=$(with_skopeo inspect --raw -- "$IMAGE" 2>&1 | grep -o '"architecture": *"[a-z0-9]*"' | cut -d '"' -f 4 | sort -u | tr '\n' ' ' | sed -e 's/ $//' -e 's/ / and /g')
    wrong_architecture "\${has:-others}"
  fi
  sed -e 's/^time="[^"]*" level=[a-z]* msg=//' "$notes/said" | tail -n 3 | cut -c 1-600 >&2
  fail "the image $CALLED could not be taken (status $1)" "Look whether its name is right, the host gets there, and it may."
}

wrong_architecture() {
  fail "the image $CALLED is for $1, not for $ARCH\${VARIANT:+/$VARIANT}" "Take another image, or say arch: ... to take this one all the same."
}

# Where skopeo finds the login, if one was given.
log_in() {
  # an archive's address may have a login, too, which is none for a registry
  case $CREDENTIALS in '{'*) ;; *) return 0 ;; esac
  AUTHFILE=$1/auth.json
  (umask 077 && printf '%s' "$CREDENTIALS" >"$AUTHFILE") || fail "there is no room for the login"
}

look_at_image() {
  need skopeo "to take images"
  work=$(mktemp -d) && trap 'rm -rf -- "$work"' EXIT
  notes=$work
  log_in "$work"
  # A list of all tags, which takes long, is not asked for where skopeo can leave it.
  case $(skopeo inspect --help 2>&1) in *--no-tags*) no_tags=--no-tags ;; *) no_tags= ;; esac
  with_skopeo inspect $no_tags --format '{{.Architecture}} {{.Os}} {{.Digest}}' -- "$IMAGE" 2>"$notes/said" || image_failed $?
  with_skopeo inspect --config -- "$IMAGE" 2>"$notes/said" || image_failed $?
}

# The archive $got: of which kind it is tells a file in it. skopeo takes no path with a colon.
find_image() {
  CALLED=$label
  unpacked "$got" "$label"
  kind=docker-archive
  if nobody tar -tf - <"$plain" 2>"$notes/said" | grep -q -x -e oci-layout -e ./oci-layout; then kind=oci-archive; fi
  cd -- "$work" || fail "there is no room to unpack in"
  ln -s -- "$plain" archive
  IMAGE=$kind:archive\${REFERENCE:+:$REFERENCE}
}

take_image() {
  need skopeo "to take images"
  log_in "$work"
  with_skopeo copy --quiet -- "$IMAGE" "dir:$work/image" 2>"$notes/said" || image_failed $?
  skopeo inspect --format '{{.Architecture}} {{.Os}}{{range .Layers}} {{.}}{{end}}' "dir:$work/image" >"$work/manifest" 2>"$notes/said" &&
    skopeo inspect --config --format '{{range .RootFS.DiffIDs}}{{.}} {{end}}' "dir:$work/image" >"$work/contents" 2>"$notes/said" ||
    image_failed $?
  read -r architecture os layers <"$work/manifest"
  [ "$os" = linux ] || fail "the image $CALLED is for \${os:-no system}, not for linux"
  [ "$architecture" = "$ARCH" ] || wrong_architecture "$architecture"
}

unpack_image() {
  number=0
  set -- $(cat "$work/contents")
  for layer in $layers; do
    number=$((number + 1))
    case \${layer#sha256:} in *[!0-9a-f]* | '') fail "the image $CALLED names a layer $layer, which is no digest" ;; esac
    label="layer $number ($layer)"
    unpacked "$work/image/\${layer#sha256:}" "$label"
    is=$(sha256sum <"$plain")
    [ "sha256:\${is%% *}" = "\${1:-}" ] || fail "$label does not hold what the image says (sha256:\${is%% *}, not \${1:-anything})" "Do not use it unless you know why."
    shift
    unpack "$number"
    # Room for the next one.
    rm -f -- "$work/plain" "$work/image/\${layer#sha256:}"
  done
  [ $# = 0 ] || fail "the image $CALLED has fewer layers than it says"
}
`.replaceAll("\\$", "$");
