// The helper with faults: runs it (or another build of it) as a child whose N-th system call fails, is cut short, or is its last.
//   CRUN_FAULT=ROLE:N:WHAT   what to do, see fault.h; absent: this is the helper, without faults
//   CRUN_FAULT_LOG=FILE      where to write down what was done, a line each
//   CRUN_FAULT_HELPER=FILE   the helper to run; absent: the one that is linked in
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fault.h"
#include "tracer.h"

int helper_main(int count, char **arguments);

static int run_helper(int count, char **arguments, int gate, const char *program) {
  char go;
  if (read(gate, &go, 1) != 1) return 70;
  close(gate);
  syscall(TRACE_BEGINS, 0);
  if (program == NULL) return helper_main(count, arguments);
  execv(program, arguments);
  fprintf(stderr, "crun-helper-faulty: %s: %s\n", program, strerror(errno));
  return 70;
}

int main(int count, char **arguments) {
  const char *wish = getenv("CRUN_FAULT"), *log_name = getenv("CRUN_FAULT_LOG"), *program = getenv("CRUN_FAULT_HELPER");
  struct fault fault;
  int gate[2];
  if (wish == NULL) return helper_main(count, arguments);
  if (!fault_parse(wish, &fault)) {
    fprintf(stderr, "crun-helper-faulty: CRUN_FAULT=%s: what is that?\n", wish);
    return 2;
  }
  char *kept_program = program == NULL ? NULL : strdup(program);
  FILE *log = log_name == NULL ? fopen("/dev/null", "we") : fopen(log_name, "ae");
  unsetenv("CRUN_FAULT");
  unsetenv("CRUN_FAULT_LOG");
  unsetenv("CRUN_FAULT_HELPER");
  if (log == NULL || pipe2(gate, O_CLOEXEC) != 0) {
    perror("crun-helper-faulty");
    return 2;
  }
  setvbuf(log, NULL, _IOLBF, 0);
  // What a killed process leaves comes to us: then it is seen.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t helper = fork();
  if (helper == 0) {
    close(gate[1]);
    return run_helper(count, arguments, gate[0], kept_program);
  }
  close(gate[0]);
  // The helper's alone: their end is its end.
  for (int stream = 0; stream < 2; stream++) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, stream);
    close(nothing);
  }
  return trace(helper, gate[1], &fault, log);
}
