// Takes the files out of a disk image.

/** `mount_image` lays the root file system of the image at `$disk`, read-only; `pack_disk` makes an archive `$plain` of it, for `unpack` to judge. */
export const rawScript = String.raw`
disk=

# Kernel drivers of file systems that images have; no others are fed with what comes from elsewhere.
mount_at() {
  offset=$1 size=$2
  options=ro,loop,nosuid,nodev,noexec\${offset:+,offset=$offset}\${size:+,sizelimit=$size}
  type=$(blkid -p -O "\${offset:-0}" -o value -s TYPE -- "$plain")
  case $type in
  # What its superblock says of errors may be that the kernel shall panic.
  ext2 | ext3 | ext4) options=$options,errors=remount-ro ;;
  squashfs | erofs) ;;
  xfs) options=$options,norecovery,nouuid ;;
  btrfs) ;;
  '') fail "$label: there is no file system \${offset:+in its partition }that can be recognized" ;;
  *) fail "$label holds $type, which crun does not take files from" "ext4, xfs, btrfs, squashfs and erofs it does." ;;
  esac
  mount -t "$type" -o "$options" -- "$plain" "$disk" 2>"$notes/said" && return
  case $type in
  # A journal that was not written back.
  ext*) mount -t "$type" -o "$options,norecovery" -- "$plain" "$disk" 2>"$notes/said" && return ;;
  esac
  quote_end "$notes/said" 3
  fail "$label: its file system ($type) could not be mounted"
}

# OFFSET: whether an ext file system there wants the kernel to panic at an error in it.
panics_at() {
  set -- $(od -An -v -tu2 -j "$(($1 + 1080))" -N 6 -- "$plain" 2>/dev/null)
  [ "\${1:-}" = 61267 ] && [ "\${3:-}" = 3 ]
}
panics() {
  panics_at 0 && return
  for start in $(partx --raw --noheadings --output START -- "$plain" 2>/dev/null); do
    case $start in *[!0-9]*) continue ;; esac
    panics_at "$((start * 512))" && return
  done
  return 1
}

# The first partition that its table calls a root of this machine; else the only one of Linux; or the one that was asked for.
choose_partition() {
  partx --raw --noheadings --output NR,START,SECTORS,TYPE,NAME -- "$plain" >"$work/table" 2>"$notes/said" || {
    quote_end "$notes/said" 3
    fail "$label: its table of partitions could not be read"
  }
  chosen=$(awk -v wanted="\${PARTITION:-}" -v types="$ROOT_TYPES" -v machine="$MACHINE" '
    BEGIN { count = split(types, pairs, " "); for (i = 1; i <= count; i++) { split(pairs[i], pair, "="); machines[pair[1]] = pair[2] } }
    { type = tolower($4) }
    wanted != "" { if (!found && ($1 == wanted || $5 == wanted)) { found = 1; print "at", $2, $3 } next }
    machines[type] == machine { if (!found) print "at", $2, $3; found = 1 }
    type in machines { other = machines[type] }
    type == "0fc63daf-8483-4772-8e79-3d69d8477de4" || type == "0x83" { count_linux++; linux = $2 " " $3 }
    END {
      if (found || wanted != "") exit
      if (other != "") print "for", other
      else if (count_linux == 1) print "at", linux
    }
  ' "$work/table")
  case $chosen in
  'at '*) chosen=\${chosen#at } ;;
  'for '*) fail "$label is for \${chosen#for }, not for $MACHINE" "Say partition: NUMBER to take its files all the same." ;;
  *)
    quote_end "$work/table" 20
    [ -z "\${PARTITION:-}" ] || fail "$label has no partition $PARTITION" "These it has: number, start, sectors, type, name."
    fail "it cannot be told which partition of $label is the root file system" "Say partition: NUMBER, or its name."
    ;;
  esac
}

mount_image() {
  disk=$work/disk
  mkdir -- "$disk"
  if [ "$WITH" = dissect ] || { [ "$WITH" = auto ] && [ -d /run/systemd/system ] && [ -z "\${PARTITION:-}" ] && command -v systemd-dissect >/dev/null && ! panics; }; then
    need systemd-dissect "to take images apart"
    ! panics || fail "$label holds a file system that has the kernel panic at an error in it" "Say with: mount, which has it ignored, or change it: tune2fs -e remount-ro."
    timeout "$TIMEOUT" systemd-dissect --mount --read-only --discard=disabled --fsck=no -- "$plain" "$disk" >"$notes/said" 2>&1 && return
    [ "$WITH" = auto ] || {
      quote_end "$notes/said" 4
      fail "$label could not be taken apart by systemd-dissect" "Say with: mount to have crun look for the root file system itself."
    }
    # Half of its partitions may be mounted: it gives up over one that the tree does not need.
    ! mountpoint -q -- "$disk" || umount -R -- "$disk"
  fi
  need blkid "to look into images"
  case $(blkid -p -o value -s PTTYPE -- "$plain") in
  '') mount_at '' '' ;;
  *)
    need partx "to look into images"
    choose_partition
    mount_at $((\${chosen% *} * 512)) $((\${chosen#* } * 512))
    ;;
  esac
}

# tar writes ACLs with the names that ids have here, even with --numeric-owner: for it nobody has one.
nameless='for file in passwd group nsswitch.conf; do
  [ ! -e "/etc/$file" ] || mount --bind /dev/null "/etc/$file" || exit 3
done
exec "$@"'

pack_disk() {
  image=$plain
  plain=$work/files.tar
  set -- tar --create --file=- --numeric-owner --sparse --acls --xattrs '--xattrs-exclude=trusted.*' --anchored --exclude=./lost+found --directory="$disk" .
  set -- prlimit --fsize="$MAX_SIZE" -- setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+dac_read_search -- "$@"
  unshare --mount --propagation private -- sh -c "$nameless" sh "$@" >"$plain" 2>"$notes/said" || {
    [ "$(stat -c %s -- "$plain")" -lt "$MAX_SIZE" ] || fail "$label holds more than $MAX_SIZE bytes" "Say max_size: ..., if that is right."
    quote_end "$notes/said" 3
    check_room "the files of $label"
    fail "the files of $label could not be read"
  }
  umount -R -- "$disk" && rmdir -- "$disk"
  [ "$image" != "$work/plain" ] || rm -f -- "$image"
}
`.replaceAll("\\$", "$");
