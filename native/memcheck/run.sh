#!/bin/bash
# Runs C tests, and conversations with the helper and its workers, under memcheck: no error, no leak, no descriptor left.
# memcheck knows no openat2 and follows no program into its copy in memory: what is run walks paths, and enters no tree.
set -uo pipefail
cd "$(dirname "$0")/.."
MEMCHECK_LOGS=$(mktemp -d "${TMPDIR:-/tmp}/crun-memcheck.XXXXXX")
export MEMCHECK_LOGS
trap 'rm -rf "$MEMCHECK_LOGS"' EXIT
failed=0

# What is forked for a test tells nothing of its own: it ends with what the test has open.
valgrind --quiet --leak-check=full --track-fds=yes --child-silent-after-fork=yes --suppressions=memcheck/known.supp --error-exitcode=99 \
  --log-file="$MEMCHECK_LOGS/tests" \
  build/plain/helper-test build/plain/unsealed-helper ../test/wire/vectors.json \
  READ LIST GLOB HASH WRITE RENAME ATTRIBUTES COPY MAKE LOCK REMOVE vector links needles "strings get" "ids of" patterns text || failed=1
build/plain/helper-test memcheck/helper.sh ../test/wire/vectors.json \
  "requests are answered" "a batch stops" "a blob is sent once" "does not fit" || failed=1

# A worker ends with its line to the router open; nobody else with anything that it has opened itself.
for log in "$MEMCHECK_LOGS"/*; do
  left=$(grep -A 1 '^==.* Open ' "$log" | grep -c ' at 0x')
  own=$(grep -c 'settle (worker.c' "$log")
  if [ "$left" -gt "$((own > 0 ? 1 : 0))" ] || grep -qE 'Invalid|uninitialised|points to|lost in|Mismatched' "$log"; then
    echo "memcheck: $(basename "$log"):"
    grep -vE 'WARNING: unhandled|You may be able|Read the file|Nevertheless|bug_reports' "$log"
    failed=1
  fi
done
echo "figure: memcheck: $(ls "$MEMCHECK_LOGS" | wc -l) processes, $([ $failed = 0 ] && echo 'no error, leak or descriptor' || echo 'WITH ERRORS')"
exit $failed
