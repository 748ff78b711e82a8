// Follows the helper and all that it forks, and lets one of their system calls go wrong.
#ifndef CRUN_FAULTY_TRACER_H
#define CRUN_FAULTY_TRACER_H

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "fault.h"

// What the helper's process calls before it is the helper: nothing is counted until then.
#define TRACE_BEGINS SYS_getsid

// `gate`: a byte lets the helper, which waits for it, begin. Returns when nothing of it runs any more, with its exit status; what still runs LEFT_SECONDS after
// the helper's own end is written down and killed. SIGTERM kills the helper (alone).
//
// Lines of the log, fields separated by tabs:
//   call ROLE N NAME PATH ERRORS   (for N = 0) a system call that was made
//   fired ROLE N NAME WHAT PATH    the fault was done
//   left PID COMMAND               a process that the helper has left behind
//   ended                          nothing of it runs any more
int trace(pid_t helper, int gate, const struct fault *fault, FILE *log);

#endif
