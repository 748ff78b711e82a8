// Starts a program without some system calls: without CALL,CALL PROGRAM [ARGUMENT…]. With no arguments it stands in for
// the helper: it starts the program of its own name with -real at the end, without the calls of $CRUN_TEST_WITHOUT.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../native/test/forbid.h"

int main(int count, char **arguments) {
  if (count > 2) {
    forbid_calls(arguments[1]);
    execvp(arguments[2], arguments + 2);
  } else {
    const char *calls = getenv("CRUN_TEST_WITHOUT");
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 6);
    if (calls == NULL || length <= 0) return 127;
    strcpy(path + length, "-real");
    forbid_calls(calls);
    execv(path, arguments);
  }
  perror("without");
  return 127;
}
