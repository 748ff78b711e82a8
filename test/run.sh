#!/bin/bash
# Runs the tests: `npm test` for all of them, `npm test -- PART…` for some.
# Parts: types lint format native bundle unit property wire integration lab, or the path of a test file (test/….test.ts).
# Ends with one line `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."

# A mount and a PID namespace of the run's own: whatever a test leaves mounted or running goes with it. The root is shared
# in it, as on a machine with systemd, so that a helper whose mounts are not private is found out.
if [ "$(id -u)" = 0 ] && [ -z "${CRUN_TEST_ISOLATED:-}" ] &&
  unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
  export CRUN_TEST_ISOLATED=1
  exec unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    bash -c 'mount --make-rshared / && exec bash "$@"' run "$0" "$@"
fi
# PID 1 of a namespace gets no signal that it has not asked for.
trap 'exit 130' INT TERM

started=$SECONDS
all=(types lint format native bundle unit property wire integration lab)
parts=("$@")
[ $# -gt 0 ] || parts=("${all[@]}")
wants() {
  local part
  for part in "${parts[@]}"; do [ "$part" != "$1" ] || return 0; done
  return 1
}
for part in "${parts[@]}"; do
  case " ${all[*]} " in *" $part "*) continue ;; esac
  if [[ $part != *.test.ts || ! -f $part ]]; then
    echo "test/run.sh: no part $part; there are: ${all[*]}, or the path of a test file" >&2
    exit 1
  fi
done

work=$(mktemp -d "${TMPDIR:-/tmp}/crun-test-run.XXXXXX")
vm_pid=
finish() {
  # its VM goes with it
  [ -z "$vm_pid" ] || kill -KILL "$vm_pid" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

# Journals of runs go where they are taken away.
export XDG_STATE_HOME=$work/state

say() { printf '[%4ds] %s\n' "$((SECONDS - started))" "$*"; }

# run_job KIND NAME SECONDS CMD…: output into files that summary.mjs reads; a hang ends, with its name.
TIMEFORMAT='%0R %1U %1S'
run_job() {
  local kind=$1 name=$2 seconds=$3 status real user system
  shift 3
  : >"$work/$name.$kind"
  { time CRUN_TEST_EVENTS=$work/$name.events timeout --kill-after=10 "$seconds" "$@" </dev/null >"$work/$name.log" 2>&1; } 2>"$work/$name.times"
  status=$?
  echo "$status" >"$work/$name.status"
  # of one that was killed the shell says so first
  read -r real user system < <(tail -n 1 "$work/$name.times")
  say "$name: $([ $status = 0 ] && echo well || echo "status $status") after $real s, with $(awk "BEGIN { print $user + $system }") s of processor time"
  return $status
}
check() { run_job check "$@"; }
# Mounts of its own to each: what one test mounts no process of another keeps busy.
own_mounts=()
[ -z "${CRUN_TEST_ISOLATED:-}" ] ||
  own_mounts=(unshare --mount --propagation slave sh -c 'mount --make-rshared / && exec "$@"' tests)
mocha() { # NAME SECONDS FILE…
  local name=$1 seconds=$2
  shift 2
  run_job mocha "$name" "$seconds" ${own_mounts[@]+"${own_mounts[@]}"} \
    node_modules/.bin/mocha --reporter test/run/reporter.cjs "$@"
}
absent() { # NAME REASON: something that cannot be run here
  echo "$2" >"$work/$1.absent"
  say "$1: skipped: $2"
}

if ! bash test/setup.sh; then
  [ "${CI:-}" != true ] || : >"$work/setup.check"
fi
[ -d node_modules/mocha ] || check packages 600 npm ci --ignore-scripts --no-audit --no-fund

# The lab host is built and booted while everything else is checked.
has_lab_tools() { [ "$(id -u)" = 0 ] && command -v qemu-system-x86_64 mmdebstrap mke2fs >/dev/null; }
if { wants integration || wants lab; } && has_lab_tools; then
  export CRUN_LAB_VM=$work/vm
  mkdir "$CRUN_LAB_VM"
  (
    # before other tests: what is emulated has time-outs of its own, and takes longest
    setpriv --pdeathsig KILL nice -n -5 bash test/lab/vm.sh run "$CRUN_LAB_VM" >"$work/vm.log" 2>&1 ||
      cp "$work/vm.log" "$CRUN_LAB_VM/failed"
  ) &
  vm_pid=$!
  # so that its end is no news and nobody waits for it
  disown "$vm_pid"
fi

# Types first: they compile the tests.
rm -rf build
if ! check types 300 npm run --silent compile; then
  node test/run/summary.mjs "$work"
  exit 1
fi
if wants lint; then check lint 120 npm run --silent lint; fi
if wants format; then check format 120 npm run --silent format:check; fi

# Tests of whole runs use what is built.
needs_bundle() { wants bundle || wants integration || [[ " ${parts[*]} " == *.test.ts\ * ]]; }
if wants native || needs_bundle; then check native-build 300 make -C native -j2 all; fi
if needs_bundle; then check bundle 120 npm run --silent build:bundle; fi

# beside CMD…: what shares nothing but the machine runs side by side; two more than there are processors, for most wait now and then.
at_once=$(($(nproc) + 2))
beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
  "$@" &
}

