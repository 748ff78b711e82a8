// Gets an archive or image to the host's hands: from a URL or a path there, checked, unpacked to what it holds.

/** Sets `got` to the file that holds it and `label` to what it is called. `unpacked` then sets `plain` to its content without compression. */
export const fetchScript = String.raw`
tab=$(printf "\t")
# URL ADDRESS: the address has the login, and is in no command line.
fetch_url() {
  # As nobody: what talks to strangers needs no right. Only what is fetched is written, to a file that is open already.
  url=$1 input=$2
  if command -v curl >/dev/null; then
    case $1 in https:*) redirects==https ;; *) redirects==http,https ;; esac
    set -- curl -q --fail --silent --show-error --location --globoff --proto =http,https --proto-redir "$redirects" \
      --connect-timeout 20 --speed-limit 1 --speed-time 60 --max-time "$TIMEOUT" --config -
    input="url = \"$input\""
  elif command -v wget >/dev/null; then
    set -- wget --no-config --no-verbose --tries=1 --timeout=60 --connect-timeout=20 --output-document=- --input-file=-
  else
    fail "the host has neither curl nor wget, to fetch $url with" "Install one of them on the host."
  fi
  timeout "$TIMEOUT" prlimit --fsize="$MAX_SIZE" -- setpriv $others --no-new-privs \
    --inh-caps=-all --bounding-set=-all -- "$@" 2>"$notes/said" <<INPUT
$input
INPUT
}

# WHAT URL FILE ADDRESS
fetch() {
  fetch_url "$2" "$4" >"$3" && return
  status=$?
  # What broke in the middle is worth another try, from its beginning.
  case $status in
  18 | 52 | 56 | 92) sleep 1; fetch_url "$2" "$4" >"$3" && return; status=$? ;;
  esac
  quote_end "$notes/said" 4
  [ "$(stat -c %s -- "$3")" -lt "$MAX_SIZE" ] || fail "$2 holds more than $MAX_SIZE bytes" "Say max_size: ..., if that is right."
  check_room "$1"
  [ "$status" != 124 ] || fail "$2 was not fetched within $TIMEOUT seconds" "Say timeout: ..., if it is only slow."
  fail "$1 could not be fetched from $2 (status $status)" "Look whether the address is right and the host gets there."
}

get() {
  if [ -n "\${URL:-}" ]; then
    got=$work/fetched label=$URL address=$URL
    case $CREDENTIALS in *"$tab"*) address=\${CREDENTIALS%%"$tab"*} ;; esac
    fetch "the archive" "$URL" "$got" "$address"
  else
    got=$FILE label=$NAME
    [ -f "$got" ] || fail "there is no file $label on the host"
    # What is checked is what is unpacked, whoever can write to the file meanwhile.
    if [ -n "\${CHECKSUM:-}\${SIGNATURE:-}" ] && [ "$got" != "$work/given" ]; then
      cp --reflink=auto -- "$FILE" "$work/own" 2>"$notes/said" || {
        quote_end "$notes/said" 2
        check_room "a copy of $label"
        fail "$label could not be read"
      }
      got=$work/own
    fi
  fi
}

check_sum() {
  [ -n "\${CHECKSUM:-}" ] || return 0
  need "\${CHECKSUM%%:*}sum" "to check what was given"
  is=$("\${CHECKSUM%%:*}sum" <"$got") || fail "$label could not be read"
  is=\${is%% *}
  [ "$is" = "\${CHECKSUM#*:}" ] || fail "$label has the checksum \${CHECKSUM%%:*}:$is, not $CHECKSUM" \
    "It is not what the recipe means: correct the checksum if you trust it."
}

check_signature() {
  [ -n "\${SIGNATURE:-}" ] || return 0
  need gpgv "to check signatures"
  case $SIGNATURE in
  http:* | https:*)
    signature=$work/signature address=$SIGNATURE
    case $CREDENTIALS in *"$tab"*) address=\${CREDENTIALS#*"$tab"} ;; esac
    fetch "the signature" "$SIGNATURE" "$signature" "$address"
    ;;
  *) signature=$SIGNATURE ;;
  esac
  [ -f "$signature" ] || fail "there is no signature $SIGNATURE on the host"
  [ -f "$KEYRING" ] || fail "there is no keyring $KEYRING on the host"
  # gpgv takes keys only in their binary form.
  if grep -q -e '^-----BEGIN PGP' -- "$KEYRING"; then
    sed -n '/^-----BEGIN PGP/,/^-----END PGP/p' -- "$KEYRING" | sed -e '1,/^[[:space:]]*$/d' -e '/^=/d' -e '/^-----/d' | base64 -d >"$work/keys" 2>"$notes/said" ||
      fail "the keyring $KEYRING could not be read"
  else
    cat -- "$KEYRING" >"$work/keys"
  fi
  cat -- "$signature" >"$work/detached"
  chmod 644 "$work/keys" "$work/detached"
  nobody gpgv --homedir / --keyring /proc/self/fd/4 -- /proc/self/fd/5 - <"$got" 4<"$work/keys" 5<"$work/detached" 2>"$notes/said" || {
    quote_end "$notes/said" 4
    fail "$label is not signed by a key of $KEYRING" "Do not use it unless you know why."
  }
}

# FILE LABEL: by what it begins with, not by its name.
unpacked() {
  case $(head -c 6 -- "$1" | od -An -tx1 | tr -d ' \n') in
  1f8b*) with=gzip ;;
  fd377a585a00) with=xz ;;
  425a68*) with=bzip2 ;;
  28b52ffd*) with=zstd ;;
  *) plain=$1; return ;;
  esac
  need "$with" "to unpack $2"
  plain=$work/plain
  rm -f -- "$plain"
  nobody prlimit --fsize="$MAX_SIZE" -- "$with" -dc <"$1" >"$plain" 2>"$notes/said" || {
    status=$?
    [ "$(stat -c %s -- "$plain")" -lt "$MAX_SIZE" ] || fail "$2 unpacks to more than $MAX_SIZE bytes" "Say max_size: ..., if that is right."
    quote_end "$notes/said" 3
    check_room "what $2 holds"
    fail "$2 could not be unpacked by $with (status $status): it is damaged or cut"
  }
}
`.replaceAll("\\$", "$");
