#!/bin/bash
# Fuzzes: long.sh [SECONDS [TARGET…]] gives each target that many seconds of processor time (600), as many at a time as
# JOBS says (2), as nice as NICE says (19). Begins with the corpus of the repository and what earlier runs have found; a finding ends its target,
# is told, and lies in build/fuzz/findings.
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
shift || true
targets=("$@")
[ $# -gt 0 ] || targets=(intake messages probes changes parsers)
make --no-print-directory -j"${JOBS:-2}" "${targets[@]/#/build/fuzz/}" >/dev/null || exit 1
mkdir -p build/fuzz/findings build/fuzz/corpus
FUZZ_WRITABLE=$(realpath build/fuzz)
export FUZZ_WRITABLE
# Leaks of what ends with its process are none of the helper's; they are seen at each input's end.
export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1

# run_target TARGET: rounds until its processor time is used up. A round is told by the time that passes.
run_target() {
  local target=$1 log=build/fuzz/$1.log status=0 spent=0 rounds=0 executions=0
  local findings=$FUZZ_WRITABLE/findings/$target-
  : >"$log"
  mkdir -p "build/fuzz/corpus/$target"
  # First what is known, each once.
  round -runs=0 || status=$?
  while [ $status = 0 ] && [ "${spent%.*}" -lt "$seconds" ]; do
    local left=$((seconds - ${spent%.*}))
    round -max_total_time="$left" || status=$?
    rounds=$((rounds + 1))
  done
  if [ $status = 3 ]; then
    echo "fuzz $target: $(grep -h 'not run here' "$log")"
    [ "${CI:-}" != true ]
    return
  fi
  local coverage
  coverage=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
  echo "figure: fuzz $target: $executions executions in $spent s of processor time, ${coverage:-no coverage}, $([ $status = 0 ] && echo 'no finding' || echo 'A FINDING')"
  [ $status = 0 ] || tail -n 60 "$log"
  return $status
}

round() {
  local status=0 times
  { TIMEFORMAT='%U %S'; times=$( { time nice -n "${NICE:-19}" "build/fuzz/$target" -max_len=4096 -timeout=120 -rss_limit_mb=1024 \
    -artifact_prefix="$findings" "$@" "$FUZZ_WRITABLE/corpus/$target" "fuzz/corpus/$target" >>"$log" 2>&1; } 2>&1 ); } || status=$?
  spent=$(awk -v a="$spent" -v times="$times" 'BEGIN { split(times, t, " "); printf "%.1f", a + t[1] + t[2] }')
  executions=$((executions + $(tail -n 30 "$log" | sed -n 's/^Done \([0-9]*\) runs.*/\1/p' | tail -n 1 | grep . || echo 0)))
  return $status
}

failed=0
for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n || failed=1; done
  run_target "$target" &
done
while [ -n "$(jobs -rp)" ]; do wait -n || failed=1; done
exit $failed
