// The system calls that can be made to fail, and how they fail where things go wrong for real.
#ifndef CRUN_FAULTY_CALLS_H
#define CRUN_FAULTY_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#define CALL_ERRORS 6

struct call {
  long number;
  const char *name;
  // Zero ends them; none: it cannot fail, or nothing depends on it.
  int errors[CALL_ERRORS];
  int path_argument;    // which argument is a path, from 1; 0: none
  int length_argument;  // which one is a length of which less may be done, likewise
  bool is_done_anyway;  // a close that fails has closed all the same
};

// NULL: not known, and not counted.
const struct call *call_find(long number);
const char *call_error_name(int error);
// 0: there is no such name.
int call_error(const char *name);

#endif
