// Unpacks archives that nobody trusts into a new tree, one over the other, such that nothing gets out of it.

/**
 * The host's tar runs with the new tree as its root: with copies of itself and of its libraries in a read-only file system of its own, without the network, and without
 * capabilities beyond those that owners, modes and file capabilities need. So whatever a name or a link says, it ends inside of the tree. Nothing of the tree can be
 * run or loaded there: the C library looks up names of ACLs by the tree's own nsswitch.conf. What says that it wants out is refused before, by a look through the
 * archive that runs without any right.
 *
 * `prepare`, then `unpack NUMBER` for each, then `finish`. With KIND=layers whiteouts are obeyed as the OCI image specification has it.
 */
export const unpackScript = String.raw`
# NAME: copies a program and its libraries into the box; sets words to how it is called from there.
take_tool() {
  at=$(command -v "$1") || fail "the host has no program $1"
  cp -L -- "$at" "$root/$box/$1" || fail "there is no room for $1"
  words=/$box/$1
  loader=
  libs=$(ldd "$at" 2>/dev/null) && for lib in $libs; do
    case $lib in
    /*)
      [ -e "$root/$box/\${lib##*/}" ] || cp -L -- "$lib" "$root/$box/" || fail "there is no room for $lib"
      case \${lib##*/} in ld*) loader=/$box/\${lib##*/} ;; esac
      ;;
    esac
  done
  [ -z "$loader" ] || words="$loader --library-path /$box $words"
}

prepare() {
  case $(tar --version 2>&1) in
  *'GNU tar'*) ;;
  *) fail "the host's tar is not GNU tar, which crun unpacks with" "Install GNU tar on the host." ;;
  esac
  root=$work/root
  { mkdir -- "$root" && mount -o bind,nosuid,nodev,noexec -- "$INTO" "$root" &&
    mount -t tmpfs -o mode=0755,size=64m,nosuid,nodev crun "$root/$box"; } || fail "the new tree could not be made a root of its own"
  take_tool sh; sh=$words
  take_tool tar; tar=$words
  take_tool rm; rm=$words
  take_tool find; find=$words
  take_tool setpriv; setpriv=$words
  mount -o remount,bind,ro -- "$root/$box" || fail "the new tree could not be made a root of its own"
}

finish() {
  moment=$(stat -c %y -- "$root")
  { umount -- "$root/$box" && umount -- "$root" && umount -- "$notes" && rm -rf --one-file-system -- "$work" && touch -d "$moment" -- "$INTO"; } ||
    fail "what was needed to unpack could not be cleared up"
}

survey='
function refuse(why) { print "refuse " name " " why; exit }
function leaves(path) { return path ~ /^\// || ("/" path "/") ~ /\/\.\.\// }
{
  type = substr($0, 1, 1)
  if (!match($0, /"([^"\\]|\\.)*"/)) next
  name = substr($0, RSTART, RLENGTH); rest = substr($0, RSTART + RLENGTH)
  path = substr(name, 2, length(name) - 2)
  if (path ~ /^\//) refuse("has an absolute name")
  if (leaves(path)) refuse("leads out of the tree")
  if (type == "h" && match(rest, /"([^"\\]|\\.)*"/) && leaves(substr(rest, RSTART + 1, RLENGTH - 2)))
    refuse("is a hard link to " substr(rest, RSTART, RLENGTH) ", out of the tree")
  if (type == "b" || type == "c") print "device " name
  # Each name takes some room, too.
  total += (type !~ /[dlhbcp]/ && $3 > 4096) ? $3 : 4096
  if (spent + total > limit) { print "large"; exit }
  if (!isLayer) next
  sub(/\/+$/, "", path)
  base = path; sub(/.*\//, "", base); dir = substr(path, 1, length(path) - length(base))
  if (base ~ /^\.wh\./ && base !~ /^\.wh\.\.wh\./ && (base == ".wh." || base == ".wh.." || base == ".wh...")) refuse("is a whiteout of no name")
  if (!isUpper) next
  if (base == ".wh..wh..opq") print "list O " decoded(dir)
  else if (base ~ /^\.wh\.\.wh\./ || path ~ /(^|\/)\.wh\.[^\/]*\//) next
  else if (base ~ /^\.wh\./) print "list W " decoded(dir substr(base, 5))
  else if (type != "d") print "list N " decoded(path)
}
END { printf "total %.0f\n", total }
# From the quoting of C to that of printf %b.
function decoded(text) {
  gsub(/\\"/, "\"", text)
  gsub(/\\\\/, "\001", text)
  gsub(/\\0/, "\\00", text); gsub(/\\1/, "\\01", text); gsub(/\\2/, "\\02", text); gsub(/\\3/, "\\03", text)
  gsub(/\001/, "\\0134", text)
  return text
}
'

# In the tree: what this layer takes away from those beneath it (a whiteout, all of a directory, a directory that becomes something else), then the layer.
inner='
set -u; umask 022
tar=$1 rm=$2 find=$3 box=$4; shift 4
while IFS= read -r line <&3; do
  what=\${line%% *} name=\${line#* }
  case $name in *\\*) name=$(printf "%b." "$name"); name=\${name%.} ;; esac
  case $what in
  W) if [ -e "/$name" ] || [ -L "/$name" ]; then $rm -rf -- "/$name" || exit 4; fi ;;
  O) if [ -d "/$name" ]; then $find "/$name/." -xdev -mindepth 1 -maxdepth 1 ! -path "//./$box" -exec $rm -rf -- {} + || exit 4; fi ;;
  N) if [ -d "/$name" ] && ! [ -L "/$name" ]; then $rm -rf -- "/$name" || exit 4; fi ;;
  esac
done
exec $tar -C / -xf - "$@"
'

# What all archives hold so far.
spent=0

# NUMBER: the archive $plain, which messages call $label.
unpack() {
  number=$1
  nobody tar -tvf - --numeric-owner --quoting-style=c --absolute-names <"$plain" >"$work/names" 2>"$notes/said" || {
    quote_end "$notes/said" 3
    check_room "the names in $label"
    fail "$label is no whole tar archive"
  }
  isLayer=0 isUpper=0
  [ "$KIND" != layers ] || isLayer=1
  [ "$isLayer" = 0 ] || [ "$number" = 1 ] || isUpper=1
  nobody awk -v limit="$MAX_SIZE" -v isLayer="$isLayer" -v isUpper="$isUpper" -v spent="$spent" "$survey" <"$work/names" >"$work/found" || fail "$label could not be looked through"
  list=$work/list
  sed -n 's/^list //p' "$work/found" >"$list" || fail "there is no room to unpack in"
  line=$(grep -m 1 -e '^refuse ' -e '^large$' "$work/found") && case $line in
  'refuse '*) fail "$label wants out of the tree or is made to harm: the member \${line#refuse }" "Do not use it unless you know why. Nothing was unpacked." ;;
  *) fail "$label unpacks to more than $MAX_SIZE bytes" "Say max_size: ..., if that is right." ;;
  esac
  spent=$((spent + $(sed -n 's/^total //p' "$work/found")))
  capabilities=-all,+chown,+dac_override,+fowner,+fsetid,+setfcap
  [ -z "\${DEVICES:-}" ] || capabilities=$capabilities,+mknod
  set -- \${STRIP:+"--strip-components=$STRIP"} --same-owner --same-permissions --numeric-owner --acls --xattrs --xattrs-include=security.capability \
    '--xattrs-include=user.*' '--xattrs-exclude=user.overlay.*' --warning=no-timestamp
  [ "$KIND" != layers ] || set -- "$@" --no-anchored --wildcards '--exclude=.wh.*'
  # In memory: where there is no room for the tree, there is none for what tar says of it either.
  said=$(
    timeout --signal=KILL "$TIMEOUT" prlimit --fsize="$MAX_SIZE" -- unshare --net --ipc -- chroot "$root" $setpriv --no-new-privs --inh-caps=-all --bounding-set="$capabilities" -- \
      $sh -c "$inner" unpack "$tar" "$rm" "$find" "$box" "$@" <"$plain" 3<"$list" 2>&1
    echo "status $?"
  )
  status=\${said##*status }
  [ "$status" != 137 ] || fail "$label was not unpacked within $TIMEOUT seconds" "Say timeout: ..., if it is only large. A pipe in it where accounts are looked up would be waited for without end."
  if [ "$status" != 0 ]; then
    said=$(printf '%s\n' "\${said%status *}" | sed -e "s|^/$box/||" -e '/: Exiting with failure status due to previous errors$/d' -e '/^$/d')
    other=$(printf '%s\n' "$said" | grep -v -e ': Cannot mknod: Operation not permitted$')
    [ "$status" = 2 ] && [ -n "$said" ] && [ -z "$other" ] || {
      printf '%s\n' "$other" | tail -n 5 | cut -c 1-400 >&2
      fail "$label could not be unpacked (status $status)"
    }
  fi
  # An ACL of a name that nobody has in the tree: tar goes on without it.
  case $said in *': Cannot acl_from_text'*) say "lost-acl $(printf '%s\n' "$said" | grep -c ': Cannot acl_from_text')" ;; esac
  [ -n "\${DEVICES:-}" ] || count_devices
}

# Those that tar was not allowed to make.
count_devices() {
  devices=$(grep -c '^device ' "$work/found")
  [ "$devices" = 0 ] || say "left-out $devices $(grep '^device ' "$work/found" | head -n 3 | cut -c 8-200 | tr '\n' ' ')"
}
`.replaceAll("\\$", "$");