# Compiled test files of a part. Property tests are those whose name says so.
files_of() {
  case $1 in
    property) find build/test -name '*.property.test.js' -not -path 'build/test/integration/*' ;;
    wire | lab) find "build/test/$1" -name '*.test.js' 2>/dev/null ;;
    integration) find build/test/integration build/test/threats -name '*.test.js' 2>/dev/null ;;
    unit)
      find build/test -name '*.test.js' -not -name '*.property.test.js' \
        -not -path 'build/test/wire/*' -not -path 'build/test/integration/*' -not -path 'build/test/threats/*' \
        -not -path 'build/test/lab/*'
      ;;
  esac | sort
}

# Integration and lab: a process for each file, and for those that are named.
files=()
for part in lab integration; do
  wants "$part" || continue
  mapfile -t -O "${#files[@]}" files < <(files_of "$part")
done
for part in "${parts[@]}"; do
  if [[ $part == *.test.ts ]]; then files+=("build/${part%.ts}.js"); fi
done
of_file() { # FILE: mocha's run of it, by its name
  local name=${1#build/test/}
  name=${name%.test.js}
  mocha "${name//\//-}" 900 "$1"
}
# Those that need most processor time, as the end of a run tells it.
longest='whole-run|fleet|variables|vault-|secrets|ansible-scenarios/ansible\.|transactions|inventory-|apt-trees|tree-kills|faults|rolling-update|integration/build|plan-trees'
on_lab_host=() long=() short=()
for file in ${files[@]+"${files[@]}"}; do
  if grep -q 'labVm(scope)' "$file"; then
    on_lab_host+=("$file")
  elif [[ $file =~ $longest ]]; then
    long+=("$file")
  else
    short+=("$file")
  fi
done

# The lab host is one, and slow: who asks it of something asks alone, beside the others, from the moment in which it is up.
ask_lab_host() {
  local file
  while [ -d "${CRUN_LAB_VM:-}" ] && [ ! -e "$CRUN_LAB_VM/ready" ] && [ ! -e "$CRUN_LAB_VM/failed" ]; do sleep 0.2; done
  for file in "$@"; do of_file "$file"; done
}
[ "${#on_lab_host[@]}" = 0 ] || beside ask_lab_host "${on_lab_host[@]}"

# What takes longest comes first, so that none is left alone at the end.
for part in unit property wire; do
  wants "$part" || continue
  mapfile -t part_files < <(files_of "$part")
  [ "${#part_files[@]}" = 0 ] || beside mocha "$part" 600 "${part_files[@]}"
done

tests_of_helper() {
  check native-test 300 make -C native test
  # Of the same build.
  if command -v valgrind >/dev/null; then
    check native-memcheck 300 make -C native valgrind
  else
    absent native-memcheck "needs valgrind (test/setup.sh installs it)"
  fi
}
if wants native; then
  beside tests_of_helper
  beside check native-sanitizers 600 make -C native asan-test
  if command -v aarch64-linux-gnu-gcc >/dev/null; then
    beside check native-arm64 300 make -C native arm64
  else
    absent native-arm64 "needs aarch64-linux-gnu-gcc (test/setup.sh installs it)"
  fi
  if command -v clang >/dev/null; then
    # A second of processor time for each target: the corpus, and a look beyond. native/fuzz/long.sh alone: ten minutes.
    NICE=0 beside check native-fuzz 300 bash native/fuzz/long.sh 1
  else
    absent native-fuzz "needs clang (test/setup.sh installs it)"
  fi
  if command -v clang-tidy >/dev/null && command -v cppcheck >/dev/null; then
    beside check native-analysis 300 make -C native cppcheck tidy
  else
    absent native-analysis "needs clang-tidy and cppcheck (test/setup.sh installs them)"
  fi
fi

for file in ${long[@]+"${long[@]}"} ${short[@]+"${short[@]}"}; do beside of_file "$file"; done
wait

say "done"
node test/run/summary.mjs "$work"
status=$?
exit $status
