#!/bin/sh
# The helper under memcheck, as helper-test starts it. Its own log for each process; what is open at its end is looked at by run.sh.
exec valgrind --quiet --leak-check=full --track-fds=yes --error-exitcode=99 --log-file="$MEMCHECK_LOGS/helper.%p" \
  "$(dirname "$0")/../build/plain/unsealed-helper"
